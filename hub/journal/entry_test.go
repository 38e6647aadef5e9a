package journal_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"kiem/hub/journal"
	"kiem/id"
)

// full is an entry with something in every field.
func full() *journal.Entry {
	return &journal.Entry{
		Rules: 3, At: 1_790_000_000_123, Node: 1 << 63, Batch: 300, Flags: journal.FlagRepair,
		Base: journal.Base{Epoch: 2, Chain: journal.Chain{Seq: 128, Hash: journal.Genesis("c:x")}},
		Records: []journal.Record{
			{
				Type: "idea.post", ID: id.ID{1, 2, 3}, Actor: id.ID{4, 5}, Lane: 77, N: 5, Tag: 1<<64 - 1, Data: []byte(`{"a":1}`),
				Parts: []journal.Part{
					journal.NewPart(journal.Sealed, [16]byte{9}, []byte("sealed text")),
					journal.NewPart(journal.Vote, [16]byte{8}, nil),
					journal.NewPart(journal.Hidden, [16]byte{7}, []byte("hidden")).Blank(),
				},
			},
			{Type: "", Data: nil},
			{Type: "ballot.cast", ID: id.ID{6}},
		},
	}
}

func mustEncode(t testing.TB, e *journal.Entry) []byte {
	t.Helper()
	b, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// seal puts the right checksum behind b.
func seal(b []byte) []byte {
	return binary.LittleEndian.AppendUint32(bytes.Clone(b), crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
}

var update = flag.Bool("update", false, "write the golden entry anew: only when a new format is added, never to change an old one")

// TestGolden holds the stored form: what was written once must be read for ever.
func TestGolden(t *testing.T) {
	path := filepath.Join("testdata", "entry-v1.bin")
	b := mustEncode(t, full())
	if *update {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, stored) {
		t.Errorf("an entry is encoded otherwise than it was:\n got %x\nwant %x", b, stored)
	}
	at := journal.Chain{Seq: 4, Hash: journal.Genesis("c:x")}
	_, next, err := at.NextStored(journal.Stored{Seq: 5, Body: stored})
	if err != nil {
		t.Fatal(err)
	}
	const want = "9b7b7b21b789ac85d0ef58b019cda4a09962a8338b39be6049102d7a81b1f07e"
	if got := next.Hash.String(); got != want {
		t.Errorf("the chain's hash is %s, was %s", got, want)
	}
}

func TestRoundTrip(t *testing.T) {
	e := full()
	got, err := journal.Decode(mustEncode(t, e))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(e, got, cmp.Transformer("nil", func(b []byte) string { return string(b) })); d != "" {
		t.Errorf("decoded otherwise than encoded: %s", d)
	}
	if !got.Records[0].Parts[1].Present() || got.Records[0].Parts[2].Present() {
		t.Error("an empty part and an absent one are confused")
	}
}

func TestChainIgnoresAbsence(t *testing.T) {
	at := journal.Chain{Hash: journal.Genesis("c:x")}
	e := full()
	want := at.Next(e)
	for i := range e.Records[0].Parts {
		e.Records[0].Parts[i] = e.Records[0].Parts[i].Blank()
	}
	if got := at.Next(e); got != want {
		t.Error("blanking the parts changes the chain")
	}
	if got := at.NextPublic(e.Public()); got != want {
		t.Error("NextPublic differs from Next")
	}
	if bytes.Contains(full().Public(), []byte("sealed text")) {
		t.Error("the public form shows a sealed part")
	}
	e.Records[0].Data = []byte(`{"a":2}`)
	if got := at.Next(e); got == want {
		t.Error("other data, same chain")
	}
	if got := (journal.Chain{Seq: 1, Hash: at.Hash}).Next(full()); got.Hash == want.Hash {
		t.Error("another number, same hash")
	}
}

// TestEveryByteCounts flips every bit and cuts at every length.
func TestEveryByteCounts(t *testing.T) {
	b := mustEncode(t, full())
	for i := range b {
		for bit := range 8 {
			c := bytes.Clone(b)
			c[i] ^= 1 << bit
			if _, err := journal.Decode(c); !errors.Is(err, journal.ErrCorrupt) {
				t.Fatalf("bit %d of byte %d flipped: %v, want ErrCorrupt", bit, i, err)
			}
		}
		if _, err := journal.Decode(b[:i]); !errors.Is(err, journal.ErrCorrupt) {
			t.Fatalf("cut to %d bytes: %v, want ErrCorrupt", i, err)
		}
	}
}

// TestClaims gives numbers that are not backed by bytes, with a right checksum.
func TestClaims(t *testing.T) {
	head := mustEncode(t, &journal.Entry{})
	head = head[:len(head)-5] // without the number of records and the checksum
	huge := binary.AppendUvarint(nil, 1<<62)
	record := append([]byte{0}, make([]byte, 32+3)...) // type, ids, lane, n, tag
	for name, tail := range map[string][]byte{
		"records":          huge,
		"4,096 records":    binary.AppendUvarint(nil, journal.MaxRecords),
		"4,097 records":    binary.AppendUvarint(nil, journal.MaxRecords+1),
		"a type":           append([]byte{1}, huge...),
		"data":             append(append([]byte{1}, record...), huge...),
		"parts":            append(append(append([]byte{1}, record...), 0), huge...),
		"a part's bytes":   append(append(append(append([]byte{1}, record...), 0, 1, 1, 1), make([]byte, 16)...), huge...),
		"an overlong zero": {0x80, 0x00},
		"a 65-bit number":  bytes.Repeat([]byte{0xff}, 10),
	} {
		b := seal(append(bytes.Clone(head), tail...))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := journal.Decode(b)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, journal.ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 64<<10 {
			t.Errorf("%s: %d bytes were allocated for an entry of %d", name, n, len(b))
		}
	}
}

func TestEncodeLimits(t *testing.T) {
	e := &journal.Entry{Records: []journal.Record{{Data: make([]byte, journal.MaxEntry)}}}
	if _, err := e.Encode(); !errors.Is(err, journal.ErrTooLarge) {
		t.Errorf("too many bytes: %v, want ErrTooLarge", err)
	}
	e = &journal.Entry{Records: make([]journal.Record, journal.MaxRecords+1)}
	if _, err := e.Encode(); !errors.Is(err, journal.ErrTooLarge) {
		t.Errorf("too many records: %v, want ErrTooLarge", err)
	}
	if err := journal.Check(make([]byte, journal.MaxEntry+1)); !errors.Is(err, journal.ErrTooLarge) {
		t.Errorf("Check: %v, want ErrTooLarge", err)
	}
}

func TestCheckName(t *testing.T) {
	for name, want := range map[string]error{
		"directory": nil, "c:0198c0de-0000-7000-8000-00000000000a": nil, strings.Repeat("a", journal.MaxName): nil,
		strings.Repeat("a", journal.MaxName+1): journal.ErrTooLarge, "": journal.ErrName, "a b": journal.ErrName, "{a}": journal.ErrName, "é": journal.ErrName,
	} {
		if err := journal.CheckName(name); !errors.Is(err, want) {
			t.Errorf("CheckName(%q) = %v, want %v", name, err, want)
		}
	}
}

func drawEntry(r *rapid.T) *journal.Entry {
	u := rapid.Uint64()
	e := &journal.Entry{
		Rules: u.Draw(r, "rules"), At: rapid.Int64().Draw(r, "at"), Node: u.Draw(r, "node"), Batch: u.Draw(r, "batch"), Flags: u.Draw(r, "flags"),
		Base: journal.Base{Epoch: u.Draw(r, "epoch"), Chain: journal.Chain{Seq: u.Draw(r, "seq"), Hash: journal.Genesis(rapid.String().Draw(r, "hash"))}},
	}
	for range rapid.IntRange(0, 5).Draw(r, "records") {
		rec := journal.Record{
			Type: rapid.String().Draw(r, "type"), Lane: u.Draw(r, "lane"), N: u.Draw(r, "n"), Tag: u.Draw(r, "tag"),
			Data: rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(r, "data"),
		}
		copy(rec.ID[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(r, "id"))
		for range rapid.IntRange(0, 3).Draw(r, "parts") {
			p := journal.NewPart(journal.Kind(rapid.Byte().Draw(r, "kind")), [16]byte{rapid.Byte().Draw(r, "salt")}, rapid.SliceOfN(rapid.Byte(), 0, 50).Draw(r, "bytes"))
			if rapid.Bool().Draw(r, "blank") {
				p = p.Blank()
			}
			rec.Parts = append(rec.Parts, p)
		}
		e.Records = append(e.Records, rec)
	}
	return e
}

func TestRoundTripProperty(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		e := drawEntry(r)
		b, err := e.Encode()
		if err != nil {
			r.Fatal(err)
		}
		got, err := journal.Decode(b)
		if err != nil {
			r.Fatal(err)
		}
		again, err := got.Encode()
		if err != nil || !bytes.Equal(b, again) {
			r.Fatalf("encoded again as other bytes: %v", err)
		}
		at := journal.Chain{Hash: journal.Genesis("x")}
		if at.Next(e) != at.Next(got) {
			r.Fatal("the chain differs after decoding")
		}
	})
}

// FuzzDecode: no panic, no claim believed, and what is read is what would be written.
func FuzzDecode(f *testing.F) {
	b := mustEncode(f, full())
	f.Add(b, false)
	f.Add(b[:len(b)-4], true)
	f.Add(mustEncode(f, &journal.Entry{})[:40], true)
	f.Fuzz(func(t *testing.T, b []byte, right bool) {
		if right { // get past the checksum
			b = seal(b)
		}
		e, err := journal.Decode(b)
		if err != nil {
			if !errors.Is(err, journal.ErrCorrupt) && !errors.Is(err, journal.ErrTooLarge) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		if err := journal.Check(b); err != nil {
			t.Fatalf("Decode accepts what Check refuses: %v", err)
		}
		again, err := e.Encode()
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x decodes, and encodes as %x, %v", b, again, err)
		}
		_ = e.Public()
	})
}

// FuzzDecodePublic is P20: no panic, no claim believed, what is read is what would be written, and nothing that is not public is taken for public.
func FuzzDecodePublic(f *testing.F) {
	f.Add(full().Public())
	f.Add((&journal.Entry{}).Public())
	whole := mustEncode(f, full())
	f.Add(whole[:len(whole)-4])
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := journal.DecodePublic(b)
		if err != nil {
			if !errors.Is(err, journal.ErrCorrupt) && !errors.Is(err, journal.ErrTooLarge) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		if again := e.Public(); !bytes.Equal(again, b) {
			t.Fatalf("%x is read, and public as %x", b, again)
		}
	})
}

// FuzzCheck: against a plain computation.
func FuzzCheck(f *testing.F) {
	f.Add(mustEncode(f, full()))
	f.Add([]byte{1, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		ok := len(b) >= 5 && len(b) <= journal.MaxEntry && b[0] == 1 && bytes.Equal(seal(b[:len(b)-4]), b)
		if err := journal.Check(b); (err == nil) != ok {
			t.Fatalf("Check(%x) = %v, want ok %v", b, err, ok)
		}
	})
}
