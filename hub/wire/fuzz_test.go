package wire

import (
	"bytes"
	"encoding/json"
	"io"
	"math/big"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzRead holds the Reader to encoding/json plus the rules that are stricter, written down a second time here.
func FuzzRead(f *testing.F) {
	for _, s := range []string{
		string(benchFrame), `{}`, `[]`, `{"a":{"A":[1,-2,{"b":null,"c":true,"d":false}]},"é":"\u00e9\ud83c\udf31\"\\\/\b\f\n\r\t"}`, `{"a":1,"A":1}`,
		`{"k":1,"` + "\u212a" + `":1}`, `{"a":1.5}`, `{"a":9007199254740993}`, `{"a":"\ud800"}`, `{"a":"\udc00\udc00"}`, `{"a":"\ud800\ue000"}`, `{"a":18446744073709551617}`, `{"a":"\\ud800"}`, `{"a":"\u0000"}`, "{\"a\":\"\xff\"}", ` { "a" : [ ] } `, `{"a":-0}`, `{"a":1e5}`,
		strings.Repeat(`{"a":`, 16) + `1` + strings.Repeat(`}`, 16), strings.Repeat(`{"a":`, 15) + `1` + strings.Repeat(`}`, 15),
		`{"a":0,"b":0,"c":0,"d":0,"e":0,"f":0,"g":0,"h":0,"i":0,"j":0,"k":0,"l":0,"m":0,"n":0,"o":0,"p":0,"q":0,"r":0}`,
		`{"a":0,"b":0,"c":0,"d":0,"e":0,"f":0,"g":0,"h":0,"i":0,"j":0,"k":0,"l":0,"m":0,"n":0,"o":0,"p":0,"q":0,"Q":0}`,
	} {
		f.Add([]byte(s))
	}
	var r Reader // one for all, to find what one document leaves for the next
	f.Fuzz(func(t *testing.T, doc []byte) {
		o, fault := r.Read(doc)
		want, why := oracle(doc)
		if (fault == nil) != (why == "") {
			t.Fatalf("%q: fault %v, should be %q", doc, fault, why)
		}
		if fault != nil {
			checkFault(t, fault)
			return
		}
		if got := r.any(0); !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: read %v, want %v", doc, got, want)
		}
		canon := o.AppendCanonical(nil)
		again, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if o, fault := new(Reader).Read(again); fault == nil {
			if !bytes.Equal(canon, o.AppendCanonical(nil)) {
				t.Fatalf("%q and %q have different canonical bytes", doc, again)
			}
		} else if fault.Reason != tooLarge {
			t.Fatalf("%q: written again: %v", doc, fault)
		}
		if n := r.length(0); n > 0 && o.Done() == nil {
			t.Fatalf("%q: %d fields that nobody took", doc, n)
		}
	})
}

var (
	goodField = regexp.MustCompile(`^[A-Za-z0-9_.?-]*$`)
	reasons   = []string{
		notJSON, tooDeep, tooLarge, tooMany, tooLong, duplicateKey, unknownField, wrongType, missing, badUTF8, badNumber, badID, control,
	}
)

// checkFault looks whether a fault holds nothing but what it may: no words of Go errors, nothing of the input that could be read as more than a name.
func checkFault(t *testing.T, f *Fault) {
	t.Helper()
	known := false
	for _, r := range reasons {
		known = known || f.Reason == r
	}
	if !known || f.Code != BadRequest && f.Code != TooLarge || !goodField.MatchString(f.Field) || len(f.Field) > maxPathWhole {
		t.Fatalf("fault %+v", f)
	}
}

// any gives a value the form in which encoding/json does.
func (r *Reader) any(at int32) any {
	switch n := r.nodes[at]; n.kind {
	case null:
		return nil
	case boolean:
		return n.num == 1
	case number:
		return json.Number(strconv.FormatInt(n.num, 10))
	case text:
		return string(r.content(at))
	case array:
		list := []any{}
		for i := at + 1; i < n.end; i = r.nodes[i].end {
			list = append(list, r.any(i))
		}
		return list
	default:
		fields := map[string]any{}
		for i := at + 1; i < n.end; i = r.nodes[i].end {
			fields[string(r.keyOf(i))] = r.any(i)
		}
		return fields
	}
}

// oracle reads a document with encoding/json and says which rule it breaks, if any.
func oracle(doc []byte) (any, string) {
	switch {
	case len(doc) > MaxFrame:
		return nil, "size"
	case !utf8.Valid(doc):
		return nil, "UTF-8"
	case !json.Valid(doc):
		return nil, "JSON"
	case badEscapes(doc):
		return nil, "escapes"
	}
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	values := 0
	v, why := oracleValue(d, 0, &values)
	if _, root := v.(map[string]any); why == "" && !root {
		return nil, "root"
	}
	if _, err := d.Token(); why == "" && err != io.EOF {
		return nil, "more after it"
	}
	return v, why
}

func oracleValue(d *json.Decoder, depth int, values *int) (any, string) {
	if *values++; *values > maxValues {
		return nil, "values"
	}
	tok, err := d.Token()
	if err != nil {
		return nil, err.Error()
	}
	switch tok := tok.(type) {
	case json.Number:
		n, ok := new(big.Int).SetString(tok.String(), 10)
		if !ok || n.CmpAbs(big.NewInt(1<<53)) > 0 {
			return nil, "number"
		}
		return json.Number(n.String()), ""
	case json.Delim:
		if depth++; depth > maxDepth {
			return nil, "depth"
		}
		list, fields := []any{}, map[string]any{}
		for d.More() {
			var key string
			if tok == '{' {
				k, err := d.Token()
				if err != nil {
					return nil, err.Error()
				}
				key = k.(string)
				for had := range fields {
					if strings.EqualFold(had, key) {
						return nil, "duplicate"
					}
				}
			}
			v, why := oracleValue(d, depth, values)
			if why != "" {
				return nil, why
			}
			list, fields[key] = append(list, v), v
		}
		if _, err := d.Token(); err != nil {
			return nil, err.Error()
		}
		if tok == '[' {
			return list, ""
		}
		return fields, ""
	}
	return tok, ""
}

var escapes = regexp.MustCompile(`\\(u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)`)

// badEscapes says whether valid JSON holds half a pair or NUL as an escape.
func badEscapes(doc []byte) bool {
	for _, e := range escapes.FindAll(doc, -1) {
		if len(e) == 6 && (bytes.EqualFold(e[2:3], []byte("d")) && e[3] >= '8' || string(e[2:]) == "0000") {
			return true
		}
	}
	return false
}

// FuzzReadCommand: whatever comes, there is a command or a fault; and a command is the same alone, in a batch, and over either way in.
func FuzzReadCommand(f *testing.F) {
	for _, s := range []string{
		string(benchFrame), `{"type":"x"}`, `{"id":"x","type":"x"}`, `{"type":"x","n":-1}`, `{"type":"x","data":[]}`, `{"type":"x","lane":1}`, `{"type":"x","data":{"a":{"b":1}},"c":1}`,
		`[{"type":"x"},{"type":"y","id":5},3]`, `[]`, `{"data":{"a":1.5}}`,
	} {
		f.Add([]byte(s))
	}
	var r, s Reader
	f.Fuzz(func(t *testing.T, doc []byte) {
		c := r.ReadCommand(doc)
		if c.Fault != nil {
			checkFault(t, c.Fault)
		} else if c.Type != "" && c.Data.Done() == nil && c.Data.Present() && r.length(c.Data.at) > 0 {
			t.Fatalf("%q: data that nobody took", doc)
		}
		if c.HasID == c.ID.IsZero() {
			t.Fatalf("%q: has id %v", doc, c.HasID)
		}
		list, several, fault := s.ReadCommands(doc)
		if fault != nil {
			checkFault(t, fault)
		}
		for i := range list {
			if list[i].Fault != nil {
				checkFault(t, list[i].Fault)
			}
		}
		if !several {
			if len(list) != 1 {
				t.Fatalf("%q: %d commands", doc, len(list))
			}
			same(t, doc, c, list[0])
		}
		if c.Fault == nil {
			list, several, fault = s.ReadCommands([]byte("[" + string(doc) + "]"))
			if fault != nil || !several || len(list) != 1 {
				t.Fatalf("%q in a batch: %v", doc, fault)
			}
			same(t, doc, c, list[0])
		}
	})
}

func same(t *testing.T, doc []byte, a, b Command) {
	t.Helper()
	if a.ID != b.ID || a.HasID != b.HasID || a.Type != b.Type || a.Lane != b.Lane || a.N != b.N || !reflect.DeepEqual(a.Fault, b.Fault) ||
		a.Data.Present() != b.Data.Present() || !bytes.Equal(a.Data.AppendCanonical(nil), b.Data.AppendCanonical(nil)) {
		t.Fatalf("%q: %+v and %+v", doc, a, b)
	}
}

// FuzzAppendString holds the writing of strings to encoding/json.
func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "plain", "a\"b\\c/<>&\u2028\u2029\x00\x1f\x7f\b\f\n\r\té🌱", "\xff\xed\xa0\x80\ufffd", "</script>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := AppendString([]byte("x"), s); string(got) != "x"+string(want) {
			t.Fatalf("%q: %s, want %s", s, got, want)
		}
	})
}
