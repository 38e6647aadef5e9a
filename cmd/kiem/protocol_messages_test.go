package main_test

import (
	"encoding/json"
	"time"
)

// What the script knows of messages: protocol v1, nothing of the server's types.
type (
	protoError struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Field   string `json:"field"`
	}
	protoEvent struct {
		Seq  uint64          `json:"seq"`
		Type string          `json:"type"`
		At   time.Time       `json:"at"`
		By   string          `json:"by"`
		Data json.RawMessage `json:"data"`
	}
	protoTally struct {
		Support int            `json:"support"`
		ByGroup map[string]int `json:"by_group"`
	}
	protoFrame struct {
		Type       string                `json:"type"`
		ID         string                `json:"id"`
		Seq        uint64                `json:"seq"`
		Epoch      uint64                `json:"epoch"`
		Head       string                `json:"head"`
		Durability string                `json:"durability"`
		Me         map[string]any        `json:"me"`
		ServerTime time.Time             `json:"server_time"`
		Node       string                `json:"node"`
		Data       json.RawMessage       `json:"data"`
		Error      *protoError           `json:"error"`
		From       uint64                `json:"from"`
		To         uint64                `json:"to"`
		Events     []protoEvent          `json:"events"`
		Tallies    map[string]protoTally `json:"tallies"`
		Reason     string                `json:"reason"`
	}
	protoCommand struct {
		ID   string `json:"id,omitempty"`
		Type string `json:"type"`
		Data any    `json:"data"`
		Lane string `json:"lane,omitempty"`
		N    int    `json:"n,omitempty"`
	}
)

// protoSnapshot is GET /campaigns/{id} as far as the script reads it.
type protoSnapshot struct {
	Seq      uint64           `json:"seq"`
	Epoch    uint64           `json:"epoch"`
	Campaign map[string]any   `json:"campaign"`
	Ideas    []map[string]any `json:"ideas"`
	Rounds   []any            `json:"rounds"`
}
