package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/gorilla/websocket"

	"kiem/hub"
	"kiem/hub/limit"
	"kiem/hub/machine"
	"kiem/hub/session"
	"kiem/hub/wire"
	"kiem/id"
)

// Limits of a socket.
const (
	// maxStrikes is how many messages in a row may break the protocol before the connection is closed.
	maxStrikes = 10
	// handshakeBuffer is what the upgrade writes its answer with. After it the socket is read by inbound and written by hub.Conn.
	handshakeBuffer = 512
	// recheckAfter is how long a socket relies on its session without asking for it again.
	recheckAfter = 5 * time.Second
	// lingerTime and lingerBytes bound reading on after a close frame.
	lingerTime  = 2 * time.Second
	lingerBytes = 1 << 20
)

func newUpgrader() websocket.Upgrader {
	return websocket.Upgrader{
		HandshakeTimeout: 5 * time.Second,
		ReadBufferSize:   handshakeBuffer,
		WriteBufferSize:  handshakeBuffer,
		WriteBufferPool:  &sync.Pool{},
		Subprotocols:     []string{wire.Subprotocol},
		// guardOrigin has judged the origin. No compression: what a message inflates to would have to be bounded, and frames are shared.
		CheckOrigin: func(*http.Request) bool { return true },
		Error:       func(http.ResponseWriter, *http.Request, int, error) {}, // live says it in the protocol's form
	}
}

// live is GET /campaigns/{id}/live. Who may not connect is told by a close code, because a browser's script cannot read the status of a failed handshake.
func (s *Server) live(c *gin.Context) error {
	from, err := readResume(c.Request.URL.Query())
	if err != nil {
		return err
	}
	if !websocket.IsWebSocketUpgrade(c.Request) {
		return refuse(wire.BadRequest, "", "not_a_socket")
	}
	v, enterErr := s.enter(c)
	if enterErr != nil && !s.hasCredentials(c) {
		return enterErr
	}
	address := s.addressKey(c)
	if s.isProxy(c.Request) {
		address = "" // a proxy that does not say whom it speaks for
	}
	seats := s.seats
	if !seats.take(address) {
		return refuse(wire.Unavailable, "", "server_full")
	}
	leave := func() { seats.leave(address) }
	stays := false // the socket outlives this request
	defer func() {
		if !stays {
			leave()
		}
	}()
	code := 0
	var gate *limit.Session
	if enterErr == nil {
		var ok bool
		switch gate, ok = s.gates.Open(v.key, s.Clock()); {
		case ok:
			leave = func() { gate.Close(); seats.leave(address) }
		case v.key == adminKey: // scripts and load tests: no limit but the node's
			gate = s.gates.Get(v.key, s.Clock())
		default:
			code = wire.CloseTooMany
		}
	} else if code = closeCode(s.refusalOf(enterErr)); code == 0 {
		return enterErr
	}
	ws, err := s.upgrader.Upgrade(c.Writer, c.Request, nil)
	if err != nil {
		return refuse(wire.BadRequest, "", "not_a_socket")
	}
	c.Set(socketKey, true)
	nc := ws.NetConn()
	// net/http set deadlines for the request that do not hold for the socket.
	_ = nc.SetDeadline(time.Time{})
	if code != 0 {
		_ = ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(time.Second))
		linger(nc)
		_ = nc.Close()
		return answered
	}
	if l := s.follow(c, nc, v, gate, from); l != nil {
		l.leave = leave
		stays = true
		// On a goroutine of its own, so that what the request needed (its stack, its buffers) is not kept for as long as somebody listens.
		go l.run()
	}
	return answered
}

// follow attaches a socket to its room; or it ends it with a code that says why not, and gives nil.
func (s *Server) follow(c *gin.Context, nc net.Conn, v *visit, gate *limit.Session, from hub.Resume) *listener {
	ctx := context.WithoutCancel(c.Request.Context())
	conn := v.room.NewConn(nc, v.self, language(c))
	line := s.shake
	if from.Given {
		if seq, _, _ := v.room.Position(ctx); from.After > seq { // may have to wait for this node to follow; others need not
			line = s.ahead
		}
	}
	line <- struct{}{}
	refusal, err := v.room.Attach(ctx, conn, from)
	<-line
	if err != nil || refusal != nil {
		code := wire.CloseRestart
		if refusal != nil {
			code = max(closeCode(refusal), wire.CloseUnauthorised)
		}
		conn.Close(code, "")
		linger(nc)
		conn.Abort()
		return nil
	}
	return &listener{
		server: s, net: nc, conn: conn, desk: s.newDesk(context.Background(), v), gate: gate, token: v.token,
	}
}

// closeCode is how a socket is closed for a refusal; 0 if it is refused before it is opened.
func closeCode(r *machine.Refusal) int {
	switch r.Code {
	case wire.Unauthorised, wire.Forbidden, wire.NotFound:
		return wire.CloseUnauthorised
	}
	return 0
}

// linger reads on for a moment after a close frame: closing a connection while something unread waits would make the system throw away what the other side
// has not read yet.
func linger(nc net.Conn) {
	_ = nc.SetReadDeadline(time.Now().Add(lingerTime))
	_, _ = io.CopyN(io.Discard, nc, lingerBytes) // until the other side closes, or the deadline
}

// listener reads one socket.
type listener struct {
	server *Server
	net    net.Conn
	conn   *hub.Conn
	desk   *desk
	gate   *limit.Session
	leave  func() // gives back the socket's seat

	token string      // guarded by Server.sockets; "" of the operator's token
	over  atomic.Bool // the session ended: what still arrives is not done

	// Owned by the goroutine that reads.
	strikes int
	stale   bool // the session store was away when it was last asked
	checked time.Time
}

// end closes the socket. Any goroutine may call it.
func (l *listener) end(code int, reason string) {
	l.over.Store(true)
	l.conn.Close(code, reason)
}

// run reads the socket to its end.
func (l *listener) run() {
	s := l.server
	defer l.leave()
	defer l.desk.room.Detach(l.conn)
	defer func() {
		if v := recover(); v != nil { // one bad message must not end the process
			s.Logger.Error("a socket's reader panicked", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		}
	}()
	ctx := context.Background()
	if l.token != "" {
		s.sockets.add(l)
		defer s.sockets.remove(l)
		_ = l.recheck(ctx, wire.CloseUnauthorised) // it may have ended before this socket could be found
	}
	in := newInbound(l.net)
	defer in.release()
	if l.listen(ctx, in) {
		in.release()
		linger(l.net)
	}
}

// listen handles what arrives. True: the connection was told that it ends, and may have something on its way still.
func (l *listener) listen(ctx context.Context, in *inbound) (told bool) {
	for {
		p, whole, err := in.next()
		switch {
		case errors.Is(err, errTooLong):
			l.conn.Close(websocket.CloseMessageTooBig, "")
			return true
		case err != nil:
			l.conn.Close(websocket.CloseProtocolError, "")
			return true
		case !whole:
			if in.waiting() && l.conn.Midway.Load() == 0 {
				l.conn.Midway.Store(time.Now().UnixNano())
			}
			if in.fill() != nil {
				return false
			}
			continue
		}
		l.conn.Heard.Store(time.Now().UnixNano())
		if l.conn.Midway.Load() != 0 && !in.waiting() {
			l.conn.Midway.Store(0)
		}
		switch p.opcode {
		case websocket.PingMessage:
			l.conn.Pong(p.payload)
		case websocket.PongMessage:
			_ = l.recheck(ctx, wire.CloseRestart) // who only reads is asked for a session, too
		case websocket.CloseMessage:
			l.conn.Close(websocket.CloseNormalClosure, "")
			return false
		default:
			if l.over.Load() || !l.take(ctx, p) {
				return true
			}
		}
	}
}

// recheck asks whether the session still stands, at most once in recheckAfter. A refusal says that the command cannot be taken. If the session has ended, the
// socket is closed with that code: a client that was told to come back, because it may hold another session by now, is judged anew.
func (l *listener) recheck(ctx context.Context, code int) *machine.Refusal {
	token := l.server.sockets.token(l)
	now := l.server.Clock()
	if age := now.Sub(l.checked); token == "" || !l.stale && age >= 0 && age < recheckAfter {
		return nil
	}
	got, err := l.server.Sessions.Get(ctx, token)
	who := caller{members: got.Members}
	who.account, _ = id.Parse(got.Account) // zero for a guest
	self, in := who.in(l.desk.campaign)
	switch {
	case err == nil && in && self == l.desk.self:
		l.checked = now
		if l.stale = got.Stale; !l.stale {
			return nil
		}
	case err == nil, errors.Is(err, session.ErrNotFound):
		l.end(code, "session")
		return machine.Refuse(wire.Unauthorised, "", "no_session")
	default:
		l.stale = true
	}
	return machine.Refuse(wire.Unavailable, "", "unavailable")
}

// take handles one message; false: the connection is to end.
func (l *listener) take(ctx context.Context, message packet) bool {
	if message.opcode != websocket.TextMessage {
		return l.strike(id.ID{}, machine.Refuse(wire.BadRequest, "", "not_text"))
	}
	reader := l.server.readers.Get().(*wire.Reader)
	defer l.server.putReader(reader)
	cmd := reader.ReadCommand(message.payload)
	if ok, wait := l.server.allowed(l.gate); !ok {
		l.conn.Tell(cmd.ID, machine.Refuse(wire.RateLimited, "", "too_fast"))
		pause(wait) // whoever floods is read no faster than they may send
		return true
	}
	if refusal := l.recheck(ctx, wire.CloseRestart); refusal != nil {
		l.conn.Tell(cmd.ID, refusal)
		return !l.over.Load()
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
		l.desk.room.Submit(p)
		return true
	}
	o, err := l.desk.execute(ctx, p)
	if err != nil {
		o = machine.Outcome{Refusal: l.server.refusalOf(err)}
	}
	l.conn.Report(p, o)
	return true
}

// maxPause bounds how long a flooding socket is not read.
const maxPause = 100 * time.Millisecond

func pause(d time.Duration) {
	timer := time.NewTimer(min(d, maxPause))
	defer timer.Stop()
	<-timer.C
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
