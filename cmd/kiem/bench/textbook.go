package bench

import (
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/gorilla/websocket"
)

// Textbook is the hub of gorilla's chat example: for each client a channel and two goroutines, and one goroutine that sends every message into every channel.
// Most servers that are written in an afternoon are this one.
func Textbook(in io.Reader, out io.Writer) error {
	RaiseLimit()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	h := &textbookHub{
		register: make(chan *textbookClient), unregister: make(chan *textbookClient), broadcast: make(chan []byte),
		clients: map[*textbookClient]bool{},
	}
	go h.run()
	upgrader := websocket.Upgrader{ReadBufferSize: 1024, WriteBufferSize: 1024, Subprotocols: []string{"kiem.v1"}}
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		c := &textbookClient{ws: ws, send: make(chan []byte, 256)}
		h.register <- c
		go c.write()
		go c.read(h)
	})}
	go func() { _ = server.Serve(l) }() // ends with the process
	var message []byte
	seq := uint64(0)
	return obey(in, out, l.Addr().String(), func(o order) error {
		if o.word == "hang" {
			return nil // each client that is gone is noticed by its goroutine
		}
		return pace(o, func() error {
			message = appendEvents(nil, seq, o.size)
			seq++
			h.broadcast <- message
			return nil
		})
	})
}

type textbookHub struct {
	clients              map[*textbookClient]bool
	register, unregister chan *textbookClient
	broadcast            chan []byte
	seq                  uint64
}

type textbookClient struct {
	ws   *websocket.Conn
	send chan []byte
}

func (h *textbookHub) run() {
	for {
		select {
		case c := <-h.register:
			h.clients[c] = true
			c.send <- append(strconv.AppendUint([]byte(helloHead), h.seq, 10), '}')
		case c := <-h.unregister:
			if h.clients[c] {
				delete(h.clients, c)
				close(c.send)
			}
		case message := <-h.broadcast:
			h.seq++
			for c := range h.clients {
				select {
				case c.send <- message:
				default:
					delete(h.clients, c)
					close(c.send)
				}
			}
		}
	}
}

func (c *textbookClient) write() {
	ping := time.NewTicker(54 * time.Second)
	defer ping.Stop()
	defer c.ws.Close()
	for {
		select {
		case message, more := <-c.send:
			_ = c.ws.SetWriteDeadline(time.Now().Add(10 * time.Second))
			if !more || c.ws.WriteMessage(websocket.TextMessage, message) != nil {
				return
			}
		case <-ping.C:
			_ = c.ws.SetWriteDeadline(time.Now().Add(10 * time.Second))
			if c.ws.WriteMessage(websocket.PingMessage, nil) != nil {
				return
			}
		}
	}
}

func (c *textbookClient) read(h *textbookHub) {
	defer func() { h.unregister <- c }()
	defer c.ws.Close()
	c.ws.SetReadLimit(512)
	_ = c.ws.SetReadDeadline(time.Now().Add(60 * time.Second))
	c.ws.SetPongHandler(func(string) error { return c.ws.SetReadDeadline(time.Now().Add(60 * time.Second)) })
	for {
		if _, _, err := c.ws.ReadMessage(); err != nil {
			return
		}
	}
}
