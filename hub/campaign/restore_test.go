package campaign_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"kiem/hub/campaign"
	"kiem/hub/machine"
)

// rich is a campaign in which everything that a snapshot can hold is there.
func rich(t testing.TB) *campaign.Machine {
	g, m := newGenerator(4), campaign.New()
	for range 600 {
		a := g.next()
		g.heard(a, m.Apply(a.c, a.s))
	}
	return m
}

// readsBack holds Restore to its promise for any bytes: they are refused, and nothing of them is kept; or they are what Snapshot writes of the state
// that they give, and everything can be looked at.
func readsBack(t *testing.T, b []byte) (ok bool) {
	t.Helper()
	m := campaign.New()
	empty := m.Digest()
	if err := m.Restore(b); err != nil {
		if !errors.Is(err, machine.ErrSnapshot) {
			t.Fatalf("%v", err)
		}
		if m.Exists() || m.Digest() != empty || len(m.People()) > 0 || len(m.Board().All()) > 0 {
			t.Fatal("something of a bad snapshot is kept")
		}
		return false
	}
	if again := m.Snapshot(); !bytes.Equal(again, b) {
		t.Fatalf("%d bytes are read and written as %d others", len(b), len(again))
	}
	for _, audience := range machine.Audiences {
		view := m.View(audience, nameOf)
		view.Campaign()
		view.Ideas()
		view.Nodes()
		view.Listed(campaign.Organiser)
		for _, p := range m.People() {
			view.Participant(p.ID)
			view.Me(p.ID, p.ID)
		}
	}
	m.Due(noon)
	m.Channels()
	return true
}

// TestRestoreRefuses: a snapshot that was cut, or went on, is refused; one of which a byte was changed, added or taken away is refused, or it is a good snapshot of another
// state, as when a letter of a title changed. (What tells those apart is the hash that is stored beside it.)
func TestRestoreRefuses(t *testing.T) {
	good := rich(t).Snapshot()
	if !readsBack(t, good) || !readsBack(t, campaign.New().Snapshot()) {
		t.Fatal("a good snapshot is refused")
	}
	r := rand.New(rand.NewPCG(3, 3))
	tries := 200
	if testing.Short() {
		tries = 40
	}
	for range tries {
		at := r.IntN(len(good))
		if readsBack(t, good[:at]) {
			t.Fatalf("cut at %d of %d it is read", at, len(good))
		}
		if readsBack(t, append(bytes.Clone(good), byte(at))) {
			t.Fatal("with a byte more it is read")
		}
		readsBack(t, append(bytes.Clone(good[:at]), good[at+1:]...))
		b := bytes.Clone(good)
		b[at] ^= 1 << r.IntN(8)
		readsBack(t, b)
		readsBack(t, append(append(bytes.Clone(good[:at]), byte(r.IntN(256))), good[at:]...))
	}
}

// FuzzRestore does the same with anything.
func FuzzRestore(f *testing.F) {
	f.Add([]byte{})
	f.Add(campaign.New().Snapshot())
	f.Add(open(f, nil).m.Snapshot())
	r := open(f, nil, "carla", "cem", "fay")
	i := r.post("carla", "Een")
	r.comment("cem", i, "Twee")
	r.must(r.support("cem", i, 1))
	r.must(r.act(campaign.IdeaModerate, "fay", i, "hide", "Drie"))
	f.Add(r.m.Snapshot())
	f.Add(rich(f).Snapshot())
	f.Fuzz(func(t *testing.T, b []byte) { readsBack(t, b) })
}
