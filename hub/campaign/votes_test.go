package campaign_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"kiem/hub/campaign"
	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/id"
)

func (r *room) vote(name string, idea id.ID, value int8, lane, n uint64) *machine.Command {
	group, stratum := r.m.Voter(person(name))
	c := r.command(campaign.SupportSet, name, &campaign.SupportData{Idea: idea, Value: value, Group: group, Stratum: stratum})
	c.Actor, c.Lane, c.N = voter(name), lane, n
	return c
}

func (r *room) total(idea id.ID) int { return r.m.View(machine.Public, nameOf).Tally(idea).Support }

// TestOneLiveSupport: 64 commands of one voter, alike or in conflict, sent several times and in any order over three lanes, leave one live
// support, and the machine says the same of each as often as it comes.
func TestOneLiveSupport(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := open(t, func(d *campaign.CreateData) { d.Settings.SmallCell = 0 }, "carla", "cem")
		idea := r.post("carla", "Een")
		var all []*machine.Command
		for n := range 64 {
			c := r.vote("cem", idea, int8(n%2), uint64(1+n%3), uint64(1+n/3))
			all = append(all, c, copyOf(c))
		}
		first := map[id.ID]string{}
		newest, last := map[uint64]uint64{}, int8(0)
		for _, c := range rapid.Permutation(all).Draw(t, "order") {
			_, again := first[c.ID]
			late := !again && newest[c.Lane] > c.N
			o := r.apply(c)
			if again {
				if said(o) != first[c.ID] {
					t.Fatalf("first %s, then %s", first[c.ID], said(o))
				}
				continue
			}
			first[c.ID] = said(o)
			if late != (o.Refusal != nil) {
				t.Fatalf("lane %d, n %d after %d: %s", c.Lane, c.N, newest[c.Lane], said(o))
			}
			if !late {
				newest[c.Lane], last = c.N, c.Data.(*campaign.SupportData).Value
			}
			if got := r.total(idea); got != int(last) {
				t.Fatalf("%d supporters, want %d", got, last)
			}
		}
		me := r.m.View(machine.Public, nameOf).Me(person("cem"), voter("cem"))
		if me.Support[idea.String()] != int(last) {
			t.Fatalf("the voter sees %v, want %d", me.Support, last)
		}
	})
}

// TestLateVotes: of one lane the newer one wins, whenever the older one arrives: also after a snapshot, after other lanes, and after the answers are
// forgotten.
func TestLateVotes(t *testing.T) {
	r := open(t, func(d *campaign.CreateData) { d.Settings.SmallCell = 0 }, "carla", "cem")
	idea, other := r.post("carla", "Een"), r.post("carla", "Twee")
	frozen := r.vote("cem", idea, 1, 7, 1)
	r.must(r.apply(r.vote("cem", idea, 0, 7, 2)))
	r.refused(r.apply(frozen), "conflict n late")
	r.m = restored(t, r.m)
	r.refused(r.apply(r.vote("cem", idea, 1, 7, 1)), "conflict n late")
	r.must(r.apply(r.vote("cem", idea, 1, 8, 1))) // another tab: the log's order decides
	r.refused(r.apply(r.vote("cem", idea, 0, 7, 1)), "conflict n late")
	r.must(r.apply(r.vote("cem", other, 1, 7, 1))) // numbers are per idea
	done := r.vote("cem", idea, 0, 8, 9)
	r.must(r.apply(done))
	r.must(r.apply(r.vote("cem", idea, 1, 9, 1)))
	for n := range machine.Window {
		r.must(r.apply(r.vote("cem", other, int8(n%2), 3, uint64(n+1))))
	}
	r.refused(r.apply(done), "conflict n late") // its answer is forgotten, its lane is not
	r.refused(r.apply(r.vote("cem", idea, 0, 8, 8)), "conflict n late")
	if got := r.total(idea); got != 1 {
		t.Errorf("%d supporters", got)
	}
	r.must(r.apply(r.vote("cem", idea, 0, 0, 0))) // without a lane, as over HTTP: order alone
	if got := r.total(idea); got != 0 {
		t.Errorf("%d supporters", got)
	}
}

// TestStaleVotes: a vote whose writer had not seen the newest change of rights is void and not remembered, so it can be judged and sent again; and
// whoever was removed cannot vote from then on, whatever is still under way.
func TestStaleVotes(t *testing.T) {
	for _, change := range []struct {
		kind, by, of string
		again        bool // the voter may still vote after it
	}{
		{campaign.ParticipantRemove, "fay", "cem", false},
		{campaign.ParticipantRemove, "fay", "chris", true},
		{campaign.PersonErased, "cem", "cem", false},
		{campaign.RoleGrant, "olga", "cem", false}, // organisers do not vote
		{campaign.RoleRevoke, "olga", "fay", true},
		{campaign.ParticipantMute, "fay", "cem", true},
	} {
		r := open(t, func(d *campaign.CreateData) { d.Settings.SmallCell = 0 }, "carla", "cem", "chris", "fay")
		idea := r.post("carla", "Een")
		before := machine.Stamp{Seq: r.seq + 1, At: r.at, Rules: campaign.Rules, Base: r.seq}
		underWay := r.vote("cem", idea, 1, 1, 1)

		r.must(r.send(r.command(change.kind, change.by, &campaign.ParticipantData{
			Participant: person(change.of), Role: "organiser", Muted: true, Reason: by(change.by, ""),
		})))
		state, digest := r.m.StateDigest(), r.m.Digest()
		before.Seq = r.seq + 1 // it landed after the change, in its own entry or in the same one
		for _, s := range []machine.Stamp{before, {Seq: r.seq, At: r.at, Rules: campaign.Rules, Base: before.Base}} {
			o := r.applyStamped(copyOf(underWay), s)
			if !o.Stale || o.Refusal == nil || o.Refusal.Code != wire.Unavailable || len(o.Events) != 0 {
				t.Errorf("%s of %s: %s", change.kind, change.of, said(o))
			}
		}
		if _, done := r.m.Look(underWay); done || r.m.Digest() != digest || r.m.StateDigest() != state || r.total(idea) != 0 {
			t.Errorf("%s of %s: a stale vote left a trace", change.kind, change.of)
		}
		r.seq++
		as := copyOf(underWay)
		as.Actor = person("cem")
		if may := r.m.Check(as, r.at) == nil; may != change.again {
			t.Errorf("%s of %s: the voter may vote: %v", change.kind, change.of, may)
		}
		if change.again {
			if o := r.apply(copyOf(underWay)); o.Refusal != nil || r.total(idea) != 1 {
				t.Errorf("%s of %s: sent again: %s", change.kind, change.of, said(o))
			}
		}
	}
}

// TestVotesAreJudged: what a vote may be about and say, whatever the room let through.
func TestVotesAreJudged(t *testing.T) {
	r := open(t, nil, "carla", "cem", "fay")
	posted, hidden := r.post("carla", "Een"), r.post("carla", "Twee")
	r.must(r.act(campaign.IdeaModerate, "fay", hidden, "hide", ""))
	vote := func(d campaign.SupportData) string {
		c := r.command(campaign.SupportSet, "cem", &d)
		c.Actor = voter("cem")
		state := r.m.StateDigest()
		o := r.apply(c)
		if o.Refusal != nil && r.m.StateDigest() != state {
			t.Errorf("%+v: refused, but the state is another", d)
		}
		return said(o)
	}
	for _, c := range []struct {
		d    campaign.SupportData
		want string
	}{
		{campaign.SupportData{Idea: hidden, Value: 1}, "refused: not_found idea no_idea"},
		{campaign.SupportData{Idea: commandID(1), Value: 1}, "refused: not_found idea no_idea"},
		{campaign.SupportData{Value: 1}, "refused: not_found idea no_idea"},
		{campaign.SupportData{Idea: posted, Value: 2}, "refused: bad_request value bad_value"},
		{campaign.SupportData{Idea: posted, Value: -2}, "refused: bad_request value bad_value"},
		{campaign.SupportData{Idea: posted, Value: -1}, "refused: bad_request value no_against"},
		{campaign.SupportData{Idea: posted, Value: 1, Group: 5}, "refused: bad_request value bad_value"},
		{campaign.SupportData{Idea: posted, Value: 1, Group: 4}, "done"},
	} {
		if got := vote(c.d); got != c.want && (c.want != "done" || got != fmt.Sprintf("done in %d", r.seq)) {
			t.Errorf("%+v: %s, want %s", c.d, got, c.want)
		}
	}
	for stage, allowed := range map[string]bool{"collect": true, "refine": true, "vote": true, "result": false, "draft": false} {
		r.stage(stage)
		if got := vote(campaign.SupportData{Idea: posted, Value: 1}); (got == fmt.Sprintf("done in %d", r.seq)) != allowed {
			t.Errorf("in stage %s: %s", stage, got)
		}
	}
}

// TestIdempotent: what a command made keeps its name for ever. Within the window the first answer comes back, also if it was a refusal; after it
// `duplicate`; the same id from somebody else or with other content is refused on either side.
func TestIdempotent(t *testing.T) {
	r := open(t, nil, "carla", "cem")
	post := r.command(campaign.IdeaPost, "carla", ideaData("carla", "Een"))
	first := r.must(r.apply(copyOf(post)))
	_, idea := campaign.Made(post)
	say := r.command(campaign.CommentPost, "carla", &campaign.CommentData{Idea: idea, Kind: "question", Text: by("carla", "Wanneer?")})
	r.must(r.apply(copyOf(say)))
	nothing := r.command(campaign.IdeaRetract, "carla", &campaign.ActData{Idea: commandID(5), Reason: by("carla", "")})
	refusal := r.apply(copyOf(nothing))

	again := func(c *machine.Command) string {
		t.Helper()
		digest := r.m.Digest()
		o := r.apply(copyOf(c))
		if r.m.Digest() != digest || len(o.Events) != 0 {
			t.Errorf("%s once more did something", c.Type)
		}
		if looked, done := r.m.Look(c); !done || said(looked) != said(o) {
			t.Errorf("Look says %s, Apply %s", said(looked), said(o))
		}
		return said(o)
	}
	steal := func(c *machine.Command) *machine.Command { c = copyOf(c); c.Actor = person("cem"); return c }
	change := func(c *machine.Command) *machine.Command { c = copyOf(c); c.Tag++; return c }
	want := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	want(again(post), said(first))
	want(again(nothing), said(refusal))
	want(again(steal(post)), "refused: forbidden id id_of_another")
	want(again(change(post)), "refused: conflict id id_used")
	for range machine.Window {
		r.must(r.apply(r.command(campaign.IdeaReport, "carla", &campaign.ActData{Idea: idea, Reason: by("carla", "")})))
	}
	want(again(post), "refused: duplicate id done_before")
	want(again(say), "refused: duplicate id done_before")
	want(again(steal(post)), "refused: forbidden id id_of_another")
	want(again(steal(say)), "refused: forbidden id id_of_another")
	r.m = restored(t, r.m)
	want(again(post), "refused: duplicate id done_before")
	if n := len(r.m.Board().All()); n != 1 {
		t.Errorf("%d ideas", n)
	}
	if _, done := r.m.Look(nothing); done {
		t.Error("a forgotten refusal is remembered")
	}
}
