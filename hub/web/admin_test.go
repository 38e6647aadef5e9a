package web

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"kiem/hub/meter"
	"kiem/hub/wire"
)

// TestOnlyTheOperator is T10 and T8 for the server's own page: of all who can call, only the account of the operator sees how the server is, by token or by a session from a
// sign-in link; and what it shows names campaigns by their ids, and nobody.
func TestOnlyTheOperator(t *testing.T) {
	w := newWorld(t)
	c := w.create("Kanarie-titel", nil)
	ana := w.join(c, "Kanarienaam")
	w.post(c, ana, "Kanarie-idee")
	for _, who := range []struct {
		name   string
		status int
		header []string
	}{
		{"nobody", 401, nil},
		{"a wrong token", 401, []string{"Bearer", strings.Repeat("x", 43)}},
		{"a participant", 403, []string{"Bearer", ana.token}},
		{"an observer", 403, []string{"Bearer", w.invite(c, "observer", "Scherm").token}},
		{"a facilitator", 403, []string{"Bearer", w.invite(c, "facilitator", "Fay").token}},
		{"an invited organiser", 403, []string{"Bearer", w.invite(c, "organiser", "Oda").token}},
		{"the operator's token", 200, []string{"Bearer", operatorToken}},
	} {
		a := w.do("GET", "/api/v1/admin/status", nil, who.header...)
		if a.status != who.status {
			t.Errorf("%s: %v, want %d", who.name, a, who.status)
		}
		if low := strings.ToLower(string(a.body)); strings.Contains(low, "kanarie") || strings.Contains(low, ana.id) || who.status != 200 && strings.Contains(low, c) {
			t.Errorf("%s is shown %s", who.name, a.body)
		}
	}
	signedIn := w.must(http.StatusOK, nil, "POST", "/api/v1/signin", map[string]any{"token": w.signInSecret(time.Minute)})
	cookie := cookieOf(t, signedIn).Value
	a := w.must(http.StatusOK, nil, "GET", "/api/v1/admin/status", nil, "Cookie", cookie)
	if a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("the status may be kept: %v", a.header)
	}
	if body := w.must(http.StatusOK, nil, "GET", "/api/v1/campaigns", nil, "Cookie", cookie).body; !strings.Contains(string(body), `"operator":true`) {
		t.Errorf("the operator is not shown the way: %s", body)
	}
	if body := w.must(http.StatusOK, nil, "GET", "/api/v1/campaigns", nil, "Bearer", ana.token).body; strings.Contains(string(body), "operator") {
		t.Errorf("a guest is told about the operator: %s", body)
	}
	w.refused(405, "not_found", "POST", "/api/v1/admin/status", nil, "Bearer", operatorToken)
	w.must(http.StatusNoContent, nil, "POST", "/api/v1/signout", nil, "Cookie", cookie, "Origin", w.http.URL)
	w.refused(401, "unauthorised", "GET", "/api/v1/admin/status", nil, "Cookie", cookie)
}

// TestStatus: what the operator sees is what there is.
func TestStatus(t *testing.T) {
	free := int64(5 << 30)
	w := newWorld(t, func(c *Config) {
		c.RateScale = 1
		c.Warnings = func() []Warning {
			return []Warning{{Code: "rate_scale", Args: []string{"n", "7"}}, {Code: "any_proxy"}}
		}
		c.Store = func(context.Context) (*wire.AdminDisk, *wire.AdminRedis) {
			return &wire.AdminDisk{Free: free, Need: 1 << 26}, &wire.AdminRedis{
				Up: true, Durable: true, CheckedAt: time.Unix(1_800_000_000, 0), Servers: []wire.AdminServer{{Role: "master", WriteOK: true, Replicas: 2}, {Role: "master", WriteOK: false, Replicas: 1}},
			}
		}
	})
	c := w.create("Toestand", nil)
	w.create("Nog een", nil)
	ana := w.join(c, "Ana")
	s := w.open(c, ana)
	idea := w.post(c, ana, "Doel")
	for range 5 {
		s.send(newCommand("support.set", "idea", idea, "value", 1))
	}
	if r := s.send(newCommand("support.set", "idea", newUUID(), "value", 1)); r.code() != "not_found" {
		t.Fatalf("%+v", r)
	}
	for n := 0; w.send(c, ana, newCommand("support.set", "idea", idea, "value", n%2)).code() != "rate_limited"; n++ {
		if n > 200 {
			t.Fatal("there is no limit")
		}
	}
	w.server.Metrics.Fsync.Observe(time.Millisecond)
	var st wire.AdminStatus
	w.must(http.StatusOK, &st, "GET", "/api/v1/admin/status", nil, "Bearer", operatorToken, "Accept-Language", "nl")
	switch {
	case !st.Ready || st.Trouble != "" || st.Node != w.hub.Node() || st.Durability != "durable":
		t.Errorf("%+v", st)
	case st.Connections != 1 || st.Awake != 2 || st.Asleep != 0 || st.Commands == 0 || st.Entries == 0 || st.Refused < 2 || st.RateLimited < 1:
		t.Errorf("%+v", st)
	case st.Fsync.Count != 1 || st.Fsync.P50 <= 0 || st.Fsync.P50 > 0.002 || st.Append.Count == 0:
		t.Errorf("fsync %+v, append %+v", st.Fsync, st.Append)
	case st.Disk == nil || st.Disk.Free != free || st.Redis == nil || len(st.Redis.Servers) != 2:
		t.Errorf("%+v %+v", st.Disk, st.Redis)
	case len(st.Warnings) != 2 || st.Warnings[0].Message != "Alle snelheidslimieten zijn vermenigvuldigd met 7." || strings.Contains(st.Warnings[1].Message, "warning."):
		t.Errorf("%+v", st.Warnings)
	case len(st.Heads) != 3 || st.Heads[0].Log != "directory" || st.Heads[1].Log != "c:"+c || st.Heads[1].Connections != 1 || st.Heads[1].Entry == 0 || len(st.Heads[1].Head) != 64:
		t.Errorf("%+v", st.Heads)
	}
	// The same in the metrics.
	for name, want := range map[string]func(float64) bool{
		`kiem_connections`: is(1), `kiem_connections_total`: is(1), `kiem_rooms{state="awake"}`: is(2), `kiem_rooms{state="asleep"}`: is(0), `kiem_ready`: is(1), `kiem_warnings`: is(2),
		`kiem_durability{level="durable"}`: is(1), `kiem_durability{level="relaxed"}`: is(0), `kiem_replies_total{code="not_found"}`: is(1), `kiem_replies_total{code="rate_limited"}`: atLeast(1),
		`kiem_replies_total{code="ok"}`: atLeast(6), `kiem_rate_limited_total{limit="commands"}`: atLeast(1), `kiem_rate_limited_total{limit="sign-in"}`: is(0),
		`kiem_journal_fsync_seconds_count`: is(1), `kiem_journal_fsync_seconds_bucket{le="5e-05"}`: is(0), `kiem_journal_fsync_seconds_bucket{le="0.0016"}`: is(1),
		`kiem_append_seconds_count`: atLeast(5), `kiem_tick_seconds_count`: atLeast(1), `kiem_entry_commands_count`: atLeast(5), `kiem_replay_seconds_count`: atLeast(3),
		`kiem_applied_entries{log="directory"}`: atLeast(2), `kiem_applied_entries{log="campaigns"}`: is(float64(st.Heads[1].Entry + st.Heads[2].Entry)),
		`kiem_http_requests_total{class="4xx"}`: atLeast(0), `kiem_http_requests_total{class="2xx"}`: atLeast(5), `kiem_sessions`: atLeast(1), `kiem_nodes`: is(1),
		`kiem_disk_free_bytes`: is(float64(free)), `kiem_redis_up`: is(1), `kiem_redis_write_ok`: is(0), `kiem_redis_replicas`: is(1), `kiem_redis_checked_timestamp_seconds`: is(1_800_000_000),
	} {
		if got, ok := w.metric(name); !ok || !want(got) {
			t.Errorf("%s is %g (there: %v)", name, got, ok)
		}
	}
}

func is(want float64) func(float64) bool      { return func(got float64) bool { return got == want } }
func atLeast(want float64) func(float64) bool { return func(got float64) bool { return got >= want } }

// metric reads a figure with its labels.
func (w *world) metric(name string) (float64, bool) {
	w.t.Helper()
	for line := range strings.Lines(string(w.do("GET", "/metrics", nil).body)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			f, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				w.t.Fatal(err)
			}
			return f, true
		}
	}
	return 0, false
}

// TestRequestNumbers: each answer carries a number of its own, the log's lines about a request carry the same, and no client chooses it.
func TestRequestNumbers(t *testing.T) {
	w := newWorld(t)
	c := w.create("Nummers", nil)
	number := regexp.MustCompile(`^[0-9a-f]{16}$`)
	seen := map[string]bool{}
	for _, path := range []string{"/", "/healthz", "/api/v1/campaigns/" + c, "/nothing", "/api/v1/nothing", "/static/manifest.json", "/metrics"} {
		a := w.do("GET", path, nil, "X-Request-Id", "kanarie")
		got := a.header.Get("X-Request-Id")
		if !number.MatchString(got) || seen[got] {
			t.Errorf("%s is answered under number %q", path, got)
		}
		seen[got] = true
		await(t, "the request in the log", func() bool { return strings.Contains(w.log.String(), "request="+got) })
	}
	if log := w.log.String(); strings.Contains(log, "kanarie") || strings.Contains(log, "/api/v1/campaigns/"+c) {
		t.Errorf("the log has a client's number, or a path: %s", log)
	}
	a := w.must(http.StatusOK, nil, "GET", "/api/v1/campaigns/"+c+"/participants", nil, "Bearer", operatorToken)
	if want := "the list of participants was read\" request=" + a.header.Get("X-Request-Id"); !strings.Contains(w.log.String(), want) {
		t.Errorf("the log does not say %s", want)
	}
}

// TestMetricsApart: with a listener of their own, the metrics are not served to everybody.
func TestMetricsApart(t *testing.T) {
	m := NewMetrics()
	w := newWorld(t, func(c *Config) { c.Metrics, c.Apart = m, true })
	if a := w.do("GET", "/metrics", nil); a.status != http.StatusNotFound {
		t.Errorf("/metrics: %v", a)
	}
	if m.edge.requests[3].Load() == 0 {
		t.Error("nothing is counted")
	}
}

// TestStatusLooksBack: the waiting times of the page are those of the last minutes.
func TestStatusLooksBack(t *testing.T) {
	w := newWorld(t)
	m := w.server.Metrics
	m.Fsync.Observe(10 * time.Second)
	now := time.Now()
	for range int(2 * meter.Span / (15 * time.Second)) {
		now = now.Add(15 * time.Second)
		w.server.Mark(now)
	}
	m.Fsync.Observe(time.Millisecond)
	got := latency(now, &m.fsync, m.Fsync.Read())
	if got.Count != 1 || got.P99 > 0.01 || got.Seconds < meter.Span.Seconds() {
		t.Errorf("%+v", got)
	}
	text, err := json.Marshal(got)
	if err != nil || !strings.Contains(string(text), `"p99"`) {
		t.Errorf("%s, %v", text, err)
	}
}
