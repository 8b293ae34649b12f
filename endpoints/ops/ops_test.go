package ops

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/internal/testkit/fakeclock"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

type switchable struct {
	err   atomic.Pointer[error]
	calls atomic.Int64
}

func (s *switchable) probe(context.Context) error {
	s.calls.Add(1)
	if e := s.err.Load(); e != nil {
		return *e
	}
	return nil
}

func (s *switchable) fail(err error) { s.err.Store(&err) }

func handler(t *testing.T, p *Ops) http.Handler {
	t.Helper()
	table := web.NewTable()
	p.Mount(table)
	h, err := table.Mount(web.Options{Issuer: "https://id.example.com", Clock: fakeclock.New(epoch)})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func ask(h http.Handler, target string, peer ...string) (int, string) {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	if len(peer) > 0 {
		r.RemoteAddr = peer[0]
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, strings.TrimSpace(w.Body.String())
}

func TestLife(t *testing.T) {
	var db, kafka switchable
	now := fakeclock.New(epoch)
	var log bytes.Buffer
	p := New(Options{
		Service: "auth-service", Version: "1.2.3", Mode: "production", Clock: now, ClockOffset: 5 * time.Second,
		Logger: slog.New(slog.NewJSONHandler(&log, nil)),
		Checks: []Check{
			{Name: "database", Probe: db.probe},
			{Name: "cache", Probe: func(context.Context) error { return nil }, Embedded: true},
			{Name: "kafka", Probe: kafka.probe, Optional: true},
		},
	})
	h := handler(t, p)
	expect := func(step, target string, status int, body string) {
		t.Helper()
		if code, got := ask(h, target); code != status || got != body {
			t.Errorf("%s: %s: %d %s\nwant %d %s", step, target, code, got, status, body)
		}
	}
	health := func(status, database, kafka string) string {
		return `{"service":"auth-service","status":"` + status + `","version":"1.2.3","mode":"production","database":"` + database +
			`","cache":"embedded","dependencies":{"cache":"embedded","database":"` + database + `","kafka":"` + kafka + `"},"timestamp":"` + web.Timestamp(now.Now()) + `"}`
	}
	for _, live := range []string{"/livez", "/healthz", "/health/alive"} {
		expect("before the start", live, 200, "ok")
	}
	expect("before the start", "/startupz", 503, "starting")
	expect("before the start", "/readyz", 503, "not ready: starting (clock offset 5s)")
	if db.calls.Load() != 0 {
		t.Error("readiness before the start asked the database")
	}
	p.Started()
	expect("started", "/startupz", 200, "ok")
	expect("started", "/readyz", 200, "ok (clock offset 5s)")
	expect("started", "/health/ready", 200, "ok (clock offset 5s)")
	expect("started", "/readyz?verbose", 200, "[+] database ok\n[+] cache ok\n[+] kafka ok\nok (clock offset 5s)")
	expect("started", "/health", 200, health("healthy", "connected", "connected"))
	expect("started", "/api/v1/health/", 200, health("healthy", "connected", "connected"))

	kafka.fail(errors.New("dial tcp: password hunter2"))
	expect("within a second nobody is asked again", "/readyz?verbose", 200, "[+] database ok\n[+] cache ok\n[+] kafka ok\nok (clock offset 5s)")
	now.Advance(freshFor)
	expect("optional failure", "/readyz?verbose", 200, "[+] database ok\n[+] cache ok\n[!] kafka failed (optional)\nok (clock offset 5s)")
	expect("optional failure", "/health", 200, health("degraded", "connected", "disconnected"))

	db.fail(errors.New("connection refused"))
	now.Advance(freshFor)
	expect("database away", "/readyz", 503, "not ready: database (clock offset 5s)")
	expect("database away", "/health", 200, health("degraded", "disconnected", "disconnected"))
	if !strings.Contains(log.String(), "connection refused") {
		t.Errorf("the reason is not in the log: %s", log.String())
	}

	p.Drain()
	calls := db.calls.Load()
	now.Advance(freshFor)
	expect("draining", "/readyz", 503, "not ready: draining (clock offset 5s)")
	if db.calls.Load() != calls {
		t.Error("draining asked the database")
	}
	expect("draining", "/health", 503, health("unavailable", "disconnected", "disconnected"))
	expect("draining", "/livez", 200, "ok")
}

func TestProbesAreShared(t *testing.T) {
	var db switchable
	p := New(Options{Clock: fakeclock.New(epoch), Checks: []Check{{Name: "database", Probe: db.probe}}})
	p.Started()
	h := handler(t, p)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { ask(h, "/readyz") })
	}
	wg.Wait()
	if n := db.calls.Load(); n != 1 {
		t.Errorf("50 calls became %d probes", n)
	}
}

func TestHangingProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running atomic.Int64
		release := make(chan struct{})
		p := New(Options{Clock: clock.System{}, Checks: []Check{{Name: "database", Probe: func(context.Context) error {
			running.Add(1)
			<-release // deaf to its context
			return nil
		}}}})
		p.Started()
		h := handler(t, p)
		for range 3 {
			began := time.Now()
			if code, body := ask(h, "/readyz"); code != 503 || body != "not ready: database" {
				t.Errorf("%d %s", code, body)
			}
			if took := time.Since(began); took > probeTimeout {
				t.Errorf("took %v", took)
			}
		}
		if n := running.Load(); n != 1 {
			t.Errorf("%d probes pile up", n)
		}
		close(release)
		synctest.Wait()
		if code, _ := ask(h, "/readyz"); code != 200 {
			t.Errorf("after it came back: %d", code)
		}
	})
}

func TestPanickingProbeFails(t *testing.T) {
	p := New(Options{Clock: fakeclock.New(epoch), Checks: []Check{{Name: "keys", Probe: func(context.Context) error { panic("x") }}}})
	p.Started()
	if code, body := ask(handler(t, p), "/readyz"); code != 503 || body != "not ready: keys" {
		t.Errorf("%d %s", code, body)
	}
}

func TestHangingUpDoesNotSpoilTheResult(t *testing.T) {
	p := New(Options{Clock: fakeclock.New(epoch), Checks: []Check{{Name: "database", Probe: func(ctx context.Context) error { return ctx.Err() }}}})
	p.Started()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p.probe(ctx)
	if out := p.probe(t.Context()); out[0].err != nil {
		t.Errorf("a cancelled caller left %v", out[0].err)
	}
}

func TestMetricsAccess(t *testing.T) {
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1") })
	p := New(Options{Clock: fakeclock.New(epoch), Metrics: metrics})
	h := handler(t, p)
	if code, body := ask(h, "/metrics", "127.0.0.1:5"); code != 200 || body != "up 1" {
		t.Errorf("loopback: %d %s", code, body)
	}
	if code, _ := ask(h, "/metrics", "192.0.2.1:5"); code != 401 {
		t.Errorf("elsewhere: %d", code)
	}
	if code, _ := ask(h, "/debug/pprof/", "127.0.0.1:5"); code != 404 {
		t.Errorf("profiling on the main listener: %d", code)
	}
	opsHandler, err := p.Table().Mount(web.Options{Issuer: "https://id.example.com", Clock: fakeclock.New(epoch)})
	if err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]string{"/metrics": "up 1", "/debug/pprof/": "goroutine", "/debug/pprof/heap?debug=1": "heap profile", "/livez": "ok"} {
		if code, body := ask(opsHandler, target, "192.0.2.1:5"); code != 200 || !strings.Contains(body, want) {
			t.Errorf("ops listener: %s: %d %.80s", target, code, body)
		}
	}
}
