package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/cmd/refserver/product"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
	"github.com/tenantatlas/tenantbackup/runs/guequeue"
	"github.com/tenantatlas/tenantbackup/runs/memqueue"
	"github.com/tenantatlas/tenantbackup/runs/restore"
	"github.com/tenantatlas/tenantbackup/runs/transfer"
	"github.com/tenantatlas/tenantbackup/store"
)

// demoPolicies is how many policies each demo tenant has in the fake Graph.
const demoPolicies = 120

// options say how the product is put together.
type options struct {
	source  source
	migrate bool // bring the schema up to date first
	clock   runs.Clock
	users   *product.Users
	connect graphFlags  // the zero value is for the fake with the demo tenants
	graph   graphClient // instead; nil to connect
	queue   runs.Queue  // nil for one in memory, or in the database with Postgres
	log     *slog.Logger

	history   bool   // fill an empty database with the history of the demo tenants
	measure   bool   // keep metrics
	worker    string // names the process in leases
	workers   int    // runs at once; 0 for the queue's default
	perTenant int    // of one tenant

	retention retention.Config // MinAge and UndoWindow
	random    func() float64   // of the runner's waits; nil for the default
}

// app is the embedded SDK: everything the product uses of it.
type app struct {
	db         *database
	clock      runs.Clock
	log        *slog.Logger
	users      *product.Users
	queue      runs.Queue
	starter    *runs.Starter
	runner     *runs.Runner
	retention  *retention.Retention
	scheduler  *backupsched.Scheduler
	dispatcher *backupsched.Dispatcher
	archive    *backupset.Archive
	restores   *restore.Service
	exporter   *transfer.Exporter
	uploader   *transfer.Uploader
	verifier   *backupset.Verifier
	authorizer runs.Authorizer
	connection connection
	perTenant  int      // runs of one tenant at once
	metrics    *metrics // nil unless it measures
	pulse      *pulse

	history bool                        // an empty database gets one
	first   func(context.Context) error // puts into an empty database what there shall be at first
}

// open puts the product together. It starts nothing.
func open(ctx context.Context, o options) (_ *app, err error) {
	if o.clock == nil {
		o.clock = runs.SystemClock{}
	}
	if o.log == nil {
		o.log = slog.New(slog.DiscardHandler)
	}
	a := &app{
		clock: o.clock, log: o.log, users: o.users, queue: o.queue, connection: connection{client: o.graph},
		authorizer: runs.RoleAuthorizer{RoleOf: o.users.RoleOf}, pulse: &pulse{clock: o.clock}, perTenant: max(o.perTenant, 1),
	}
	a.first, a.history = a.plant, o.history
	if o.history {
		a.first = func(ctx context.Context) error { return a.recount(ctx, o.source) }
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.close(ctx))
		}
	}()
	if o.graph == nil {
		if a.connection, err = o.connect.connect(ctx, surroundings{
			clock: o.clock, share: o.perTenant, log: o.log,
			observer: graph.Observer{Waited: func(ctx context.Context, w graph.Wait) { a.metrics.waited(ctx, w) }},
		}); err != nil {
			return nil, err
		}
	}
	workers := max(o.workers, 1)
	o.source.queue = guequeue.Options{Workers: workers, Takers: takers(workers), Logger: o.log}
	if a.db, err = o.source.open(ctx, o.clock); err != nil {
		return nil, err
	}
	if o.migrate {
		if err = o.source.prepare(ctx, a.db); err != nil {
			return nil, err
		}
	}
	if a.queue == nil {
		if a.queue, err = o.newQueue(a.db); err != nil {
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

// newQueue makes the queue that goes with a database: with Postgres all processes share it.
func (o options) newQueue(db *database) (runs.Queue, error) {
	if db.queue != nil {
		return db.queue, nil
	}
	return memqueue.New(memqueue.Config{Clock: o.clock, Workers: o.workers})
}

// close ends what open has opened.
func (a *app) close(ctx context.Context) error {
	err := errors.Join(a.metrics.close(context.WithoutCancel(ctx)), a.connection.end())
	if a.db != nil {
		err = errors.Join(err, a.db.close())
	}
	return err
}

// wire connects the parts; this is what an embedder writes.
func (a *app) wire(o options) (err error) {
	db := a.metrics.store(a.db)
	preparers, err := newPreparers(db, o.clock)
	if err != nil {
		return err
	}
	if a.verifier, err = backupset.NewVerifier(db, nil); err != nil {
		return err
	}
	if a.starter, err = runs.NewStarter(runs.StarterConfig{
		Store: db, Queue: a.queue, Authorizer: a.authorizer, Clock: o.clock, Logger: o.log, Observer: a.metrics.runs(),
		Preparers: preparers,
	}); err != nil {
		return err
	}
	keep := o.retention
	keep.Store, keep.Starter, keep.Clock, keep.Logger = db, a.starter, o.clock, o.log
	if a.retention, err = retention.New(keep); err != nil {
		return err
	}
	executors, err := newExecutors(db, a.metrics.client(a.connection.client))
	if err != nil {
		return err
	}
	if a.runner, err = runs.NewRunner(runs.Config{
		Store: db, Queue: a.queue, Clock: o.clock, Logger: o.log, Observer: a.pulse.runs(a.metrics.runs()),
		Executors: append(executors, a.retention), AfterRun: a.retention.AfterRun, Random: o.random,
		Worker: o.worker, PerTenant: o.perTenant,
	}); err != nil {
		return err
	}
	if a.scheduler, err = backupsched.NewScheduler(backupsched.Config{
		Store: db, Starter: a.starter, PlanGuard: a.retention, Clock: o.clock,
	}); err != nil {
		return err
	}
	if a.dispatcher, err = backupsched.NewDispatcher(backupsched.DispatcherConfig{
		Store: db, Queue: a.queue, Clock: o.clock, Logger: o.log, Observer: a.pulse.dispatches(a.metrics.dispatch()),
	}); err != nil {
		return err
	}
	guard := a.starter.Guard()
	if a.archive, err = backupset.NewArchive(backupset.ArchiveConfig{Store: db, Guard: guard}); err != nil {
		return err
	}
	if a.restores, err = restore.NewService(restore.ServiceConfig{Store: db, Guard: guard}); err != nil {
		return err
	}
	if a.exporter, err = transfer.NewExporter(transfer.ExporterConfig{Store: db, Guard: guard}); err != nil {
		return err
	}
	a.uploader, err = transfer.NewUploader(transfer.UploaderConfig{Store: db, Guard: guard, Clock: o.clock, Logger: o.log})
	return err
}

// newPreparers makes what knows how runs of each kind are started.
func newPreparers(db store.Store, clock runs.Clock) ([]runs.Preparer, error) {
	captures, err := capture.NewRequests(db, nil)
	if err != nil {
		return nil, err
	}
	restores, err := restore.NewRequests(restore.RequestsConfig{Store: db, Clock: clock})
	if err != nil {
		return nil, err
	}
	imports, err := transfer.NewRequests(db)
	return []runs.Preparer{captures, restores, imports}, err
}

// newExecutors makes what does the runs of each kind, but for retention's. Only restores get
// something to write to Graph with.
func newExecutors(db store.Store, client graph.Client) ([]runs.Executor, error) {
	captures, err := capture.New(capture.Config{Reader: client, Store: db})
	if err != nil {
		return nil, err
	}
	previews, err := restore.NewPreviewer(restore.PreviewerConfig{Reader: client, Store: db, Source: db})
	if err != nil {
		return nil, err
	}
	restores, err := restore.NewRestorer(restore.RestorerConfig{Client: client, Store: db, Source: db})
	if err != nil {
		return nil, err
	}
	imports, err := transfer.NewImporter(transfer.ImporterConfig{Store: db})
	return []runs.Executor{captures, previews, restores, imports}, err
}
