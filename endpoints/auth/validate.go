package auth

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/gate"
	"github.com/signet-idp/signet/provider/oauth/params"
	"github.com/signet-idp/signet/provider/token"
	"github.com/signet-idp/signet/storage"
)

// Observer counts verdicts.
type Observer interface {
	Validated(gate, result string, took time.Duration)
}

// Permissions resolves the permissions of a token's roles, from memory.
type Permissions interface {
	Permissions(ctx context.Context, roles []string, organizationID string) ([]string, error)
}

// Feed tells how far the revocation feed is applied here and when it was read.
type Feed interface {
	Head() int64
	AsOf() time.Time
}

// ValidateRequest is the body of form A.
type ValidateRequest struct {
	Token               string   `json:"token"`
	Audience            string   `json:"audience"`
	RequiredScopes      []string `json:"required_scopes"`
	RequiredPermissions []string `json:"required_permissions"`
	OrganizationID      string   `json:"organization_id"`
}

// Validation is the verdict: a superset of RFC 7662 §2.2 and of what the
// platform's services read. No member is ever left out.
type Validation struct {
	Valid            bool     `json:"valid"`
	IsValid          bool     `json:"is_valid"`
	Active           bool     `json:"active"`
	Audience         any      `json:"aud"`
	UserID           *string  `json:"user_id"`
	Subject          *string  `json:"sub"`
	Email            *string  `json:"email"`
	TenantID         *string  `json:"tenant_id"`
	OrganizationID   *string  `json:"organization_id"`
	OrgID            *string  `json:"org_id"`
	OrgSlug          *string  `json:"org_slug"`
	Roles            []string `json:"roles"`
	Permissions      []string `json:"permissions"`
	PermissionsKnown bool     `json:"permissions_known"`
	Scope            string   `json:"scope"`
	ClientID         *string  `json:"client_id"`
	SessionID        *string  `json:"session_id"`
	SID              *string  `json:"sid"`
	JTI              *string  `json:"jti"`
	TokenType        *string  `json:"token_type"`
	ExpiresAt        *int64   `json:"expires_at"` // seconds since 1970, as are the next three
	IssuedAt         *int64   `json:"issued_at"`
	Expiry           *int64   `json:"exp"`
	IAT              *int64   `json:"iat"`
	ACR              *string  `json:"acr"`
	AMR              []string `json:"amr"`
	PermEpoch        int64    `json:"perm_epoch"`
	AsOf             *string  `json:"as_of"`
	Reason           *string  `json:"reason"`
}

// input is one question: which token, and how its verdict is told.
type input struct {
	ValidateRequest
	gate *storage.Gate
	// header: form B, where a bad token is 401: services that call it take any
	// 200 for a yes.
	header bool
	// bare: a success is 200 without a body, whatever the method.
	bare bool
	// ticket is what a gate's cookie says, found good; Token is empty then.
	ticket *token.Verified
}

// open says whether the gate lets in who has a good token while nobody can say
// whether it was revoked.
func (in *input) open() bool { return in.gate != nil && in.gate.Fail == gate.FailOpen }

func (h *Handler) read(r *http.Request) (input, error) {
	bearer, err := params.Bearer(r.Header.Values("Authorization"), params.Form{})
	if err != nil {
		return input{}, fault.New(fault.Malformed, "the Authorization header is malformed")
	}
	in := input{header: true}
	in.Token = bearer
	// A gateway that asks about another request may pass that one's body on: it
	// is no question of its own, and a token in it no credential.
	if r.Method != http.MethodPost || forwarded(r) {
		return in, nil
	}
	body, err := web.ReadBody(r)
	if err != nil {
		return input{}, err
	}
	// Gateways pass the original's Content-Type on with an empty body.
	if len(body) == 0 {
		return in, nil
	}
	var asked ValidateRequest
	switch mediaType(r) {
	case "application/json":
		if err := web.DecodeBytes(r, body, &asked); err != nil {
			return input{}, err
		}
	case "application/x-www-form-urlencoded":
		f, err := params.Parse(string(body))
		if err != nil {
			return input{}, fault.New(fault.Malformed, err.Error())
		}
		asked.Token = f.Get("token")
	default:
		return input{}, web.NewError(http.StatusUnsupportedMediaType, "REQ_002", "the body must be application/json")
	}
	if asked.Token == "" {
		if bearer == "" {
			return input{}, fault.Field("token", "a token is needed")
		}
		asked.Token = bearer
		return input{ValidateRequest: asked, header: true}, nil
	}
	// A Bearer beside a body token speaks for the caller; the body's is judged.
	return input{ValidateRequest: asked}, nil
}

// forwarded says whether a gateway asks about a request of somebody else's:
// Traefik and Caddy name its method, so do people's configurations of nginx.
// Whoever sends the header himself only loses the form of answer that is 200 for
// a bad token.
func forwarded(r *http.Request) bool {
	return r.Header.Get("X-Forwarded-Method") != "" || r.Header.Get("X-Original-Method") != ""
}

func mediaType(r *http.Request) string {
	t, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(t))
}

func (h *Handler) validate(w http.ResponseWriter, r *http.Request) error {
	in, err := h.read(r)
	if err != nil {
		return err
	}
	return h.answer(w, r, in, "")
}

// answer judges the token of in and writes the verdict; gate names the gate
// for the metrics, empty where none was asked.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request, in input, gate string) error {
	start := h.Now()
	// A revocation is enforced within a second: no verdict may be kept. Vary is
	// for caches that are told to keep them all the same.
	web.NoStore(w)
	w.Header().Add("Vary", "Authorization")
	v, t, verdict := h.judge(r.Context(), in)
	if errors.Is(verdict, token.ErrUnknownVerdict) || isUnavailable(verdict) {
		h.Observer.Validated(gate, "unknown", h.Now().Sub(start))
		return fault.Wrap(verdict, fault.Unavailable, "whether the token was revoked is not known now")
	}
	if verdict != nil {
		reason := reasonOf(verdict)
		h.Observer.Validated(gate, reason, h.Now().Sub(start))
		if in.header {
			return headerError(in, verdict)
		}
		return web.WriteJSON(w, http.StatusOK, h.invalid(reason))
	}
	result := "valid"
	if in.open() && errors.Is(h.Verifier.Still(t), token.ErrUnknownVerdict) {
		result = "unconfirmed"
	}
	h.Observer.Validated(gate, result, h.Now().Sub(start))
	record := web.Log(r.Context()).Client(t.ClientID)
	if t.Person() {
		record.User(t.Subject)
	}
	identity(w.Header(), t)
	if in.bare {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	if r.Method == http.MethodHead || strings.Contains(r.Header.Get("Prefer"), "return=minimal") {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return web.WriteJSON(w, http.StatusOK, v)
}

// errForbidden: a good token that lacks what was asked for.
var errForbidden = errors.New("auth: token lacks what is required")

// errPermissionsUnknown: the roles cannot be resolved now; 503, never a guess.
var errPermissionsUnknown = errors.New("auth: permissions cannot be resolved")

func isUnavailable(err error) bool { return errors.Is(err, errPermissionsUnknown) }

func reasonOf(err error) string {
	if errors.Is(err, errForbidden) || errors.Is(err, gate.ErrInsufficient) || errors.Is(err, gate.ErrStepUp) {
		return "insufficient"
	}
	return token.Reason(err)
}

func (h *Handler) judge(ctx context.Context, in input) (*Validation, *token.Verified, error) {
	t, err := in.ticket, error(nil)
	if t == nil {
		t, err = h.Verifier.Verify(in.Token)
	}
	if err != nil && !(in.open() && errors.Is(err, token.ErrUnknownVerdict)) {
		return nil, nil, err
	}
	if in.gate != nil {
		if err := gate.Judge(in.gate, t, h.Now()); err != nil {
			return nil, nil, err
		}
	}
	permissions, known := t.Permissions, t.Permissions != nil
	if !known {
		if permissions, err = h.Permissions.Permissions(ctx, t.Roles, t.OrgID); err == nil {
			known = true
		} else if len(in.RequiredPermissions) > 0 {
			return nil, nil, errors.Join(errPermissionsUnknown, err)
		}
	}
	if !sufficient(in.ValidateRequest, t, permissions) {
		return nil, nil, errForbidden
	}
	return h.valid(t, permissions, known), t, nil
}

func sufficient(q ValidateRequest, t *token.Verified, permissions []string) bool {
	if q.Audience != "" && !t.HasAudience(q.Audience) {
		return false
	}
	if q.OrganizationID != "" && t.OrgID != q.OrganizationID {
		return false
	}
	for _, s := range q.RequiredScopes {
		if !t.HasScope(s) {
			return false
		}
	}
	for _, p := range q.RequiredPermissions {
		if !slices.Contains(permissions, p) {
			return false
		}
	}
	return true
}

func (h *Handler) asOf() *string {
	return h.Shapes.Times.Ptr(h.Feed.AsOf())
}

func (h *Handler) invalid(reason string) *Validation {
	return &Validation{
		Roles: []string{}, Permissions: []string{}, AMR: []string{}, Reason: &reason, PermEpoch: h.Feed.Head(), AsOf: h.asOf(),
	}
}

func (h *Handler) valid(t *token.Verified, permissions []string, known bool) *Validation {
	expiry, issued := t.Expiry.Unix(), t.IssuedAt.Unix()
	bearer := "Bearer"
	v := &Validation{
		Valid: true, IsValid: true, Active: true,
		UserID: &t.Subject, Subject: &t.Subject, Email: optional(t.Email), TenantID: optional(t.OrgID),
		OrganizationID: optional(t.OrgID), OrgID: optional(t.OrgID), OrgSlug: optional(t.OrgSlug),
		Roles: list(t.WrittenRoles()), Permissions: list(permissions), PermissionsKnown: known, Scope: strings.Join(t.Scope, " "),
		ClientID: &t.ClientID, SessionID: optional(t.SID), SID: optional(t.SID), JTI: &t.JTI, TokenType: &bearer,
		ExpiresAt: &expiry, IssuedAt: &issued, Expiry: &expiry, IAT: &issued, ACR: optional(t.ACR), AMR: list(t.AMR),
		PermEpoch: t.PE, AsOf: h.asOf(),
	}
	v.Audience = t.Audience
	if len(t.Audience) == 1 {
		v.Audience = t.Audience[0]
	}
	return v
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func list(l []string) []string {
	if l == nil {
		return []string{}
	}
	return l
}

// headerError is the answer of form B: 401, or 403 for what is good and not
// enough.
func headerError(in input, err error) error {
	const detail = "Invalid or expired token"
	e := &web.Error{Status: http.StatusUnauthorized, OAuth: "invalid_token", Detail: detail, Code: "AUTH_011"}
	e.Challenge = `Bearer realm="signet", error="invalid_token", error_description="` + detail + `"`
	switch {
	case in.Token == "" && in.ticket == nil:
		e.Challenge = `Bearer realm="signet"` // RFC 6750 §3.1: no credential, no error
	case errors.Is(err, errForbidden):
		e.Status, e.Code, e.OAuth, e.Detail = http.StatusForbidden, "AUTH_010", "insufficient_scope", "the token lacks what is required"
		e.Challenge = `Bearer realm="signet", error="insufficient_scope"`
	case errors.Is(err, gate.ErrInsufficient):
		e.Status, e.Code, e.OAuth, e.Detail = http.StatusForbidden, "AUTH_010", "insufficient_scope", "the token lacks what the gate requires"
		e.Challenge = `Bearer realm="signet", error="insufficient_scope", error_description="` + e.Detail + `"`
		if len(in.gate.Scopes) > 0 { // RFC 6749 §3.3: no scope needs quoting
			e.Challenge += `, scope="` + strings.Join(in.gate.Scopes, " ") + `"`
		}
	case errors.Is(err, gate.ErrStepUp):
		stepUp(e, in.gate)
	case errors.Is(err, token.ErrExpired):
		e.Code = "AUTH_002"
	case errors.Is(err, token.ErrStale):
		e.Code = "AUTH_006"
	case errors.Is(err, token.ErrRevoked), errors.Is(err, token.ErrSessionEnded):
		e.Code = "AUTH_005"
	}
	return e.Because(err)
}
