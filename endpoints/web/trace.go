package web

import (
	"context"
	"net/http"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// traced wraps the frame in otelhttp. Its metrics are off: the Observer records
// them with the route in both modes.
func (f *frame) traced() http.Handler {
	return otelhttp.NewHandler(f, "http.server",
		otelhttp.WithTracerProvider(f.o.Tracer),
		otelhttp.WithPropagators(propagation.TraceContext{}),
		otelhttp.WithMeterProvider(noop.NewMeterProvider()),
		otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return knownMethod(r.Method) }),
	)
}

// nameSpan gives the span the low-cardinality name and http.route of the
// semantic conventions, known only after the match.
func (f *frame) nameSpan(ctx context.Context, b *bound) {
	if f.o.Tracer == nil || b.route.Path == "" {
		return
	}
	span := trace.SpanFromContext(ctx)
	span.SetName(b.method + " " + b.route.Path)
	span.SetAttributes(attribute.String("http.route", b.route.Path))
}

// withParent takes the caller's trace (W3C traceparent) into the context when
// we do not trace ourselves, so that log lines and events still carry it.
func (f *frame) withParent(r *http.Request) context.Context {
	ctx := r.Context()
	if f.o.Tracer != nil || len(r.Header["Traceparent"]) == 0 {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
}
