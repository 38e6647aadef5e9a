package redislog

import "testing"

// TestKeepingUp: who is in sync and was heard lately is waited for; who is fetching the whole, or was not heard for long, is not.
func TestKeepingUp(t *testing.T) {
	for text, want := range map[string]int{
		"": 0,
		"# Replication\r\nrole:master\r\nconnected_slaves:0\r\nmaster_replid:x\r\n":                                                                     0,
		"slave0:ip=10.0.0.2,port=6379,state=online,offset=1,lag=0\r\nslave1:ip=10.0.0.3,port=6379,state=online,offset=1,lag=1,type=replica\r\n":         2,
		"slave0:ip=10.0.0.2,port=6379,state=wait_bgsave,offset=0,lag=0\r\nslave1:ip=10.0.0.3,port=6379,state=online,offset=1,lag=3\r\n":                 0,
		"slave0:ip=10.0.0.2,port=6379,state=online,offset=1,lag=-1\r\nslave12:state=online,lag=2\r\nslave_read_only:1\r\nslaves:state=online,lag=0\r\n": 1,
		"slave0:state=online": 0, // it does not say when it was heard
	} {
		if got := keepingUp(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}
