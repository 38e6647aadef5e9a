package wire

import (
	"strings"
	"testing"
)

var benchFrame = []byte(`{"id":"01920000-0000-7000-8000-00000000abcd","type":"support.set","data":{"idea":"01920000-0000-5000-8000-00000000beef","value":1},"lane":"q8Zt1x0p","n":17}`)

func BenchmarkReadCommand(b *testing.B) {
	var r Reader
	b.SetBytes(int64(len(benchFrame)))
	b.ReportAllocs()
	for b.Loop() {
		c := r.ReadCommand(benchFrame)
		d := c.Data
		if i := d.ID("idea"); c.Fault != nil || i.IsZero() || d.Int("value") != 1 || d.Done() != nil {
			b.Fatal("not read")
		}
	}
}

func BenchmarkAppendReply(b *testing.B) {
	var r Reader
	c := r.ReadCommand(benchFrame)
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		out = AppendReply(out[:0], c.ID, 123456, nil)
	}
}

// BenchmarkHostile reads what costs most for its size.
func BenchmarkHostile(b *testing.B) {
	for name, doc := range hostile() {
		b.Run(name, func(b *testing.B) {
			var r Reader
			b.SetBytes(int64(len(doc)))
			b.ReportAllocs()
			for b.Loop() {
				c := r.ReadCommand(doc)
				if c.Fault == nil && c.Data.Done() == nil {
					b.Fatal("taken for a command")
				}
			}
		})
	}
}

// BenchmarkReadText reads the largest idea that one command may bring.
func BenchmarkReadText(b *testing.B) {
	frame := []byte(`{"id":"01920000-0000-7000-8000-00000000abcd","type":"idea.post","data":{"title":"Bomen","text":"` + strings.Repeat("Méér bomen. ", 680) + `"}}`)
	var r Reader
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for b.Loop() {
		c := r.ReadCommand(frame)
		if c.Fault != nil || c.Data.String("text") == "" {
			b.Fatal("not read")
		}
	}
}
