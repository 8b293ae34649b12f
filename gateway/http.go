package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// fetcher is the one way out.
type fetcher struct{ client *http.Client }

func (f fetcher) do(ctx context.Context, method, to string, header http.Header, body io.Reader) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, to, body)
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		r.Header[name] = values
	}
	resp, err := f.client.Do(r)
	// The error holds the address, never a body or header.
	return resp, err
}

// readAll reads the body of a 200 within a limit.
func readAll(resp *http.Response, limit int64) ([]byte, error) {
	if resp.StatusCode != http.StatusOK {
		return nil, statusError(resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > limit {
		return nil, fmt.Errorf("an answer of more than %d bytes", limit)
	}
	return body, nil
}

// statusError is an answer that is no 200.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("status %d", int(e)) }

// endpoints are where the server's things are.
type endpoints struct {
	jwks, token, validate      string
	snapshot, stream, feedKeys string
}

// discover reads the issuer's documents. Every address must be of the issuer's
// own origin: the client's secret goes there.
func discover(ctx context.Context, f fetcher, issuer string) (endpoints, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	var openid struct {
		Issuer string `json:"issuer"`
		JWKS   string `json:"jwks_uri"`
		Token  string `json:"token_endpoint"`
	}
	base := strings.TrimSuffix(issuer, "/")
	if err := f.document(ctx, base+"/.well-known/openid-configuration", &openid); err != nil {
		return endpoints{}, err
	}
	if openid.Issuer != issuer {
		return endpoints{}, fmt.Errorf("gateway: discovery: the server at %s says that it is %q", issuer, openid.Issuer)
	}
	var own struct {
		Issuer   string `json:"issuer"`
		Validate string `json:"validate_uri"`
		Snapshot string `json:"revocation_snapshot_uri"`
		Stream   string `json:"revocation_stream_uri"`
		FeedKeys string `json:"revocation_jwks_uri"`
	}
	if err := f.document(ctx, base+"/.well-known/signet-configuration", &own); err != nil {
		return endpoints{}, err
	}
	e := endpoints{
		jwks: openid.JWKS, token: openid.Token, validate: own.Validate,
		snapshot: own.Snapshot, stream: own.Stream, feedKeys: own.FeedKeys,
	}
	for _, to := range []string{e.jwks, e.token, e.validate, e.snapshot, e.stream, e.feedKeys} {
		if !sameOrigin(issuer, to) {
			return endpoints{}, fmt.Errorf("gateway: discovery: %q is not at the issuer", to)
		}
	}
	return e, nil
}

func sameOrigin(a, b string) bool {
	x, err := url.Parse(a)
	if err != nil {
		return false
	}
	y, err := url.Parse(b)
	return err == nil && x.Scheme == y.Scheme && x.Host == y.Host && y.User == nil
}

const maxDocument = 256 << 10

func (f fetcher) document(ctx context.Context, from string, into any) error {
	resp, err := f.do(ctx, http.MethodGet, from, http.Header{"Accept": {"application/json"}}, nil)
	if err != nil {
		return fmt.Errorf("gateway: discovery: %w", err)
	}
	defer resp.Body.Close()
	body, err := readAll(resp, maxDocument)
	if err == nil {
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		return fmt.Errorf("gateway: discovery: %s: %w", from, err)
	}
	return nil
}

// credential is the gateway's own token for the feed (RFC 6749 §4.4).
type credential struct {
	http             fetcher
	endpoint, issuer string
	id, secret       string

	mu    sync.Mutex
	token string
	until time.Time
}

// early is how long before its end a token is not used any more.
const early = 30 * time.Second

var errToken = errors.New("gateway: no token for the feed")

// get returns a token, or "" where the feed is open to everybody.
func (c *credential) get(ctx context.Context) (string, error) {
	if c.id == "" {
		return "", nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token != "" && instant().Before(c.until) {
		return c.token, nil
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {"revocations:read"}, "resource": {c.issuer}}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}}
	r := http.Request{Header: header}
	r.SetBasicAuth(url.QueryEscape(c.id), url.QueryEscape(c.secret)) // RFC 6749 §2.3.1: encoded, both
	resp, err := c.http.do(ctx, http.MethodPost, c.endpoint, header, strings.NewReader(form.Encode()))
	if err != nil {
		return "", fmt.Errorf("%w: %w", errToken, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxDocument))
	if err != nil {
		return "", fmt.Errorf("%w: %w", errToken, err)
	}
	var answer struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.AccessToken == "" {
		return "", fmt.Errorf("%w: status %d %s: %s", errToken, resp.StatusCode, answer.Error, answer.Description)
	}
	c.token, c.until = answer.AccessToken, instant().Add(time.Duration(answer.ExpiresIn)*time.Second-early)
	return c.token, nil
}

// forget drops a token that was refused.
func (c *credential) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token = ""
}

// sleep waits, or says false when ctx has ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
