package redislog

import (
	"maps"
	"slices"
	"strconv"
	"time"
)

// State is what the last check of the durability found, for whoever looks after the installation.
type State struct {
	Checked time.Time // when the last check ended; they are some seconds apart
	Reached bool      // it read what it had to: Redis is up
	Err     error     // why nothing is appended; nil if all is well
	Servers []Server  // those that take writes, as they were seen last, sorted by name
}

// Server is one Redis as it described itself.
type Server struct {
	Name        string // its address in a cluster, else ""
	Version     string
	Role        string
	AppendOnly  string // yes or no; "" of this and the next: it may not be asked
	AppendFsync string
	WriteOK     bool // the last write to its file succeeded
	Replicas    int  // connected now
}

// State gives what the last check found.
func (j *Journal) State() State {
	err := j.standing.get()
	s := &j.standing
	s.mu.Lock()
	defer s.mu.Unlock()
	out := State{Checked: s.tried, Reached: s.reached, Err: err}
	for _, name := range slices.Sorted(maps.Keys(s.seen)) {
		out.Servers = append(out.Servers, s.seen[name])
	}
	return out
}

// checkedNow notes that a check has ended.
func (s *standing) checkedNow(reached bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tried, s.reached = time.Now(), reached
}

// server is what a check read, in the operator's words.
func (s settings) server(name string) Server {
	if name == theOne {
		name = ""
	}
	replicas, _ := strconv.Atoi(s.info["connected_slaves"]) // 0 of one that does not say
	return Server{
		Name: name, Version: s.info["redis_version"], Role: s.info["role"], AppendOnly: s.config["appendonly"], AppendFsync: s.config["appendfsync"],
		WriteOK: s.info["aof_last_write_status"] == "ok", Replicas: replicas,
	}
}
