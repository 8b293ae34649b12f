package web

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/clock"
)

// nullWriter costs nothing, so that the figures are the frame's.
type nullWriter struct{ h http.Header }

func (w *nullWriter) Header() http.Header         { return w.h }
func (w *nullWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w *nullWriter) WriteHeader(int)             {}

func benchTable(b *testing.B, log *slog.Logger) http.Handler {
	b.Helper()
	doc := NewPrepared("application/json", "public, max-age=300", make([]byte, 2000))
	noop := func(w http.ResponseWriter, _ *http.Request) error { return NoContent(w) }
	t := NewTable()
	t.Add(
		Route{Name: "jwks", Methods: []string{"GET"}, Path: "/.well-known/jwks.json", Auth: Public(), Prepared: func() *Prepared { return doc }, CORS: CORSAny},
		Route{Name: "fixed", Methods: []string{"POST"}, Path: "/auth/login", Auth: Public(), Handler: noop, Legacy: true, CORS: CORSClient},
	)
	for _, group := range []string{"users", "organizations", "auth", "mfa", "admin"} {
		for _, tail := range []string{"/{id}", "/{id}/dashboard", "/{id}/users", "/{id}/users/{user_id}", "/{id}/roles", "/{id}/roles/{name}"} {
			t.Add(Route{Name: group + tail, Methods: []string{"GET"}, Path: "/" + group + tail, Auth: Public(), Handler: noop, Legacy: true})
		}
	}
	start := time.Now()
	h, err := t.Mount(Options{
		Issuer: "https://id.example.com", Clock: clock.System{}, Logger: log,
		Uptime: func() time.Duration { return time.Since(start) },
	})
	if err != nil {
		b.Fatal(err)
	}
	return h
}

func BenchmarkFrame(b *testing.B) {
	jsonLog := slog.New(slog.NewJSONHandler(io.Discard, nil)) //nolint:sloglint // the handler's work is part of what is measured
	for _, c := range []struct {
		name, method, target string
		log                  *slog.Logger
	}{
		{"prepared", "GET", "/.well-known/jwks.json", jsonLog},
		{"fixed path, log line", "POST", "/auth/login", jsonLog},
		{"fixed path, log off", "POST", "/auth/login", nil},
		{"under api v1", "POST", "/api/v1/auth/login/", nil},
		{"template", "GET", "/organizations/0198/users/0199", nil},
		{"unknown", "GET", "/nothing/here", nil},
	} {
		b.Run(c.name, func(b *testing.B) {
			h := benchTable(b, c.log)
			r := httptest.NewRequest(c.method, c.target, http.NoBody)
			r.Header.Set("User-Agent", "bench/1.0")
			w := &nullWriter{h: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.h)
				h.ServeHTTP(w, r)
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	type login struct {
		Email    string `json:"email"`
		Password string `json:"password"`
		Remember bool   `json:"remember_me"`
	}
	body := []byte(`{"email":"alice@acme.test","password":"correct horse battery staple","remember_me":true}`)
	var cache shapes
	b.ReportAllocs()
	for b.Loop() {
		var v login
		if err := decode(body, &v, true, &cache); err != nil {
			b.Fatal(err)
		}
	}
}
