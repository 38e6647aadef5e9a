package main_test

import (
	"encoding/binary"
	"encoding/json"
	"math/rand/v2"
	"testing"

	"kiem/hub/campaign"
	"kiem/hub/directory"
	"kiem/hub/journal"
	"kiem/hub/journal/sqlitelog"
	"kiem/id"
)

// bigJournal writes the log of a campaign by hand, in the stored form: people, ideas, and supports of random ideas by random people. Nobody has a key to its
// texts. It gives the campaign and the head.
type bigJournal struct {
	t       testing.TB
	log     journal.Log
	at      journal.Chain
	records []journal.Record
	random  *rand.ChaCha8
}

// fillJournal makes the journal of a data directory with one campaign.
func fillJournal(t testing.TB, dir string, people, posted, supports int) (campaignID id.ID, head journal.Chain) {
	t.Helper()
	j, err := sqlitelog.Open(t.Context(), dir, sqlitelog.Options{Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	campaignID = id.Derive(id.ID{}, "big")
	name := "c:" + campaignID.String()
	l, err := j.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	b := &bigJournal{t: t, log: l, at: journal.Chain{Hash: journal.Genesis(name)}, random: rand.NewChaCha8([32]byte{1})}
	r := rand.New(b.random)
	s := campaign.Defaults()
	b.plain(campaign.Create, directory.Admin, campaign.CreateData{
		Campaign: campaignID, Title: "Groot", Template: "campaign", Stage: "collect", Languages: []string{"nl"}, Settings: s,
		Challenge: campaign.Challenge{ID: id.Derive(campaignID, "challenge"), Title: "Vraag", Text: "Wat doen we samen?"},
	})
	b.flush()
	persons, voters, ideas := make([]id.ID, people), make([]id.ID, people), make([]id.ID, posted)
	for n := range persons {
		persons[n], voters[n] = b.id(), b.id()
		b.plain(campaign.Join, persons[n], campaign.JoinData{Group: s.Groups[n%len(s.Groups)]})
	}
	for n := range ideas {
		ideas[n] = b.post(persons[n%people])
	}
	b.flush()
	for range supports {
		n := r.IntN(people)
		b.vote(voters[n], ideas[r.IntN(posted)], int8(min(r.IntN(20), 1)), uint8(n%len(s.Groups)))
	}
	b.flush()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return campaignID, b.at
}

func (b *bigJournal) id() (i id.ID) { _, _ = b.random.Read(i[:]); return i }

func (b *bigJournal) add(r journal.Record) {
	if b.records = append(b.records, r); len(b.records) == 512 {
		b.flush()
	}
}

func (b *bigJournal) flush() {
	if len(b.records) == 0 {
		return
	}
	e := &journal.Entry{Rules: campaign.Rules, At: 1_700_000_000_000 + int64(b.at.Seq), Node: 1, Batch: b.at.Seq + 1, Base: journal.Base{Epoch: 1, Chain: b.at}, Records: b.records}
	body, err := e.Encode()
	if err == nil {
		_, err = b.log.Append(b.t.Context(), body)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	b.at, b.records = b.at.Next(e), nil
}

func (b *bigJournal) plain(kind string, actor id.ID, data any) {
	text, err := json.Marshal(data)
	if err != nil {
		b.t.Fatal(err)
	}
	b.add(journal.Record{Type: kind, ID: b.id(), Actor: actor, Data: text})
}

// post posts an idea with a title of 20 and a text of 200 units, sealed with a key that nobody has.
func (b *bigJournal) post(author id.ID) id.ID {
	form := func(units int) map[string]any { return map[string]any{"by": author, "units": units} }
	text, err := json.Marshal(map[string]any{"data": map[string]any{"themes": []string{"Wonen"}}, "texts": []any{form(20), form(200), form(0), form(0)}})
	if err != nil {
		b.t.Fatal(err)
	}
	r := journal.Record{Type: campaign.IdeaPost, ID: b.id(), Actor: author, Data: text}
	for _, units := range []int{20, 200} {
		sealed := make([]byte, units+40)
		_, _ = b.random.Read(sealed)
		r.Parts = append(r.Parts, journal.NewPart(journal.Sealed, b.id(), sealed))
	}
	b.add(r)
	return id.Derive(r.ID, "idea")
}

// vote stores a support as the log does: voter, lane, number, group, stratum, idea, value + 1.
func (b *bigJournal) vote(voter, idea id.ID, value int8, group uint8) {
	part := append([]byte{}, voter[:]...)
	part = binary.AppendUvarint(part, 0)
	part = binary.AppendUvarint(part, 0)
	part = append(part, group, 0)
	part = append(part, idea[:]...)
	b.add(journal.Record{Type: campaign.SupportSet, ID: b.id(), Parts: []journal.Part{journal.NewPart(journal.Vote, b.id(), append(part, byte(value+1)))}})
}
