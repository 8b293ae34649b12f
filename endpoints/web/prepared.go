package web

import (
	"log/slog"
	"net/http"
	"strconv"
	"time"
)

// Prepared is a document made ready once and handed out many times.
type Prepared struct {
	body                             []byte
	contentType, cache, etag, length []string
	more                             http.Header
}

// NewPrepared readies body. cacheControl is the whole header value, e.g.
// "public, max-age=300"; the ETag is a hash of the body.
func NewPrepared(contentType, cacheControl string, body []byte) *Prepared {
	return &Prepared{
		body:        body,
		contentType: []string{contentType},
		cache:       []string{cacheControl},
		etag:        []string{etagOf(body)},
		length:      []string{strconv.Itoa(len(body))},
	}
}

// With adds a header to the document's answers, e.g. a page's
// Content-Security-Policy, and returns the document.
func (p *Prepared) With(name, value string) *Prepared {
	if p.more == nil {
		p.more = http.Header{}
	}
	p.more.Set(name, value)
	return p
}

// Body returns the document; do not change it.
func (p *Prepared) Body() []byte { return p.body }

// ETag returns the entity tag with its quotes.
func (p *Prepared) ETag() string { return p.etag[0] }

// servePrepared hands out the document of b without an exchange, a context or a
// deadline: a few header assignments and one write. It reports false when the
// ordinary way must answer (no document yet, foreign Host).
func (f *frame) servePrepared(w http.ResponseWriter, r *http.Request, b *bound, start time.Duration) bool {
	p := b.route.Prepared()
	if p == nil || f.checkHost(b, r) != nil {
		return false
	}
	b.observer.Start()
	h := w.Header()
	h["X-Content-Type-Options"] = f.headers.nosniff
	h["Content-Type"] = p.contentType
	h["Cache-Control"] = p.cache
	h["Etag"] = p.etag
	for name, values := range p.more {
		h[name] = values
	}
	if f.headers.hsts != nil {
		h["Strict-Transport-Security"] = f.headers.hsts
	}
	if b.route.CORS == CORSAny {
		h["Access-Control-Allow-Origin"] = f.headers.anyOrigin
	}
	if id := r.Header[requestIDHeader]; len(id) == 1 && validRequestID(id[0]) {
		h[requestIDHeader] = id
	}
	status := http.StatusOK
	if inm := r.Header["If-None-Match"]; len(inm) > 0 && noneMatch(inm, p.etag[0]) {
		status = http.StatusNotModified
		w.WriteHeader(status)
	} else {
		h["Content-Length"] = p.length
		if r.Method != http.MethodHead {
			_, _ = w.Write(p.body)
		}
	}
	took := f.o.Uptime() - start
	b.observer.Done(status, took)
	if f.o.Logger.Enabled(r.Context(), slog.LevelDebug) {
		x := &exchange{bound: b, status: status, requestID: f.requestID(r), client: f.clientAddr(r)}
		x.record.more = []slog.Attr{slog.Bool("prepared", true)}
		f.writeLogAt(slog.LevelDebug, r, x, took)
	}
	return true
}
