package limit_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kiem/hub/limit"
	"kiem/hub/redisconn"
	"kiem/hub/redisconn/redistest"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// forms are both Limiters, and a Redis whose store is away. In Redis the clock is Redis' own, so tests with a moved clock use the local count of it:
// limits that are not Shared.
var forms = []struct {
	name string
	make func(t *testing.T) limit.Limiter
}{
	{"local", func(*testing.T) limit.Limiter { return limit.NewLocal(1) }},
	{"redis", func(t *testing.T) limit.Limiter { return openRedis(t, redistest.Start(t)) }},
	{"redis cluster", func(t *testing.T) limit.Limiter { return openRedis(t, redistest.StartCluster(t)) }},
	{"redis away", func(t *testing.T) limit.Limiter {
		s := redistest.Start(t)
		s.Kill()
		return openRedis(t, s)
	}},
}

func openRedis(t *testing.T, s *redistest.Server) *limit.Redis {
	t.Helper()
	conn, err := redisconn.Open(s.URL(), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return limit.NewRedis(conn, [32]byte{1}, 1)
}

func each(t *testing.T, test func(t *testing.T, l limit.Limiter)) {
	for _, f := range forms {
		t.Run(f.name, func(t *testing.T) { test(t, f.make(t)) })
	}
}

func TestBurstThenRate(t *testing.T) {
	each(t, func(t *testing.T, c limit.Limiter) {
		l := limit.Limit{Name: "x", Every: 100 * time.Millisecond, Burst: 5}
		now := noon
		for n := range 5 {
			if ok, _ := c.Allow(t.Context(), l, "k", now); !ok {
				t.Fatalf("refused number %d of a burst of 5", n+1)
			}
		}
		ok, wait := c.Allow(t.Context(), l, "k", now)
		if ok || wait != 100*time.Millisecond {
			t.Fatalf("number 6: %v, again after %v; want refused for 100ms", ok, wait)
		}
		if ok, _ := c.Allow(t.Context(), l, "other", now); !ok {
			t.Error("another key is refused")
		}
		if ok, _ := c.Allow(t.Context(), limit.Limit{Name: "y", Every: time.Second, Burst: 1}, "k", now); !ok {
			t.Error("another limit is refused")
		}
		if ok, _ := c.Allow(t.Context(), l, "k", now.Add(99*time.Millisecond)); ok {
			t.Error("allowed too early")
		}
		if ok, _ := c.Allow(t.Context(), l, "k", now.Add(100*time.Millisecond)); !ok {
			t.Error("refused when it said it would allow")
		}
	})
}

func TestPeekCountsNothing(t *testing.T) {
	each(t, func(t *testing.T, c limit.Limiter) {
		now := time.Now()
		for range 50 {
			if ok, _ := c.Peek(t.Context(), limit.WrongCode, "a", now); !ok {
				t.Fatal("peeking was counted")
			}
		}
		for n := range 10 {
			if ok, _ := c.Allow(t.Context(), limit.WrongCode, "a", now); !ok {
				t.Fatalf("wrong code number %d refused", n+1)
			}
		}
		if ok, wait := c.Peek(t.Context(), limit.WrongCode, "a", now); ok || wait <= 0 || wait > 6*time.Second {
			t.Errorf("after ten wrong codes: %v, again after %v", ok, wait)
		}
	})
}

// TestNeverMoreThanItSays: in any stretch of time T there are at most Burst + T/Every allowed, and what is refused is allowed after retryAfter.
func TestNeverMoreThanItSays(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := limit.Limit{Name: "x", Every: time.Duration(rapid.IntRange(1, 1000).Draw(rt, "every")) * time.Millisecond, Burst: rapid.IntRange(1, 20).Draw(rt, "burst")}
		counters := map[string]func(now time.Time) (bool, time.Duration){}
		local := limit.NewLocal(1)
		counters["local"] = func(now time.Time) (bool, time.Duration) { return local.Allow(context.Background(), l, "k", now) }
		counters["bucket"] = limit.NewBucket(l).Allow
		pauses := rapid.SliceOfN(rapid.IntRange(0, 2000), 1, 80).Draw(rt, "pauses")
		for name, allow := range counters {
			now := noon
			var allowed []time.Time
			for _, p := range pauses {
				now = now.Add(time.Duration(p) * time.Millisecond)
				ok, wait := allow(now)
				if !ok {
					if wait <= 0 {
						rt.Fatalf("%s: refused without saying for how long", name)
					}
					now = now.Add(wait)
					if ok, again := allow(now); !ok {
						rt.Fatalf("%s: refused for %v, and then for another %v", name, wait, again)
					}
				}
				allowed = append(allowed, now)
			}
			for i := range allowed {
				for j := i; j < len(allowed); j++ {
					if most := l.Burst + int(allowed[j].Sub(allowed[i])/l.Every); j-i+1 > most {
						rt.Fatalf("%s: %d within %v, want at most %d", name, j-i+1, allowed[j].Sub(allowed[i]), most)
					}
				}
			}
		}
	})
}

func TestClockJumpsBack(t *testing.T) {
	l := limit.Limit{Name: "x", Every: time.Second, Burst: 10}
	local, bucket := limit.NewLocal(1), limit.NewBucket(l)
	for name, allow := range map[string]func(now time.Time) (bool, time.Duration){
		"local":  func(now time.Time) (bool, time.Duration) { return local.Allow(t.Context(), l, "k", now) },
		"bucket": bucket.Allow,
	} {
		for range 10 {
			if ok, _ := allow(noon); !ok {
				t.Fatal(name)
			}
		}
		yesterday := noon.Add(-24 * time.Hour)
		ok, wait := allow(yesterday)
		if ok || wait > 10*time.Second {
			t.Errorf("%s: after the jump %v, again after %v; want refused, for one window at most", name, ok, wait)
		}
		if ok, wait := allow(yesterday.Add(wait)); !ok {
			t.Errorf("%s: still refused for %v", name, wait)
		}
	}
}

func TestScale(t *testing.T) {
	c := limit.NewLocal(10)
	allowed := 0
	for range 1000 {
		if ok, _ := c.Allow(t.Context(), limit.WrongCode, "a", noon); ok {
			allowed++
		}
	}
	if allowed != 100 {
		t.Errorf("ten times ten wrong codes: %d", allowed)
	}
	for _, factor := range []float64{0, -1, 1} {
		if limit.Commands.Times(factor) != limit.Commands {
			t.Errorf("times %v changes a limit", factor)
		}
	}
	if got := limit.Commands.Times(1e12); got.Every <= 0 || got.Burst < limit.Commands.Burst {
		t.Errorf("times a lot: %+v", got)
	}
	if got := limit.Commands.Times(1e-12); got.Every < limit.Commands.Every || got.Burst != 1 {
		t.Errorf("times almost nothing: %+v", got)
	}
	s := limit.NewSessions(10)
	for range limit.SocketsPerSession {
		s.Open("k", noon)
	}
	if _, ok := s.Open("k", noon); ok {
		t.Error("scaling gave more sockets: they are no rate")
	}
}

// TestAtOnce: sixty-four at the same moment get exactly the burst.
func TestAtOnce(t *testing.T) {
	l := limit.Limit{Name: "x", Every: time.Hour, Burst: 100}
	shared := l
	shared.Shared = true
	bucket := limit.NewBucket(l)
	counters := map[string]func() bool{
		"bucket": func() bool { ok, _ := bucket.Allow(noon); return ok },
	}
	local := limit.NewLocal(1)
	counters["local"] = func() bool { ok, _ := local.Allow(context.Background(), l, "k", noon); return ok }
	s := redistest.Start(t)
	var turn atomic.Int32
	nodes := []*limit.Redis{openRedis(t, s), openRedis(t, s), openRedis(t, s)}
	counters["three nodes on one Redis"] = func() bool {
		ok, _ := nodes[turn.Add(1)%3].Allow(context.Background(), shared, "k", noon)
		return ok
	}
	for name, allow := range counters {
		var allowed atomic.Int32
		var all sync.WaitGroup
		for range 64 {
			all.Go(func() {
				for range 20 {
					if allow() {
						allowed.Add(1)
					}
				}
			})
		}
		all.Wait()
		// On a busy machine Redis may answer too late for some calls; the local count decides those, so that many more may pass and not one beyond.
		most := int32(100)
		if name == "three nodes on one Redis" {
			for _, n := range nodes {
				most += int32(n.Alone())
			}
		}
		if n := allowed.Load(); n < 100 || n > most {
			t.Errorf("%s: %d allowed, want 100 to %d", name, n, most)
		}
	}
}

// TestRedisNeverLoosens: whatever Redis says or forgets, nothing passes that the local count refuses.
func TestRedisNeverLoosens(t *testing.T) {
	s := redistest.Start(t)
	r := openRedis(t, s)
	conn, err := redisconn.Open(s.URL(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	l := limit.Limit{Name: "x", Every: time.Minute, Burst: 10, Closed: true, Shared: true}
	now := time.Now()
	allowed := 0
	for n := range 60 {
		switch {
		case n == 40:
			s.Kill()
		case n%5 == 4 && n < 40:
			if err := conn.Client().FlushAll(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
		}
		if ok, _ := r.Allow(t.Context(), l, "k", now); ok {
			allowed++
		}
	}
	if allowed != 10 {
		t.Errorf("%d allowed, want 10", allowed)
	}
}

// TestRedisAway: limits hold, callers do not wait, and nodes share again when Redis is back.
func TestRedisAway(t *testing.T) {
	s := redistest.Start(t)
	a, b := openRedis(t, s), openRedis(t, s)
	now := time.Now()
	if ok, _ := a.Allow(t.Context(), limit.WrongCode, "k", now); !ok {
		t.Fatal("refused")
	}
	s.Pause()
	began := time.Now()
	allowed := 0
	for range 200 {
		if ok, _ := a.Allow(t.Context(), limit.WrongCode, "k", now); ok {
			allowed++
		}
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("200 calls while Redis hangs took %v", took)
	}
	if allowed != 9 || a.Alone() == 0 {
		t.Errorf("%d allowed while Redis hangs, want the 9 that were left (%d without Redis)", allowed, a.Alone())
	}
	s.Resume()
	for until := time.Now().Add(10 * time.Second); ; {
		alone := a.Alone() + b.Alone()
		key := fmt.Sprint(time.Now().UnixNano())
		for range 10 {
			a.Allow(t.Context(), limit.WrongCode, key, time.Now())
		}
		ok, _ := b.Allow(t.Context(), limit.WrongCode, key, time.Now())
		if !ok && a.Alone()+b.Alone() == alone {
			break
		}
		if time.Now().After(until) {
			t.Fatal("nodes do not share again")
		}
	}
}

// TestRedisClockJumpsBack: what is owed far in the future is cut to one window, and runs off.
func TestRedisClockJumpsBack(t *testing.T) {
	s := redistest.Start(t)
	l := limit.Limit{Name: "x", Every: 20 * time.Millisecond, Burst: 10, Shared: true}
	first := openRedis(t, s)
	if ok, _ := first.Allow(t.Context(), l, "k", time.Now()); !ok {
		t.Fatal("refused")
	}
	conn, err := redisconn.Open(s.URL(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	keys, err := conn.Client().Keys(t.Context(), "kiem:l:*").Result()
	if err != nil || len(keys) != 1 {
		t.Fatalf("%v, %v", keys, err)
	}
	if strings.Contains(keys[0], "k:k") || len(keys[0]) > 64 {
		t.Errorf("the key shows what it is about: %s", keys[0])
	}
	tomorrow := fmt.Sprint(time.Now().Add(24 * time.Hour).UnixMicro())
	if err := conn.Client().Set(t.Context(), keys[0], tomorrow, 0).Err(); err != nil {
		t.Fatal(err)
	}
	node := openRedis(t, s) // its own count is empty
	if ok, wait := node.Allow(t.Context(), l, "k", time.Now()); ok || wait > 200*time.Millisecond {
		t.Fatalf("%v, again after %v", ok, wait)
	}
	for until := time.Now().Add(5 * time.Second); ; {
		if ok, _ := node.Allow(t.Context(), l, "k", time.Now()); ok {
			break
		}
		if time.Now().After(until) {
			t.Fatal("shut out")
		}
	}
	if ttl, err := conn.Client().PTTL(t.Context(), keys[0]).Result(); err != nil || ttl <= 0 || ttl > time.Second {
		t.Errorf("the key ends after %v (%v)", ttl, err)
	}
	if node.Alone() > 0 {
		t.Error("decided without Redis: the test is void")
	}
}

func TestMemoryIsBounded(t *testing.T) {
	c := limit.NewLocal(1)
	open := limit.Limit{Name: "open", Every: time.Hour, Burst: 2}
	closed := limit.Limit{Name: "closed", Every: time.Hour, Burst: 2, Closed: true}
	for n := range 2 * limit.MaxKeys {
		if ok, _ := c.Allow(t.Context(), open, fmt.Sprint(n), noon); !ok {
			t.Fatal("an open limit refuses what it cannot count")
		}
	}
	if got := c.Keys(); got > limit.MaxKeys || got < limit.MaxKeys*9/10 {
		t.Errorf("%d keys, want about %d", got, limit.MaxKeys)
	}
	refused := 0
	for n := range 1000 {
		if ok, wait := c.Allow(t.Context(), closed, fmt.Sprint("new", n), noon); !ok {
			refused++
			if wait <= 0 {
				t.Fatal("refused without saying for how long")
			}
		}
	}
	if refused < 900 {
		t.Errorf("%d of 1,000 refused: a closed limit lets pass what it cannot count", refused)
	}
	// When the buckets are full again, there is room.
	later := noon.Add(3 * time.Hour)
	for n := range 1000 {
		if ok, _ := c.Allow(t.Context(), closed, fmt.Sprint("new", n), later); !ok {
			t.Fatal("no room although nothing is owed")
		}
	}
	if got := c.Keys(); got > 5000 {
		t.Errorf("%d keys after all ran off", got)
	}
	// A key that was forgotten for want of room was not one that owed.
	if ok, _ := c.Allow(t.Context(), closed, strings.Repeat("long", 1000), later); !ok {
		t.Error("a long key is refused")
	}
}

func TestSessions(t *testing.T) {
	s := limit.NewSessions(1)
	var open []*limit.Session
	for range limit.SocketsPerSession {
		one, ok := s.Open("a", noon)
		if !ok {
			t.Fatal("refused")
		}
		open = append(open, one)
	}
	if _, ok := s.Open("a", noon); ok {
		t.Error("one socket too many")
	}
	if _, ok := s.Open("b", noon); !ok {
		t.Error("another session is refused")
	}
	open[0].Close()
	if _, ok := s.Open("a", noon); !ok {
		t.Error("a socket that was given back is not there")
	}
	// All connections and HTTP draw on one bucket, and leaving and coming back fills it not.
	allowed := 0
	for n := range 100 {
		if ok, _ := open[n%len(open)].Allow(noon); ok {
			allowed++
		}
		if ok, _ := s.Get("a", noon).Allow(noon); ok {
			allowed++
		}
	}
	if allowed != limit.Commands.Burst {
		t.Errorf("%d commands at once, want %d", allowed, limit.Commands.Burst)
	}
	for range 10000 { // many come and go
		for n := range 2 {
			if one, ok := s.Open(fmt.Sprint("passing", n, allowed), noon); ok {
				one.Close()
			}
		}
		allowed++
	}
	if ok, _ := s.Get("a", noon).Allow(noon); ok {
		t.Error("the bucket was filled by forgetting it")
	}
	s.Get("late", noon.Add(time.Minute))
	if n := s.Len(); n > 10 {
		t.Errorf("%d sessions are kept, of which two have sockets", n)
	}
}

func TestJoinIsSizedByAttendance(t *testing.T) {
	c := limit.NewLocal(1)
	address := netip.MustParseAddr("192.0.2.7")
	for _, attendance := range []int{20, 500, 5000} {
		campaign := fmt.Sprint(attendance)
		for n := range attendance { // the whole hall, from one address, at once
			for l, key := range map[limit.Limit]string{limit.JoinCode(attendance): campaign, limit.JoinAddress(attendance): limit.JoinAddressKey(campaign, address)} {
				if ok, _ := c.Allow(t.Context(), l, key, noon); !ok {
					t.Fatalf("attendance %d: number %d refused by %s", attendance, n+1, l.Name)
				}
			}
		}
		more := 0
		for range 10 * attendance {
			if ok, _ := c.Allow(t.Context(), limit.JoinCode(attendance), campaign, noon); ok {
				more++
			}
		}
		if more > attendance {
			t.Errorf("attendance %d: %d more joined at once", attendance, more)
		}
	}
	for _, attendance := range []int{-1, 0, 1 << 60} {
		if l := limit.JoinCode(attendance); l.Every <= 0 || l.Burst < 1 || int64(l.Every)*int64(l.Burst) <= 0 {
			t.Errorf("attendance %d: %+v", attendance, l)
		}
	}
}

func TestAddressKey(t *testing.T) {
	same := [][2]string{{"192.0.2.7", "::ffff:192.0.2.7"}, {"2001:db8::1", "2001:db8::ffff:1:2"}, {"fe80::1%eth0", "fe80::2%eth1"}}
	for _, p := range same {
		if a, b := limit.AddressKey(netip.MustParseAddr(p[0])), limit.AddressKey(netip.MustParseAddr(p[1])); a != b {
			t.Errorf("%s and %s are %s and %s", p[0], p[1], a, b)
		}
	}
	for _, p := range [][2]string{{"192.0.2.7", "192.0.2.8"}, {"2001:db8:0:1::1", "2001:db8:0:2::1"}} {
		if a, b := limit.AddressKey(netip.MustParseAddr(p[0])), limit.AddressKey(netip.MustParseAddr(p[1])); a == b {
			t.Errorf("%s and %s are both %s", p[0], p[1], a)
		}
	}
	limit.AddressKey(netip.Addr{}) // must not panic
	if limit.JoinAddressKey("a", netip.MustParseAddr("1.2.3.4")) == limit.JoinAddressKey("a1.", netip.MustParseAddr("2.3.4.0")) {
		t.Error("keys run together")
	}
}

func BenchmarkBucket(b *testing.B) {
	bucket := limit.NewBucket(limit.Commands)
	now := noon
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(time.Millisecond)
		bucket.Allow(now)
	}
}

func BenchmarkLocal(b *testing.B) {
	c := limit.NewLocal(1)
	now := noon
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(time.Millisecond)
		c.Allow(context.Background(), limit.WrongCode, "192.0.2.7", now)
	}
}
