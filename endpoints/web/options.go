package web

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/provider/fault"
	"go.opentelemetry.io/otel/trace"
)

// Options are the frame's dependencies. Issuer and Clock are required; the
// others work at zero.
type Options struct {
	Issuer string // as configured, e.g. "https://id.example.com"
	Clock  clock.Clock
	// Uptime is a monotonic clock for durations; nil: taken from Clock, which
	// then jumps with the wall clock.
	Uptime func() time.Duration
	Random io.Reader // crypto/rand when nil
	Logger *slog.Logger

	Development    bool // refuse foreign Hosts with 421
	TrustedProxies []netip.Prefix
	BarePrefix     bool // legacy.bare_prefix: /login is /auth/login

	Authenticator Authenticator        // nil: Bearer routes answer 503
	Sessions      SessionAuthenticator // nil: BrowserSession routes answer 503
	Origins       Origins              // nil: no client origin is known
	Limiter       Limiter              // nil: no limits
	Replays       Replays              // nil: Idempotency-Key is not looked at
	Pages         ErrorPages           // nil: a plain text page
	Observer      Observer             // nil: no metrics
	Tracer        trace.TracerProvider // nil: requests are not traced

	Times Times // how timestamps of error answers are written
	// Statuses overrides the status of faults (legacy.duplicate_email_status).
	Statuses map[fault.Code]int
}

// Origins knows the browser origins of registered clients. Both methods answer
// from memory: they run on every cross-origin request.
type Origins interface {
	// ClientOrigin reports whether origin belongs to any registered client.
	ClientOrigin(ctx context.Context, origin string) bool
	// CredentialedOrigin reports whether a json_login client lists origin in
	// cors_origins.
	CredentialedOrigin(ctx context.Context, origin string) bool
}

// Limiter counts requests of one class.
type Limiter interface {
	// Take counts one request from addr (invalid when unknown), before anything
	// else looks at it.
	Take(ctx context.Context, class string, addr netip.Addr) Decision
	// TakeSubject counts it for the subject of the bearer token as well, once
	// that is known.
	TakeSubject(ctx context.Context, class, subject string) Decision
}

// Decision is a Limiter's verdict; Limit 0 means "not limited, say nothing".
type Decision struct {
	Denied     bool
	Limit      int
	Remaining  int
	Reset      time.Duration // until the limit is whole again
	RetryAfter time.Duration // when Denied
}

// ErrorPages draws errors of hosted pages. It writes status, headers and body.
type ErrorPages interface {
	ErrorPage(w http.ResponseWriter, r *http.Request, e *Error)
}

// Observer counts requests. Route is called once for each route and method
// when the table is mounted, so that the per-request part needs no lookup.
type Observer interface {
	Route(method, route string) RouteObserver
}

// ObserverFunc is an Observer made of one function.
type ObserverFunc func(method, route string) RouteObserver

// Route implements Observer.
func (f ObserverFunc) Route(method, route string) RouteObserver { return f(method, route) }

// RouteObserver observes one route and method.
type RouteObserver interface {
	Start()
	Done(status int, d time.Duration)
}

func (o *Options) setDefaults() {
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Uptime == nil {
		start := o.Clock.Now()
		o.Uptime = func() time.Duration { return o.Clock.Now().Sub(start) }
	}
	if o.Observer == nil {
		o.Observer = noObserver{}
	}
	if o.Origins == nil {
		o.Origins = noOrigins{}
	}
}

type noObserver struct{}

func (noObserver) Route(string, string) RouteObserver { return noObserver{} }
func (noObserver) Start()                             {}
func (noObserver) Done(int, time.Duration)            {}

type noOrigins struct{}

func (noOrigins) ClientOrigin(context.Context, string) bool       { return false }
func (noOrigins) CredentialedOrigin(context.Context, string) bool { return false }
