package vault

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"kiem/hub/redisconn"
	"kiem/id"
)

// Keys of the Redis form; those of a campaign share the hash tag of its log, so a cluster keeps them together.
//
//	{c:<scope>}:vault       hash: person's id (16 bytes) -> record, or empty if erased; field "gone" -> the scope was erased
//	{c:<scope>}:vault:vote  the vote key (32 bytes), or empty if destroyed
//	{directory}:vault       the same for accounts
//	kiem:vault:scrub        what was erased may still stand in the append-only file
//
// No key has a time to live.
const (
	goneField = "gone"
	scrubKey  = "kiem:vault:scrub"
)

const (
	// scrubAfter gathers the erasures that follow on one another into one rewrite of the append-only file.
	scrubAfter = 5 * time.Second
	// scrubRetry is the pause before a rewrite that failed is tried again.
	scrubRetry = time.Minute
	// scrubPoll is how often a running rewrite is looked at.
	scrubPoll = 50 * time.Millisecond
	// scrubWithin bounds one rewrite.
	scrubWithin = 10 * time.Minute
	// scanCount is how many records one step of All asks for, so that a large campaign does not hold up Redis.
	scanCount = 1000
	// renameTries bounds the repetitions of Rename when others change the same record.
	renameTries = 16
)

// Each script is one atomic step. What a script finds done it writes again: with replicas, WAIT covers only what its own connection wrote, and the writer
// before us may have died waiting.
var (
	// putScript: KEYS hash; ARGV id, record. Returns what is stored; empty: erased.
	putScript = redis.NewScript(`
if redis.call('HEXISTS', KEYS[1], 'gone') == 1 then return '' end
local v = redis.call('HGET', KEYS[1], ARGV[1]) or ARGV[2]
redis.call('HSET', KEYS[1], ARGV[1], v)
return v`)
	// renameScript: KEYS hash; ARGV id, old record, new record. Returns 1 if the old one was there.
	renameScript = redis.NewScript(`
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1`)
	// eraseScopeScript: KEYS hash, vote key.
	eraseScopeScript = redis.NewScript(`
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'gone', '1')
redis.call('SET', KEYS[2], '')
return 1`)
	// voteKeyScript: KEYS hash, vote key; ARGV fresh key. Returns the key; empty: destroyed.
	voteKeyScript = redis.NewScript(`
if redis.call('HEXISTS', KEYS[1], 'gone') == 1 then return '' end
local v = redis.call('GET', KEYS[2]) or ARGV[1]
redis.call('SET', KEYS[2], v)
return v`)
	// forgetScript: KEYS scrub; ARGV value. Deletes it if nobody asked anew meanwhile.
	forgetScript = redis.NewScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1`)
)

// Redis is the form for several nodes.
type Redis struct {
	conn *redisconn.Conn
	log  *slog.Logger

	erased chan struct{} // holds at most one wish to scrub
	cancel context.CancelFunc
	done   sync.WaitGroup
}

var _ Vault = (*Redis)(nil)

// OpenRedis uses a connection, which stays the caller's to close after the vault. It does not dial.
func OpenRedis(conn *redisconn.Conn, log *slog.Logger) *Redis {
	ctx, cancel := context.WithCancel(context.Background())
	v := &Redis{conn: conn, log: log, erased: make(chan struct{}, 1), cancel: cancel}
	v.erased <- struct{}{} // a node before us may have died between erasing and scrubbing
	v.done.Go(func() { v.scrubber(ctx) })
	return v
}

func tagOf(scope id.ID) string {
	if scope == Directory {
		return "{directory}"
	}
	return "{c:" + scope.String() + "}"
}

func hashKey(scope id.ID) string { return tagOf(scope) + ":vault" }
func voteKey(scope id.ID) string { return tagOf(scope) + ":vault:vote" }

// Put implements Vault.
func (v *Redis) Put(ctx context.Context, scope id.ID, p Person) (Person, error) {
	if err := check(&p); err != nil {
		return Person{}, err
	}
	if p.Key == ([KeySize]byte{}) {
		p.Key = newKey()
	}
	stored, err := v.conn.Run(ctx, putScript, []string{hashKey(scope)}, p.ID[:], encode(&p)).Text()
	switch {
	case err != nil:
		return Person{}, unavailable(err)
	case stored == "":
		return Person{}, ErrErased
	}
	p = Person{ID: p.ID}
	if err := decode([]byte(stored), &p); err != nil {
		return Person{}, err
	}
	return p, nil
}

// Get implements Vault.
func (v *Redis) Get(ctx context.Context, scope id.ID, ids ...id.ID) ([]Person, error) {
	if len(ids) > MaxGet {
		return nil, fmt.Errorf("%w: %d ids", ErrBad, len(ids))
	}
	if len(ids) == 0 {
		return nil, nil
	}
	fields := make([]string, len(ids))
	for n := range ids {
		fields[n] = string(ids[n][:])
	}
	values, err := v.conn.Client().HMGet(ctx, hashKey(scope), fields...).Result()
	if err != nil {
		return nil, unavailable(err)
	}
	people := make([]Person, 0, len(ids))
	var damaged error
	for n, value := range values {
		if body, _ := value.(string); body != "" {
			people, damaged = add(people, damaged, ids[n], body)
		}
	}
	return people, damaged
}

func add(people []Person, damaged error, i id.ID, body string) ([]Person, error) {
	p := Person{ID: i}
	if err := decode([]byte(body), &p); err != nil {
		return people, errors.Join(damaged, fmt.Errorf("person %v: %w", i, err))
	}
	return append(people, p), damaged
}

// All implements Vault.
func (v *Redis) All(ctx context.Context, scope id.ID) ([]Person, error) {
	var people []Person
	var damaged error
	seen := map[string]bool{} // a scan may show a record twice
	var cursor uint64
	for {
		list, next, err := v.conn.Client().HScan(ctx, hashKey(scope), cursor, "", scanCount).Result()
		if err != nil {
			return nil, unavailable(err)
		}
		for n := 0; n+1 < len(list); n += 2 {
			field, body := list[n], list[n+1]
			if len(field) != len(id.ID{}) || body == "" || seen[field] {
				continue
			}
			seen[field] = true
			people, damaged = add(people, damaged, id.ID([]byte(field)), body)
		}
		if cursor = next; cursor == 0 {
			return people, damaged
		}
	}
}

// Rename implements Vault.
func (v *Redis) Rename(ctx context.Context, scope, person id.ID, name, organisation string) error {
	if err := checkFields(name, organisation); err != nil {
		return err
	}
	for range renameTries {
		body, err := v.conn.Client().HGet(ctx, hashKey(scope), string(person[:])).Result()
		switch {
		case errors.Is(err, redis.Nil):
			return ErrNotFound
		case err != nil:
			return unavailable(err)
		case body == "":
			return ErrErased
		}
		p := Person{ID: person}
		if err := decode([]byte(body), &p); err != nil {
			return err
		}
		p.Name, p.Organisation = name, organisation
		done, err := v.conn.Run(ctx, renameScript, []string{hashKey(scope)}, person[:], body, encode(&p)).Int()
		switch {
		case err != nil:
			return unavailable(err)
		case done == 1:
			return nil
		}
	}
	return fmt.Errorf("%w: others keep changing the record", ErrUnavailable)
}

// Erase implements Vault.
func (v *Redis) Erase(ctx context.Context, scope, person id.ID) error {
	if person.IsZero() {
		return fmt.Errorf("%w: no id", ErrBad)
	}
	return v.erase(ctx, func() error {
		return v.conn.Write(ctx, hashKey(scope), func(p redis.Pipeliner) { p.HSet(ctx, hashKey(scope), person[:], "") })
	})
}

// EraseScope implements Vault.
func (v *Redis) EraseScope(ctx context.Context, scope id.ID) error {
	if scope == Directory {
		return fmt.Errorf("%w: the directory cannot be erased", ErrBad)
	}
	return v.erase(ctx, func() error {
		return v.conn.Run(ctx, eraseScopeScript, []string{hashKey(scope), voteKey(scope)}).Err()
	})
}

// VoteKey implements Vault.
func (v *Redis) VoteKey(ctx context.Context, scope id.ID) (key [KeySize]byte, err error) {
	fresh := newKey()
	stored, err := v.conn.Run(ctx, voteKeyScript, []string{hashKey(scope), voteKey(scope)}, fresh[:]).Text()
	switch {
	case err != nil:
		return key, unavailable(err)
	case stored == "":
		return key, ErrErased
	case len(stored) != KeySize:
		return key, fmt.Errorf("%w: a vote key of %d bytes", ErrDamaged, len(stored))
	}
	copy(key[:], stored)
	return key, nil
}

// DestroyVoteKey implements Vault.
func (v *Redis) DestroyVoteKey(ctx context.Context, scope id.ID) error {
	return v.erase(ctx, func() error {
		return v.conn.Write(ctx, voteKey(scope), func(p redis.Pipeliner) { p.Set(ctx, voteKey(scope), "", 0) })
	})
}

// Ready implements Vault.
func (v *Redis) Ready(ctx context.Context) error {
	return unavailable(v.conn.Client().Ping(ctx).Err())
}

// Close ends the scrubbing; one that did not come to pass is taken up by the next start.
func (v *Redis) Close() error {
	v.cancel()
	v.done.Wait()
	return nil
}

// erase notes that the append-only file must be rewritten, before it makes that necessary.
func (v *Redis) erase(ctx context.Context, do func() error) error {
	mark := newKey()
	err := v.conn.Write(ctx, scrubKey, func(p redis.Pipeliner) { p.Set(ctx, scrubKey, mark[:], 0) })
	if err == nil {
		err = do()
	}
	if err != nil {
		return unavailable(err)
	}
	select {
	case v.erased <- struct{}{}:
	default:
	}
	return nil
}

// scrubber rewrites the append-only file some time after an erasure.
func (v *Redis) scrubber(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-v.erased:
		}
		pause := scrubAfter
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
			err := v.Scrub(ctx)
			if err == nil {
				break
			}
			if ctx.Err() == nil {
				v.log.Warn("what was erased may still stand in Redis' append-only file", "err", err, "retry", scrubRetry)
			}
			pause = scrubRetry
		}
	}
}

// Scrub rewrites the append-only file of each server if something was erased since the last time, so that it no longer holds what was erased, and
// returns when that is done. The vault does it by itself some seconds after an erasure. An RDB file, if Redis is told to make them, keeps
// erased records until the next one is written.
func (v *Redis) Scrub(ctx context.Context) error {
	mark, err := v.conn.Client().Get(ctx, scrubKey).Result()
	if errors.Is(err, redis.Nil) {
		return nil
	}
	if err != nil {
		return unavailable(err)
	}
	ctx, cancel := context.WithTimeout(ctx, scrubWithin)
	defer cancel()
	if err := v.conn.EachMaster(ctx, rewrite); err != nil {
		return unavailable(err)
	}
	return unavailable(v.conn.Run(ctx, forgetScript, []string{scrubKey}, mark).Err())
}

// rewrite makes one server rewrite its append-only file, beginning from now: a rewrite under way began from before.
func rewrite(ctx context.Context, node *redis.Client) error {
	poll := time.NewTicker(scrubPoll)
	defer poll.Stop()
	for started := false; ; {
		info, err := node.InfoMap(ctx, "persistence").Result()
		if err != nil {
			return err
		}
		p := info["Persistence"]
		running := p["aof_rewrite_in_progress"] == "1" || p["aof_rewrite_scheduled"] == "1"
		switch {
		case p["aof_enabled"] != "1":
			return nil // nothing was written to a file
		case started && !running && p["aof_last_bgrewrite_status"] == "ok":
			return nil
		case started && !running:
			return errors.New("vault: Redis could not rewrite its append-only file")
		case !started && !running:
			if err := node.BgRewriteAOF(ctx).Err(); err != nil {
				return err
			}
			started = true
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-poll.C:
		}
	}
}
