package web

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"kiem/hub"
	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/ideas"
)

// What requests say beside their body, read here and nowhere else: pure functions of headers and queries, each with a fuzz target. What cannot be
// read is refused or counts as absent; nothing of it is repeated in an answer.

// MaxPage is the number of ideas in one page of a snapshot.
const MaxPage = 500

// bearerToken reads an Authorization header; false: it brings no bearer token.
func bearerToken(r *http.Request) (string, bool) {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	return strings.TrimSpace(token), true
}

// readPage reads the query of a snapshot. The zero Page is the whole of it.
func readPage(q url.Values) (page hub.Page, err error) {
	page = hub.Page{Sort: q.Get("sort"), Query: q.Get("q"), Node: q.Get("node"), Theme: q.Get("theme")}
	if page.Limit, err = readNumber(q, "limit", 1, MaxPage); err != nil {
		return hub.Page{}, err
	}
	if page.Offset, err = readNumber(q, "offset", 0, maxOffset); err != nil {
		return hub.Page{}, err
	}
	switch {
	case len(page.Query) > hub.MaxQuery:
		err = failure{machine.Refuse(wire.TooLarge, "q", "too_long").With("max", strconv.Itoa(hub.MaxQuery))}
	case len(page.Theme) > hub.MaxQuery:
		err = failure{machine.Refuse(wire.TooLarge, "theme", "too_long").With("max", strconv.Itoa(hub.MaxQuery))}
	case !slices.Contains([]string{"", "new", "top", "quiet"}, page.Sort):
		err = refuse(wire.BadRequest, "sort", "not_in_list")
	case page.Node != "" && !ideas.OneOf(ideas.Nodes, page.Node):
		err = refuse(wire.BadRequest, "node", "not_in_list")
	}
	if err != nil {
		return hub.Page{}, err
	}
	return page, nil
}

// maxOffset is beyond any number of ideas.
const maxOffset = 1_000_000

// readNumber reads a number of a query; 0 if it is absent.
func readNumber(q url.Values, field string, least, most int) (int, error) {
	text := q.Get(field)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, failure{machine.Refuse(wire.BadRequest, field, "out_of_range").With("min", strconv.Itoa(least)).With("max", strconv.Itoa(most))}
	}
	return n, nil
}

// readResume reads where a socket wants to go on.
func readResume(q url.Values) (from hub.Resume, err error) {
	after := q.Get("after")
	if after == "" {
		return hub.Resume{}, nil
	}
	epoch := q.Get("epoch")
	if epoch == "" {
		epoch = "1"
	}
	from.Given = true
	if from.After, err = strconv.ParseUint(after, 10, 63); err != nil {
		return hub.Resume{}, refuse(wire.BadRequest, "after", "bad_number")
	}
	if from.Epoch, err = strconv.ParseUint(epoch, 10, 63); err != nil {
		return hub.Resume{}, refuse(wire.BadRequest, "epoch", "bad_number")
	}
	return from, nil
}

// knownBy says whether an If-None-Match header names the tag. Weak and strong are the same for a GET.
func knownBy(header, tag string) bool {
	for one := range strings.SplitSeq(header, ",") {
		one = strings.TrimSpace(one)
		if one == "*" || tag != "" && strings.TrimPrefix(one, "W/") == tag {
			return true
		}
	}
	return false
}

// takesGzip says whether an Accept-Encoding header allows gzip.
func takesGzip(header string) bool {
	for one := range strings.SplitSeq(header, ",") {
		coding, weight, _ := strings.Cut(one, ";")
		coding = strings.TrimSpace(coding)
		if !strings.EqualFold(coding, "gzip") && coding != "*" {
			continue
		}
		q, ok := strings.CutPrefix(strings.ReplaceAll(weight, " ", ""), "q=")
		if v, err := strconv.ParseFloat(q, 64); ok && err == nil && v == 0 {
			return false
		}
		return true
	}
	return false
}

// clientAddress is where a request comes from: the peer, or, as long as the peer is a proxy that is trusted, the hop before it that X-Forwarded-For
// names. The list is read from its end, over all lines of the header, because whatever stands before a proxy's own word may be the client's invention. The
// zero Addr: nobody can tell.
func clientAddress(r *http.Request, trusted []netip.Prefix) netip.Addr {
	at, ok := parseHop(r.RemoteAddr)
	if !ok {
		return netip.Addr{}
	}
	lines := r.Header.Values("X-Forwarded-For")
	for n := len(lines) - 1; n >= 0; n-- {
		for rest := lines[n]; rest != ""; {
			if !within(trusted, at) {
				return at
			}
			hop := rest
			if comma := strings.LastIndexByte(rest, ','); comma >= 0 {
				hop, rest = rest[comma+1:], rest[:comma]
			} else {
				rest = ""
			}
			if hop, ok := parseHop(strings.TrimSpace(hop)); ok {
				at = hop
				continue
			}
			return at // the nearest hop that is known
		}
	}
	return at
}

// parseHop reads an address with or without a port.
func parseHop(text string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return a.Unmap().WithZone(""), true
	}
	a, err := netip.ParseAddrPort(text)
	return a.Addr().Unmap().WithZone(""), err == nil
}

func within(list []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
}

// parseProxy reads an address or a network.
func parseProxy(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		a = a.Unmap().WithZone("")
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	return p.Masked(), err
}

// parseOrigin brings the address of our pages into the form in which browsers name an origin: lower case, without the usual port. False: it is none.
func parseOrigin(text string) (string, bool) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", false
	}
	host := strings.ToLower(u.Host)
	if usual := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]; strings.HasSuffix(host, usual) {
		host = strings.TrimSuffix(host, usual)
	}
	return u.Scheme + "://" + host, true
}
