package bench

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/gorilla/websocket"
)

// stormFloor serves what everybody asks for who arrives: one file, and a socket with a hello. It is a bare gorilla server that knows nobody and keeps nothing.
func stormFloor(file string, hello int, in io.Reader, out io.Writer) error {
	body, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	greeting := []byte(helloHead + `0,"pad":"`)
	greeting = append(greeting, bytes.Repeat([]byte{'x'}, max(hello-len(greeting)-2, 0))...)
	greeting = append(greeting, `"}`...)
	upgrader := websocket.Upgrader{ReadBufferSize: 1024, WriteBufferSize: 1024, Subprotocols: []string{"kiem.v1"}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /snapshot", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		_, _ = w.Write(body) // a client that is gone needs none
	})
	mux.HandleFunc("GET /live", func(w http.ResponseWriter, r *http.Request) {
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		if ws.WriteMessage(websocket.TextMessage, greeting) != nil {
			return
		}
		for {
			if _, _, err := ws.ReadMessage(); err != nil {
				return
			}
		}
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(l) }() // ends with the process
	return obey(in, out, l.Addr().String(), func(order) error { return nil })
}
