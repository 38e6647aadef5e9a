package bench

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

// sampleResult is what three repeats could have given, with one of everything.
func sampleResult() *Result {
	fan := func(ns ...int) (list []fanned) {
		for _, n := range ns {
			list = append(list, fanned{deliveries: 1000, bytes: 194_000, ticks: 10, took: time.Second, cpu: time.Duration(n) * 1000, own: time.Millisecond})
		}
		return list
	}
	take := func(acks ...int) (list []*taken) {
		for _, n := range acks {
			t := &taken{acks: uint64(n), took: time.Second, cpu: time.Second / 2, own: time.Second / 4}
			t.wait.add(time.Duration(1e12 / n))
			list = append(list, t)
		}
		return list
	}
	storm := func(ms ...int) (list []*arrived) {
		for _, n := range ms {
			a := &arrived{took: time.Duration(n) * time.Millisecond, cpu: time.Second, bytes: 112_000, votes: 500}
			a.wait.add(time.Duration(n) * time.Millisecond / 10)
			list = append(list, a)
		}
		return list
	}
	screens := func(ms int) *latencies {
		l := &latencies{}
		l.add(time.Duration(ms) * time.Millisecond)
		return l
	}
	b := &Bench{Progress: io.Discard, Result: Result{
		Machine: Machine{CPU: "Two & a half cores", Processors: 2, Kernel: "6.1", Go: "go1.26", LoadBefore: "0.10"}, Repeats: 3, Seconds: 5,
		LeftOut: []string{"40000 connections: a process may have 20000 descriptors (ulimit -n)"},
	}}
	b.addFanout(1000, fan(5000, 6000, 5500), fan(5000, 5000, 5000), fan(9000, 8000, 10000))
	b.addFanout(10000, fan(7000, 6500, 6000), fan(5000, 6000, 5000), fan(9000, 8000, 10000))
	b.addIntake(Load{Conns: 100, InFlight: 1}, take(30_000, 40_000, 35_000), take(80_000, 60_000, 70_000))
	b.addIntake(Load{Conns: 100, InFlight: 16}, take(120_000, 130_000, 125_000), take(500_000, 500_000, 500_000))
	b.addIntake(Load{Conns: 100, InFlight: 16, Watchers: 5000}, take(12_000, 9_000, 11_000), nil)
	b.addStorm(10_000, storm(3000, 2500, 2800), storm(2000, 2000, 2000))
	b.addIdle(10_000, []idled{{9000, 0.004}, {7000, 0.003}, {8000, 0.006}}, []idled{{20_000, 0.001}})
	b.addFresh(10_000, []*latencies{screens(150), screens(250), screens(190)}, []*latencies{screens(80), screens(90), screens(85)})
	b.addReplay(1_000_000, []float64{7, 7.2, 8}, []float64{0.5, 0.6, 0.4}, []float64{3.5, 3.1, 3.3})
	b.addRedis(Load{Conns: 100, InFlight: 1}, 1000, take(16_000, 17_000, 18_000), take(15_000, 9_000, 12_000), fan(9000, 9100, 9200), fan(7000, 7000, 7000))
	b.Result.summarise()
	return &b.Result
}

// TestResultGolden holds the table, the JSON and the plot to the files in testdata.
func TestResultGolden(t *testing.T) {
	r := sampleResult()
	for name, write := range map[string]func(io.Writer) error{"table.txt": r.WriteTable, "result.json": r.WriteJSON, "plot.svg": r.WritePlot} {
		var got bytes.Buffer
		if err := write(&got); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s is not what it was (-update writes it anew):\n%s", name, got.String())
		}
	}
}

// promised are the members that scripts rely on (docs/protocol.md).
var promised = []string{"fanout_cpu_ratio", "rss_per_conn_bytes", "intake_per_s", "join_storm_ratio", "command_p99_ms", "replay_s"}

func TestPromisedNames(t *testing.T) {
	read := func(r *Result) (m map[string]any) {
		b, err := json.Marshal(r)
		if err == nil {
			err = json.Unmarshal(b, &m)
		}
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	want := map[string]float64{"fanout_cpu_ratio": 1.2, "rss_per_conn_bytes": 8000, "intake_per_s": 125_000, "join_storm_ratio": 1.4, "command_p99_ms": 280, "replay_s": 3.3}
	got := read(sampleResult())
	for _, name := range promised {
		if have, ok := got[name].(float64); !ok || have < want[name]*0.99 || have > want[name]*1.04 {
			t.Errorf("%s is %v, want %v", name, got[name], want[name])
		}
	}
	empty := &Result{}
	empty.summarise()
	got = read(empty)
	for _, name := range promised {
		if have, ok := got[name]; !ok || have != nil {
			t.Errorf("%s of nothing is %v, want null", name, have)
		}
	}
}

// TestGoals: what misses its goal is said to miss it.
func TestGoals(t *testing.T) {
	missed := map[string]bool{}
	for _, g := range sampleResult().Goals {
		if !g.Met {
			missed[g.What] = true
		}
		if (g.Most == 0) == (g.Least == 0) {
			t.Errorf("%q has not one goal", g.What)
		}
	}
	if len(missed) != 1 || !missed["join storm: p99 of a command in ms"] {
		t.Errorf("missed: %v", missed)
	}
	slow := sampleResult()
	slow.Fanout[1].Ratio.Median, slow.Intake[0].Ratio.Median, slow.Idle.Memory.Median, slow.Redis.Ratio.Median = 1.3, 0.4, 9000, 0.3
	slow.Fresh.Over.Median = 201 // of a tick of 100
	n := 0
	for _, g := range slow.judge() {
		if !g.Met {
			n++
		}
	}
	if n != 6 {
		t.Errorf("%d goals are missed, want 6", n)
	}
}

// TestRemoteServer: what a server that is not on this machine uses is left out, not taken for nothing.
func TestRemoteServer(t *testing.T) {
	b := &Bench{Progress: t.Output()}
	there, here := fanned{deliveries: 10, bytes: 2000, ticks: 1, took: time.Second}, fanned{deliveries: 10, bytes: 2000, ticks: 1, took: time.Second, cpu: time.Second}
	b.addFanout(1000, []fanned{there}, []fanned{here}, []fanned{here})
	b.addIntake(Load{Conns: 1, InFlight: 1}, []*taken{{acks: 1, took: time.Second}}, []*taken{{acks: 1, took: time.Second, cpu: time.Second}})
	b.Result.summarise()
	if b.Result.FanoutCPURatio != nil || len(b.Result.Intake[0].CPU.All) > 0 || len(b.Result.LeftOut) != 1 {
		t.Errorf("%+v", b.Result)
	}
	for _, write := range []func(io.Writer) error{b.Result.WriteTable, b.Result.WriteJSON, b.Result.WritePlot} {
		if err := write(io.Discard); err != nil {
			t.Error(err)
		}
	}
}

// TestPlotIsXML: the plot is well formed whatever stands in it, and says in text what it shows.
func TestPlotIsXML(t *testing.T) {
	for _, r := range []*Result{sampleResult(), {}, {Machine: Machine{CPU: `<&"'>`}}} {
		var b bytes.Buffer
		if err := r.WritePlot(&b); err != nil {
			t.Fatal(err)
		}
		var names []string
		d := xml.NewDecoder(&b)
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if start, ok := token.(xml.StartElement); ok {
				names = append(names, start.Name.Local)
			}
		}
		if len(names) < 3 || names[0] != "svg" || names[1] != "title" || names[2] != "desc" {
			t.Errorf("elements: %v", names)
		}
	}
	var b strings.Builder
	r := sampleResult()
	if err := r.WritePlot(&b); err != nil {
		t.Fatal(err)
	}
	_, said, _ := strings.Cut(b.String(), "<desc")
	said, _, _ = strings.Cut(said, "</desc>")
	for _, one := range r.bars() {
		if !strings.Contains(said, one.label) {
			t.Errorf("%q is not in the description", one.label)
		}
	}
	if slices.ContainsFunc(r.bars(), func(one bar) bool { return len(one.value.All) == 0 }) {
		t.Error("a bar of nothing")
	}
}

func TestOrders(t *testing.T) {
	for _, o := range []order{{word: "hang"}, {word: "fan", count: 3, size: 200, every: 51 * time.Millisecond}} {
		if got, err := readOrder(o.String()); err != nil || got != o {
			t.Errorf("%v: %v, %v", o, got, err)
		}
	}
	for _, bad := range []string{"", "fan", "fan x 1 2", "stop"} {
		if o, err := readOrder(bad); err == nil {
			t.Errorf("%q is the order %v", bad, o)
		}
	}
}
