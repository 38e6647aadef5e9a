package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"time"
)

// maxProfile is how long the processor is profiled at most.
const maxProfile = 5 * time.Minute

// profiles are what can be asked for besides "cpu", as runtime/pprof calls them.
var profiles = map[string]bool{"heap": true, "allocs": true, "goroutine": true, "threadcreate": true}

// serveProfile answers GET /profile?kind=cpu&seconds=10 with a profile for `go tool pprof`. It is served on the admin socket only: a profile tells what the server does, and
// making one takes time from it.
func serveProfile(w http.ResponseWriter, r *http.Request) {
	kind := r.URL.Query().Get("kind")
	if kind != "cpu" {
		if !profiles[kind] {
			http.Error(w, "no such profile", http.StatusBadRequest)
			return
		}
		if kind == "heap" {
			runtime.GC() // what is in use now, not what was at the last collection
		}
		_ = pprof.Lookup(kind).WriteTo(w, 0) // who asks is gone
		return
	}
	seconds, err := strconv.ParseFloat(r.URL.Query().Get("seconds"), 64)
	long := time.Duration(seconds * float64(time.Second))
	if err != nil || long <= 0 || long > maxProfile {
		http.Error(w, "seconds must be above 0 and at most "+strconv.Itoa(int(maxProfile/time.Second)), http.StatusBadRequest)
		return
	}
	if err := pprof.StartCPUProfile(w); err != nil {
		http.Error(w, err.Error(), http.StatusConflict) // another one is being made
		return
	}
	defer pprof.StopCPUProfile()
	timer := time.NewTimer(long)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
}

type adminProfileCmd struct {
	adminTarget
	Kind string        `arg:"" enum:"cpu,heap,allocs,goroutine,threadcreate" help:"What to look at: ${enum}."`
	Time time.Duration `default:"10s" help:"How long the processor is profiled."`
	Out  string        `default:"kiem.pprof" help:"File to write, for go tool pprof." placeholder:"FILE"`
}

// Run writes a profile of the running server to a file.
func (c *adminProfileCmd) Run(p *program) (err error) {
	body, err := c.open(p, http.MethodGet, fmt.Sprintf("/profile?kind=%s&seconds=%g", c.Kind, c.Time.Seconds()))
	if err != nil {
		return err
	}
	defer body.Close()
	f, err := os.OpenFile(c.Out, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, body); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}
