package starts

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/pgtest"
	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
	"github.com/tenantatlas/tenantbackup/runs/restore"
	"github.com/tenantatlas/tenantbackup/runs/transfer"
	"github.com/tenantatlas/tenantbackup/store"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const tenant = graph.TenantID("contoso")

var owner = runs.Actor{ID: "owner", Name: "Olivia Owner"}

// policyTypes are what is captured: little, since this is about starting.
var policyTypes = []graph.PolicyType{"deviceCompliancePolicy", "deviceConfiguration"}

// counting is a queue that counts what it is given; work is done by settle.
type counting struct{ n atomic.Int64 }

func (q *counting) Enqueue(_ context.Context, jobs ...runs.Job) error {
	q.n.Add(int64(len(jobs)))
	return nil
}

func (*counting) Work(context.Context, runs.Handler) error { panic("not used") }

// backend is a store with its queue.
type backend struct {
	store store.Store
	queue runs.Queue
	jobs  func() int // that were queued and not done
	clear func()     // forgets them
}

// world is everything that starts runs and works on them, over a backend.
type world struct {
	testing.TB
	backend
	graph     *graphtest.Graph
	starter   *runs.Starter
	runner    *runs.Runner
	scheduler *backupsched.Scheduler
	uploader  *transfer.Uploader
	kinds     []runs.Kind // that there are executors of
}

func newWorld(t testing.TB, b backend) *world {
	t.Helper()
	w := &world{TB: t, backend: b}
	w.graph = must(graphtest.New(graphtest.Config{}))(t)
	ok(t, w.graph.AddTenant(tenant, graphtest.TenantConfig{Seed: 1, Policies: 12}))
	w.starter = must(runs.NewStarter(runs.StarterConfig{
		Store: b.store, Queue: b.queue,
		Authorizer: runs.RoleAuthorizer{RoleOf: func(context.Context, graph.TenantID, runs.Actor) (runs.Role, error) { return runs.RoleOwner, nil }},
		Preparers: []runs.Preparer{
			must(capture.NewRequests(b.store, nil))(t),
			must(restore.NewRequests(restore.RequestsConfig{Store: b.store}))(t),
			must(transfer.NewRequests(b.store))(t),
		},
	}))(t)
	keep := must(retention.New(retention.Config{Store: b.store, Starter: w.starter}))(t)
	w.scheduler = must(backupsched.NewScheduler(backupsched.Config{Store: b.store, Starter: w.starter, PlanGuard: keep}))(t)
	w.uploader = must(transfer.NewUploader(transfer.UploaderConfig{Store: b.store, Guard: w.starter.Guard()}))(t)
	executors := []runs.Executor{
		must(capture.New(capture.Config{Reader: w.graph, Store: b.store}))(t),
		must(restore.NewPreviewer(restore.PreviewerConfig{Reader: w.graph, Store: b.store, Source: b.store}))(t),
		must(restore.NewRestorer(restore.RestorerConfig{Client: w.graph, Store: b.store, Source: b.store}))(t),
		must(transfer.NewImporter(transfer.ImporterConfig{Store: b.store}))(t),
		keep,
	}
	for _, e := range executors {
		w.kinds = append(w.kinds, e.Kinds()...)
	}
	w.runner = must(runs.NewRunner(runs.Config{Store: b.store, Queue: b.queue, Executors: executors}))(t)
	return w
}

// settle works on what is queued and forgets its jobs.
func (w *world) settle() {
	w.Helper()
	for {
		list := w.runs(runs.StatusQueued)
		if len(list) == 0 {
			break
		}
		for _, run := range list {
			ok(w, w.runner.Handle(w.Context(), run.Job()))
		}
	}
	w.clear()
}

func (w *world) runs(statuses ...runs.Status) []runs.Run {
	w.Helper()
	return must(w.store.ListRuns(w.Context(), tenant, runs.RunFilter{Statuses: statuses}, runs.Slice{Limit: 1000}))(w)
}

// start starts a run.
func (w *world) start(req runs.Request) (runs.Run, bool, error) {
	return w.starter.Start(w.Context(), tenant, owner, req)
}

// done starts a run and works on it.
func (w *world) done(req runs.Request) runs.Run {
	w.Helper()
	run, _, err := w.start(req)
	ok(w, err)
	w.settle()
	run = must(w.store.GetRun(w.Context(), tenant, run.ID))(w)
	if run.Status != runs.StatusSuccess {
		w.Fatalf("%s is %s %s %s", run.Kind, run.Status, run.ErrorCode, run.ErrorMessage)
	}
	return run
}

// schedule makes a schedule.
func (w *world) schedule() runs.ID {
	w.Helper()
	d := backupsched.NewDraft()
	d.Name, d.Frequency, d.TimeOfDay, d.PolicyTypes, d.IncludeFoundations = "Nightly", backupsched.Daily, "02:30", policyTypes, false
	s, _, err := w.scheduler.Create(w.Context(), tenant, owner, d)
	ok(w, err)
	return s.ID
}

// manualSet makes a set by hand and returns it with its items.
func (w *world) manualSet() (runs.ID, []backupset.Item) {
	w.Helper()
	run := w.done(capture.CreateSetRequest("By hand", capture.Selection{PolicyTypes: policyTypes[:1]}))
	return run.BackupSetID, must(w.store.ListSetItems(w.Context(), tenant, run.BackupSetID, backupset.SetItemFilter{}, runs.Slice{Limit: 100}))(w)
}

// operation is one way to start a run.
type operation struct {
	name  string
	start func() (runs.Run, bool, error)
}

// operations are all ways to start a run. What each needs is made first.
func (w *world) operations() []operation {
	w.Helper()
	ctx := w.Context()
	schedule := w.schedule()
	set, items := w.manualSet()
	policies := []runs.ID{items[0].PolicyID}
	// Its policy is lost, so that there is something to restore.
	ok(w, w.graph.Delete(tenant, items[0].Type, items[0].ExternalID))
	preview := func() runs.ID { return w.done(restore.PreviewRequest(set, restore.PreviewParams{})).ID }
	execute := restore.ExecuteRequest(preview(), "it was deleted by mistake", false)
	upload := must(w.uploader.Receive(ctx, tenant, owner, strings.NewReader("no zip, which the run would say")))(w)
	another := must(w.uploader.Receive(ctx, tenant, owner, strings.NewReader("another file")))(w)

	request := func(req runs.Request) operation {
		return operation{string(req.Kind), func() (runs.Run, bool, error) { return w.start(req) }}
	}
	list := []operation{
		{string(runs.KindBackup), func() (runs.Run, bool, error) { return w.scheduler.RunNow(ctx, tenant, owner, schedule) }},
		request(capture.SyncRequest(policyTypes)),
		request(capture.SnapshotRequest(policies[0])),
		request(capture.CreateSetRequest("Another", capture.Selection{Everything: true})),
		request(capture.AddPoliciesRequest(set, policies)),
		request(capture.VerifySetRequest(set)),
		request(transfer.ImportRequest(upload, "From a file")),
		request(restore.DriftRequest(set, restore.DriftParams{})),
		request(restore.PreviewRequest(set, restore.PreviewParams{})),
		request(execute),
		request(retention.ApplyRequest(schedule, "")),
	}
	for _, req := range []runs.Request{
		capture.SyncRequest(policyTypes[:1]),
		capture.CreateSetRequest("Canceled", capture.Selection{PolicyTypes: policyTypes}),
		transfer.ImportRequest(another, "From another file"),
		restore.DriftRequest(set, restore.DriftParams{}),
		restore.ExecuteRequest(preview(), "once more", false),
	} {
		run, _, err := w.start(req)
		ok(w, err)
		_ = must(w.starter.Cancel(ctx, tenant, owner, run.ID))(w)
		list = append(list, operation{"retry of " + string(req.Kind), func() (runs.Run, bool, error) { return w.starter.Retry(ctx, tenant, owner, run.ID) }})
	}
	w.clear()
	return list
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		ok(t, err)
		return v
	}
}
