package pages_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/cmd/refserver/pages"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
	"github.com/tenantatlas/tenantbackup/runs/restore"
	"github.com/tenantatlas/tenantbackup/runs/transfer"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

// actors by their role in [tenant]; the stranger has none.
var (
	owner    = runs.Actor{ID: "owner", Name: "Olivia Owner"}
	manager  = runs.Actor{ID: "manager", Name: "Mara Manager"}
	operator = runs.Actor{ID: "operator", Name: "Otto Operator"}
	readonly = runs.Actor{ID: "readonly", Name: "Rita Reader"}
	stranger = runs.Actor{ID: "stranger", Name: "Sam Stranger"}
	neighbor = runs.Actor{ID: "neighbor", Name: "Nora Neighbor"} // owner of [otherTenant] alone
	nobody   = runs.Actor{}
)

const tenant = graph.TenantID("contoso")

// otherTenant has the same owner and manager, in worlds that know it.
const otherTenant = graph.TenantID("northwind")

// backupTypes are what schedules and sets of tests capture.
var backupTypes = []graph.PolicyType{"settingsCatalogPolicy", "deviceConfiguration", "conditionalAccessPolicy"}

// start is where the clock begins: a Sunday noon in winter.
var start = time.Date(2026, 1, 4, 12, 0, 0, 0, time.UTC)

// world is the pages over a whole SDK: a fake Graph, a mock clock, and a queue that tests drain.
type world struct {
	t          testing.TB
	clock      *clock.Mock
	graph      *graphtest.Graph
	store      *sqlitestore.Store
	file       string  // of the store
	raw        *sql.DB // reads it; nil until a test asks
	queue      *stepQueue
	runner     *runs.Runner
	dispatcher *backupsched.Dispatcher
	cfg        pages.Config // as the pages were made with; its services are for tests, too
	pages      *pages.Pages
	mux        *http.ServeMux
}

// newWorld makes a world with 30 policies in the tenant; edit may change how the pages are
// configured.
func newWorld(t testing.TB, edit func(*pages.Config)) *world {
	t.Helper()
	w := &world{t: t, clock: clock.NewMock(), queue: &stepQueue{}, mux: http.NewServeMux()}
	w.clock.Set(start)
	w.graph = must(graphtest.New(graphtest.Config{Clock: w.clock}))(t)
	check(t, w.graph.AddTenant(tenant, graphtest.TenantConfig{Seed: 1, Policies: 30}))
	path := filepath.Join(t.TempDir(), "pages.db")
	check(t, os.WriteFile(path, must(migrated())(t), 0o600))
	w.file = path
	w.store = must(sqlitestore.Open(t.Context(), path, sqlitestore.Options{Clock: w.clock}))(t)
	t.Cleanup(func() { check(t, w.store.Close()) })
	w.wire()
	if edit != nil {
		edit(&w.cfg)
	}
	w.pages = must(pages.New(w.cfg))(t)
	w.pages.Mount(w.mux)
	return w
}

// migrated is an empty database with its tables, made once: migrating takes longer than most tests.
var migrated = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "pages-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "pages.db")
	store, err := sqlitestore.Open(context.Background(), path, sqlitestore.Options{})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(store.Migrate(context.Background()), store.Close()); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// wire puts the SDK together, as a host does.
func (w *world) wire() {
	t, db := w.t, w.store
	starter := must(runs.NewStarter(runs.StarterConfig{
		Store: db, Queue: w.queue, Clock: w.clock, Authorizer: runs.RoleAuthorizer{RoleOf: roleOf},
		Preparers: []runs.Preparer{
			must(capture.NewRequests(db, nil))(t),
			must(restore.NewRequests(restore.RequestsConfig{Store: db, Clock: w.clock}))(t),
			must(transfer.NewRequests(db))(t),
		},
	}))(t)
	keep := must(retention.New(retention.Config{Store: db, Starter: starter, Clock: w.clock}))(t)
	w.runner = must(runs.NewRunner(runs.Config{
		Store: db, Queue: w.queue, Clock: w.clock, AfterRun: keep.AfterRun, Random: func() float64 { return 0.5 },
		Executors: []runs.Executor{
			must(capture.New(capture.Config{Reader: w.graph, Store: db}))(t),
			must(restore.NewPreviewer(restore.PreviewerConfig{Reader: w.graph, Store: db, Source: db}))(t),
			must(restore.NewRestorer(restore.RestorerConfig{Client: w.graph, Store: db, Source: db}))(t),
			must(transfer.NewImporter(transfer.ImporterConfig{Store: db}))(t),
			keep,
		},
	}))(t)
	w.dispatcher = must(backupsched.NewDispatcher(backupsched.DispatcherConfig{Store: db, Queue: w.queue, Clock: w.clock}))(t)
	guard := starter.Guard()
	w.cfg = pages.Config{
		Starter: starter, Retention: keep, Permissions: w.graph, Clock: w.clock, Product: "Acme Admin", SignOutPath: "/signout",
		Scheduler: must(backupsched.NewScheduler(backupsched.Config{Store: db, Starter: starter, PlanGuard: keep, Clock: w.clock}))(t),
		Archive:   must(backupset.NewArchive(backupset.ArchiveConfig{Store: db, Guard: guard}))(t),
		Restores:  must(restore.NewService(restore.ServiceConfig{Store: db, Guard: guard}))(t),
		Exporter:  must(transfer.NewExporter(transfer.ExporterConfig{Store: db, Guard: guard}))(t),
		Uploader:  must(transfer.NewUploader(transfer.UploaderConfig{Store: db, Guard: guard, Clock: w.clock}))(t),
		Principal: principal, Tenants: tenantsOf,
		SignIn: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/signin?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
		},
	}
}

// principal takes people by their name in basic authentication.
func principal(r *http.Request) (runs.Actor, bool) {
	id, _, ok := r.BasicAuth()
	for _, a := range []runs.Actor{owner, manager, operator, readonly, stranger, neighbor} {
		if a.ID == id {
			return a, ok
		}
	}
	return nobody, false
}

func tenantsOf(ctx context.Context, a runs.Actor) ([]pages.Tenant, error) {
	if role, err := roleOf(ctx, tenant, a); role == runs.RoleNone || err != nil {
		return nil, err
	}
	return []pages.Tenant{{ID: tenant, Name: "Contoso"}}, nil
}

func roleOf(_ context.Context, in graph.TenantID, a runs.Actor) (runs.Role, error) {
	if a == neighbor && in == otherTenant {
		return runs.RoleOwner, nil
	}
	if a == stranger || a == neighbor || in != tenant && (in != otherTenant || a != owner && a != manager) {
		return runs.RoleNone, nil
	}
	return runs.Role(a.ID), nil
}

// drain works until nothing is left to do, and moves the clock to each job's time.
func (w *world) drain() {
	w.t.Helper()
	for {
		job, found := w.queue.take()
		if !found {
			return
		}
		if job.NotBefore.After(w.clock.Now()) {
			w.clock.Set(job.NotBefore)
		}
		check(w.t, w.runner.Handle(w.t.Context(), job))
	}
}

// schedule creates a daily schedule at 02:30 in Berlin; edit may change the draft.
func (w *world) schedule(edit func(*backupsched.Draft)) backupsched.Schedule {
	w.t.Helper()
	d := backupsched.NewDraft()
	d.Name, d.PolicyTypes, d.IncludeFoundations = "Nightly", backupTypes, false
	d.Recurrence = backupsched.Recurrence{Frequency: backupsched.Daily, TimeOfDay: "02:30", Timezone: "Europe/Berlin"}
	if edit != nil {
		edit(&d)
	}
	s, _, err := w.cfg.Scheduler.Create(w.t.Context(), tenant, owner, d)
	check(w.t, err)
	return s
}

// backup runs a schedule now and works until nothing is left to do.
func (w *world) backup(schedule runs.ID) runs.Run {
	w.t.Helper()
	run, _, err := w.cfg.Scheduler.RunNow(w.t.Context(), tenant, owner, schedule)
	check(w.t, err)
	w.drain()
	return w.run(run.ID)
}

func (w *world) run(id runs.ID) runs.Run {
	w.t.Helper()
	return must(w.store.GetRun(w.t.Context(), tenant, id))(w.t)
}

// stepQueue keeps jobs until a test takes them.
type stepQueue struct {
	mu   sync.Mutex
	jobs []runs.Job
}

// Enqueue implements runs.Queue.
func (q *stepQueue) Enqueue(_ context.Context, jobs ...runs.Job) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.jobs = append(q.jobs, jobs...)
	return nil
}

// Work implements runs.Queue; tests drain instead.
func (q *stepQueue) Work(context.Context, runs.Handler) error { return errors.New("not for working") }

// take removes the earliest job.
func (q *stepQueue) take() (runs.Job, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.jobs) == 0 {
		return runs.Job{}, false
	}
	slices.SortStableFunc(q.jobs, func(a, b runs.Job) int { return a.NotBefore.Compare(b.NotBefore) })
	job := q.jobs[0]
	q.jobs = q.jobs[1:]
	return job, true
}

// response is what a browser got.
type response struct {
	*http.Response
	body string
}

// get asks for a page as an actor, "" for nobody.
func (w *world) get(as runs.Actor, path string) response { return w.do(as, http.MethodGet, path, nil) }

// post sends a form as an actor.
func (w *world) post(as runs.Actor, path string, form url.Values) response {
	if form == nil {
		form = url.Values{}
	}
	return w.do(as, http.MethodPost, path, form)
}

// getIn asks for a page as an actor whose zone is known.
func (w *world) getIn(zone string, as runs.Actor, path string) response {
	return w.do(as, http.MethodGet, path, nil, &http.Cookie{Name: "tb_zone", Value: zone})
}

func (w *world) do(as runs.Actor, method, path string, form url.Values, cookies ...*http.Cookie) response {
	w.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req := httptest.NewRequestWithContext(w.t.Context(), method, path, body)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if as.ID != "" {
		req.SetBasicAuth(as.ID, "x")
	}
	for _, c := range cookies {
		req.AddCookie(c)
	}
	rec := httptest.NewRecorder()
	w.mux.ServeHTTP(rec, req)
	got := response{Response: rec.Result(), body: rec.Body.String()}
	got.callsFieldsByTheirLabels(w.t)
	return got
}

// tenantPath is an address in the tenant.
func tenantPath(segments ...any) string {
	p := pages.DefaultPrefix + "/" + string(tenant)
	for _, s := range segments {
		p += "/" + url.PathEscape(fmt.Sprint(s))
	}
	return p
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(tb testing.TB) T {
		tb.Helper()
		check(tb, err)
		return v
	}
}

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
