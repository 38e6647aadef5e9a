package web

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/gorilla/websocket"

	"kiem/hub"
	"kiem/hub/limit"
	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/id"
)

// Limits of a socket.
const (
	// maxMessage is where reading ends the connection. Between wire.MaxFrame and this, a message is read, dropped, and answered with too_large.
	maxMessage = 4 * wire.MaxFrame
	// maxStrikes is how many messages in a row may break the protocol before the connection is closed.
	maxStrikes = 10
	// readBuffer is small: a command is some hundred bytes, and there is one for each connection.
	readBuffer = 1024
)

var upgrader = websocket.Upgrader{
	HandshakeTimeout: 5 * time.Second,
	ReadBufferSize:   readBuffer,
	WriteBufferSize:  readBuffer,
	WriteBufferPool:  &sync.Pool{},
	Subprotocols:     []string{wire.Subprotocol},
	// guardOrigin has judged the origin. No compression: what a message inflates to would have to be bounded, and frames are shared.
	CheckOrigin: func(*http.Request) bool { return true },
}

// live is GET /campaigns/{id}/live. Who may not connect is told by a close code, because a browser's script cannot read the status of a failed handshake.
func (s *Server) live(c *gin.Context) error {
	from, err := resume(c)
	if err != nil {
		return err
	}
	if !websocket.IsWebSocketUpgrade(c.Request) {
		return refuse(wire.BadRequest, "", "not_a_socket")
	}
	room, self, who, enterErr := s.enter(c)
	if enterErr != nil && !s.hasCredentials(c) {
		return enterErr
	}
	code := 0
	var seat *limit.Session
	if enterErr == nil {
		var ok bool
		switch seat, ok = s.gates.Open(who.key, s.Clock()); {
		case ok:
			defer seat.Close()
		case who.key == adminKey: // scripts and load tests: no limit but the node's
			seat = s.gates.Get(who.key, s.Clock())
		default:
			code = wire.CloseTooMany
		}
	} else if code = closeCode(s.refusalOf(enterErr)); code == 0 {
		return enterErr
	}
	select {
	case s.seats <- struct{}{}:
		defer func() { <-s.seats }()
	default:
		return refuse(wire.Unavailable, "", "server_full")
	}
	ws, err := upgrader.Upgrade(c.Writer, c.Request, nil)
	if err != nil {
		return answered // gorilla wrote why
	}
	// net/http set deadlines for the request that do not hold for the socket.
	_ = ws.NetConn().SetDeadline(time.Time{})
	conn := hub.NewConn(ws.NetConn(), self, language(c))
	if code != 0 {
		_ = ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(time.Second))
		_ = ws.Close()
		return answered
	}
	campaignID, _ := id.Parse(c.Param("id")) // enter has read it
	ctx, cancel := context.WithCancel(context.WithValue(context.WithoutCancel(c.Request.Context()), campaignKey{}, campaignID))
	defer cancel()

	s.shake <- struct{}{}
	refusal, err := room.Attach(ctx, conn, from)
	<-s.shake
	if refusal != nil || err != nil {
		code := websocket.CloseTryAgainLater
		if refusal != nil {
			code = max(closeCode(refusal), wire.CloseUnauthorised)
		} else {
			code = wire.CloseRestart
		}
		_ = ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(time.Second))
		_ = ws.Close()
		return answered
	}
	defer room.Detach(conn)
	l := &listener{server: s, ws: ws, conn: conn, room: room, gate: seat, desk: s.newDesk(ctx, room, self), lang: language(c)}
	l.listen(ctx)
	return answered
}

// closeCode is how a socket is closed for a refusal; 0 if it is refused before it is opened.
func closeCode(r *machine.Refusal) int {
	switch r.Code {
	case wire.Unauthorised, wire.Forbidden, wire.NotFound:
		return wire.CloseUnauthorised
	}
	return 0
}

func resume(c *gin.Context) (from hub.Resume, err error) {
	after, given := c.GetQuery("after")
	if !given || after == "" {
		return from, nil
	}
	from.Given = true
	if from.After, err = strconv.ParseUint(after, 10, 63); err != nil {
		return from, refuse(wire.BadRequest, "after", "bad_number")
	}
	epoch := c.DefaultQuery("epoch", "1")
	if from.Epoch, err = strconv.ParseUint(epoch, 10, 63); err != nil {
		return from, refuse(wire.BadRequest, "epoch", "bad_number")
	}
	return from, nil
}

// listener reads one socket.
type listener struct {
	server  *Server
	ws      *websocket.Conn
	conn    *hub.Conn
	room    *hub.Room
	gate    *limit.Session
	desk    *desk
	lang    string
	buf     []byte
	strikes int
}

func (l *listener) listen(ctx context.Context) {
	l.ws.SetReadLimit(maxMessage)
	l.ws.SetPongHandler(func(string) error { l.conn.Heard.Store(time.Now().UnixNano()); return nil })
	l.ws.SetPingHandler(func(payload string) error {
		l.conn.Heard.Store(time.Now().UnixNano())
		l.conn.Pong([]byte(payload))
		return nil
	})
	// Close frames are answered by our own writer; gorilla's would write beside it.
	l.ws.SetCloseHandler(func(int, string) error { l.conn.Close(websocket.CloseNormalClosure, ""); return nil })
	for {
		kind, message, err := l.read()
		if err != nil {
			return
		}
		if !l.take(ctx, kind, message) {
			return
		}
	}
}

// read reads one message into the connection's buffer.
func (l *listener) read() (kind int, message []byte, err error) {
	kind, r, err := l.ws.NextReader()
	if err != nil {
		return kind, nil, err
	}
	l.conn.Midway.Store(time.Now().UnixNano())
	defer func() {
		l.conn.Midway.Store(0)
		l.conn.Heard.Store(time.Now().UnixNano())
	}()
	b := l.buf[:0]
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):min(cap(b), wire.MaxFrame+1)])
		b = b[:len(b)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			return kind, nil, err
		}
		if len(b) > wire.MaxFrame {
			_, err := io.Copy(io.Discard, r)
			return kind, b, err
		}
	}
	if cap(b) <= 4*readBuffer {
		l.buf = b
	} else {
		l.buf = nil // one long text must not cost its size for the life of the connection
		l.desk.reader.Forget()
	}
	return kind, b, nil
}

// take handles one message; false: the connection is to end.
func (l *listener) take(ctx context.Context, kind int, message []byte) bool {
	if kind != websocket.TextMessage {
		return l.strike(id.ID{}, machine.Refuse(wire.BadRequest, "", "not_text"))
	}
	cmd := l.desk.reader.ReadCommand(message)
	if !l.server.allowed(l.gate) {
		l.conn.Tell(cmd.ID, machine.Refuse(wire.RateLimited, "", "too_fast"))
		return true
	}
	if cmd.Fault == nil && !cmd.HasID {
		return l.strike(id.ID{}, machine.Refuse(wire.BadRequest, "id", "missing"))
	}
	p, refusal := l.desk.pending(&cmd)
	switch {
	case refusal != nil && (cmd.Fault != nil || refusal.Reason == "unknown_type"):
		return l.strike(cmd.ID, refusal)
	case refusal != nil:
		l.conn.Tell(cmd.ID, refusal)
		return true
	}
	l.strikes = 0
	if !slow(p.Command.Type) {
		p.To = l.conn
		l.room.Submit(p)
		return true
	}
	o, err := l.desk.execute(ctx, p)
	if err != nil {
		o = machine.Outcome{Refusal: l.server.refusalOf(err)}
	}
	l.conn.Report(p, o)
	return true
}

// strike answers a message that breaks the protocol, and ends the connection when there were too many.
func (l *listener) strike(command id.ID, r *machine.Refusal) bool {
	l.conn.Tell(command, r)
	if l.strikes++; l.strikes < maxStrikes {
		return true
	}
	l.conn.Close(wire.CloseProtocol, "protocol")
	return false
}
