package runsotel_test

import (
	"context"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/runsotel"
	"github.com/tenantatlas/tenantbackup/store"
)

// noObservers have every hook and do nothing in it.
func noObservers() rig.Observers {
	return rig.Observers{
		Runs: runs.Observer{
			Attempt: func(ctx context.Context, _ runs.AttemptStart) (context.Context, func(runs.AttemptEnd)) {
				return ctx, func(runs.AttemptEnd) {}
			},
			Finished: func(context.Context, runs.FinishedRun) {},
			Swept:    func(context.Context, runs.SweepEnd) {},
		},
		Dispatch: backupsched.Observer{Tick: func(ctx context.Context, _ backupsched.TickStart) (context.Context, func(backupsched.TickEnd)) {
			return ctx, func(backupsched.TickEnd) {}
		}},
		Graph: graph.Observer{Call: func(ctx context.Context, _ graph.Call) (context.Context, func(graph.CallEnd)) {
			return ctx, func(graph.CallEnd) {}
		}},
		Store: store.Observer{Call: func(ctx context.Context, _ store.Call) (context.Context, func(store.CallEnd)) {
			return ctx, func(store.CallEnd) {}
		}},
	}
}

// dropping is a span processor that costs nothing, so that only our side is measured.
type dropping struct{}

func (dropping) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (dropping) OnEnd(sdktrace.ReadOnlySpan)                     {}
func (dropping) Shutdown(context.Context) error                  { return nil }
func (dropping) ForceFlush(context.Context) error                { return nil }

func fullTelemetry(b *testing.B) rig.Observers {
	b.Helper()
	t, err := runsotel.New(runsotel.Config{
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(dropping{})),
		MeterProvider:  sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader())),
	})
	if err != nil {
		b.Fatal(err)
	}
	return rig.Observers{Runs: t.Runs(), Dispatch: t.Dispatch(), Graph: t.Graph(), Store: t.Store()}
}

// BenchmarkObservers runs the same run by turns without observers, under ones that do
// nothing, and under traces and metrics of which nothing is sampled away.
func BenchmarkObservers(b *testing.B) {
	idle := doing(func(context.Context, *runs.Attempt) error { return nil })
	for name, c := range map[string]struct {
		options rig.Options
		once    func(*rig.Rig, backupsched.Schedule)
	}{
		"no-work": {rig.Options{Policies: -1}, func(r *rig.Rig, _ backupsched.Schedule) {
			if _, _, err := r.Starter.Start(b.Context(), rig.Tenant, rig.Owner, runs.Request{Kind: work, Key: "k"}); err != nil {
				b.Fatal(err)
			}
			r.Drain()
		}},
		"backup-of-100": {rig.Options{Policies: 100}, func(r *rig.Rig, s backupsched.Schedule) { r.Backup(s.ID) }},
	} {
		b.Run(name, func(b *testing.B) {
			var rigs []*rig.Rig
			var schedules []backupsched.Schedule
			for _, o := range []rig.Observers{{}, noObservers(), fullTelemetry(b)} {
				options := c.options
				options.Observers, options.Runner.Executors = o, []runs.Executor{idle}
				options.Runner.AfterRun = func(context.Context, runs.Run) error { return nil }
				r := rig.New(b, options)
				rigs, schedules = append(rigs, r), append(schedules, r.Schedule(nil))
				c.once(r, schedules[len(schedules)-1]) // content is stored once
			}
			took := make([]time.Duration, len(rigs))
			for b.Loop() {
				for i, r := range rigs {
					r.Clock.Add(time.Second)
					began := time.Now()
					c.once(r, schedules[i])
					took[i] += time.Since(began)
				}
			}
			b.ReportMetric(0, "ns/op") // of three runs and the clock
			b.ReportMetric(float64(took[0].Microseconds())/float64(b.N), "µs/run")
			b.ReportMetric(float64(took[1])/float64(took[0]), "no-op/none")
			b.ReportMetric(float64(took[2])/float64(took[0]), "otel/none")
		})
	}
}
