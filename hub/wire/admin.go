package wire

import "time"

// AdminStatus is GET /admin/status, for the operator of the server: how this node is, and what it knows of the others. It names campaigns by their ids, and
// nobody at all.
type AdminStatus struct {
	Node        string       `json:"node"`
	Version     string       `json:"version"`
	StartedAt   time.Time    `json:"started_at"`
	Now         time.Time    `json:"now"`
	Ready       bool         `json:"ready"`             // commands are taken
	Trouble     string       `json:"trouble,omitempty"` // why not, in the words of the log
	Durability  string       `json:"durability"`        // as in hello
	Warnings    []Warning    `json:"warnings"`          // unsafe settings in force
	Connections int64        `json:"connections"`       // open sockets
	Awake       int64        `json:"awake"`             // campaigns whose room is open on this node
	Asleep      int64        `json:"asleep"`            // campaigns whose room is not
	Commands    uint64       `json:"commands"`          // applied since the start
	Entries     uint64       `json:"entries"`           // applied since the start
	Refused     uint64       `json:"refused"`           // answers with an error since the start
	RateLimited uint64       `json:"rate_limited"`      // requests and commands refused as too fast since the start
	Fsync       AdminLatency `json:"fsync"`             // the journal's writes to stable storage; with Redis one append, its fsync included
	Append      AdminLatency `json:"append"`            // what an answer waits for: the queue and the write
	Disk        *AdminDisk   `json:"disk,omitempty"`    // the data directory of the embedded journal
	Redis       *AdminRedis  `json:"redis,omitempty"`   // of several nodes
	Heads       []AdminHead  `json:"heads"`             // of the rooms that are awake, the busiest first
	Nodes       []AdminNode  `json:"nodes"`             // the other nodes on the same Redis that spoke lately
}

// Warning is an unsafe setting that is in force.
type Warning struct {
	Code    string `json:"code"`    // relaxed asserted rate_scale any_proxy
	Message string `json:"message"` // in the caller's language
}

// AdminLatency is how long something took in the last minutes.
type AdminLatency struct {
	Count   uint64  `json:"count"`
	P50     float64 `json:"p50"`     // seconds
	P99     float64 `json:"p99"`     // seconds
	Seconds float64 `json:"seconds"` // over how long a time this is
}

// AdminDisk is the space where the journal lives.
type AdminDisk struct {
	Free int64 `json:"free"` // bytes
	Need int64 `json:"need"` // bytes; with less, commands are refused
}

// AdminRedis is what the last check of Redis found.
type AdminRedis struct {
	Up        bool          `json:"up"`
	Durable   bool          `json:"durable"`           // appends are sent
	Trouble   string        `json:"trouble,omitempty"` // why not, in the words of the log
	CheckedAt time.Time     `json:"checked_at"`
	Servers   []AdminServer `json:"servers"`
}

// AdminServer is one Redis that takes writes.
type AdminServer struct {
	Name        string `json:"name,omitempty"` // its address, in a cluster
	Version     string `json:"version"`
	Role        string `json:"role"`
	AppendOnly  string `json:"appendonly,omitempty"` // absent, like the next: it may not be asked
	AppendFsync string `json:"appendfsync,omitempty"`
	WriteOK     bool   `json:"write_ok"` // the last write to its file succeeded
	Replicas    int    `json:"replicas"`
}

// AdminHead is how far a log has come.
type AdminHead struct {
	Log         string `json:"log"`
	Entry       uint64 `json:"entry"`
	Epoch       uint64 `json:"epoch"`
	Head        string `json:"head"` // chain hash, hexadecimal
	Connections int    `json:"connections"`
}

// AdminNode is another node as it described itself.
type AdminNode struct {
	Node        string    `json:"node"`
	Version     string    `json:"version"`
	StartedAt   time.Time `json:"started_at"`
	HeardAt     time.Time `json:"heard_at"`
	Ready       bool      `json:"ready"`
	Connections int64     `json:"connections"`
	Rooms       int64     `json:"rooms"`
}
