package main

import (
	"bytes"
	"os"
	"testing"
)

func TestProtocolIsUpToDate(t *testing.T) {
	want, err := generate("..")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../../static/src/protocol.ts")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("static/src/protocol.ts is not what hub/wire says: go generate ./hub/wire/gen, then build the page again")
	}
}
