package languages

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signet-idp/signet/gateway"
	"github.com/signet-idp/signet/internal/testkit/script"
)

// TestReact builds the application of docs/sign-in-with-react.md as it is written,
// and has a person use it in Chromium; the API is one in Go.
func TestReact(t *testing.T) {
	t.Parallel()
	look(t, typescriptPackage)
	chromium := script.Program(t, "SIGNET_TEST_CHROMIUM", "chromium", "chromium-browser", "google-chrome")
	script.Install(t, "")
	a := &application{dir: t.TempDir()}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	protect, blocks := page(t, "protect-an-api.md"), page(t, "sign-in-with-react.md")
	w := newWorld(t, strings.ReplaceAll(merged(t, protect, blocks), "https://app.example.com", server.URL))
	v, err := gateway.New(t.Context(), gateway.Config{Issuer: w.Issuer, Audience: pageAPI, ClientID: "api-gateway", ClientSecret: pageSecret})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	a.issuer, a.orders = w.Issuer, v.Middleware(gateway.Scope("orders:read"))(http.HandlerFunc(a.show))
	a.build(t, blocks, strings.NewReplacer(pageIssuer, w.Issuer, pageAPI+"/orders", server.URL+"/orders"))
	settings, err := json.Marshal(map[string]any{
		"issuer": w.Issuer, "app": server.URL, "chromium": chromium,
		"person": map[string]string{"email": aliceEmail, "password": password, "name": "Alice Example"},
	})
	if err != nil {
		t.Fatal(err)
	}
	script.Run(t, 3*time.Minute, "", []string{"SETTINGS=" + string(settings)}, script.Node(t), "react.mjs")
}

// application serves the page, and the API under the same address.
type application struct {
	dir, issuer string
	orders      http.Handler

	mu      sync.Mutex
	last    string // Authorization of the last request
	refused string
}

// build bundles the page's listing with the package's own dependencies, which the
// lock file names; the archive is what docs/protect-an-api.md installs.
func (a *application) build(t *testing.T, blocks []block, in *strings.Replacer) {
	t.Helper()
	write(t, blocks, "The application", a.dir, in)
	script.Install(t, typescriptPackage)
	from, err := filepath.Abs(typescriptPackage)
	if err != nil {
		t.Fatal(err)
	}
	compiler := filepath.Join(from, "node_modules", "typescript", "bin", "tsc")
	scoped := filepath.Join(a.dir, "node_modules", "@signet-idp", "gateway")
	run(t, typescriptPackage, script.Node(t), compiler, "-p", ".", "--outDir", filepath.Join(scoped, "dist"))
	manifest, err := os.ReadFile(filepath.Join(from, "package.json"))
	if err == nil {
		err = os.WriteFile(filepath.Join(scoped, "package.json"), manifest, 0o600)
	}
	for _, name := range []string{"oidc-client-ts", "react", "react-dom", "esbuild", "@esbuild", "scheduler", "jwt-decode", ".bin"} {
		if err == nil {
			err = os.Symlink(filepath.Join(from, "node_modules", name), filepath.Join(a.dir, "node_modules", name))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(commands(blocks, "The application")[0]), "\n")
	run(t, a.dir, "bash", "-e", "-c", lines[len(lines)-1])
}

func (a *application) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'self'; img-src data:; connect-src 'self' "+a.issuer+"; frame-src 'self' "+a.issuer+"; base-uri 'none'")
	switch r.URL.Path {
	case "/":
		h.Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(`<!doctype html><html lang="en"><title>Orders</title><link rel="icon" href="data:,"><div id="root"></div><script src="/app.js"></script>`))
	case "/app.js":
		http.ServeFile(w, r, filepath.Join(a.dir, "app.js"))
	case "/refuse-the-last-token":
		a.mu.Lock()
		a.refused = a.last
		a.mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
	case "/orders":
		said := r.Header.Get("Authorization")
		a.mu.Lock()
		a.last = said
		refused := said == a.refused
		a.mu.Unlock()
		if refused { // as after a change of roles
			h.Set("WWW-Authenticate", `Bearer realm="signet", error="invalid_token", error_description="roles have changed; refresh the token"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		a.orders.ServeHTTP(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (a *application) show(w http.ResponseWriter, r *http.Request) {
	claims, _ := gateway.FromContext(r.Context())
	_ = json.NewEncoder(w).Encode(map[string]string{"sub": claims.Subject})
}
