package bench

import "time"

// Result is what was measured. Scripts rely on the names of the first six members (docs/protocol.md); one that was not measured is null.
type Result struct {
	FanoutCPURatio  *float64 `json:"fanout_cpu_ratio"`   // of Kiem to the floor; the highest median over the numbers of connections
	RSSPerConnBytes *float64 `json:"rss_per_conn_bytes"` // of an idle connection
	IntakePerS      *float64 `json:"intake_per_s"`       // durable answers with the most commands in flight
	JoinStormRatio  *float64 `json:"join_storm_ratio"`   // of the time to that of the floor
	CommandP99Ms    *float64 `json:"command_p99_ms"`     // during the join storm
	ReplayS         *float64 `json:"replay_s"`           // from the start of the process, from the log alone

	Machine Machine     `json:"machine"`
	Repeats int         `json:"repeats"`
	Seconds float64     `json:"seconds"` // that each measurement takes
	Goals   []Goal      `json:"goals"`
	Fanout  []fanoutRow `json:"fanout,omitempty"`
	Intake  []intakeRow `json:"intake,omitempty"`
	Storm   *stormRow   `json:"storm,omitempty"`
	Idle    *idleRow    `json:"idle,omitempty"`
	Fresh   *freshRow   `json:"fresh,omitempty"`
	Replay  *replayRow  `json:"replay,omitempty"`
	Redis   *redisRow   `json:"redis,omitempty"`
	LeftOut []string    `json:"left_out,omitempty"` // and why
}

// Machine is where it was measured. A load above its processors' number means that others were at work.
type Machine struct {
	CPU        string `json:"cpu"`
	Processors int    `json:"processors"`
	Kernel     string `json:"kernel"`
	Go         string `json:"go"`
	LoadBefore string `json:"load_before"` // of the last minute
}

// summarise fills in what scripts rely on, and judges the goals.
func (r *Result) summarise() {
	for i := range r.Fanout {
		if f := &r.Fanout[i]; len(f.Ratio.All) > 0 && (r.FanoutCPURatio == nil || f.Ratio.Median > *r.FanoutCPURatio) {
			r.FanoutCPURatio = &f.Ratio.Median
		}
	}
	if r.Idle != nil {
		r.RSSPerConnBytes = &r.Idle.Memory.Median
	}
	most := 0
	for i := range r.Intake {
		if one := &r.Intake[i]; one.Watchers == 0 && one.InFlight > most {
			r.IntakePerS, most = &one.PerSecond.Median, one.InFlight
		}
	}
	if r.Storm != nil {
		r.JoinStormRatio, r.CommandP99Ms = &r.Storm.Ratio.Median, &r.Storm.P99.Median
	}
	if r.Replay != nil {
		r.ReplayS = &r.Replay.Log.Median
	}
	r.Goals = r.judge()
}

// fanoutRow is the fan-out at one number of connections. Times are nanoseconds of the server's processor for one frame that reached one client.
type fanoutRow struct {
	Connections   int     `json:"connections"`
	FrameBytes    int     `json:"frame_bytes"`
	Deliveries    uint64  `json:"deliveries"` // by Kiem, in all repeats; each was seen by its client
	TickMs        float64 `json:"tick_ms"`
	Kiem          spread  `json:"kiem_ns"`
	Floor         spread  `json:"floor_ns"`
	Textbook      spread  `json:"textbook_ns"`
	Ratio         spread  `json:"ratio"`          // of Kiem to the floor
	TextbookRatio spread  `json:"textbook_ratio"` // of the textbook hub to the floor
	Client        spread  `json:"client_ns"`      // what the bench itself used
}

// intakeRow is the intake with one load.
type intakeRow struct {
	Connections int    `json:"connections"`
	InFlight    int    `json:"in_flight"`
	Watchers    int    `json:"watchers,omitempty"` // who get every tick meanwhile; their fan-out is part of the cost
	Acks        uint64 `json:"acks"`
	PerSecond   spread `json:"per_s"`
	Floor       spread `json:"floor_per_s"`
	Ratio       spread `json:"ratio"`
	CPU         spread `json:"cpu_us"` // of the server for one answer
	FloorCPU    spread `json:"floor_cpu_us"`
	Client      spread `json:"client_us"`
	P99         spread `json:"p99_ms"`
	FloorP99    spread `json:"floor_p99_ms"`
	P99Ratio    spread `json:"p99_ratio"`
}

func each[T any](list []T, f func(T) float64) []float64 {
	out := make([]float64, len(list))
	for i, one := range list {
		out[i] = f(one)
	}
	return out
}

// hidden is left out of a server whose process cannot be looked at.
const hidden = "processor time of the server: it is not on this machine, or of another user (--pid)"

func (b *Bench) addFanout(n int, kiem, low, book []fanned) {
	k, f, t := each(kiem, fanned.perDelivery), each(low, fanned.perDelivery), each(book, fanned.perDelivery)
	if kiem[0].cpu == 0 {
		k = nil
		b.leave(hidden)
	}
	row := fanoutRow{
		Connections: n, FrameBytes: kiem[len(kiem)-1].message(), Kiem: spreadOf(k), Floor: spreadOf(f), Textbook: spreadOf(t),
		Ratio: spreadOf(ratios(k, f)), TextbookRatio: spreadOf(ratios(t, f)),
		Client: spreadOf(each(kiem, func(f fanned) float64 { return float64(f.own.Nanoseconds()) / float64(f.deliveries) })),
		TickMs: spreadOf(each(kiem, func(f fanned) float64 { return f.took.Seconds() * 1000 / float64(f.ticks) })).Median,
	}
	for _, one := range kiem {
		row.Deliveries += one.deliveries
	}
	b.Result.Fanout = append(b.Result.Fanout, row)
}

func (b *Bench) addIntake(l Load, kiem, low []*taken) {
	p99 := func(t *taken) float64 { return t.wait.quantile(0.99).Seconds() * 1000 }
	micro := func(d time.Duration, n uint64) float64 { return float64(d.Nanoseconds()) / 1000 / float64(n) }
	k, f := each(kiem, (*taken).perSecond), each(low, (*taken).perSecond)
	cpu := each(kiem, func(t *taken) float64 { return micro(t.cpu, t.acks) })
	if kiem[0].cpu == 0 {
		cpu = nil
		b.leave(hidden)
	}
	row := intakeRow{
		Connections: l.Conns, InFlight: l.InFlight, Watchers: l.Watchers, PerSecond: spreadOf(k), Floor: spreadOf(f), Ratio: spreadOf(ratios(k, f)),
		CPU:      spreadOf(cpu),
		FloorCPU: spreadOf(each(low, func(t *taken) float64 { return micro(t.cpu, t.acks) })),
		Client:   spreadOf(each(kiem, func(t *taken) float64 { return micro(t.own, t.acks) })),
		P99:      spreadOf(each(kiem, p99)), FloorP99: spreadOf(each(low, p99)), P99Ratio: spreadOf(ratios(each(kiem, p99), each(low, p99))),
	}
	for _, one := range kiem {
		row.Acks += one.acks
	}
	b.Result.Intake = append(b.Result.Intake, row)
}

// stormRow is the arrival of everybody at once.
type stormRow struct {
	Clients       int    `json:"clients"`
	SnapshotBytes int    `json:"snapshot_bytes"` // as sent, compressed
	Kiem          spread `json:"kiem_s"`
	Floor         spread `json:"floor_s"`
	Ratio         spread `json:"ratio"`
	CPU           spread `json:"cpu_us"` // of the server for one client
	FloorCPU      spread `json:"floor_cpu_us"`
	Votes         uint64 `json:"votes"`
	P99           spread `json:"command_p99_ms"`
}

func (b *Bench) addStorm(n int, kiem, low []*arrived) {
	seconds := func(a *arrived) float64 { return a.took.Seconds() }
	micro := func(a *arrived) float64 { return float64(a.cpu.Nanoseconds()) / 1000 / float64(n) }
	k, f := each(kiem, seconds), each(low, seconds)
	row := &stormRow{
		Clients: n, SnapshotBytes: kiem[len(kiem)-1].bytes, Kiem: spreadOf(k), Floor: spreadOf(f), Ratio: spreadOf(ratios(k, f)),
		CPU: spreadOf(each(kiem, micro)), FloorCPU: spreadOf(each(low, micro)),
		P99: spreadOf(each(kiem, func(a *arrived) float64 { return a.wait.quantile(0.99).Seconds() * 1000 })),
	}
	for _, one := range kiem {
		row.Votes += one.votes
	}
	b.Result.Storm = row
}

// idleRow is what connections cost on which nothing happens.
type idleRow struct {
	Connections  int    `json:"connections"`
	Memory       spread `json:"rss_per_conn_bytes"`
	Core         spread `json:"core_percent"`
	TextbookRSS  spread `json:"textbook_rss_per_conn_bytes"`
	TextbookCore spread `json:"textbook_core_percent"`
}

func (b *Bench) addIdle(n int, kiem, book []idled) {
	memory, core := func(i idled) float64 { return i.memory }, func(i idled) float64 { return 100 * i.core }
	b.Result.Idle = &idleRow{
		Connections: n, Memory: spreadOf(each(kiem, memory)), Core: spreadOf(each(kiem, core)),
		TextbookRSS: spreadOf(each(book, memory)), TextbookCore: spreadOf(each(book, core)),
	}
}

// freshRow is how old a tally is when it reaches other screens.
type freshRow struct {
	Screens  int    `json:"screens"`
	P50      spread `json:"p50_ms"`
	P99      spread `json:"p99_ms"`
	FloorP50 spread `json:"floor_p50_ms"`
	FloorP99 spread `json:"floor_p99_ms"`
	Over     spread `json:"p99_over_floor_ms"`
}

func (b *Bench) addFresh(n int, kiem, low []*latencies) {
	at := func(q float64) func(*latencies) float64 {
		return func(l *latencies) float64 { return l.quantile(q).Seconds() * 1000 }
	}
	k, f := each(kiem, at(0.99)), each(low, at(0.99))
	over := make([]float64, len(k))
	for i := range k {
		over[i] = k[i] - f[i]
	}
	b.Result.Fresh = &freshRow{
		Screens: n, P50: spreadOf(each(kiem, at(0.5))), P99: spreadOf(k), FloorP50: spreadOf(each(low, at(0.5))), FloorP99: spreadOf(f), Over: spreadOf(over),
	}
}

// replayRow is a long run of votes and the start after it.
type replayRow struct {
	Votes uint64    `json:"votes"`
	Costs []float64 `json:"cpu_us"`   // of the server for a vote, from the first part of the run to the last
	First float64   `json:"first_us"` // median of the first quarter of the parts
	Last  float64   `json:"last_us"`  // of the last quarter
	Open  spread    `json:"open_s"`   // until the campaign answers, from the start of the process that follows one that was killed
	Log   spread    `json:"replay_s"` // the same from the log alone, without snapshots
}

func (b *Bench) addReplay(votes uint64, costs, quick, whole []float64) {
	quarter := max(len(costs)/4, min(2, len(costs)))
	b.Result.Replay = &replayRow{
		Votes: votes, Costs: costs, First: spreadOf(costs[:quarter]).Median, Last: spreadOf(costs[len(costs)-quarter:]).Median,
		Open: spreadOf(quick), Log: spreadOf(whole),
	}
}

// redisRow is the journal in Redis.
type redisRow struct {
	Connections int    `json:"connections"` // each with one command in flight
	PerSecond   spread `json:"per_s"`
	XADD        spread `json:"xadd_per_s"` // bare, of as many connections
	Ratio       spread `json:"ratio"`
	P99         spread `json:"p99_ms"`
	XADDP99     spread `json:"xadd_p99_ms"`
	Fanout      int    `json:"fanout_connections"` // half of them at each of two nodes
	TwoNodes    spread `json:"two_nodes_ns"`       // of both servers for one delivery
	Floor       spread `json:"floor_ns"`
	NodesRatio  spread `json:"two_nodes_ratio"`
}

func (b *Bench) addRedis(l Load, n int, kiem, bare []*taken, nodes, low []fanned) {
	per, p99 := (*taken).perSecond, func(t *taken) float64 { return t.wait.quantile(0.99).Seconds() * 1000 }
	k, x, t, f := each(kiem, per), each(bare, per), each(nodes, fanned.perDelivery), each(low, fanned.perDelivery)
	b.Result.Redis = &redisRow{
		Connections: l.Conns, PerSecond: spreadOf(k), XADD: spreadOf(x), Ratio: spreadOf(ratios(k, x)),
		P99: spreadOf(each(kiem, p99)), XADDP99: spreadOf(each(bare, p99)),
		Fanout: n, TwoNodes: spreadOf(t), Floor: spreadOf(f), NodesRatio: spreadOf(ratios(t, f)),
	}
}
