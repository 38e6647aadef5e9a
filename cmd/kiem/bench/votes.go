package bench

import "strconv"

// voter builds the support.set commands of one connection. Each has an id that nobody else has, and changes a tally: the voter goes through the ideas and supports
// each, then takes it back from each, and so on.
type voter struct {
	run    uint32 // of the bench; part of ids, so that the same person votes anew in each measurement
	person uint32
	sent   uint32
	ideas  []string
}

// appendVote appends the frame of the next command.
func (v *voter) appendVote(b []byte) []byte {
	var p [256]byte
	m := v.appendID(append(p[:0], idHead...), v.sent)
	m = append(m, `","type":"support.set","data":{"idea":"`...)
	m = append(m, v.ideas[int(v.sent)%len(v.ideas)]...)
	m = append(m, `","value":`...)
	m = append(m, '1'-byte(int(v.sent)/len(v.ideas)%2), '}')
	v.sent++
	m = strconv.AppendUint(append(m, `,"lane":"bench-`...), uint64(v.run), 10)
	m = append(strconv.AppendUint(append(m, `","n":`...), uint64(v.sent), 10), '}')
	return appendMasked(b, opText, m)
}

// appendID appends the id of the n-th command, a UUID.
func (v *voter) appendID(b []byte, n uint32) []byte {
	b = append(appendHex(b, n), '-')
	b = appendHex(b, v.run)
	b = append(b[:len(b)-8], b[len(b)-4:]...) // the low half of it
	b = append(append(b, "-4000-8000-"...), "0000"...)
	return appendHex(b, v.person)
}

// names says whether an id is that of the n-th command, by what tells a voter's commands apart.
func (v *voter) names(id []byte, n uint32) bool {
	var want [8]byte
	return string(id[:8]) == string(appendHex(want[:0], n))
}

func appendHex(b []byte, n uint32) []byte {
	const digits = "0123456789abcdef"
	for shift := 28; shift >= 0; shift -= 4 {
		b = append(b, digits[n>>shift&0xf])
	}
	return b
}
