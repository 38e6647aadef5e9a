package main_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"kiem/hub/journal"
	"kiem/hub/journal/journaltest"
	"kiem/hub/journal/sqlitelog"
)

// TestPromiseBadNetwork is P10: everybody is behind a network that cuts, freezes, flaps, tears frames and passes on byte by byte. Over any number of reconnects each client sees every change exactly once
// and in order, without a gap from one message to the next; what each saw is compared with what was acknowledged and with the journal itself.
func TestPromiseBadNetwork(t *testing.T) {
	promise(t)
	data := filepath.Join(t.TempDir(), "data")
	server := serveKiem(t, kiemBinary(t), data)
	server.start()
	network := newRelay(t, server.addr)
	people := whenSoaking(200, 1000)
	a := assemble(t, server, people, at(network.addr()), time.Duration(people)*10*time.Millisecond)
	network.bad.Store(true)
	network.cutAll()
	stop := a.act(1, time.Duration(len(a.people))*time.Millisecond)
	for range journaltest.Rounds(t, 0, 2) {
		pause(3 * time.Second)
		network.refuse.Store(true) // away for a moment
		network.cutAll()
		pause(200 * time.Millisecond)
		network.refuse.Store(false)
	}
	pause(time.Second)
	network.bad.Store(false)
	network.cutAll() // what is still frozen
	stop()
	a.check(server)
	t.Logf("%d connections were bad ones", network.cuts)
	if network.cuts < 2*len(a.people) {
		t.Error("hardly anybody was cut: nothing was tried")
	}
	server.terminate()
	a.inJournal(data)
}

// inJournal compares the book with the entries on the disk: they are read by number, and each holds as many idea.post as were acknowledged with that number.
func (a *assembly) inJournal(data string) {
	a.t.Helper()
	ctx := context.Background()
	j, err := sqlitelog.OpenReadOnly(ctx, data, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	defer j.Close()
	l, err := j.Open(ctx, "c:"+a.campaign)
	if err != nil {
		a.t.Fatal(err)
	}
	head, err := l.Head(ctx)
	if err != nil {
		a.t.Fatal(err)
	}
	posts := map[uint64]int{}
	at := journal.Chain{Hash: journal.Genesis("c:" + a.campaign)}
	for at.Seq < head {
		list, err := l.Read(ctx, at.Seq, 1000)
		if err != nil || len(list) == 0 {
			a.t.Fatalf("reading after entry %d: %d entries, %v", at.Seq, len(list), err)
		}
		for _, stored := range list {
			var e *journal.Entry
			if e, at, err = at.NextStored(stored); err != nil {
				a.t.Fatal(err)
			}
			for i := range e.Records {
				if e.Records[i].Type == "idea.post" {
					posts[at.Seq]++
				}
			}
		}
	}
	acked := map[uint64]int{}
	for _, list := range a.acks {
		for _, one := range list {
			if one.cmd.Type == "idea.post" {
				acked[one.reply.Seq]++
			}
		}
	}
	for seq, n := range acked {
		if posts[seq] < n { // more: sent again before the first was answered, and void
			a.t.Errorf("entry %d holds %d ideas, acknowledged in it were %d", seq, posts[seq], n)
		}
	}
}
