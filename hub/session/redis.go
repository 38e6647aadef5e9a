package session

import (
	"context"
	"crypto/rand"
	"errors"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"kiem/hub/redisconn"
)

// Keys in Redis. They share one hash tag, so that a session, its owners and the version change together; sessions are written once per
// join, so one slot of a cluster carries them.
//
//	{kiem:s}        hash: digest (32 bytes) -> session
//	{kiem:s}:e      sorted set: digest, by the Unix millisecond of Expires
//	{kiem:s}:v      random bytes, others after each deletion (a counter could come back to an old value after a failover)
//	{kiem:s}:o:NAME set: digests of the sessions of a participant or an account
//
// No key has a time to live.
const (
	keySessions = "{kiem:s}"
	keyExpires  = "{kiem:s}:e"
	keyVersion  = "{kiem:s}:v"
	keyOwner    = "{kiem:s}:o:"
)

// cutTries bounds the repetitions of a cut when others change the same session.
const cutTries = 16

// replaceScript: KEYS sessions, expires, version, owner; ARGV digest, old session, new session or empty, new version. Returns 1 if the old one was there.
var replaceScript = redis.NewScript(`
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
  redis.call('ZREM', KEYS[2], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
end
redis.call('SREM', KEYS[4], ARGV[1])
redis.call('SET', KEYS[3], ARGV[4])
return 1`)

type redisStore struct{ conn *redisconn.Conn }

func newVersion() []byte {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return b[:]
}

// OpenRedis uses a connection, which stays the caller's to close afterwards. It does not dial. A nil clock is time.Now.
func OpenRedis(conn *redisconn.Conn, now func() time.Time) *Sessions {
	return newSessions(&redisStore{conn}, now)
}

func (r *redisStore) create(ctx context.Context, d digest, s Session) error {
	body, err := s.encode()
	if err != nil {
		return err
	}
	return unavailable(r.conn.Write(ctx, keySessions, func(p redis.Pipeliner) {
		p.HSet(ctx, keySessions, d[:], body)
		p.ZAdd(ctx, keyExpires, redis.Z{Score: float64(s.Expires.UnixMilli()), Member: d[:]})
		for _, o := range s.owners() {
			p.SAdd(ctx, keyOwner+string(o), d[:])
		}
	}))
}

func (r *redisStore) get(ctx context.Context, d digest) (Session, error) {
	body, err := r.conn.Client().HGet(ctx, keySessions, string(d[:])).Bytes()
	switch {
	case errors.Is(err, redis.Nil):
		return Session{}, ErrNotFound
	case err != nil:
		return Session{}, unavailable(err)
	}
	return decode(body)
}

func (r *redisStore) delete(ctx context.Context, d digest) error {
	owners, err := r.ownersOf(ctx, d)
	if err != nil {
		return err
	}
	return unavailable(r.conn.Write(ctx, keySessions, func(p redis.Pipeliner) {
		r.remove(ctx, p, d, owners)
		p.Set(ctx, keyVersion, newVersion(), 0)
	}))
}

// ownersOf lists the owners of a session that can be read; others are left to point at nothing, which cut passes over.
func (r *redisStore) ownersOf(ctx context.Context, d digest) ([]owner, error) {
	s, err := r.get(ctx, d)
	if errors.Is(err, ErrUnavailable) {
		return nil, err
	}
	return s.owners(), nil
}

func (r *redisStore) remove(ctx context.Context, p redis.Pipeliner, d digest, owners []owner) {
	p.HDel(ctx, keySessions, string(d[:]))
	p.ZRem(ctx, keyExpires, d[:])
	for _, o := range owners {
		p.SRem(ctx, keyOwner+string(o), d[:])
	}
}

func (r *redisStore) cut(ctx context.Context, o owner) error {
	for range cutTries {
		list, err := r.conn.Client().SMembers(ctx, keyOwner+string(o)).Result()
		if err != nil {
			return unavailable(err)
		}
		if len(list) == 0 {
			// Nothing to change; but the call before this one may have changed it and failed waiting for replicas.
			return unavailable(r.conn.Write(ctx, keyVersion, func(p redis.Pipeliner) { p.Set(ctx, keyVersion, newVersion(), 0) }))
		}
		for _, member := range list {
			if err := r.cutOne(ctx, o, member); err != nil {
				return err
			}
		}
	}
	return unavailable(errors.New("sessions keep being made for whom is being cut"))
}

// cutOne takes an owner out of one session. If somebody else changes the session at the same time, the digest stays in the owner's set and the next round finds it.
func (r *redisStore) cutOne(ctx context.Context, o owner, member string) error {
	old, err := r.conn.Client().HGet(ctx, keySessions, member).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return unavailable(err)
	}
	var body []byte // empty: the session ends
	if s, err := decode([]byte(old)); err == nil {
		if rest, alive := s.without(o); alive {
			if body, err = rest.encode(); err != nil {
				return err
			}
		}
	}
	keys := []string{keySessions, keyExpires, keyVersion, keyOwner + string(o)}
	return unavailable(r.conn.Run(ctx, replaceScript, keys, member, old, body, newVersion()).Err())
}

func (r *redisStore) sweep(ctx context.Context, until time.Time) (int, error) {
	old, err := r.conn.Client().ZRangeByScore(ctx, keyExpires, &redis.ZRangeBy{
		Min: "-inf", Max: strconv.FormatInt(until.UnixMilli(), 10), Count: sweepBatch,
	}).Result()
	if err != nil || len(old) == 0 {
		return 0, unavailable(err)
	}
	gone := make(map[digest][]owner, len(old))
	for _, member := range old {
		if len(member) != len(digest{}) {
			continue
		}
		d := digest([]byte(member))
		if gone[d], err = r.ownersOf(ctx, d); err != nil {
			return 0, err
		}
	}
	err = r.conn.Write(ctx, keySessions, func(p redis.Pipeliner) {
		for d, owners := range gone {
			r.remove(ctx, p, d, owners)
		}
	})
	if err != nil {
		return 0, unavailable(err)
	}
	return len(old), nil
}

func (r *redisStore) version(ctx context.Context) (string, error) {
	v, err := r.conn.Client().Get(ctx, keyVersion).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return "", unavailable(err)
	}
	return v, nil
}

func (r *redisStore) shared() bool { return true }
func (r *redisStore) ready(ctx context.Context) error {
	return unavailable(r.conn.Client().Ping(ctx).Err())
}
func (r *redisStore) close() error { return nil }
