package main

import (
	"context"

	"kiem/hub/journal/redislog"
	"kiem/hub/journal/sqlitelog"
	"kiem/hub/web"
	"kiem/hub/wire"
)

// diskState tells the operator about the disk of the embedded journal.
func diskState(j *sqlitelog.Journal) web.Store {
	return func(context.Context) (*wire.AdminDisk, *wire.AdminRedis) {
		free, need, err := j.Space()
		if err != nil { // then appends are refused, and /readyz has the reason
			free = 0
		}
		return &wire.AdminDisk{Free: free, Need: max(need, 0)}, nil
	}
}

// redisState tells the operator what the last check of Redis found.
func redisState(j *redislog.Journal) web.Store {
	return func(context.Context) (*wire.AdminDisk, *wire.AdminRedis) {
		s := j.State()
		out := &wire.AdminRedis{Up: s.Reached, Durable: s.Err == nil, CheckedAt: s.Checked.UTC(), Servers: []wire.AdminServer{}}
		if s.Err != nil {
			out.Trouble = s.Err.Error()
		}
		for _, one := range s.Servers {
			out.Servers = append(out.Servers, wire.AdminServer(one))
		}
		return nil, out
	}
}
