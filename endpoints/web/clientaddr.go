package web

import (
	"net/http"
	"net/netip"
	"strings"
)

const (
	maxHops        = 32
	maxForwardSize = 2 << 10
)

// peerAddr returns the address at the other end of the connection.
func peerAddr(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap()
}

// clientAddr returns the address the request came from. Forwarding headers
// count only when the peer is a trusted proxy: they are read from the right,
// as proxies append, and the first address that is not a trusted proxy is the
// client. Anything unreadable, too long, or a disagreement between
// X-Forwarded-For and Forwarded (a proxy that sets one passes the other
// through unchecked) leaves the peer, so nobody can choose an address.
func (f *frame) clientAddr(r *http.Request) netip.Addr {
	peer := peerAddr(r)
	if len(f.o.TrustedProxies) == 0 || !f.trusted(peer) {
		return peer
	}
	xff, forwarded := r.Header["X-Forwarded-For"], r.Header["Forwarded"]
	switch {
	case len(xff) == 0 && len(forwarded) == 0:
		return peer
	case len(forwarded) == 0:
		return f.rightmost(peer, xff, plainHop)
	case len(xff) == 0:
		return f.rightmost(peer, forwarded, forwardedHop)
	}
	a, b := f.rightmost(peer, xff, plainHop), f.rightmost(peer, forwarded, forwardedHop)
	if a != b {
		return peer
	}
	return a
}

func (f *frame) trusted(a netip.Addr) bool {
	for _, p := range f.o.TrustedProxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func (f *frame) rightmost(peer netip.Addr, lines []string, parse func(string) (netip.Addr, bool)) netip.Addr {
	size := 0
	for _, l := range lines {
		size += len(l)
	}
	if size > maxForwardSize {
		return peer
	}
	client, hops := peer, 0
	for i := len(lines) - 1; i >= 0; i-- {
		rest := lines[i]
		for more := true; more; {
			var hop string
			if at := strings.LastIndexByte(rest, ','); at >= 0 {
				rest, hop = rest[:at], rest[at+1:]
			} else {
				hop, more = rest, false
			}
			hops++
			if hops > maxHops {
				return peer
			}
			addr, ok := parse(strings.TrimSpace(hop))
			if !ok {
				return peer
			}
			if client = addr; !f.trusted(addr) {
				return client
			}
		}
	}
	return client // every hop is a proxy of ours: the leftmost is the origin
}

// plainHop parses one element of X-Forwarded-For: an address, sometimes with a port.
func plainHop(s string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Unmap().WithZone(""), true
	}
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		if a, err := netip.ParseAddr(s[1 : len(s)-1]); err == nil && a.Is6() {
			return a.Unmap().WithZone(""), true
		}
	}
	return netip.Addr{}, false
}

// forwardedHop parses the for= parameter of one element of Forwarded (RFC 7239 §4).
func forwardedHop(s string) (netip.Addr, bool) {
	var found string
	for part := range strings.SplitSeq(s, ";") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok || !strings.EqualFold(name, "for") {
			continue
		}
		if found != "" {
			return netip.Addr{}, false
		}
		found = strings.Trim(value, `"`)
	}
	return plainHop(found)
}

// fromLoopback reports a direct connection from this machine: a proxy on the
// same host would add one of the forwarding headers.
func fromLoopback(r *http.Request) bool {
	if !peerAddr(r).IsLoopback() {
		return false
	}
	for _, h := range [...]string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "X-Forwarded-Host", "X-Forwarded-Proto", "Via"} {
		if len(r.Header[h]) > 0 {
			return false
		}
	}
	return true
}

// Site is the scheme and the host by which the client knows what it asked for,
// host:port if the port is not the scheme's. X-Forwarded-Host and
// X-Forwarded-Proto count only when the peer is a trusted proxy and each is
// there once; forwarded says whether they did.
func Site(r *http.Request) (scheme, host string, forwarded bool) {
	scheme, host = "http", r.Host
	if r.TLS != nil {
		scheme = "https"
	}
	x := exchangeFrom(r.Context())
	if x == nil || !x.frame.trusted(peerAddr(r)) {
		return scheme, host, false
	}
	if v, ok := once(r.Header, "X-Forwarded-Proto"); ok && (v == "http" || v == "https") {
		scheme = v
	}
	if v, ok := once(r.Header, "X-Forwarded-Host"); ok {
		host, forwarded = v, true
	}
	return scheme, host, forwarded
}

// once is the value of a header that has one.
func once(h http.Header, name string) (string, bool) {
	v := h[name]
	if len(v) != 1 || v[0] == "" || len(v[0]) > maxForwardSize || strings.ContainsRune(v[0], ',') {
		return "", false
	}
	return v[0], true
}
