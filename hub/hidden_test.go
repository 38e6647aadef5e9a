package hub

import (
	"bytes"
	"context"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"kiem/hub/campaign"
	"kiem/hub/journal"
	"kiem/hub/journal/memlog"
	"kiem/hub/machine"
	"kiem/id"
	"kiem/ideas"
)

// TestPublicFormNamesNobody: somebody does everything that a person can do, and things are done to them. In the public form of every entry stands none of
// their ids, no id that derives from theirs, no channel, no word and no choice; nor an id of a command, but for votes, whose ids their own client makes.
func TestPublicFormNamesNobody(t *testing.T) {
	s := newStand(t, memlog.Options{}, nil)
	fay := s.join("Fay")
	s.must(command(campaign.RoleGrant, s.organiser, &campaign.ParticipantData{Participant: fay, Role: "facilitator"}))
	who, idea := leaves(t, s.room, s.organiser)
	const channel = "kanariekanaal"
	ben := id.Derive(campaignID, "ben")
	if _, refusal, err := s.room.Join(t.Context(), Joining{Participant: ben, Name: "Ben", Data: campaign.JoinData{Group: "firm", Channel: channel, Entrepreneur: true}}); err != nil || refusal != nil {
		t.Fatal(refusal, err)
	}
	var sent []id.ID
	must := func(c *machine.Command) {
		t.Helper()
		sent = append(sent, c.ID)
		s.must(c)
	}
	must(command(campaign.IdeaReport, ben, &campaign.ActData{Idea: idea, Reason: ideas.NewText(ben, "ongepast "+canaryWord)}))
	must(moderate(fay, idea, "lock"))
	must(command(campaign.ParticipantMute, fay, &campaign.ParticipantData{Participant: ben, Muted: true}))
	must(command(campaign.IdeaAnswer, s.organiser, &campaign.ActData{Idea: idea, Action: "done", Reason: ideas.NewText(s.organiser, canaryWord)}))
	s.must(vote(ben, idea, 1))
	must(command(campaign.ParticipantRemove, fay, &campaign.ParticipantData{Participant: ben}))
	must(command(campaign.StageSet, s.organiser, &campaign.StageData{Stage: "vote"}))
	if refusal, err := s.room.Erase(t.Context(), who); err != nil || refusal != nil {
		t.Fatal(refusal, err)
	}
	secrets := [][]byte{[]byte(channel), []byte(canaryWord), []byte(canaryName)}
	for _, i := range append([]id.ID{who, ben, fay, idea, id.Derive(who, "join"), id.Derive(ben, "join"), id.Derive(who, "erase")}, sent[:len(sent)-1]...) {
		secrets = append(secrets, i[:], []byte(i.String()), []byte(hex.EncodeToString(i[:])))
	}
	types := map[string]int{}
	for _, stored := range s.entries() {
		e, err := journal.Decode(stored.Body)
		if err != nil {
			t.Fatal(err)
		}
		public := e.Public()
		for _, secret := range secrets {
			if bytes.Contains(public, secret) {
				t.Errorf("entry %d (%s) says %q in the open", stored.Seq, e.Records[0].Type, secret)
			}
		}
		for i := range e.Records {
			types[e.Records[i].Type]++
			if !bytes.Contains(public, []byte(e.Records[i].Type)) {
				t.Errorf("entry %d does not say that it is a %s", stored.Seq, e.Records[i].Type)
			}
		}
	}
	for _, kind := range []string{campaign.Join, campaign.IdeaPost, campaign.IdeaReport, campaign.ParticipantMute, campaign.SupportSet, campaign.PersonErased, campaign.StageSet} {
		if types[kind] == 0 {
			t.Errorf("nobody did %s: this proves nothing of it", kind)
		}
	}
}

// TestStillIsTheRoom: a campaign read beside its room, from the log and the vault alone, is the one that the room shows, at the same position; with a snapshot
// and without one; and an erased person has no words in it.
func TestStillIsTheRoom(t *testing.T) {
	for _, every := range []int{0, 4} {
		s := newStand(t, memlog.Options{}, func(c *Config) { c.SnapshotEntries = every })
		who, idea := leaves(t, s.room, s.organiser)
		bo := s.join("Bo")
		s.must(command(campaign.CommentPost, bo, &campaign.CommentData{Idea: idea, Kind: "question", Text: ideas.NewText(bo, "blijft staan")}))
		s.must(vote(bo, idea, 1))
		for _, erased := range []bool{false, true} {
			if erased {
				if refusal, err := s.room.Erase(t.Context(), who); err != nil || refusal != nil {
					t.Fatal(refusal, err)
				}
			}
			still, err := ReadStill(t.Context(), s.journal, s.vault, campaignID)
			if err != nil {
				t.Fatal(err)
			}
			for _, audience := range machine.Audiences {
				var live string
				var at Position
				if err := s.room.Stand(t.Context(), audience, func(v campaign.View, _ *campaign.Machine, p Position) {
					live, at = shownBy(s.room, v), p
				}); err != nil {
					t.Fatal(err)
				}
				read := shownBy(s.room, still.View(audience))
				if read != live || still.Position != at {
					t.Errorf("snapshots %d, erased %v: at %v\n%s\nthe room at %v\n%s", every, erased, still.Position, read, at, live)
				}
				if strings.Contains(read, canaryWord) == erased || strings.Contains(read, canaryName) == erased || !strings.Contains(read, "blijft staan") {
					t.Errorf("erased %v: %s", erased, read)
				}
			}
			if err := still.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	s := newStand(t, memlog.Options{}, nil)
	if _, err := ReadStill(context.Background(), s.journal, s.vault, id.ID{9}); err == nil || !strings.Contains(err.Error(), ErrNoCampaign.Error()) {
		t.Errorf("a campaign that is not there: %v", err)
	}
}

func shownBy(r *Room, v campaign.View) string {
	return string(slices.Concat(r.mustJSON(v.Campaign()), r.mustJSON(v.Ideas())))
}

// FuzzReveal: what is stored as hidden is read or refused, and what is read is stored again as it was.
func FuzzReveal(f *testing.F) {
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{1}, 35))
	f.Add(append(bytes.Repeat([]byte{7}, 32), 0x80, 1, 2, 3, '{', '}'))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := reveal(&journal.Record{Type: campaign.IdeaPost, Parts: []journal.Part{journal.NewPart(journal.Hidden, [16]byte{}, b)}})
		if err != nil {
			return
		}
		again, err := reveal(&journal.Record{Type: campaign.IdeaPost, Parts: []journal.Part{journal.NewPart(journal.Hidden, [16]byte{}, appendHidden(nil, r))}})
		if err != nil || again.ID != r.ID || again.Actor != r.Actor || again.N != r.N || again.Tag != r.Tag || !bytes.Equal(again.Data, r.Data) {
			t.Fatalf("%+v, %+v, %v", r, again, err)
		}
	})
}
