package hub

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kiem/hub/campaign"
	"kiem/hub/journal/memlog"
	"kiem/id"
	"kiem/ideas"
)

// trickle reads so many bytes a second.
type trickle struct {
	net.Conn
	each int
}

func (s trickle) Read(b []byte) (int, error) {
	<-time.After(time.Second)
	return s.Conn.Read(b[:min(len(b), s.each)])
}

// unread is how much waits for a client.
func (c *client) unread() int {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	return len(c.server.rest)
}

// Clients that do not read, or hardly, are gone after a while; until then they cost little, and nobody else notices.
func TestSlowReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, memlog.Options{}, nil)
		people := make([]id.ID, 6)
		for i := range people {
			people[i] = s.join(fmt.Sprint("Persoon ", i))
		}
		idea := s.post(people[0], "Een buurttuin")
		honest := connect(t, s.room, people[0], Resume{}, pipe)
		honest.until("hello", func() bool { return honest.hello != nil })

		never := attach(t, s.room, people[1], Resume{}, pipe)
		crawls := attach(t, s.room, people[2], Resume{}, pipe)
		crawls.start(trickle{crawls.net, 100})
		slow := attach(t, s.room, people[3], Resume{}, pipe)
		slow.start(trickle{slow.net, 20_000})
		bad := map[string]*client{"one that never reads": never, "one that reads 100 bytes a second": crawls}

		began := time.Now()
		gone := map[string]time.Duration{}
		for n := 0; time.Since(began) < 2*StallTime; n++ {
			p := people[n%len(people)]
			s.must(vote(p, idea, int8(n/len(people)%2)))
			if n%8 == 0 {
				s.must(command(campaign.CommentPost, p, &campaign.CommentData{Idea: idea, Kind: "question", Text: ideas.NewText(p, strings.Repeat("lang ", 100))}))
			}
			sent := time.Now()
			honest.seen(s.head())
			if took := time.Since(sent); took > 2*MinTick {
				t.Fatalf("an honest client waited %v", took)
			}
			for name, c := range bad {
				if n := c.unread(); n > MaxUnread {
					t.Errorf("%s: %d bytes wait", name, n)
				}
				select {
				case <-c.served:
					if gone[name] == 0 {
						gone[name] = time.Since(began)
					}
				default:
				}
			}
			<-time.After(250 * time.Millisecond)
		}
		for name := range bad {
			if gone[name] == 0 || gone[name] > StallTime+2*keepEvery {
				t.Errorf("%s is gone after %v", name, gone[name])
			}
		}
		slow.seen(s.head() - 1)
		slow.mu.Lock()
		defer slow.mu.Unlock()
		if slow.ended || slow.bad != nil || len(slow.resets) > 0 {
			t.Errorf("one that reads slowly, but reads: ended %v, resets %v: %v", slow.ended, slow.resets, slow.bad)
		}
		if len(slow.frames) >= len(honest.frames) {
			t.Errorf("one that reads slowly got %d frames, an honest one %d", len(slow.frames), len(honest.frames))
		}
		if got := s.hub.Stats.SlowClosed.Load(); got != 2 {
			t.Errorf("%d closed for being slow", got)
		}
	})
}

// Who sends without reading the answers is closed before much waits.
func TestUnreadAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, memlog.Options{}, nil)
		ana := s.join("Ana")
		c := attach(t, s.room, ana, Resume{}, pipe)
		synctest.Wait()
		most := 0
		for n := 0; ; n++ {
			select {
			case <-c.served:
				if most > MaxUnread || most < MaxUnread/2 {
					t.Errorf("%d bytes waited", most)
				}
				return
			default:
			}
			if n > 100_000 {
				t.Fatal("it was never closed")
			}
			c.send(vote(ana, id.ID{1}, 1))
			if n%64 == 0 {
				synctest.Wait()
				most = max(most, c.unread())
			}
		}
	})
}

// A client that is silent, not even answering pings, or stops in the midst of a message, is dropped; one that answers stays.
func TestSilentClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, memlog.Options{}, nil)
		ana, bo, eve := s.join("Ana"), s.join("Bo"), s.join("Eve")
		began := time.Now()
		answers := connect(t, s.room, ana, Resume{}, pipe)
		silent := attach(t, s.room, bo, Resume{}, pipe)
		silent.reading.Go(func() { _, _ = io.Copy(io.Discard, silent.net) }) // reads, and says nothing
		halfway := connect(t, s.room, eve, Resume{}, pipe)
		halfway.server.Midway.Store(time.Now().UnixNano())
		<-halfway.served
		if took := time.Since(began); took < MidwayTime || took > MidwayTime+2*keepEvery {
			t.Errorf("half a message: dropped after %v", took)
		}
		<-silent.served
		if took := time.Since(began); took < SilentTime || took > SilentTime+2*keepEvery {
			t.Errorf("a silent client: dropped after %v", took)
		}
		<-time.After(3 * SilentTime)
		answers.mu.Lock()
		defer answers.mu.Unlock()
		if answers.ended || answers.pings < 8 {
			t.Errorf("a client that answers: ended %v after %d pings", answers.ended, answers.pings)
		}
	})
}

// Over TCP: a client that stops reading lags and costs little; when it reads again it gets the newest of everything.
func TestLagsAndCatchesUp(t *testing.T) {
	s := newStand(t, memlog.Options{}, nil)
	ana, bo := s.join("Ana"), s.join("Bo")
	honest := connect(t, s.room, ana, Resume{}, loopback)
	frozen := attach(t, s.room, bo, Resume{}, func(t testing.TB) (server, other net.Conn) {
		server, other = loopback(t)
		if err := other.(*net.TCPConn).SetReadBuffer(8 << 10); err != nil {
			t.Error(err)
		}
		return server, other
	})
	text := strings.Repeat("een lange zin over de buurt ", 35)
	var made []id.ID
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for n := 0; ; n++ {
		c := command(campaign.IdeaPost, ana, &campaign.IdeaData{Title: ideas.NewText(ana, fmt.Sprint("Idee ", n)), Text: ideas.NewText(ana, text), Need: ideas.NewText(ana, "")})
		if n < 120 {
			s.must(c)
			_, idea := campaign.Made(c)
			made = append(made, idea)
		}
		s.must(vote(bo, made[n%len(made)], int8(n%2)))
		honest.seen(s.head())
		if frozen.server.look() == lags && n > len(made)+20 {
			break
		}
		if n > 5000 {
			t.Fatal("it never lagged")
		}
	}
	if n := frozen.unread(); n > MaxUnread {
		t.Errorf("%d bytes wait for a client that lags", n)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	t.Logf("lagging after %d frames; heap %d KiB more", len(honest.log()), (int64(after.HeapAlloc)-int64(before.HeapAlloc))>>10)
	frozen.start(frozen.net)
	head := s.head()
	frozen.until("the newest, or reset", func() bool { return frozen.to() >= head || len(frozen.resets) > 0 })
	if got, all := len(frozen.log()), len(honest.log()); len(frozen.resets) == 0 && got >= all {
		t.Errorf("it got %d frames, as many as one that read all along (%d)", got, all)
	}
	s.must(vote(bo, made[0], 1))
	if len(frozen.resets) == 0 {
		frozen.seen(s.head())
	}
}

// The inbox is bounded: what does not fit is refused at once, and everything is answered.
func TestInboxIsBounded(t *testing.T) {
	s := newStand(t, memlog.Options{}, nil)
	ana := s.join("Ana")
	idea := s.post(ana, "Een buurttuin")
	hold := make(chan struct{})
	s.disk.OnAppend(func(memlog.Attempt) memlog.Outcome { <-hold; return memlog.Store })
	const n = MaxInbox + 5*MaxBatch
	answers := make(ask, n)
	for range n {
		c := vote(ana, idea, 1)
		s.room.Submit(&Pending{From: ana, Command: c, To: answers})
	}
	if err := s.room.Do(t.Context(), func() {
		if got := len(s.room.seq.queue); got > 2*MaxBatch {
			t.Errorf("%d commands queued", got)
		}
	}); err != nil {
		t.Fatal(err)
	}
	refused := len(answers)
	if refused < n-MaxInbox-4*MaxBatch || refused > n-MaxInbox {
		t.Errorf("%d of %d refused at once", refused, n)
	}
	close(hold)
	done := 0
	for range n {
		o := <-answers
		switch {
		case o.Refusal == nil:
			done++
		case o.Refusal.Code != "unavailable":
			t.Fatalf("refused: %v", o.Refusal)
		}
	}
	if done != n-refused {
		t.Errorf("%d done, %d refused at once, of %d", done, refused, n)
	}
}
