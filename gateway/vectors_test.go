package gateway

import (
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var update = flag.Bool("update", false, "sign the vectors anew")

// vectorFile is what the verifiers in Go, Python and TypeScript all pass.
var vectorFile = filepath.Join("testdata", "vectors.json")

// vectors are tokens, requests and feeds with what is to become of them.
type vectors struct {
	About    []string          `json:"about"`
	Issuer   string            `json:"issuer"`
	Audience string            `json:"audience"`
	Now      int64             `json:"now"`  // seconds
	Skew     int64             `json:"skew"` // seconds
	JWKS     json.RawMessage   `json:"jwks"`
	FeedJWKS json.RawMessage   `json:"feed_jwks"`
	Tokens   []tokenVector     `json:"tokens"`
	Kills    []killVector      `json:"revocations"`
	Routes   []routeVector     `json:"routes"`
	Feeds    []feedVector      `json:"feeds"`
	Named    map[string]string `json:"named_tokens"`
}

// tokenVector: a token, the word of Reason, and the answer to the client.
type tokenVector struct {
	Name        string       `json:"name"`
	Token       string       `json:"token"`
	Result      string       `json:"result"`
	Status      int          `json:"status"`
	Error       string       `json:"error,omitempty"`
	Description string       `json:"error_description,omitempty"`
	Claims      *claimVector `json:"claims,omitempty"`
}

// claimVector is what is read out of a good token.
type claimVector struct {
	Subject      string   `json:"subject"`
	Audience     []string `json:"audience"`
	Expiry       int64    `json:"expiry"`
	IssuedAt     int64    `json:"issued_at"`
	JTI          string   `json:"jti"`
	ClientID     string   `json:"client_id"`
	Scope        []string `json:"scope"`
	AuthTime     int64    `json:"auth_time"` // 0: unknown
	ACR          string   `json:"acr"`
	AMR          []string `json:"amr"`
	SessionID    string   `json:"session_id"`
	GrantID      string   `json:"grant_id"`
	OrgID        string   `json:"org_id"`
	OrgSlug      string   `json:"org_slug"`
	Roles        []string `json:"roles"`
	Permissions  []string `json:"permissions"` // null: the token does not tell
	KeyID        string   `json:"key_id"`
	FeedPosition int64    `json:"feed_position"`
}

// killVector: an entry of the feed, the plain value that it hides, and a token.
type killVector struct {
	Name   string          `json:"name"`
	Entry  json.RawMessage `json:"entry"`
	Plain  string          `json:"plain"`
	Token  string          `json:"token"`
	Result string          `json:"result"`
}

// routeVector: a request, what the route asks for, and the answer.
type routeVector struct {
	Name          string      `json:"name"`
	Authorization []string    `json:"authorization"` // the header's values
	Require       requirement `json:"require"`
	Status        int         `json:"status"`
	Challenge     string      `json:"www_authenticate"`
	Body          string      `json:"error"` // the body's error
}

type requirement struct {
	Scopes       []string `json:"scopes,omitempty"`
	Roles        []string `json:"roles,omitempty"`
	Permissions  []string `json:"permissions,omitempty"`
	Organization string   `json:"organization,omitempty"`
	ACR          string   `json:"acr,omitempty"`
	MaxAge       int64    `json:"max_age,omitempty"`  // seconds
	OnStale      string   `json:"on_stale,omitempty"` // with a max_stale of 1 ns, and no feed; else accept
}

// feedVector: what arrives, and what is known after each step.
type feedVector struct {
	Name  string     `json:"name"`
	Steps []feedStep `json:"steps"`
}

type feedStep struct {
	At int64 `json:"at"` // milliseconds after now, by both clocks
	// One of: a snapshot, a stream being asked for, text of that stream.
	Snapshot string `json:"snapshot,omitempty"`
	Connect  bool   `json:"connect,omitempty"`
	Text     string `json:"text,omitempty"`

	Outcome  string            `json:"outcome"` // ok; error: the connection is given up; resync: a snapshot is needed
	Position int64             `json:"position"`
	Age      *int64            `json:"age"`              // milliseconds; null: nobody vouches for the list
	Tokens   map[string]string `json:"tokens,omitempty"` // verdicts on named_tokens, however old the news
}

func readVectors(t *testing.T) *vectors {
	t.Helper()
	b, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	v := &vectors{}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
	return v
}

// keysOf is a key set that has just been fetched.
func keysOf(t *testing.T, set json.RawMessage) *keySet {
	t.Helper()
	keys, err := readKeys(set)
	if err != nil {
		t.Fatal(err)
	}
	s := newKeySet("", fetcher{})
	s.current.Store(&keys)
	s.tried = instant().Add(time.Hour)
	return s
}

// verifier judges by the vectors' keys and time, without a server.
func (v *vectors) verifier(t *testing.T) *Verifier {
	t.Helper()
	c, err := Config{
		Issuer: v.Issuer, Audience: v.Audience, NoFeed: true, OnStale: Accept, Skew: time.Duration(v.Skew) * time.Second,
		Now: func() time.Time { return time.Unix(v.Now, 0) },
	}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	return &Verifier{config: c, algorithms: algorithms(c), seen: newCache(c.Cache), keys: keysOf(t, v.JWKS)}
}

func TestVectors(t *testing.T) {
	t.Parallel()
	if *update {
		writeVectors(t)
	}
	v := readVectors(t)
	t.Run("tokens", v.tokens)
	t.Run("revocations", v.revocations)
	t.Run("routes", v.routes)
	for _, f := range v.Feeds {
		t.Run("feed/"+f.Name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { v.feed(t, f) }) })
	}
}

func (v *vectors) tokens(t *testing.T) {
	verifier := v.verifier(t)
	for _, tt := range v.Tokens {
		t.Run(tt.Name, func(t *testing.T) {
			for range 2 { // the second time from memory
				c, err := verifier.Verify(t.Context(), tt.Token)
				if got := Reason(err); got != tt.Result {
					t.Fatalf("%s, want %s (%v)", got, tt.Result, err)
				}
				if tt.Claims != nil {
					same(t, claimsOf(c), tt.Claims)
				}
			}
			g := &guard{v: verifier, rules: rules{bound: &freshEnough{0, Accept}}}
			status, code, description := http.StatusOK, "", ""
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header["Authorization"] = []string{"Bearer " + tt.Token}
			if _, f := g.check(r); f != nil {
				status, code, description = f.status, f.code, f.description
			}
			if status != tt.Status || code != tt.Error || description != tt.Description {
				t.Errorf("answered %d %s %q", status, code, description)
			}
		})
	}
}

func same(t *testing.T, got, want any) {
	t.Helper()
	a, _ := json.Marshal(got)
	b, _ := json.Marshal(want)
	if string(a) != string(b) {
		t.Errorf("got  %s\nwant %s", a, b)
	}
}

func claimsOf(c *Claims) *claimVector {
	list := func(s []string) []string { return append([]string{}, s...) }
	v := &claimVector{
		Subject: c.Subject, Audience: list(c.Audience), Expiry: c.Expiry.Unix(), IssuedAt: c.IssuedAt.Unix(), JTI: c.JTI,
		ClientID: c.ClientID, Scope: list(c.Scope), ACR: c.ACR, AMR: list(c.AMR), SessionID: c.SessionID, GrantID: c.GrantID,
		OrgID: c.OrgID, OrgSlug: c.OrgSlug, Roles: list(c.Roles), Permissions: c.Permissions, KeyID: c.KeyID, FeedPosition: c.FeedPosition,
	}
	if !c.AuthTime.IsZero() {
		v.AuthTime = c.AuthTime.Unix()
	}
	return v
}

func (v *vectors) revocations(t *testing.T) {
	verifier := v.verifier(t)
	for _, tt := range v.Kills {
		t.Run(tt.Name, func(t *testing.T) {
			var e entry
			if err := json.Unmarshal(tt.Entry, &e); err != nil {
				t.Fatal(err)
			}
			e.hash = hashOf(e.Kind, tt.Plain)
			if got := b64.EncodeToString(e.hash[:]); got != e.Value {
				t.Fatalf("%s of %q is %s, want %s", e.Kind, tt.Plain, got, e.Value)
			}
			parsed, err := verifier.parse(t.Context(), v.Named[tt.Token])
			if err != nil {
				t.Fatal(err)
			}
			l := (&list{}).with(e.Seq, []entry{e})
			if got := Reason(l.check(parsed.claims.FeedPosition, parsed.refs)); got != tt.Result {
				t.Errorf("%s, want %s", got, tt.Result)
			}
		})
	}
}

func (v *vectors) routes(t *testing.T) {
	verifier := v.verifier(t)
	for _, tt := range v.Routes {
		t.Run(tt.Name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			for _, value := range tt.Authorization {
				r.Header.Add("Authorization", v.expand(value))
			}
			w := httptest.NewRecorder()
			verifier.Middleware(tt.Require.rules()...)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
			var body struct{ Error string }
			_ = json.Unmarshal(w.Body.Bytes(), &body)
			if w.Code != tt.Status || w.Header().Get("WWW-Authenticate") != tt.Challenge || body.Error != tt.Body {
				t.Errorf("%d %s %s", w.Code, w.Header().Get("WWW-Authenticate"), body.Error)
			}
		})
	}
}

// expand puts a named token for ${name}.
func (v *vectors) expand(s string) string {
	before, rest, ok := strings.Cut(s, "${")
	if !ok {
		return s
	}
	name, after, _ := strings.Cut(rest, "}")
	return before + v.Named[name] + after
}

func (r requirement) rules() (out []Requirement) {
	if r.Scopes != nil {
		out = append(out, Scope(r.Scopes...))
	}
	if r.Roles != nil {
		out = append(out, Role(r.Roles...))
	}
	if r.Permissions != nil {
		out = append(out, Permission(r.Permissions...))
	}
	if r.Organization != "" {
		out = append(out, Organization(r.Organization))
	}
	if r.ACR != "" {
		out = append(out, ACR(r.ACR))
	}
	if r.MaxAge > 0 {
		out = append(out, MaxAge(time.Duration(r.MaxAge)*time.Second))
	}
	if r.OnStale != "" {
		policy := slices.IndexFunc([]StalePolicy{Ask, Refuse, Accept}, func(p StalePolicy) bool { return p.String() == r.OnStale })
		out = append(out, Stale(time.Nanosecond, StalePolicy(policy)))
	}
	return out
}

// feed plays the steps, inside a bubble whose clock stands still in between.
func (v *vectors) feed(t *testing.T, fv feedVector) {
	began, verifier := instant(), v.verifier(t)
	f := &follower{
		issuer: v.Issuer, keys: keysOf(t, v.FeedJWKS), skew: time.Duration(v.Skew) * time.Second,
		now: func() time.Time { return time.Unix(v.Now, 0).Add(instant().Sub(began)) },
		log: slog.New(slog.DiscardHandler), observer: nobody{},
	}
	var s *stream
	for i, step := range fv.Steps {
		time.Sleep(began.Add(time.Duration(step.At) * time.Millisecond).Sub(instant()))
		var err error
		switch {
		case step.Connect:
			s = &stream{f: f, began: instant(), first: -1}
		case step.Snapshot != "":
			err = f.begin(t.Context(), step.Snapshot)
		default:
			err = readEvents(strings.NewReader(step.Text), func(name, data string) error { return s.handle(t.Context(), name, data) })
		}
		outcome := "error"
		switch {
		case err == nil, errors.Is(err, io.EOF):
			outcome = "ok"
		case errors.Is(err, errResync):
			outcome = "resync"
			f.lost()
		}
		position := int64(0)
		if l := f.list.Load(); l != nil {
			position = l.head
		}
		var age *int64
		if d := f.staleness(); d != forever {
			ms := d.Milliseconds()
			age = &ms
		}
		same(t, []any{i, outcome, position, age}, []any{i, step.Outcome, step.Position, step.Age})
		for name, want := range step.Tokens {
			parsed, err := verifier.parse(t.Context(), v.Named[name])
			if err != nil {
				t.Fatal(err)
			}
			if got := Reason(f.list.Load().check(parsed.claims.FeedPosition, parsed.refs)); got != want {
				t.Errorf("step %d: %s is %s, want %s", i, name, got, want)
			}
		}
	}
}
