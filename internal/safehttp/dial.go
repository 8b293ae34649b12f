package safehttp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// maxAddresses is how many addresses of one name are tried.
const maxAddresses = 4

// Resolver finds the addresses of a name; *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// dialer connects to names whose addresses it may talk to. The address it has
// judged is the one it connects to: a second look-up could give another.
type dialer struct {
	resolver Resolver
	allowed  []scope
	timeout  time.Duration // for all attempts together
}

// DialContext resolves, judges and connects. One bad address condemns the
// name: nobody mixes public and private ones by accident.
func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	addresses, err := d.lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	for _, addr := range addresses {
		if !d.allows(addr) {
			return nil, ErrAddress
		}
	}
	// Once more at the last moment, on the address the kernel is given.
	inner := net.Dialer{Control: allowOnly(d.allowed)}
	var problems []error
	addresses = addresses[:min(len(addresses), maxAddresses)]
	for _, addr := range addresses {
		// One that swallows packets must not use up the others' time.
		attempt, cancel := context.WithTimeout(ctx, d.timeout/time.Duration(len(addresses)))
		conn, err := inner.DialContext(attempt, network, net.JoinHostPort(addr.String(), port))
		cancel()
		if err == nil {
			return conn, nil
		}
		problems = append(problems, err)
	}
	return nil, errors.Join(problems...)
}

// lookup gives the addresses of a name or of an address written out.
func (d *dialer) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr.Unmap()}, nil
	}
	addresses, err := d.resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("look up: %w", err)
	}
	if len(addresses) == 0 {
		return nil, errors.New("look up: no addresses")
	}
	for i, addr := range addresses {
		addresses[i] = addr.Unmap()
	}
	return addresses, nil
}

func (d *dialer) allows(addr netip.Addr) bool { return slices.Contains(d.allowed, scopeOf(addr)) }

// allowOnly is a net.Dialer's Control that refuses other addresses.
func allowOnly(allowed []scope) func(network, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		bound, err := netip.ParseAddrPort(address)
		if err != nil || !slices.Contains(allowed, scopeOf(bound.Addr())) {
			return ErrAddress
		}
		return nil
	}
}
