package memlog_test

import (
	"testing"

	"kiem/hub/journal"
	"kiem/hub/journal/journaltest"
	"kiem/hub/journal/memlog"
)

func TestEmbedded(t *testing.T) {
	journaltest.Run(t, func(t *testing.T) journaltest.Backend { return backend(memlog.Options{}) })
}

func TestShared(t *testing.T) {
	journaltest.Run(t, func(t *testing.T) journaltest.Backend {
		b := backend(memlog.Options{Shared: true})
		b.Another = b.Reopen
		return b
	})
}

func backend(o memlog.Options) journaltest.Backend {
	d := memlog.NewDisk()
	again := func(*testing.T) journal.Journal { return d.Open(o) }
	return journaltest.Backend{
		Journal: d.Open(o),
		Reopen:  again,
		Kill:    again,
		Damage: func(t *testing.T, log string, seq uint64, change func([]byte) []byte) {
			if !d.Damage(log, seq, change) {
				t.Fatalf("no entry %d in %s", seq, log)
			}
		},
		DamageSnapshot: func(t *testing.T, log string, seq uint64, change func([]byte) []byte) {
			if !d.DamageSnapshot(log, seq, change) {
				t.Fatalf("no snapshot at %d of %s", seq, log)
			}
		},
	}
}
