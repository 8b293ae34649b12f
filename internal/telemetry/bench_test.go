package telemetry

import (
	"context"
	"io"
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

func BenchmarkInstrumentChoice(b *testing.B) {
	exp, err := otelprom.New(otelprom.WithRegisterer(prometheus.NewRegistry()))
	if err != nil {
		b.Fatal(err)
	}
	meter := sdkmetric.NewMeterProvider(sdkmetric.WithReader(exp)).Meter("bench")
	b.Run("otel counter", func(b *testing.B) {
		c, _ := meter.Int64Counter("c")
		set := metric.WithAttributeSet(attribute.NewSet(attribute.String("gate", "default"), attribute.String("result", "valid")))
		ctx := context.Background()
		b.ReportAllocs()
		for b.Loop() {
			c.Add(ctx, 1, set)
		}
	})
	b.Run("otel histogram", func(b *testing.B) {
		h, _ := meter.Float64Histogram("h")
		set := metric.WithAttributeSet(attribute.NewSet(attribute.String("gate", "default"), attribute.String("result", "valid")))
		ctx := context.Background()
		b.ReportAllocs()
		for b.Loop() {
			h.Record(ctx, 0.01, set)
		}
	})
	b.Run("prometheus counter", func(b *testing.B) {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "c"}, []string{"gate", "result"}).WithLabelValues("default", "valid")
		b.ReportAllocs()
		for b.Loop() {
			c.Inc()
		}
	})
	b.Run("prometheus counter looked up", func(b *testing.B) {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "c"}, []string{"gate", "result"})
		b.ReportAllocs()
		for b.Loop() {
			c.WithLabelValues("default", "valid").Inc()
		}
	})
	b.Run("prometheus histogram", func(b *testing.B) {
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "h", Buckets: prometheus.DefBuckets})
		b.ReportAllocs()
		for b.Loop() {
			h.Observe(0.01)
		}
	})
}

func BenchmarkHTTPRoute(b *testing.B) {
	r := NewMetrics("v", "c").HTTPRoute("GET", "/x")
	b.ReportAllocs()
	for b.Loop() {
		r.Start()
		r.Done(200, 1000)
	}
}

func BenchmarkLogLine(b *testing.B) {
	logger, _ := NewLogger(io.Discard, LogOptions{})
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		logger.LogAttrs(ctx, slog.LevelInfo, "request", slog.String("request_id", "1234567890abcdef-000001"), slog.String("http.request.method", "GET"),
			slog.String("http.route", "/auth/validate"), slog.Int("http.response.status_code", 200), slog.Float64("duration_ms", 0.123),
			slog.String("client.address", "192.0.2.1"), slog.String("user_agent.original", "bench/1.0"), slog.String("user_id", "0198c0de"))
	}
}
