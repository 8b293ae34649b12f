package clients

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/signet-idp/signet/test/harness"
)

// goOIDC is a web application with coreos/go-oidc and x/oauth2.
type goOIDC struct {
	provider *oidc.Provider
	verifier *oidc.IDTokenVerifier
	config   oauth2.Config
}

func newGoOIDC(t *testing.T, issuer, clientID, secret string, style oauth2.AuthStyle, scopes ...string) goOIDC {
	t.Helper()
	p, err := oidc.NewProvider(t.Context(), issuer)
	if err != nil {
		t.Fatal(err)
	}
	endpoint := p.Endpoint()
	endpoint.AuthStyle = style
	return goOIDC{
		provider: p,
		verifier: p.Verifier(&oidc.Config{ClientID: clientID}),
		config: oauth2.Config{
			ClientID: clientID, ClientSecret: secret, Endpoint: endpoint, RedirectURL: redirect, Scopes: append([]string{oidc.ScopeOpenID}, scopes...),
		},
	}
}

// login takes the person through the pages and the code to tokens and the
// verified ID token.
func (c goOIDC) login(t *testing.T, b *harness.Browser, options ...oauth2.AuthCodeOption) (*oauth2.Token, *oidc.IDToken) {
	t.Helper()
	verifier, state, nonce := oauth2.GenerateVerifier(), oauth2.GenerateVerifier(), oauth2.GenerateVerifier()
	options = append(options, oauth2.S256ChallengeOption(verifier), oidc.Nonce(nonce))
	response := walk(t, b, c.config.AuthCodeURL(state, options...))
	if got := response.Get("state"); got != state {
		t.Fatalf("state %q, want %q", got, state)
	}
	token, err := c.config.Exchange(t.Context(), response.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	id := c.verify(t, token)
	if id.Nonce != nonce {
		t.Fatalf("nonce %q, want %q", id.Nonce, nonce)
	}
	return token, id
}

// verify checks the ID token of an answer, with its at_hash.
func (c goOIDC) verify(t *testing.T, token *oauth2.Token) *oidc.IDToken {
	t.Helper()
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		t.Fatal("no id_token")
	}
	id, err := c.verifier.Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := id.VerifyAccessToken(token.AccessToken); err != nil {
		t.Fatal(err)
	}
	return id
}

// walk opens an authorization request in the person's browser, signs in and
// agrees where asked, and gives the response that reaches the client.
func walk(t *testing.T, b *harness.Browser, address string) url.Values {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := b.Do(r)
	if p.Has("login-page") {
		p = b.SignIn(p, email, password)
	}
	if p.Has("consent-page") {
		p = b.Approve(p)
	}
	if p.Location == nil {
		t.Fatalf("the browser is still at %s: %d %.500s", p.URL, p.Status, p.Body)
	}
	return p.Location.Query()
}

func TestGoOIDC(t *testing.T) {
	everywhere(t, testGoOIDC)
}

func testGoOIDC(t *testing.T, run server) {
	s := start(t, nowhere, run)
	for _, c := range []struct {
		name, clientID, secret string
		style                  oauth2.AuthStyle
	}{
		{"client_secret_basic", "web", secret, oauth2.AuthStyleInHeader},
		{"client_secret_post", "web-post", secret, oauth2.AuthStyleInParams},
		// x/oauth2 tries the header first when it is not told.
		{"style found out", "web-post", secret, oauth2.AuthStyleAutoDetect},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			goOIDCFlow(t, s, newGoOIDC(t, s.Issuer, c.clientID, c.secret, c.style, "profile", "email", "roles", "offline_access"))
		})
	}
	for _, alg := range []string{"ES256", "PS256", "EdDSA"} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			c := newGoOIDC(t, s.Issuer, "web-"+alg, "", oauth2.AuthStyleInParams)
			_, id := c.login(t, s.NewBrowser(t))
			if id.Subject != person {
				t.Fatalf("sub %q", id.Subject)
			}
		})
	}
}

// goOIDCFlow is a login, userinfo, a refresh and a logout.
func goOIDCFlow(t *testing.T, s *site, c goOIDC) {
	b := s.NewBrowser(t)
	token, id := c.login(t, b, oauth2.SetAuthURLParam("max_age", "300"))
	var claims struct {
		Name          string   `json:"name"`
		Email         string   `json:"email"`
		EmailVerified bool     `json:"email_verified"`
		Roles         []string `json:"roles"`
		AuthTime      int64    `json:"auth_time"`
		SID           string   `json:"sid"`
	}
	if err := id.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	if id.Subject != person || claims.Name != "Alice Example" || claims.Email != email || !claims.EmailVerified ||
		claims.AuthTime == 0 || claims.SID == "" || !slices.Contains(claims.Roles, "billing") {
		t.Fatalf("ID token of %s: %+v", id.Subject, claims)
	}
	// go-oidc takes none of what an ID token says of itself for an API token.
	if _, err := c.verifier.Verify(t.Context(), token.AccessToken); err == nil {
		t.Fatal("an access token passed for an ID token")
	}

	source := c.config.TokenSource(t.Context(), token)
	info, err := c.provider.UserInfo(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	if info.Subject != person || info.Email != email || !info.EmailVerified {
		t.Fatalf("userinfo %+v", info)
	}

	// A source with nothing but the refresh token must get a new one.
	fresh, err := c.config.TokenSource(t.Context(), &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
	if err != nil {
		t.Fatal(err)
	}
	if fresh.RefreshToken == token.RefreshToken || fresh.AccessToken == token.AccessToken {
		t.Fatal("the refresh gave the old tokens again")
	}
	if again := c.verify(t, fresh); again.Subject != person {
		t.Fatalf("sub %q after the refresh", again.Subject)
	}
	c.logout(t, s, b, token)
	if _, err := c.provider.UserInfo(context.Background(), oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "none", TokenType: "Bearer"})); err == nil {
		t.Fatal("userinfo for a token that is none")
	}
}

// logout is RP-initiated: go-oidc leaves it to its user.
func (c goOIDC) logout(t *testing.T, s *site, b *harness.Browser, token *oauth2.Token) {
	t.Helper()
	var discovery struct {
		EndSession string `json:"end_session_endpoint"`
	}
	if err := c.provider.Claims(&discovery); err != nil {
		t.Fatal(err)
	}
	idToken, _ := token.Extra("id_token").(string)
	query := url.Values{"id_token_hint": {idToken}, "post_logout_redirect_uri": {home}, "state": {"bye"}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, discovery.EndSession+"?"+query.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if p := b.Do(r); p.Location == nil || p.Location.String() != home+"?state=bye" {
		t.Fatalf("after the logout: %d %v %.300s", p.Status, p.Location, p.Body)
	}
	silent := walk(t, b, c.config.AuthCodeURL("s", oauth2.SetAuthURLParam("prompt", "none"), oauth2.S256ChallengeOption(oauth2.GenerateVerifier())))
	if silent.Get("error") != "login_required" || silent.Get("iss") != s.Issuer {
		t.Fatalf("prompt=none after the logout: %v", silent)
	}
}
