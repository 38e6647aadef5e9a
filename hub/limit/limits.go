package limit

import (
	"net/netip"
	"strconv"
	"time"
)

// per is the pause between n in that time.
func per(n int, in time.Duration) time.Duration { return in / time.Duration(n) }

// The limits. Those that guard a door are closed: what cannot be counted is refused.
var (
	// Commands of one session, over socket and HTTP together. Held by the connection, see Sessions.
	Commands = Limit{Name: "commands", Every: per(20, time.Second), Burst: 60}

	// WrongCode of one address: codes that name no campaign. Peek before looking a code up.
	WrongCode = Limit{Name: "wrong-code", Every: per(10, time.Minute), Burst: 10, Closed: true, Shared: true}
	// WrongCodes of the whole server, under one key.
	WrongCodes = Limit{Name: "wrong-codes", Every: per(1000, time.Minute), Burst: 1000, Closed: true, Shared: true}

	// SignIn of one address: asking for a link, trying a secret.
	SignIn = Limit{Name: "sign-in", Every: per(10, 10*time.Minute), Burst: 10, Closed: true, Shared: true}
	// SignInAs of one account or mail address (hashed by the caller), from wherever: nobody's mailbox is flooded.
	SignInAs = Limit{Name: "sign-in-as", Every: per(5, time.Hour), Burst: 5, Closed: true, Shared: true}
	// AdminToken of one address: wrong operator tokens.
	AdminToken = Limit{Name: "admin-token", Every: per(10, time.Minute), Burst: 10, Closed: true, Shared: true}

	// Rejoin of one participant: joining again with the same key makes a session each time.
	Rejoin = Limit{Name: "rejoin", Every: per(10, 10*time.Minute), Burst: 10, Closed: true, Shared: true}

	// Campaigns that one account opens.
	Campaigns = Limit{Name: "campaigns", Every: per(20, time.Hour), Burst: 20, Shared: true}
	// Invitations that one account sends by mail.
	Invitations = Limit{Name: "invitations", Every: per(500, 24*time.Hour), Burst: 200, Shared: true}
	// Exports and other long answers for one session.
	Exports = Limit{Name: "exports", Every: per(30, time.Minute), Burst: 10}
)

// Names lists the names of all limits: what counts by them has no others.
var Names = []string{
	"commands", "wrong-code", "wrong-codes", "sign-in", "sign-in-as", "admin-token", "rejoin", "campaigns", "invitations", "exports", "join-code", "join-address",
}

// SocketsPerSession is how many sockets one session may have on one node. It is a count, not a rate: scaling leaves it.
const SocketsPerSession = 5

// Bounds of the attendance that sizes the limits on joining.
const (
	minAttendance = 20
	maxAttendance = 1_000_000
)

// A hall joins within a minute, from one address, and then the late-comers drop in: the burst is the attendance and half as much again (people come back
// with another browser), and the same number may come again every quarter of an hour.
func join(name string, attendance int) Limit {
	n := min(max(attendance, minAttendance), maxAttendance) * 3 / 2
	return Limit{Name: name, Every: per(n, 15*time.Minute), Burst: n, Closed: true, Shared: true}
}

// JoinCode limits the joins of one campaign by its expected attendance. The key is the campaign.
func JoinCode(attendance int) Limit { return join("join-code", attendance) }

// JoinAddress limits the joins of one campaign from one address. The key is JoinAddressKey: a hall shares an address, so no smaller number would do.
func JoinAddress(attendance int) Limit { return join("join-address", attendance) }

// JoinAddressKey is the key of JoinAddress.
func JoinAddressKey(campaign string, address netip.Addr) string {
	return strconv.Itoa(len(campaign)) + ":" + campaign + AddressKey(address)
}

// AddressKey is the key of an address: an IPv4 address as it is, of IPv6 the network of 64 bits, for whoever has one address there has them all.
func AddressKey(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr().String()
		}
	}
	return a.String()
}
