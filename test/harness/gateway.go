package harness

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/signet-idp/signet/gateway"
	"github.com/signet-idp/signet/storage"
)

// Transport reaches an address, a replica's or that of a proxy before one,
// whatever the host in the request.
func Transport(tb testing.TB, to string) *http.Transport {
	tb.Helper()
	u, err := url.Parse(to)
	if err != nil {
		tb.Fatal(err)
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	t := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, u.Host)
	}}
	tb.Cleanup(t.CloseIdleConnections)
	return t
}

// Gateway is a gateway's verifier that follows this replica, as a client made
// for it under that name. Its audience is the issuer; change what else is to be
// different.
func (i *Instance) Gateway(tb testing.TB, clientID string, change func(*gateway.Config)) *gateway.Verifier {
	tb.Helper()
	_, secret := i.Service(tb, clientID, "", storage.ClientMetadata{Scope: "revocations:read"})
	c := gateway.Config{
		Issuer: i.Issuer, Audience: i.Issuer, ClientID: clientID, ClientSecret: secret,
		HTTPClient: &http.Client{Transport: Transport(tb, i.URL)},
	}
	if change != nil {
		change(&c)
	}
	v, err := gateway.New(tb.Context(), c)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(v.Close)
	return v
}
