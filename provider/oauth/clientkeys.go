package oauth

import (
	"context"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/provider/client"
	"github.com/signet-idp/signet/provider/oauth/assertion"
	"github.com/signet-idp/signet/provider/oauth/clientkeys"
	"github.com/signet-idp/signet/provider/oauth/params"
	"github.com/signet-idp/signet/provider/oauth/requestobject"
)

// ClientKeys verifies what clients sign with keys of their own: assertions and
// request objects.
type ClientKeys struct {
	assertions *assertion.Verifier
	objects    *requestobject.Verifier
}

var (
	_ Assertions     = (*ClientKeys)(nil)
	_ RequestObjects = (*ClientKeys)(nil)
)

// NewClientKeys makes the verifiers; fetch reads jwks_uri.
func NewClientKeys(issuer string, registry *client.Registry, fetch clientkeys.Fetcher, clk clock.Clock) (*ClientKeys, error) {
	source := clientkeys.New(clientkeys.Config{Registry: registrations{registry}, Fetcher: fetch, Clock: clk})
	audiences := []string{issuer, issuer + PathToken, issuer + PathIntrospect, issuer + PathRevoke}
	a, err := assertion.New(assertion.Config{Keys: source, Audiences: audiences, Clock: clk})
	if err != nil {
		return nil, op("assertions", err)
	}
	o, err := requestobject.New(requestobject.Config{Keys: source, Audiences: []string{issuer}, Clock: clk})
	if err != nil {
		return nil, op("request objects", err)
	}
	return &ClientKeys{assertions: a, objects: o}, nil
}

type registrations struct{ registry *client.Registry }

// ClientKeys implements clientkeys.Registry.
func (r registrations) ClientKeys(ctx context.Context, clientID string) (clientkeys.Registration, error) {
	c, err := r.registry.Get(ctx, clientID)
	if err != nil {
		return clientkeys.Registration{}, err
	}
	return clientkeys.Registration{JWKS: c.Metadata.JWKS, JWKSURI: c.Metadata.JWKSURI}, nil
}

// VerifyAssertion implements Assertions.
func (k *ClientKeys) VerifyAssertion(ctx context.Context, c *client.Client, compact string) (string, time.Time, error) {
	a, err := k.assertions.Verify(ctx, assertion.Client{
		ID: c.ClientID, Algorithm: jose.SignatureAlgorithm(c.Metadata.TokenEndpointAuthSigningAlg),
	}, compact)
	return a.ID, a.ExpiresAt, err
}

// VerifyRequestObject implements RequestObjects.
func (k *ClientKeys) VerifyRequestObject(ctx context.Context, c *client.Client, compact string) (params.Form, error) {
	return k.objects.Verify(ctx, requestobject.Client{
		ID: c.ClientID, Algorithm: jose.SignatureAlgorithm(c.Metadata.RequestObjectSigningAlg),
	}, compact)
}
