package auth_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

var update = flag.Bool("update", false, "write the golden files")

const (
	email    = "alice@example.test"
	password = "correct horse battery"
	agent    = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
)

// site is a server with the built-in client, and a person who owns acme and is
// a member of globex.
type site struct {
	*harness.Instance
	t            testing.TB
	clock        *fakeclock.Clock
	alice        storage.User
	acme, globex storage.Organization
}

// newSite starts one; env are more settings.
func newSite(t testing.TB, env ...string) *site {
	t.Helper()
	clk := harness.FakeClock()
	s := &site{t: t, clock: clk, Instance: harness.Start(t, harness.Options{
		Clock: clk, Env: env,
	})}
	if err := s.Applier().EnsureBuiltin(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.EnsureRings(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.alice = s.User(t, email, password)
	s.acme = s.Organization(t, "acme", s.alice.ID)
	s.globex = s.Organization(t, "globex", s.User(t, "bob@example.test", password).ID)
	if err := s.Store.PutMembership(t.Context(), storage.Membership{
		OrganizationID: s.globex.ID, UserID: s.alice.ID, Roles: []string{"member"}, JoinedAt: clk.Now(),
	}); err != nil {
		t.Fatal(err)
	}
	s.Sync(t)
	return s
}

// answer is an answer of the JSON API.
type answer struct {
	status int
	header http.Header
	raw    []byte
	body   map[string]any
}

func (a answer) text(name string) string { s, _ := a.body[name].(string); return s }

// call sends a request; headers are name, value pairs.
func (s *site) call(method, path, bearer string, body any, headers ...string) answer {
	s.t.Helper()
	var reader io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			s.t.Fatal(err)
		}
		reader = bytes.NewReader(raw)
	}
	r, err := http.NewRequest(method, s.URL+path, reader)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("User-Agent", agent)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header}
	if a.raw, err = io.ReadAll(resp.Body); err != nil {
		s.t.Fatal(err)
	}
	_ = json.Unmarshal(a.raw, &a.body) // lists stay in raw
	return a
}

func (s *site) want(a answer, status int, code string) answer {
	s.t.Helper()
	if a.status != status || a.text("error_code") != code {
		s.t.Fatalf("status %d, want %d %s: %s", a.status, status, code, a.raw)
	}
	return a
}

type members map[string]any

// login signs alice in.
func (s *site) login(more ...any) answer {
	s.t.Helper()
	body := members{"email": email, "password": password}
	for i := 0; i+1 < len(more); i += 2 {
		body[more[i].(string)] = more[i+1]
	}
	return s.want(s.call(http.MethodPost, "/auth/login", "", body), http.StatusOK, "")
}

func (s *site) refresh(token string, more ...any) answer {
	s.t.Helper()
	body := members{"refresh_token": token}
	for i := 0; i+1 < len(more); i += 2 {
		body[more[i].(string)] = more[i+1]
	}
	return s.call(http.MethodPost, "/auth/refresh", "", body)
}

var (
	uuidText = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	timeText = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|\+00:00)$`)
)

// stable replaces what differs from run to run by its kind.
func stable(name string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			v[k] = stable(k, inner)
		}
		return v
	case []any:
		for i, inner := range v {
			v[i] = stable(name, inner)
		}
		return v
	case float64:
		switch name {
		case "exp", "expires_at", "iat", "issued_at":
			return "(seconds)"
		}
	case string:
		switch {
		case uuidText.MatchString(v):
			return "(uuid)"
		case timeText.MatchString(v):
			return "(time " + v[26:] + ")"
		case name == "access_token" && v != "":
			return "(" + v[:min(4, len(v))] + "…)"
		case name == "refresh_token" && v != "":
			return "(" + v[:4] + "…)"
		case name == "request_id":
			return "(id)"
		case strings.HasPrefix(v, "http://127.0.0.1:"):
			return "(issuer)"
		}
	}
	return v
}

// golden holds an answer against a file.
func golden(t testing.TB, name string, a answer) {
	t.Helper()
	var v any
	if err := json.Unmarshal(a.raw, &v); err != nil {
		t.Fatal(err)
	}
	raw, err := json.MarshalIndent(stable("", v), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%d\n%s\n", a.status, raw)
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}
