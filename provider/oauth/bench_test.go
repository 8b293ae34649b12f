package oauth_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/signet-idp/signet/provider/login"
	"github.com/signet-idp/signet/provider/oauth"
	"github.com/signet-idp/signet/provider/oauth/params"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// These run the grants in process, over SQLite, without HTTP. What HTTP adds is
// measured by test/load.

func BenchmarkClientCredentials(b *testing.B) {
	in := harness.Start(b, harness.Options{})
	_, secret := in.Service(b, "orders", "", storage.ClientMetadata{Scope: "orders:read"})
	form := mustParse(b, url.Values{"grant_type": {"client_credentials"}})
	cred := oauth.Credentials{Authorization: []string{"Basic " + base64.StdEncoding.EncodeToString([]byte("orders:"+secret))}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := in.OAuth.Token(b.Context(), form, cred); err != nil {
			b.Fatal(err)
		}
	}
}

func mustParse(b *testing.B, v url.Values) params.Form {
	b.Helper()
	f, err := params.Parse(v.Encode())
	if err != nil {
		b.Fatal(err)
	}
	return f
}

// signedIn is a server with a signed-in person and a client for each kind of ID
// token.
type signedIn struct {
	in      *harness.Instance
	session storage.Session
}

func newSignedIn(b *testing.B) signedIn {
	b.Helper()
	in := harness.Start(b, harness.Options{})
	in.User(b, personEmail, personPassword)
	for _, alg := range []string{"ES256", "RS256"} {
		in.Client(b, alg, storage.ClientMetadata{TokenEndpointAuthMethod: "none", FirstParty: true, IDTokenSignedResponseAlg: alg})
	}
	browser := in.NewBrowser(b)
	browser.Code(harness.NewAuthorization("ES256", allScopes, nil), personEmail, personPassword)
	for _, c := range browser.Cookies() {
		if s, err := in.Sessions.FromCookie(b.Context(), c.Value); err == nil {
			return signedIn{in, s}
		}
	}
	b.Fatal("no session cookie")
	return signedIn{}
}

// code is one code flow with a session that stands.
func (s signedIn) code(b *testing.B, client string) *oauth.TokenResponse {
	b.Helper()
	a := harness.NewAuthorization(client, allScopes, nil)
	req, err := s.in.OAuth.ParseAuthorize(b.Context(), mustParse(b, a.Params))
	if err != nil {
		b.Fatal(err)
	}
	resp, err := s.in.OAuth.Authorize(b.Context(), req, s.session, nil)
	if err != nil {
		b.Fatal(err)
	}
	form := redemption(a, resp.Params.Get("code"))
	form.Set("client_id", client)
	out, err := s.in.OAuth.Token(b.Context(), mustParse(b, form), oauth.Credentials{})
	if err != nil {
		b.Fatal(err)
	}
	return out
}

func BenchmarkCodeFlow(b *testing.B) {
	s := newSignedIn(b)
	for _, alg := range []string{"ES256", "RS256"} {
		b.Run(alg, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.code(b, alg)
			}
		})
	}
}

func BenchmarkRefresh(b *testing.B) {
	s := newSignedIn(b)
	for _, alg := range []string{"ES256", "RS256"} {
		b.Run(alg, func(b *testing.B) {
			token := s.code(b, alg).RefreshToken
			b.ReportAllocs()
			for b.Loop() {
				form := refreshing(token)
				form.Set("client_id", alg)
				out, err := s.in.OAuth.Token(b.Context(), mustParse(b, form), oauth.Credentials{})
				if err != nil {
					b.Fatal(err)
				}
				token = out.RefreshToken
			}
		})
	}
}

// BenchmarkRefreshDirect is POST /auth/refresh without HTTP: RS256, no ID token.
func BenchmarkRefreshDirect(b *testing.B) {
	in := jsonParty(b, harness.Options{})
	token := jsonLogin(b, in, login.Options{}).RefreshToken
	b.ReportAllocs()
	for b.Loop() {
		out, err := in.OAuth.RefreshDirect(b.Context(), "legacy", token, "")
		if err != nil {
			b.Fatal(err)
		}
		token = out.RefreshToken
	}
}

func BenchmarkUserInfo(b *testing.B) {
	s := newSignedIn(b)
	token := s.code(b, "ES256").AccessToken
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.in.OAuth.UserInfo(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParseAuthorize is what a hostile request costs at most before it is
// refused, and a good one before anybody is looked up.
func BenchmarkParseAuthorize(b *testing.B) {
	in := harness.Start(b, harness.Options{})
	in.Client(b, "web", storage.ClientMetadata{TokenEndpointAuthMethod: "none"})
	query := harness.NewAuthorization("web", allScopes, nil).Params.Encode()
	b.ReportAllocs()
	for b.Loop() {
		form, err := params.Parse(query)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := in.OAuth.ParseAuthorize(b.Context(), form); err != nil {
			b.Fatal(err)
		}
	}
}

// sink is the cheapest honest writer: net/http's own cost is not ours.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }

// BenchmarkTokenFrame is BenchmarkClientCredentials through the whole frame.
func BenchmarkTokenFrame(b *testing.B) {
	in := harness.Start(b, harness.Options{})
	_, secret := in.Service(b, "orders", "", storage.ClientMetadata{Scope: "orders:read"})
	body := url.Values{"grant_type": {"client_credentials"}}.Encode()
	b.ReportAllocs()
	for b.Loop() {
		w := &sink{header: http.Header{}}
		r := httptest.NewRequest(http.MethodPost, in.Issuer+tokenPath, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth("orders", secret)
		in.Handler.ServeHTTP(w, r)
		if w.status != http.StatusOK {
			b.Fatal(w.status)
		}
	}
}
