// Package assertion verifies the tokens by which clients prove who they are
// with a key of their own: private_key_jwt (RFC 7523 §3, OpenID Connect Core
// §9). UnverifiedClientID says which client to load, Verifier.Verify does the
// rest except for the one-time use of jti, which is the store's to decide once
// everything else is known to be right.
package assertion

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/provider/oauth/internal/jws"
)

// Type is the client_assertion_type of these tokens.
const Type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// Bounds.
const (
	MaxSize         = 8 << 10 // bytes of an assertion
	MaxID           = 256     // bytes of jti
	DefaultLifetime = 5 * time.Minute
	MaxLifetime     = 10 * time.Minute
	skew            = 30 * time.Second
)

// Why an assertion was refused: all of them invalid_client (RFC 7521 §4.2.1).
// ErrKeySource wraps what went wrong in getting the keys; with it the assertion
// may be good.
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
	ErrSubject     = jws.ErrSubject
	ErrAudience    = jws.ErrAudience
	ErrNoExpiry    = jws.ErrNoExpiry
	ErrExpired     = jws.ErrExpired
	ErrLifetime    = jws.ErrLifetime
	ErrNotYetValid = jws.ErrNotYetValid
	ErrID          = errors.New("jti is missing, empty or too long")
)

// KeySource gives the public keys a client has registered. kid is the one
// wanted, possibly ""; forceRefresh asks to look past a cache, as often as the
// source allows.
type KeySource interface {
	Keys(ctx context.Context, clientID, kid string, forceRefresh bool) (jose.JSONWebKeySet, error)
}

// Config of a Verifier.
type Config struct {
	Keys KeySource
	// Audiences are what aud may name: the issuer and the URLs of the endpoints
	// that clients authenticate to.
	Audiences []string
	// Lifetime is how long an assertion is good after its iat, whatever its exp
	// or, without iat, how far ahead exp may be; default DefaultLifetime, at most
	// MaxLifetime.
	Lifetime time.Duration
	Clock    clock.Clock
}

// Verifier verifies client assertions. It is safe for concurrent use.
type Verifier struct{ config Config }

// New returns a Verifier; it fails without keys, audience or clock, or with a
// lifetime out of bounds.
func New(c Config) (*Verifier, error) {
	if c.Lifetime == 0 {
		c.Lifetime = DefaultLifetime
	}
	if c.Keys == nil || c.Clock == nil || len(c.Audiences) == 0 || c.Lifetime < 0 || c.Lifetime > MaxLifetime {
		return nil, fmt.Errorf("assertion: new verifier: keys, clock, an audience and a lifetime up to %v are needed", MaxLifetime)
	}
	return &Verifier{config: c}, nil
}

// Client is what the verifier needs to know of the client that claims to speak.
type Client struct {
	ID string
	// Algorithm is token_endpoint_auth_signing_alg; "" allows RS256, PS256,
	// ES256 and EdDSA.
	Algorithm jose.SignatureAlgorithm
}

// Assertion is a verified assertion. The client is who it says, if and only if
// ID has not been used by ClientID before. It has to be remembered until
// ExpiresAt.
type Assertion struct {
	ClientID  string
	ID        string    // jti
	ExpiresAt time.Time // when it is good no more: remember ID until then
}

// Verify checks an assertion of the client: form, algorithm, signature, iss and
// sub, aud, times, and that there is a jti.
func (v *Verifier) Verify(ctx context.Context, client Client, raw string) (Assertion, error) {
	token, err := jws.Parse(raw, MaxSize)
	if err != nil {
		return Assertion{}, fmt.Errorf("client assertion: %w", err)
	}
	claims, err := token.Verify(ctx, jws.Expect{
		Algorithm: client.Algorithm,
		Types:     []string{"JWT", "client-authentication+jwt"},
		Keys: func(ctx context.Context, kid string, force bool) (jose.JSONWebKeySet, error) {
			return v.config.Keys.Keys(ctx, client.ID, kid, force)
		},
	})
	if err != nil {
		return Assertion{}, fmt.Errorf("client assertion: %w", err)
	}
	assertion, err := v.check(claims, client.ID)
	if err != nil {
		return Assertion{}, fmt.Errorf("client assertion: %w", err)
	}
	return assertion, nil
}

// check reads the claims of a token whose signature is right.
func (v *Verifier) check(claims jws.Claims, clientID string) (Assertion, error) {
	if clientID == "" {
		return Assertion{}, ErrIssuer
	}
	if err := claims.Is("iss", clientID, ErrIssuer); err != nil {
		return Assertion{}, err
	}
	if err := claims.Is("sub", clientID, ErrSubject); err != nil {
		return Assertion{}, err
	}
	if err := claims.AudienceHas(v.config.Audiences); err != nil {
		return Assertion{}, err
	}
	expiry, err := claims.CheckTimes(jws.Lifetime{
		Now: v.config.Clock.Now(), Skew: skew, Max: v.config.Lifetime, NeedExpiry: true,
	})
	if err != nil {
		return Assertion{}, err
	}
	id, _, err := claims.String("jti")
	if err != nil {
		return Assertion{}, err
	}
	if id == "" || len(id) > MaxID {
		return Assertion{}, ErrID
	}
	return Assertion{ClientID: clientID, ID: id, ExpiresAt: expiry}, nil
}

// UnverifiedClientID reads which client an assertion claims to come from, for
// requests without client_id (RFC 7521 §4.2). Nothing has been verified.
func UnverifiedClientID(raw string) (string, error) {
	token, err := jws.Parse(raw, MaxSize)
	if err != nil {
		return "", fmt.Errorf("client assertion: %w", err)
	}
	id, _, err := token.Untrusted().String("sub")
	if err != nil || id == "" {
		return "", fmt.Errorf("client assertion: %w", ErrSubject)
	}
	return id, nil
}
