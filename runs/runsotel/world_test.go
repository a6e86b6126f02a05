package runsotel_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/runsotel"
)

// world is a rig under observation.
type world struct {
	*rig.Rig
	telemetry *runsotel.Telemetry
	spans     *tracetest.SpanRecorder
	reader    *metric.ManualReader
}

const work = runs.Kind("test.work")

// doing is an executor of a kind of its own.
type doing func(context.Context, *runs.Attempt) error

func (doing) Kinds() []runs.Kind                                   { return []runs.Kind{work} }
func (d doing) Execute(ctx context.Context, a *runs.Attempt) error { return d(ctx, a) }

func newWorld(t *testing.T, o rig.Options, edit func(*runsotel.Config)) *world {
	t.Helper()
	w := &world{spans: tracetest.NewSpanRecorder(), reader: metric.NewManualReader()}
	clock := &lateClock{}
	cfg := runsotel.Config{
		TracerProvider: trace.NewTracerProvider(trace.WithSpanProcessor(w.spans)),
		MeterProvider:  metric.NewMeterProvider(metric.WithReader(w.reader)),
		Clock:          clock,
	}
	if edit != nil {
		edit(&cfg)
	}
	var err error
	if w.telemetry, err = runsotel.New(cfg); err != nil {
		t.Fatal(err)
	}
	o.Observers = rig.Observers{Runs: w.telemetry.Runs(), Dispatch: w.telemetry.Dispatch(), Graph: w.telemetry.Graph(), Store: w.telemetry.Store()}
	o.Runner.AfterRun = func(context.Context, runs.Run) error { return nil } // no retention
	w.Rig = rig.New(t, o)
	clock.set(w.Rig.Clock)
	return w
}

// metrics collects all metrics by name.
func (w *world) metrics(t *testing.T) map[string]metricdata.Metrics {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := w.reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	byName := map[string]metricdata.Metrics{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			byName[m.Name] = m
		}
	}
	return byName
}

// points prints the points of a metric, one a line and sorted: attributes, then the value,
// or the count and sum of a histogram.
func (w *world) points(t *testing.T, name string) []string {
	t.Helper()
	var lines []string
	add := func(attrs attribute.Set, value string) {
		var b strings.Builder
		for _, kv := range attrs.ToSlice() {
			fmt.Fprintf(&b, "%s=%s ", strings.TrimPrefix(string(kv.Key), "tenantbackup."), kv.Value.Emit())
		}
		lines = append(lines, b.String()+value)
	}
	switch data := w.metrics(t)[name].Data.(type) {
	case metricdata.Sum[int64]:
		for _, p := range data.DataPoints {
			add(p.Attributes, fmt.Sprint(p.Value))
		}
	case metricdata.Gauge[int64]:
		for _, p := range data.DataPoints {
			add(p.Attributes, fmt.Sprint(p.Value))
		}
	case metricdata.Gauge[float64]:
		for _, p := range data.DataPoints {
			add(p.Attributes, fmt.Sprint(p.Value))
		}
	case metricdata.Histogram[float64]:
		for _, p := range data.DataPoints {
			add(p.Attributes, fmt.Sprintf("%d: %vs", p.Count, p.Sum))
		}
	case nil:
	default:
		t.Fatalf("%s is a %T", name, data)
	}
	slices.Sort(lines)
	return lines
}

// measured fails unless a metric has exactly these points.
func (w *world) measured(t *testing.T, name string, want ...string) {
	t.Helper()
	if got := w.points(t, name); !slices.Equal(got, want) {
		t.Errorf("%s:\n  %s\nwant:\n  %s", name, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// named returns the ended spans of a name.
func (w *world) named(name string) (list []trace.ReadOnlySpan) {
	for _, s := range w.spans.Ended() {
		if s.Name() == name {
			list = append(list, s)
		}
	}
	return list
}

// about prints a span's attributes as points does.
func about(s trace.ReadOnlySpan) string {
	attrs := attribute.NewSet(s.Attributes()...)
	var parts []string
	for _, kv := range attrs.ToSlice() {
		if kv.Key != "tenantbackup.run.id" {
			parts = append(parts, fmt.Sprintf("%s=%s", strings.TrimPrefix(string(kv.Key), "tenantbackup."), kv.Value.Emit()))
		}
	}
	return strings.Join(parts, " ")
}
