package main

import (
	"errors"
	"os"
	"slices"
	"time"

	"kiem/cmd/kiem/bench"
)

type benchCmd struct {
	Run      benchRunCmd      `cmd:"" default:"withargs" help:"Measure a server beside the least that each load physically needs."`
	Floor    benchFloorCmd    `cmd:"" hidden:"" help:"Be the least that a load needs."`
	Textbook benchTextbookCmd `cmd:"" hidden:"" help:"Be the hub of the textbook."`
}

type benchRunCmd struct {
	URL         string        `help:"Measure the running server at this address, as http://host:port, with its operator's token in KIEM_ADMIN_TOKEN. Without it a server is started." placeholder:"URL"`
	PID         int           `name:"pid" help:"Process of the running server, if it is on this machine and is not found." placeholder:"PID"`
	AdminToken  string        `env:"KIEM_ADMIN_TOKEN" hidden:""`
	Dir         string        `help:"Directory for what servers that are started keep, on the disk to be measured. Default: the system's for temporary files." placeholder:"DIR"`
	Only        []string      `enum:"idle,fanout,intake,storm,fresh,replay,redis" help:"Measure this and nothing else: ${enum}. Repeatable." placeholder:"PART"`
	Repeats     int           `default:"5" help:"How often each measurement is repeated, in turns with what it is compared with."`
	Time        time.Duration `default:"2s" help:"How long each measurement takes."`
	Connections []int         `default:"1000,10000,40000" help:"Numbers of connections of the fan-out."`
	Clients     int           `default:"10000" help:"How many idle, arrive at once, or look at a screen."`
	IdleTime    time.Duration `default:"30s" help:"How long idle connections are watched: long enough for a ping, which each gets all 25 s."`
	Watchers    int           `default:"5000" help:"How many watch while others vote."`
	Votes       int           `default:"1000000" help:"Votes of the long run before the replay."`
	JSON        bool          `name:"json" help:"Print JSON."`
	SVG         string        `name:"svg" help:"Draw the ratios to the floors in this file." placeholder:"FILE"`
}

// Run measures and prints.
func (c *benchRunCmd) Run(p *program) error {
	if c.Repeats < 1 || c.Time <= 0 || c.Clients < 1 || c.Watchers < 0 || c.Votes < 1 {
		return usageError("--repeats, --time, --clients and --votes must be above 0")
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	b := &bench.Bench{
		Program: self, Dir: c.Dir, URL: c.URL, Token: c.AdminToken, PID: c.PID, Only: c.Only, Repeats: c.Repeats, Time: c.Time, Progress: p.stderr,
		Connections: c.Connections, Loads: c.loads(),
		Arrivals: c.Clients, Idle: c.Clients, IdleTime: c.IdleTime, Screens: c.Clients, Votes: c.Votes, NodesFanout: min(c.Clients, 1000),
	}
	err = b.Run(p.ctx)
	if len(b.Result.Goals) == 0 {
		return err
	}
	// What was measured before something went wrong is shown, too.
	if c.SVG != "" {
		err = errors.Join(err, c.plot(&b.Result))
	}
	if c.JSON {
		return errors.Join(err, b.Result.WriteJSON(p.stdout))
	}
	return errors.Join(err, b.Result.WriteTable(p.stdout))
}

// loads are the kinds of intake: few and many connections with one command in flight, few with many, and the same while others watch.
func (c *benchRunCmd) loads() []bench.Load {
	few, many := min(100, c.Clients), min(1000, c.Clients)
	list := []bench.Load{{Conns: few, InFlight: 1}, {Conns: many, InFlight: 1}, {Conns: few, InFlight: 16}}
	if c.Watchers > 0 {
		list = append(list, bench.Load{Conns: few, InFlight: 16, Watchers: c.Watchers})
	}
	return slices.Compact(list)
}

func (c *benchRunCmd) plot(r *bench.Result) error {
	f, err := os.Create(c.SVG)
	if err != nil {
		return err
	}
	return errors.Join(r.WritePlot(f), f.Close())
}

type benchFloorCmd struct{ bench.FloorOptions }

// Run serves until its input ends.
func (c *benchFloorCmd) Run(p *program) error { return bench.Floor(c.FloorOptions, os.Stdin, p.stdout) }

type benchTextbookCmd struct{}

// Run serves until its input ends.
func (*benchTextbookCmd) Run(p *program) error { return bench.Textbook(os.Stdin, p.stdout) }
