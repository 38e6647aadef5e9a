package main_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// assembly is a campaign full of citizens who act without a pause, and the book of all that was acknowledged to them. check compares it with what there is in the end.
type assembly struct {
	t        *testing.T
	campaign string
	code     string
	people   []*citizen
	targets  []string // ideas that everybody votes on
	live     context.CancelFunc
	repaired bool // a lost tail was appended again: the same commands stand in entries with other numbers
	clocks   bool // the clock jumps: rates may be exceeded for the length of their window
	ctx      context.Context

	mu    sync.Mutex
	posts map[string]string         // acknowledged: idea to title
	votes map[string]map[string]int // acknowledged: idea to name to the newest value
	order map[string]int            // of the newest vote acknowledged: idea and name to n
	acks  map[*citizen][]acknowledged
	last  uint64 // newest entry that was acknowledged
	total atomic.Int64
}

// acknowledged is a command that was done, with its first answer.
type acknowledged struct {
	cmd   protoCommand
	reply protoFrame
}

// assemble makes a campaign on a server and lets people join. where says where the nth of them connects; hurry is their patience.
func assemble(t *testing.T, server *kiemProcess, people int, where func(n int) func() string, hurry time.Duration) *assembly {
	t.Helper()
	a := &assembly{
		t: t, posts: map[string]string{}, votes: map[string]map[string]int{}, order: map[string]int{}, acks: map[*citizen][]acknowledged{},
	}
	a.ctx, a.live = context.WithCancel(context.Background())
	s := &protoScript{server: server}
	var made struct{ ID, Code string }
	server.want(http.StatusCreated, &made, "POST", "/campaigns", adminToken, map[string]any{
		"title": "Belofte", "template": "campaign", "languages": []string{"nl"}, "settings": map[string]any{"attendance": 50_000, "text_max": 8000},
		"challenge": map[string]any{"title": "Wat doen we?", "text": "Samen.", "nodes": []string{"social_innovation"}, "themes": []string{"Wonen"}},
	})
	a.campaign, a.code = made.ID, made.Code
	tokens := make([]string, people)
	queue := make(chan int)
	var joining sync.WaitGroup
	for range min(people, 16) {
		joining.Go(func() {
			for n := range queue {
				tokens[n] = s.join(t, a.code, fmt.Sprintf("Mens %d", n), "citizen").Token
			}
		})
	}
	for n := range people {
		queue <- n
	}
	close(queue)
	joining.Wait()
	for n, token := range tokens {
		a.people = append(a.people, newCitizen(a.ctx, t, fmt.Sprintf("Mens %d", n), a.campaign, token, where(n), hurry))
	}
	t.Cleanup(func() {
		a.live()
		for _, c := range a.people {
			<-c.ended
			for _, f := range c.faults {
				t.Error(f)
			}
		}
	})
	for n := range 10 {
		f := a.do(a.people[n%people], a.posting(a.people[n%people], fmt.Sprintf("Doel %d", n)))
		a.targets = append(a.targets, madeIdea(t, f))
	}
	return a
}

// at gives everybody one address.
func at(addr string) func(int) func() string {
	return func(int) func() string { return func() string { return addr } }
}

func (a *assembly) posting(c *citizen, title string) protoCommand {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.made++
	return protoCommand{ID: newUUID(), Type: "idea.post", Data: map[string]any{"title": title, "text": "Dit: " + title}}
}

func (a *assembly) voting(c *citizen, idea string, value int) protoCommand {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return protoCommand{ID: newUUID(), Type: "support.set", Data: map[string]any{"idea": idea, "value": value}, Lane: c.lane, N: c.n}
}

// do does a command and enters its answer.
func (a *assembly) do(c *citizen, cmd protoCommand) protoFrame {
	select {
	case f := <-c.begin(cmd):
		a.enter(c, cmd, f)
		return f
	case <-time.After(2 * patience):
		a.t.Errorf("%s: %s is not answered for %v", c.name, cmd.Type, 2*patience)
		return protoFrame{}
	}
}

// enter enters an answer into the book.
func (a *assembly) enter(c *citizen, cmd protoCommand, f protoFrame) {
	if f.Error != nil {
		if f.Error.Code != "conflict" || f.Error.Field != "n" { // else a newer one of this lane was first
			a.t.Errorf("%s: %s was refused: %+v", c.name, cmd.Type, *f.Error)
		}
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last = max(a.last, f.Seq)
	a.total.Add(1)
	a.acks[c] = append(a.acks[c], acknowledged{cmd, f})
	data := cmd.Data.(map[string]any)
	switch cmd.Type {
	case "idea.post":
		a.posts[madeIdea(a.t, f)] = data["title"].(string)
	case "support.set":
		idea := data["idea"].(string)
		if a.votes[idea] == nil {
			a.votes[idea] = map[string]int{}
		}
		if a.order[idea+c.name] < cmd.N {
			a.order[idea+c.name] = cmd.N
			a.votes[idea][c.name] = data["value"].(int)
		}
	}
}

// act lets everybody post and vote, with that many commands in flight each, until stop is called, which waits until all of it is answered. rest is the pause after a command.
func (a *assembly) act(inFlight int, rest time.Duration) (stop func()) {
	stopping := make(chan struct{})
	var acting sync.WaitGroup
	for who, c := range a.people {
		for range inFlight {
			acting.Go(func() {
				for n := 0; ; n++ {
					select {
					case <-stopping:
						return
					case <-time.After(rest):
					}
					c.mu.Lock()
					full := c.made >= 90
					c.mu.Unlock()
					if rand.IntN(5) == 0 && !full {
						a.do(c, a.posting(c, fmt.Sprintf("Idee van %d: %d %s", who, n, newUUID()[:8])))
					} else {
						a.do(c, a.voting(c, a.targets[rand.IntN(len(a.targets))], rand.IntN(2)))
					}
				}
			})
		}
	}
	return func() { close(stopping); acting.Wait() }
}

// more waits until that many more commands are acknowledged.
func (a *assembly) more(n int) {
	a.t.Helper()
	want := a.total.Load() + int64(n)
	until(a.t, fmt.Sprintf("%d more acknowledgements", n), func() bool { return a.total.Load() >= want || a.t.Failed() })
}

// check compares everything with the book: the export of every server, what each citizen saw, and the first answers. Nobody may be acting.
func (a *assembly) check(servers ...*kiemProcess) {
	a.t.Helper()
	for _, p := range servers {
		a.exported(p)
	}
	a.seen()
	a.answeredAgain(100)
	a.mu.Lock()
	defer a.mu.Unlock()
	connects, resets, unavailable, limited := 0, 0, 0, 0
	for _, c := range a.people {
		c.mu.Lock()
		connects, resets, unavailable, limited = connects+c.connects, resets+c.resets, unavailable+c.unavailable, limited+c.limited
		c.mu.Unlock()
	}
	a.t.Logf("%d acknowledged up to entry %d, %d ideas; %d connections, %d resets, %d answers `unavailable`",
		a.total.Load(), a.last, len(a.posts), connects, resets, unavailable)
	if limited > 0 && !a.clocks {
		a.t.Errorf("%d answers `rate_limited` although the rates are multiplied by 1000", limited)
	}
}

// exported compares a server's export with the book: each idea once and no other, each support as it was acknowledged.
func (a *assembly) exported(p *kiemProcess) {
	a.t.Helper()
	var file protoExport
	p.poll("the export to have the newest entry", func() bool {
		p.want(http.StatusOK, &file, "GET", "/campaigns/"+a.campaign+"/export?format=json", adminToken, nil)
		return file.Seq >= a.last
	})
	a.mu.Lock()
	defer a.mu.Unlock()
	count := map[string]int{}
	for _, i := range file.Ideas {
		count[i.ID]++
		if title, ok := a.posts[i.ID]; !ok || title != i.Title {
			a.t.Errorf("%s: idea %s %q, acknowledged as %q", p.addr, i.ID, i.Title, title)
		}
		want := 0
		for _, v := range a.votes[i.ID] {
			want += v
		}
		if i.Support.Total == nil || *i.Support.Total != want {
			a.t.Errorf("%s: %q has support %v, acknowledged were %d", p.addr, i.Title, i.Support.Total, want)
		}
	}
	for id, title := range a.posts {
		if count[id] != 1 {
			a.t.Errorf("%s: idea %q was acknowledged and is there %d times", p.addr, title, count[id])
		}
	}
}

// seen compares what each citizen saw: every idea exactly once, in one order for all, and the newest tallies.
func (a *assembly) seen() {
	a.t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	var reference []sighting // of the one who follows longest without a reset
	for _, c := range a.people {
		if !c.wait(func() bool { return c.known && c.at >= a.last }) {
			c.mu.Lock()
			a.t.Errorf("%s has seen entry %d, acknowledged was %d; connected %v, known %v", c.name, c.at, a.last, c.live, c.known)
			c.mu.Unlock()
			continue
		}
		c.mu.Lock()
		if len(c.log) > len(reference) {
			reference = slices.Clone(c.log)
		}
		c.mu.Unlock()
	}
	for _, c := range a.people {
		a.sawAll(c, reference)
	}
}

func (a *assembly) sawAll(c *citizen, reference []sighting) {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := maps.Clone(c.base)
	for _, s := range c.log {
		if seen[s.idea] {
			a.t.Errorf("%s saw idea %s twice", c.name, s.idea)
			return
		}
		seen[s.idea] = true
	}
	for id, title := range a.posts {
		if !seen[id] {
			a.t.Errorf("%s never saw %q", c.name, title)
			return
		}
	}
	if len(seen) != len(a.posts) {
		a.t.Errorf("%s saw %d ideas, acknowledged were %d", c.name, len(seen), len(a.posts))
	}
	if n := len(reference) - len(c.log); n >= 0 && !slices.Equal(reference[n:], c.log) {
		a.t.Errorf("%s saw %d ideas in another order than others", c.name, len(c.log))
	}
	for id, got := range c.tallies {
		want := 0
		for _, v := range a.votes[id] {
			want += v
		}
		if got != want {
			a.t.Errorf("%s: the newest tally of %s is %d, acknowledged were %d", c.name, id, got, want)
		}
	}
}

// answeredAgain sends each citizen's newest commands again, over whatever connection there is now. Each gets its first answer.
func (a *assembly) answeredAgain(most int) {
	a.t.Helper()
	var all sync.WaitGroup
	for c, list := range a.acks {
		all.Go(func() {
			for _, old := range list[max(0, len(list)-most):] {
				select {
				case f := <-c.begin(old.cmd):
					if f.Error != nil || f.Seq != old.reply.Seq && !a.repaired || string(f.Data) != string(old.reply.Data) {
						a.t.Errorf("%s: %s was answered %d %s and is now %d %s %+v", c.name, old.cmd.Type, old.reply.Seq, old.reply.Data, f.Seq, f.Data, f.Error)
						return
					}
				case <-time.After(patience):
					a.t.Errorf("%s: a repeated %s is not answered", c.name, old.cmd.Type)
					return
				}
			}
		})
	}
	all.Wait()
}

// p99 is the time that all but one in a hundred of the answers since mark took; mark forgets them.
func (a *assembly) p99() time.Duration {
	var all []time.Duration
	for _, c := range a.people {
		c.mu.Lock()
		all = append(all, c.waits...)
		c.waits = nil
		c.mu.Unlock()
	}
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)*99/100]
}
