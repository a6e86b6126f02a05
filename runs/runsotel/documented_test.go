package runsotel_test

import (
	"context"
	"os"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/runsotel"
)

// catalogue is a meter that notes the units of the instruments that it is asked for.
type catalogue struct {
	noop.Meter
	units map[string]string
}

func (c catalogue) note(name, unit, what string) {
	c.units[name] = unit
	if what == "" {
		c.units[name] += " without a description"
	}
}

func (c catalogue) Int64Counter(name string, o ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	cfg := metric.NewInt64CounterConfig(o...)
	c.note(name, cfg.Unit(), cfg.Description())
	return noop.Int64Counter{}, nil
}

func (c catalogue) Int64UpDownCounter(name string, o ...metric.Int64UpDownCounterOption) (metric.Int64UpDownCounter, error) {
	cfg := metric.NewInt64UpDownCounterConfig(o...)
	c.note(name, cfg.Unit(), cfg.Description())
	return noop.Int64UpDownCounter{}, nil
}

func (c catalogue) Float64Histogram(name string, o ...metric.Float64HistogramOption) (metric.Float64Histogram, error) {
	cfg := metric.NewFloat64HistogramConfig(o...)
	c.note(name, cfg.Unit(), cfg.Description())
	return noop.Float64Histogram{}, nil
}

func (c catalogue) Int64ObservableGauge(name string, o ...metric.Int64ObservableGaugeOption) (metric.Int64ObservableGauge, error) {
	cfg := metric.NewInt64ObservableGaugeConfig(o...)
	c.note(name, cfg.Unit(), cfg.Description())
	return noop.Int64ObservableGauge{}, nil
}

func (c catalogue) Float64ObservableGauge(name string, o ...metric.Float64ObservableGaugeOption) (metric.Float64ObservableGauge, error) {
	cfg := metric.NewFloat64ObservableGaugeConfig(o...)
	c.note(name, cfg.Unit(), cfg.Description())
	return noop.Float64ObservableGauge{}, nil
}

// provider gives the catalogue to whoever asks for a meter.
type provider struct {
	noop.MeterProvider
	catalogue
}

func (p provider) Meter(string, ...metric.MeterOption) metric.Meter { return p.catalogue }

func TestEveryMetricIsDocumentedWithItsUnit(t *testing.T) {
	made := catalogue{units: map[string]string{}}
	_, err := runsotel.New(runsotel.Config{
		MeterProvider: provider{catalogue: made},
		Queue:         func(context.Context) (runs.QueueStats, error) { return runs.QueueStats{}, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(tenantbackup\\.[a-z_.]+)` \\| `([^`]+)` \\|").FindAllStringSubmatch(string(page), -1) {
		documented[row[1]] = row[2]
	}
	if diff := cmp.Diff(made.units, documented); diff != "" || len(documented) < 16 {
		t.Errorf("docs/operations.md (-made +documented):\n%s", diff)
	}
}
