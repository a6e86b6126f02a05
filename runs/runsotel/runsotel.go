// Package runsotel turns what the observers of this module are told into OpenTelemetry
// traces and metrics.
//
// The parts:
//
//   - [New] makes a [Telemetry] over the providers that the host gives; nothing is global.
//   - Its methods Runs, Dispatch, Graph and Store are the observers of runs, backupsched,
//     graph and store.
//
// Metrics carry kinds, states, codes, policy types and names of methods, never a tenant
// unless [Config].TenantInMetrics asks for it. Spans carry the ids of tenant and run too.
// Neither ever carries a name, a message, an error or a payload. docs/operations.md lists
// every metric with its unit and attributes, and what to make of it.
//
// What has a name in the semantic conventions of OpenTelemetry has it here (error.type);
// everything else begins with "tenantbackup.". See
// https://opentelemetry.io/docs/specs/semconv/.
package runsotel

import (
	"context"

	"go.opentelemetry.io/otel/metric"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	nooptrace "go.opentelemetry.io/otel/trace/noop"

	"github.com/tenantatlas/tenantbackup/runs"
)

// ScopeName is the instrumentation scope of all spans and metrics.
const ScopeName = "github.com/tenantatlas/tenantbackup"

// Config configures a [Telemetry]. At least one of the providers is required.
type Config struct {
	TracerProvider trace.TracerProvider // nil means no spans
	MeterProvider  metric.MeterProvider // nil means no metrics

	// Queue says what waits, each time the metrics are collected: the Stats method of a
	// [runs.QueueStatter]. When it fails, that collection has no metrics of the queue.
	// Defaults to no such metrics.
	Queue func(context.Context) (runs.QueueStats, error)

	// TenantInMetrics adds the tenant's id to the metrics of runs. Each tenant then has
	// time series of its own, and whoever reads the metrics learns who they are.
	TenantInMetrics bool

	// Clock measures durations and dates spans. Defaults to [runs.SystemClock].
	Clock runs.Clock
}

// Telemetry reports what it is told. It is safe for concurrent use.
type Telemetry struct {
	cfg    Config
	tracer trace.Tracer
	instruments
	queue metric.Registration // nil without a queue
}

// New checks the configuration and makes a Telemetry. It starts nothing.
func New(cfg Config) (*Telemetry, error) {
	if cfg.TracerProvider == nil && cfg.MeterProvider == nil {
		return nil, runs.Invalid("meter_provider", "required", "is required unless there is a tracer_provider")
	}
	if cfg.TracerProvider == nil {
		cfg.TracerProvider = nooptrace.NewTracerProvider()
	}
	if cfg.MeterProvider == nil {
		cfg.MeterProvider = noopmetric.NewMeterProvider()
	}
	if cfg.Clock == nil {
		cfg.Clock = runs.SystemClock{}
	}
	t := &Telemetry{cfg: cfg, tracer: cfg.TracerProvider.Tracer(ScopeName)}
	meter := cfg.MeterProvider.Meter(ScopeName)
	var err error
	if t.instruments, err = newInstruments(meter); err != nil {
		return nil, err
	}
	if cfg.Queue != nil {
		if t.queue, err = watchQueue(meter, cfg.Queue); err != nil {
			return nil, err
		}
	}
	// A counter that alerts look at is there from the start, so that its first step shows.
	for _, by := range []string{byWorker, bySweep} {
		t.leaseLosses.Add(context.Background(), 0, with(leaseBy.String(by)))
	}
	return t, nil
}

// Close stops asking the queue. The providers are the host's to shut down.
func (t *Telemetry) Close() error {
	if t.queue == nil {
		return nil
	}
	return t.queue.Unregister()
}
