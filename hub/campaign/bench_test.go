package campaign_test

import (
	"encoding/binary"
	"syscall"
	"testing"

	"kiem/hub/campaign"
	"kiem/hub/machine"
	"kiem/id"
)

// busy is a campaign with that many ideas, and the votes on them that come: voters, ideas and choices as chance has it, each command with an id and
// a lane of its own.
type busy struct {
	m      *campaign.Machine
	ideas  []id.ID
	voters []id.ID
	n      uint64
	seq    uint64
}

func newBusy(b testing.TB, voters, ideas int) *busy {
	r := open(b, nil)
	for n := range ideas / 100 {
		author := id.Derive(space, "author", string(rune(n)))
		r.m.Apply(&machine.Command{Type: campaign.Join, ID: id.Derive(author, "join"), Actor: author, Data: &campaign.JoinData{Group: "citizen"}}, machine.Stamp{Seq: 2})
		for range 100 {
			c := r.command(campaign.IdeaPost, "", ideaData("carla", "Een"))
			c.Actor = author
			r.must(r.apply(c))
		}
	}
	k := &busy{m: r.m, seq: r.seq}
	for _, i := range r.m.Board().All() {
		k.ideas = append(k.ideas, i.ID)
	}
	for n := range voters {
		k.voters = append(k.voters, id.NewV7(int64(n), [10]byte{byte(n), byte(n >> 8), 1}))
	}
	return k
}

// next fills in the next vote.
func (k *busy) next(c *machine.Command, d *campaign.SupportData) machine.Stamp {
	k.n++
	x := k.n * 0x9e3779b97f4a7c15 // spreads over everything
	voter := x >> 17 % uint64(len(k.voters))
	*d = campaign.SupportData{Idea: k.ideas[x>>33%uint64(len(k.ideas))], Value: int8(x >> 60 & 1), Group: uint8(voter % 5)}
	*c = machine.Command{Type: campaign.SupportSet, Actor: k.voters[voter], Lane: voter + 1, N: k.n, Tag: x, Data: d}
	binary.BigEndian.PutUint64(c.ID[:], x)
	k.seq++
	return machine.Stamp{Seq: k.seq, Epoch: 1, At: noon, Rules: campaign.Rules, Base: k.seq - 1}
}

// cpu reports the processor's time beside the wall's, which tells little on a machine that others use. What it costs to prepare is not counted.
func cpu(b *testing.B) (done func()) {
	before := used(b)
	return func() { b.ReportMetric(float64(used(b)-before)/float64(b.N), "cpu-ns/op") }
}

// used is the processor time that this process took so far, in nanoseconds.
func used(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// BenchmarkApplySupport is one vote, applied: 10,000 voters and 1,000 ideas.
func BenchmarkApplySupport(b *testing.B) {
	k := newBusy(b, 10_000, 1000)
	c, d := &machine.Command{}, &campaign.SupportData{}
	for range 500_000 { // as it is in the middle of a campaign
		k.m.Apply(c, k.next(c, d))
	}
	b.ReportAllocs()
	defer cpu(b)()
	for b.Loop() {
		if o := k.m.Apply(c, k.next(c, d)); o.Refusal != nil {
			b.Fatal(o.Refusal)
		}
	}
}

// BenchmarkTenMillion is the processor time of a vote in the first and in the last million of ten: 10,000 voters and 1,000 ideas, so that nearly every ballot
// there can be is cast. `go test -run '^$' -bench TenMillion -benchtime 1x ./hub/campaign`.
func BenchmarkTenMillion(b *testing.B) {
	const million = 1_000_000
	for b.Loop() {
		k := newBusy(b, 10_000, 1000)
		c, d := &machine.Command{}, &campaign.SupportData{}
		var costs [10]int64
		for n := range costs {
			before := used(b)
			for range million {
				if o := k.m.Apply(c, k.next(c, d)); o.Refusal != nil {
					b.Fatal(o.Refusal)
				}
			}
			costs[n] = used(b) - before
		}
		b.ReportMetric(float64(costs[0])/million, "first-ns/vote")
		b.ReportMetric(float64(costs[4])/million, "fifth-ns/vote")
		b.ReportMetric(float64(costs[9])/million, "tenth-ns/vote")
		b.ReportMetric(float64(costs[9])/float64(costs[0]), "tenth/first")
	}
}

// BenchmarkCheckSupport is one vote, looked at before it is appended.
func BenchmarkCheckSupport(b *testing.B) {
	k := newBusy(b, 100, 1000)
	d := &campaign.SupportData{Idea: k.ideas[7], Value: 1}
	c := &machine.Command{Type: campaign.SupportSet, Actor: id.Derive(space, "author", string(rune(3))), Data: d}
	b.ReportAllocs()
	defer cpu(b)()
	for b.Loop() {
		if r := k.m.Check(c, noon); r != nil {
			b.Fatal(r)
		}
	}
}

// BenchmarkDigest is the digest after 100 votes.
func BenchmarkDigest(b *testing.B) {
	k := newBusy(b, 10_000, 1000)
	c, d := &machine.Command{}, &campaign.SupportData{}
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		for range 100 {
			k.m.Apply(c, k.next(c, d))
		}
		b.StartTimer()
		k.m.Digest()
	}
}

// million has 1,000,000 ballots.
func million(b *testing.B) *campaign.Machine {
	k := newBusy(b, 10_000, 1000)
	c, d := &machine.Command{}, &campaign.SupportData{}
	for range 1_050_000 {
		k.m.Apply(c, k.next(c, d))
	}
	return k.m
}

func BenchmarkSnapshot(b *testing.B) {
	m := million(b)
	b.ReportAllocs()
	defer cpu(b)()
	for b.Loop() {
		b.SetBytes(int64(len(m.Snapshot())))
	}
}

func BenchmarkRestore(b *testing.B) {
	snapshot := million(b).Snapshot()
	b.SetBytes(int64(len(snapshot)))
	b.ReportAllocs()
	defer cpu(b)()
	for b.Loop() {
		if err := campaign.New().Restore(snapshot); err != nil {
			b.Fatal(err)
		}
	}
}
