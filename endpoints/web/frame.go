package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
)

// frame is the mounted table.
type frame struct {
	o       Options
	issuer  *url.URL
	router  *router
	ids     *idSource
	headers headers
	shapes  shapes
	csrf    *http.CrossOriginProtection
	unknown [Page + 1]*bound // what answers for paths nobody serves, by style
}

func newFrame(routes []Route, o Options) (http.Handler, error) {
	if o.Clock == nil {
		return nil, errors.New("web: Options.Clock is required")
	}
	issuer, err := url.Parse(o.Issuer)
	if err != nil || issuer.Host == "" {
		return nil, fmt.Errorf("web: Options.Issuer %q is not a URL", o.Issuer)
	}
	o.setDefaults()
	f := &frame{o: o, issuer: issuer, router: newRouter(issuer.Path, o.BarePrefix)}
	if f.ids, err = newIDSource(o.Random); err != nil {
		return nil, fmt.Errorf("web: request ids: %w", err)
	}
	f.headers = newHeaders(issuer.Scheme == "https")
	f.csrf = http.NewCrossOriginProtection()
	if err := f.csrf.AddTrustedOrigin(issuer.Scheme + "://" + issuer.Host); err != nil {
		return nil, fmt.Errorf("web: issuer origin: %w", err)
	}
	if err := f.bindAll(routes); err != nil {
		return nil, err
	}
	if o.Tracer != nil {
		return f.traced(), nil
	}
	return f, nil
}

func (f *frame) bindAll(routes []Route) error {
	classes := f.corsClasses()
	var paths []string
	for i := range routes {
		r := &routes[i]
		paths = append(paths, r.Path)
		for _, method := range r.Methods {
			f.router.add(f.bind(r, method, classes))
			if method == http.MethodGet {
				f.router.add(f.bind(r, http.MethodHead, classes))
			}
		}
		if r.AnyMethod {
			f.router.entry(r.Path).other = f.bind(r, otherMethod, classes)
		}
	}
	for style := range f.unknown {
		f.unknown[style] = f.special(otherMethod, "", Style(style), notFound)
	}
	return f.router.build(paths, func(e *entry, like *bound) {
		e.options = f.special(http.MethodOptions, like.route.Path, like.route.Style, f.optionsOf(e))
		e.refused = f.special(otherMethod, like.route.Path, like.route.Style, func(w http.ResponseWriter, r *http.Request) error {
			w.Header()["Allow"] = e.allow
			return NewError(http.StatusMethodNotAllowed, "REQ_005", "method not allowed; see the Allow header")
		})
	})
}

// otherMethod is what metrics call a method that the table does not name
// (OpenTelemetry semantic conventions, http.request.method).
const otherMethod = "_OTHER"

func notFound(http.ResponseWriter, *http.Request) error {
	return fault.New(fault.NotFound, "there is nothing at this address")
}

func (f *frame) bind(r *Route, method string, classes corsSet) *bound {
	return &bound{
		route: r, method: method, types: r.contentTypes(), limit: r.bodyLimit(), timeout: r.timeout(),
		cors: classes[r.CORS], class: r.Class(method), observer: f.o.Observer.Route(method, r.Path),
		checkCSR: !safe(method) && !r.AllowCrossOrigin && (r.Style == Page || r.Auth.rule == ruleSession),
	}
}

// special binds an answer of the frame's own: 404, 405, OPTIONS.
func (f *frame) special(method, path string, style Style, h HandlerFunc) *bound {
	return &bound{
		route:    &Route{Path: path, Style: style, Auth: Public(), Handler: h},
		method:   method,
		limit:    defaultBodyLimit,
		types:    []string{AnyContentType},
		observer: f.o.Observer.Route(method, path),
	}
}

// ServeHTTP implements http.Handler.
func (f *frame) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := f.o.Uptime()
	e, vars := f.router.match(r)
	if e == nil {
		f.serve(w, r, f.unknown[styleFor(r)], start) //nolint:contextcheck // the context is the request's
		return
	}
	b := e.find(r.Method)
	switch {
	case b == nil && e.other != nil:
		b = e.other
	case b == nil && r.Method == http.MethodOptions:
		b = e.options
	case b == nil:
		b = e.refused
	case b.route.Prepared != nil && f.servePrepared(w, r, b, start):
		return
	}
	for name, value := range vars {
		r.SetPathValue(name, value)
	}
	f.serve(w, r, b, start) //nolint:contextcheck // the context is the request's
}

// styleFor guesses what a stray request can read.
func styleFor(r *http.Request) Style {
	switch {
	case strings.HasPrefix(r.URL.Path, "/oauth2/"), strings.HasPrefix(r.URL.Path, "/.well-known/"):
		return OAuth
	case strings.HasPrefix(r.URL.Path, "/ui/"),
		r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html"):
		return Page
	default:
		return JSON
	}
}

func (f *frame) serve(w http.ResponseWriter, r *http.Request, b *bound, start time.Duration) {
	x := &exchange{ResponseWriter: w, frame: f, bound: b, requestID: f.requestID(r), client: f.clientAddr(r)}
	ctx := context.WithValue(f.withParent(r), exchangeKey{}, x)
	if b.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, b.timeout)
		defer cancel()
	}
	r = r.WithContext(ctx)
	f.nameSpan(ctx, b)
	b.observer.Start()
	defer f.finish(x, r, start)
	f.headers.apply(w.Header(), b.route.Style, x.requestID)
	if err := f.run(x, r); err != nil {
		f.answer(x, r, err)
	}
}

// run is the list of what happens to every request.
func (f *frame) run(x *exchange, r *http.Request) error {
	b := x.bound
	if err := f.checkHost(b, r); err != nil {
		return err
	}
	if err := f.checkOrigin(x, r); err != nil {
		return err
	}
	if err := f.limitRate(x, r); err != nil {
		return err
	}
	if err := f.authorize(x, r); err != nil {
		return err
	}
	if err := f.limitSubject(x, r); err != nil {
		return err
	}
	r = r.WithContext(recorded(r.Context(), x))
	if err := limitBody(x, r); err != nil {
		return err
	}
	switch {
	case b.route.Prepared != nil:
		return fault.New(fault.Unavailable, "the document is not ready yet")
	case b.route.Idempotent && b.method == http.MethodPost && f.o.Replays != nil && len(r.Header[idempotencyHeader]) > 0:
		return f.once(x, r)
	}
	return b.route.Handler(x, r)
}

// recorded names, for the events of this request, its id and who makes it.
func recorded(ctx context.Context, x *exchange) context.Context {
	ctx = event.WithRequest(ctx, x.requestID)
	p := x.principal
	if p == nil || p.Subject == "" {
		return ctx
	}
	kind := event.ActorUser
	if p.Service {
		kind = event.ActorClient
	}
	return event.WithActor(ctx, event.Actor{Kind: kind, ID: p.Subject})
}

// finish turns a panic into an answer, then writes the log line and the
// metrics. http.ErrAbortHandler keeps its meaning.
func (f *frame) finish(x *exchange, r *http.Request, start time.Duration) {
	if p := recover(); p != nil {
		if p == http.ErrAbortHandler { //nolint:errorlint // a panic value, compared as net/http does
			f.done(x, r, start)
			panic(p)
		}
		f.answer(x, r, fmt.Errorf("web: panic: %v", p))
		f.o.Logger.LogAttrs(r.Context(), slog.LevelError, "panic in handler",
			slog.String("event", "panic"),
			slog.String("request_id", x.requestID),
			slog.String("error_id", x.err.ID),
			slog.String("http.route", x.bound.route.Path),
			slog.String("stack", string(debug.Stack())))
	}
	f.done(x, r, start)
}

func (f *frame) done(x *exchange, r *http.Request, start time.Duration) {
	if x.status == 0 {
		x.status = http.StatusOK // nothing written: net/http answers 200
	}
	took := f.o.Uptime() - start
	x.bound.observer.Done(x.status, took)
	f.writeLog(r, x, took)
}

func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}
