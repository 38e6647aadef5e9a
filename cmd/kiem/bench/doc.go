// Package bench measures what a live server costs, beside what each kind of load physically needs.
//
// # The problem
//
// A figure alone says more about the machine than about the program, and on a busy machine it says nothing. So everything is measured in turns with a floor: a server that does only
// what the load needs of the operating system (frames written to sockets; a batch appended to a file, synced and answered), and with a textbook hub, in the same run, on the
// same machine, with the same clients, bytes and pace. What is reported is the median of the repeats, their spread, and the ratio of each repeat.
//
// # Who does what
//
// Every server is a process of its own (process_linux.go), so that its processor time is its own; the floors obey orders on their standard input (orders.go). The clients are in this
// process: one goroutine with one epoll set for all of them (swarm_linux.go), which reads into one buffer and allocates nothing for a message, so that the bench does not measure
// itself; what it used is reported as well.
//
// # What is checked meanwhile
//
// Every frame is counted and followed: the events that a client is sent must begin where the last ones ended, every answer must be the next one of its connection, and in the end
// everybody must have seen the last seq. A frame that is lost ends the run with an error: what loses messages is not fast.
//
// It needs Linux for epoll and /proc; elsewhere the program builds without it and says so.
package bench
