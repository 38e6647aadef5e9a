package session_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"kiem/hub/session"
)

// childDir tells this test program to be the child of TestKilled: to make and cut sessions in that directory until it is killed.
const childDir = "KIEM_SESSION_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		child(dir)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func child(dir string) {
	c := &clock{}
	s, err := session.OpenLite(context.Background(), dir, c.now)
	if err != nil {
		fmt.Println("error", err)
		return
	}
	var all sync.WaitGroup
	var out sync.Mutex
	say := func(format string, args ...any) {
		out.Lock()
		defer out.Unlock()
		fmt.Printf(format+"\n", args...)
	}
	base := rand.IntN(1 << 30)
	for worker := range 16 {
		all.Go(func() {
			for n := 0; ; n++ {
				who := base<<20 | worker<<16 | n
				token, err := s.Create(context.Background(), guest(c, who))
				if err != nil {
					say("error %v", err)
					return
				}
				say("made %s %d", token, who)
				if n%10 == 9 {
					say("cutting %s", token)
					if err := s.DeleteParticipant(context.Background(), campaign, number(who)); err != nil {
						say("error %v", err)
						return
					}
					say("cut %s", token)
				}
			}
		})
	}
	all.Wait()
}

// TestKilled kills a process at random moments: sessions that it acknowledged are there, those that it cut are not.
func TestKilled(t *testing.T) {
	t.Parallel()
	cycles := 12
	if testing.Short() {
		cycles = 3
	}
	dir, c := t.TempDir(), &clock{}
	made, cut := map[string]int{}, map[string]bool{}
	for range cycles {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childDir+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		var dead *time.Timer
		for lines.Scan() {
			if dead == nil { // counted from the first acknowledgement
				dead = time.AfterFunc(time.Duration(rand.IntN(150))*time.Millisecond, func() { _ = cmd.Process.Kill() })
			}
			switch f := strings.Fields(lines.Text()); {
			case len(f) == 3 && f[0] == "made":
				if made[f[1]], err = strconv.Atoi(f[2]); err != nil {
					t.Fatal(err)
				}
			case len(f) == 2 && f[0] == "cutting":
				delete(made, f[1]) // not known until it is acknowledged
			case len(f) == 2 && f[0] == "cut":
				cut[f[1]] = true
			case len(f) > 0 && f[0] == "error":
				t.Error(lines.Text())
			}
		}
		_ = cmd.Wait() // it was killed
		s, err := session.OpenLite(t.Context(), dir, c.now)
		if err != nil {
			t.Fatal(err)
		}
		for token, who := range made {
			if got, err := s.Get(t.Context(), token); err != nil || got.Members[campaign] != number(who) {
				t.Fatalf("an acknowledged session: %+v, %v", got, err)
			}
		}
		for token := range cut {
			wantGone(t, s, token)
		}
		closing(t, s)
	}
	t.Logf("%d acknowledged, %d cut", len(made), len(cut))
}
