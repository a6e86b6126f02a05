package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
	"github.com/tenantatlas/tenantbackup/runs/memqueue"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

// demoPolicies is how many policies each demo tenant has in the fake Graph.
const demoPolicies = 120

// options say how the product is put together.
type options struct {
	data  string // folder of the database
	clock runs.Clock
	users directory
	graph graph.Client // nil for the fake with the demo tenants
	queue runs.Queue   // nil for one in memory
	log   *slog.Logger

	measure bool // keep metrics

	retention retention.Config // MinAge and UndoWindow
	random    func() float64   // of the runner's waits; nil for the default
}

// app is the embedded SDK: everything the product uses of it.
type app struct {
	store      *sqlitestore.Store
	queue      runs.Queue
	starter    *runs.Starter
	runner     *runs.Runner
	retention  *retention.Retention
	scheduler  *backupsched.Scheduler
	dispatcher *backupsched.Dispatcher
	archive    *backupset.Archive
	authorizer runs.Authorizer
	metrics    *metrics // nil unless it measures
}

// databasePath is where the data folder keeps the database.
func databasePath(data string) string { return filepath.Join(data, "tenantbackup.db") }

// openStore opens the database of a data folder without changing its schema.
func openStore(ctx context.Context, data string, clock runs.Clock) (*sqlitestore.Store, error) {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, fmt.Errorf("the data folder cannot be made: %w", err)
	}
	return sqlitestore.Open(ctx, databasePath(data), sqlitestore.Options{Clock: clock})
}

// open puts the product together on a migrated database. It starts nothing.
func open(ctx context.Context, o options) (_ *app, err error) {
	if o.clock == nil {
		o.clock = runs.SystemClock{}
	}
	if o.log == nil {
		o.log = slog.New(slog.DiscardHandler)
	}
	if o.graph == nil {
		if o.graph, err = demoGraph(o.clock); err != nil {
			return nil, err
		}
	}
	a := &app{queue: o.queue, authorizer: runs.RoleAuthorizer{RoleOf: o.users.roleOf}}
	if a.store, err = openStore(ctx, o.data, o.clock); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.store.Close())
		}
	}()
	if err = a.store.Migrate(ctx); err != nil {
		return nil, err
	}
	if a.queue == nil {
		if a.queue, err = memqueue.New(memqueue.Config{Clock: o.clock}); err != nil {
			return nil, err
		}
	}
	if o.measure {
		if a.metrics, err = newMetrics(a.queue); err != nil {
			return nil, err
		}
	}
	return a, a.wire(o)
}

// wire connects the parts; this is what an embedder writes.
func (a *app) wire(o options) (err error) {
	db := a.metrics.store(a.store)
	if a.starter, err = runs.NewStarter(runs.StarterConfig{
		Store: db, Queue: a.queue, Authorizer: a.authorizer, Clock: o.clock, Logger: o.log, Observer: a.metrics.runs(),
	}); err != nil {
		return err
	}
	keep := o.retention
	keep.Store, keep.Starter, keep.Clock, keep.Logger = db, a.starter, o.clock, o.log
	if a.retention, err = retention.New(keep); err != nil {
		return err
	}
	captures, err := capture.New(capture.Config{Reader: a.metrics.reader(o.graph), Store: db})
	if err != nil {
		return err
	}
	if a.runner, err = runs.NewRunner(runs.Config{
		Store: db, Queue: a.queue, Clock: o.clock, Logger: o.log, Observer: a.metrics.runs(),
		Executors: []runs.Executor{captures, a.retention}, AfterRun: a.retention.AfterRun, Random: o.random,
	}); err != nil {
		return err
	}
	if a.scheduler, err = backupsched.NewScheduler(backupsched.Config{
		Store: db, Starter: a.starter, PlanGuard: a.retention, Clock: o.clock,
	}); err != nil {
		return err
	}
	if a.dispatcher, err = backupsched.NewDispatcher(backupsched.DispatcherConfig{
		Store: db, Queue: a.queue, Clock: o.clock, Logger: o.log, Observer: a.metrics.dispatch(),
	}); err != nil {
		return err
	}
	a.archive, err = backupset.NewArchive(backupset.ArchiveConfig{Store: db, Guard: a.starter.Guard()})
	return err
}

// work runs the dispatcher, the runner and retention until ctx ends.
func (a *app) work(ctx context.Context) error {
	var wg sync.WaitGroup
	errs := make([]error, 3)
	for i, part := range []func(context.Context) error{a.dispatcher.Run, a.runner.Run, a.retention.Run} {
		wg.Go(func() { errs[i] = part(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// demoGraph is the fake Microsoft Graph with the demo tenants. The same seed gives the same
// policies after every start.
func demoGraph(clock runs.Clock) (*graphtest.Graph, error) {
	g, err := graphtest.New(graphtest.Config{Clock: clock})
	if err != nil {
		return nil, err
	}
	for i, tenant := range demoTenants {
		if err := g.AddTenant(tenant, graphtest.TenantConfig{Seed: uint64(i + 1), Policies: demoPolicies}); err != nil {
			return nil, err
		}
	}
	return g, nil
}
