package safehttp

import (
	"net/netip"
	"slices"
)

// scope says who may be behind an address.
type scope int

const (
	forbidden scope = iota // nobody we ever want to talk to
	loopback               // this machine
	private                // a network of the operator's
	public                 // the internet
)

// scopeOf judges an address. Addresses that carry an IPv4 address inside are
// judged by that, since a router on the way may unpack it.
func scopeOf(addr netip.Addr) scope {
	if !addr.IsValid() || addr.Zone() != "" {
		return forbidden
	}
	addr = addr.Unmap() // ::ffff:a.b.c.d
	if inner, ok := nat64(addr); ok {
		// Reached through a translator, which leads outward only.
		if scopeOf(inner) == public {
			return public
		}
		return forbidden
	}
	if contains(metadata(), addr) {
		return forbidden
	}
	switch {
	case addr.IsLoopback():
		return loopback
	case addr.IsPrivate(): // RFC 1918, and fc00::/7
		return private
	case contains(reserved(), addr):
		return forbidden
	case addr.Is4():
		return public
	default:
		// Of the IPv6 space only this is handed out to the internet.
		if netip.MustParsePrefix("2000::/3").Contains(addr) {
			return public
		}
		return forbidden
	}
}

// nat64 unpacks the well-known translation prefix (RFC 6052 §2.1).
func nat64(addr netip.Addr) (netip.Addr, bool) {
	if !netip.MustParsePrefix("64:ff9b::/96").Contains(addr) {
		return netip.Addr{}, false
	}
	bytes := addr.As16()
	return netip.AddrFrom4([4]byte(bytes[12:])), true
}

// metadata is where cloud machines find their own credentials, as far as it
// looks like a private or public address. (169.254.169.254 is link-local.)
func metadata() []netip.Prefix {
	return prefixes(
		"fd00:ec2::254/128", "fd20:ce::254/128", // AWS, Google Cloud
		"168.63.129.16/32", // Azure
	)
}

// reserved is what the IANA special-purpose registries (RFC 6890) keep off the
// internet, and prefixes with an IPv4 address inside that are not to be trusted.
func reserved() []netip.Prefix {
	return prefixes(
		"0.0.0.0/8",       // this network
		"100.64.0.0/10",   // carrier-grade NAT; Alibaba Cloud's metadata
		"169.254.0.0/16",  // link-local; most clouds' metadata
		"192.0.0.0/24",    // protocol assignments; Oracle Cloud's metadata
		"192.0.2.0/24",    // documentation
		"192.88.99.0/24",  // 6to4 relays
		"198.18.0.0/15",   // benchmarks
		"198.51.100.0/24", // documentation
		"203.0.113.0/24",  // documentation
		"224.0.0.0/4",     // multicast
		"240.0.0.0/4",     // reserved, and broadcast
		"2001::/23",       // protocol assignments, Teredo among them
		"2001:db8::/32",   // documentation
		"2002::/16",       // 6to4
		"3fff::/20",       // documentation
	)
}

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

func contains(list []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(addr) })
}
