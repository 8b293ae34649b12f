package harness

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// Browser walks the hosted pages of an Instance like a person: it keeps
// cookies, fills forms, and stops where a redirect leaves the instance.
type Browser struct {
	TB     testing.TB
	In     *Instance
	client *http.Client
}

// Page is what the browser shows: an answer of the instance, or, with Location
// set, the redirect that left it.
type Page struct {
	Status   int
	URL      *url.URL
	Header   http.Header
	Body     string
	Location *url.URL
}

// NewBrowser opens a browser without cookies.
func (i *Instance) NewBrowser(tb testing.TB) *Browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		tb.Fatal(err)
	}
	b := &Browser{TB: tb, In: i}
	b.client = &http.Client{Transport: i.caller().Transport, Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if !strings.HasPrefix(r.URL.String(), i.URL+"/") {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	return b
}

// Cookies are what the browser holds for the instance.
func (b *Browser) Cookies() []*http.Cookie {
	u, _ := url.Parse(b.In.URL)
	return b.client.Jar.Cookies(u)
}

// Do sends a request and follows redirects within the instance.
func (b *Browser) Do(r *http.Request) Page {
	b.TB.Helper()
	resp, err := b.client.Do(r)
	if err != nil {
		b.TB.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.TB.Fatal(err)
	}
	p := Page{Status: resp.StatusCode, URL: resp.Request.URL, Header: resp.Header, Body: string(body)}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		if p.Location, err = resp.Location(); err != nil {
			b.TB.Fatal(err)
		}
	}
	return p
}

// Get opens an address of the instance.
func (b *Browser) Get(path string) Page {
	b.TB.Helper()
	r, err := http.NewRequest(http.MethodGet, b.In.URL+path, nil)
	if err != nil {
		b.TB.Fatal(err)
	}
	return b.Do(r)
}

// Post sends a form to an address of the instance.
func (b *Browser) Post(path string, form url.Values) Page {
	b.TB.Helper()
	r, err := http.NewRequest(http.MethodPost, b.In.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.TB.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.Do(r)
}

var (
	formAction = regexp.MustCompile(`<form[^>]*action="([^"]*)"`)
	inputTag   = regexp.MustCompile(`<input[^>]*>`)
	attrName   = regexp.MustCompile(`\bname="([^"]*)"`)
	attrValue  = regexp.MustCompile(`\bvalue="([^"]*)"`)
	idError    = regexp.MustCompile(`id="error-code"[^>]*>([^<]*)<`)
)

// Has says whether the page holds an element with the id.
func (p Page) Has(id string) bool { return strings.Contains(p.Body, `id="`+id+`"`) }

// ErrorCode is the code on our error page, or "".
func (p Page) ErrorCode() string {
	m := idError.FindStringSubmatch(p.Body)
	if m == nil {
		return ""
	}
	return strings.TrimSpace(html.UnescapeString(m[1]))
}

// Form reads the page's form: where it goes and its hidden inputs.
func (p Page) Form() (action string, fields url.Values) {
	fields = url.Values{}
	if m := formAction.FindStringSubmatch(p.Body); m != nil {
		action = html.UnescapeString(m[1])
	}
	for _, tag := range inputTag.FindAllString(p.Body, -1) {
		name, value := attrName.FindStringSubmatch(tag), attrValue.FindStringSubmatch(tag)
		if name != nil && value != nil {
			fields.Set(html.UnescapeString(name[1]), html.UnescapeString(value[1]))
		}
	}
	return action, fields
}

// Submit sends the page's form with more fields.
func (b *Browser) Submit(p Page, more map[string]string) Page {
	b.TB.Helper()
	action, fields := p.Form()
	if action == "" {
		b.TB.Fatalf("no form on the page (status %d): %.300s", p.Status, p.Body)
	}
	for k, v := range more {
		fields.Set(k, v)
	}
	return b.Post(action, fields)
}

// SignIn fills the sign-in page.
func (b *Browser) SignIn(p Page, email, password string) Page {
	b.TB.Helper()
	if !p.Has("login-page") {
		b.TB.Fatalf("not the sign-in page: status %d location %v body %.400s", p.Status, p.Location, p.Body)
	}
	return b.Submit(p, map[string]string{"username": email, "password": password, "action": "login"})
}

// Approve agrees on the consent page.
func (b *Browser) Approve(p Page) Page {
	b.TB.Helper()
	if !p.Has("consent-page") {
		b.TB.Fatalf("not the consent page: status %d location %v body %.400s", p.Status, p.Location, p.Body)
	}
	return b.Submit(p, map[string]string{"action": "approve"})
}

// Authorization is one authorization request as a client makes it.
type Authorization struct {
	Params   url.Values
	Verifier string
}

// NewAuthorization makes an authorization request of a client with PKCE, state
// and nonce; more overrides, an empty value removes.
func NewAuthorization(clientID, scope string, more map[string]string) Authorization {
	verifier := random()
	sum := sha256.Sum256([]byte(verifier))
	v := url.Values{
		"client_id": {clientID}, "response_type": {"code"}, "redirect_uri": {Redirect}, "scope": {scope},
		"state": {random()}, "nonce": {random()},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	for name, value := range more {
		if value == "" {
			v.Del(name)
		} else {
			v.Set(name, value)
		}
	}
	return Authorization{Params: v, Verifier: verifier}
}

func random() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// Path is the request's address.
func (a Authorization) Path() string { return "/oauth2/authorize?" + a.Params.Encode() }

// Code walks an authorization to its code: signs in and agrees where asked.
func (b *Browser) Code(a Authorization, email, password string) string {
	b.TB.Helper()
	p := b.Get(a.Path())
	if p.Has("login-page") {
		p = b.SignIn(p, email, password)
	}
	if p.Has("consent-page") {
		p = b.Approve(p)
	}
	return CodeOf(b.TB, p)
}

// CodeOf takes the code out of a redirect to the client.
func CodeOf(tb testing.TB, p Page) string {
	tb.Helper()
	if p.Location == nil || p.Location.Query().Get("code") == "" {
		tb.Fatalf("no code: status %d location %v body %.500s", p.Status, p.Location, p.Body)
	}
	return p.Location.Query().Get("code")
}

// TokenAnswer is an answer of the token endpoint.
type TokenAnswer struct {
	Status       int
	Header       http.Header
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	IDToken      string `json:"id_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"`
	Scope        string `json:"scope"`
	Error        string `json:"error"`
	Description  string `json:"error_description"`
}

// Token calls the token endpoint; with a secret by client_secret_basic, else
// with client_id in the form.
func (i *Instance) Token(tb testing.TB, clientID, secret string, form url.Values) TokenAnswer {
	tb.Helper()
	if secret == "" {
		form.Set("client_id", clientID)
	}
	r, err := http.NewRequest(http.MethodPost, i.URL+"/oauth2/token", strings.NewReader(form.Encode()))
	if err != nil {
		tb.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if secret != "" {
		r.SetBasicAuth(url.QueryEscape(clientID), url.QueryEscape(secret))
	}
	resp, err := i.caller().Do(r)
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	out := TokenAnswer{Status: resp.StatusCode, Header: resp.Header}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		tb.Fatal(err)
	}
	return out
}

// Redeem exchanges a code.
func (i *Instance) Redeem(tb testing.TB, clientID, secret string, a Authorization, code string) TokenAnswer {
	tb.Helper()
	return i.Token(tb, clientID, secret, url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {a.Params.Get("redirect_uri")}, "code_verifier": {a.Verifier},
	})
}

// Refresh exchanges a refresh token; more adds parameters.
func (i *Instance) Refresh(tb testing.TB, clientID, secret, token string, more map[string]string) TokenAnswer {
	tb.Helper()
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
	for k, v := range more {
		form.Set(k, v)
	}
	return i.Token(tb, clientID, secret, form)
}

// Claims reads a JWT's payload without verifying it.
func Claims(tb testing.TB, compact string) map[string]any {
	tb.Helper()
	parts := strings.Split(compact, ".")
	if len(parts) != 3 {
		tb.Fatalf("not a JWT: %q", compact)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		tb.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		tb.Fatal(err)
	}
	return out
}

// JSON calls an address with a bearer and decodes the answer.
func (i *Instance) JSON(tb testing.TB, method, path, bearer string, body any) (int, map[string]any, http.Header) {
	tb.Helper()
	var reader io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			tb.Fatal(err)
		}
		reader = strings.NewReader(string(raw))
	}
	r, err := http.NewRequest(method, i.URL+path, reader)
	if err != nil {
		tb.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := i.caller().Do(r)
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		tb.Fatal(err)
	}
	var out map[string]any
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &out); err != nil {
			tb.Fatal(fmt.Errorf("%s %s: %d %q: %w", method, path, resp.StatusCode, raw, err))
		}
	}
	return resp.StatusCode, out, resp.Header
}

// caller calls the instance; another program's server has the usual one.
func (i *Instance) caller() *http.Client {
	if i.HTTP == nil {
		return http.DefaultClient
	}
	return i.HTTP
}
