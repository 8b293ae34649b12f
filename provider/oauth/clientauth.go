package oauth

import (
	"context"
	"errors"

	"github.com/signet-idp/signet/provider/client"
	"github.com/signet-idp/signet/provider/oauth/assertion"
	"github.com/signet-idp/signet/provider/oauth/params"
)

// Credentials are what a client presents besides the form: the values of the
// Authorization header.
type Credentials struct {
	Authorization []string
}

// AuthenticateClient finds and authenticates the client of a request to the
// token endpoint and its kin (RFC 6749 §2.3): by exactly one method, the one it
// is registered for. Errors are *Error.
func (p *Provider) AuthenticateClient(ctx context.Context, form params.Form, cred Credentials) (*client.Client, error) {
	basic, hasBasic, err := params.ParseBasic(cred.Authorization)
	if err != nil {
		return nil, errInvalidClient().With("the Authorization header is malformed").Cause(err)
	}
	hasSecret, hasAssertion := form.Has("client_secret"), form.Has("client_assertion")
	if count(hasBasic, hasSecret, hasAssertion) > 1 {
		return nil, errInvalidRequest().With("the client authenticates in more than one way")
	}
	switch {
	case hasBasic:
		if id := form.Get("client_id"); id != "" && id != basic.ID {
			return nil, errInvalidRequest().About("client_id", "client_id differs from the Authorization header")
		}
		return p.bySecret(ctx, basic.ID, basic.Secret, client.AuthBasic)
	case hasSecret:
		return p.bySecret(ctx, form.Get("client_id"), form.Get("client_secret"), client.AuthPost)
	case hasAssertion:
		return p.byAssertion(ctx, form)
	}
	c, err := p.lookup(ctx, form.Get("client_id"))
	if err != nil {
		return nil, err
	}
	if c == nil || !c.Public() {
		return nil, errInvalidClient()
	}
	return c, nil
}

func count(flags ...bool) int {
	n := 0
	for _, f := range flags {
		if f {
			n++
		}
	}
	return n
}

// lookup finds a client that may be used; nil when there is none.
func (p *Provider) lookup(ctx context.Context, id string) (*client.Client, error) {
	if id == "" {
		return nil, nil //nolint:nilnil // no client is an answer, not an error
	}
	c, err := p.Clients.Get(ctx, id)
	if errors.Is(err, client.ErrUnknown) || errors.Is(err, client.ErrDisabled) {
		return nil, nil //nolint:nilnil // as above
	}
	if err != nil {
		return nil, op("client", err)
	}
	return c, nil
}

func (p *Provider) bySecret(ctx context.Context, id, secret, method string) (*client.Client, error) {
	c, err := p.lookup(ctx, id)
	if err != nil {
		return nil, err
	}
	// The comparison is made whatever the client, so that its time tells
	// nothing about which clients there are.
	if !p.Clients.VerifySecret(c, secret) || c.AuthMethod() != method {
		return nil, errInvalidClient()
	}
	return c, nil
}

func (p *Provider) byAssertion(ctx context.Context, form params.Form) (*client.Client, error) {
	if form.Get("client_assertion_type") != assertion.Type {
		return nil, errInvalidRequest().About("client_assertion_type", "client_assertion_type is not supported")
	}
	compact := form.Get("client_assertion")
	id := form.Get("client_id")
	if id == "" {
		// RFC 7521 §4.2 lets it be left out: the assertion says whose keys to
		// verify it with.
		var err error
		if id, err = assertion.UnverifiedClientID(compact); err != nil {
			return nil, errInvalidClient().With("the client assertion is invalid").Cause(err)
		}
	}
	c, err := p.lookup(ctx, id)
	if err != nil {
		return nil, err
	}
	if c == nil || c.AuthMethod() != client.AuthPrivateKey {
		return nil, errInvalidClient()
	}
	jti, expiry, err := p.Assertions.VerifyAssertion(ctx, c, compact)
	if err != nil {
		return nil, errInvalidClient().With("the client assertion is invalid").Cause(err)
	}
	// Only now, when everything else is right, is the jti used up.
	first, err := p.Store.UseOnce(ctx, "client_assertion", c.ClientID+" "+jti, expiry)
	if err != nil {
		return nil, op("assertion", err)
	}
	if !first {
		return nil, errInvalidClient().With("the client assertion was used before")
	}
	return c, nil
}
