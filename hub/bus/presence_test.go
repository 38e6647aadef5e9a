package bus

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestPresence(t *testing.T) {
	p := NewPresence()
	at := time.Unix(1000, 0)
	p.Set("a", "c", 5, at)
	p.Set("b", "c", 7, at.Add(3*time.Second))
	p.Set("b", "d", 1, at)
	for after, want := range map[time.Duration]int{3 * time.Second: 12, Silence - 1: 12, Silence: 7, Silence + 3*time.Second: 0} {
		if got := p.Total("c", at.Add(after)); got != want {
			t.Errorf("after %v: %d, want %d", after, got, want)
		}
	}
	p.Set("b", "c", 9, at) // older than what is known
	if got := p.Total("c", at.Add(3*time.Second)); got != 12 {
		t.Errorf("an older message counted: %d", got)
	}
	p.Set("b", "c", 0, at.Add(4*time.Second))
	if got := p.Total("c", at.Add(4*time.Second)); got != 5 {
		t.Errorf("after b left: %d", got)
	}
	p.Sweep(at.Add(Silence))
	if len(p.topics) != 0 {
		t.Errorf("remembered after all fell silent: %v", p.topics)
	}
}

func TestPresenceModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := NewPresence()
		type key struct{ node, topic string }
		model := map[key]said{}
		now := time.Unix(0, 0)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(rapid.SampledFrom([]time.Duration{0, time.Second, 4 * time.Second, Silence}).Draw(t, "pause"))
			k := key{rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "node"), rapid.SampledFrom([]string{"x", "y"}).Draw(t, "topic")}
			switch n := rapid.IntRange(-1, 4).Draw(t, "n"); n {
			case -1:
				p.Sweep(now)
			default:
				p.Set(k.node, k.topic, n, now)
				model[k] = said{n, now}
			}
			for _, topic := range []string{"x", "y"} {
				want := 0
				for k, s := range model {
					if k.topic == topic && now.Sub(s.at) < Silence {
						want += s.n
					}
				}
				if got := p.Total(topic, now); got != want {
					t.Fatalf("%s: %d, want %d", topic, got, want)
				}
			}
		}
	})
}

func TestPresenceIsBounded(t *testing.T) {
	p := NewPresence()
	at := time.Unix(1000, 0)
	for n := range maxNodes + 10 {
		p.Set(fmt.Sprint(n), "c", 1, at)
	}
	if got := p.Total("c", at); got != maxNodes {
		t.Errorf("%d nodes count, want %d", got, maxNodes)
	}
	p.Set("0", "c", 3, at.Add(1)) // who is known still counts
	if got := p.Total("c", at.Add(1)); got != maxNodes+2 {
		t.Errorf("%d, want %d", got, maxNodes+2)
	}
}

func FuzzReadPresence(f *testing.F) {
	f.Add(AppendPresence(nil, "node", 12))
	f.Add([]byte{0x80})
	f.Fuzz(func(t *testing.T, b []byte) {
		node, n, err := ReadPresence(b)
		if err != nil {
			return
		}
		again, m, err := ReadPresence(AppendPresence(nil, node, n))
		if err != nil || again != node || m != n {
			t.Fatalf("%q %d is read again as %q %d, %v", node, n, again, m, err)
		}
	})
}
