package clients

import (
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/script"
)

// TestOidcClientTS runs a single-page application in Chromium on two origins:
// 127.0.0.1, which is of the issuer's site (sites know no ports), and localhost,
// which is another site. Browsers are dear: it meets the built binary only.
func TestOidcClientTS(t *testing.T) {
	t.Parallel()
	chromium := script.Program(t, "SIGNET_TEST_CHROMIUM", "chromium", "chromium-browser", "google-chrome")
	script.Install(t, "")
	a := &application{}
	same := serveApp(t, a)
	_, port, err := net.SplitHostPort(same)
	if err != nil {
		t.Fatal(err)
	}
	o := origins{SameSite: "http://" + same, CrossSite: "http://localhost:" + port, Backchannel: nowhere.Backchannel}
	s := start(t, o, startBinary)
	a.issuer = s.Issuer
	s.node(t, "oidc-client-ts.mjs", map[string]any{"chromium": chromium, "sameSite": o.SameSite, "crossSite": o.CrossSite})
}

// application serves the pages of the directory app with the browser build of
// oidc-client-ts, under a policy that allows nothing but the issuer.
type application struct{ issuer string }

func serveApp(t *testing.T, a *application) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: a, ReadHeaderTimeout: time.Minute}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	return l.Addr().String()
}

func (a *application) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'self'; img-src data:; connect-src "+a.issuer+"; frame-src 'self' "+a.issuer+"; base-uri 'none'")
	switch r.URL.Path {
	case "/":
		http.ServeFile(w, r, filepath.Join("app", "index.html"))
	case "/window.html", "/app.js":
		http.ServeFile(w, r, filepath.Join("app", r.URL.Path))
	case "/oidc-client-ts.js":
		http.ServeFile(w, r, filepath.Join("node_modules", "oidc-client-ts", "dist", "browser", "oidc-client-ts.min.js"))
	case "/config.js":
		client := "spa"
		if strings.HasPrefix(r.Host, "localhost:") {
			client = "spa-elsewhere"
		}
		settings, err := json.Marshal(map[string]string{"issuer": a.issuer, "client": client})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		h.Set("Content-Type", "text/javascript")
		_, _ = w.Write([]byte("const config = " + string(settings) + ";\n"))
	default:
		http.NotFound(w, r)
	}
}
