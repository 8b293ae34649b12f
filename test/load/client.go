package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/signet-idp/signet/internal/testkit/softkey"
)

// worker is one connection that is kept alive, with a browser's cookies.
type worker struct {
	n       int
	site    *site
	client  *http.Client
	scratch []byte
	// What an operation carries from one request to the next.
	refresh, access string
	key             *softkey.Passkey
	owner           string // of the key
}

const usualScope = "openid profile email offline_access"

// site is what all workers share.
type site struct {
	url string
	installation
}

// newWorker opens a connection of its own.
func (s *site) newWorker(n int) *worker {
	w := &worker{n: n, site: s, scratch: make([]byte, 64<<10)}
	w.client = &http.Client{
		Timeout: 30 * time.Second,
		Transport: &http.Transport{
			MaxConnsPerHost: 1, MaxIdleConnsPerHost: 1, DisableCompression: true,
			DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	w.forget()
	return w
}

// forget empties the browser's cookies.
func (w *worker) forget() {
	w.client.Jar, _ = cookiejar.New(nil) // never fails without options
}

// reply is an answer; body is good until the worker's next request.
type reply struct {
	status   int
	location string
	body     []byte
}

// do sends a request and reads the answer to its end.
func (w *worker) do(r *http.Request) (reply, error) {
	resp, err := w.client.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	n, err := io.ReadFull(resp.Body, w.scratch)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return reply{}, err
	}
	return reply{resp.StatusCode, resp.Header.Get("Location"), w.scratch[:n]}, nil
}

// get fetches a path or an address of the site.
func (w *worker) get(ctx context.Context, path string) (reply, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.absolute(path), nil)
	if err != nil {
		return reply{}, err
	}
	return w.do(r)
}

func (w *worker) absolute(path string) string {
	if strings.HasPrefix(path, "/") {
		return w.site.url + path
	}
	return path
}

// bearing asks with an access token.
func (w *worker) bearing(ctx context.Context, method, path, token string) error {
	r, err := http.NewRequestWithContext(ctx, method, w.site.url+path, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return expect(w.do(r))
}

// post sends a form; with basic, as the service.
func (w *worker) post(ctx context.Context, path string, form url.Values, basic bool) (reply, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.absolute(path), strings.NewReader(form.Encode()))
	if err != nil {
		return reply{}, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if basic {
		r.SetBasicAuth(service, w.site.secret)
	}
	return w.do(r)
}

// expect fails unless the answer is a 200.
func expect(r reply, err error) error {
	if err == nil && r.status != http.StatusOK {
		err = fmt.Errorf("status %d: %.300s", r.status, r.body)
	}
	return err
}

// tokens is what is read of the token endpoint's answer.
type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	ID      string `json:"id_token"`
}

func (w *worker) token(ctx context.Context, form url.Values, basic bool) (tokens, error) {
	r, err := w.post(ctx, "/oauth2/token", form, basic)
	if err := expect(r, err); err != nil {
		return tokens{}, err
	}
	var t tokens
	if err := json.Unmarshal(r.body, &t); err != nil {
		return tokens{}, err
	}
	return t, nil
}

// authorization is one request with PKCE.
type authorization struct{ client, path, verifier string }

func newAuthorization(client, scope string) authorization {
	verifier := rand.Text() + rand.Text()
	sum := sha256.Sum256([]byte(verifier))
	return authorization{client, "/oauth2/authorize?" + url.Values{
		"client_id": {client}, "response_type": {"code"}, "redirect_uri": {redirectURI}, "scope": {scope},
		"state": {rand.Text()}, "nonce": {rand.Text()},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}.Encode(), verifier}
}

// redeem exchanges the code in a redirect to the client.
func (w *worker) redeem(ctx context.Context, a authorization, location string) (tokens, error) {
	u, err := url.Parse(location)
	if err != nil || !strings.HasPrefix(location, redirectURI) || u.Query().Get("code") == "" {
		return tokens{}, fmt.Errorf("no code: redirect to %q", location)
	}
	return w.token(ctx, url.Values{
		"grant_type": {"authorization_code"}, "client_id": {a.client}, "code": {u.Query().Get("code")},
		"redirect_uri": {redirectURI}, "code_verifier": {a.verifier},
	}, false)
}

var (
	action = regexp.MustCompile(`<form[^>]*action="([^"]*)"`)
	hidden = regexp.MustCompile(`<input[^>]*type="hidden"[^>]*>`)
	name   = regexp.MustCompile(`\bname="([^"]*)"`)
	value  = regexp.MustCompile(`\bvalue="([^"]*)"`)
)

// login signs a person in on the hosted page and returns the redirect to the
// client.
func (w *worker) login(ctx context.Context, a authorization, email string) (string, error) {
	r, err := w.get(ctx, a.path)
	if err != nil {
		return "", err
	}
	if r.status != http.StatusSeeOther {
		return "", fmt.Errorf("authorize: status %d: %.300s", r.status, r.body)
	}
	if r, err = w.get(ctx, r.location); err != nil {
		return "", err
	}
	form := url.Values{"username": {email}, "password": {password}, "action": {"login"}}
	for _, input := range hidden.FindAllSubmatch(r.body, -1) {
		n, v := name.FindSubmatch(input[0]), value.FindSubmatch(input[0])
		if n != nil && v != nil {
			form.Set(html.UnescapeString(string(n[1])), html.UnescapeString(string(v[1])))
		}
	}
	to := action.FindSubmatch(r.body)
	if to == nil {
		return "", fmt.Errorf("no form: status %d: %.300s", r.status, r.body)
	}
	if r, err = w.post(ctx, html.UnescapeString(string(to[1])), form, false); err != nil {
		return "", err
	}
	if r.status != http.StatusSeeOther || !strings.HasPrefix(r.location, redirectURI) {
		return "", fmt.Errorf("login: status %d to %q: %.300s", r.status, r.location, r.body)
	}
	return r.location, nil
}
