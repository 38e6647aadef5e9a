package main_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"kiem/hub/journal/journaltest"
	"kiem/hub/redisconn/redistest"
)

// TestPromiseOneVote is P12: one participant has one live support for an idea, at any concurrency. 64 votes of one person for one idea arrive at the same moment at two nodes, identical ones (one command
// 64 times) and conflicting ones (64 commands, each from a tab of its own), idea after idea. The support is the person's own last word, and 1 at most.
func TestPromiseOneVote(t *testing.T) {
	promise(t)
	redis := redistest.Start(t)
	nodes := threeNodes(t, redis.URL())[:2]
	a := assemble(t, nodes[0], 1, at(nodes[0].addr), 0)
	s := &protoScript{server: nodes[0]}
	voter := s.join(t, a.code, "Haastige gast", "citizen")
	const parallel = 64
	votes, ideas := 0, 0
	for round := range journaltest.Rounds(t, 0, 30) {
		identical := round%2 == 0
		if round%60 == 59 { // nobody may post more than 100 ideas
			a.people = append(a.people, newCitizen(a.ctx, t, fmt.Sprint("Poster ", round), a.campaign, s.join(t, a.code, fmt.Sprint("Poster ", round), "citizen").Token, at(nodes[0].addr)(0), 0))
		}
		poster := a.people[len(a.people)-1]
		idea := madeIdea(t, a.do(poster, a.posting(poster, fmt.Sprintf("Wedloop %d", round))))
		ideas++
		same := setSupport(newUUID(), idea, 1)
		replies := make([]protoFrame, parallel)
		commands := make([]protoCommand, parallel)
		var all sync.WaitGroup
		for n := range parallel {
			commands[n] = same
			if !identical {
				commands[n] = setSupport(newUUID(), idea, n%2)
				commands[n].Lane, commands[n].N = newUUID(), 1
			}
			all.Go(func() {
				status, err := postAny(nodes[n%2].addr, "/campaigns/"+a.campaign+"/commands", voter.Token, commands[n], &replies[n])
				if err != nil || status != http.StatusOK || replies[n].Error != nil {
					t.Errorf("a vote is answered with status %d, %+v, %v", status, replies[n].Error, err)
				}
			})
		}
		all.Wait()
		votes += parallel
		if t.Failed() {
			return
		}
		want, last := 1, uint64(0)
		for _, f := range replies {
			if identical && f.Seq != replies[0].Seq {
				t.Errorf("one command was answered with entry %d and with entry %d", replies[0].Seq, f.Seq)
			}
			last = max(last, f.Seq)
		}
		if !identical {
			want = -1 // several may share the last entry: then the order within it decides
			for n, f := range replies {
				if v := n % 2; f.Seq == last {
					if want >= 0 && want != v {
						want = 2
					} else if want < 0 {
						want = v
					}
				}
			}
		}
		a.oneVote(nodes, voter.Token, idea, last, want)
	}
	t.Logf("%d votes of one person on %d ideas", votes, ideas)
}

// oneVote checks the support of an idea on each node: 0 or 1, that of the entry which came last (want 2: either), and what the person is shown as their own.
func (a *assembly) oneVote(nodes []*kiemProcess, token, idea string, last uint64, want int) {
	a.t.Helper()
	var seen []int
	for _, p := range nodes {
		var file protoExport
		p.poll("the newest entry", func() bool {
			p.want(http.StatusOK, &file, "GET", "/campaigns/"+a.campaign+"/export?format=json", adminToken, nil)
			return file.Seq >= last
		})
		for _, i := range file.Ideas {
			if i.ID != idea {
				continue
			}
			got := *i.Support.Total
			if got < 0 || got > 1 || want < 2 && got != want {
				a.t.Errorf("%s: one person gives the idea a support of %d, want %d", p.addr, got, want)
			}
			var me struct{ Support map[string]int }
			p.want(http.StatusOK, &me, "GET", "/campaigns/"+a.campaign+"/me", token, nil)
			if me.Support[idea] != got {
				a.t.Errorf("%s: support %d, the person's own is shown as %d", p.addr, got, me.Support[idea])
			}
			seen = append(seen, got)
		}
	}
	if len(seen) != len(nodes) || seen[0] != seen[1] {
		a.t.Errorf("the nodes say %v", seen)
	}
}
