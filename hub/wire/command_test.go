package wire

import (
	"encoding/json"
	"hash/fnv"
	"strings"
	"testing"

	"kiem/id"
)

const someID = "01920000-0000-7000-8000-00000000abcd"

func TestReadCommand(t *testing.T) {
	var r Reader
	c := r.ReadCommand(benchFrame)
	h := fnv.New64a()
	h.Write([]byte("q8Zt1x0p"))
	if c.Fault != nil || c.ID.String() != someID || !c.HasID || c.Type != "support.set" || c.Lane != h.Sum64() || c.N != 17 || !c.Data.Has("idea") {
		t.Errorf("%+v", c)
	}
	if c := r.ReadCommand([]byte(`{"type":"timer.stop"}`)); c.Fault != nil || c.HasID || c.Lane != 0 || c.N != 0 || c.Data.Present() || c.Data.Done() != nil {
		t.Errorf("%+v", c)
	}
	for _, f := range []struct{ frame, want string }{
		{`[]`, "bad_request  wrong_type"},
		{`{}`, "bad_request type missing"},
		{`{"type":1}`, "bad_request type wrong_type"},
		{`{"type":"` + strings.Repeat("x", 65) + `"}`, "too_large type too_long"},
		{`{"type":"x","id":"x"}`, "bad_request id bad_id"},
		{`{"type":"x","id":null}`, "bad_request id wrong_type"},
		{`{"type":"x","id":"00000000-0000-0000-0000-000000000000"}`, "bad_request id bad_id"},
		{`{"type":"x","lane":""}`, ""},
		{`{"type":"x","lane":"` + strings.Repeat("x", 64) + `"}`, ""},
		{`{"type":"x","lane":"` + strings.Repeat("x", 65) + `"}`, "too_large lane too_long"},
		{`{"type":"x","lane":17}`, "bad_request lane wrong_type"},
		{`{"type":"x","n":-1}`, "bad_request n bad_number"},
		{`{"type":"x","n":"1"}`, "bad_request n wrong_type"},
		{`{"type":"x","data":"{}"}`, "bad_request data wrong_type"},
		{`{"type":"x","data":null}`, "bad_request data wrong_type"},
		{`{"type":"x","data":{"not":"looked at"}}`, ""},
		{`{"type":"x","seq":1}`, "bad_request seq unknown_field"},
		{`{"type":"x","actor":"` + someID + `"}`, "bad_request actor unknown_field"},
		{`{"type":"x","data":{"title":1.5}}`, "bad_request title bad_number"}, // as a field of the data, like the machine's refusals
		{`{"type":"x","data":{"title":1,"TITLE":2}}`, "bad_request TITLE duplicate_key"},
	} {
		got := ""
		if c := r.ReadCommand([]byte(f.frame)); c.Fault != nil {
			got = c.Fault.Error()
		}
		if got != f.want {
			t.Errorf("%s: %q, want %q", f.frame, got, f.want)
		}
	}
	// A refusal names the command if its id can be read.
	if c := r.ReadCommand([]byte(`{"x":1,"id":"` + someID + `","type":"y"}`)); c.Fault == nil || !c.HasID || c.ID.String() != someID {
		t.Errorf("%+v", c)
	}
}

func TestReadCommands(t *testing.T) {
	var r Reader
	list, several, f := r.ReadCommands(benchFrame)
	if f != nil || several || len(list) != 1 || list[0].Type != "support.set" {
		t.Errorf("one: %v %v", list, f)
	}
	list, several, f = r.ReadCommands([]byte(` [{"type":"a","data":{"v":1}},{"type":"b","x":1},7,{"type":"c","n":-2},{"type":"d","data":{"w":"x"}},
		{"type":"e","data":{"t":"` + strings.Repeat("x", MaxFrame) + `"}}]`))
	if f != nil || !several || len(list) != 6 {
		t.Fatalf("several: %v %v", list, f)
	}
	want := []string{"", "bad_request x unknown_field", "bad_request  wrong_type", "bad_request n bad_number", "", "too_large  too_large"}
	for i, c := range list {
		got := ""
		if c.Fault != nil {
			got = c.Fault.Error()
		}
		if got != want[i] {
			t.Errorf("command %d: %q, want %q", i, got, want[i])
		}
	}
	if list[0].Data.Int("v") != 1 || list[0].Data.Done() != nil || list[4].Data.Int("w") != 0 {
		t.Error("data of a command in a batch")
	}
	if f := list[4].Data.Done(); f == nil || f.Error() != "bad_request w wrong_type" {
		t.Error(f)
	}
	// Depth counts from the command, not from the array.
	deep := `{"type":"x","data":{"a":` + strings.Repeat(`[`, 14) + strings.Repeat(`]`, 14) + `}}`
	if c := r.ReadCommand([]byte(deep)); c.Fault != nil {
		t.Error(c.Fault)
	}
	if _, _, f := r.ReadCommands([]byte(`[` + deep + `]`)); f != nil {
		t.Error(f)
	}
	for _, c := range []struct{ body, want string }{
		{`[]`, "bad_request  missing"},
		{`[` + strings.Repeat(`{},`, 100) + `{}]`, "too_large  too_many"},
		{`[` + strings.Repeat(` `, MaxBody) + `]`, "too_large  too_large"},
		{`[{"type":"x"}`, "bad_request  not_json"},
		{`[{"type":"x","data":{"a":1e5}}]`, "bad_request 0.data.a bad_number"},
	} {
		if _, several, f := r.ReadCommands([]byte(c.body)); f == nil || f.Error() != c.want || !several {
			t.Errorf("%.40s: %v, want %s", c.body, f, c.want)
		}
	}
}

// TestReplies holds what is appended to encoding/json.
func TestReplies(t *testing.T) {
	i, err := id.Parse(someID)
	if err != nil {
		t.Fatal(err)
	}
	equal := func(got []byte, want Reply) {
		t.Helper()
		want.Type, want.ID = "reply", i
		b, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(b) {
			t.Errorf("%s, want %s", got, b)
		}
	}
	equal(AppendReply(nil, i, 17, nil), Reply{Seq: 17})
	equal(AppendReply(nil, i, 0, nil), Reply{})
	equal(AppendReply(nil, i, 1<<53, []byte(`{"idea":"x"}`)), Reply{Seq: 1 << 53, Data: json.RawMessage(`{"idea":"x"}`)})
	for _, message := range []string{"", "Dat lukte niet.", "<b>\"&'\\ \u2028\u2029 é🌱 \x00\x01\x7f\t\r\n\b\f \xff"} {
		for _, field := range []string{"", "title", "<i>\u2028"} {
			equal(AppendRefusal(nil, i, true, PhaseClosed, message, field), Reply{Error: &Error{Code: PhaseClosed, Message: message, Field: field}})
		}
	}
	const want = `x{"type":"reply","error":{"code":"bad_request","message":"m","field":"f"}}`
	if got := AppendRefusal([]byte("x"), id.ID{}, false, BadRequest, "m", "f"); string(got) != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestHotPathAllocates nothing: the command that comes by the thousands is read, and its reply written, in memory that is there.
func TestHotPathAllocates(t *testing.T) {
	var r Reader
	out := make([]byte, 0, 256)
	n := testing.AllocsPerRun(100, func() {
		c := r.ReadCommand(benchFrame)
		c.Data.ID("idea")
		c.Data.Int("value")
		if c.Fault != nil || c.Data.Done() != nil {
			t.Error("not read")
		}
		out = AppendReply(out[:0], c.ID, 5, nil)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
