package api

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/google/go-cmp/cmp"
	"github.com/tenantatlas/tenantbackup/backupsched"
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

var update = flag.Bool("update", false, "write the golden files anew")

const (
	contoso  = graph.TenantID("contoso")
	fabrikam = graph.TenantID("fabrikam")
)

// Types of the fake tenants that are quick to capture.
var capturedTypes = []graph.PolicyType{"deviceCompliancePolicy", "deviceConfiguration"}

// token of a user: demo-<role>-<tenant>, demo-stranger without a role, or demo-owner-both.
func token(role runs.Role, tenant graph.TenantID) string {
	return "demo-" + string(role) + "-" + string(tenant)
}

const (
	strangerToken = "demo-stranger"
	bothToken     = "demo-owner-both"
)

// world is a whole product with two tenants and a user for every role, on a clock that
// stands still and with a worker that works when it is told.
type world struct {
	t         testing.TB
	clock     *clock.Mock
	store     *sqlitestore.Store
	graph     *graphtest.Graph
	queue     *jobs
	starter   *runs.Starter
	runner    *runs.Runner
	scheduler *backupsched.Scheduler
	retention *retention.Retention
	api       *API
	document  document
	witness   witness
}

// jobs keeps jobs until settle.
type jobs struct {
	list []runs.Job
	fail error // what Enqueue returns when not nil
}

func (q *jobs) Enqueue(_ context.Context, list ...runs.Job) error {
	if q.fail != nil {
		return q.fail
	}
	q.list = append(q.list, list...)
	return nil
}

func (*jobs) Work(context.Context, runs.Handler) error { return errors.New("not used") }

func principal(r *http.Request) (runs.Actor, bool) {
	id, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer demo-")
	return runs.Actor{ID: id, Name: id}, ok
}

func roleOf(_ context.Context, tenant graph.TenantID, actor runs.Actor) (runs.Role, error) {
	role, of, _ := strings.Cut(actor.ID, "-")
	if of == string(tenant) || (of == "both" && (tenant == contoso || tenant == fabrikam)) {
		return runs.Role(role), nil
	}
	return runs.RoleNone, nil
}

func tenantAccess(ctx context.Context, tenant graph.TenantID, actor runs.Actor) (bool, error) {
	role, err := roleOf(ctx, tenant, actor)
	return role != runs.RoleNone, err
}

func newWorld(t testing.TB, change ...func(*Config)) *world {
	t.Helper()
	return newWorldAt(t, sqlitestore.Memory, nil, change...)
}

// newWorldAt makes a world whose database is a file, and which writes a log unless it is nil.
func newWorldAt(t testing.TB, path string, log *slog.Logger, change ...func(*Config)) *world {
	t.Helper()
	w := &world{t: t, clock: clock.NewMock(), queue: &jobs{}}
	w.clock.Set(time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC))
	var err error
	w.graph, err = graphtest.New(graphtest.Config{Clock: w.clock})
	w.must(err)
	w.must(w.graph.AddTenant(contoso, graphtest.TenantConfig{Seed: 1, Policies: 12}))
	w.must(w.graph.AddTenant(fabrikam, graphtest.TenantConfig{Seed: 2, Policies: 12}))

	w.store, err = sqlitestore.Open(t.Context(), path, sqlitestore.Options{Clock: w.clock})
	w.must(err)
	t.Cleanup(func() {
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
	})
	w.must(w.store.Migrate(t.Context()))
	captures, err := capture.NewRequests(w.store, nil)
	w.must(err)
	restores, err := restore.NewRequests(restore.RequestsConfig{Store: w.store, Clock: w.clock})
	w.must(err)
	imports, err := transfer.NewRequests(w.store)
	w.must(err)
	w.starter, err = runs.NewStarter(runs.StarterConfig{
		Store: w.store, Queue: w.queue, Authorizer: runs.RoleAuthorizer{RoleOf: roleOf}, Clock: w.clock,
		Preparers: []runs.Preparer{captures, restores, imports}, Logger: log,
	})
	w.must(err)
	w.retention, err = retention.New(retention.Config{Store: w.store, Starter: w.starter, Clock: w.clock, MinAge: -1, Logger: log})
	w.must(err)
	w.scheduler, err = backupsched.NewScheduler(backupsched.Config{Store: w.store, Starter: w.starter, PlanGuard: w.retention, Clock: w.clock})
	w.must(err)
	archive, err := backupset.NewArchive(backupset.ArchiveConfig{Store: w.store, Guard: w.starter.Guard()})
	w.must(err)
	shown, err := restore.NewService(restore.ServiceConfig{Store: w.store, Guard: w.starter.Guard()})
	w.must(err)
	exporter, err := transfer.NewExporter(transfer.ExporterConfig{Store: w.store, Guard: w.starter.Guard()})
	w.must(err)
	uploader, err := transfer.NewUploader(transfer.UploaderConfig{Store: w.store, Guard: w.starter.Guard(), Clock: w.clock, MaxWaiting: transfer.Bounds{Files: 3}})
	w.must(err)
	client := watched{w.graph, &w.witness}
	executor, err := capture.New(capture.Config{Reader: client, Store: w.store})
	w.must(err)
	previewer, err := restore.NewPreviewer(restore.PreviewerConfig{Reader: client, Store: w.store, Source: w.store})
	w.must(err)
	restorer, err := restore.NewRestorer(restore.RestorerConfig{Client: client, Store: w.store, Source: w.store})
	w.must(err)
	importer, err := transfer.NewImporter(transfer.ImporterConfig{Store: w.store})
	w.must(err)
	w.runner, err = runs.NewRunner(runs.Config{
		Store: w.store, Queue: w.queue, Executors: []runs.Executor{executor, previewer, restorer, importer, w.retention}, Clock: w.clock,
		Random: func() float64 { return 0 }, Logger: log,
	})
	w.must(err)
	cfg := Config{
		Scheduler: w.scheduler, Starter: w.starter, Archive: archive, Retention: w.retention, Clock: w.clock,
		Restores: shown, Exporter: exporter, Uploader: uploader, Permissions: w.graph,
		Principal: principal, TenantAccess: tenantAccess, Logger: log,
	}
	for _, f := range change {
		f(&cfg)
	}
	w.api, err = New(cfg)
	w.must(err)
	w.document, err = readDocument(w.api.document)
	w.must(err)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// settle works until no job is left.
func (w *world) settle() {
	w.t.Helper()
	for len(w.queue.list) > 0 {
		w.clock.Add(time.Second) // what work does comes after what asked for it
		job := w.queue.list[0]
		w.queue.list = w.queue.list[1:]
		w.must(w.runner.Handle(w.t.Context(), job))
	}
}

// drop cancels what waits for work, and removes its files.
func (w *world) drop() {
	w.t.Helper()
	for _, job := range w.queue.list {
		if _, err := w.starter.Cancel(w.t.Context(), job.TenantID, owner(job.TenantID), job.RunID); err != nil && !errors.Is(err, runs.ErrConflict) {
			w.t.Fatal(err)
		}
	}
	w.queue.list = nil
	left, err := w.store.OldUploads(w.t.Context(), w.clock.Now().AddDate(1, 0, 0), "", 100) // of imports that were canceled
	w.must(err)
	for _, u := range left {
		w.must(w.store.RemoveUpload(w.t.Context(), u.TenantID, u.ID))
	}
}

func owner(tenant graph.TenantID) runs.Actor { return runs.Actor{ID: "owner-" + string(tenant)} }

// schedule makes a schedule.
func (w *world) schedule(tenant graph.TenantID, name string) runs.ID {
	w.t.Helper()
	d := backupsched.NewDraft()
	d.Name, d.Frequency, d.TimeOfDay, d.PolicyTypes, d.IncludeFoundations = name, backupsched.Daily, "02:30", capturedTypes, false
	s, _, err := w.scheduler.Create(w.t.Context(), tenant, owner(tenant), d)
	w.must(err)
	return s.ID
}

// backup makes a backup of a schedule and returns its run and set.
func (w *world) backup(tenant graph.TenantID, schedule runs.ID) runs.Run {
	w.t.Helper()
	run, _, err := w.scheduler.RunNow(w.t.Context(), tenant, owner(tenant), schedule)
	w.must(err)
	w.settle()
	w.clock.Add(time.Minute)
	run, err = w.starter.Get(w.t.Context(), tenant, owner(tenant), run.ID)
	w.must(err)
	if run.BackupSetID == "" {
		w.t.Fatalf("the backup made no set: %s %s %s", run.Status, run.ErrorCode, run.ErrorMessage)
	}
	return run
}

// reply is an answer.
type reply struct {
	status int
	header http.Header
	body   string
}

// code is the code of a problem.
func (r reply) code() string {
	var p Problem
	_ = json.Unmarshal([]byte(r.body), &p)
	return p.Code
}

// fields lists the wrong fields of a problem as "field code".
func (r reply) fields() []string {
	var p Problem
	_ = json.Unmarshal([]byte(r.body), &p)
	return each(p.Errors, func(f FieldProblem) string { return f.Field + " " + f.Code })
}

// do sends a request and checks that the answer is one that the document describes.
func (w *world) do(token, method, path, body string) reply {
	w.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	rec := httptest.NewRecorder()
	w.serve(rec, r)
	out := reply{rec.Code, rec.Header(), rec.Body.String()}
	w.conforms(method, path, out)
	w.keepExample(method, path, body, out)
	return out
}

// as sends a request of a role of contoso below its tenant's path.
func (w *world) as(role runs.Role, method, path, body string) reply {
	w.t.Helper()
	return w.do(token(role, contoso), method, "/api/v1/tenants/contoso/"+path, body)
}

// wants sends a request of contoso's owner and decodes the answer, which must have the
// given status.
func (w *world) wants(status int, method, path, body string, into any) reply {
	w.t.Helper()
	r := w.as(runs.RoleOwner, method, path, body)
	if r.status != status {
		w.t.Fatalf("%s %s: %d, want %d\n%s", method, path, r.status, status, r.body)
	}
	if into != nil {
		w.decode(r, into)
	}
	return r
}

// decode fills a shape that must have every field of an answer.
func (w *world) decode(r reply, into any) {
	w.t.Helper()
	dec := json.NewDecoder(strings.NewReader(r.body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		w.t.Fatalf("%v\n%s", err, r.body)
	}
}

// golden compares with a file, or writes it with -update.
func golden(t testing.TB, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (run the tests with -update to write it)", err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func readAll(t testing.TB, r io.Reader) string {
	t.Helper()
	raw, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}

// filled writes a tenant and an id into the path of an operation.
func filled(path, tenant string, id runs.ID) string {
	return strings.NewReplacer("{tenant}", tenant, "{id}", string(id)).Replace(path)
}

// manualSet makes a set by hand, and returns it with one of its policies and items.
func (w *world) manualSet(tenant graph.TenantID) (set, policy, item runs.ID) {
	w.t.Helper()
	run, _, err := w.starter.Start(w.t.Context(), tenant, owner(tenant), capture.CreateSetRequest("By hand", capture.Selection{PolicyTypes: capturedTypes}))
	w.must(err)
	w.settle()
	items, err := w.store.ListSetItems(w.t.Context(), tenant, run.BackupSetID, backupset.SetItemFilter{}, runs.Slice{Limit: 1})
	w.must(err)
	return run.BackupSetID, items[0].PolicyID, items[0].ID
}

// preview makes a restore preview and returns its run.
func (w *world) preview(tenant graph.TenantID, set runs.ID, body string) runs.ID {
	w.t.Helper()
	r := w.do(token(runs.RoleOwner, tenant), http.MethodPost, "/api/v1/tenants/"+string(tenant)+"/backup-sets/"+string(set)+"/restore-previews", body)
	if r.status != http.StatusAccepted {
		w.t.Fatalf("the preview: %d %s", r.status, r.body)
	}
	var run Run
	w.must(json.Unmarshal([]byte(r.body), &run))
	w.settle()
	return runs.ID(run.ID)
}
