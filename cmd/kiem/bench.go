package main

import (
	"encoding/json"
	"os"
	"time"

	"kiem/cmd/kiem/bench"
)

type benchCmd struct {
	Run      benchRunCmd      `cmd:"" default:"withargs" help:"Measure a server against the least that each load physically needs."`
	Floor    benchFloorCmd    `cmd:"" hidden:"" help:"Be the least that a load needs."`
	Textbook benchTextbookCmd `cmd:"" hidden:"" help:"Be the hub of the textbook."`
}

type benchRunCmd struct {
	URL         string        `help:"Measure the running server at this address, as http://host:port, with its operator's token in KIEM_ADMIN_TOKEN. Without it a server is started." placeholder:"URL"`
	PID         int           `name:"pid" help:"Process of the running server, if it is on this machine and not found."`
	AdminToken  string        `env:"KIEM_ADMIN_TOKEN" hidden:""`
	Dir         string        `help:"Directory for the data of servers that are started, on the disk that is to be measured." placeholder:"DIR"`
	Only        []string      `enum:"idle,fanout,intake,storm,fresh,replay" help:"Measure only this: ${enum}. Repeatable."`
	Repeats     int           `default:"5" help:"How often each measurement is repeated, in turns with what it is compared with."`
	Time        time.Duration `default:"5s" help:"How long each measurement takes."`
	Connections []int         `default:"1000,10000,40000" help:"Numbers of connections of the fan-out."`
	Arrivals    int           `default:"10000" help:"How many arrive at once in the join storm."`
	Idle        int           `default:"10000" help:"Number of idle connections."`
	Screens     int           `default:"10000" help:"Number of screens of which the freshness is measured."`
	Votes       int           `default:"1000000" help:"Number of votes of the long run before the replay."`
	JSON        bool          `help:"Print JSON."`
}

// Run measures and prints.
func (c *benchRunCmd) Run(p *program) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	b := &bench.Bench{
		Program: self, Dir: c.Dir, URL: c.URL, Token: c.AdminToken, PID: c.PID, Only: c.Only, Repeats: c.Repeats, Time: c.Time,
		Connections: c.Connections, Arrivals: c.Arrivals, Idle: c.Idle, Screens: c.Screens, Votes: c.Votes, Loads: []bench.Load{{Conns: 100, InFlight: 1}, {Conns: 1000, InFlight: 1}, {Conns: 100, InFlight: 16}, {Conns: 100, InFlight: 16, Watchers: 5000}}, Progress: p.stderr,
	}
	if err := b.Run(p.ctx); err != nil {
		return err
	}
	e := json.NewEncoder(p.stdout)
	e.SetIndent("", "  ")
	return e.Encode(&b.Result)
}

type benchFloorCmd struct{ bench.FloorOptions }

// Run serves until its input ends.
func (c *benchFloorCmd) Run(p *program) error { return bench.Floor(c.FloorOptions, os.Stdin, p.stdout) }

type benchTextbookCmd struct{}

// Run serves until its input ends.
func (*benchTextbookCmd) Run(p *program) error { return bench.Textbook(os.Stdin, p.stdout) }
