package oauth

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"slices"

	"github.com/ory/fosite"

	"github.com/signet-idp/signet/provider/claims"
	"github.com/signet-idp/signet/provider/client"
	"github.com/signet-idp/signet/provider/oauth/params"
	"github.com/signet-idp/signet/provider/token"
)

// idTokenHandler adds the ID token to the answers of the code and refresh
// grants. It stands in for fosite's own, which leaves sid and azp out, leaks
// rat in, hashes EdDSA wrongly and forgets max_age=0.
type idTokenHandler struct{ p *Provider }

var _ fosite.TokenEndpointHandler = (*idTokenHandler)(nil)

// CanHandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (h *idTokenHandler) CanHandleTokenEndpointRequest(_ context.Context, r fosite.AccessRequester) bool {
	return r.GetGrantTypes().ExactOne(client.GrantCode) || r.GetGrantTypes().ExactOne(client.GrantRefresh)
}

// CanSkipClientAuth implements fosite.TokenEndpointHandler.
func (h *idTokenHandler) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool {
	return false
}

// HandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (h *idTokenHandler) HandleTokenEndpointRequest(context.Context, fosite.AccessRequester) error {
	return nil
}

// PopulateTokenEndpointResponse implements fosite.TokenEndpointHandler.
func (h *idTokenHandler) PopulateTokenEndpointResponse(ctx context.Context, r fosite.AccessRequester, resp fosite.AccessResponder) error {
	w := workOf(ctx)
	if w.json || !h.CanHandleTokenEndpointRequest(ctx, r) || !slices.Contains(w.scope, "openid") {
		return nil
	}
	idToken, err := h.p.idToken(w, resp.GetAccessToken())
	if err != nil {
		return err
	}
	resp.SetExtra("id_token", idToken)
	return nil
}

// idToken signs the ID token (OpenID Connect Core §2, §3.1.3.6).
func (p *Provider) idToken(w *work, accessToken string) (string, error) {
	g, now := &w.state.Grant, p.Clock.Now()
	alg := w.client.IDTokenAlg()
	var requested params.Claims
	if g.Claims != "" {
		var err error
		if requested, err = params.ParseClaims(g.Claims); err != nil {
			return "", op("stored claims parameter", err)
		}
	}
	scope := w.scope
	if w.client.Metadata.IDTokenClaims == "minimal" {
		scope = nil
	}
	body := w.person().Collect(scope, claims.Permitted(requested.IDToken, w.client.MayAsk))
	body = claims.Apply(w.client.Metadata.ClaimRules, claims.InIDToken, w.lookup(w.accessClaims), body)
	// What follows is written last: no claim rule reaches it.
	body["iss"], body["sub"], body["aud"], body["azp"] = p.Issuer, g.UserID, w.client.ClientID, w.client.ClientID
	body["iat"], body["exp"] = now.Unix(), now.Add(p.Lifetimes.IDToken).Unix()
	body["auth_time"], body["acr"], body["amr"] = g.AuthTime.Unix(), g.ACR, g.AMR
	body["sid"] = w.browserSession()
	body["at_hash"] = halfHash(alg, accessToken)
	delete(body, "nonce")
	if g.Nonce != "" && w.presented == 0 {
		// Only in answer to the request that sent it, not at a refresh (OpenID
		// Connect Core §12.2).
		body["nonce"] = g.Nonce
	}
	payload, err := json.Marshal(body)
	if err != nil {
		return "", op("id token", err)
	}
	return p.Signer.Sign(alg, token.TypeIDToken, payload)
}

// browserSession is the session that a logout ends, also for a grant with
// offline_access, whose tokens hang on a session of its own: the sid of ID
// tokens and of logout tokens is the same.
func (w *work) browserSession() string {
	if w.state.ParentSessionID != "" {
		return w.state.ParentSessionID
	}
	return w.state.SessionID
}

// halfHash is at_hash: the left half of the hash that goes with the algorithm
// (OpenID Connect Core §3.1.3.6); Ed25519 goes with SHA-512.
func halfHash(alg, value string) string {
	if alg == "EdDSA" {
		sum := sha512.Sum512([]byte(value))
		return base64.RawURLEncoding.EncodeToString(sum[:32])
	}
	sum := sha256.Sum256([]byte(value))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}
