package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	prombridge "go.opentelemetry.io/contrib/bridges/prometheus"
	otelruntime "go.opentelemetry.io/contrib/instrumentation/runtime"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Options describe this process to the outside.
type Options struct {
	Version string
	Commit  string
	// Getenv reads the OTEL_* variables that decide whether anything is
	// exported (the exporters read theirs themselves); nil: nothing is.
	Getenv func(string) string
}

// Telemetry is what Start set up.
type Telemetry struct {
	Metrics *Metrics
	// Meter is for libraries that bring OpenTelemetry instruments.
	Meter metric.MeterProvider
	// Tracer is nil unless OTEL_* asks for traces: nothing is wrapped then.
	Tracer trace.TracerProvider

	gatherers prometheus.Gatherers
	stop      []func(context.Context) error
}

// Start sets up metrics, and traces when asked for. Call Shutdown at the end.
func Start(ctx context.Context, o Options) (*Telemetry, error) {
	getenv := o.Getenv
	if getenv == nil {
		getenv = func(string) string { return "" }
	}
	t := &Telemetry{Metrics: NewMetrics(o.Version, o.Commit)}
	res, err := resource.New(ctx, resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", "signet"), attribute.String("service.version", o.Version)),
		resource.WithFromEnv()) // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win
	if err != nil {
		return nil, fmt.Errorf("telemetry: resource: %w", err)
	}
	if err := t.startMetrics(ctx, res, getenv); err != nil {
		return nil, errors.Join(err, t.Shutdown(ctx))
	}
	if err := t.startTraces(ctx, res, getenv); err != nil {
		return nil, errors.Join(err, t.Shutdown(ctx))
	}
	return t, nil
}

// startMetrics keeps OpenTelemetry's series in a registry of their own: the
// bridge must not hand them to an exporter that gets them already.
func (t *Telemetry) startMetrics(ctx context.Context, res *resource.Resource, getenv func(string) string) error {
	foreign := prometheus.NewRegistry()
	exporter, err := otelprom.New(otelprom.WithRegisterer(foreign), otelprom.WithoutScopeInfo(), otelprom.WithoutTargetInfo())
	if err != nil {
		return fmt.Errorf("telemetry: prometheus exporter: %w", err)
	}
	options := []sdkmetric.Option{sdkmetric.WithResource(res), sdkmetric.WithReader(exporter)}
	if wanted(getenv, "METRICS") {
		if err := checkExporter(getenv, "METRICS"); err != nil {
			return err
		}
		push, err := otlpmetrichttp.New(ctx)
		if err != nil {
			return fmt.Errorf("telemetry: metrics exporter: %w", err)
		}
		own := prombridge.NewMetricProducer(prombridge.WithGatherer(t.Metrics.registry))
		options = append(options, sdkmetric.WithReader(sdkmetric.NewPeriodicReader(push, sdkmetric.WithProducer(own))))
	}
	provider := sdkmetric.NewMeterProvider(options...)
	t.stop = append(t.stop, provider.Shutdown)
	t.Meter = provider
	if err := otelruntime.Start(otelruntime.WithMeterProvider(provider)); err != nil {
		return fmt.Errorf("telemetry: runtime metrics: %w", err)
	}
	if err := t.Metrics.registry.Register(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})); err != nil {
		return fmt.Errorf("telemetry: process metrics: %w", err)
	}
	t.gatherers = prometheus.Gatherers{t.Metrics.registry, foreign}
	return nil
}

func (t *Telemetry) startTraces(ctx context.Context, res *resource.Resource, getenv func(string) string) error {
	if !wanted(getenv, "TRACES") {
		return nil
	}
	if err := checkExporter(getenv, "TRACES"); err != nil {
		return err
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return fmt.Errorf("telemetry: trace exporter: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithResource(res), sdktrace.WithBatcher(exporter))
	t.stop = append(t.stop, provider.Shutdown)
	t.Tracer = provider
	return nil
}

// checkExporter refuses what we do not bring: OTLP over HTTP, the default of
// the specification, is what every collector takes; the gRPC and console
// exporters would make the binary a quarter larger.
func checkExporter(getenv func(string) string, signal string) error {
	if e := getenv("OTEL_" + signal + "_EXPORTER"); e != "" && e != "otlp" {
		return fmt.Errorf("telemetry: OTEL_%s_EXPORTER is %q; write otlp or none", signal, e)
	}
	protocol := getenv("OTEL_EXPORTER_OTLP_" + signal + "_PROTOCOL")
	if protocol == "" {
		protocol = getenv("OTEL_EXPORTER_OTLP_PROTOCOL")
	}
	if protocol != "" && protocol != "http/protobuf" {
		return fmt.Errorf("telemetry: OTEL_EXPORTER_OTLP_PROTOCOL is %q; write http/protobuf and the collector's HTTP port, usually 4318", protocol)
	}
	return nil
}

// wanted reports whether the environment asks to export a signal: by naming an
// exporter or an OTLP endpoint.
func wanted(getenv func(string) string, signal string) bool {
	if strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") {
		return false
	}
	if exporter := getenv("OTEL_" + signal + "_EXPORTER"); exporter != "" {
		return exporter != "none"
	}
	return getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || getenv("OTEL_EXPORTER_OTLP_"+signal+"_ENDPOINT") != ""
}

// MetricsHandler serves /metrics as Prometheus text. Who may read it is the
// caller's business.
func (t *Telemetry) MetricsHandler() http.Handler {
	return promhttp.HandlerFor(t.gatherers, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// Shutdown flushes exporters, last started first.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	var errs []error
	for i := len(t.stop) - 1; i >= 0; i-- {
		errs = append(errs, t.stop[i](ctx))
	}
	return errors.Join(errs...)
}
