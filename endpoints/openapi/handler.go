package openapi

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/signet-idp/signet/endpoints/web"
)

// Where the document and its page are served.
const (
	PathDocument = "/openapi.json"
	PathPage     = "/docs"
	pathStyle    = PathPage + "/style.css"
)

const cacheControl = "public, max-age=300"

// pageCSP lets the page load its style and nothing else: it has no scripts.
const pageCSP = "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

//go:embed assets/docs.css
var style []byte

// Handler serves the document and the page.
type Handler struct {
	Options
	document, page, style *web.Prepared
}

// Mount adds the routes. Prepare, called once all routes are in the table,
// makes what they serve.
func (h *Handler) Mount(t *web.Table) {
	get := []string{http.MethodGet}
	t.Add(
		web.Route{
			Name: "openapi", Summary: "This API as an OpenAPI 3.1 document", Tags: []string{"API description"},
			Methods: get, Path: PathDocument, Legacy: true, Auth: web.Public(), CORS: web.CORSAny,
			Prepared: func() *web.Prepared { return h.document }, Response: web.TypeOf[map[string]any](),
		},
		web.Route{
			Name: "docs", Summary: "This API as a page to read", Tags: []string{"API description"},
			Methods: get, Path: PathPage, Auth: web.Public(), Style: web.Page, Produces: "text/html",
			Prepared: func() *web.Prepared { return h.page },
		},
		web.Route{
			Name: "docsStyle", Methods: get, Path: pathStyle, Auth: web.Public(), Style: web.Page, Hidden: true,
			Prepared: func() *web.Prepared { return h.style },
		},
	)
}

// Prepare writes the document of the table.
func (h *Handler) Prepare(t *web.Table) error {
	doc, err := Build(t.Routes(), h.Options)
	if err != nil {
		return err
	}
	body, err := json.Marshal(doc)
	if err != nil {
		return fmt.Errorf("openapi: %w", err)
	}
	issuer, err := url.Parse(h.Issuer)
	if err != nil {
		return fmt.Errorf("openapi: issuer: %w", err)
	}
	page, err := render(doc, issuer.Path)
	if err != nil {
		return err
	}
	h.document = web.NewPrepared("application/json", cacheControl, body)
	h.page = web.NewPrepared("text/html; charset=utf-8", cacheControl, page).
		With("Content-Security-Policy", pageCSP).With("Referrer-Policy", "no-referrer").With("X-Frame-Options", "DENY").
		With("Cross-Origin-Resource-Policy", "same-origin").With("Cross-Origin-Opener-Policy", "same-origin")
	h.style = web.NewPrepared("text/css; charset=utf-8", cacheControl, style)
	return nil
}
