package answers_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"testing"

	"github.com/signet-idp/signet/internal/testkit/mailsink"
	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/test/harness"
)

const password = "correct horse battery"

type m = map[string]any

// world is one server over SQLite, or two over PostgreSQL and Redis, that can
// send mail.
type world struct {
	all  []*harness.Instance
	mail *mailsink.Sink
}

// engines runs a test on both engines. Requests take turns between replicas.
func engines(t *testing.T, env []string, f func(t *testing.T, w *world)) {
	t.Helper()
	start := func(t *testing.T, n int, o harness.Options) *world {
		w := &world{mail: mailsink.Start(t)}
		o.Env = append(slices.Clone(env), "SIGNET_SMTP_URL="+w.mail.URL)
		if w.all = []*harness.Instance{harness.Start(t, o)}; n > 1 {
			o.Issuer = w.all[0].Issuer
			w.all = append(w.all, harness.Start(t, o))
		}
		if err := w.all[0].Applier().EnsureBuiltin(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.sync(t)
		return w
	}
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		f(t, start(t, 1, harness.Options{}))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		f(t, start(t, 2, harness.Options{DatabaseURL: servers.Postgres(t), MasterKey: harness.MasterKey, RedisURL: servers.Redis(t)}))
	})
}

func (w *world) at(i int) *harness.Instance { return w.all[i%len(w.all)] }

func (w *world) sync(t *testing.T) {
	t.Helper()
	for _, in := range w.all {
		in.Sync(t)
	}
}

// answer is an answer, whole.
type answer struct {
	status int
	header http.Header
	raw    []byte
	body   m
}

func (a answer) text(name string) string { s, _ := a.body[name].(string); return s }

// send sends a JSON body; header are names and values. It may be called from
// any goroutine.
func send(t *testing.T, in *harness.Instance, method, path string, body any, header ...string) answer {
	t.Helper()
	var reader io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			t.Error(err)
			return answer{}
		}
		reader = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, in.URL+path, reader)
	if err != nil {
		t.Error(err)
		return answer{}
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Error(err)
		return answer{}
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header}
	if a.raw, err = io.ReadAll(resp.Body); err != nil {
		t.Error(err)
	}
	if len(a.raw) > 0 && bytes.HasPrefix(a.raw, []byte("{")) {
		if err := json.Unmarshal(a.raw, &a.body); err != nil {
			t.Errorf("%s %s: %q: %v", method, path, a.raw, err)
		}
	}
	return a
}
