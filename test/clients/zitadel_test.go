package clients

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/pkg/client/rp"
	"github.com/zitadel/oidc/v3/pkg/client/rs"
	zhttp "github.com/zitadel/oidc/v3/pkg/http"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"golang.org/x/oauth2"
)

type (
	zitadelTokens = oidc.Tokens[*oidc.IDTokenClaims]
	zitadelLogin  struct {
		tokens *zitadelTokens
		info   *oidc.UserInfo
		state  string
	}
)

// zitadelSite is a web application with the relying party's own handlers.
type zitadelSite struct {
	rp.RelyingParty
	*httptest.Server
	logins chan zitadelLogin
}

// newZitadelSite runs an application. Without a redirect URI it has its own
// address, as a program on a person's machine does.
func newZitadelSite(t *testing.T, issuer, clientID, secret, redirect string, options ...rp.Option) *zitadelSite {
	t.Helper()
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	cookies := zhttp.NewCookieHandler(key, key, zhttp.WithUnsecure()) // plain http
	site := &zitadelSite{logins: make(chan zitadelLogin, 1)}
	mux := http.NewServeMux()
	site.Server = httptest.NewServer(mux)
	t.Cleanup(site.Close)
	if redirect == "" {
		redirect = site.URL + "/callback"
	}
	// An ID token of the future is refused, to the second; so is one that is
	// older than a minute.
	options = append(options, rp.WithPKCE(cookies), rp.WithSigningAlgsFromDiscovery(),
		rp.WithVerifierOpts(rp.WithIssuedAtOffset(0), rp.WithIssuedAtMaxAge(time.Minute), rp.WithAuthTimeMaxAge(time.Minute)),
		rp.WithErrorHandler(func(w http.ResponseWriter, _ *http.Request, code, description, _ string) {
			http.Error(w, code+": "+description, http.StatusForbidden)
		}))
	var err error
	site.RelyingParty, err = rp.NewRelyingPartyOIDC(t.Context(), issuer, clientID, secret, redirect,
		[]string{oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeEmail, "roles"}, options...)
	if err != nil {
		t.Fatal(err)
	}
	mux.HandleFunc("/login", rp.AuthURLHandler(oauth2.GenerateVerifier, site))
	mux.HandleFunc("/callback", rp.CodeExchangeHandler(rp.UserinfoCallback(
		func(w http.ResponseWriter, _ *http.Request, tokens *zitadelTokens, state string, _ rp.RelyingParty, info *oidc.UserInfo) {
			site.logins <- zitadelLogin{tokens, info, state}
			_, _ = io.WriteString(w, "welcome")
		}), site))
	return site
}

// login opens the application, signs in at Signet, and comes back.
func (z *zitadelSite) login(t *testing.T, s *site) zitadelLogin {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	out := get(t, browser, z.URL+"/login")
	if out.location == nil {
		t.Fatalf("the application began no login: %d %s", out.status, out.body)
	}
	response := walk(t, s.NewBrowser(t), out.location.String())
	if back := get(t, browser, z.URL+"/callback?"+response.Encode()); back.status != http.StatusOK {
		t.Fatalf("the application refused the login: %d %s", back.status, back.body)
	}
	l := <-z.logins
	if l.state != out.location.Query().Get("state") {
		t.Fatalf("state %q", l.state)
	}
	return l
}

// answer is what the application says.
type answer struct {
	status   int
	location *url.URL // where it sends the browser, or nil
	body     string
}

func get(t *testing.T, c *http.Client, address string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	location, _ := resp.Location()
	return answer{resp.StatusCode, location, string(body)}
}

func TestZitadelRelyingParty(t *testing.T) {
	everywhere(t, testZitadelRelyingParty)
}

func testZitadelRelyingParty(t *testing.T, run server) {
	s := start(t, nowhere, run)
	key := rp.WithJWTProfile(rp.SignerFromKeyAndKeyID(s.pem(t, "RS256"), "client-RS256"))
	for _, c := range []struct {
		name, clientID, secret, redirect string
		option                           rp.Option
	}{
		{"public, on a port of its own", "desktop", "", "", rp.WithAuthStyle(oauth2.AuthStyleInParams)},
		{"client_secret_basic", "web", secret, redirect, rp.WithAuthStyle(oauth2.AuthStyleInHeader)},
		{"client_secret_post", "web-post", secret, redirect, rp.WithAuthStyle(oauth2.AuthStyleInParams)},
		{"private_key_jwt", "web-keys", "", redirect, key},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			z := newZitadelSite(t, s.Issuer, c.clientID, c.secret, c.redirect, c.option)
			zitadelFlow(t, s, z)
		})
	}
}

// zitadelFlow is a login with userinfo, a refresh, a revocation and a logout.
func zitadelFlow(t *testing.T, s *site, z *zitadelSite) {
	ctx := t.Context()
	first := z.login(t, s)
	claims := first.tokens.IDTokenClaims
	if claims.Subject != person || claims.Name != "Alice Example" || !bool(claims.EmailVerified) || claims.AuthTime.AsTime().IsZero() || claims.SessionID == "" {
		t.Fatalf("ID token: %+v", claims)
	}
	if first.info.Subject != person || first.info.Email != email || first.info.Claims["roles"] == nil {
		t.Fatalf("userinfo: %+v", first.info)
	}

	fresh, err := rp.RefreshTokens[*oidc.IDTokenClaims](ctx, z, first.tokens.RefreshToken, "", "")
	if err != nil {
		t.Fatal(err)
	}
	if fresh.IDTokenClaims.GetSubject() != person || fresh.RefreshToken == first.tokens.RefreshToken || fresh.RefreshToken == "" {
		t.Fatalf("refresh: %+v", fresh)
	}
	info := func(tokens *zitadelTokens) error {
		_, err := rp.Userinfo[*oidc.UserInfo](ctx, tokens.AccessToken, tokens.TokenType, person, z)
		return err
	}
	if err := info(fresh); err != nil {
		t.Fatal(err)
	}
	if err := rp.RevokeToken(ctx, z, fresh.RefreshToken, "refresh_token"); err != nil {
		t.Fatal(err)
	}
	if _, err := rp.RefreshTokens[*oidc.IDTokenClaims](ctx, z, fresh.RefreshToken, "", ""); !isOAuth(err, "invalid_grant") {
		t.Fatalf("a revoked refresh token: %v", err)
	}

	second := z.login(t, s)
	bye := home
	if z.OAuthConfig().ClientID == "desktop" {
		bye = "http://127.0.0.1/bye"
	}
	// The relying party calls from its server, without the person's cookies.
	there, err := rp.EndSession(ctx, z, second.tokens.IDToken, bye, "s t", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if there == nil || there.Query().Get("state") != "s t" || there.Host != host(t, bye) {
		t.Fatalf("after the logout: %v", there)
	}
	eventually(t, time.Second, "no userinfo after the logout", func() bool { return info(second.tokens) != nil })
}

func host(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

func isOAuth(err error, code string) bool {
	var oauth *oidc.Error
	if errors.As(err, &oauth) {
		return string(oauth.ErrorType) == code
	}
	var retrieve *oauth2.RetrieveError
	return errors.As(err, &retrieve) && retrieve.ErrorCode == code
}

// TestZitadelResourceServer introspects as an API does, by secret and by key.
func TestZitadelResourceServer(t *testing.T) {
	everywhere(t, testZitadelResourceServer)
}

func testZitadelResourceServer(t *testing.T, run server) {
	s := start(t, nowhere, run)
	ctx := t.Context()
	service, err := rp.NewRelyingPartyOIDC(ctx, s.Issuer, "orders", secret, "", []string{"orders:read"}, rp.WithAuthStyle(oauth2.AuthStyleInHeader))
	if err != nil {
		t.Fatal(err)
	}
	token, err := rp.ClientCredentials(ctx, service, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, open := range map[string]func(context.Context) (rs.ResourceServer, error){
		"client_secret_basic": func(ctx context.Context) (rs.ResourceServer, error) {
			return rs.NewResourceServerClientCredentials(ctx, s.Issuer, "orders", secret)
		},
		"private_key_jwt": func(ctx context.Context) (rs.ResourceServer, error) {
			return rs.NewResourceServerJWTProfile(ctx, s.Issuer, "robot", "client-RS256", s.pem(t, "RS256"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, err := open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got, err := rs.Introspect[*oidc.IntrospectionResponse](t.Context(), server, token.AccessToken)
			if err != nil {
				t.Fatal(err)
			}
			if !got.Active || got.Subject != "orders" || got.ClientID != "orders" || got.Issuer != s.Issuer ||
				!slices.Contains(got.Scope, "orders:read") || !slices.Contains(got.Audience, api) || got.Claims["org_slug"] != "acme" {
				t.Fatalf("introspection: %+v", got)
			}
			if none, err := rs.Introspect[*oidc.IntrospectionResponse](t.Context(), server, "none"); err != nil || none.Active {
				t.Fatalf("introspection of nothing: %+v %v", none, err)
			}
		})
	}
}

// pem is one of the clients' private keys.
func (s *site) pem(t *testing.T, alg string) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(s.keys[alg].Key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}
