package token

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/provider/revocation"
)

// Why a token is refused. Reason gives the word of the JSON API.
var (
	ErrMalformed   = errors.New("token: malformed")
	ErrExpired     = errors.New("token: expired")
	ErrNotYet      = errors.New("token: not valid yet")
	ErrUnknownKey  = errors.New("token: unknown key")
	ErrWrongIssuer = errors.New("token: wrong issuer")
	ErrRevoked     = errors.New("token: revoked")
	// ErrSessionEnded: the login session is over.
	ErrSessionEnded = errors.New("token: session ended")
	// ErrStale: roles changed since; a refresh brings a good token.
	ErrStale = errors.New("token: stale permissions")
	// ErrUnknownVerdict: the revocation view is too old to say.
	ErrUnknownVerdict = errors.New("token: revocation state unknown")
)

// Reason is the word for why a token is refused, as POST /auth/validate
// writes it.
func Reason(err error) string {
	for _, r := range []struct {
		err  error
		word string
	}{
		{ErrExpired, "expired"},
		{ErrRevoked, "revoked"},
		{ErrSessionEnded, "session_ended"},
		{ErrStale, "stale_permissions"},
		{ErrUnknownKey, "unknown_key"},
		{ErrWrongIssuer, "wrong_issuer"},
	} {
		if errors.Is(err, r.err) {
			return r.word
		}
	}
	return "malformed"
}

// Keys checks signatures with the keys in memory.
type Keys interface {
	// Verify returns the payload and the kid of a compact JWS of the given typ.
	Verify(compact, typ string) (payload []byte, kid string, err error)
}

// Revocations is the replica's revocation view.
type Revocations interface {
	Check(ref revocation.TokenRef) revocation.Verdict
	// Fresh says whether the view can still vouch for itself.
	Fresh(maxStale time.Duration) bool
}

// Skew is how far clocks may differ.
const Skew = 30 * time.Second

// Verified is a good token.
type Verified struct {
	Claims
	KID string
	// Email is set when a claim rule put it into the token.
	Email string
	// What only the token of a gate's cookie tells: the gate, and whom it let in.
	Gate, Name, PreferredUsername string
}

// Verifier says whether access tokens are good. It is safe for concurrent use
// and does no I/O.
type Verifier struct {
	issuer   string
	typ      string
	keys     Keys
	opener   Opener
	view     Revocations
	clock    clock.Clock
	maxStale time.Duration
	seen     *otter.Cache[[sha256.Size]byte, *Verified]
}

// seenTokens bounds how many just-verified tokens are remembered.
const seenTokens = 8192

// NewVerifier makes a verifier of tokens of one issuer. opener is nil where
// opaque tokens are not accepted. maxStale is how long
// verdicts are given without news from the database (SIGNET_REVOCATION_MAX_STALE).
func NewVerifier(issuer string, k Keys, opener Opener, view Revocations, clk clock.Clock, maxStale time.Duration) (*Verifier, error) {
	seen, err := otter.New(&otter.Options[[sha256.Size]byte, *Verified]{MaximumSize: seenTokens})
	if err != nil {
		return nil, fmt.Errorf("token: cache: %w", err)
	}
	return &Verifier{issuer: issuer, typ: TypeAccessToken, keys: k, opener: opener, view: view, clock: clk, maxStale: maxStale, seen: seen}, nil
}

// Gates returns a verifier of the tokens in the cookies of gates, which fall to
// the same revocations.
func (v *Verifier) Gates() (*Verifier, error) {
	g, err := NewVerifier(v.issuer, v.keys, nil, v.view, v.clock, v.maxStale)
	if err == nil {
		g.typ = TypeGate
	}
	return g, err
}

// Verify returns the token's claims, or why it is refused. The caller checks
// audience and scope: they depend on what is asked.
func (v *Verifier) Verify(raw string) (*Verified, error) {
	t, err := v.VerifySignature(raw)
	if err != nil {
		return nil, err
	}
	return t, v.alive(t)
}

// Still says whether a token that was good is good now.
func (v *Verifier) Still(t *Verified) error {
	if err := v.inTime(t); err != nil {
		return err
	}
	return v.alive(t)
}

// VerifySignature is Verify without the question whether the token was revoked.
func (v *Verifier) VerifySignature(raw string) (*Verified, error) {
	// The cache is keyed by the hash of the whole token, signature included: a
	// token that differs in one bit is another token.
	sum := hash(raw)
	t, ok := v.seen.GetIfPresent(sum)
	if !ok {
		var err error
		if t, err = v.parse(raw); err != nil {
			return nil, err
		}
		v.seen.Set(sum, t)
	}
	if err := v.inTime(t); err != nil {
		return nil, err
	}
	return t, nil
}

func (v *Verifier) inTime(t *Verified) error {
	now := v.clock.Now()
	switch {
	case !now.Before(t.Expiry.Add(Skew)):
		return ErrExpired
	case now.Add(Skew).Before(t.IssuedAt):
		return ErrNotYet
	}
	return nil
}

// hash is SHA-256 of a token, without a copy on the heap for those of usual size.
func hash(raw string) [sha256.Size]byte {
	var buf [usualToken]byte
	if len(raw) > len(buf) {
		return sha256.Sum256([]byte(raw))
	}
	return sha256.Sum256(buf[:copy(buf[:], raw)])
}

// usualToken: an access token stays under 1.5 KB (design §3).
const usualToken = 1536

func (v *Verifier) alive(t *Verified) error {
	switch v.view.Check(revocation.TokenRef{
		JTI: t.JTI, GID: t.GID, SID: t.SID, Sub: t.Subject, ClientID: t.ClientID,
		OrgID: t.OrgID, Roles: t.Roles, KID: t.KID, PE: t.PE,
	}) {
	case revocation.OK:
	case revocation.SessionEnded:
		return ErrSessionEnded
	case revocation.Stale:
		return ErrStale
	default:
		return ErrRevoked
	}
	// A revocation in memory stands however old the view is; only "not revoked"
	// needs a fresh one.
	if !v.view.Fresh(v.maxStale) {
		return ErrUnknownVerdict
	}
	return nil
}

func (v *Verifier) parse(raw string) (*Verified, error) {
	var payload []byte
	var kid string
	var err error
	if strings.HasPrefix(raw, OpaquePrefix) {
		payload, err = v.open(raw)
	} else {
		payload, kid, err = v.keys.Verify(raw, v.typ)
	}
	switch {
	case errors.Is(err, ErrMalformed):
		return nil, err
	case errors.Is(err, keys.ErrUnknownKey), errors.Is(err, keys.ErrKeyRetired):
		return nil, ErrUnknownKey
	case errors.Is(err, keys.ErrKeyRevoked):
		return nil, ErrRevoked
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	var w wire
	if err := json.Unmarshal(payload, &w); err != nil {
		return nil, fmt.Errorf("%w: claims", ErrMalformed)
	}
	if w.Issuer != v.issuer {
		return nil, ErrWrongIssuer
	}
	if w.Expiry == nil || *w.Expiry <= 0 || *w.Expiry > math.MaxInt32*4 || w.Subject == "" || w.JTI == "" || len(w.Audience) == 0 {
		return nil, fmt.Errorf("%w: a required claim is missing", ErrMalformed)
	}
	t := &Verified{KID: kid, Email: w.Email, Gate: w.Gate, Name: w.Name, PreferredUsername: w.PreferredUsername, Claims: Claims{
		Issuer: w.Issuer, Subject: w.Subject, Audience: w.Audience,
		Expiry: time.Unix(*w.Expiry, 0).UTC(), IssuedAt: time.Unix(max(w.IssuedAt, w.NotBefore), 0).UTC(),
		JTI: w.JTI, ClientID: w.ClientID, Scope: strings.Fields(w.Scope), ACR: w.ACR, AMR: w.AMR,
		SID: w.SID, GID: w.GID, OrgID: w.OrgID, OrgSlug: w.OrgSlug, Roles: w.Roles,
		Permissions: w.Permissions, PermissionsOmitted: w.PermissionsOmitted, PE: w.PE,
	}}
	switch w.RolesForm {
	case "":
	case rolesBare:
		t.BareRoles, t.Roles = true, marked(w.Roles)
	default:
		return nil, fmt.Errorf("%w: roles in an unknown form", ErrMalformed)
	}
	if w.AuthTime > 0 {
		t.AuthTime = time.Unix(w.AuthTime, 0).UTC()
	}
	return t, nil
}
