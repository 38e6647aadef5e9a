package web

import (
	"net"
	"net/http"
	"sync"
)

// seats bounds how many of something there are at the same time. A hall shares one address, so one address gets half of all, but never all.
type seats struct {
	most int

	mu    sync.Mutex
	taken int
	by    map[string]int
}

func newSeats(most int) *seats { return &seats{most: most, by: map[string]int{}} }

// take says whether there was a seat left for that address; "" is an address that is not counted by itself (a proxy's). Give it back with leave.
func (s *seats) take(address string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken >= s.most || address != "" && s.by[address] >= (s.most+1)/2 {
		return false
	}
	s.taken++
	if address != "" {
		s.by[address]++
	}
	return true
}

func (s *seats) leave(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken--
	if address == "" {
		return
	}
	if s.by[address]--; s.by[address] <= 0 {
		delete(s.by, address)
	}
}

// number is how many are taken.
func (s *seats) number() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken
}

// doorkeeper bounds the connections of an HTTP server that are no sockets (yet): idle ones, and those that never finish a request.
type doorkeeper struct {
	seats  *seats
	key    func(net.Conn) string
	mu     sync.Mutex
	inside map[net.Conn]string
}

// changed is http.Server.ConnState.
func (d *doorkeeper) changed(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		key := d.key(conn)
		if !d.seats.take(key) {
			_ = conn.Close() // there is nothing to tell it with
			return
		}
		d.mu.Lock()
		d.inside[conn] = key
		d.mu.Unlock()
	case http.StateHijacked, http.StateClosed:
		d.mu.Lock()
		key, in := d.inside[conn]
		delete(d.inside, conn)
		d.mu.Unlock()
		if in {
			d.seats.leave(key)
		}
	}
}
