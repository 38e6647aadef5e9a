package web

import (
	"sync"

	"kiem/hub/session"
)

// sockets knows which sockets each session has open on this node, so that ending a session ends them at once. On other nodes a socket notices by itself
// (listener.recheck).
type sockets struct {
	mu  sync.Mutex
	all map[string]map[*listener]struct{} // by the session's key
}

func newSockets() *sockets { return &sockets{all: map[string]map[*listener]struct{}{}} }

// add takes a socket in. It belongs to the session of its token.
func (k *sockets) add(l *listener) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.put(session.Key(l.token), l)
}

func (k *sockets) put(key string, l *listener) {
	if k.all[key] == nil {
		k.all[key] = map[*listener]struct{}{}
	}
	k.all[key][l] = struct{}{}
}

// remove is told that a socket is gone.
func (k *sockets) remove(l *listener) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key := session.Key(l.token)
	delete(k.all[key], l)
	if len(k.all[key]) == 0 {
		delete(k.all, key)
	}
}

// token is the token that a socket stands under now.
func (k *sockets) token(l *listener) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return l.token
}

// move puts the sockets of a session under the one that took its place: whoever joins another campaign keeps the tabs that are open.
func (k *sockets) move(key, token string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	list := k.all[key]
	delete(k.all, key)
	for l := range list {
		l.token = token
		k.put(session.Key(token), l)
	}
}

// end closes the sockets of a session. Nothing that arrives on them afterwards is done.
func (k *sockets) end(key string, code int, reason string) {
	k.mu.Lock()
	list := k.all[key]
	delete(k.all, key)
	k.mu.Unlock()
	for l := range list {
		l.end(code, reason)
	}
}
