package pages

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

//go:embed assets
var assetFiles embed.FS

// asset is one file as it is served.
type asset struct {
	contentType string
	body        string
}

// assets are the files pages refer to, under a path that holds a hash of all
// of them: a new release has new addresses, so that browsers may keep the old
// ones for ever.
type assets struct {
	prefix        string // e.g. /ui/assets/0123456789abcdef/
	files         map[string]asset
	css, js, icon string // addresses, for the layout
}

var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

func loadAssets(basePath string) (*assets, error) {
	a := &assets{files: make(map[string]asset)}
	sum := sha256.New()
	entries, err := fs.ReadDir(assetFiles, "assets") // sorted by name
	if err != nil {
		return nil, fmt.Errorf("assets: %w", err)
	}
	for _, e := range entries {
		body, err := assetFiles.ReadFile("assets/" + e.Name())
		if err != nil {
			return nil, fmt.Errorf("assets: %w", err)
		}
		fmt.Fprintf(sum, "%s %d\n", e.Name(), len(body))
		sum.Write(body)
		a.files[e.Name()] = asset{contentType: contentTypes[path.Ext(e.Name())], body: string(body)}
	}
	a.prefix = basePath + PathAssets + hex.EncodeToString(sum.Sum(nil)[:8]) + "/"
	a.css, a.js, a.icon = a.prefix+"signet.css", a.prefix+"signet.js", a.prefix+"icon.svg"
	return a, nil
}

// AssetHandler serves what the pages refer to; mount it at PathAssets below
// the base path. Only the current hash is served: an old page that is still
// open has its files already.
func (r *Renderer) AssetHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method != http.MethodGet && req.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		name, ok := strings.CutPrefix(req.URL.Path, r.assets.prefix)
		file, found := r.assets.files[name]
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		if !ok || !found {
			h.Set("Cache-Control", "no-store")
			http.Error(w, "not found", http.StatusNotFound)
			return
		}
		h.Set("Content-Type", file.contentType)
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		// A name that changes with its content never needs revalidation, so
		// neither an ETag nor a date is sent.
		_, _ = strings.NewReader(file.body).WriteTo(w)
	})
}
