package pages

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"sync"
)

//go:embed templates/*.html
var templateFiles embed.FS

// Options say how the pages of one deployment differ from another's.
type Options struct {
	// Name is the wordmark, e.g. "Acme ID"; empty: "Signet".
	Name string
	// BasePath is the path of the issuer without a trailing slash, e.g.
	// "/auth" for https://example.test/auth; usually empty.
	BasePath string
	// PseudoLocales adds the made-up languages en-XA (long, accented) and
	// ar-XB (right to left), which show up untranslated text and layouts that
	// assume a direction. For tests and development.
	PseudoLocales bool
}

// Renderer writes the hosted pages. It is safe for concurrent use.
type Renderer struct {
	name     string
	basePath string
	locales  *locales
	assets   *assets
	buffers  sync.Pool
}

// New parses the templates once for each language, so that what a request
// pays for is writing, not parsing. It fails when a catalogue is incomplete
// or a template does not compile.
func New(o Options) (*Renderer, error) {
	if o.Name == "" {
		o.Name = "Signet"
	}
	assets, err := loadAssets(o.BasePath)
	if err != nil {
		return nil, fmt.Errorf("pages: new: %w", err)
	}
	locales, err := loadLocales(o.PseudoLocales)
	if err != nil {
		return nil, fmt.Errorf("pages: new: %w", err)
	}
	return &Renderer{
		name:     o.Name,
		basePath: o.BasePath,
		locales:  locales,
		assets:   assets,
		buffers:  sync.Pool{New: func() any { return new(bytes.Buffer) }},
	}, nil
}

// At is the same renderer for another base path.
func (r *Renderer) At(basePath string) (*Renderer, error) {
	assets, err := loadAssets(basePath)
	if err != nil {
		return nil, fmt.Errorf("pages: at: %w", err)
	}
	return &Renderer{name: r.name, basePath: basePath, locales: r.locales, assets: assets, buffers: sync.Pool{New: r.buffers.New}}, nil
}

// page is what a template sees. The fields of the first group are the layout's,
// those of the second the placeholders a message may hold ({app}, {user}, ...).
type page struct {
	Lang, Dir, Brand, CSS, JS, Icon, Strength string

	App, User, Organization, Host string

	View any
}

// maxPooled keeps one giant answer (a form_post of a huge token) from staying
// in memory for ever.
const maxPooled = 64 << 10

// render executes a template into a buffer and sends it only when it is
// complete: a failure leaves w untouched, so that the caller can still answer.
func (r *Renderer) render(w http.ResponseWriter, status int, b Base, name string, p page, h headers) error {
	loc := b.Locale.orDefault(r.locales)
	p.Lang, p.Dir, p.Brand = loc.lang, loc.dir, r.name
	p.CSS, p.JS, p.Icon, p.Strength = r.assets.css, r.assets.js, r.assets.icon, r.basePath+PathStrength

	buf := r.buffers.Get().(*bytes.Buffer)
	defer func() {
		if buf.Cap() <= maxPooled {
			buf.Reset()
			r.buffers.Put(buf)
		}
	}()
	if err := loc.templates.ExecuteTemplate(buf, name, p); err != nil {
		return fmt.Errorf("pages: %s: %w", name, err)
	}
	h.popup = b.Popup
	h.write(w.Header())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", loc.lang)
	w.Header().Set("Content-Length", strconv.Itoa(buf.Len()))
	w.WriteHeader(status)
	if _, err := w.Write(buf.Bytes()); err != nil {
		return fmt.Errorf("pages: %s: write: %w", name, err)
	}
	return nil
}

// form completes what a form of ours sends back and refuses what no handler of
// ours would have made.
func (r *Renderer) form(f Form, path string) (Form, error) {
	if len(f.Transaction) > maxHidden || len(f.CSRF) > maxHidden {
		return f, fmt.Errorf("hidden field longer than %d bytes", maxHidden)
	}
	if f.Action == "" {
		f.Action = r.basePath + path
	}
	return f, nil
}

// parseTemplates compiles the pages in one language. Each message is a named
// template, so that words are escaped where they stand and cost no lookup.
func parseTemplates(messages string) (*template.Template, error) {
	t, err := template.New("pages").Option("missingkey=error").Parse(messages)
	if err != nil {
		return nil, err
	}
	return t.ParseFS(templateFiles, "templates/*.html")
}
