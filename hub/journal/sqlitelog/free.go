package sqlitelog

// Space is the free space on the journal's disk in bytes, and how much is needed for appends to be taken.
func (j *Journal) Space() (free, need int64, err error) {
	s := j.space
	s.mu.Lock()
	defer s.mu.Unlock()
	free, err = s.measure()
	return free, s.need(), err
}
