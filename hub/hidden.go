package hub

import (
	"encoding/binary"
	"fmt"

	"kiem/hub/campaign"
	"kiem/hub/journal"
	"kiem/hub/machine"
)

// What the public form of a log tells. It goes into files that everybody may have, with the time of each entry; and ideas are published with the ids of their
// authors. So a record that names whoever sent it would tell, beyond anything that is shown: who reported whom, who was muted, by which channel and when each
// author joined, whose ideas were rejected. Therefore a command of a person leaves nothing in the open but its type. The rest stands in a part of kind
// Hidden, of which the public form has the salted SHA-256:
//
//	id[16] | actor[16] | lane | n | tag | data, with varints for lane, n and tag
//
// The id too, for the ids of joining and of being erased derive from the participant's. Open are the commands by which a campaign is run: they are
// acts of its organisers, and everybody is shown what they do. Logs of the first development versions have everything in the open; they are read as they are.

// isOpen says whether a command stands in the open.
func isOpen(c *machine.Command) bool {
	switch c.Type {
	case campaign.Create, campaign.CampaignEdit, campaign.StageSet:
		return true
	}
	return c.Actor.IsZero()
}

// appendHidden writes what a record hides.
func appendHidden(b []byte, r *journal.Record) []byte {
	b = append(append(b, r.ID[:]...), r.Actor[:]...)
	for _, n := range [...]uint64{r.Lane, r.N, r.Tag} {
		b = binary.AppendUvarint(b, n)
	}
	return append(b, r.Data...)
}

// reveal is the record with what it hides in its fields and without the hidden part; one that hides nothing is given back as it is. The other parts and Data
// are the stored ones.
func reveal(r *journal.Record) (*journal.Record, error) {
	if len(r.Parts) == 0 || r.Parts[0].Kind != journal.Hidden {
		return r, nil
	}
	b := r.Parts[0].Bytes
	out := &journal.Record{Type: r.Type, Parts: r.Parts[1:]}
	if len(b) < len(out.ID)+len(out.Actor) {
		return nil, fmt.Errorf("%w: a %s without what it says", journal.ErrCorrupt, r.Type)
	}
	b = b[copy(out.ID[:], b):]
	b = b[copy(out.Actor[:], b):]
	for _, n := range [...]*uint64{&out.Lane, &out.N, &out.Tag} {
		value, size := binary.Uvarint(b)
		if size <= 0 {
			return nil, fmt.Errorf("%w: what a %s hides cannot be read", journal.ErrCorrupt, r.Type)
		}
		*n, b = value, b[size:]
	}
	out.Data = b
	return out, nil
}
