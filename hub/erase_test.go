package hub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kiem/hub/campaign"
	"kiem/hub/directory"
	"kiem/hub/journal"
	"kiem/hub/journal/memlog"
	"kiem/hub/journal/sqlitelog"
	"kiem/hub/machine"
	"kiem/hub/vault"
	"kiem/hub/wire"
	"kiem/id"
	"kiem/ideas"
)

// The words and the name that have to be gone.
const (
	canaryName = "Kanarie Naamsma"
	canaryWord = "kanariewoord"
)

// leaves makes somebody take part in every way, and gives who it is.
func leaves(t *testing.T, r *Room, organiser id.ID) (who, idea id.ID) {
	t.Helper()
	who = id.Derive(campaignID, "kanarie")
	if _, refusal, err := r.Join(t.Context(), Joining{Participant: who, Name: canaryName, Organisation: "Stichting " + canaryWord, Data: campaign.JoinData{Group: "citizen"}}); err != nil || refusal != nil {
		t.Fatal(refusal, err)
	}
	must := func(c *machine.Command) {
		t.Helper()
		if o := do(t, r, c); o.Refusal != nil {
			t.Fatalf("%s: %v", c.Type, o.Refusal)
		}
	}
	words := func(s string) ideas.Text { return ideas.NewText(who, s+" "+canaryWord) }
	c := command(campaign.IdeaPost, who, &campaign.IdeaData{Title: words("titel"), Text: words("tekst"), Need: words("nood")})
	must(c)
	_, idea = campaign.Made(c)
	must(command(campaign.IdeaEdit, who, &campaign.IdeaData{Idea: idea, Changes: []string{"text"}, Title: ideas.NewText(who, ""), Text: words("andere tekst"), Need: ideas.NewText(who, "")}))
	must(command(campaign.CommentPost, who, &campaign.CommentData{Idea: idea, Kind: "question", Text: words("vraag")}))
	must(moderate(organiser, idea, "pin"))
	return who, idea
}

// gone looks for the canary in everything that a room holds or shows.
func gone(t *testing.T, r *Room, who id.ID) {
	t.Helper()
	look := func(where string, b []byte) {
		t.Helper()
		for _, secret := range []string{canaryName, canaryWord} {
			if bytes.Contains(b, []byte(secret)) {
				t.Errorf("%q stands in %s", secret, where)
			}
		}
	}
	for _, audience := range machine.Audiences {
		page, err := r.Snapshot(t.Context(), audience, Page{})
		if err != nil {
			t.Fatal(err)
		}
		look(fmt.Sprint("the snapshot of ", audienceName(audience)), page.JSON)
	}
	if err := r.Do(t.Context(), func() {
		ring := r.feed.ring
		ring.mu.Lock()
		for _, e := range ring.events {
			for _, b := range e.json {
				look("the ring", b)
			}
			look("the ring", e.own)
		}
		ring.mu.Unlock()
		for n := range r.views.ideas {
			for _, b := range r.views.ideas[n] {
				look("the cache of ideas", b)
			}
		}
		r.views.mu.Lock()
		for _, p := range r.views.pages {
			look("the cache of pages", p.JSON)
		}
		r.views.mu.Unlock()
		look("the state", r.seq.state())
		r.machine().Texts(func(text *ideas.Text) { look("a text", []byte(text.Words())) })
		if r.people.knows(who) || r.people.sealer(who) != nil {
			t.Error("the room still has the key")
		}
		look("the scratch", r.scratch[:cap(r.scratch)])
	}); err != nil {
		t.Fatal(err)
	}
}

func TestErase(t *testing.T) {
	s := newStand(t, memlog.Options{}, func(c *Config) { c.SnapshotEntries = 4 })
	other := s.join("Bo")
	who, idea := leaves(t, s.room, s.organiser)
	watcher := connect(t, s.room, other, Resume{}, pipe)
	own := connect(t, s.room, who, Resume{}, pipe)
	s.must(command(campaign.CommentPost, other, &campaign.CommentData{Idea: idea, Kind: "question", Text: ideas.NewText(other, "blijft staan")}))
	s.must(vote(who, idea, 1))
	watcher.seen(s.head())
	if page, err := s.room.Snapshot(t.Context(), machine.Public, Page{}); err != nil || !strings.Contains(string(page.JSON), canaryWord) || !strings.Contains(string(page.JSON), canaryName) {
		t.Fatal("the test sees nothing before the erasure")
	}
	before := s.entries()
	if refusal, err := s.room.Erase(t.Context(), who); err != nil || refusal != nil {
		t.Fatal(refusal, err)
	}
	own.closedWith(wire.CloseUnauthorised)
	watcher.seen(s.head())
	gone(t, s.room, who)
	fresh := connect(t, s.room, other, Resume{}, pipe)
	fresh.until("hello", func() bool { return fresh.hello != nil })
	for _, secret := range []string{canaryName, canaryWord} {
		if fresh.saw(secret) {
			t.Errorf("a client that comes is shown %q", secret)
		}
	}
	if _, err := s.vault.Put(t.Context(), campaignID, vault.Person{ID: who}); !errors.Is(err, vault.ErrErased) {
		t.Errorf("the vault: %v", err)
	}
	// The sealed bytes are gone from the log, its chain is not broken, others' words stand.
	after, sealed := s.entries(), 0
	for n, stored := range after {
		e, err := journal.Decode(stored.Body)
		if err != nil {
			t.Fatal(err)
		}
		if n < len(before) && !bytes.Equal(stored.Body, before[n].Body) {
			sealed++
		}
		for i := range e.Records {
			if blank(e, who) {
				t.Errorf("entry %d still has sealed words: %s", stored.Seq, e.Records[i].Type)
			}
		}
	}
	if sealed < 3 {
		t.Errorf("%d entries were changed", sealed)
	}
	state := see(t, s.room)
	if !strings.Contains(state, "blijft staan") || !strings.Contains(state, "▒") {
		t.Error("the words of others are gone too, or there is no filler")
	}
	s.must(vote(other, idea, 1))
	if refusal, err := s.room.Erase(t.Context(), who); err != nil || refusal != nil {
		t.Errorf("erased twice: %v %v", refusal, err)
	}
	state = see(t, s.room)
	s.hub.Close()

	_, h := s.node(memlog.Options{}, nil)
	r, err := h.Room(t.Context(), campaignID)
	if err != nil {
		t.Fatal(err)
	}
	if again := see(t, r); again != state {
		t.Errorf("after a restart:\n%s\nbefore:\n%s", again, state)
	}
	gone(t, r, who)
}

// An erasure that a crash or a failing vault interrupted is finished: by whoever asks again, or when the room opens.
func TestEraseIsFinished(t *testing.T) {
	for _, how := range []string{"asked again", "opened again"} {
		t.Run(how, func(t *testing.T) {
			s := newStand(t, memlog.Options{}, nil)
			who, _ := leaves(t, s.room, s.organiser)
			s.vault.breakDown(vault.ErrUnavailable)
			if refusal, err := s.room.Erase(t.Context(), who); err != nil || refusal == nil || refusal.Code != wire.Unavailable {
				t.Fatalf("with a vault that fails: %v %v", refusal, err)
			}
			s.vault.breakDown(nil)
			r := s.room
			if how == "asked again" {
				if refusal, err := r.Erase(t.Context(), who); err != nil || refusal != nil {
					t.Fatal(refusal, err)
				}
			} else {
				s.hub.Close()
				_, h := s.node(memlog.Options{}, nil)
				var err error
				if r, err = h.Room(t.Context(), campaignID); err != nil {
					t.Fatal(err)
				}
			}
			gone(t, r, who)
			if _, err := s.vault.Put(t.Context(), campaignID, vault.Person{ID: who}); !errors.Is(err, vault.ErrErased) {
				t.Errorf("the vault: %v", err)
			}
		})
	}
}

// With files: when the erasure is answered, no byte of the words or the name is in any of them.
func TestEraseLeavesNoByte(t *testing.T) {
	dir := t.TempDir()
	ctx := context.Background()
	j, err := sqlitelog.Open(ctx, dir, sqlitelog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	v, err := vault.OpenLite(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	h := newHub(t, j, v, &localBus{})
	defer h.Close()
	r := create(t, h)
	who, _ := leaves(t, r, Owner{Account: directory.Admin}.Participant(campaignID))
	key, err := v.Get(ctx, campaignID, who)
	if err != nil || len(key) != 1 {
		t.Fatal(err)
	}
	sealed := r.sealedBytes(t, who)
	if refusal, err := r.Erase(ctx, who); err != nil || refusal != nil {
		t.Fatal(refusal, err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		secrets := append([][]byte{[]byte(canaryName), []byte(canaryWord), key[0].Key[:]}, sealed...)
		for _, secret := range secrets {
			if bytes.Contains(b, secret) {
				t.Errorf("%s still holds %.20q", filepath.Base(f), secret)
			}
		}
	}
}

// sealedBytes is what stands sealed in the log of what somebody wrote.
func (r *Room) sealedBytes(t *testing.T, who id.ID) (list [][]byte) {
	t.Helper()
	stored, err := r.log.Read(t.Context(), 0, ReadEntries)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range stored {
		e, err := journal.Decode(s.Body)
		if err != nil {
			t.Fatal(err)
		}
		for i := range e.Records {
			rec, err := reveal(&e.Records[i])
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range rec.Parts {
				if p.Kind == journal.Sealed && rec.Actor == who {
					list = append(list, p.Bytes)
				}
			}
		}
	}
	if len(list) < 4 {
		t.Fatalf("%d sealed texts", len(list))
	}
	return list
}
