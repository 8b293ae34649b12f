package telemetry

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const jwt = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"

func TestRedaction(t *testing.T) {
	cases := map[string]struct {
		attr slog.Attr
		want string // what the line must hold
		gone string // and must not
	}{
		"by name":            {slog.String("client_secret", "hunter2"), `"client_secret":"[redacted]"`, "hunter2"},
		"by last segment":    {slog.String("http.request.header.authorization", "Basic abc"), Redacted, "Basic abc"},
		"any case":           {slog.String("Set-Cookie", "sid=1"), Redacted, "sid=1"},
		"token in a text":    {slog.String("error", "bad token "+jwt+" here"), "bad token [redacted] here", "eyJ"},
		"token in an error":  {slog.Any("error", errors.New("bad "+jwt)), "bad [redacted]", "eyJ"},
		"bearer in a text":   {slog.String("error", "Bearer sgt_0123456789abcdef"), "Bearer [redacted]", "sgt_"},
		"password of a URL":  {slog.String("error", "dial postgres://signet:hunter2@db/x: refused"), "postgres://signet:[redacted]@db/x", "hunter2"},
		"not status code":    {slog.Int("http.response.status_code", 200), `"http.response.status_code":200`, Redacted},
		"not an innocent":    {slog.String("http.route", "/oauth2/token"), `"/oauth2/token"`, Redacted},
		"plain URL is kept":  {slog.String("issuer", "https://id.example.com/a:b@c"), "https://id.example.com/a:b@c", Redacted},
		"inside a group too": {slog.Group("request", slog.String("password", "hunter2")), Redacted, "hunter2"},
	}
	for name, c := range cases {
		for _, format := range []string{"json", "text"} {
			t.Run(name+" "+format, func(t *testing.T) {
				var out bytes.Buffer
				logger, buffer := NewLogger(&out, LogOptions{Format: format})
				logger.LogAttrs(t.Context(), slog.LevelInfo, "x", c.attr)
				if err := buffer.Close(); err != nil {
					t.Fatal(err)
				}
				line := out.String()
				if strings.Contains(line, c.gone) || format == "json" && !strings.Contains(line, c.want) {
					t.Errorf("line %s\nwant %s without %s", line, c.want, c.gone)
				}
			})
		}
	}
}

func TestFormatFollowsTheTerminal(t *testing.T) {
	for _, c := range []struct {
		o    LogOptions
		json bool
	}{{LogOptions{}, true}, {LogOptions{Terminal: true}, false}, {LogOptions{Terminal: true, Format: "json"}, true}, {LogOptions{Format: "text"}, false}} {
		var out bytes.Buffer
		logger, buffer := NewLogger(&out, c.o)
		logger.Info("hello")
		_ = buffer.Flush()
		if strings.HasPrefix(out.String(), "{") != c.json {
			t.Errorf("%+v wrote %s", c.o, out.String())
		}
	}
}

// sink is a writer that a test may read while it is written to.
type sink struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(p)
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

func (s *sink) Len() int { return len(s.String()) }

func TestBufferFlushes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out sink
		logger, buffer := NewLogger(&out, LogOptions{})
		logger.Info("first")
		if out.Len() != 0 {
			t.Fatal("a line was not buffered")
		}
		time.Sleep(flushInterval + time.Millisecond) // the bubble's clock
		synctest.Wait()
		if !strings.Contains(out.String(), "first") {
			t.Fatal("the timer did not flush")
		}
		logger.Info("second")
		logger.With("a", 1).WithGroup("g").Warn("third")
		if !strings.Contains(out.String(), "second") || !strings.Contains(out.String(), "third") {
			t.Fatal("a warning did not flush")
		}
		for i := range 2000 {
			logger.Info("filler", "i", i)
		}
		if out.Len() < bufferSize {
			t.Fatal("a full buffer did not flush")
		}
		_ = buffer.Close()
	})
}

func TestBufferKeepsLinesWhole(t *testing.T) {
	var out bytes.Buffer
	b := NewBuffer(&out)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 500 {
				_, _ = fmt.Fprintf(b, "%d-%d-%s\n", g, i, strings.Repeat("x", 50))
			}
		})
	}
	wg.Wait()
	_ = b.Close()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 4000 {
		t.Fatalf("%d lines", len(lines))
	}
	for _, l := range lines {
		if !strings.HasSuffix(l, "-"+strings.Repeat("x", 50)) {
			t.Fatalf("torn line %q", l)
		}
	}
}
