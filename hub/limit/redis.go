package limit

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"kiem/hub/redisconn"
)

// Keys in Redis: kiem:l:NAME:MAC -> until when the key has used up its rate, in Unix microseconds of Redis' own clock; they end by themselves then.
// MAC is an HMAC of the key under a key of the day, so that nobody reads addresses out of Redis or its files.
const keyPrefix = "kiem:l:"

const (
	// shareWithin is how long a call waits for Redis.
	shareWithin = 250 * time.Millisecond
	// pauseAfter is how long Redis is left alone after it did not answer.
	pauseAfter = time.Second
)

// shareScript: KEYS one; ARGV every, window (microseconds), take. Returns 0 if allowed, else after how many microseconds the next one is.
// The clock is Redis' own: with the nodes' clocks, one that is ahead would shut out the customers of the others. If Redis' clock jumps back, what is owed
// is cut to one window, and written, so that it runs off.
var shareScript = redis.NewScript(`
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local every, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local owed = tonumber(redis.call('GET', KEYS[1]) or '0')
if owed > now + window then
  owed = now + window
  redis.call('SET', KEYS[1], string.format('%.0f', owed), 'PX', math.ceil(window / 1000))
end
if owed < now then owed = now end
local after = owed + every
if after - now > window then return after - now - window end
if ARGV[3] == '1' then redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', math.ceil((after - now) / 1000)) end
return 0`)

// Redis counts in this process, and shared limits also over all nodes.
type Redis struct {
	*Local
	conn   *redisconn.Conn
	secret [sha256.Size]byte
	rest   atomic.Int64  // until when Redis is left alone, Unix nanoseconds of the process' clock
	alone  atomic.Uint64 // calls that were decided without Redis
}

var _ Limiter = (*Redis)(nil)

// NewRedis uses a connection, which stays the caller's. All nodes must have the same secret (of the vault), for under it they find the same keys. It
// does not dial.
func NewRedis(conn *redisconn.Conn, secret [sha256.Size]byte, scale float64) *Redis {
	return &Redis{Local: NewLocal(scale), conn: conn, secret: secret}
}

// Allow implements Limiter.
func (r *Redis) Allow(ctx context.Context, l Limit, key string, now time.Time) (bool, time.Duration) {
	ok, wait := r.Local.Allow(ctx, l, key, now)
	if !ok || !l.Shared {
		return ok, wait
	}
	return r.share(ctx, l, key, now, "1")
}

// Peek implements Limiter.
func (r *Redis) Peek(ctx context.Context, l Limit, key string, now time.Time) (bool, time.Duration) {
	ok, wait := r.Local.Peek(ctx, l, key, now)
	if !ok || !l.Shared {
		return ok, wait
	}
	return r.share(ctx, l, key, now, "0")
}

// Alone is how many calls were decided by this node's count alone because Redis did not answer.
func (r *Redis) Alone() uint64 { return r.alone.Load() }

// share asks Redis about what the local count allows.
func (r *Redis) share(ctx context.Context, l Limit, key string, now time.Time, take string) (bool, time.Duration) {
	if time.Now().UnixNano() < r.rest.Load() {
		r.alone.Add(1)
		return true, 0
	}
	l = l.Times(r.scale)
	every := max(l.Every.Microseconds(), 1)
	ctx, cancel := context.WithTimeout(ctx, shareWithin)
	defer cancel()
	wait, err := shareScript.Run(ctx, r.conn.Client(), []string{r.key(l.Name, key, now)}, every, every*int64(max(l.Burst, 1)), take).Int64()
	if err != nil {
		r.alone.Add(1)
		r.rest.Store(time.Now().Add(pauseAfter).UnixNano())
		return true, 0
	}
	return wait <= 0, time.Duration(max(wait, 0)) * time.Microsecond
}

// key names a key under the day's secret. At midnight, UTC, nodes begin anew together; their local counts go on.
func (r *Redis) key(name, key string, now time.Time) string {
	day := hmac.New(sha256.New, r.secret[:])
	day.Write(binary.BigEndian.AppendUint64([]byte("kiem/limit/v1"), uint64(now.Unix()/86400)))
	mac := hmac.New(sha256.New, day.Sum(nil))
	mac.Write([]byte(name + ":" + key))
	return keyPrefix + name + ":" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:15])
}
