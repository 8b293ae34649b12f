package replicas_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signet-idp/signet/gateway"
	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

const (
	password = "correct horse battery"
	scopes   = "openid offline_access"
)

// world is one or more replicas with a person and a client that needs no
// consent.
type world struct {
	all    []*harness.Instance
	person storage.User
	// gateways follow the feed, each at its replica; where a test asked for them.
	gateways []*gateway.Verifier
}

// guard gives each replica a gateway that follows it.
func (w *world) guard(t *testing.T) {
	t.Helper()
	for n, in := range w.all {
		w.gateways = append(w.gateways, in.Gateway(t, fmt.Sprintf("gateway%d", n), func(c *gateway.Config) {
			c.OnStale, c.MaxStale = gateway.Refuse, patience
		}))
	}
}

// setup makes replicas, an owner and a public client named web.
func setup(t *testing.T, n int, o harness.Options) *world {
	t.Helper()
	w := &world{}
	if o.DatabaseURL == "" {
		w.all = []*harness.Instance{harness.Start(t, o)}
	} else {
		w.all = harness.Replicas(t, n, o)
	}
	w.person = w.all[0].User(t, "alice@example.test", password)
	w.all[0].Client(t, "web", storage.ClientMetadata{TokenEndpointAuthMethod: "none", FirstParty: true})
	w.sync(t)
	return w
}

func (w *world) at(i int) *harness.Instance { return w.all[i%len(w.all)] }

func (w *world) sync(t *testing.T) {
	t.Helper()
	for _, in := range w.all {
		in.Sync(t)
	}
}

// login is a session of a person with one grant.
type login struct {
	browser *harness.Browser
	session storage.Session
	tokens  harness.TokenAnswer
}

// login signs a person in at a replica and gets tokens for web.
func (w *world) login(t *testing.T, in *harness.Instance, userID, scope string, more map[string]string) login {
	t.Helper()
	b, s := in.SignedIn(t, userID)
	return login{b, s, tokens(t, in, b, scope, more)}
}

func tokens(t *testing.T, in *harness.Instance, b *harness.Browser, scope string, more map[string]string) harness.TokenAnswer {
	t.Helper()
	a, code := b.Silent("web", scope, more)
	got := in.Redeem(t, "web", "", a, code)
	if got.Status != http.StatusOK || got.AccessToken == "" || got.RefreshToken == "" {
		t.Fatalf("redeem: %+v", got)
	}
	return got
}

// engines runs a test on one server over SQLite and on two over PostgreSQL.
func engines(t *testing.T, f func(t *testing.T, w *world)) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		f(t, setup(t, 1, harness.Options{}))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		f(t, setup(t, 2, harness.Options{DatabaseURL: servers.Postgres(t)}))
	})
}

// answer is what one of many parallel requests got.
type answer struct {
	status int
	body   string
	fields map[string]any
	header http.Header
	err    error
}

func (a answer) field(name string) string {
	s, _ := a.fields[name].(string)
	return s
}

// caller sends requests from many goroutines: it reports instead of failing.
type caller struct{ client *http.Client }

// newCaller keeps enough connections for n requests at once.
func newCaller(t *testing.T, n int) caller {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: n, MaxIdleConns: 4 * n}
	t.Cleanup(transport.CloseIdleConnections)
	return caller{&http.Client{Transport: transport, Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}}
}

func (c caller) do(r *http.Request) answer {
	resp, err := c.client.Do(r)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	out := answer{status: resp.StatusCode, body: string(body), header: resp.Header, err: err}
	_ = json.Unmarshal(body, &out.fields) // pages are no JSON
	return out
}

func (c caller) post(ctx context.Context, address string, form url.Values, cookies ...*http.Cookie) answer {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return answer{err: err}
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, k := range cookies {
		r.AddCookie(k)
	}
	return c.do(r)
}

func (c caller) get(ctx context.Context, address string, cookies ...*http.Cookie) answer {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return answer{err: err}
	}
	for _, k := range cookies {
		r.AddCookie(k)
	}
	return c.do(r)
}

// validate asks form B, which answers 401 for a dead token.
func (c caller) validate(ctx context.Context, in *harness.Instance, token string) answer {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, in.URL+"/auth/validate", http.NoBody)
	if err != nil {
		return answer{err: err}
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return c.do(r)
}

// parallel runs f n times at once: all wait at one gate.
func parallel[T any](n int, f func(i int) T) []T {
	out := make([]T, n)
	gate := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-gate
			out[i] = f(i)
		})
	}
	close(gate)
	wg.Wait()
	return out
}

// noServerErrors fails the test for a 5xx or a broken connection.
func noServerErrors(t *testing.T, what string, answers []answer) {
	t.Helper()
	for _, a := range answers {
		if a.err != nil || a.status >= http.StatusInternalServerError {
			t.Fatalf("%s: %d %v %.300s", what, a.status, a.err, a.body)
		}
	}
}

func count(answers []answer, is func(answer) bool) (n int) {
	for _, a := range answers {
		if is(a) {
			n++
		}
	}
	return n
}

func redeemForm(a harness.Authorization, code string) url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "client_id": {"web"}, "code": {code},
		"redirect_uri": {a.Params.Get("redirect_uri")}, "code_verifier": {a.Verifier},
	}
}

func refreshForm(token string) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "client_id": {"web"}, "refresh_token": {token}}
}

// subject makes one more person.
func (w *world) subject(t *testing.T, n int) storage.User {
	t.Helper()
	return w.all[0].User(t, fmt.Sprintf("person%d@example.test", n), password)
}

// headerKID reads the kid of a token's header.
func headerKID(t *testing.T, compact string) string {
	t.Helper()
	head, _, _ := strings.Cut(compact, ".")
	raw, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		t.Fatal(err)
	}
	var h struct{ KID, Alg, Typ string }
	if err := json.Unmarshal(raw, &h); err != nil {
		t.Fatal(err)
	}
	return h.KID
}
