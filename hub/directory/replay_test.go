package directory_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"kiem/hub/directory"
	"kiem/hub/machine"
	"kiem/id"
)

// TestRandomCommands sends random commands and holds what must always be true: replay and snapshot give the same digest, no code and no link is used twice,
// refused commands change nothing but the answers.
func TestRandomCommands(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := newBench(t)
		accounts := []id.ID{directory.Admin, {}}
		campaigns := []id.ID{number(1), number(2), number(3)}
		codes := []string{"AAAAAA", "BBBBBB", "CCCCCC"}
		wins := map[directory.Hash]int{}
		pick := func(list []id.ID, label string) id.ID { return rapid.SampledFrom(list).Draw(rt, label) }
		steps := rapid.IntRange(1, 60).Draw(rt, "steps")
		for range steps {
			n := rapid.IntRange(1, 80).Draw(rt, "command")
			actor := pick(accounts, "actor")
			secret := rapid.IntRange(1, 3).Draw(rt, "secret")
			var data any
			kind := rapid.SampledFrom([]string{
				directory.CampaignRegister, directory.CampaignRetitle, directory.CampaignClose, directory.AccountCreate, directory.AccountJoin,
				directory.AccountErase, directory.LinkCreate, directory.LinkUse, directory.LinkUse,
			}).Draw(rt, "kind")
			switch kind {
			case directory.CampaignRegister:
				data = &directory.RegisterData{Campaign: pick(campaigns, "campaign"), Code: rapid.SampledFrom(codes).Draw(rt, "code"), Title: "t", Owner: pick(accounts, "owner")}
			case directory.CampaignRetitle, directory.CampaignClose:
				data = &directory.CampaignData{Campaign: pick(campaigns, "campaign"), Title: rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "title")}
			case directory.LinkCreate:
				data = &directory.LinkData{
					Hash: hash(secret), Kind: rapid.SampledFrom([]string{directory.SignIn, directory.Invite}).Draw(rt, "link"), Account: pick(accounts, "account"),
					Campaign: pick(campaigns, "campaign"), Expires: b.at + rapid.Int64Range(-10, 1000).Draw(rt, "life"), Uses: rapid.IntRange(1, 3).Draw(rt, "uses"),
				}
			case directory.LinkUse:
				data = &directory.UseData{Hash: hash(secret)}
			default:
				data = &directory.AccountData{Account: pick(accounts, "account"), Campaign: pick(campaigns, "campaign"), Participant: pick(campaigns, "participant")}
			}
			c := machine.Command{Type: kind, ID: number(n), Actor: actor, Tag: uint64(len(kind)), Data: data}
			b.seq++
			b.at += rapid.Int64Range(-500, 900).Draw(rt, "clock")
			s := machine.Stamp{Seq: b.seq, At: b.at}
			digest := b.m.Digest()
			_, seen := b.m.Look(&c)
			check := b.m.Check(&c, b.at)
			o := b.m.Apply(&c, s)
			b.log = append(b.log, step{c, s})
			switch {
			case seen && b.m.Digest() != digest:
				rt.Fatalf("%s sent again changed the state", kind)
			case !seen && check == nil && o.Refusal != nil:
				rt.Fatalf("%s: Check let pass what Apply refuses: %v", kind, o.Refusal)
			case !seen && o.Refusal == nil && kind == directory.AccountCreate:
				accounts = append(accounts, directory.Made(&c))
			case !seen && o.Refusal == nil && kind == directory.LinkUse:
				wins[hash(secret)]++
				if l := b.m.Link(hash(secret)); wins[hash(secret)] > l.Uses || b.at >= l.Expires || l.Left() != l.Uses-wins[hash(secret)] {
					rt.Fatalf("link %d: used %d times, %+v", secret, wins[hash(secret)], l)
				}
			}
		}
		byCode := map[string]id.ID{}
		for _, c := range b.m.Campaigns() {
			if other, ok := byCode[c.Code]; ok {
				rt.Fatalf("%v and %v have the code %s", c.ID, other, c.Code)
			}
			byCode[c.Code] = c.ID
			if b.m.ByCode(c.Code) != c || b.m.Campaign(c.ID) != c {
				rt.Fatal("the indexes differ")
			}
		}
		cut := rapid.IntRange(0, len(b.log)).Draw(rt, "snapshot after")
		replay := directory.New()
		for n, s := range b.log {
			if n == cut {
				restored := directory.New()
				if err := restored.Restore(replay.Snapshot()); err != nil {
					rt.Fatal(err)
				}
				if restored.Digest() != replay.Digest() || !bytes.Equal(restored.Snapshot(), replay.Snapshot()) {
					rt.Fatal("a restored machine differs")
				}
				replay = restored
			}
			replay.Apply(&s.c, s.s)
		}
		if replay.Digest() != b.m.Digest() {
			rt.Fatal("replay differs from live")
		}
	})
}

// story is a log in which every type of command is done and refused once.
func story(t testing.TB) *bench {
	b := newBench(t)
	ana, bo := b.account(1, true), b.account(2, false)
	b.campaign(3, ana, spring, "KM37QP")
	b.campaign(4, ana, autumn, "KM37QP")
	b.campaign(5, ana, autumn, "ABC234")
	b.apply(directory.CampaignRetitle, 6, ana, &directory.CampaignData{Campaign: spring, Title: "Zomer in de stad"})
	b.apply(directory.AccountJoin, 7, bo, &directory.AccountData{Account: bo, Campaign: autumn, Participant: number(71)})
	b.apply(directory.AccountJoin, 8, bo, &directory.AccountData{Account: bo, Campaign: spring, Participant: number(72)})
	b.link(9, 1, directory.LinkData{Kind: directory.SignIn, Account: bo, Browser: hash(8), Uses: 1})
	b.link(10, 2, directory.LinkData{Kind: directory.Invite, Campaign: spring, Role: "juror", Uses: 5, Expires: b.at + 1000})
	b.use(11, 1, hash(8))
	b.use(12, 1, hash(8))
	b.at += 500
	b.use(13, 2, directory.Hash{})
	b.use(14, 2, directory.Hash{})
	b.apply(directory.CampaignClose, 15, ana, &directory.CampaignData{Campaign: autumn})
	b.apply(directory.AccountErase, 16, bo, &directory.AccountData{Account: bo})
	return b
}

// TestStory holds the digest of rules version 1: a log written by a released version must give the same state for ever.
func TestStory(t *testing.T) {
	b := story(t)
	digest := b.m.Digest()
	if got, want := hex.EncodeToString(digest[:]), "14f08b86225a9c0045e7f54dd8c4aa3bada041b3d27f98c6b21d61dc2b04ccc7"; got != want {
		t.Errorf("digest %s, was %s", got, want)
	}
	restored := directory.New()
	if err := restored.Restore(b.m.Snapshot()); err != nil || restored.Digest() != digest {
		t.Errorf("restored: %v, %x", err, restored.Digest())
	}
	if l := restored.Link(hash(2)); l == nil || l.Left() != 3 || l.Role != "juror" {
		t.Errorf("restored link: %+v", l)
	}
	if err := restored.Restore([]byte{1, 2, 3}); !errors.Is(err, machine.ErrSnapshot) || restored.Digest() != digest {
		t.Errorf("a failed Restore: %v, and the state must be as before", err)
	}
}

// FuzzRestore: what is read without an error is a state like any other, and nothing else is kept.
func FuzzRestore(f *testing.F) {
	f.Add(directory.New().Snapshot())
	whole := story(f).m.Snapshot()
	f.Add(whole)
	for n := 0; n < len(whole); n += 37 {
		f.Add(whole[:n])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m := directory.New()
		empty := m.Digest()
		if err := m.Restore(b); err != nil {
			if !errors.Is(err, machine.ErrSnapshot) || m.Digest() != empty {
				t.Fatalf("%v, or something was kept", err)
			}
			return
		}
		again := directory.New()
		if err := again.Restore(m.Snapshot()); err != nil {
			t.Fatalf("cannot read what was written: %v", err)
		}
		if again.Digest() != m.Digest() || !bytes.Equal(again.Snapshot(), m.Snapshot()) {
			t.Fatal("read, written and read again, it differs")
		}
		for _, c := range m.Campaigns() {
			if m.ByCode(c.Code) != c {
				t.Fatal("a campaign is not found by its code")
			}
			m.CampaignsOf(c.Owner)
		}
	})
}
