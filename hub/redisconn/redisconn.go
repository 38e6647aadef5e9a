// Package redisconn is how Kiem talks to Redis when what it writes matters: vault, sessions, shared limits, messages between nodes.
//
// A client library that is helpful by default is harmful here. One that repeats a write after a lost answer stores it twice; one that follows
// redirections of a write does the same; one that queues replies behind an unread handshake answers the wrong question. So there is one
// place that sets the rules:
//
//   - No retry of any kind by the client. A broken call means that the outcome is unknown, and the caller, whose writes are idempotent, decides.
//   - Dialling, writing and reading have a deadline of Timeout, and the caller's context holds as well.
//   - No identity and no maintenance handshake.
//   - With replicas, a write counts only when WAIT on the same connection says that enough of them have it.
//
// Durability of Redis itself (appendonly, appendfsync always, noeviction) is checked by the journal on Redis, which shares the server.
package redisconn

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Limits.
const (
	// Timeout bounds dialling, one write and one read.
	Timeout = 2 * time.Second
	// waitReplicas is how long replicas have to take a write.
	waitReplicas = 200 * time.Millisecond
	// poolSize is the number of connections to one server. Redis syncs to disk once for all that write at the same time, so more
	// connections make larger groups.
	poolSize = 64
)

// ErrReplicas says that a write is on the master but on too few replicas: it may be lost in a failover.
var ErrReplicas = errors.New("redisconn: too few replicas have the write")

// Conn is a pool of connections to one Redis, a Sentinel group or a cluster. It may be used by many goroutines.
type Conn struct {
	client   redis.UniversalClient
	replicas int
}

// The library prints every failed dial to the standard error, for all clients of a process together. Whoever calls gets the error and says
// what it means; a line per attempt while Redis is away says nothing more.
var silence = sync.OnceFunc(func() { redis.SetLogger(silent{}) })

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// Open makes a Conn; it does not dial. Addresses:
//
//	redis://[user:password@]host:port[/db]            one server; rediss:// over TLS
//	redis://host:port?addr=host:port&addr=…           a cluster
//	redis://host:port?master_name=NAME[&addr=…]       Sentinels
//
// A write counts when it is on that many replicas besides the master.
func Open(address string, replicas int) (*Conn, error) {
	silence()
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("redisconn: %s", "the address cannot be read") // the cause would show a password
	}
	quiet := &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	query := u.Query()
	c := &Conn{replicas: replicas}
	switch {
	case query.Has("master_name"):
		o, err := redis.ParseFailoverURL(address)
		if err != nil {
			return nil, redact(err, u)
		}
		o.MaxRetries, o.DialerRetries, o.DisableIdentity, o.ContextTimeoutEnabled = -1, 1, true, true
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout, o.PoolSize = Timeout, Timeout, Timeout, Timeout, poolSize
		c.client = redis.NewFailoverClient(o)
	case query.Has("addr"):
		o, err := redis.ParseClusterURL(address)
		if err != nil {
			return nil, redact(err, u)
		}
		o.MaxRetries, o.MaxRedirects, o.DialerRetries, o.DisableIdentity, o.ContextTimeoutEnabled = -1, -1, 1, true, true
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout, o.PoolSize = Timeout, Timeout, Timeout, Timeout, poolSize
		o.MaintNotificationsConfig = quiet
		c.client = redis.NewClusterClient(o)
	default:
		o, err := redis.ParseURL(address)
		if err != nil {
			return nil, redact(err, u)
		}
		o.MaxRetries, o.DialerRetries, o.DisableIdentity, o.ContextTimeoutEnabled = -1, 1, true, true
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout, o.PoolSize = Timeout, Timeout, Timeout, Timeout, poolSize
		o.MaintNotificationsConfig = quiet
		c.client = redis.NewClient(o)
	}
	return c, nil
}

// redact keeps a password out of an error.
func redact(err error, u *url.URL) error {
	text := err.Error()
	if password, ok := u.User.Password(); ok && password != "" {
		text = strings.ReplaceAll(text, password, "…")
	}
	return fmt.Errorf("redisconn: %s", text)
}

// Client is for reading and for publishing.
func (c *Conn) Client() redis.UniversalClient { return c.client }

// Close closes all connections.
func (c *Conn) Close() error { return c.client.Close() }

// Write runs the commands that fn adds as one MULTI on the server that owns key; all keys named must share its hash tag. It returns nil when all
// were done and, with replicas, are on enough of them. redis.Nil of a command is no failure.
func (c *Conn) Write(ctx context.Context, key string, fn func(redis.Pipeliner)) error {
	node, err := c.owner(ctx, key)
	if err != nil {
		return err
	}
	p := node.TxPipeline()
	fn(p)
	if c.replicas == 0 {
		_, err = p.Exec(ctx)
		return c.answer(ctx, err)
	}
	// WAIT inside a MULTI does not wait, and outside it must follow on the same connection.
	conn := node.Conn()
	defer conn.Close()
	p = conn.TxPipeline()
	fn(p)
	if _, err := p.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return c.answer(ctx, err)
	}
	return c.enough(conn.Wait(ctx, c.replicas, waitReplicas))
}

// Run runs a script that writes on the server that owns its first key, by its hash where the server knows it. Err of the result is set as for Write.
//
// A script that finds its work done must write something nevertheless if the caller relies on replicas: WAIT covers only what its own connection wrote.
func (c *Conn) Run(ctx context.Context, s *redis.Script, keys []string, args ...any) *redis.Cmd {
	cmd := redis.NewCmd(ctx)
	node, err := c.owner(ctx, keys[0])
	if err != nil {
		cmd.SetErr(err)
		return cmd
	}
	if c.replicas == 0 {
		cmd = s.Run(ctx, node, keys, args...)
		if err := c.answer(ctx, cmd.Err()); err != nil {
			cmd.SetErr(err)
		}
		return cmd
	}
	conn := node.Conn()
	defer conn.Close()
	cmd = s.Run(ctx, conn, keys, args...)
	if err := c.answer(ctx, cmd.Err()); err != nil {
		cmd.SetErr(err)
		return cmd
	}
	if err := c.enough(conn.Wait(ctx, c.replicas, waitReplicas)); err != nil {
		cmd.SetErr(err)
	}
	return cmd
}

func (c *Conn) enough(got *redis.IntCmd) error {
	n, err := got.Result()
	if err != nil {
		return err
	}
	if n < int64(c.replicas) {
		return fmt.Errorf("%w: %d of %d", ErrReplicas, n, c.replicas)
	}
	return nil
}

// owner is the server to write a key to.
func (c *Conn) owner(ctx context.Context, key string) (*redis.Client, error) {
	switch client := c.client.(type) {
	case *redis.Client:
		return client, nil
	case *redis.ClusterClient:
		return client.MasterForKey(ctx, key)
	}
	return nil, fmt.Errorf("redisconn: no writes through %T", c.client)
}

// answer sorts the errors of a write. A redirection means that the slot moved: nothing was stored, and the next try must know the new place.
func (c *Conn) answer(ctx context.Context, err error) error {
	if err == nil || errors.Is(err, redis.Nil) {
		return nil
	}
	if cluster, ok := c.client.(*redis.ClusterClient); ok && (redis.HasErrorPrefix(err, "MOVED") || redis.HasErrorPrefix(err, "READONLY")) {
		cluster.ReloadState(ctx)
	}
	return err
}

// EachMaster calls fn for every server that takes writes.
func (c *Conn) EachMaster(ctx context.Context, fn func(context.Context, *redis.Client) error) error {
	switch client := c.client.(type) {
	case *redis.Client:
		return fn(ctx, client)
	case *redis.ClusterClient:
		return client.ForEachMaster(ctx, fn)
	}
	return fmt.Errorf("redisconn: no writes through %T", c.client)
}
