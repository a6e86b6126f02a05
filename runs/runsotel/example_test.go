package runsotel_test

import (
	"context"
	"fmt"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/runs/memqueue"
	"github.com/tenantatlas/tenantbackup/runs/runsotel"
	"github.com/tenantatlas/tenantbackup/store"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

func Example() {
	// The host's own providers; a reader may also be the Prometheus exporter or OTLP.
	reader := sdkmetric.NewManualReader()
	telemetry, err := runsotel.New(runsotel.Config{MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))})
	check(err)
	defer telemetry.Close()

	// Every part of the wiring gets its observer.
	ctx := context.Background()
	db, err := sqlitestore.Open(ctx, sqlitestore.Memory, sqlitestore.Options{})
	check(err)
	defer db.Close()
	check(db.Migrate(ctx))
	observed := store.Observe(db, telemetry.Store())
	queue, err := memqueue.New(memqueue.Config{})
	check(err)
	dispatcher, err := backupsched.NewDispatcher(backupsched.DispatcherConfig{Store: observed, Queue: queue, Observer: telemetry.Dispatch()})
	check(err)
	fake, err := graphtest.New(graphtest.Config{})
	check(err)
	_ = graph.ObserveReader(fake, telemetry.Graph()) // for capture.Config; runs.Config takes telemetry.Runs()

	_, err = dispatcher.Tick(ctx)
	check(err)
	var all metricdata.ResourceMetrics
	check(reader.Collect(ctx, &all))
	for _, m := range all.ScopeMetrics[0].Metrics {
		fmt.Println(m.Name, m.Unit)
	}
	// Output:
	// tenantbackup.dispatch.tick.duration s
	// tenantbackup.dispatch.slots {slot}
	// tenantbackup.lease.losses {lease}
	// tenantbackup.store.call.duration s
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
