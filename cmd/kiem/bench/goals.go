package bench

import "fmt"

// Goal is what a measurement should come to, and whether it did. docs/performance.md says where each comes from.
type Goal struct {
	What     string  `json:"what"`
	Measured float64 `json:"measured"`
	Most     float64 `json:"at_most,omitempty"`
	Least    float64 `json:"at_least,omitempty"`
	Met      bool    `json:"met"`
}

// What each measurement should come to. Ratios are to the floor in the same run, and medians of the repeats.
const (
	goalFanout    = 1.2     // processor time of a delivery
	goalFlat      = 1.2     // the dearest number of connections to the cheapest; the last votes to the first
	goalMemory    = 8 << 10 // bytes of an idle connection
	goalCore      = 0.5     // per cent of a core that all idle connections take
	goalIntake    = 0.5     // answers a second with one command in flight
	goalWait      = 2.5     // p99 of an answer with one command in flight
	goalPerSecond = 100_000 // answers a second with 16 in flight
	goalWatched   = 10_000  // answers a second while others watch
	goalStorm     = 1.5     // time until everybody is there
	goalCommand   = 250     // milliseconds for a command meanwhile, p99
	goalFresh     = 2       // ticks above the floor, p99
	goalRedis     = 0.4     // answers a second to bare XADDs
)

// shortestTick is hub.MinTick in milliseconds: what a tick takes unless the fan-out to as many was measured, too. A tick grows with the room.
const shortestTick = 50.0

// judge compares what was measured with the goals.
func (r *Result) judge() []Goal {
	var list []Goal
	most := func(what string, measured, goal float64) {
		list = append(list, Goal{What: what, Measured: measured, Most: goal, Met: measured <= goal})
	}
	least := func(what string, measured, goal float64) {
		list = append(list, Goal{What: what, Measured: measured, Least: goal, Met: measured >= goal})
	}
	cheapest, dearest := 0.0, 0.0
	for _, f := range r.Fanout {
		if len(f.Ratio.All) == 0 {
			continue // the process could not be looked at
		}
		most(fmt.Sprintf("fan-out to %d: processor time to the floor's", f.Connections), f.Ratio.Median, goalFanout)
		if m := f.Kiem.Median; cheapest == 0 || m < cheapest {
			cheapest = m
		}
		dearest = max(dearest, f.Kiem.Median)
	}
	if len(r.Fanout) > 1 && cheapest > 0 {
		most("fan-out: dearest number of connections to the cheapest", dearest/cheapest, goalFlat)
	}
	if r.Idle != nil {
		most(fmt.Sprintf("%d idle: bytes each", r.Idle.Connections), r.Idle.Memory.Median, goalMemory)
		most(fmt.Sprintf("%d idle: per cent of a core", r.Idle.Connections), r.Idle.Core.Median, goalCore)
	}
	for _, i := range r.Intake {
		name := "intake of " + Load{i.Connections, i.InFlight, i.Watchers}.String()
		switch {
		case i.Watchers > 0:
			least(name+": a second", i.PerSecond.Median, goalWatched)
		case i.InFlight == 1:
			least(name+": to the floor", i.Ratio.Median, goalIntake)
			most(name+": p99 to the floor's", i.P99Ratio.Median, goalWait)
		default:
			least(name+": a second", i.PerSecond.Median, goalPerSecond)
		}
	}
	if r.Storm != nil {
		most("join storm: time to the floor's", r.Storm.Ratio.Median, goalStorm)
		most("join storm: p99 of a command in ms", r.Storm.P99.Median, goalCommand)
	}
	if r.Fresh != nil {
		tick := shortestTick
		for _, f := range r.Fanout {
			if f.Connections == r.Fresh.Screens {
				tick = max(tick, f.TickMs)
			}
		}
		most(fmt.Sprintf("freshness on %d screens: p99 above the floor's in ticks of %.0f ms", r.Fresh.Screens, tick), r.Fresh.Over.Median/tick, goalFresh)
	}
	if r.Replay != nil && len(r.Replay.Costs) > 1 {
		most(fmt.Sprintf("%d votes: processor time of the last to the first", r.Replay.Votes), r.Replay.Last/r.Replay.First, goalFlat)
	}
	if r.Redis != nil {
		least("intake through Redis: to bare XADDs", r.Redis.Ratio.Median, goalRedis)
	}
	return list
}
