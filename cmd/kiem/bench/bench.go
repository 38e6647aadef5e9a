package bench

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// Bench measures a server: its own, or the one at URL. Fields are not changed while it runs.
type Bench struct {
	Program     string // of which servers are started
	Dir         string // where they keep their data: what the disk behind it takes to sync is part of every answer
	URL         string // of a running server; "": one is started
	Token       string // the operator's, of a running server
	PID         int    // of a running server; 0: found, if it is on this machine
	Only        []string
	Repeats     int           // of each measurement
	Time        time.Duration // that each takes
	Connections []int         // of the fan-out
	Loads       []Load        // of the intake
	Arrivals    int           // of the storm
	Idle        int           // connections that do nothing
	IdleTime    time.Duration // how long they are watched: pings are rare, and should be in it
	Screens     int           // of the freshness
	Votes       int           // of the replay
	NodesFanout int           // connections of the fan-out of two nodes
	Progress    io.Writer     // what was measured so far, for people

	Result Result

	run         uint32 // names measurements, in commands
	descriptors int
	patience    time.Duration // of swarms; 0: the usual
	shared      shared
}

// FloorOptions say which floor a process is.
type FloorOptions struct {
	Kind  string `arg:"" help:"fanout, intake or storm"`
	Dir   string `help:"intake: where the file is that is synced"`
	File  string `help:"storm: what everybody is sent"`
	Hello int    `help:"storm: length of a hello, in bytes"`
}

// Load is a kind of intake: so many connections, each with so many commands in flight, while so many others watch.
type Load struct{ Conns, InFlight, Watchers int }

func (l Load) String() string {
	if l.Watchers > 0 {
		return fmt.Sprintf("%d with %d in flight and %d watchers", l.Conns, l.InFlight, l.Watchers)
	}
	return fmt.Sprintf("%d with %d in flight", l.Conns, l.InFlight)
}

func (b *Bench) say(format string, args ...any) { fmt.Fprintf(b.Progress, format+"\n", args...) }

// leave notes what is not measured, once.
func (b *Bench) leave(what string) {
	if !slices.Contains(b.Result.LeftOut, what) {
		b.Result.LeftOut = append(b.Result.LeftOut, what)
		b.say("left out: %s", what)
	}
}
