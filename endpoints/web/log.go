package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"net/http"
	"sync"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/otel/trace"
)

// Record is the log line of one request, filled by handlers and written once
// at the end. It is safe for concurrent use; a nil Record swallows everything,
// so code under test needs no frame. Never give it a token, a code, a password,
// a query string or an identifier somebody typed.
type Record struct {
	mu        sync.Mutex
	event     string
	userID    string
	orgID     string
	clientID  string
	sessionID string
	grant     string
	more      []slog.Attr
}

// Log returns the record of the request that ctx belongs to; nil (which works)
// outside the frame.
func Log(ctx context.Context) *Record {
	if x := exchangeFrom(ctx); x != nil {
		return &x.record
	}
	return nil
}

func (r *Record) set(field *string, value string) *Record {
	r.mu.Lock()
	*field = value
	r.mu.Unlock()
	return r
}

// Event names what happened: a stable snake_case id such as "login_failed".
func (r *Record) Event(id string) *Record {
	if r == nil {
		return nil
	}
	return r.set(&r.event, id)
}

// User sets user_id.
func (r *Record) User(id string) *Record {
	if r == nil {
		return nil
	}
	return r.set(&r.userID, id)
}

// Org sets org_id.
func (r *Record) Org(id string) *Record {
	if r == nil {
		return nil
	}
	return r.set(&r.orgID, id)
}

// Client sets client_id: of a known client only.
func (r *Record) Client(id string) *Record {
	if r == nil {
		return nil
	}
	return r.set(&r.clientID, id)
}

// Session sets session_id; it is written hashed.
func (r *Record) Session(id string) *Record {
	if r == nil {
		return nil
	}
	return r.set(&r.sessionID, id)
}

// Grant sets the grant type of a token request.
func (r *Record) Grant(grantType string) *Record {
	if r == nil {
		return nil
	}
	return r.set(&r.grant, grantType)
}

// Set adds further fields.
func (r *Record) Set(attrs ...slog.Attr) *Record {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	r.more = append(r.more, attrs...)
	r.mu.Unlock()
	return r
}

func (r *Record) setPrincipal(p *Principal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !p.Service {
		r.userID = p.Subject
	}
	r.orgID, r.clientID, r.sessionID = p.OrgID, p.ClientID, p.SessionID
}

const maxUserAgent = 200

// writeLog writes the request's line. Server errors are errors, the rest is
// info; quiet routes go down to debug while they succeed.
func (f *frame) writeLog(r *http.Request, x *exchange, took time.Duration) {
	level := slog.LevelInfo
	switch {
	case x.status >= 500 && x.status != http.StatusServiceUnavailable:
		level = slog.LevelError
	case x.status >= 500:
		level = slog.LevelWarn
	case x.status < 400 && x.bound.route.Quiet:
		level = slog.LevelDebug
	}
	f.writeLogAt(level, r, x, took)
}

func (f *frame) writeLogAt(level slog.Level, r *http.Request, x *exchange, took time.Duration) {
	ctx := r.Context()
	if !f.o.Logger.Enabled(ctx, level) {
		return
	}
	var buf [20]slog.Attr
	a := buf[:0]
	str := func(key, value string) {
		if value != "" {
			a = append(a, slog.String(key, value))
		}
	}
	rec := &x.record
	rec.mu.Lock()
	defer rec.mu.Unlock()
	str("event", rec.event)
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		str("trace_id", span.TraceID().String())
		str("span_id", span.SpanID().String())
	}
	str("request_id", x.requestID)
	str("http.request.method", knownMethod(r.Method))
	str("http.route", x.bound.route.Path)
	a = append(a, slog.Int("http.response.status_code", x.status),
		slog.Float64("duration_ms", float64(took.Microseconds())/1000))
	if x.client.IsValid() {
		str("client.address", x.client.String())
	}
	str("user_agent.original", cut(r.UserAgent(), maxUserAgent))
	str("user_id", rec.userID)
	str("org_id", rec.orgID)
	str("client_id", rec.clientID)
	str("session_id", hashed(rec.sessionID))
	str("grant", rec.grant)
	if x.err != nil {
		str("error", x.err.logText())
		str("error_id", x.err.ID)
	}
	a = append(a, rec.more...)
	// Straight to the handler: the line's time is our clock's and looking up the
	// calling source line, always this one, would cost a tenth of the frame.
	line := slog.NewRecord(f.o.Clock.Now(), level, "request", 0)
	line.AddAttrs(a...)
	_ = f.o.Logger.Handler().Handle(ctx, line)
}

// logText is what the log line says: everything for server errors, the code and
// our own sentence for refusals, whose causes may quote the caller's input.
func (e *Error) logText() string {
	if e.Status >= 500 {
		return e.Error()
	}
	if e.OAuth != "" && e.Code == "" {
		return e.OAuth
	}
	return e.Code
}

// hashed shortens a session id to something that joins log lines and is
// useless elsewhere.
func hashed(id string) string {
	if id == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:6])
}

func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

// knownMethod keeps made-up methods out of logs and metrics.
func knownMethod(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions, http.MethodConnect, http.MethodTrace:
		return m
	default:
		return otherMethod
	}
}
