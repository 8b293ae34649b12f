package replay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/endpoints/web/replay"
	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/internal/testkit/teststore"
	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore"
)

// server is a frame whose one route makes something, on a real store.
type server struct {
	http.Handler
	clock *fakeclock.Clock
	kept  *recording
	ran   atomic.Int64
	make  func(http.ResponseWriter, *http.Request) error
}

func start(t *testing.T) *server {
	t.Helper()
	return startOn(t, teststore.New(t))
}

func startOn(t *testing.T, store *sqlstore.Store) *server {
	t.Helper()
	s := &server{clock: fakeclock.New(time.Unix(1_800_000_000, 0))}
	s.kept = &recording{IdempotentRequests: store}
	master, err := keys.ParseMaster("test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
	if err != nil {
		t.Fatal(err)
	}
	ring := keys.NewDataKeyring(store, master, s.clock, time.Minute)
	key, err := ring.Purpose(t.Context(), replay.Purpose)
	if err != nil {
		t.Fatal(err)
	}
	s.make = func(w http.ResponseWriter, _ *http.Request) error {
		web.NoStore(w)
		w.Header().Set("Location", fmt.Sprint("/things/", s.ran.Load()))
		return web.WriteJSON(w, http.StatusCreated, map[string]any{"n": s.ran.Load(), "access_token": "very-secret-token"})
	}
	table := web.NewTable()
	table.Add(web.Route{
		Name: "make", Methods: []string{http.MethodPost}, Path: "/things", Legacy: true, Auth: web.HandlerChecks("a test"), Idempotent: true,
		Handler: func(w http.ResponseWriter, r *http.Request) error {
			s.ran.Add(1)
			return s.make(w, r)
		},
	})
	if s.Handler, err = table.Mount(web.Options{
		Issuer: "https://id.example.com", Clock: s.clock, Authenticator: who{}, Replays: replay.Store{Requests: s.kept, Key: key, Clock: s.clock},
	}); err != nil {
		t.Fatal(err)
	}
	return s
}

// who takes every token for its own subject.
type who struct{}

func (who) Authenticate(_ context.Context, bearer string) (web.Principal, error) {
	if bearer == "bad" {
		return web.Principal{}, fault.New(fault.TokenMalformed, "bad")
	}
	return web.Principal{Subject: bearer, ClientID: "c", ForIssuer: true}, nil
}

func (s *server) post(path, key, body string, more ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	for i := 0; i+1 < len(more); i += 2 {
		r.Header.Set(more[i], more[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func TestRepetitions(t *testing.T) {
	s := start(t)
	first := s.post("/things", "k1", `{"a":1}`)
	if first.Code != http.StatusCreated || first.Header().Get("Idempotent-Replayed") != "" {
		t.Fatalf("%d %v", first.Code, first.Header())
	}
	again := s.post("/things", "k1", `{"a":1}`)
	if again.Code != http.StatusCreated || again.Body.String() != first.Body.String() || again.Header().Get("Idempotent-Replayed") != "true" {
		t.Errorf("%d %s %v", again.Code, again.Body, again.Header())
	}
	for _, name := range []string{"Location", "Cache-Control", "Content-Type", "Pragma"} {
		if again.Header().Get(name) != first.Header().Get(name) || first.Header().Get(name) == "" {
			t.Errorf("%s: %q, first %q", name, again.Header().Get(name), first.Header().Get(name))
		}
	}
	if again.Header().Get("X-Request-Id") == first.Header().Get("X-Request-Id") {
		t.Error("the request id is the first request's")
	}
	for _, c := range []struct {
		name   string
		do     func() *httptest.ResponseRecorder
		status int
		ran    int64 // how often the handler has run after it
	}{
		{"the same below the other prefix", func() *httptest.ResponseRecorder { return s.post("/api/v1/things/", "k1", `{"a":1}`) }, 201, 1},
		{"another body", func() *httptest.ResponseRecorder { return s.post("/things", "k1", `{"a":2}`) }, 422, 1},
		{"another query", func() *httptest.ResponseRecorder { return s.post("/things?x=1", "k1", `{"a":1}`) }, 422, 1},
		{"another key", func() *httptest.ResponseRecorder { return s.post("/things", "k2", `{"a":1}`) }, 201, 2},
		{"no key", func() *httptest.ResponseRecorder { return s.post("/things", "", `{"a":1}`) }, 201, 3},
		{"another person", func() *httptest.ResponseRecorder {
			return s.post("/things", "k1", `{"a":2}`, "Authorization", "Bearer alice")
		}, 201, 4},
		{"a bad token is the handler's to refuse", func() *httptest.ResponseRecorder {
			return s.post("/things", "k1", `{"a":1}`, "Authorization", "Bearer bad")
		}, 201, 5},
		{"an empty key", func() *httptest.ResponseRecorder { return s.post("/things", " ", `{}`) }, 422, 5},
		{"a long key", func() *httptest.ResponseRecorder { return s.post("/things", strings.Repeat("k", 256), `{}`) }, 422, 5},
		{"a key of any letters", func() *httptest.ResponseRecorder { return s.post("/things", "schlüssel", `{}`) }, 422, 5},
	} {
		w := c.do()
		if w.Code != c.status || s.ran.Load() != c.ran {
			t.Errorf("%s: %d, the handler ran %d times: %s", c.name, w.Code, s.ran.Load(), w.Body)
		}
		if c.status == http.StatusUnprocessableEntity {
			var e struct {
				Code   string `json:"error_code"`
				Detail []struct{ Loc []string }
			}
			if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || e.Code != "REQ_001" || len(e.Detail) != 1 ||
				strings.Join(e.Detail[0].Loc, " ") != "header Idempotency-Key" {
				t.Errorf("%s: %s", c.name, w.Body)
			}
		}
	}
	s.clock.Advance(replay.Lifetime)
	if w := s.post("/things", "k1", `{"a":2}`); w.Code != http.StatusCreated || s.ran.Load() != 6 {
		t.Errorf("a day later: %d, ran %d", w.Code, s.ran.Load())
	}
}

// TestWhatIsRemembered: refusals are, failures of ours are not.
func TestWhatIsRemembered(t *testing.T) {
	for _, c := range []struct {
		name       string
		make       func(http.ResponseWriter, *http.Request) error
		status     int
		remembered bool
	}{
		{"a refusal", func(http.ResponseWriter, *http.Request) error { return fault.New(fault.EmailTaken, "taken") }, 409, true},
		{"nothing written", func(http.ResponseWriter, *http.Request) error { return nil }, 200, true},
		{"a failure", func(http.ResponseWriter, *http.Request) error { return storage.ErrUnavailable }, 503, false},
		{"too many", func(http.ResponseWriter, *http.Request) error { return fault.New(fault.RateLimited, "slow down") }, 429, false},
		{"a panic", func(http.ResponseWriter, *http.Request) error { panic("kaboom") }, 500, false},
		{"a panic after the answer", func(w http.ResponseWriter, _ *http.Request) error {
			_ = web.WriteJSON(w, http.StatusCreated, "half")
			panic("kaboom")
		}, 500, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t)
			s.make = c.make
			first, second := s.post("/things", "k", `{}`), s.post("/things", "k", `{}`)
			if first.Code != c.status || second.Code != c.status {
				t.Errorf("%d, then %d", first.Code, second.Code)
			}
			if ran := s.ran.Load(); (ran == 1) != c.remembered {
				t.Errorf("the handler ran %d times", ran)
			}
			if c.remembered && second.Body.String() != first.Body.String() {
				t.Errorf("%q, then %q", first.Body, second.Body)
			}
		})
	}
}

// TestOneOfManyRuns: of requests side by side the handler sees one; the others
// get its answer or are told to come back.
func TestOneOfManyRuns(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) { oneOfManyRuns(t, start(t)) })
	t.Run("PostgreSQL", func(t *testing.T) { oneOfManyRuns(t, startOn(t, teststore.Postgres(t, 1)[0])) })
}

func oneOfManyRuns(t *testing.T, s *server) {
	entered, leave := make(chan struct{}), make(chan struct{})
	original := s.make
	s.make = func(w http.ResponseWriter, r *http.Request) error {
		close(entered) // a second time would panic
		<-leave
		return original(w, r)
	}
	const n = 32
	answers := make([]*httptest.ResponseRecorder, n)
	var all, others sync.WaitGroup
	others.Add(n - 1)
	for i := range n {
		all.Go(func() {
			answers[i] = s.post("/things", "k", `{"a":1}`)
			if answers[i].Code == http.StatusConflict {
				others.Done()
			}
		})
	}
	<-entered
	others.Wait()
	close(leave)
	all.Wait()
	created := 0
	for _, w := range answers {
		switch w.Code {
		case http.StatusCreated:
			created++
		case http.StatusConflict:
			if w.Header().Get("Retry-After") != "1" || !strings.Contains(w.Body.String(), "REQ_004") {
				t.Errorf("%v %s", w.Header(), w.Body)
			}
		default:
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	if created != 1 || s.ran.Load() != 1 {
		t.Errorf("%d created, the handler ran %d times", created, s.ran.Load())
	}
	if w := s.post("/things", "k", `{"a":1}`); w.Code != http.StatusCreated || w.Header().Get("Idempotent-Replayed") != "true" {
		t.Errorf("afterwards: %d %v", w.Code, w.Header())
	}
}

// TestTakenOver: a request whose server died is made again after a minute, and
// the dead one's answer, should it come after all, is not the one kept.
func TestTakenOver(t *testing.T) {
	s := start(t)
	original := s.make
	var late *httptest.ResponseRecorder
	s.make = func(w http.ResponseWriter, r *http.Request) error {
		if s.ran.Load() == 1 {
			if w := s.post("/things", "k", `{}`); w.Code != http.StatusConflict {
				t.Errorf("at once: %d", w.Code)
			}
			s.clock.Advance(replay.Patience)
			late = s.post("/things", "k", `{}`)
			return web.WriteJSON(w, http.StatusCreated, "the slow one")
		}
		return original(w, r)
	}
	s.post("/things", "k", `{}`)
	if late.Code != http.StatusCreated || s.ran.Load() != 2 {
		t.Fatalf("%d, ran %d", late.Code, s.ran.Load())
	}
	if w := s.post("/things", "k", `{}`); w.Body.String() != late.Body.String() {
		t.Errorf("%s, want %s", w.Body, late.Body)
	}
}

// TestAnswersAreSealed: neither the answer nor what was asked is readable at
// rest.
func TestAnswersAreSealed(t *testing.T) {
	s := start(t)
	s.post("/things", "k", `{"password":"hunter2"}`)
	row := s.kept.last
	if row.Status != http.StatusCreated || len(row.Answer) == 0 || bytes.Contains(row.Answer, []byte("secret-token")) || bytes.Contains(row.Fingerprint, []byte("hunter2")) {
		t.Errorf("%+v", row)
	}
	if row.Expiry.Sub(row.CreatedAt) != replay.Lifetime {
		t.Errorf("kept for %v", row.Expiry.Sub(row.CreatedAt))
	}
}

// recording remembers what was written last.
type recording struct {
	storage.IdempotentRequests
	last storage.IdempotentRequest
}

func (r *recording) FinishIdempotent(ctx context.Context, v storage.IdempotentRequest) error {
	r.last = v
	return r.IdempotentRequests.FinishIdempotent(ctx, v)
}
