package pages

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func fetch(h http.Handler, method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w
}

func TestAssets(t *testing.T) {
	for _, base := range []string{"", "/auth"} {
		r := newRenderer(t, Options{BasePath: base})
		h := r.AssetHandler()
		for path, contentType := range map[string]string{
			r.assets.css:  "text/css; charset=utf-8",
			r.assets.js:   "text/javascript; charset=utf-8",
			r.assets.icon: "image/svg+xml",
		} {
			if !strings.HasPrefix(path, base+"/ui/assets/") {
				t.Errorf("path %s", path)
			}
			w := fetch(h, "GET", path)
			if w.Code != 200 || w.Body.Len() == 0 || w.Header().Get("Content-Type") != contentType {
				t.Errorf("%s: %d %s", path, w.Code, w.Header().Get("Content-Type"))
			}
			if got := w.Header().Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
				t.Errorf("%s: Cache-Control %q", path, got)
			}
			if w.Header().Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s may be sniffed", path)
			}
		}
	}
}

func TestAssetsRefuse(t *testing.T) {
	r := newRenderer(t, Options{})
	h := r.AssetHandler()
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/ui/assets/0000000000000000/signet.css", 404}, // another release
		{"GET", r.assets.prefix, 404},
		{"GET", r.assets.prefix + "../signet.css", 404},
		{"GET", r.assets.prefix + "signet.css/", 404},
		{"POST", r.assets.css, 405},
	} {
		w := fetch(h, c.method, c.path)
		if w.Code != c.want {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, w.Code, c.want)
		}
		if strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s %s: a refusal is kept", c.method, c.path)
		}
	}
}

// TestWeight keeps the first view small.
func TestWeight(t *testing.T) {
	files := newRenderer(t, Options{}).assets.files
	for name, limit := range map[string]int{"signet.css": 14 << 10, "signet.js": 10 << 10, "icon.svg": 1 << 10} {
		if got := len(files[name].body); got == 0 || got > limit {
			t.Errorf("%s: %d bytes of at most %d", name, got, limit)
		}
	}
}
