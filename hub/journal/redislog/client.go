package redislog

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"kiem/hub/journal"
)

// The library prints each failed dial to the standard error. Whoever calls gets the error.
var silence = sync.OnceFunc(func() { redis.SetLogger(silent{}) })

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// newClient makes the client with the rules of this package. It does not dial. onConnect runs on every new connection, before it is used.
func newClient(address string, onConnect func(context.Context, *redis.Conn) error) (redis.UniversalClient, error) {
	silence()
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("redislog: the address cannot be read") // the cause would show a password
	}
	quiet := &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	query := u.Query()
	switch {
	case query.Has("master_name"):
		o, err := redis.ParseFailoverURL(address)
		if err != nil {
			return nil, redact(err, u)
		}
		o.MaxRetries, o.DialerRetries, o.DisableIdentity, o.ContextTimeoutEnabled = -1, 1, true, true
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout, o.PoolSize = Timeout, Timeout, Timeout, Timeout, poolSize
		o.PipelinePoolSize = -1
		o.OnConnect = onConnect
		c := redis.NewFailoverClient(o)
		c.AddHook(dialHook{})
		return c, nil
	case query.Has("addr"):
		o, err := redis.ParseClusterURL(address)
		if err != nil {
			return nil, redact(err, u)
		}
		o.MaxRetries, o.MaxRedirects, o.DialerRetries, o.DisableIdentity, o.ContextTimeoutEnabled = -1, -1, 1, true, true
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout, o.PoolSize = Timeout, Timeout, Timeout, Timeout, poolSize
		o.PipelinePoolSize = -1
		o.MaintNotificationsConfig = quiet
		o.OnConnect = onConnect
		c := redis.NewClusterClient(o)
		c.OnNewNode(func(n *redis.Client) { n.AddHook(dialHook{}) })
		return c, nil
	}
	o, err := redis.ParseURL(address)
	if err != nil {
		return nil, redact(err, u)
	}
	o.MaxRetries, o.DialerRetries, o.DisableIdentity, o.ContextTimeoutEnabled = -1, 1, true, true
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout, o.PoolSize = Timeout, Timeout, Timeout, Timeout, poolSize
	o.PipelinePoolSize = -1
	o.MaintNotificationsConfig = quiet
	o.OnConnect = onConnect
	c := redis.NewClient(o)
	c.AddHook(dialHook{})
	return c, nil
}

// redact keeps a password out of an error.
func redact(err error, u *url.URL) error {
	text := err.Error()
	if password, ok := u.User.Password(); ok && password != "" {
		text = strings.ReplaceAll(text, password, "…")
	}
	return fmt.Errorf("redislog: %s", text)
}

// dialError marks an error after which nothing can have been sent.
type dialError struct{ err error }

func (e *dialError) Error() string { return e.err.Error() }
func (e *dialError) Unwrap() error { return e.err }

// dialHook marks the errors of dialling.
type dialHook struct{}

func (dialHook) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := next(ctx, network, addr)
		if err != nil {
			return nil, &dialError{err}
		}
		return c, nil
	}
}
func (dialHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (dialHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// refusal is what the check on a new connection says when Redis may not be used. It wraps nothing, because the library unwraps.
type refusal struct{ err error }

func (r *refusal) Error() string { return r.err.Error() }

// classify gives the error of a write the contract's words. Unknown is the answer to everything that is not certain.
func classify(err error) error {
	if err == nil {
		return nil
	}
	var r *refusal
	if errors.As(err, &r) {
		return fmt.Errorf("%w: %w", journal.ErrUnavailable, r.err)
	}
	var d *dialError
	if errors.As(err, &d) || errors.Is(err, redis.ErrPoolTimeout) || errors.Is(err, redis.ErrPoolExhausted) || errors.Is(err, redis.ErrClosed) {
		return fmt.Errorf("%w: %w", journal.ErrUnavailable, err)
	}
	var reply redis.Error
	if !errors.As(err, &reply) {
		return fmt.Errorf("%w: %w", journal.ErrUnknown, err)
	}
	// Redis answered that it did not do it.
	switch {
	case redis.HasErrorPrefix(err, "OOM"), redis.HasErrorPrefix(err, "MISCONF") && strings.Contains(err.Error(), "space"):
		return fmt.Errorf("%w (%w): %w", journal.ErrFull, journal.ErrUnavailable, err)
	case redis.HasErrorPrefix(err, "WRONGTYPE"):
		return fmt.Errorf("%w: the key holds something else: %w", journal.ErrCorrupt, err)
	case strings.Contains(err.Error(), "equal or smaller than the target stream top item"):
		return fmt.Errorf("%w: the stream was written by somebody else, its newest id does not begin with 0-: %w", journal.ErrCorrupt, err)
	}
	return fmt.Errorf("%w: %w", journal.ErrUnavailable, err)
}

// unreadable gives the error of a reading call the contract's words: it can be tried again.
func unreadable(err error) error {
	if err == nil || errors.Is(err, journal.ErrCorrupt) || errors.Is(err, journal.ErrNotFound) {
		return err
	}
	if redis.HasErrorPrefix(err, "WRONGTYPE") {
		return fmt.Errorf("%w: the key holds something else: %w", journal.ErrCorrupt, err)
	}
	var r *refusal
	if errors.As(err, &r) {
		return fmt.Errorf("%w: %w", journal.ErrUnavailable, r.err)
	}
	return fmt.Errorf("%w: %w", journal.ErrUnavailable, err)
}
