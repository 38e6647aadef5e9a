package machine

import (
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"kiem/hub/wire"
	"kiem/id"
)

func name(parts ...any) id.ID { return id.Derive(id.ID{}, fmt.Sprint(parts...)) }

func command(actor, n int) *Command {
	return &Command{Type: "x", ID: name("command", actor, n), Actor: name("actor", actor), Tag: uint64(n)}
}

// said describes an outcome in a word.
func said(o Outcome, done bool) string {
	switch {
	case !done:
		return "new"
	case o.Refusal != nil:
		return fmt.Sprintf("%s %s in %d", o.Refusal.Code, o.Refusal.Reason, o.Seq)
	}
	return fmt.Sprintf("done in %d", o.Seq)
}

// TestAnswers: what each kind of repetition is told.
func TestAnswers(t *testing.T) {
	a := NewAnswers()
	a.Put(command(1, 1), 10, nil)
	a.Put(command(1, 2), 11, Refuse(wire.PhaseClosed, "", "stage_closed"))
	a.Put(command(2, 1), 12, Refuse(wire.NotFound, "idea", "no_idea").With("max", "3"))
	for _, c := range []struct {
		name string
		c    Command
		want string
	}{
		{"the same command", *command(1, 1), "done in 10"},
		{"a refused one", *command(1, 2), "phase_closed stage_closed in 11"},
		{"another refused one", *command(2, 1), "not_found no_idea in 12"},
		{"one not seen", *command(1, 3), "new"},
		{"another sender", Command{ID: command(1, 1).ID, Actor: name("actor", 2), Tag: 1}, "forbidden id_of_another in 0"},
		{"another sender with other content", Command{ID: command(1, 1).ID, Actor: name("actor", 9), Tag: 7}, "forbidden id_of_another in 0"},
		{"the clock", Command{ID: command(1, 1).ID, Tag: 1}, "forbidden id_of_another in 0"},
		{"other content", Command{ID: command(1, 1).ID, Actor: name("actor", 1), Tag: 7}, "conflict id_used in 0"},
		{"other content of a refused one", Command{ID: command(1, 2).ID, Actor: name("actor", 1), Tag: 7}, "conflict id_used in 0"},
	} {
		if got := said(a.Look(&c.c)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	first, _ := a.Look(command(2, 1))
	first.Refusal.Reason = "scribbled"
	if got := said(a.Look(command(2, 1))); got != "not_found no_idea in 12" {
		t.Errorf("an answer was changed through a copy of it: %s", got)
	}
}

// TestAnswersWindow: each actor has the newest 256, whatever the others do, and the digest is that of what is remembered.
func TestAnswersWindow(t *testing.T) {
	a := NewAnswers()
	for n := range Window + 10 {
		a.Put(command(1, n), uint64(n), nil)
		if n%100 == 0 {
			a.Put(command(2, n), uint64(n), nil)
		}
	}
	for n := range Window + 10 {
		if _, done := a.Look(command(1, n)); done != (n >= 10) {
			t.Fatalf("command %d of %d remembered: %v", n, Window+10, done)
		}
	}
	for n := 0; n < Window+10; n += 100 {
		if _, done := a.Look(command(2, n)); !done {
			t.Fatalf("command %d of another actor is forgotten", n)
		}
	}
	b := NewAnswers()
	for n := 10; n < Window+10; n++ {
		b.Put(command(1, n), uint64(n), nil)
	}
	for n := 0; n < Window+10; n += 100 {
		b.Put(command(2, n), uint64(n), nil)
	}
	if a.Digest() != b.Digest() {
		t.Error("the digest depends on what was forgotten")
	}
}

// TestAnswersStored: random sequences against a list for each actor; what is read from a snapshot answers, digests and goes on as the
// original does.
func TestAnswersStored(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := NewAnswers()
		type entry struct {
			c    *Command
			want string
		}
		newest := map[int][]entry{}
		send := func(a *Answers, seq uint64) {
			actor, n := rapid.IntRange(1, 3).Draw(t, "actor"), rapid.IntRange(0, 1000).Draw(t, "n")
			c := command(actor, n)
			if _, done := a.Look(c); done {
				return
			}
			var r *Refusal
			if kind := rapid.IntRange(0, 4).Draw(t, "refused"); kind > 0 {
				r = Refuse(wire.Conflict, "", fmt.Sprint("reason", kind))
			}
			a.Put(c, seq, r)
			newest[actor] = append(newest[actor], entry{c, said(Outcome{Refusal: r, Seq: seq}, true)})
			if r != nil {
				newest[actor][len(newest[actor])-1].want = said(Outcome{Refusal: r, Seq: seq}, true)
			}
			if len(newest[actor]) > Window {
				newest[actor] = newest[actor][1:]
			}
		}
		for n := range rapid.IntRange(0, 700).Draw(t, "commands") {
			send(a, uint64(n))
		}
		e := &Encoder{}
		a.Snapshot(e)
		b := NewAnswers()
		d := NewDecoder(e.Bytes())
		b.Restore(d)
		if err := d.End(); err != nil {
			t.Fatal(err)
		}
		if a.Digest() != b.Digest() {
			t.Fatal("the digest is another after reading")
		}
		for _, list := range newest {
			for _, x := range list {
				if got := said(b.Look(x.c)); got != x.want {
					t.Fatalf("%s, want %s", got, x.want)
				}
			}
		}
		for n := range 300 { // both forget alike
			c := command(1, 2000+n)
			a.Put(c, uint64(n), nil)
			b.Put(c, uint64(n), nil)
		}
		again, fromCopy := &Encoder{}, &Encoder{}
		a.Snapshot(again)
		b.Snapshot(fromCopy)
		if a.Digest() != b.Digest() || string(again.Bytes()) != string(fromCopy.Bytes()) {
			t.Fatal("the copy went on differently")
		}
	})
}

// TestAnswersKinds: more kinds of refusal than can be told apart are still refusals, and are still read back.
func TestAnswersKinds(t *testing.T) {
	a := NewAnswers()
	for n := range 400 {
		a.Put(command(n, 0), 1, Refuse(wire.Conflict, "", fmt.Sprint(n)))
	}
	e := &Encoder{}
	a.Snapshot(e)
	b := NewAnswers()
	d := NewDecoder(e.Bytes())
	b.Restore(d)
	if err := d.End(); err != nil {
		t.Fatal(err)
	}
	for n := range 400 {
		o, done := b.Look(command(n, 0))
		want := fmt.Sprint(min(n, maxKinds-1))
		if !done || o.Refusal == nil || o.Refusal.Reason != want {
			t.Fatalf("refusal %d is %v", n, o.Refusal)
		}
	}
}

// TestAnswersRefuse: a memory that cannot be is not read.
func TestAnswersRefuse(t *testing.T) {
	one := func(e *Encoder, actor int, ids ...int) {
		e.ID(name("actor", actor))
		e.Int(uint64(len(ids)))
		for _, i := range ids {
			e.ID(name(i))
			e.Int(1)
			e.Int(1)
			e.Int(0)
		}
	}
	for what, write := range map[string]func(*Encoder){
		"an actor twice":  func(e *Encoder) { e.Int(0); e.Int(2); one(e, 1, 1); one(e, 1, 2) },
		"a command twice": func(e *Encoder) { e.Int(0); e.Int(2); one(e, 1, 1); one(e, 2, 1) },
		"no answers":      func(e *Encoder) { e.Int(0); e.Int(1); one(e, 1) },
		"too many":        func(e *Encoder) { e.Int(0); e.Int(1); one(e, 1, make([]int, Window+1)...) },
		"an unknown answer": func(e *Encoder) {
			e.Int(0)
			e.Int(1)
			e.ID(name(1))
			e.Int(1)
			e.ID(name(2))
			e.Int(1)
			e.Int(1)
			e.Int(1)
		},
		"256 kinds": func(e *Encoder) {
			e.Int(256)
			for range 256 {
				e.String("conflict")
				e.String("")
				e.String("")
			}
			e.Int(0)
		},
	} {
		e := &Encoder{}
		write(e)
		d := NewDecoder(e.Bytes())
		NewAnswers().Restore(d)
		if err := d.End(); !errors.Is(err, ErrSnapshot) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func BenchmarkPut(b *testing.B) {
	a := NewAnswers()
	b.ReportAllocs()
	n := 0
	c := &Command{}
	for b.Loop() {
		n++
		c.Actor[0], c.Actor[1] = byte(n), byte(n>>8&3)
		c.ID[0], c.ID[1], c.ID[2], c.ID[3] = byte(n), byte(n>>8), byte(n>>16), byte(n>>24)
		a.Put(c, uint64(n), nil)
	}
}
