package web

import (
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestSpansBearTheRoute(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	f := mount(t, func(o *Options) {
		o.Tracer = sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	}, get("a", "/things/{id}", echo))
	if w := f.do("GET", "/things/7", "", "traceparent", parent); w.Code != 200 || w.Body.String() != "GET 7 " {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	got := spans.GetSpans()
	if len(got) != 1 || got[0].Name != "GET /things/{id}" {
		t.Fatalf("spans %v", got)
	}
	if id := got[0].SpanContext.TraceID().String(); id != parent[3:35] || f.lastLine(t)["trace_id"] != id {
		t.Errorf("trace id %s, log %v", id, f.lastLine(t)["trace_id"])
	}
}

func TestCallersTraceIsLoggedWithoutTracing(t *testing.T) {
	f := mount(t, nil, get("a", "/a", echo))
	f.do("GET", "/a", "", "traceparent", parent)
	if got := f.lastLine(t)["trace_id"]; got != parent[3:35] {
		t.Errorf("trace id %v", got)
	}
	f.do("GET", "/a", "", "traceparent", "junk")
	if got, ok := f.lastLine(t)["trace_id"]; ok {
		t.Errorf("trace id %v out of junk", got)
	}
}
