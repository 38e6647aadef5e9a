package wire

// Code is a stable error code. Clients decide by it; the sentence beside it is for people.
type Code string

// The codes of protocol v1.
const (
	BadRequest   Code = "bad_request"   // the command or a field of it is malformed
	TooLarge     Code = "too_large"     // over a size limit
	Unauthorised Code = "unauthorised"  // no session, or one that ended
	Forbidden    Code = "forbidden"     // the role does not hold this right
	NotFound     Code = "not_found"     // absent, or hidden from the caller: the two look alike
	Conflict     Code = "conflict"      // the id was used for something else, or a newer state stands against it
	PhaseClosed  Code = "phase_closed"  // the stage does not allow this
	LimitReached Code = "limit_reached" // a number that the campaign allows is used up
	RateLimited  Code = "rate_limited"  // too fast; wait
	Duplicate    Code = "duplicate"     // done before; the first answer is no longer kept
	Resync       Code = "resync"        // the client's state is too old: fetch again
	Unavailable  Code = "unavailable"   // nothing was stored as far as the server knows; the same command can be sent again safely
	Internal     Code = "internal"      // a fault of the server
)

// Codes lists them all.
var Codes = []Code{
	BadRequest, TooLarge, Unauthorised, Forbidden, NotFound, Conflict, PhaseClosed, LimitReached, RateLimited, Duplicate, Resync, Unavailable, Internal,
}

// Status is the HTTP status that goes with a code.
func (c Code) Status() int {
	switch c {
	case BadRequest:
		return 400
	case Unauthorised:
		return 401
	case Forbidden:
		return 403
	case NotFound:
		return 404
	case Conflict, Duplicate, PhaseClosed, LimitReached, Resync:
		return 409
	case TooLarge:
		return 413
	case RateLimited:
		return 429
	case Unavailable:
		return 503
	}
	return 500
}

// Close codes of the socket. After 4000 to 4099 a client comes back and resumes from its seq; after 4100 to 4199 it does not.
const (
	CloseRestart      = 4001 // the server is going away for a restart
	CloseTooSlow      = 4002 // the client accepted nothing for too long
	CloseUnauthorised = 4100
	CloseRemoved      = 4101 // removed by a facilitator
	CloseProtocol     = 4102 // repeated protocol errors
	CloseTooMany      = 4103 // too many connections of one session
)

// Subprotocol is the websocket subprotocol of v1.
const Subprotocol = "kiem.v1"
