package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
)

// WriteJSON writes the result for scripts.
func (r *Result) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// WriteTable writes the result for people: medians, with the least and the greatest of the repeats in brackets.
func (r *Result) WriteTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(cells ...any) {
		for i, c := range cells {
			if i > 0 {
				fmt.Fprint(t, "\t")
			}
			if s, ok := c.(spread); ok {
				c = s.String()
			}
			fmt.Fprint(t, c)
		}
		fmt.Fprintln(t)
	}
	fmt.Fprintf(t, "%s, %d processors, Linux %s, %s, load %s; medians of %d repeats of %g s (least to greatest)\n", r.Machine.CPU, r.Machine.Processors,
		r.Machine.Kernel, r.Machine.Go, r.Machine.LoadBefore, r.Repeats, r.Seconds)
	if len(r.Fanout) > 0 {
		fmt.Fprintln(t, "\nFan-out: nanoseconds of the server's processor for one frame that reached one client")
		line("connections", "bytes", "tick ms", "Kiem", "floor", "textbook", "Kiem/floor", "textbook/floor", "bench")
		for _, f := range r.Fanout {
			line(f.Connections, f.FrameBytes, number(f.TickMs), f.Kiem, f.Floor, f.Textbook, f.Ratio, f.TextbookRatio, f.Client)
		}
	}
	if len(r.Intake) > 0 {
		fmt.Fprintln(t, "\nIntake: durable answers a second, microseconds of the processor for one, milliseconds until one")
		line("connections", "in flight", "watchers", "Kiem", "floor", "Kiem/floor", "Kiem µs", "floor µs", "bench µs", "Kiem p99", "floor p99", "Kiem/floor")
		for _, i := range r.Intake {
			line(i.Connections, i.InFlight, i.Watchers, i.PerSecond, i.Floor, i.Ratio, i.CPU, i.FloorCPU, i.Client, i.P99, i.FloorP99, i.P99Ratio)
		}
	}
	if i := r.Idle; i != nil {
		fmt.Fprintln(t, "\nIdle: bytes of resident memory for each connection, per cent of a core for all")
		line("connections", "Kiem bytes", "Kiem core", "textbook bytes", "textbook core")
		line(i.Connections, i.Memory, i.Core, i.TextbookRSS, i.TextbookCore)
	}
	if s := r.Storm; s != nil {
		fmt.Fprintln(t, "\nJoin storm: seconds until everybody has the snapshot and a socket, microseconds of the processor for each, milliseconds for a command meanwhile")
		line("clients", "bytes", "Kiem", "floor", "Kiem/floor", "Kiem µs", "floor µs", "p99")
		line(s.Clients, s.SnapshotBytes, s.Kiem, s.Floor, s.Ratio, s.CPU, s.FloorCPU, s.P99)
	}
	if f := r.Fresh; f != nil {
		fmt.Fprintln(t, "\nFreshness: milliseconds from a vote to its tally on other screens")
		line("screens", "Kiem p50", "Kiem p99", "floor p50", "floor p99", "p99 above the floor's")
		line(f.Screens, f.P50, f.P99, f.FloorP50, f.FloorP99, f.Over)
	}
	if p := r.Replay; p != nil {
		fmt.Fprintln(t, "\nA long run, and the start after it: microseconds of the processor for a vote, seconds until the campaign answers")
		line("votes", "first µs", "last µs", "last/first", "start after a kill", "from the log alone")
		line(p.Votes, number(p.First), number(p.Last), number(p.Last/p.First), p.Open, p.Log)
	}
	if d := r.Redis; d != nil {
		fmt.Fprintln(t, "\nRedis: durable answers a second with one command in flight; nanoseconds of two servers for one delivery")
		line("connections", "Kiem", "XADD", "Kiem/XADD", "Kiem p99 ms", "XADD p99 ms", "fan-out to", "two nodes", "floor", "two nodes/floor")
		line(d.Connections, d.PerSecond, d.XADD, d.Ratio, d.P99, d.XADDP99, d.Fanout, d.TwoNodes, d.Floor, d.NodesRatio)
	}
	fmt.Fprintln(t, "\nGoals")
	for _, g := range r.Goals {
		goal, met := "at most "+number(g.Most), "met"
		if g.Least > 0 {
			goal = "at least " + number(g.Least)
		}
		if !g.Met {
			met = "MISSED"
		}
		line(met, number(g.Measured), goal, g.What)
	}
	for _, what := range r.LeftOut {
		fmt.Fprintln(t, "Left out:", what)
	}
	return t.Flush()
}

// number writes three figures that count.
func number(v float64) string {
	if v >= 100 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

func (s spread) String() string {
	switch len(s.All) {
	case 0:
		return "-"
	case 1:
		return number(s.Median)
	}
	return fmt.Sprintf("%s (%s to %s)", number(s.Median), number(s.Min), number(s.Max))
}
