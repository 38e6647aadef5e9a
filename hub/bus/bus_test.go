package bus_test

import (
	"encoding/binary"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kiem/hub/bus"
	"kiem/hub/redisconn"
	"kiem/hub/redisconn/redistest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		// The client library lets go of a closed pool up to a second later.
		if err := goleak.Find(goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial")); err != nil {
			println(err.Error())
			code = 1
		}
	}
	os.Exit(code)
}

// patience bounds the waiting for what must come.
const patience = 15 * time.Second

// form gives a function that makes nodes; the Local form has one, and gives it again.
type form struct {
	name string
	make func(t *testing.T) (node func() bus.Bus)
}

var forms = []form{
	{"local", func(t *testing.T) func() bus.Bus {
		b := bus.NewLocal()
		t.Cleanup(func() { closing(t, b) })
		return func() bus.Bus { return b }
	}},
	{"redis", func(t *testing.T) func() bus.Bus {
		s := redistest.Start(t)
		return func() bus.Bus { return openRedis(t, s) }
	}},
	{"redis cluster", func(t *testing.T) func() bus.Bus {
		s := redistest.StartCluster(t)
		return func() bus.Bus { return openRedis(t, s) }
	}},
}

func openRedis(t *testing.T, s *redistest.Server) *bus.Redis {
	t.Helper()
	conn, err := redisconn.Open(s.URL(), 0)
	if err != nil {
		t.Fatal(err)
	}
	b := bus.OpenRedis(conn, slog.New(slog.DiscardHandler))
	t.Cleanup(func() {
		closing(t, b)
		_ = conn.Close()
	})
	return b
}

func closing(t *testing.T, b bus.Bus) {
	t.Helper()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

func each(t *testing.T, test func(t *testing.T, node func() bus.Bus)) {
	for _, f := range forms {
		t.Run(f.name, func(t *testing.T) { test(t, f.make(t)) })
	}
}

// heard collects messages.
type heard struct {
	mu   sync.Mutex
	list []string
}

func (h *heard) hear(m []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.list = append(h.list, string(m))
}

func (h *heard) has(m string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, one := range h.list {
		if one == m {
			return true
		}
	}
	return false
}

func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !f(); {
		if time.Now().After(end) {
			t.Fatalf("%s did not come to pass", what)
		}
		<-time.After(time.Millisecond)
	}
}

// connect waits until messages of the topic get from a to h at b.
func connect(t *testing.T, from bus.Bus, topic string, h *heard) {
	t.Helper()
	until(t, "the connection", func() bool {
		from.Publish(topic, []byte("hello"))
		return h.has("hello")
	})
}

func TestEverySubscriberHears(t *testing.T) {
	each(t, func(t *testing.T, node func() bus.Bus) {
		a, b := node(), node()
		var here, there, elsewhere heard
		defer a.Subscribe("c:1", here.hear)()
		defer b.Subscribe("c:1", there.hear)()
		defer b.Subscribe("c:2", elsewhere.hear)()
		connect(t, a, "c:1", &there)
		a.Publish("c:1", []byte("one"))
		until(t, "hearing", func() bool { return here.has("one") && there.has("one") })
		b.Publish("c:1", []byte("two"))
		until(t, "hearing", func() bool { return here.has("two") && there.has("two") })
		if elsewhere.has("one") || elsewhere.has("two") {
			t.Error("another topic heard it")
		}
		for _, h := range []*heard{&here, &there} {
			h.mu.Lock()
			n := 0
			for _, m := range h.list {
				if m == "one" || m == "two" {
					n++
				}
			}
			h.mu.Unlock()
			if n != 2 {
				t.Errorf("two messages were heard %d times", n)
			}
		}
	})
}

func TestOrderOfOnePublisher(t *testing.T) {
	each(t, func(t *testing.T, node func() bus.Bus) {
		a, b := node(), node()
		var last, came atomic.Uint64
		var broken atomic.Bool
		defer b.Subscribe("t", func(m []byte) {
			n := binary.BigEndian.Uint64(m)
			if n == 0 {
				return // of the time of connecting
			}
			if n <= last.Load() {
				broken.Store(true)
			}
			last.Store(n)
			came.Add(1)
		})()
		const n = 3000
		for i := uint64(1); i <= n; i++ {
			a.Publish("t", binary.BigEndian.AppendUint64(nil, i))
		}
		next := uint64(n)
		until(t, "the last", func() bool { // by now the nodes are connected
			next++
			a.Publish("t", binary.BigEndian.AppendUint64(nil, next))
			return last.Load() > n
		})
		for i := next + 1; i <= next+1000; i++ {
			a.Publish("t", binary.BigEndian.AppendUint64(nil, i))
		}
		until(t, "more", func() bool { return came.Load() > 100 })
		if broken.Load() {
			t.Error("messages of one publisher arrived out of order, or twice")
		}
	})
}

func TestPublishNeverWaits(t *testing.T) {
	each(t, func(t *testing.T, node func() bus.Bus) {
		b := node()
		release := make(chan struct{})
		var quick heard
		cancel := b.Subscribe("t", func([]byte) { <-release })
		defer cancel()
		defer close(release)
		began := time.Now()
		for range 10 * bus.Queue {
			b.Publish("t", []byte("x"))
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("publishing to a stuck subscriber took %v", took)
		}
		if b.Dropped() == 0 {
			t.Error("nothing was dropped, so it was kept somewhere")
		}
		defer b.Subscribe("t", quick.hear)()
		b.Publish("t", []byte("for the quick"))
		until(t, "hearing beside a stuck subscriber", func() bool { return quick.has("for the quick") })
	})
}

func TestCancel(t *testing.T) {
	each(t, func(t *testing.T, node func() bus.Bus) {
		b := node()
		for range 200 {
			var calls sync.Mutex // held by a call under way
			var late atomic.Bool
			var over atomic.Bool
			cancel := b.Subscribe("t", func([]byte) {
				calls.Lock()
				defer calls.Unlock()
				if over.Load() {
					late.Store(true)
				}
			})
			var busy sync.WaitGroup
			busy.Go(func() {
				for range 20 {
					b.Publish("t", []byte("x"))
				}
			})
			calls.Lock() // one call may be waiting here: it began before
			cancel()
			calls.Unlock()
			cancel()
			busy.Wait()
			for range 100 { // let the one call pass
				runtime.Gosched()
			}
			calls.Lock()
			over.Store(true)
			calls.Unlock()
			for range 20 {
				b.Publish("t", []byte("x"))
			}
			if late.Load() {
				t.Fatal("called after cancel returned")
			}
		}
		// Cancelling inside the call is allowed.
		var calls atomic.Int32
		done := make(chan struct{})
		var inside atomic.Value
		inside.Store(b.Subscribe("u", func([]byte) {
			if calls.Add(1) == 1 {
				<-done // until inside is there
				inside.Load().(func())()
				done <- struct{}{}
			}
		}))
		b.Publish("u", []byte("x"))
		b.Publish("u", []byte("x"))
		done <- struct{}{}
		<-done
		var after heard
		defer b.Subscribe("u", after.hear)()
		b.Publish("u", []byte("y"))
		until(t, "another message", func() bool { return after.has("y") })
		if calls.Load() != 1 {
			t.Errorf("%d calls, the first of which cancelled", calls.Load())
		}
	})
}

func TestWhatDoesNotFitIsDropped(t *testing.T) {
	each(t, func(t *testing.T, node func() bus.Bus) {
		b := node()
		var h heard
		defer b.Subscribe("t", h.hear)()
		b.Publish("t", make([]byte, bus.MaxMessage+1))
		b.Publish(strings.Repeat("t", bus.MaxTopic+1), []byte("x"))
		b.Publish("", []byte("x"))
		if b.Dropped() != 3 {
			t.Errorf("%d dropped, want 3", b.Dropped())
		}
		largest := string(make([]byte, bus.MaxMessage))
		b.Publish("t", []byte(largest))
		until(t, "the largest", func() bool { return h.has(largest) })
	})
}

func TestManyAtOnce(t *testing.T) {
	each(t, func(t *testing.T, node func() bus.Bus) {
		a, b := node(), node()
		var all sync.WaitGroup
		for w := range 8 {
			all.Go(func() {
				topic := string(rune('a' + w%4))
				for range 50 {
					cancel := a.Subscribe(topic, func([]byte) {})
					b.Publish(topic, []byte("x"))
					cancel()
				}
			})
		}
		all.Wait()
		var h heard
		defer a.Subscribe("a", h.hear)()
		connect(t, b, "a", &h)
	})
}

// TestRedisBreaks: here messages arrive all the time; between nodes they arrive again when Redis is back, also in topics that were subscribed to
// while it was away.
func TestRedisBreaks(t *testing.T) {
	for _, how := range []string{"killed", "hung"} {
		t.Run(how, func(t *testing.T) {
			s := redistest.Start(t)
			a, b := openRedis(t, s), openRedis(t, s)
			var there, late, here heard
			defer b.Subscribe("t", there.hear)()
			defer a.Subscribe("t", here.hear)()
			connect(t, a, "t", &there)
			if how == "killed" {
				s.Kill()
			} else {
				s.Pause()
			}
			defer b.Subscribe("late", late.hear)()
			began := time.Now()
			for range 10000 {
				a.Publish("t", []byte("lost"))
			}
			if took := time.Since(began); took > time.Second {
				t.Errorf("publishing without Redis took %v", took)
			}
			until(t, "a message on the same node", func() bool {
				a.Publish("t", []byte("here"))
				return here.has("here")
			})
			if how == "killed" {
				s.Restart()
			} else {
				if !testing.Short() { // long enough for the connection to be given up
					<-time.After(6 * time.Second)
				}
				s.Resume()
			}
			until(t, "a message in the topic of before", func() bool { a.Publish("t", []byte("again")); return there.has("again") })
			until(t, "a message in the new topic", func() bool { a.Publish("late", []byte("again")); return late.has("again") })
		})
	}
}

// TestOneSubscriptionConnection: however many topics a node follows, Redis sees one subscriber.
func TestOneSubscriptionConnection(t *testing.T) {
	s := redistest.Start(t)
	b := openRedis(t, s)
	var h heard
	for n := range 300 {
		defer b.Subscribe(strings.Repeat("x", n%100+1), h.hear)()
	}
	connect(t, openRedis(t, s), "xxx", &h)
	conn, err := redisconn.Open(s.URL(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	list, err := conn.Client().Do(t.Context(), "CLIENT", "LIST", "TYPE", "pubsub").Text()
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(list, "\n"); n != 1 {
		t.Errorf("%d subscribers in Redis, want 1:\n%s", n, list)
	}
}
