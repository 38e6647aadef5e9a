package hub

import (
	"context"
	"encoding/json"

	"kiem/hub/journal"
	"kiem/id"
)

// compact removes the sealed bytes of an erased person from stored entries, where the journal can. The key is gone already, so nobody can read them; this is
// for those who do not want to rest on that alone.
func (r *Room) compact(ctx context.Context, person id.ID) {
	c, ok := r.hub.journal.(journal.Compacter)
	if !ok {
		return
	}
	err := c.Compact(ctx, r.name, func(s journal.Stored) ([]byte, bool, error) {
		e, err := journal.Decode(s.Body)
		if err != nil {
			return nil, false, err
		}
		if !blank(e, person) {
			return nil, false, nil
		}
		body, err := e.Encode()
		return body, true, err
	})
	if err != nil {
		r.logger.Warn("the words of an erased person still stand sealed in the log", "log", r.name, "err", err)
	}
}

// blank removes the sealed parts of that person's texts, and says whether there were any.
func blank(e *journal.Entry, person id.ID) (changed bool) {
	for i := range e.Records {
		r, err := reveal(&e.Records[i])
		if err != nil {
			continue
		}
		var s storedData
		if len(r.Parts) == 0 || r.Parts[0].Kind != journal.Sealed || json.Unmarshal(r.Data, &s) != nil {
			continue
		}
		part := 0
		for _, t := range s.Texts {
			if t.Units == 0 {
				continue
			}
			if part < len(r.Parts) && t.By == person && r.Parts[part].Present() {
				r.Parts[part] = r.Parts[part].Blank()
				changed = true
			}
			part++
		}
	}
	return changed
}
