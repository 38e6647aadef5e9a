package wire

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"kiem/id"
)

// Limits of commands.
const (
	maxCommands = 100 // in one array
	maxType     = 64  // bytes
	maxLane     = 64  // bytes
)

// Command is a command as a client sent it: the envelope is read, the data is not.
type Command struct {
	ID    id.ID
	HasID bool // false: the client sent none (over HTTP the server makes one), or none that can be read
	Type  string
	Lane  uint64 // FNV-1a of the lane's bytes; 0: none
	N     uint64
	Data  Object // without fields if there is none; valid as long as what the Reader read
	Fault *Fault // what is wrong with the frame or the envelope; then only ID and HasID say anything
}

// ReadCommand reads one command of at most MaxFrame bytes.
func (r *Reader) ReadCommand(frame []byte) Command {
	o, f := r.Read(frame)
	if f != nil {
		f.Field = strings.TrimPrefix(f.Field, "data.")
		return Command{Data: o, Fault: f, ID: r.idSoFar()}.named()
	}
	return o.command()
}

// idSoFar is the id of a command that cannot be read to its end, if it stands before what is wrong: then the refusal can name the command.
func (r *Reader) idSoFar() id.ID {
	if len(r.nodes) == 0 || r.nodes[0].kind != object {
		return id.ID{}
	}
	i := Object{r: r}.ID("id")
	r.fault = nil
	return i
}

func (c Command) named() Command {
	c.HasID = !c.ID.IsZero()
	return c
}

// ReadCommands reads one command or an array of them, and says which it was. A fault that concerns one command of several stands in it; the
// fault that is returned concerns all.
func (r *Reader) ReadCommands(body []byte) (list []Command, several bool, f *Fault) {
	start := 0
	for start < len(body) && (body[start] == ' ' || body[start] == '\n' || body[start] == '\r' || body[start] == '\t') {
		start++
	}
	if start == len(body) || body[start] != '[' {
		c := r.ReadCommand(body)
		return []Command{c}, false, nil
	}
	if f := r.parse(body, MaxBody, maxDepth+1); f != nil {
		return nil, true, f
	}
	switch n := r.length(0); {
	case n == 0:
		return nil, true, &Fault{Code: BadRequest, Reason: missing}
	case n > maxCommands:
		return nil, true, &Fault{Code: TooLarge, Reason: tooMany, Max: maxCommands}
	default:
		list = make([]Command, 0, n)
	}
	for i := int32(1); i < int32(len(r.nodes)); i = r.nodes[i].end {
		n := &r.nodes[i]
		switch {
		case n.kind != object:
			list = append(list, Command{Data: Object{r: r, at: -1, base: -1}, Fault: &Fault{Code: BadRequest, Reason: wrongType}})
		case n.val.to-n.val.from > MaxFrame:
			list = append(list, Command{Data: Object{r: r, at: -1, base: -1}, Fault: &Fault{Code: TooLarge, Reason: tooLarge, Max: MaxFrame}})
		default:
			list = append(list, Object{r: r, at: i, base: i}.command())
		}
	}
	return list, true, nil
}

// command reads the envelope.
func (o Object) command() (c Command) {
	c.ID = o.ID("id")
	c.HasID = !c.ID.IsZero()
	o.Need("type")
	if t := o.bytes("type"); len(t) > maxType {
		o.tooLong("type", maxType)
	} else if len(t) > 0 {
		c.Type = o.r.typeOf(t)
	}
	if at := o.find("lane"); at >= 0 {
		lane := o.bytes("lane")
		if len(lane) > maxLane {
			o.tooLong("lane", maxLane)
		}
		c.Lane = fnv64(lane)
	}
	if n := o.Int("n"); n < 0 {
		o.fail(o.find("n"), badNumber)
	} else {
		c.N = uint64(n)
	}
	c.Data = o.Object("data")
	c.Data.base = c.Data.at
	c.Fault = o.done(c.Data.at)
	return c
}

func (o Object) tooLong(key string, most int) {
	if o.r.fault == nil {
		o.r.fault = &Fault{Code: TooLarge, Field: key, Reason: tooLong, Max: most}
	}
}

// typeOf gives the string of a type; the same types come again and again.
func (r *Reader) typeOf(b []byte) string {
	slot := &r.types[(int(b[0])+7*int(b[len(b)-1])+len(b))%len(r.types)]
	if *slot != string(b) {
		*slot = string(b)
	}
	return *slot
}

func fnv64(b []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range b {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}

// AppendReply appends the Reply to a command that is done: part of entry seq. data is JSON, or empty for none.
func AppendReply(b []byte, command id.ID, seq uint64, data []byte) []byte {
	b = append(b, `{"type":"reply","id":"`...)
	b = append(command.Append(b), '"')
	if seq > 0 {
		b = strconv.AppendUint(append(b, `,"seq":`...), seq, 10)
	}
	if len(data) > 0 {
		b = append(append(b, `,"data":`...), data...)
	}
	return append(b, '}')
}

// AppendRefusal appends the Reply to a command that was refused. Without an id that could be read, the reply has none.
func AppendRefusal(b []byte, command id.ID, hasID bool, code Code, message, field string) []byte {
	b = append(b, `{"type":"reply",`...)
	if hasID {
		b = append(command.Append(append(b, `"id":"`...)), `",`...)
	}
	b = AppendError(append(b, `"error":`...), code, message, field)
	return append(b, '}')
}

// AppendError appends an Error.
func AppendError(b []byte, code Code, message, field string) []byte {
	b = AppendString(append(b, `{"code":`...), string(code))
	b = AppendString(append(b, `,"message":`...), message)
	if field != "" {
		b = AppendString(append(b, `,"field":`...), field)
	}
	return append(b, '}')
}

// AppendString appends a JSON string that is safe in HTML and in scripts too, with the bytes that encoding/json would give.
func AppendString(b []byte, s string) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	from := 0
	for n := 0; n < len(s); {
		c := s[n]
		if c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&' {
				n++
				continue
			}
			b = append(b, s[from:n]...)
			switch c {
			case '"', '\\':
				b = append(b, '\\', c)
			case '\b':
				b = append(b, '\\', 'b')
			case '\f':
				b = append(b, '\\', 'f')
			case '\n':
				b = append(b, '\\', 'n')
			case '\r':
				b = append(b, '\\', 'r')
			case '\t':
				b = append(b, '\\', 't')
			default:
				b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
			}
			n++
			from = n
			continue
		}
		v, size := utf8.DecodeRuneInString(s[n:])
		if v == '\u2028' || v == '\u2029' || v == utf8.RuneError && size == 1 {
			b = append(b, s[from:n]...)
			switch v {
			case '\u2028':
				b = append(b, `\u2028`...)
			case '\u2029':
				b = append(b, `\u2029`...)
			default:
				b = append(b, `\ufffd`...)
			}
			from = n + size
		}
		n += size
	}
	return append(append(b, s[from:]...), '"')
}
