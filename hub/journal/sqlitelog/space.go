package sqlitelog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"kiem/hub/journal"
)

// space watches the free space. While there is enough, journal.reserve occupies its share; when the disk ran full all the same (others write there
// too), it is given up, so that a checkpoint and a clean stop have room, and comes back before entries are taken again.
type space struct {
	dir      string
	reserve  int64 // 0: none
	lowWater int64 // negative: never refuse
	measure  func() (int64, error)

	mu       sync.Mutex
	reserved bool
}

func openSpace(dir string, o Options) (*space, error) {
	s := &space{dir: dir, reserve: o.Reserve, lowWater: o.LowWater, measure: func() (int64, error) { return freeBytes(dir) }}
	if s.reserve == 0 {
		s.reserve = DefaultReserve
	}
	if s.lowWater == 0 {
		s.lowWater = DefaultLowWater
	}
	s.reserve = max(s.reserve, 0)
	if o.faults != nil && o.faults.free != nil {
		s.measure = o.faults.free
	}
	fi, err := os.Stat(s.path())
	switch {
	case err == nil && fi.Size() == s.reserve && s.reserve > 0:
		s.reserved = true
	case err == nil:
		if err := os.Remove(s.path()); err != nil {
			return nil, err
		}
	case !errors.Is(err, os.ErrNotExist):
		return nil, err
	}
	if err := s.check(); err != nil && !errors.Is(err, journal.ErrFull) {
		return nil, err
	}
	return s, nil
}

func (s *space) path() string { return filepath.Join(s.dir, "journal.reserve") }

// check is nil if there is room for the next transaction. It takes the reserve back when it can.
func (s *space) check() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	free, err := s.measure()
	if err != nil {
		return fmt.Errorf("%w: measuring the free space: %w", journal.ErrUnavailable, err)
	}
	if err := s.enough(free); err != nil {
		return err
	}
	if s.reserve == 0 || s.reserved {
		return nil
	}
	if err := s.take(); err != nil {
		os.Remove(s.path())
		return fmt.Errorf("%w (%w): taking the reserve: %w", journal.ErrFull, journal.ErrUnavailable, err)
	}
	s.reserved = true
	return nil
}

// look is check without effect.
func (s *space) look() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	free, err := s.measure()
	if err != nil {
		return fmt.Errorf("%w: measuring the free space: %w", journal.ErrUnavailable, err)
	}
	return s.enough(free)
}

// need is how much has to be free; negative: nothing.
func (s *space) need() int64 {
	if s.lowWater >= 0 && !s.reserved {
		return s.lowWater + s.reserve
	}
	return s.lowWater
}

func (s *space) enough(free int64) error {
	need := s.need()
	if s.lowWater >= 0 && free < need {
		return fmt.Errorf("%w (%w): %d bytes free in %s, needed are %d", journal.ErrFull, journal.ErrUnavailable, free, s.dir, need)
	}
	return nil
}

// ranOut gives the reserve up.
func (s *space) ranOut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reserved && os.Remove(s.path()) == nil {
		s.reserved = false
	}
}

func (s *space) take() error {
	f, err := os.OpenFile(s.path(), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(reserveBytes(f, s.reserve), f.Close())
}

// fillZero writes zeros where a file system cannot preallocate.
func fillZero(f *os.File, size int64) error {
	zero := make([]byte, 1<<20)
	for at := int64(0); at < size; at += int64(len(zero)) {
		if _, err := f.WriteAt(zero[:min(int64(len(zero)), size-at)], at); err != nil {
			return err
		}
	}
	return nil
}
