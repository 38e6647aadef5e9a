package sqlitelog

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"kiem/hub/journal"
	"kiem/hub/journal/journaltest"
)

// childDir makes the test binary a process that appends to the journal in that directory until it is killed.
const childDir = "KIEM_JOURNAL_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		appendUntilKilled(dir)
	}
	os.Exit(m.Run())
}

// appendUntilKilled prints "log seq n" for each acknowledged append. It ends with its process.
func appendUntilKilled(dir string) {
	fail := func(err error) {
		fmt.Println("error", err)
		os.Exit(3)
	}
	j, err := Open(context.Background(), dir, small)
	if err != nil {
		fail(err)
	}
	for i := range 4 {
		l, err := j.Open(context.Background(), fmt.Sprintf("c:%d", i))
		if err != nil {
			fail(err)
		}
		go func() {
			head, err := l.Head(context.Background())
			if err != nil {
				fail(err)
			}
			for n := head + 1; ; n++ {
				size := 100 + int(n%50)*40
				if n%97 == 0 {
					size = 100_000
				}
				body := (&journal.Entry{Batch: n, Records: []journal.Record{{Data: make([]byte, size)}}})
				b, err := body.Encode()
				if err != nil {
					fail(err)
				}
				seq, err := l.Append(context.Background(), b)
				if err != nil {
					fail(err)
				}
				fmt.Printf("%d %d %d\n", i, seq, n) // one write: a line is whole or not there
				if n%500 == 0 {
					at, err := chainNow(j, l.(*Log))
					if err != nil {
						fail(err)
					}
					if err := l.SaveSnapshot(context.Background(), journal.Snapshot{Seq: at.Seq, Hash: at.Hash, State: make([]byte, 200_000)}); err != nil {
						fail(err)
					}
				}
			}
		}()
	}
	select {}
}

func chainNow(j *Journal, l *Log) (at journal.Chain, err error) {
	err = j.read(context.Background(), func(c *conn) (err error) {
		at, err = chainAt(c, l.s.id.Load(), l.s.name, l.s.head.Load())
		return err
	})
	return at, err
}

// TestKilled kills a process that appends, again and again on the same directory. Every line it printed must be true.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	acked := make([]uint64, 4) // highest number by log
	total, kills := 0, 0
	for round := range journaltest.Rounds(t, 4, 12) {
		kills++
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childDir+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := make(chan string, 1<<16)
		go func() {
			defer close(lines)
			in := bufio.NewScanner(out)
			for in.Scan() {
				lines <- in.Text()
			}
		}()
		// The kill comes between the start (round 0, 7, …: even before the first append) and half a second later.
		if round%7 != 0 {
			select {
			case line := <-lines:
				note(t, line, acked)
				total++
			case <-time.After(journaltest.Patience):
				t.Error("the child appends nothing")
			}
		}
		<-time.After(time.Duration(r.IntN(150)) * time.Millisecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for line := range lines {
			note(t, line, acked)
			total++
		}
		cmd.Wait()
		if t.Failed() {
			return
		}
		if round%3 == 0 { // else the next child finds what the kill left
			verifyKilled(t, dir, acked)
		}
	}
	verifyKilled(t, dir, acked)
	t.Logf("%d kills, %d acknowledged entries, all there", kills, total)
}

func note(t *testing.T, line string, acked []uint64) {
	t.Helper()
	f := strings.Fields(line)
	if len(f) != 3 {
		t.Fatalf("the child says %q", line)
	}
	i, _ := strconv.Atoi(f[0])
	seq, _ := strconv.ParseUint(f[1], 10, 64)
	n, _ := strconv.ParseUint(f[2], 10, 64)
	if seq != n {
		t.Fatalf("log %d: entry %d has number %d", i, n, seq)
	}
	acked[i] = max(acked[i], seq)
}

func verifyKilled(t *testing.T, dir string, acked []uint64) {
	t.Helper()
	j, err := Open(t.Context(), dir, small)
	if err != nil {
		t.Fatalf("Open after a kill: %v", err)
	}
	defer j.Close()
	for i, want := range acked {
		l := journaltest.Open(t, j, fmt.Sprintf("c:%d", i))
		at := journaltest.Verify(t, l)
		if at.Seq < want {
			t.Fatalf("log %d: entry %d was acknowledged, the log has %d", i, want, at.Seq)
		}
		for _, st := range journaltest.ReadAll(t, l, 0, 1000) {
			if e, err := journal.Decode(st.Body); err != nil || e.Batch != st.Seq {
				t.Fatalf("log %d, entry %d: %v, %v", i, st.Seq, e, err)
			}
		}
		if _, err := l.Snapshot(t.Context(), 1<<62); err != nil && !errors.Is(err, journal.ErrNotFound) {
			t.Errorf("log %d: Snapshot: %v", i, err)
		}
	}
}
