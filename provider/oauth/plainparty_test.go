package oauth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
	"github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/handler/openid"
	"github.com/ory/fosite/token/jwt"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// plain is fosite as it comes: what ComposeAllEnabled has but the password
// grant, over its own MemoryStore, with JWT access tokens and the endpoints of its documentation.
// One person is always signed in and agrees to everything.
type plain struct {
	provider fosite.OAuth2Provider
	config   *fosite.Config
	store    *plainStore
	url      string
	signedIn time.Time
	disabled bool
	alg      atomic.Value // of what is signed: "ES256", "EdDSA"
	keys     map[string]any
	n        int
}

// cost is bcrypt's; fosite's own is 12. Only slowSecrets wants that.
const cost = 4

func newPlain(t *testing.T) *plain {
	t.Helper()
	p := &plain{signedIn: time.Now().UTC(), keys: map[string]any{}, store: newPlainStore()}
	p.alg.Store("ES256")
	p.rotate(t, "ES256")
	p.rotate(t, "EdDSA")
	mux := http.NewServeMux()
	mux.HandleFunc("/oauth2/authorize", p.authorize)
	mux.HandleFunc(tokenPath, p.token)
	mux.HandleFunc(introspectPath, p.introspect)
	mux.HandleFunc(revokePath, p.revoke)
	mux.HandleFunc("/oauth2/par", p.push)
	ts := httptest.NewServer(mux)
	t.Cleanup(ts.Close)
	p.url = ts.URL
	p.config = &fosite.Config{
		GlobalSecret: []byte(strings.Repeat("s", 32)), IDTokenIssuer: p.url, AccessTokenIssuer: p.url, TokenURL: p.url + tokenPath,
		HashCost: cost,
	}
	p.provider = composePlain(p.config, p.store, func(context.Context) (any, error) { return p.keys[p.alg.Load().(string)], nil })
	return p
}

// warm lets fosite fill the defaults of its configuration, which it does in the
// middle of requests: with requests in parallel that is a data race.
func (p *plain) warm() {
	ctx := context.Background()
	p.config.GetSecretsHasher(ctx)
	p.config.GetScopeStrategy(ctx)
	p.config.GetAudienceStrategy(ctx)
	p.config.GetJWKSFetcherStrategy(ctx)
	p.config.GetHTTPClient(ctx)
	p.config.GetRedirectSecureChecker(ctx)
	p.config.GetHMACHasher(ctx)
}

func composePlain(config *fosite.Config, store any, key func(context.Context) (any, error)) fosite.OAuth2Provider {
	signer := &jwt.DefaultSigner{GetPrivateKey: key}
	hmac := compose.NewOAuth2HMACStrategy(config)
	return compose.Compose(
		config, store,
		&compose.CommonStrategy{
			CoreStrategy:               compose.NewOAuth2JWTStrategy(key, hmac, config),
			OpenIDConnectTokenStrategy: compose.NewOpenIDConnectStrategy(key, config),
			Signer:                     signer,
		},
		compose.OAuth2AuthorizeExplicitFactory, compose.OAuth2AuthorizeImplicitFactory, compose.OAuth2ClientCredentialsGrantFactory,
		compose.OAuth2RefreshTokenGrantFactory, compose.RFC7523AssertionGrantFactory,
		compose.OpenIDConnectExplicitFactory, compose.OpenIDConnectImplicitFactory, compose.OpenIDConnectHybridFactory, compose.OpenIDConnectRefreshFactory,
		compose.OAuth2StatelessJWTIntrospectionFactory, compose.OAuth2TokenRevocationFactory,
		compose.OAuth2PKCEFactory, compose.PushedAuthorizeHandlerFactory,
	)
}

// plainSession has what both of fosite's own sessions have: ID tokens need the
// one, JWT access tokens the other.
type plainSession struct {
	*openid.DefaultSession
	jwt *oauth2.JWTSession
}

func (s *plainSession) GetJWTClaims() jwt.JWTClaimsContainer { return s.jwt.GetJWTClaims() }
func (s *plainSession) GetJWTHeader() *jwt.Headers           { return s.jwt.GetJWTHeader() }
func (s *plainSession) Clone() fosite.Session {
	return &plainSession{s.DefaultSession.Clone().(*openid.DefaultSession), s.jwt.Clone().(*oauth2.JWTSession)}
}

func (p *plain) session() *plainSession {
	s := &plainSession{openid.NewDefaultSession(), &oauth2.JWTSession{JWTClaims: &jwt.JWTClaims{Subject: "peter"}}}
	s.Subject, s.Claims.Subject, s.Claims.AuthTime = "peter", "peter", p.signedIn
	return s
}

func (p *plain) authorize(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	request, err := p.provider.NewAuthorizeRequest(ctx, r)
	if err != nil {
		p.provider.WriteAuthorizeError(ctx, w, request, err)
		return
	}
	for _, s := range request.GetRequestedScopes() {
		request.GrantScope(s)
	}
	response, err := p.provider.NewAuthorizeResponse(ctx, request, p.session())
	if err != nil {
		p.provider.WriteAuthorizeError(ctx, w, request, err)
		return
	}
	p.provider.WriteAuthorizeResponse(ctx, w, request, response)
}

func (p *plain) token(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	request, err := p.provider.NewAccessRequest(ctx, r, &plainSession{openid.NewDefaultSession(), &oauth2.JWTSession{}})
	if err != nil {
		p.provider.WriteAccessError(ctx, w, request, err)
		return
	}
	if request.GetGrantTypes().ExactOne("client_credentials") {
		for _, s := range request.GetRequestedScopes() {
			request.GrantScope(s)
		}
	}
	response, err := p.provider.NewAccessResponse(ctx, request)
	if err != nil {
		p.provider.WriteAccessError(ctx, w, request, err)
		return
	}
	p.provider.WriteAccessResponse(ctx, w, request, response)
}

func (p *plain) introspect(w http.ResponseWriter, r *http.Request) {
	response, err := p.provider.NewIntrospectionRequest(r.Context(), r, p.session())
	if err != nil {
		p.provider.WriteIntrospectionError(r.Context(), w, err)
		return
	}
	p.provider.WriteIntrospectionResponse(r.Context(), w, response)
}

func (p *plain) revoke(w http.ResponseWriter, r *http.Request) {
	p.provider.WriteRevocationResponse(r.Context(), w, p.provider.NewRevocationRequest(r.Context(), r))
}

func (p *plain) push(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	request, err := p.provider.NewPushedAuthorizeRequest(ctx, r)
	if err != nil {
		p.provider.WritePushedAuthorizeError(ctx, w, request, err)
		return
	}
	response, err := p.provider.NewPushedAuthorizeResponse(ctx, request, p.session())
	if err != nil {
		p.provider.WritePushedAuthorizeError(ctx, w, request, err)
		return
	}
	p.provider.WritePushedAuthorizeResponse(ctx, w, request, response)
}

func (p *plain) server() *harness.Instance { return &harness.Instance{URL: p.url, Issuer: p.url} }

func (p *plain) register(t *testing.T, m storage.ClientMetadata) (string, string) {
	t.Helper()
	p.n++
	c := &fosite.DefaultOpenIDConnectClient{DefaultClient: &fosite.DefaultClient{
		ID: fmt.Sprintf("client-%d", p.n), Public: m.TokenEndpointAuthMethod == "none", RedirectURIs: m.RedirectURIs,
		ResponseTypes: []string{"code"}, GrantTypes: m.GrantTypes, Scopes: strings.Fields(m.Scope), Audience: m.Audience,
	}, TokenEndpointAuthMethod: m.TokenEndpointAuthMethod, TokenEndpointAuthSigningAlgorithm: m.TokenEndpointAuthSigningAlg}
	if c.RedirectURIs == nil {
		c.RedirectURIs = []string{harness.Redirect}
	}
	if c.GrantTypes == nil {
		c.GrantTypes = []string{"authorization_code", "refresh_token"}
	}
	if m.Scope == "" {
		c.Scopes = strings.Fields(allScopes)
	}
	if m.JWKS != nil {
		if err := json.Unmarshal(m.JWKS, &c.JSONWebKeys); err != nil {
			t.Fatal(err)
		}
	}
	if m.IDTokenSignedResponseAlg != "" {
		p.alg.Store(m.IDTokenSignedResponseAlg)
	}
	secret := ""
	if m.TokenEndpointAuthMethod == "" {
		c.TokenEndpointAuthMethod = "client_secret_basic"
	}
	if strings.HasPrefix(c.TokenEndpointAuthMethod, "client_secret") {
		secret = "the secret of " + c.ID
		hash, err := p.config.GetSecretsHasher(t.Context()).Hash(t.Context(), []byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		c.Secret = hash
	}
	p.store.Clients[c.ID] = &plainClient{c}
	return c.ID, secret
}

// plainClient may use every response mode.
type plainClient struct {
	*fosite.DefaultOpenIDConnectClient
}

func (plainClient) GetResponseModes() []fosite.ResponseModeType {
	return []fosite.ResponseModeType{fosite.ResponseModeDefault, fosite.ResponseModeQuery, fosite.ResponseModeFragment, fosite.ResponseModeFormPost}
}

func (p *plain) signIn(t *testing.T) *harness.Browser { return p.server().NewBrowser(t) }

func (p *plain) pass(_ *testing.T, d time.Duration) {
	p.signedIn = p.signedIn.Add(-d)
	p.store.age(d)
}

func (p *plain) cut(t *testing.T) {
	p.store.cut.Store(true)
	t.Cleanup(func() { p.store.cut.Store(false) })
}

// disable has nothing to act on: fosite asks nobody about the person.
func (p *plain) disable(*testing.T) { p.disabled = true }

func (p *plain) rotate(t *testing.T, alg string) {
	t.Helper()
	if alg == "ES256" {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		p.keys[alg] = k
		return
	}
	_, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	// fosite takes Ed25519 only as a JWK of go-jose v3, which a client's key set
	// decodes into.
	raw, err := json.Marshal(map[string]any{"jwks": jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: k, KeyID: "ed", Algorithm: alg, Use: "sig"}}}})
	if err != nil {
		t.Fatal(err)
	}
	var holder fosite.DefaultOpenIDConnectClient
	if err := json.Unmarshal(raw, &holder); err != nil {
		t.Fatal(err)
	}
	p.keys[alg] = &holder.JSONWebKeys.Keys[0]
}

func (p *plain) stored(*testing.T) string { return p.store.text() }

func (p *plain) kept(*testing.T, answer) bool { return len(p.store.RefreshTokens) > 0 }

func (p *plain) configuration() string { return printed(p.config) }
