// Package rig puts the whole SDK together for tests: a SQLite store in a temporary folder, a
// fake Graph, a mock clock, and a queue that is drained by hand. It is imported by tests only.
package rig

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
	"github.com/tenantatlas/tenantbackup/store"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

// Tenant is the tenant that New fills.
const Tenant = graph.TenantID("contoso")

// Owner may do everything; Reader may look; Stranger may do nothing.
var (
	Owner    = runs.Actor{ID: "owner", Name: "Olivia Owner"}
	Operator = runs.Actor{ID: "operator", Name: "Otto Operator"}
	Reader   = runs.Actor{ID: "reader", Name: "Rita Reader"}
	Stranger = runs.Actor{ID: "stranger", Name: "Sam Stranger"}
)

// Start is where the clock begins: a Sunday noon in winter.
var Start = time.Date(2026, 1, 4, 12, 0, 0, 0, time.UTC)

// Options change what New makes. The zero value is a tenant of 30 policies.
type Options struct {
	Policies  int                // in the fake tenant; -1 for none
	Types     []graph.PolicyType // in the fake tenant; defaults to all that are generated unasked
	Graph     graphtest.Config
	Starter   runs.StarterConfig // its Preparers and Notifier
	Runner    runs.Config
	Capture   capture.Config
	Retention retention.Config
	Path      string // of the database; a temporary one when empty

	// Catalogue is that of everything. Defaults to [graph.Catalog].
	Catalogue *graph.Catalogue

	Observers Observers
}

// Observers watch what the rig does.
type Observers struct {
	Runs     runs.Observer // of the starter and of every runner
	Dispatch backupsched.Observer
	Graph    graph.Observer
	Store    store.Observer // of what services do; the rig itself looks past it
}

// Rig is the SDK, put together.
type Rig struct {
	TB         testing.TB
	Clock      *clock.Mock
	Graph      *graphtest.Graph
	Store      *sqlitestore.Store
	Queue      *Queue
	Starter    *runs.Starter
	Runner     *runs.Runner
	Retention  *retention.Retention
	Scheduler  *backupsched.Scheduler
	Dispatcher *backupsched.Dispatcher
	Archive    *backupset.Archive
	Verifier   *backupset.Verifier

	observers Observers
	watched   store.Store // Store under observation
}

// New makes a rig that ends with the test.
func New(tb testing.TB, o Options) *Rig {
	tb.Helper()
	r := &Rig{TB: tb, Clock: clock.NewMock(), Queue: &Queue{}, observers: o.Observers}
	r.Clock.Set(Start)
	if o.Catalogue == nil {
		o.Catalogue = graph.Catalog
	}
	o.Graph.Clock, o.Graph.Catalogue = r.Clock, o.Catalogue
	r.Graph = must(graphtest.New(o.Graph))(tb)
	switch {
	case o.Policies == 0:
		o.Policies = 30
	case o.Policies < 0:
		o.Policies = 0
	}
	ok(tb, r.Graph.AddTenant(Tenant, graphtest.TenantConfig{Seed: 1, Policies: o.Policies, Types: o.Types}))

	if o.Path == "" {
		o.Path = filepath.Join(tb.TempDir(), "rig.db")
	}
	r.Store = must(sqlitestore.Open(tb.Context(), o.Path, sqlitestore.Options{
		Clock: r.Clock, Canonicalizer: backupset.NewCanonicalizer(o.Catalogue),
	}))(tb)
	tb.Cleanup(func() { ok(tb, r.Store.Close()) })
	ok(tb, r.Store.Migrate(tb.Context()))
	r.watched = r.Store
	if o.Observers.Store.Call != nil {
		r.watched = store.Observe(r.Store, o.Observers.Store)
	}

	r.Verifier = must(backupset.NewVerifier(r.watched, o.Catalogue))(tb)
	r.Starter = must(runs.NewStarter(runs.StarterConfig{
		Store: r.watched, Queue: r.Queue, Clock: r.Clock, Authorizer: runs.RoleAuthorizer{RoleOf: roleOf},
		Observer: o.Observers.Runs, Notifier: o.Starter.Notifier,
		Preparers: append([]runs.Preparer{must(capture.NewRequests(r.watched, o.Catalogue))(tb)}, o.Starter.Preparers...),
	}))(tb)
	keep := o.Retention
	keep.Store, keep.Starter, keep.Clock = r.watched, r.Starter, r.Clock
	r.Retention = must(retention.New(keep))(tb)
	r.Runner = r.NewRunner(o)
	r.Scheduler = must(backupsched.NewScheduler(backupsched.Config{
		Store: r.watched, Starter: r.Starter, PlanGuard: r.Retention, Catalogue: o.Catalogue, Clock: r.Clock,
	}))(tb)
	r.Dispatcher = r.NewDispatcher()
	r.Archive = must(backupset.NewArchive(backupset.ArchiveConfig{Store: r.watched, Guard: r.Starter.Guard(), Catalogue: o.Catalogue}))(tb)
	return r
}

// NewRunner makes one more runner over the same store, as another process has it.
func (r *Rig) NewRunner(o Options) *runs.Runner {
	r.TB.Helper()
	if o.Capture.Reader == nil {
		o.Capture.Reader = r.Graph
	}
	if r.observers.Graph.Call != nil {
		o.Capture.Reader = graph.ObserveReader(o.Capture.Reader, r.observers.Graph)
	}
	o.Capture.Store, o.Capture.Catalogue = r.watched, o.Catalogue
	cfg := o.Runner
	cfg.Store, cfg.Queue, cfg.Clock, cfg.Observer = r.watched, r.Queue, r.Clock, r.observers.Runs
	cfg.Executors = append([]runs.Executor{must(capture.New(o.Capture))(r.TB), r.Retention}, cfg.Executors...)
	if cfg.AfterRun == nil {
		cfg.AfterRun = r.Retention.AfterRun
	}
	if cfg.Random == nil {
		cfg.Random = func() float64 { return 0.5 }
	}
	return must(runs.NewRunner(cfg))(r.TB)
}

// NewDispatcher makes one more dispatcher over the same store.
func (r *Rig) NewDispatcher() *backupsched.Dispatcher {
	r.TB.Helper()
	return must(backupsched.NewDispatcher(backupsched.DispatcherConfig{Store: r.watched, Queue: r.Queue, Clock: r.Clock, Observer: r.observers.Dispatch}))(r.TB)
}

func roleOf(_ context.Context, tenant graph.TenantID, a runs.Actor) (runs.Role, error) {
	if tenant != Tenant {
		return runs.RoleNone, nil
	}
	return map[string]runs.Role{
		Owner.ID: runs.RoleOwner, Operator.ID: runs.RoleOperator, Reader.ID: runs.RoleReadonly,
	}[a.ID], nil
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(tb testing.TB) T {
		tb.Helper()
		ok(tb, err)
		return v
	}
}

func ok(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
