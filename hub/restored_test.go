package hub

import (
	"context"
	"slices"
	"testing"
	"time"

	"kiem/hub/journal/memlog"
	"kiem/id"
)

// TestBeginEpochs: every log gets a new epoch, once for each call, and the rooms go on.
func TestBeginEpochs(t *testing.T) {
	s := newStand(t, memlog.Options{}, nil)
	ana := s.join("Ana")
	_, was, _ := s.room.Position(t.Context())
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for n := range uint64(2) {
		if err := s.hub.BeginEpochs(ctx); err != nil {
			t.Fatal(err)
		}
		if _, now, _ := s.room.Position(ctx); now != was+n+1 {
			t.Errorf("epoch %d, want %d", now, was+n+1)
		}
	}
	s.post(ana, "Idee")
	if _, now, _ := s.reopen(memlog.Options{}).Position(ctx); now != was+2 {
		t.Errorf("after a restart epoch %d, want %d", now, was+2)
	}
	if l := s.verified(s.log, VerifyOptions{}); len(l.Problems) > 0 || l.Epoch != was+2 {
		t.Errorf("%+v", l)
	}
}

// TestForget: people are erased again, also those whose key is gone already; whom the campaign does not know is passed over, and so is a campaign that there is not.
func TestForget(t *testing.T) {
	s := newStand(t, memlog.Options{}, nil)
	ana, bo, cees := s.join("Ana"), s.join("Bo"), s.join("Cees")
	s.post(ana, "Idee")
	if err := s.vault.Erase(t.Context(), campaignID, bo); err != nil {
		t.Fatal(err)
	}
	s.room = s.reopen(memlog.Options{})
	h := s.room.hub
	list := []id.ID{ana, bo, id.Derive(campaignID, "stranger")}
	for n, want := range []int{2, 0} {
		known, err := h.Forget(t.Context(), campaignID, list)
		if err != nil || known != want {
			t.Errorf("time %d: %d, %v; want %d", n, known, err, want)
		}
	}
	if known, err := h.Forget(t.Context(), id.Derive(campaignID, "another"), list); known != 0 || err != nil {
		t.Errorf("a campaign that there is not: %d, %v", known, err)
	}
	l := s.verified(s.log, VerifyOptions{})
	if len(l.Problems) > 0 || !slices.Contains(l.Erased, ana) || !slices.Contains(l.Erased, bo) || slices.Contains(l.Erased, cees) {
		t.Errorf("erased are %v, problems %v", l.Erased, l.Problems)
	}
}
