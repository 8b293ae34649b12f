package hook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/signet-idp/signet/internal/safehttp"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/change/changetest"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/hook"
)

func rules(t *testing.T, deny bool, answer http.HandlerFunc) *hook.Rules {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	client, err := safehttp.New(safehttp.Options{AllowPrivate: true, PlainPrivate: true, MaxBody: 4 << 10, Timeout: 500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return hook.New(hook.Config{URL: server.URL + "/", Secret: "core-s3cret", DenyOnSilence: deny, Client: client})
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		status int
		body   string
		// what silence means does not matter unless the answer is none
		want, wantDenying error
	}{
		{"yes", 200, `{"allowed": true}`, nil, nil},
		{"yes, in the other word", 200, `{"valid": true, "message": "fine"}`, nil, nil},
		{"no", 200, `{"allowed": false, "reason": "Only members of the guild"}`, invalid("Only members of the guild"), invalid("Only members of the guild")},
		{"no, in the other words", 403, `{"valid": false, "message": "No"}`, invalid("No"), invalid("No")},
		{"no with 422", 422, `{"allowed": false}`, invalid("this registration is not allowed"), invalid("this registration is not allowed")},
		{"both, and one is no", 200, `{"allowed": true, "valid": false, "reason": "x"}`, invalid("x"), invalid("x")},
		{"a reason made for a terminal", 200, `{"allowed": false, "reason": "a\u001b[31m\n\n b\u202e"}`, invalid("a[31m b"), invalid("a[31m b")},
		{"silence: an error", 500, `{"allowed": true}`, nil, unavailable()},
		{"silence: nobody there", 404, `{"detail": "Not Found"}`, nil, unavailable()},
		{"silence: our secret is refused", 401, `{"allowed": false}`, nil, unavailable()},
		{"silence: a redirect that says yes", 302, `{"allowed": true}`, nil, unavailable()},
		{"silence: no verdict", 200, `{}`, nil, unavailable()},
		{"silence: a verdict that is no bool", 200, `{"allowed": "yes"}`, nil, unavailable()},
		{"silence: no JSON", 200, `ok`, nil, unavailable()},
		{"silence: without end", 200, strings.Repeat(" ", 5<<10) + `{"allowed": true}`, nil, unavailable()},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for deny, want := range map[bool]error{false: c.want, true: c.wantDenying} {
				r := rules(t, deny, func(w http.ResponseWriter, _ *http.Request) {
					w.WriteHeader(c.status)
					_, _ = io.WriteString(w, c.body)
				})
				err := r.Check(t.Context(), hook.Registration{Email: "a@b.test"})
				if (err == nil) != (want == nil) || err != nil && (fault.CodeOf(err) != fault.CodeOf(want) || fault.Is(want, fault.Invalid) && err.Error() != want.Error()) {
					t.Errorf("deny on silence %v: %v, want %v", deny, err, want)
				}
			}
		})
	}
}

func invalid(message string) error { return fault.New(fault.Invalid, message) }
func unavailable() error           { return fault.New(fault.Unavailable, "") }

func TestTheCall(t *testing.T) {
	t.Parallel()
	var got struct {
		Type string            `json:"type"`
		Data map[string]string `json:"data"`
	}
	var request *http.Request
	r := rules(t, true, func(w http.ResponseWriter, r *http.Request) {
		request = r
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(w, `{"allowed": true}`)
	})
	ctx := event.WithRequest(t.Context(), "req-1")
	if err := r.Check(ctx, hook.OrganizationCreation{Name: "Acme", UserID: "u1", Email: "a@b.test", OrganizationType: "business"}); err != nil {
		t.Fatal(err)
	}
	if request.Method != http.MethodPost || request.URL.Path != "/api/validate-business-rules" ||
		request.Header.Get("Authorization") != "Bearer core-s3cret" || request.Header.Get("X-Request-ID") != "req-1" ||
		got.Type != "organization_creation" || got.Data["user_id"] != "u1" || got.Data["name"] != "Acme" {
		t.Errorf("%s %s %v %+v", request.Method, request.URL, request.Header, got)
	}
}

func TestNoRules(t *testing.T) {
	t.Parallel()
	var none *hook.Rules
	for _, r := range []*hook.Rules{none, hook.New(hook.Config{DenyOnSilence: true})} {
		if err := r.Check(t.Context(), hook.Registration{}); err != nil {
			t.Error(err)
		}
	}
}

// What is asked and the secret never reach the log or the error.
func TestSilenceIsDiscreet(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	client, err := safehttp.New(safehttp.Options{AllowPrivate: true, PlainPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	r := hook.New(hook.Config{
		URL: "http://127.0.0.1:1", Secret: "core-s3cret", DenyOnSilence: true, Client: client,
		Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	err = r.Check(t.Context(), hook.Registration{Email: "alice@acme.test"})
	if !fault.Is(err, fault.Unavailable) || log.Len() == 0 {
		t.Fatalf("%v %q", err, log.String())
	}
	for _, secret := range []string{"alice", "core-s3cret"} {
		if strings.Contains(log.String()+err.Error(), secret) {
			t.Errorf("%q is in %s %v", secret, log.String(), err)
		}
	}
}

func TestNeverInATransaction(t *testing.T) {
	t.Parallel()
	f := changetest.New(t)
	r := rules(t, false, func(http.ResponseWriter, *http.Request) { t.Error("asked") })
	if err := f.Changes.Do(t.Context(), "test", func(ctx context.Context, _ *change.Change) error {
		return r.Check(ctx, hook.Registration{})
	}); err == nil {
		t.Error("a question inside a transaction")
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(200, []byte(`{"allowed": false, "reason": "no"}`))
	f.Add(422, []byte(`{"valid": false, "message": "\u202e\u0000"}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		r := hook.New(hook.Config{URL: "x", DenyOnSilence: true, Client: canned{status, body}})
		err := r.Check(t.Context(), hook.Registration{})
		if err == nil {
			var said struct{ Allowed, Valid *bool }
			if json.Unmarshal(body, &said) != nil || said.Allowed == nil && said.Valid == nil || said.Allowed != nil && !*said.Allowed || said.Valid != nil && !*said.Valid {
				t.Fatalf("%d %q was taken for a yes", status, body)
			}
			return
		}
		text := err.Error()
		if !utf8.ValidString(text) || len(text) > 2000 || strings.ContainsAny(text, "\n\r\x00\x1b\u202e") {
			t.Fatalf("%q", text)
		}
	})
}

type canned struct {
	status int
	body   []byte
}

func (c canned) Do(context.Context, safehttp.Request) (*safehttp.Response, error) {
	return &safehttp.Response{Status: c.status, Body: c.body}, nil
}
