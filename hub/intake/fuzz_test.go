package intake_test

import (
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"kiem/hub/campaign"
	"kiem/hub/intake"
	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/id"
	"kiem/ideas"
)

var (
	reasonForm = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	fieldForm  = regexp.MustCompile(`^[A-Za-z0-9_.?-]*$`)
)

// checkRefusal looks whether a refusal is made of keys only: no words of Go errors, no paths, nothing of the input but what looks like a name.
func checkRefusal(t *testing.T, doc []byte, r *machine.Refusal) {
	t.Helper()
	if r.Code != wire.BadRequest && r.Code != wire.TooLarge || !reasonForm.MatchString(r.Reason) || !fieldForm.MatchString(r.Field) {
		t.Fatalf("%q: refusal %+v", doc, r)
	}
}

// FuzzConvert: whatever comes, there is a command that the machine can judge, or a refusal; and what is not refused is in normal form.
func FuzzConvert(f *testing.F) {
	for kind, c := range sample {
		f.Add(frame(kind, c.data))
	}
	f.Add([]byte(`{"type":"participant.join","data":{}}`))
	f.Add([]byte(`{"type":"campaign.edit","data":{"settings":{"schedule":[{"stage":"vote","at":"9999-12-31T23:59:59Z"}]}}}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		c := new(wire.Reader).ReadCommand(doc)
		v, r := intake.Convert(context, &c)
		if r != nil {
			checkRefusal(t, doc, r)
			if v.Command != nil {
				t.Fatalf("%q: refused, and a command", doc)
			}
			return
		}
		m := v.Command
		if c.Fault != nil || !slices.Contains(intake.Types(), m.Type) || m.Type != c.Type || m.ID != c.ID || m.Actor != actor || m.Lane != c.Lane || m.N != c.N || len(v.Content) == 0 {
			t.Fatalf("%q: %+v", doc, m)
		}
		if reflect.TypeOf(m.Data) != reflect.TypeOf(campaign.NewData(m.Type)) {
			t.Fatalf("%q: data %T", doc, m.Data)
		}
		if _, err := json.Marshal(m.Data); err != nil {
			t.Fatalf("%q: %v", doc, err)
		}
		if texts, ok := m.Data.(interface{ Texts() []*ideas.Text }); ok {
			for _, text := range texts.Texts() {
				if text.By != actor || !text.Readable() || !utf8.ValidString(text.Words()) {
					t.Fatalf("%q: text %+v", doc, text)
				}
			}
		}
		switch d := m.Data.(type) {
		case *campaign.IdeaData:
			if !norm.NFC.IsNormalString(d.Title.Words()) {
				t.Fatalf("%q: title %q", doc, d.Title.Words())
			}
		case *campaign.ParticipantData:
			if m.Type == campaign.ParticipantRename && (!norm.NFC.IsNormalString(v.Name) || ideas.CheckName(v.Name) != "" || utf8.RuneCountInString(v.Name) > campaign.MaxName) {
				t.Fatalf("%q: name %q", doc, v.Name)
			}
		}
		room := opened(t)
		if r := room.Check(m, 1); r == nil {
			room.Apply(m, machine.Stamp{Seq: 3, Epoch: 1, At: 1, Rules: campaign.Rules, Base: 2})
		}
	})
}

// opened is a campaign in which actor is organiser and other takes part.
func opened(t testing.TB) *campaign.Machine {
	t.Helper()
	d, r := intake.Create(object(t, `{"title":"T","challenge":{"text":"Why?"}}`))
	if r != nil {
		t.Fatal(r)
	}
	d.Campaign = id.ID{1}
	m := campaign.New()
	for n, c := range []*machine.Command{
		{Type: campaign.Create, ID: id.ID{2}, Actor: actor, Data: d},
		{Type: campaign.Join, ID: id.ID{3}, Actor: other, Data: &campaign.JoinData{Group: "firm"}},
	} {
		if r := m.Check(c, 1); r != nil {
			t.Fatal(r)
		}
		if o := m.Apply(c, machine.Stamp{Seq: uint64(n + 1), Epoch: 1, At: 1, Rules: campaign.Rules}); o.Refusal != nil {
			t.Fatal(o.Refusal)
		}
	}
	return m
}

// FuzzBodies: the bodies of the two calls that are no commands.
func FuzzBodies(f *testing.F) {
	f.Add([]byte(`{"title":"T","template":"study","languages":["fr"],"challenge":{"title":"H","text":"W","nodes":["care"],"themes":["a"]},"settings":{"stage":"vote","groups":["a"],"schedule":[{"stage":"vote","at":"2026-01-02T04:04:05+01:00"}]}}`))
	f.Add([]byte(`{"code":" km3-7qp ","name":"Ana","group":"firm","organisation":"O","channel":"poster","key":"01920000-0000-7000-8000-0000000000f0","entrepreneur":true}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		var r wire.Reader
		o, fault := r.Read(doc)
		if fault != nil {
			return
		}
		if d, refused := intake.Create(o); refused != nil {
			checkRefusal(t, doc, refused)
		} else if campaign.CheckCreate(d); !d.Campaign.IsZero() || !d.Challenge.ID.IsZero() {
			t.Fatalf("%q: ids %+v", doc, d)
		}
		if o, fault = r.Read(doc); fault != nil {
			t.Fatalf("%q: read once only: %v", doc, fault)
		}
		if j, refused := intake.Join(o); refused != nil {
			checkRefusal(t, doc, refused)
		} else if j.Code == "" || intake.Code(j.Code) != j.Code || j.Name != "" && ideas.CheckName(j.Name) != "" || !norm.NFC.IsNormalString(j.Name) || j.HasKey == j.Key.IsZero() {
			t.Fatalf("%q: %+v", doc, j)
		}
	})
}
