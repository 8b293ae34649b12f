package gate

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/provider/claims"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/oauth"
	"github.com/signet-idp/signet/provider/oauth/params"
	"github.com/signet-idp/signet/provider/token"
	"github.com/signet-idp/signet/storage"
)

// Authority is the authorization server that gates rely on (*oauth.Provider).
type Authority interface {
	Token(ctx context.Context, form params.Form, cred oauth.Credentials) (*oauth.TokenResponse, error)
	Resume(ctx context.Context, clientID, grantID string) (oauth.Resumed, error)
}

// Deps are what a Door is made of.
type Deps struct {
	Issuer    string
	Authority Authority
	Minter    *token.Minter
	Access    *token.Verifier // of access tokens
	Cookies   *token.Verifier // of what Minter.MintGate makes
	Clock     clock.Clock
	Rand      io.Reader
}

// Door lets people with browsers in at gates: the relying party's side of the
// authorization code flow, and the cookie that comes of it. What belongs to one
// sign-in is in the browser, under a secret that only this browser has. It is
// safe for concurrent use.
type Door struct {
	Deps
	// renewed remembers what a ticket was renewed to: a page asks many times at
	// once, and some gateways cannot hand the new cookie on, so that the old one
	// comes again with each request.
	renewed *otter.Cache[[sha256.Size]byte, Ticket]
}

// maxRenewed bounds how many renewals are remembered, each of a few KB.
const maxRenewed = 4096

// NewDoor makes a Door.
func NewDoor(d Deps) (*Door, error) {
	renewed, err := otter.New(&otter.Options[[sha256.Size]byte, Ticket]{MaximumSize: maxRenewed})
	if err != nil {
		return nil, fmt.Errorf("gate: cache: %w", err)
	}
	return &Door{Deps: d, renewed: renewed}, nil
}

// Ticket is what a gate's cookie holds.
type Ticket struct {
	Value    string
	Verified *token.Verified
}

var (
	// ErrState means an answer to a sign-in that this browser has not begun, or too
	// long ago.
	ErrState = errors.New("gate: state does not belong to this browser")
	// ErrTooLarge means that what is to be said of somebody does not fit a cookie.
	ErrTooLarge = errors.New("gate: cookie too large")
)

const (
	secretSize = 32
	nonceSize  = 16
	// SignInTime is how long signing in may take.
	SignInTime = time.Hour
	// maxTicket: browsers drop cookies of more than 4096 bytes with their name
	// and attributes (RFC 6265 §6.1).
	maxTicket = 3800
)

// NewSecret makes what tells a browser from others while it signs in.
func (d *Door) NewSecret() (string, error) {
	b := make([]byte, secretSize)
	if _, err := io.ReadFull(d.Rand, b); err != nil {
		return "", fmt.Errorf("gate: secret: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

// ValidSecret says whether a cookie can be such a secret.
func ValidSecret(secret string) bool { return key(secret) != nil }

func key(secret string) []byte {
	b, err := base64.RawURLEncoding.Strict().DecodeString(secret)
	if err != nil || len(b) != secretSize {
		return nil
	}
	return b
}

// Begin is the authorization request of a browser that wants to get to a path
// of a protected origin (RFC 6749 §4.1.1).
func (d *Door) Begin(g *storage.Gate, origin, secret, path string) (string, error) {
	nonce := make([]byte, nonceSize)
	if _, err := io.ReadFull(d.Rand, nonce); err != nil {
		return "", fmt.Errorf("gate: begin: %w", err)
	}
	s := state{nonce: nonce, began: d.Clock.Now().Unix(), path: ReturnPath(path)}
	challenge := sha256.Sum256([]byte(verifier(secret, nonce)))
	v := url.Values{
		"response_type": {"code"}, "client_id": {ClientID(g.Name)}, "redirect_uri": {origin + PathCallback},
		"scope": {strings.Join(scopes(g), " ")}, "state": {s.seal(secret, g.Name, origin)},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}
	if g.ACR != "" {
		v.Set("acr_values", g.ACR)
	}
	if g.MaxAge > 0 {
		v.Set("max_age", strconv.FormatInt(int64(g.MaxAge/time.Second), 10))
	}
	if g.OrganizationID != "" {
		v.Set("organization", g.OrganizationID)
	}
	return d.Issuer + oauth.PathAuthorize + "?" + v.Encode(), nil
}

// LogoutURL is where somebody ends the session that a gate let them in by
// (OpenID Connect RP-Initiated Logout 1.0 §2).
func (d *Door) LogoutURL(g *storage.Gate, origin string) string {
	return d.Issuer + oauth.PathLogout + "?" + url.Values{
		"client_id": {ClientID(g.Name)}, "post_logout_redirect_uri": {origin + PathLeft},
	}.Encode()
}

// Returned is where a browser wanted to get to when it began to sign in, and
// when that was; ErrState when it has not.
func (d *Door) Returned(g *storage.Gate, origin, secret, sealed string) (path string, began time.Time, err error) {
	s, err := open(secret, g.Name, origin, sealed)
	if err != nil {
		return "", time.Time{}, err
	}
	began = time.Unix(s.began, 0)
	if age := d.Clock.Now().Sub(began); age > SignInTime || age < -token.Skew {
		return "", time.Time{}, ErrState
	}
	return s.path, began, nil
}

// Complete redeems the code of a sign-in that Returned has found good. Errors:
// *oauth.Error, ErrTooLarge, and those of oauth.Provider.Resume.
func (d *Door) Complete(ctx context.Context, g *storage.Gate, origin, secret, sealed, code string) (Ticket, error) {
	s, err := open(secret, g.Name, origin, sealed)
	if err != nil {
		return Ticket{}, err
	}
	form, err := params.FromValues(url.Values{
		"grant_type": {"authorization_code"}, "client_id": {ClientID(g.Name)}, "redirect_uri": {origin + PathCallback},
		"code": {code}, "code_verifier": {verifier(secret, s.nonce)},
	})
	if err != nil {
		return Ticket{}, fmt.Errorf("gate: complete: %w", oauth.AsError(err))
	}
	resp, err := d.Authority.Token(ctx, form, oauth.Credentials{})
	if err != nil {
		return Ticket{}, fmt.Errorf("gate: complete: %w", err)
	}
	t, err := d.Access.Verify(resp.AccessToken)
	if err != nil {
		return Ticket{}, fmt.Errorf("gate: complete: %w", err)
	}
	return d.issue(ctx, g, origin, t.GID)
}

// Renew makes a ticket anew from the grant behind it, as long as its session
// lives. Errors as oauth.Provider.Resume, and ErrTooLarge.
func (d *Door) Renew(ctx context.Context, g *storage.Gate, origin string, old Ticket) (Ticket, error) {
	sum := sha256.Sum256([]byte(old.Value))
	if known, ok := d.renewed.GetIfPresent(sum); ok {
		if t, err := d.Check(g, origin, known.Value); err == nil && !d.Due(t) {
			return known, nil
		}
	}
	out, err := d.issue(ctx, g, origin, old.Verified.GID)
	if err == nil {
		d.renewed.Set(sum, out)
	}
	return out, err
}

func (d *Door) issue(ctx context.Context, g *storage.Gate, origin, grantID string) (Ticket, error) {
	r, err := d.Authority.Resume(ctx, ClientID(g.Name), grantID)
	if err != nil {
		return Ticket{}, fmt.Errorf("gate: issue: %w", err)
	}
	c := r.Claims
	c.Audience, c.Permissions, c.PermissionsOmitted = []string{origin}, nil, false
	c.Expiry = c.IssuedAt.Add(lifetime(g))
	if r.SessionExpiry.Before(c.Expiry) {
		c.Expiry = r.SessionExpiry
	}
	c.Extra = introduction(r.Person)
	c.Extra["gate"] = g.Name
	value, err := d.Minter.MintGate(keys.ES256, c)
	if err != nil {
		return Ticket{}, fmt.Errorf("gate: issue: %w", err)
	}
	if len(value) > maxTicket {
		return Ticket{}, ErrTooLarge
	}
	t, err := d.Check(g, origin, value)
	if err != nil {
		return Ticket{}, fmt.Errorf("gate: issue: %w", err)
	}
	return Ticket{Value: value, Verified: t}, nil
}

// introduction is what a protected service learns of a person besides who it
// is. An address that nobody has proven is left out: services take it for the
// account.
func introduction(p claims.Person) map[string]any {
	out := map[string]any{}
	for _, name := range []string{"name", "preferred_username"} {
		if v, ok := p.Value(name); ok {
			if s, ok := v.(string); ok && len(s) <= maxIntroduction {
				out[name] = s
			}
		}
	}
	if p.User.EmailVerified && len(p.User.Email) <= maxIntroduction {
		out["email"] = p.User.Email
	}
	return out
}

const maxIntroduction = 256

// Check judges a cookie: of this gate, of this origin, and as good as any token
// (the errors of token.Verifier.Verify). Whether it is enough for the gate is
// for Judge to say.
func (d *Door) Check(g *storage.Gate, origin, value string) (*token.Verified, error) {
	if value == "" || len(value) > maxTicket {
		return nil, token.ErrMalformed
	}
	t, err := d.Cookies.Verify(value)
	if t != nil && (t.Gate != g.Name || !slices.Equal(t.Audience, []string{origin}) || t.ClientID != ClientID(g.Name)) {
		return nil, token.ErrMalformed
	}
	return t, err
}

// Due says whether a ticket is to be renewed: half of its life is over.
func (d *Door) Due(t *token.Verified) bool {
	return d.Clock.Now().Sub(t.IssuedAt) >= t.Expiry.Sub(t.IssuedAt)/2
}

// verifier is the code_verifier of one sign-in (RFC 7636 §4.1).
func verifier(secret string, nonce []byte) string {
	return base64.RawURLEncoding.EncodeToString(mac(secret, "code_verifier", nonce))
}

// state is what the parameter of that name tells on the way back: where to, of
// which sign-in. It is sealed with the browser's secret, so that nobody can make
// one for another's browser (RFC 6749 §10.12).
type state struct {
	nonce []byte
	began int64 // seconds since 1970
	path  string
}

func (s state) seal(secret, gate, origin string) string {
	b := append([]byte{}, s.nonce...)
	b = binary.BigEndian.AppendUint64(b, uint64(s.began))
	b = append(b, s.path...)
	return base64.RawURLEncoding.EncodeToString(append(mac(secret, gate+" "+origin, b), b...))
}

func open(secret, gate, origin, sealed string) (state, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	if err != nil || key(secret) == nil || len(b) < sha256.Size+nonceSize+8 {
		return state{}, ErrState
	}
	sum, b := b[:sha256.Size], b[sha256.Size:]
	if !hmac.Equal(sum, mac(secret, gate+" "+origin, b)) {
		return state{}, ErrState
	}
	return state{
		nonce: b[:nonceSize],
		began: int64(binary.BigEndian.Uint64(b[nonceSize:])),
		path:  ReturnPath(string(b[nonceSize+8:])),
	}, nil
}

// mac is keyed by the browser's secret; what tells its uses apart.
func mac(secret, what string, data []byte) []byte {
	h := hmac.New(sha256.New, key(secret))
	h.Write([]byte(what + "\x00"))
	h.Write(data)
	return h.Sum(nil)
}

// Over says whether an error means that somebody has to sign in again.
func Over(err error) bool { return fault.Is(err, fault.TokenRevoked) }
