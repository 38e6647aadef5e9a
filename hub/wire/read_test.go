package wire

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"kiem/id"
)

func TestReadRefuses(t *testing.T) {
	deep := func(n int) string { return `{"a":` + strings.Repeat(`[`, n-1) + strings.Repeat(`]`, n-1) + `}` }
	many := func(n int) string { return `{"a":[` + strings.Repeat("1,", n) + `1]}` }
	for _, c := range []struct{ name, doc, want string }{
		{"empty", ``, "bad_request  not_json"},
		{"white space", " \n", "bad_request  not_json"},
		{"a byte order mark", "\xef\xbb\xbf{}", "bad_request  not_json"},
		{"a list", `[]`, "bad_request  wrong_type"},
		{"a number", `1`, "bad_request  wrong_type"},
		{"null", `null`, "bad_request  wrong_type"},
		{"more after it", `{} {}`, "bad_request  not_json"},
		{"NUL after it", "{}\x00", "bad_request  not_json"},
		{"a comma too many", `{"a":1,}`, "bad_request  not_json"},
		{"a list with a comma too many", `{"a":[1,]}`, "bad_request a.1 not_json"},
		{"no value", `{"a":}`, "bad_request a not_json"},
		{"no colon", `{"a" 1}`, "bad_request a not_json"},
		{"no quotes", `{a:1}`, "bad_request  not_json"},
		{"single quotes", `{'a':1}`, "bad_request  not_json"},
		{"a comment", `{/**/"a":1}`, "bad_request  not_json"},
		{"cut in a string", `{"a":"b`, "bad_request a not_json"},
		{"cut in an escape", `{"a":"b\`, "bad_request a not_json"},
		{"cut in a word", `{"a":tru`, "bad_request a not_json"},
		{"another word", `{"a":nul1}`, "bad_request a not_json"},
		{"not a number", `{"a":NaN}`, "bad_request a not_json"},
		{"a line break in a string", "{\"a\":\"b\nc\"}", "bad_request a not_json"},
		{"an unknown escape", `{"a":"\x41"}`, "bad_request a not_json"},
		{"an escape that ends", `{"a":"\u00"}`, "bad_request a not_json"},
		{"16 deep", deep(16), ""},
		{"17 deep", deep(17), "bad_request a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0 too_deep"},
		{"30,000 deep", strings.Repeat(`[`, 30000), "bad_request 0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0 too_deep"},
		{"64 KiB", `{"a":"` + strings.Repeat("x", MaxFrame-8) + `"}`, ""},
		{"one byte more", `{"a":"` + strings.Repeat("x", MaxFrame-7) + `"}`, "too_large  too_large"},
		{"9,998 values in a list", many(9997), ""},
		{"9,999 values in a list", many(9998), "too_large a too_many"},
		{"a fraction", `{"a":{"b":1.5}}`, "bad_request a.b bad_number"},
		{"a whole fraction", `{"a":1.0}`, "bad_request a bad_number"},
		{"an exponent", `{"a":1e2}`, "bad_request a bad_number"},
		{"a great exponent", `{"a":1E999999999}`, "bad_request a bad_number"},
		{"2^53", `{"a":9007199254740992,"b":-9007199254740992}`, ""},
		{"2^53 + 1", `{"a":9007199254740993}`, "bad_request a bad_number"},
		{"a million digits", `{"a":` + strings.Repeat("9", 60000) + `}`, "bad_request a bad_number"},
		{"2^64 + 1, which would be 1", `{"a":18446744073709551617}`, "bad_request a bad_number"},
		{"17 digits", `{"a":00000000000000001}`, "bad_request a bad_number"},
		{"a leading zero", `{"a":01}`, "bad_request a not_json"},
		{"a plus", `{"a":+1}`, "bad_request a not_json"},
		{"a sign alone", `{"a":-}`, "bad_request a not_json"},
		{"minus zero", `{"a":-0}`, ""},
		{"hexadecimal", `{"a":0x10}`, "bad_request  not_json"},
		{"a key twice", `{"a":1,"b":2,"a":3}`, "bad_request a duplicate_key"},
		{"a key twice inside", `{"x":{"a":1,"a":1}}`, "bad_request x.a duplicate_key"},
		{"a key twice, escaped", `{"a":1,"\u0061":3}`, "bad_request a duplicate_key"},
		{"keys that differ in case", `{"role":1,"Role":3}`, "bad_request Role duplicate_key"},
		{"the Kelvin sign", `{"key":1,"` + "\u212a" + `ey":3}`, "bad_request ???ey duplicate_key"},
		{"the long s", `{"status":1,"` + "\u017f" + `tatus":3}`, "bad_request ??tatus duplicate_key"},
		{"the three sigmas", `{"σ":1,"ς":3}`, "bad_request ?? duplicate_key"},
		{"the same key in two objects", `{"a":{"x":1},"b":{"X":1,"a":[{"x":1},{"x":2}]}}`, ""},
		{"bad UTF-8", "{\"a\":\"\xff\"}", "bad_request  bad_utf8"},
		{"an overlong form", "{\"a\":\"\xc0\xaf\"}", "bad_request  bad_utf8"},
		{"a surrogate in UTF-8", "{\"a\":\"\xed\xa0\x80\"}", "bad_request  bad_utf8"},
		{"a pair of surrogates", `{"a":"\ud83c\udf31"}`, ""},
		{"a lone first half", `{"a":"\ud83c"}`, "bad_request a bad_utf8"},
		{"a lone second half", `{"a":"\udf31"}`, "bad_request a bad_utf8"},
		{"two first halves", `{"a":"\ud83c\ud83c"}`, "bad_request a bad_utf8"},
		{"a first half and a letter", `{"a":"\ud83c\u0041"}`, "bad_request a bad_utf8"},
		{"two second halves", `{"a":"\udf31\udf31"}`, "bad_request a bad_utf8"},
		{"a first half and a private letter", `{"a":"\ud83c\ue000"}`, "bad_request a bad_utf8"},
		{"half a key", `{"\ud83c":1}`, "bad_request  bad_utf8"},
		{"an escaped NUL", `{"a":"x\u0000"}`, "bad_request a control"},
		{"a NUL", "{\"a\":\"x\x00\"}", "bad_request a not_json"},
		{"a hostile key", `{"<script>\u202e/etc/passwd":1.5}`, "bad_request ?script????????????????? bad_number"},
	} {
		_, f := new(Reader).Read([]byte(c.doc))
		got := ""
		if f != nil {
			got = f.Error()
		}
		if c.name == "a hostile key" { // as many marks as bytes; what counts is that nothing of it comes back
			if f == nil || strings.ContainsAny(f.Field, "<>/\u202e") {
				t.Errorf("%s: %s", c.name, got)
			}
			continue
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestTaking(t *testing.T) {
	const doc = `{"s":"a\u00e9\n\ud83c\udf31","i":-17,"t":true,"f":false,"z":null,"id":"01920000-0000-7000-8000-00000000ABCD",
		"list":["a","\u0062"],"none":[],"ids":["01920000-0000-7000-8000-00000000abcd"],"in":{"x":1,"deep":[{"y":2},{"y":3}]}}`
	var r Reader
	o, f := r.Read([]byte(doc))
	if f != nil {
		t.Fatal(f)
	}
	want, err := id.Parse("01920000-0000-7000-8000-00000000abcd")
	if err != nil {
		t.Fatal(err)
	}
	in := o.Object("in")
	deep := in.Objects("deep")
	switch {
	case o.String("s") != "aé\n🌱", o.Int("i") != -17, !o.Bool("t"), o.Bool("f"), !o.Null("z"), o.ID("id") != want:
		t.Error("a plain field is wrong")
	case !slices.Equal(o.Strings("list"), []string{"a", "b"}), o.Strings("none") == nil, len(o.Strings("none")) != 0, !slices.Equal(o.IDs("ids"), []id.ID{want}):
		t.Error("a list is wrong")
	case !in.Present(), in.Int("x") != 1, len(deep) != 2, deep[1].Int("y") != 3:
		t.Error("what is inside is wrong")
	case o.String("no") != "", o.Int("no") != 0, o.Bool("no"), o.Null("no"), !o.ID("no").IsZero(), o.Strings("no") != nil, o.Object("no").Present(), o.Has("no"), o.Has("I"):
		t.Error("an absent field is there")
	}
	if f := o.Done(); f == nil || f.Error() != "bad_request in.deep.0.y unknown_field" {
		t.Error(f)
	}
	deep[0].Int("y")
	if f := o.Done(); f != nil {
		t.Error(f)
	}

	for _, c := range []struct {
		name string
		take func(Object)
		want string
	}{
		{"string", func(o Object) { o.String("i") }, "i wrong_type"},
		{"null is no string", func(o Object) { o.String("z") }, "z wrong_type"},
		{"int", func(o Object) { o.Int("s") }, "s wrong_type"},
		{"bool", func(o Object) { o.Bool("i") }, "i wrong_type"},
		{"id", func(o Object) { o.ID("s") }, "s bad_id"},
		{"id of another type", func(o Object) { o.ID("i") }, "i wrong_type"},
		{"strings", func(o Object) { o.Strings("s") }, "s wrong_type"},
		{"an item of another type", func(o Object) { o.Strings("mixed") }, "mixed.1 wrong_type"},
		{"ids", func(o Object) { o.IDs("mixed") }, "mixed.0 bad_id"},
		{"object", func(o Object) { o.Object("none") }, "none wrong_type"},
		{"objects", func(o Object) { o.Objects("mixed") }, "mixed.0 wrong_type"},
		{"need", func(o Object) { o.Need("s", "gone", "i") }, "gone missing"},
		{"need inside", func(o Object) { o.Object("in").Need("x", "gone") }, "in.gone missing"},
		{"the first of several", func(o Object) { o.Int("s"); o.Need("gone"); o.String("i") }, "s wrong_type"},
		{"no field taken", func(Object) {}, "s unknown_field"},
	} {
		o, f := r.Read([]byte(`{"s":"a","i":1,"z":null,"mixed":["a",1],"none":[],"in":{"x":1}}`))
		if f != nil {
			t.Fatal(f)
		}
		c.take(o)
		if f := o.Done(); f == nil || f.Error() != "bad_request "+c.want {
			t.Errorf("%s: %v, want %s", c.name, f, c.want)
		}
		if o.Fault() != nil {
			t.Errorf("%s: the fault outlives Done", c.name)
		}
	}
}

func TestCanonical(t *testing.T) {
	canon := func(doc string) string {
		o, f := new(Reader).Read([]byte(doc))
		if f != nil {
			t.Fatal(f)
		}
		return string(o.AppendCanonical(nil))
	}
	one := canon(`{"b":[1,true,null],"a":{"x":"é"}}`)
	if two := canon(` { "a" : {"\u0078":"\u00e9"} , "b":[1, true,null] } `); one != two {
		t.Errorf("%q and %q", one, two)
	}
	seen := map[string]string{}
	for _, doc := range []string{
		`{}`, `{"a":[]}`, `{"a":{}}`, `{"a":null}`, `{"a":0}`, `{"a":false}`, `{"a":""}`, `{"a":"0"}`, `{"a":[[]]}`, `{"a":["x","y"]}`, `{"a":["xy"]}`,
		`{"a":"x","b":"y"}`, `{"a":"xy","b":""}`, `{"ab":"x"}`, `{"a":"bx"}`, `{"a":1}`, `{"a":-1}`, `{"a":true}`, `{"a":{"b":1}}`, `{"a":{},"b":1}`,
	} {
		if was, ok := seen[canon(doc)]; ok {
			t.Errorf("%s reads like %s", doc, was)
		}
		seen[canon(doc)] = doc
	}
}

// TestReuse reads documents that leave much behind, and looks whether any of it shows later or is kept.
func TestReuse(t *testing.T) {
	var r Reader
	big := []byte(`{"x":[` + strings.Repeat(`"\u00e9",`, 7000) + `1]}`)
	for range 3 {
		if _, f := r.Read(big); f != nil {
			t.Fatal(f)
		}
		o, f := r.Read([]byte(`{"a":"\u0062"}`))
		if f != nil || o.String("a") != "b" || o.Has("x") || o.Done() != nil {
			t.Fatal("a document shows through")
		}
		if cap(r.nodes) > keepNodes || cap(r.text) > keepText {
			t.Errorf("%d nodes and %d bytes of text are kept", cap(r.nodes), cap(r.text))
		}
		if _, f := r.Read([]byte(`{"a":1.5}`)); f == nil {
			t.Fatal("read a fraction")
		}
	}
	r.Forget()
	if r.doc != nil {
		t.Error("the document is kept")
	}
}

// TestHostileCost reads the documents that cost most for their size. The bound is far above what they take (2 ms) and far below what comparing every
// two keys would.
func TestHostileCost(t *testing.T) {
	for name, doc := range hostile() {
		best := time.Hour
		for range 3 {
			var r Reader
			start := time.Now()
			c := r.ReadCommand(doc)
			if took := time.Since(start); took < best {
				best = took
			}
			if c.Fault == nil && c.Data.Done() == nil {
				t.Errorf("%s: taken for a command", name)
			}
		}
		if best > 400*time.Millisecond { // with the race detector, on a machine that does other things as well
			t.Errorf("%s: %d bytes took %v", name, len(doc), best)
		}
	}
}

func hostile() map[string][]byte {
	fill := func(head, tail string, item func(n int) string) []byte {
		b := []byte(head)
		for n := 0; ; n++ {
			next := item(n)
			if n >= maxValues-8 || len(b)+len(next)+len(tail) > MaxFrame {
				return append(b[:len(b)-1], tail...)
			}
			b = append(b, next...)
		}
	}
	keys := colliding(9)
	for _, k := range keys {
		if foldHash([]byte(k)) != foldHash([]byte(keys[0])) {
			panic("the keys do not collide")
		}
	}
	return map[string][]byte{
		"unknown fields": fill(`{"type":"x","data":{`, `}}`, func(n int) string { return fmt.Sprintf(`"%x":0,`, n) }),
		"colliding keys": fill(`{"type":"x","data":{`, `}}`, func(n int) string {
			return `"` + keys[n%len(keys)] + fmt.Sprintf(`%.*s":0,`, n/len(keys), "zzzzzzzzzzzzzz")
		}),
		"nested objects":    fill(`{"type":"x","data":{"a":[`, `]}}`, func(int) string { return `{"a":{"b":{"c":{}}}},` }),
		"escapes":           fill(`{"type":"x","data":{"a":"`, ` "}}`, func(int) string { return `\ud83c\udf31` }),
		"numbers":           fill(`{"type":"x","data":{"a":[`, `]}}`, func(int) string { return `1,` }),
		"braces":            []byte(strings.Repeat(`{"a":`, MaxFrame/5)),
		"non-ASCII letters": fill(`{"type":"x","data":{`, `}}`, func(n int) string { return fmt.Sprintf("\"%c%c\":0,", 0x400+n%200, 0x3b1+n/200%20) }),
	}
}

// colliding makes 2^n keys of which foldHash is the same: after every six letters two ways lead to one state.
func colliding(n int) []string {
	keys := []string{""}
	state := uint32(2166136261)
	for range n {
		seen := make(map[uint32]int, 1<<17)
		var one, two string
		for v := 1 << 20; one == ""; v++ { // six digits
			h := state
			for shift := 20; shift >= 0; shift -= 4 {
				h = (h ^ uint32("0123456789abcdef"[v>>shift&15])) * 16777619
			}
			if was, ok := seen[h]; ok {
				one, two, state = fmt.Sprintf("%x", was), fmt.Sprintf("%x", v), h
			}
			seen[h] = v
		}
		next := make([]string, 0, 2*len(keys))
		for _, k := range keys {
			next = append(next, k+one, k+two)
		}
		keys = next
	}
	return keys
}

func TestFoldRune(t *testing.T) {
	for c := rune(0); c < 0x1f000; c++ {
		if c >= 0xd800 && c < 0xe000 {
			continue
		}
		for _, d := range []rune{c | 0x20, c + 1, foldRune(c)} {
			if d >= 0xd800 && d < 0xe000 {
				continue
			}
			if strings.EqualFold(string(c), string(d)) != (foldRune(c) == foldRune(d)) {
				t.Fatalf("%q and %q", c, d)
			}
		}
	}
}
