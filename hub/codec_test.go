package hub

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"kiem/hub/campaign"
	"kiem/hub/directory"
	"kiem/hub/intake"
	"kiem/hub/journal"
	"kiem/hub/machine"
	"kiem/hub/vault"
	"kiem/id"
	"kiem/ideas"
)

// writer is somebody with a key.
var writer = id.Derive(campaignID, "writer")

// newCodecs gives a codec as a room has it, and one that reads without keys.
func newCodecs(t testing.TB) (rooms, blind *codec) {
	t.Helper()
	v := newMemVault()
	for _, p := range []id.ID{writer, id.Derive(campaignID, "other")} {
		if _, err := v.Put(t.Context(), campaignID, vault.Person{ID: p, Name: "Iemand"}); err != nil {
			t.Fatal(err)
		}
	}
	people, err := loadPeople(t.Context(), v, campaignID)
	if err != nil {
		t.Fatal(err)
	}
	key, err := v.VoteKey(t.Context(), campaignID)
	if err != nil {
		t.Fatal(err)
	}
	return newCampaignCodec(campaignID, people, vault.NewBlinder(key), newRandomness(fillRandom)), &codec{scope: campaignID, newData: campaign.NewData}
}

// kinds is every type of command that a campaign's log may hold, but for the room's own.
func kinds() []string {
	return append(intake.Types(), campaign.Create, campaign.Join, campaign.PersonErased)
}

// fill makes up the content of a command's data, whatever its fields are.
func fill(t *rapid.T, v reflect.Value, name string) {
	switch x := v.Addr().Interface().(type) {
	case *ideas.Text:
		*x = ideas.NewText(writer, rapid.String().Draw(t, name))
		return
	case *id.ID:
		copy(x[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, name))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), name+"."+v.Type().Field(i).Name)
		}
	case reflect.Pointer:
		if rapid.Bool().Draw(t, name) {
			v.Set(reflect.New(v.Type().Elem()))
			fill(t, v.Elem(), name)
		}
	case reflect.Slice:
		n := rapid.IntRange(0, 3).Draw(t, name)
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fill(t, v.Index(i), fmt.Sprint(name, i))
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(t, v.Index(i), name)
		}
	case reflect.String:
		v.SetString(rapid.String().Draw(t, name))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, name))
	case reflect.Int8: // a choice
		v.SetInt(int64(rapid.IntRange(-1, 1).Draw(t, name)))
	case reflect.Int, reflect.Int64:
		v.SetInt(rapid.Int64().Draw(t, name))
	case reflect.Uint8, reflect.Uint64:
		v.SetUint(rapid.Uint64().Draw(t, name))
	default:
		t.Fatalf("%s: no way to fill a %v", name, v.Type())
	}
}

// sameCommand compares commands as a machine sees them: an absent list is an empty one, and an empty text is known to all.
var sameCommand = cmp.Options{
	cmpopts.EquateEmpty(),
	cmp.Transformer("text", func(t ideas.Text) any {
		readable := t.Readable() || t.Units == 0
		return struct {
			By       id.ID
			Units    int
			Shape    []int
			Words    string
			Readable bool
		}{t.By, t.Units, t.Shape, t.Words(), readable}
	}),
}

// Whatever a command says, it comes back from its entry as it was; without keys it comes back with everything but the words.
func TestCodecRoundTrip(t *testing.T) {
	c, blind := newCodecs(t)
	plain := newDirectoryCodec(newRandomness(fillRandom))
	all := kinds()
	ofDirectory := []string{
		directory.CampaignRegister, directory.CampaignRetitle, directory.CampaignClose, directory.AccountCreate, directory.AccountJoin, directory.AccountErase,
		directory.LinkCreate, directory.LinkUse,
	}
	rapid.Check(t, func(t *rapid.T) {
		use, data := c, any(nil)
		kind := rapid.SampledFrom(append(all, ofDirectory...)).Draw(t, "type")
		if data = campaign.NewData(kind); data == nil {
			use, data = plain, directory.NewData(kind)
		}
		if data == nil {
			t.Fatalf("no data for %s", kind)
		}
		fill(t, reflect.ValueOf(data).Elem(), kind)
		was := &machine.Command{
			Type: kind, Actor: writer, Lane: rapid.Uint64().Draw(t, "lane"), N: rapid.Uint64Range(1, 1<<63).Draw(t, "n"), Tag: rapid.Uint64().Draw(t, "tag"), Data: data,
		}
		copy(was.ID[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		if v, ok := data.(*campaign.SupportData); ok {
			was.Tag = voteTag(v)
		}
		r, err := use.record(was, &voteSpace{})
		if err != nil {
			t.Fatal(err)
		}
		body, err := (&journal.Entry{Rules: campaign.Rules, Records: []journal.Record{r}}).Encode()
		if err != nil {
			t.Fatal(err)
		}
		e, err := journal.Decode(body)
		if err != nil {
			t.Fatal(err)
		}
		is, err := use.command(&e.Records[0])
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(was, is, sameCommand); d != "" {
			t.Fatal(d)
		}
		if use != c {
			return
		}
		without, err := blind.command(&e.Records[0])
		if err != nil {
			t.Fatal(err)
		}
		if w, ok := without.Data.(withTexts); ok {
			words := was.Data.(withTexts).Texts()
			for n, text := range w.Texts() {
				if text.Units > 0 && (text.Readable() || text.Words() != "") {
					t.Fatalf("without keys %q can be read", text.Words())
				}
				c.open(text)
				if text.Words() != words[n].Words() {
					t.Fatalf("opened later: %q, written %q", text.Words(), words[n].Words())
				}
			}
		}
		if d := cmp.Diff(was, without, sameCommand); d != "" {
			t.Fatal("without keys: ", d)
		}
	})
}

// The bytes of a vote name neither who cast it nor the lane in the clear (T34).
func TestVotesNameNobody(t *testing.T) {
	c, _ := newCodecs(t)
	m := campaign.New()
	for _, n := range []uint64{0, 17} {
		lane := uint64(0xfeed_beef_cafe_f00d)
		p := &Pending{From: writer, Command: &machine.Command{
			Type: campaign.SupportSet, ID: id.Derive(campaignID, "vote"), Actor: writer, Lane: lane, N: n, Data: &campaign.SupportData{Idea: id.Derive(campaignID, "idea"), Value: 1},
		}}
		for range 3 { // it may be judged several times before it is stored
			if err := c.name(p, m); err != nil {
				t.Fatal(err)
			}
		}
		r, err := c.record(p.Command, &p.space)
		if err != nil {
			t.Fatal(err)
		}
		body, err := (&journal.Entry{Records: []journal.Record{r}}).Encode()
		if err != nil {
			t.Fatal(err)
		}
		for what, secret := range map[string][]byte{
			"participant": writer[:], "participant's name": []byte(writer.String()), "lane": binary.AppendUvarint(nil, lane),
			"lane in full": binary.BigEndian.AppendUint64(nil, lane), "lane reversed": binary.LittleEndian.AppendUint64(nil, lane),
		} {
			if bytes.Contains(body, secret) {
				t.Errorf("n = %d: the %s stands in the entry of a vote", n, what)
			}
		}
		if n > 0 && p.Command.Lane != c.votes.Lane(writer, lane) {
			t.Error("the lane is not blinded, or twice")
		}
		public := (&journal.Entry{Records: []journal.Record{r}}).Public()
		voter := c.voter(writer)
		if bytes.Contains(public, voter[:]) {
			t.Error("the pseudonym stands in the public form")
		}
	}
}

// What people write stands sealed, in entries and in snapshots.
func TestWordsAreSealed(t *testing.T) {
	const canary = "kanarie-in-de-kooi"
	s := newStand(t, openShared, nil)
	ana := s.join("Naam-van-" + canary)
	title := ideas.NewText(ana, "Titel "+canary)
	c := command(campaign.IdeaPost, ana, &campaign.IdeaData{Title: title, Text: ideas.NewText(ana, "tekst "+canary), Need: ideas.NewText(ana, "nood "+canary)})
	s.must(c)
	_, idea := campaign.Made(c)
	s.must(command(campaign.CommentPost, ana, &campaign.CommentData{Idea: idea, Kind: "question", Text: ideas.NewText(ana, "reactie "+canary)}))
	s.must(moderate(s.organiser, idea, "hide"))
	for _, stored := range s.entries() {
		if bytes.Contains(stored.Body, []byte(canary)) {
			t.Errorf("entry %d holds words in the clear", stored.Seq)
		}
	}
	if err := s.room.Do(t.Context(), func() {
		if bytes.Contains(s.room.seq.state(), []byte(canary)) {
			t.Error("a snapshot holds words in the clear")
		}
		found := 0
		s.room.machine().Texts(func(t *ideas.Text) {
			if strings.Contains(t.Words(), canary) {
				found++
			}
		})
		if found != 4 {
			t.Errorf("the room reads %d of the texts", found)
		}
	}); err != nil {
		t.Fatal(err)
	}
}

// Removing sealed bytes leaves the chain as it was.
func TestBlankKeepsTheChain(t *testing.T) {
	c, _ := newCodecs(t)
	other := id.Derive(campaignID, "other")
	var e journal.Entry
	for _, data := range []any{
		&campaign.IdeaData{Title: ideas.NewText(writer, "titel"), Text: ideas.NewText(other, "van een ander"), Need: ideas.NewText(writer, ""), Reason: ideas.NewText(writer, "🌱")},
		&campaign.CommentData{Kind: "question", Text: ideas.NewText(other, "vraag")},
		&campaign.CommentData{Kind: "question", Text: ideas.NewText(writer, "antwoord")},
		&campaign.SupportData{Value: 1},
	} {
		kind := map[string]string{"*campaign.IdeaData": campaign.IdeaPost, "*campaign.CommentData": campaign.CommentPost, "*campaign.SupportData": campaign.SupportSet}[fmt.Sprintf("%T", data)]
		r, err := c.record(&machine.Command{Type: kind, ID: id.ID{byte(len(e.Records) + 1)}, Actor: writer, Data: data}, &voteSpace{})
		if err != nil {
			t.Fatal(err)
		}
		e.Records = append(e.Records, r)
	}
	at := journal.Chain{Seq: 6}
	before := at.Next(&e)
	if blank(&e, id.ID{9}) {
		t.Error("something of nobody was removed")
	}
	if !blank(&e, writer) {
		t.Error("nothing was removed")
	}
	if after := at.Next(&e); after != before {
		t.Errorf("the chain was %v and is %v", before, after)
	}
	body, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := journal.Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	var readable []string
	for i := range again.Records {
		cmd, err := c.command(&again.Records[i])
		if err != nil {
			t.Fatal(err)
		}
		if w, ok := cmd.Data.(withTexts); ok {
			for _, text := range w.Texts() {
				if text.Units > 0 && text.Readable() {
					readable = append(readable, text.Words())
				}
			}
		}
	}
	if d := cmp.Diff([]string{"van een ander", "vraag"}, readable); d != "" {
		t.Error("what can be read after it: ", d)
	}
}

// A record of a type that this version does not know is said to be newer, not damaged and not passed over.
func TestNewerCommand(t *testing.T) {
	c, _ := newCodecs(t)
	if _, err := c.command(&journal.Record{Type: "idea.dream", Data: []byte("{}")}); err == nil || !strings.Contains(err.Error(), "newer") {
		t.Errorf("error %v", err)
	}
}

func FuzzCommand(f *testing.F) {
	c, _ := newCodecs(f)
	for _, kind := range kinds() {
		f.Add(kind, []byte(`{"data":{},"texts":[{"by":"00000000-0000-0000-0000-000000000001","units":3},{},{},{}]}`), []byte("sealed"), uint8(journal.Sealed))
		f.Add(kind, []byte(`{}`), bytes.Repeat([]byte{1}, 40), uint8(journal.Vote))
		f.Add(kind, []byte(`{}`), bytes.Repeat([]byte{1}, 40), uint8(journal.Hidden))
	}
	f.Fuzz(func(_ *testing.T, kind string, data, part []byte, of uint8) {
		r := &journal.Record{Type: kind, Data: data, Parts: []journal.Part{journal.NewPart(journal.Kind(of), [16]byte{}, part)}}
		cmd, err := c.command(r)
		if err == nil {
			if _, err := c.record(cmd, &voteSpace{}); err != nil && !strings.Contains(err.Error(), "no key") {
				panic(err)
			}
		}
	})
}
