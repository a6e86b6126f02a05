package restore_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/capture"
	"github.com/tenantatlas/tenantbackup/runs/restore"
	"github.com/tenantatlas/tenantbackup/runs/transfer"
)

// fabrikam is a second tenant, to restore into.
const fabrikam = graph.TenantID("fabrikam")

// world is a rig with everything of this package.
type world struct {
	*rig.Rig
	t       testing.TB
	store   restore.RequestsStore
	reader  graph.Reader
	starter *runs.Starter
	runner  *runs.Runner
	service *restore.Service
	opts    rig.Options

	restoring restore.RestorerConfig // what newRunner gives to the Restorer, beside what it fills in
}

// rolesOf gives the owner both tenants; the others but half have a role in one only.
func rolesOf(_ context.Context, tenant graph.TenantID, a runs.Actor) (runs.Role, error) {
	switch {
	case a.ID == rig.Owner.ID:
		return runs.RoleOwner, nil
	case a.ID == half.ID && tenant == fabrikam:
		return runs.RoleManager, nil
	case tenant != rig.Tenant:
		return runs.RoleNone, nil
	}
	return map[string]runs.Role{"manager": runs.RoleManager, half.ID: runs.RoleOwner, rig.Operator.ID: runs.RoleOperator, rig.Reader.ID: runs.RoleReadonly}[a.ID], nil
}

// half owns the rig's tenant and manages the other one.
var half = runs.Actor{ID: "half", Name: "Henry Half"}

var manager = runs.Actor{ID: "manager", Name: "Mona Manager"}

// newWorld makes a world; a nil reader is the rig's Graph.
func newWorld(t testing.TB, o rig.Options, reader graph.Reader, cfg restore.PreviewerConfig) *world {
	t.Helper()
	if o.Catalogue == nil {
		o.Catalogue = graph.Catalog
	}
	w := &world{Rig: rig.New(t, o), t: t, opts: o}
	w.store = w.Store
	w.reader = reader
	if reader == nil {
		w.reader = w.Graph
	}
	requests, err := restore.NewRequests(restore.RequestsConfig{Store: w.store, Clock: w.Clock})
	w.ok(err)
	captures, err := capture.NewRequests(w.Store, o.Catalogue)
	w.ok(err)
	imports, err := transfer.NewRequests(w.Store)
	w.ok(err)
	w.starter, err = runs.NewStarter(runs.StarterConfig{
		Store: w.Store, Queue: w.Queue, Clock: w.Clock, Authorizer: runs.RoleAuthorizer{RoleOf: rolesOf},
		Preparers: []runs.Preparer{requests, captures, imports},
	})
	w.ok(err)
	w.service, err = restore.NewService(restore.ServiceConfig{Store: w.store, Guard: w.starter.Guard()})
	w.ok(err)
	w.runner = w.newRunner(cfg)
	return w
}

func (w *world) newRunner(cfg restore.PreviewerConfig) *runs.Runner {
	w.t.Helper()
	if cfg.Reader == nil {
		cfg.Reader = w.reader
	}
	if cfg.Store == nil {
		cfg.Store = w.store
	}
	if cfg.Source == nil {
		cfg.Source = w.Store
	}
	cfg.Catalogue = w.opts.Catalogue
	previewer, err := restore.NewPreviewer(cfg)
	w.ok(err)
	restoring := w.restoring
	if restoring.Source == nil {
		restoring.Source = w.Store
	}
	restoring.Catalogue = w.opts.Catalogue
	if restoring.Client == nil {
		restoring.Client = w.Graph
	}
	if restoring.Store == nil {
		restoring.Store = w.Store
	}
	restorer, err := restore.NewRestorer(restoring)
	w.ok(err)
	importer, err := transfer.NewImporter(transfer.ImporterConfig{Store: w.Store, Catalogue: w.opts.Catalogue})
	w.ok(err)
	o := w.opts
	o.Runner.Executors = append(o.Runner.Executors, previewer, restorer, importer)
	return w.NewRunner(o)
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// drain works until nothing is left to do.
func (w *world) drain() {
	w.t.Helper()
	for {
		job, found := w.Queue.Take()
		if !found {
			return
		}
		if job.NotBefore.After(w.Clock.Now()) {
			w.Clock.Set(job.NotBefore)
		}
		w.ok(w.runner.Handle(w.t.Context(), job))
	}
}

// start starts a run in a tenant and returns it as it is stored.
func (w *world) start(tenant graph.TenantID, req runs.Request) runs.Run {
	w.t.Helper()
	run, _, err := w.starter.Start(w.t.Context(), tenant, rig.Owner, req)
	w.ok(err)
	return run
}

// do starts a run and works until nothing is left to do.
func (w *world) do(tenant graph.TenantID, req runs.Request) runs.Run {
	w.t.Helper()
	run := w.start(tenant, req)
	w.drain()
	run, err := w.Store.GetRun(w.t.Context(), tenant, run.ID)
	w.ok(err)
	return run
}

// backup captures everything of the rig's tenant into a manual set.
func (w *world) backup() runs.ID {
	w.t.Helper()
	run := w.do(rig.Tenant, capture.CreateSetRequest("Before", capture.Selection{Everything: true}))
	if run.Status != runs.StatusSuccess && run.Status != runs.StatusPartial {
		w.t.Fatalf("the backup is %s: %s", run.Status, run.ErrorMessage)
	}
	return run.BackupSetID
}

// preview makes a preview and returns what it says, by the captured id.
func (w *world) preview(tenant graph.TenantID, set runs.ID, p restore.PreviewParams) (restore.Preview, map[string]restore.PreviewItem) {
	w.t.Helper()
	run := w.do(tenant, restore.PreviewRequest(set, p))
	return w.outcome(tenant, run)
}

func (w *world) outcome(tenant graph.TenantID, run runs.Run) (restore.Preview, map[string]restore.PreviewItem) {
	w.t.Helper()
	preview, err := w.service.Get(w.t.Context(), tenant, rig.Owner, run.ID)
	if err != nil {
		w.t.Fatalf("the run is %s %s %s: %v", run.Status, run.ErrorCode, run.ErrorMessage, err)
	}
	if preview.ReadyAt.IsZero() {
		w.t.Fatalf("the run is %s %s %s: the preview is not ready", run.Status, run.ErrorCode, run.ErrorMessage)
	}
	items := map[string]restore.PreviewItem{}
	for _, item := range w.previewItems(tenant, run.ID) {
		items[item.ExternalID] = item
	}
	return preview, items
}

func (w *world) previewItems(tenant graph.TenantID, run runs.ID) []restore.PreviewItem {
	w.t.Helper()
	list, err := w.store.ListPreviewItems(w.t.Context(), tenant, run, restore.Filter{}, runs.Slice{Limit: 100_000})
	w.ok(err)
	return list
}

// put adds a policy to a tenant of the fake.
func (w *world) put(tenant graph.TenantID, pt graph.PolicyType, raw string, parts ...graph.Part) graph.Policy {
	w.t.Helper()
	var head struct {
		ID, DisplayName, Name string
		Type                  string `json:"@odata.type"`
	}
	w.ok(json.Unmarshal([]byte(raw), &head))
	p := graph.Policy{Type: pt, ID: head.ID, Name: head.DisplayName + head.Name, ODataType: head.Type, Raw: json.RawMessage(raw), Parts: parts}
	w.ok(w.Graph.Put(tenant, p))
	return p
}

// empty adds the second tenant, without policies.
func (w *world) empty(seed uint64) {
	w.t.Helper()
	w.ok(w.Graph.AddTenant(fabrikam, graphtest.TenantConfig{Seed: seed}))
}

// actions counts what a preview would do, by action and reason.
func actions(items map[string]restore.PreviewItem) map[string]int {
	n := map[string]int{}
	for _, item := range items {
		what := string(item.Action)
		if item.Reason != "" {
			what += " " + string(item.Reason)
		}
		n[what]++
	}
	return n
}

func warningCodes(item restore.PreviewItem) (codes []string) {
	for _, w := range item.Warnings {
		codes = append(codes, w.Code)
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}
