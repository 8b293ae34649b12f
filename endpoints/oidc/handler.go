package oidc

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"time"

	"github.com/signet-idp/signet/endpoints/pages"
	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/provider/client"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/oauth"
	"github.com/signet-idp/signet/provider/oauth/params"
	"github.com/signet-idp/signet/storage"
)

// Handler serves the protocol endpoints.
type Handler struct {
	OAuth       *oauth.Provider
	Interaction *pages.Interaction
	// Keys is the current snapshot of the key rings.
	Keys interface{ Snapshot() *keys.Snapshot }
	// Locales are the languages of the pages, for discovery.
	Locales []string

	openid atomic.Pointer[document]
	jwks   atomic.Pointer[document]
}

// document is a prepared answer and the snapshot that it was made from.
type document struct {
	of   *keys.Snapshot
	body *web.Prepared
	// cache is the Cache-Control that body says.
	cache string
}

// Mount adds the routes.
func (h *Handler) Mount(t *web.Table) {
	get, post := []string{http.MethodGet}, []string{http.MethodPost}
	both := []string{http.MethodGet, http.MethodPost}
	tags := []string{"OpenID Connect"}
	t.Add(
		web.Route{
			Name: "openidConfiguration", Summary: "OpenID Connect Discovery document", Tags: tags,
			Methods: get, Path: oauth.PathOpenID, Auth: web.Public(), Prepared: h.metadata, Style: web.OAuth, CORS: web.CORSAny,
			Response: web.TypeOf[oauth.Metadata](),
		},
		web.Route{
			Name: "oauthAuthorizationServer", Summary: "OAuth 2.0 Authorization Server Metadata (RFC 8414)", Tags: tags,
			Methods: get, Path: oauth.PathOAuth, Auth: web.Public(), Prepared: h.metadata, Style: web.OAuth, CORS: web.CORSAny,
			Response: web.TypeOf[oauth.Metadata](),
		},
		web.Route{
			Name: "jwks", Summary: "JSON Web Key Set", Tags: tags,
			Methods: get, Path: oauth.PathJWKS, Auth: web.Public(), Prepared: h.keySet, Style: web.OAuth, CORS: web.CORSAny,
			Response: web.TypeOf[shape.KeySet](),
		},
		web.Route{
			Name: "publicKeyPEM", Summary: "One key of the key set, as KID.pem (RFC 7468 §13), for gateways that read no JWKS", Tags: tags,
			Methods: get, Path: "/.well-known/jwks/{file}", Auth: web.Public(), Handler: h.keyPEM, Style: web.OAuth, CORS: web.CORSAny,
			Response: web.TypeOf[string](), Produces: "application/x-pem-file",
		},
		web.Route{
			Name: "authorize", Summary: "Authorization endpoint", Tags: tags,
			Methods: both, Path: oauth.PathAuthorize, Auth: web.Public(), Handler: h.authorize, Style: web.Page,
			AllowCrossOrigin: true, Query: web.TypeOf[AuthorizeQuery](), Status: http.StatusSeeOther,
			Answers: map[int]reflect.Type{http.StatusOK: nil}, Produces: "text/html", Errors: []string{"400 invalid_request"},
		},
		web.Route{
			Name: "token", Summary: "Token endpoint", Tags: tags,
			Methods: post, Path: oauth.PathToken, Auth: web.ClientAuth(), Handler: h.token, Style: web.OAuth, CORS: web.CORSClient,
			AllowCrossOrigin: true, Request: web.TypeOf[TokenRequest](), Response: web.TypeOf[oauth.TokenResponse](),
			Errors: []string{"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope", "invalid_target"},
		},
		web.Route{
			Name: "userinfo", Summary: "Claims about the person behind an access token", Tags: tags,
			Methods: both, Path: oauth.PathUserInfo, Auth: web.HandlerChecks("the token may come in the form body (RFC 6750 §2.2)"),
			Handler: h.userInfo, Style: web.OAuth, CORS: web.CORSAny, AllowCrossOrigin: true, ContentTypes: []string{web.AnyContentType},
			Request: web.TypeOf[UserInfoRequest](), Response: web.TypeOf[map[string]any](),
			Errors: []string{"invalid_request", "invalid_token", "insufficient_scope"},
		},
		web.Route{
			Name: "introspect", Summary: "Token introspection (RFC 7662)", Tags: tags,
			Methods: post, Path: oauth.PathIntrospect, Auth: web.ClientAuth(), Handler: h.introspect, Style: web.OAuth,
			AllowCrossOrigin: true, Request: web.TypeOf[InspectRequest](), Response: web.TypeOf[oauth.Introspection](), Errors: []string{"invalid_request", "invalid_client"},
		},
		web.Route{
			Name: "revoke", Summary: "Token revocation (RFC 7009)", Tags: tags,
			Methods: post, Path: oauth.PathRevoke, Auth: web.ClientAuth(), Handler: h.revoke, Style: web.OAuth, CORS: web.CORSClient,
			AllowCrossOrigin: true, Request: web.TypeOf[InspectRequest](), Errors: []string{"invalid_request", "invalid_client"},
		},
	)
}

// metadataMaxAge is how long discovery may be cached.
const metadataMaxAge = 5 * time.Minute

// metadata prepares discovery; it changes only with the rings' algorithms.
func (h *Handler) metadata() *web.Prepared {
	snapshot := h.Keys.Snapshot()
	if d := h.openid.Load(); d != nil && d.of == snapshot {
		return d.body
	}
	body, err := json.Marshal(h.OAuth.Metadata(snapshot.Algorithms(), h.Locales))
	if err != nil { // a struct of strings marshals
		return nil
	}
	p := web.NewPrepared("application/json", fmt.Sprintf("public, max-age=%d", int(metadataMaxAge.Seconds())), body)
	h.openid.Store(&document{of: snapshot, body: p})
	return p
}

func (h *Handler) keySet() *web.Prepared {
	snapshot := h.Keys.Snapshot()
	set := snapshot.JWKS()
	// Cut off from the database the snapshot stays and its max-age dwindles.
	if d := h.jwks.Load(); d != nil && d.of == snapshot && d.cache == set.CacheControl {
		return d.body
	}
	p := web.NewPrepared("application/json", set.CacheControl, set.Body)
	h.jwks.Store(&document{snapshot, p, set.CacheControl})
	return p
}

// keyPEM is GET /.well-known/jwks/{kid}.pem: a key that is in the key set.
func (h *Handler) keyPEM(w http.ResponseWriter, r *http.Request) error {
	snapshot := h.Keys.Snapshot()
	for _, k := range snapshot.Keys() {
		shown := k.Use == storage.KeyUseSig && (k.State == keys.StateNext || k.State == keys.StateActive || k.State == keys.StateRetiring)
		if !shown || r.PathValue("file") != k.KID+".pem" {
			continue
		}
		text, err := k.PEM()
		if err != nil {
			return err
		}
		w.Header().Set("Cache-Control", snapshot.JWKS().CacheControl)
		return web.WriteBody(w, http.StatusOK, "application/x-pem-file", []byte(text))
	}
	return fault.New(fault.NotFound, "no such key is in the key set")
}

// form reads a form body as OAuth parameters: each name once, bounded.
func form(r *http.Request) (params.Form, oauth.Credentials, error) {
	body, err := web.ReadBody(r)
	if err != nil {
		return params.Form{}, oauth.Credentials{}, err
	}
	f, err := params.Parse(string(body))
	if err != nil {
		return params.Form{}, oauth.Credentials{}, wireError(oauth.AsError(err), false)
	}
	return f, oauth.Credentials{Authorization: r.Header.Values("Authorization")}, nil
}

// wireError turns a protocol error into the frame's; basic says that the client
// tried the Authorization header, so a 401 must challenge it (RFC 6749 §5.2).
func wireError(err error, basic bool) error {
	var e *oauth.Error
	if !errors.As(err, &e) {
		return err
	}
	out := web.NewOAuthError(e.Status, e.Code, e.Description).Because(e)
	if e.Status == http.StatusUnauthorized && e.Code == "invalid_client" {
		out.Challenge = `Basic realm="signet", charset="UTF-8"`
		if !basic {
			out.Challenge = `Basic realm="signet"`
		}
	}
	if e.Status == http.StatusServiceUnavailable {
		out.RetryAfter = time.Second
	}
	return out
}

func usedBasic(r *http.Request) bool {
	return strings.HasPrefix(strings.ToLower(r.Header.Get("Authorization")), "basic ")
}

// clientID is who a request said it is; authenticated by now.
func clientID(f params.Form, cred oauth.Credentials) string {
	if basic, ok, err := params.ParseBasic(cred.Authorization); err == nil && ok {
		return basic.ID
	}
	return f.Get("client_id")
}

func (h *Handler) token(w http.ResponseWriter, r *http.Request) error {
	f, cred, err := form(r)
	if err != nil {
		return err
	}
	rec := web.Log(r.Context()).Grant(grantName(f.Get("grant_type")))
	resp, err := h.OAuth.Token(r.Context(), f, cred)
	if err != nil {
		return wireError(err, usedBasic(r))
	}
	rec.Client(clientID(f, cred))
	web.NoStore(w)
	return web.WriteJSON(w, http.StatusOK, resp)
}

// grantName keeps what is no grant type of ours out of the log: people put
// anything into a parameter, a secret now and then.
func grantName(grantType string) string {
	switch grantType {
	case client.GrantCode, client.GrantRefresh, client.GrantClient:
		return grantType
	case "":
		return ""
	}
	return "other"
}

func (h *Handler) introspect(w http.ResponseWriter, r *http.Request) error {
	f, cred, err := form(r)
	if err != nil {
		return err
	}
	resp, err := h.OAuth.Introspect(r.Context(), f, cred)
	if err != nil {
		return wireError(err, usedBasic(r))
	}
	web.NoStore(w)
	return web.WriteJSON(w, http.StatusOK, resp)
}

func (h *Handler) revoke(w http.ResponseWriter, r *http.Request) error {
	f, cred, err := form(r)
	if err != nil {
		return err
	}
	if err := h.OAuth.Revoke(r.Context(), f, cred); err != nil {
		return wireError(err, usedBasic(r))
	}
	web.NoStore(w)
	w.WriteHeader(http.StatusOK)
	return nil
}

func (h *Handler) userInfo(w http.ResponseWriter, r *http.Request) error {
	var body params.Form
	if r.Method == http.MethodPost && params.IsForm(r.Header.Get("Content-Type")) {
		var err error
		if body, _, err = form(r); err != nil {
			return err
		}
	}
	bearer, err := params.Bearer(r.Header.Values("Authorization"), body)
	if err != nil {
		return web.NewOAuthError(http.StatusBadRequest, "invalid_request", err.Error())
	}
	if bearer == "" {
		e := web.NewOAuthError(http.StatusUnauthorized, "invalid_token", "an access token is needed")
		e.Challenge = `Bearer realm="signet"` // RFC 6750 §3: no error code when nothing was tried
		return e
	}
	claims, err := h.OAuth.UserInfo(r.Context(), bearer)
	if err != nil {
		return bearerError(err)
	}
	web.NoStore(w)
	return web.WriteJSON(w, http.StatusOK, claims)
}

// bearerError adds the challenge of RFC 6750 §3.
func bearerError(err error) error {
	out := wireError(err, false)
	var e *web.Error
	if errors.As(out, &e) && (e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden) {
		e.Challenge = `Bearer realm="signet", error="` + e.OAuth + `", error_description="` + e.Detail + `"`
		if e.OAuth == "insufficient_scope" {
			e.Challenge += `, scope="openid"`
		}
	}
	return out
}

// parseAuthorize reads an authorization request from the query and, for POST,
// the body (OpenID Connect Core §3.1.2.1).
func parseAuthorize(r *http.Request) (params.Form, error) {
	parts := []string{r.URL.RawQuery}
	if r.Method == http.MethodPost {
		body, err := web.ReadBody(r)
		if err != nil {
			return params.Form{}, err
		}
		parts = append(parts, string(body))
	}
	return params.Parse(parts...)
}

func (h *Handler) authorize(w http.ResponseWriter, r *http.Request) error {
	f, err := parseAuthorize(r)
	if err != nil {
		return h.refuse(w, r, err)
	}
	if r.Method == http.MethodPost && !h.Interaction.Knows(r) {
		// A form posted from the client's site carries no SameSite=Lax cookie.
		// Coming again by GET it does, and the login that stands is seen.
		if query := repeatable(f); len(query) <= maxRepeat {
			return h.Interaction.See(w, r, oauth.PathAuthorize+"?"+query)
		}
	}
	req, err := h.OAuth.ParseAuthorize(r.Context(), f)
	if err != nil {
		return h.refuse(w, r, err)
	}
	web.Log(r.Context()).Client(req.Client.ClientID)
	return h.Interaction.Start(w, r, req)
}

// repeatable is a POSTed request as a query, without the credentials that some
// libraries add to every form: an authorization request has no use for them,
// and an address is written down in too many places.
func repeatable(f params.Form) string {
	v := f.Values()
	for _, name := range []string{
		"client_secret", "client_assertion", "client_assertion_type", "username", "password",
		"access_token", "refresh_token", "code", "code_verifier", "token",
	} {
		v.Del(name)
	}
	return v.Encode()
}

// maxRepeat bounds a POSTed request that is repeated as a GET.
const maxRepeat = 8 << 10

// refuse answers an authorization request that was not accepted: at the client
// when it may be, else on our page.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, err error) error {
	var refusal *oauth.AuthorizeError
	if errors.As(err, &refusal) && refusal.Redirect != nil {
		return h.Interaction.Deliver(w, r, refusal.Redirect)
	}
	return h.Interaction.Fail(w, r, err)
}
