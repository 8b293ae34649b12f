// Package requestobject verifies authorization requests that a client has
// signed and sent by value (JAR, RFC 9101) and gives their parameters as if
// they had come in a form.
package requestobject

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/provider/oauth/internal/jws"
	"github.com/signet-idp/signet/provider/oauth/internal/strictjson"
	"github.com/signet-idp/signet/provider/oauth/params"
)

const skew = 30 * time.Second

// Why a request object was refused: all of them invalid_request_object
// (RFC 9101 §7), as is the *params.Error of a parameter inside that breaks the
// bounds. ErrKeySource wraps what went wrong in getting the keys.
var (
	ErrMalformed   = jws.ErrMalformed
	ErrType        = jws.ErrType
	ErrAlgorithm   = jws.ErrAlgorithm
	ErrKeySource   = jws.ErrKeySource
	ErrUnknownKey  = jws.ErrUnknownKey
	ErrManyKeys    = jws.ErrManyKeys
	ErrSignature   = jws.ErrSignature
	ErrClaim       = jws.ErrClaim
	ErrIssuer      = jws.ErrIssuer
	ErrAudience    = jws.ErrAudience
	ErrNoExpiry    = jws.ErrNoExpiry
	ErrExpired     = jws.ErrExpired
	ErrNotYetValid = jws.ErrNotYetValid
	ErrSubject     = errors.New("sub is the client: this is a client assertion")
	ErrClientID    = errors.New("client_id is another client")
	ErrNested      = errors.New("a request object holds request or request_uri")
)

// KeySource gives the public keys a client has registered. kid is the one
// wanted, possibly ""; forceRefresh asks to look past a cache, as often as the
// source allows.
type KeySource interface {
	Keys(ctx context.Context, clientID, kid string, forceRefresh bool) (jose.JSONWebKeySet, error)
}

// Config of a Verifier.
type Config struct {
	Keys      KeySource
	Audiences []string // what aud may name: the issuer
	// RequireExpiry refuses objects without exp. OpenID Connect Core §6.1 does
	// not ask for one; FAPI does.
	RequireExpiry bool
	Clock         clock.Clock
}

// Verifier verifies request objects. It is safe for concurrent use.
type Verifier struct{ config Config }

// New returns a Verifier; it fails without keys, audience or clock.
func New(c Config) (*Verifier, error) {
	if c.Keys == nil || c.Clock == nil || len(c.Audiences) == 0 {
		return nil, errors.New("requestobject: new verifier: keys, clock and an audience are needed")
	}
	return &Verifier{config: c}, nil
}

// Client is what the verifier needs to know of the client that sent the object.
type Client struct {
	ID string
	// Algorithm is request_object_signing_alg; "" allows RS256, PS256, ES256
	// and EdDSA. An unsigned object is never accepted.
	Algorithm jose.SignatureAlgorithm
}

// Verify checks a request object of at most params.MaxRequestObject bytes and
// gives the parameters in it, which are to be used instead of those beside it
// (RFC 9101 §5). Strings are taken as they are; numbers, booleans and objects
// become their JSON text, and a list of resource becomes several values. The
// claims that speak about the object itself (iss, aud, exp …) are left out.
func (v *Verifier) Verify(ctx context.Context, client Client, raw string) (params.Form, error) {
	form, err := v.verify(ctx, client, raw)
	if err != nil {
		return params.Form{}, fmt.Errorf("request object: %w", err)
	}
	return form, nil
}

func (v *Verifier) verify(ctx context.Context, client Client, raw string) (params.Form, error) {
	token, err := jws.Parse(raw, params.MaxRequestObject)
	if err != nil {
		return params.Form{}, err
	}
	claims, err := token.Verify(ctx, jws.Expect{
		Algorithm: client.Algorithm,
		Types:     []string{"JWT", "oauth-authz-req+jwt"},
		Keys: func(ctx context.Context, kid string, force bool) (jose.JSONWebKeySet, error) {
			return v.config.Keys.Keys(ctx, client.ID, kid, force)
		},
	})
	if err != nil {
		return params.Form{}, err
	}
	if err := v.check(claims, client.ID); err != nil {
		return params.Form{}, err
	}
	values, err := parameters(claims)
	if err != nil {
		return params.Form{}, err
	}
	return params.FromValues(values)
}

// check reads the claims that speak about the object itself.
func (v *Verifier) check(claims jws.Claims, clientID string) error {
	if clientID == "" {
		return ErrIssuer
	}
	if err := claims.Is("iss", clientID, ErrIssuer); err != nil {
		return err
	}
	if err := claims.AudienceHas(v.config.Audiences); err != nil {
		return err
	}
	// A client assertion is signed with the same key. Its sub gives it away
	// (RFC 9101 §10.8).
	if subject, _, err := claims.String("sub"); err != nil || subject == clientID {
		return ErrSubject
	}
	if _, present := claims["client_id"]; present {
		if err := claims.Is("client_id", clientID, ErrClientID); err != nil {
			return err
		}
	}
	_, err := claims.CheckTimes(jws.Lifetime{
		Now: v.config.Clock.Now(), Skew: skew, NeedExpiry: v.config.RequireExpiry,
	})
	return err
}

// parameters renders the claims that are parameters.
func parameters(claims jws.Claims) (url.Values, error) {
	values := url.Values{}
	for name, raw := range claims {
		switch name {
		case "iss", "sub", "aud", "exp", "nbf", "iat", "jti":
			continue
		case "request", "request_uri":
			return nil, ErrNested
		case "resource":
			var list []string
			if raw[0] == '[' {
				if err := json.Unmarshal(raw, &list); err != nil {
					return nil, fmt.Errorf("%w: resource", ErrClaim)
				}
				values[name] = list
				continue
			}
		}
		if value, ok := text(raw); ok {
			values.Set(name, value)
		}
	}
	return values, nil
}

// text renders one JSON value as a parameter. null is an absent parameter.
func text(raw json.RawMessage) (string, bool) {
	if s, ok := strictjson.String(raw); ok {
		return s, true
	}
	if string(raw) == "null" {
		return "", false
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return "", false // cannot be: the payload was valid JSON
	}
	return compact.String(), true
}
