package web

import (
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// TestChurn: while sockets come and go, and their descriptors with them, what is written to one never reaches another. Frames are written to descriptors directly; one that
// was closed may be another campaign's socket, or somebody's request, a moment later.
func TestChurn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const halls, people, rounds = 2, 6, 25
	var wait sync.WaitGroup
	var stop sync.WaitGroup
	over := make(chan struct{})
	for range halls {
		c := w.create("Komen en gaan", nil)
		speaker := w.join(c, "Spreker")
		ideas := []string{w.post(c, speaker, "Een"), w.post(c, speaker, "Twee")}
		stop.Go(func() { // something to write in every tick
			for n := 0; ; n++ {
				select {
				case <-over:
					return
				default:
				}
				w.send(c, speaker, newCommand("support.set", "idea", ideas[n%2], "value", n/2%2))
			}
		})
		for range people {
			who := w.join(c, "Gast")
			wait.Go(func() {
				for round := range rounds {
					s, _ := w.dial(c, "Bearer", who.token)
					if s == nil {
						t.Error("not let in")
						return
					}
					s.wait("hello and a tick", func() bool { return strings.Count(s.all.String(), "\n") >= 2 })
					s.mu.Lock()
					text := s.all.String()
					s.mu.Unlock()
					if !strings.HasPrefix(text, `{"type":"hello"`) || !strings.Contains(text, who.id) {
						t.Errorf("somebody else's: %.200s", text)
					}
					if strings.Contains(text, "tallies") && !strings.Contains(text, ideas[0]) && !strings.Contains(text, ideas[1]) {
						t.Errorf("another campaign's: %.200s", text)
					}
					if tcp, ok := s.ws.NetConn().(*net.TCPConn); ok && round%2 == 0 {
						_ = tcp.SetLinger(0) // the server learns of it by a reset, while it writes
					}
					s.cut()
					if a := w.do("GET", "/healthz", nil); a.status != http.StatusOK || string(a.body) != "ok\n" {
						t.Errorf("somebody else's: %v", a)
					}
				}
			})
		}
	}
	wait.Wait()
	close(over)
	stop.Wait()
}
