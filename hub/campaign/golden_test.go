package campaign_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"kiem/hub/campaign"
	"kiem/hub/machine"
	"kiem/id"
	"kiem/ideas"
)

// goldenLine is a command as version 1 applied it, with what came of it; or, without a type, the digest after the lines above.
type goldenLine struct {
	Type   string          `json:"type,omitempty"`
	ID     id.ID           `json:"id,omitzero"`
	Actor  id.ID           `json:"actor,omitzero"`
	Lane   uint64          `json:"lane,omitempty"`
	N      uint64          `json:"n,omitempty"`
	Tag    uint64          `json:"tag,omitempty"`
	Data   json.RawMessage `json:"data,omitempty"`
	Texts  []goldenText    `json:"texts,omitempty"`
	Stamp  machine.Stamp   `json:"stamp,omitzero"`
	Said   string          `json:"said,omitempty"`
	Digest string          `json:"digest,omitempty"`
}

type goldenText struct {
	By    id.ID  `json:"by"`
	Words string `json:"words"`
}

const goldenCommands = 600

// TestGolden replays a log of version 1: whatever changes, an entry that was written under its rules does what it did. The file is made once, when it
// is not there; it is never made anew.
func TestGolden(t *testing.T) {
	const file = "testdata/golden-v1.jsonl"
	b, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		b = makeGolden(t)
		if err := os.WriteFile(file, b, 0o644); err != nil {
			t.Fatal(err)
		}
	} else if err != nil {
		t.Fatal(err)
	}
	m, unread := campaign.New(), campaign.New()
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(nil, 1<<20)
	commands, digests := 0, 0
	for lines.Scan() {
		var g goldenLine
		if err := json.Unmarshal(lines.Bytes(), &g); err != nil {
			t.Fatal(err)
		}
		if g.Type == "" {
			digests++
			if got := fmt.Sprintf("%x", m.Digest()); got != g.Digest || m.Digest() != unread.Digest() {
				t.Fatalf("after %d commands the digest is %s, it was %s", commands, got, g.Digest)
			}
			m = restored(t, m)
			continue
		}
		commands++
		c := g.command(t)
		if got := outcome(m.Apply(copyOf(c), g.Stamp)); got != g.Said {
			t.Fatalf("command %d, %s, says %s, it said %s", commands, g.Type, got, g.Said)
		}
		unread.Apply(blind(c), g.Stamp)
	}
	if commands != goldenCommands || digests != goldenCommands/50 {
		t.Errorf("%d commands and %d digests", commands, digests)
	}
}

// command reads a line back.
func (g *goldenLine) command(t *testing.T) *machine.Command {
	c := &machine.Command{Type: g.Type, ID: g.ID, Actor: g.Actor, Lane: g.Lane, N: g.N, Tag: g.Tag, Data: campaign.NewData(g.Type)}
	if err := json.Unmarshal(g.Data, c.Data); err != nil {
		t.Fatal(err)
	}
	if w, ok := c.Data.(interface{ Texts() []*ideas.Text }); ok {
		for i, x := range w.Texts() {
			*x = ideas.NewText(g.Texts[i].By, g.Texts[i].Words)
		}
	}
	return c
}

func makeGolden(t *testing.T) []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	g, m := newGenerator(4), campaign.New()
	said := map[string]int{}
	for n := range goldenCommands {
		a := g.next()
		l := goldenLine{Type: a.c.Type, ID: a.c.ID, Actor: a.c.Actor, Lane: a.c.Lane, N: a.c.N, Tag: a.c.Tag, Stamp: a.s}
		l.Data = must(json.Marshal(a.c.Data))
		if w, ok := a.c.Data.(interface{ Texts() []*ideas.Text }); ok {
			for _, x := range w.Texts() {
				l.Texts = append(l.Texts, goldenText{x.By, x.Words()})
			}
		}
		o := m.Apply(a.c, a.s)
		g.heard(a, o)
		l.Said = outcome(o)
		if o.Refusal == nil {
			said[a.c.Type]++
		}
		if err := e.Encode(l); err != nil {
			t.Fatal(err)
		}
		if n%50 == 49 {
			if err := e.Encode(goldenLine{Digest: fmt.Sprintf("%x", m.Digest())}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, k := range kinds {
		if said[k.kind] == 0 {
			t.Errorf("%s is never done in it", k.kind)
		}
	}
	t.Logf("%d bytes; done: %s", out.Len(), strings.TrimPrefix(fmt.Sprint(said), "map"))
	return out.Bytes()
}
