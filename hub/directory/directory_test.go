package directory_test

import (
	"encoding/binary"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kiem/hub/directory"
	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/id"
)

// bench is a directory with a clock and a log.
type bench struct {
	t   testing.TB
	m   *directory.Machine
	seq uint64
	at  int64
	log []step
}

type step struct {
	c machine.Command
	s machine.Stamp
}

const start = 1_700_000_000_000

func newBench(t testing.TB) *bench { return &bench{t: t, m: directory.New(), at: start} }

func number(n int) (i id.ID) {
	i[0] = 3
	binary.BigEndian.PutUint64(i[8:], uint64(n))
	return i
}

// apply sends a command as a room does: it is stored as JSON and read back, checked, applied.
func (b *bench) apply(kind string, n int, actor id.ID, data any) machine.Outcome {
	b.t.Helper()
	text, err := json.Marshal(data)
	if err != nil {
		b.t.Fatal(err)
	}
	c := machine.Command{Type: kind, ID: number(n), Actor: actor, Tag: uint64(n), Data: directory.NewData(kind)}
	if err := json.Unmarshal(text, c.Data); err != nil {
		b.t.Fatalf("%s: %v", text, err)
	}
	if diff := cmp.Diff(data, c.Data); diff != "" {
		b.t.Fatalf("%s does not come back from the log: %s", kind, diff)
	}
	b.seq++
	s := machine.Stamp{Seq: b.seq, At: b.at, Rules: directory.Rules}
	before := b.m.Digest()
	check := b.m.Check(&c, b.at)
	o := b.m.Apply(&c, s)
	if check == nil && o.Refusal != nil {
		b.t.Fatalf("%s: Check let pass what Apply refuses at the same moment: %v", kind, o.Refusal)
	}
	again, done := b.m.Look(&c)
	if !done || again.Refusal == nil != (o.Refusal == nil) {
		b.t.Fatalf("%s: Look after Apply: %v, %v", kind, again, done)
	}
	if o.Refusal != nil && len(o.Events) > 0 {
		b.t.Fatalf("%s was refused and has events", kind)
	}
	if o.Refusal == nil && before == b.m.Digest() {
		b.t.Fatalf("%s was done and the digest does not show it", kind)
	}
	b.log = append(b.log, step{c, s})
	return o
}

func (b *bench) want(o machine.Outcome, code wire.Code, reason string) {
	b.t.Helper()
	switch {
	case code == "" && o.Refusal != nil:
		b.t.Fatalf("refused: %v", o.Refusal)
	case code != "" && (o.Refusal == nil || o.Refusal.Code != code || o.Refusal.Reason != reason):
		b.t.Fatalf("got %v, want %s %s", o.Refusal, code, reason)
	}
}

// account makes an account by command n and gives its id.
func (b *bench) account(n int, organiser bool) id.ID {
	b.t.Helper()
	b.want(b.apply(directory.AccountCreate, n, directory.Admin, &directory.AccountData{Organiser: organiser}), "", "")
	return directory.Made(&machine.Command{Type: directory.AccountCreate, ID: number(n)})
}

var (
	spring = number(5001)
	autumn = number(5002)
)

func (b *bench) campaign(n int, owner, campaign id.ID, code string) machine.Outcome {
	return b.apply(directory.CampaignRegister, n, owner, &directory.RegisterData{Campaign: campaign, Code: code, Title: "Lente", Owner: owner, Created: b.at})
}

func TestRegister(t *testing.T) {
	b := newBench(t)
	ana := b.account(1, true)
	b.want(b.campaign(2, ana, spring, "KM37QP"), "", "")
	b.want(b.campaign(3, ana, autumn, "KM37QP"), wire.Conflict, "code_taken")
	b.want(b.campaign(4, ana, spring, "ABC234"), wire.Conflict, "exists")
	b.want(b.campaign(5, ana, autumn, "km37qq"), wire.BadRequest, "bad_code")
	b.want(b.campaign(6, number(99), autumn, "ABC234"), wire.NotFound, "no_account")
	b.want(b.campaign(7, directory.Admin, autumn, "ABC234"), "", "")
	b.want(b.apply(directory.CampaignRegister, 8, ana, &directory.RegisterData{Campaign: number(5003), Code: "ABC235", Title: "x", Owner: directory.Admin}),
		wire.Forbidden, "no_right")
	if got := b.m.ByCode(" km3-7qp "); got == nil || got.ID != spring || got.Owner != ana || got.CreatedAt != start {
		t.Errorf("by code: %+v", got)
	}
	if b.m.ByCode("KM37QX") != nil || b.m.ByCode("") != nil {
		t.Error("a code that was not registered names a campaign")
	}
	// A closed campaign keeps its code.
	b.want(b.apply(directory.CampaignClose, 9, ana, &directory.CampaignData{Campaign: spring}), "", "")
	b.want(b.campaign(10, ana, number(5004), "KM37QP"), wire.Conflict, "code_taken")
	if got := b.m.ByCode("KM37QP"); got == nil || !got.Closed {
		t.Errorf("after closing: %+v", got)
	}
}

func TestCampaignBelongsToItsOwner(t *testing.T) {
	b := newBench(t)
	ana, bo := b.account(1, true), b.account(2, true)
	b.want(b.campaign(3, ana, spring, "KM37QP"), "", "")
	for n, kind := range []string{directory.CampaignClose, directory.CampaignRetitle} {
		data := &directory.CampaignData{Campaign: spring}
		if kind == directory.CampaignRetitle {
			data.Title = "Zomer"
		}
		b.want(b.apply(kind, 10+n, bo, data), wire.Forbidden, "no_right")
		b.want(b.apply(kind, 20+n, directory.Admin, data), "", "")
		b.want(b.apply(kind, 30+n, id.ID{}, data), "", "") // the server
		if o := b.apply(kind, 40+n, ana, data); o.Refusal != nil || len(o.Events) != 0 {
			t.Errorf("%s again: %v with %d events, want done with none", kind, o.Refusal, len(o.Events))
		}
	}
	if got := b.m.Campaign(spring); !got.Closed || got.Title != "Zomer" {
		t.Errorf("%+v", got)
	}
	b.want(b.apply(directory.CampaignClose, 50, ana, &directory.CampaignData{Campaign: autumn}), wire.NotFound, "no_campaign")
}

func TestCampaignsOf(t *testing.T) {
	b := newBench(t)
	ana, bo, cas := b.account(1, true), b.account(2, false), b.account(3, false)
	b.want(b.campaign(4, ana, spring, "KM37QP"), "", "")
	b.want(b.campaign(5, ana, autumn, "ABC234"), "", "")
	join := func(n int, actor, account, campaign, participant id.ID) machine.Outcome {
		return b.apply(directory.AccountJoin, n, actor, &directory.AccountData{Account: account, Campaign: campaign, Participant: participant})
	}
	b.want(join(6, bo, bo, autumn, number(71)), "", "")
	b.want(join(7, bo, bo, autumn, number(71)), "", "")
	b.want(join(8, bo, bo, autumn, number(72)), wire.Conflict, "joined_as_another")
	b.want(join(9, ana, bo, spring, number(73)), wire.Forbidden, "no_right")
	b.want(join(10, bo, bo, number(5003), number(73)), wire.NotFound, "no_campaign")
	b.want(join(11, id.ID{}, number(98), spring, number(73)), wire.NotFound, "no_account")
	b.want(join(12, id.ID{}, bo, spring, id.ID{}), wire.BadRequest, "no_id")
	b.want(join(13, directory.Admin, directory.Admin, spring, number(74)), "", "")
	names := func(account id.ID) (list []string) {
		for _, c := range b.m.CampaignsOf(account) {
			list = append(list, c.Code)
		}
		return list
	}
	for _, c := range []struct {
		who  string
		id   id.ID
		want []string
	}{{"owner", ana, []string{"KM37QP", "ABC234"}}, {"member", bo, []string{"ABC234"}}, {"nobody", cas, nil}, {"administrator", directory.Admin, []string{"KM37QP"}}} {
		if diff := cmp.Diff(c.want, names(c.id)); diff != "" {
			t.Errorf("%s: %s", c.who, diff)
		}
	}
	if b.m.Participant(bo, autumn) != number(71) || !b.m.Participant(bo, spring).IsZero() || b.m.Members(bo)[autumn] != number(71) {
		t.Error("who is who")
	}
	if !b.m.MayOpen(ana) || b.m.MayOpen(bo) || b.m.MayOpen(number(98)) || !b.m.MayOpen(directory.Admin) {
		t.Error("who may open campaigns")
	}
}

func TestEraseAccount(t *testing.T) {
	b := newBench(t)
	ana, bo := b.account(1, true), b.account(2, false)
	b.want(b.campaign(3, ana, spring, "KM37QP"), "", "")
	b.want(b.apply(directory.AccountJoin, 4, bo, &directory.AccountData{Account: bo, Campaign: spring, Participant: number(71)}), "", "")
	b.want(b.link(5, 1, directory.LinkData{Kind: directory.SignIn, Account: bo, Uses: 1}), "", "")
	erase := func(n int, actor, who id.ID) machine.Outcome {
		return b.apply(directory.AccountErase, n, actor, &directory.AccountData{Account: who})
	}
	b.want(erase(6, ana, bo), wire.Forbidden, "no_right")
	b.want(erase(7, directory.Admin, directory.Admin), wire.Forbidden, "no_right")
	b.want(erase(8, bo, bo), "", "")
	if o := erase(9, bo, bo); o.Refusal != nil || len(o.Events) != 0 {
		t.Errorf("again: %+v", o)
	}
	if b.m.CanSignIn(bo) || len(b.m.CampaignsOf(bo)) != 0 || len(b.m.Members(bo)) != 0 {
		t.Error("the erased account is still somebody")
	}
	b.want(b.use(10, 1, directory.Hash{}), wire.NotFound, "no_link") // a link that was out signs nobody in
	b.want(b.link(11, 2, directory.LinkData{Kind: directory.SignIn, Account: bo, Uses: 1}), wire.NotFound, "no_account")
	b.want(b.apply(directory.AccountJoin, 12, id.ID{}, &directory.AccountData{Account: bo, Campaign: spring, Participant: number(72)}), wire.NotFound, "no_account")
}

func hash(n int) directory.Hash { return directory.HashOf([]byte{byte(n), byte(n >> 8)}) }

// link makes the link of secret number secret, which lives for a quarter of an hour unless d says otherwise.
func (b *bench) link(n, secret int, d directory.LinkData) machine.Outcome {
	d.Hash = hash(secret)
	if d.Expires == 0 {
		d.Expires = b.at + 15*60*1000
	}
	return b.apply(directory.LinkCreate, n, directory.Admin, &d)
}

func (b *bench) use(n, secret int, browser directory.Hash) machine.Outcome {
	return b.apply(directory.LinkUse, n, id.ID{}, &directory.UseData{Hash: hash(secret), Browser: browser})
}

func TestLinkIsUsedOnce(t *testing.T) {
	b := newBench(t)
	ana := b.account(1, true)
	b.want(b.link(2, 1, directory.LinkData{Kind: directory.SignIn, Account: ana, Uses: 1}), "", "")
	b.want(b.link(3, 1, directory.LinkData{Kind: directory.SignIn, Account: ana, Uses: 1}), wire.Conflict, "exists")
	b.want(b.use(4, 2, directory.Hash{}), wire.NotFound, "no_link")
	done := 0
	for n := range 100 { // a hundred redemptions that the log put in a row
		o := b.use(100+n, 1, directory.Hash{})
		if o.Refusal == nil {
			done++
			continue
		}
		b.want(o, wire.Conflict, "link_used")
	}
	if done != 1 {
		t.Errorf("a single link was used %d times", done)
	}
	if l := b.m.Link(hash(1)); l == nil || l.Left() != 0 {
		t.Errorf("%+v", l)
	}
}

// TestUseAgainIsNoSecondUse: the same command, sent again long after its answer was forgotten.
func TestUseAgainIsNoSecondUse(t *testing.T) {
	b := newBench(t)
	ana := b.account(1, true)
	b.want(b.campaign(2, ana, spring, "KM37QP"), "", "")
	b.want(b.link(3, 1, directory.LinkData{Kind: directory.Invite, Campaign: spring, Role: "facilitator", Uses: 3}), "", "")
	b.want(b.use(4, 1, directory.Hash{}), "", "")
	for n := range 2 * machine.Window { // other uses by nobody push the answer out
		b.use(1000+n, 9, directory.Hash{})
	}
	c := &machine.Command{Type: directory.LinkUse, ID: number(4), Tag: 4, Data: &directory.UseData{Hash: hash(1)}}
	o := b.m.Apply(c, machine.Stamp{Seq: b.seq + 1, At: b.at})
	b.want(o, wire.Duplicate, "done_before")
	if l := b.m.Link(hash(1)); l.Left() != 2 {
		t.Errorf("%d uses left, want 2", l.Left())
	}
}

func TestInviteHasItsUses(t *testing.T) {
	b := newBench(t)
	ana := b.account(1, true)
	b.want(b.link(2, 1, directory.LinkData{Kind: directory.Invite, Campaign: spring, Uses: 1}), wire.NotFound, "no_campaign")
	b.want(b.campaign(3, ana, spring, "KM37QP"), "", "")
	b.want(b.link(4, 1, directory.LinkData{Kind: directory.Invite, Campaign: spring, Role: "juror", Uses: 3}), "", "")
	for n := range 3 {
		b.want(b.use(10+n, 1, directory.Hash{}), "", "")
	}
	b.want(b.use(20, 1, directory.Hash{}), wire.Conflict, "link_used")
}

func TestLinkEnds(t *testing.T) {
	b := newBench(t)
	ana := b.account(1, true)
	b.want(b.link(2, 1, directory.LinkData{Kind: directory.SignIn, Account: ana, Uses: 1}), "", "")
	b.want(b.link(3, 2, directory.LinkData{Kind: directory.SignIn, Account: ana, Uses: 1}), "", "")
	b.at += 15*60*1000 - 1
	b.want(b.use(4, 1, directory.Hash{}), "", "")
	b.at++
	b.want(b.use(5, 2, directory.Hash{}), wire.Forbidden, "link_expired")
	// A clock that ran ahead for an hour and makes a link forgets nothing.
	b.at += 3600 * 1000
	b.want(b.link(6, 3, directory.LinkData{Kind: directory.SignIn, Account: ana, Uses: 1}), "", "")
	b.at -= 3600*1000 + 1
	b.want(b.use(7, 2, directory.Hash{}), "", "")
	// Two days later the next link sweeps.
	b.at += 2 * 24 * 3600 * 1000
	b.want(b.link(8, 4, directory.LinkData{Kind: directory.SignIn, Account: ana, Uses: 1}), "", "")
	for secret, there := range map[int]bool{1: false, 2: false, 3: false, 4: true} {
		if (b.m.Link(hash(secret)) != nil) != there {
			t.Errorf("link %d there: %v, want %v", secret, !there, there)
		}
	}
}

func TestLinkOfOneBrowser(t *testing.T) {
	b := newBench(t)
	ana := b.account(1, true)
	mine := directory.HashOf([]byte("cookie"))
	b.want(b.link(2, 1, directory.LinkData{Kind: directory.SignIn, Account: ana, Browser: mine, Uses: 1}), "", "")
	b.want(b.use(3, 1, directory.Hash{}), wire.Forbidden, "other_browser")
	b.want(b.use(4, 1, directory.HashOf([]byte("other"))), wire.Forbidden, "other_browser")
	b.want(b.use(5, 1, mine), "", "") // and the tries of others did not use it up
}

func TestCheckLimits(t *testing.T) {
	b := newBench(t)
	ana := b.account(1, true)
	b.want(b.campaign(2, ana, spring, "KM37QP"), "", "")
	long := make([]byte, directory.MaxTitle+1)
	for i := range long {
		long[i] = 'x'
	}
	link := func(change func(*directory.LinkData)) *directory.LinkData {
		d := &directory.LinkData{Hash: hash(1), Kind: directory.SignIn, Account: ana, Expires: b.at + 1000, Uses: 1}
		change(d)
		return d
	}
	for name, c := range map[string]struct {
		kind   string
		data   any
		reason string
	}{
		"no title":         {directory.CampaignRegister, &directory.RegisterData{Campaign: autumn, Code: "ABC234", Owner: ana}, "bad_title"},
		"long title":       {directory.CampaignRegister, &directory.RegisterData{Campaign: autumn, Code: "ABC234", Owner: ana, Title: string(long)}, "bad_title"},
		"title not text":   {directory.CampaignRetitle, &directory.CampaignData{Campaign: spring, Title: "\xff"}, "bad_title"},
		"ended link":       {directory.LinkCreate, link(func(d *directory.LinkData) { d.Expires = b.at }), "bad_expiry"},
		"lasting sign-in":  {directory.LinkCreate, link(func(d *directory.LinkData) { d.Expires = b.at + 48*3600*1000 }), "bad_expiry"},
		"sign-in twice":    {directory.LinkCreate, link(func(d *directory.LinkData) { d.Uses = 2 }), "bad_uses"},
		"no uses":          {directory.LinkCreate, link(func(d *directory.LinkData) { d.Uses, d.Kind = 0, directory.Invite }), "bad_uses"},
		"uses without end": {directory.LinkCreate, link(func(d *directory.LinkData) { d.Uses, d.Kind = directory.MaxUses+1, directory.Invite }), "bad_uses"},
		"long role":        {directory.LinkCreate, link(func(d *directory.LinkData) { d.Role = string(long[:directory.MaxRole+1]) }), "bad_role"},
		"no hash":          {directory.LinkCreate, link(func(d *directory.LinkData) { d.Hash = directory.Hash{} }), "no_id"},
		"other kind":       {directory.LinkCreate, link(func(d *directory.LinkData) { d.Kind = "door" }), "bad_kind"},
		"unknown data":     {"campaign.unknown", nil, "unknown_type"},
	} {
		got := b.m.Check(&machine.Command{Type: c.kind, ID: number(77), Actor: ana, Data: c.data}, b.at)
		if got == nil || got.Reason != c.reason {
			t.Errorf("%s: %v, want %s", name, got, c.reason)
		}
	}
	if got := b.m.Check(&machine.Command{Type: directory.LinkCreate, ID: number(77), Actor: ana, Data: link(func(*directory.LinkData) {})}, b.at); got != nil {
		t.Errorf("a proper link: %v", got)
	}
}

func TestSameIDOtherContent(t *testing.T) {
	b := newBench(t)
	ana := b.account(1, true)
	b.want(b.campaign(2, ana, spring, "KM37QP"), "", "")
	was := b.log[len(b.log)-1].c
	stamp := machine.Stamp{Seq: 99, At: b.at}
	digest := b.m.Digest()
	again := was
	if o := b.m.Apply(&again, stamp); o.Refusal != nil || o.Seq != 2 || len(o.Events) != 0 {
		t.Errorf("again: %+v, want the first answer", o)
	}
	other := was
	other.Tag++
	b.want(b.m.Apply(&other, stamp), wire.Conflict, "id_used")
	thief := was
	thief.Actor = number(98)
	b.want(b.m.Apply(&thief, stamp), wire.Forbidden, "id_of_another")
	if b.m.Digest() != digest {
		t.Error("a repeated command changed the state")
	}
}
