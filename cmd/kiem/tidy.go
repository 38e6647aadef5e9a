package main

// surge is how many sockets have to come at once for their handshakes to have needed memory that is worth giving back.
const surge = 1000

// tidier knows when a hall has come in: what the handshakes needed would otherwise stay with the process until the next collection, minutes later on a
// server where people only listen.
type tidier struct {
	settled int64 // sockets when memory was last given back
	last    int64
}

// due is told the number of sockets every second. True: many came, and no more are coming.
func (t *tidier) due(sockets int64) bool {
	coming := sockets-t.last >= surge/100
	t.last = sockets
	t.settled = min(t.settled, sockets)
	if coming || sockets-t.settled < surge {
		return false
	}
	t.settled = sockets
	return true
}
