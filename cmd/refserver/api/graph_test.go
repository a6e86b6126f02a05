package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// witness knows whether a request is being answered, and which calls of Graph were made
// meanwhile: there must never be one.
type witness struct {
	mu      sync.Mutex
	serving int
	calls   []string
}

func (w *witness) call(op graph.Op) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.serving > 0 {
		w.calls = append(w.calls, string(op))
	}
}

func (w *witness) add(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.serving += n
}

// take returns the calls that were seen and forgets them.
func (w *witness) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	calls := w.calls
	w.calls = nil
	return calls
}

// watched is the client that all executors of a world have.
type watched struct {
	client graph.Client
	w      *witness
}

func (g watched) List(ctx context.Context, tenant graph.TenantID, t graph.PolicyType, page func(graph.Page) error) error {
	g.w.call(graph.OpList)
	return g.client.List(ctx, tenant, t, page)
}

func (g watched) Get(ctx context.Context, tenant graph.TenantID, t graph.PolicyType, ids []string) ([]graph.Result, error) {
	g.w.call(graph.OpGet)
	return g.client.Get(ctx, tenant, t, ids)
}

func (g watched) Resolve(ctx context.Context, tenant graph.TenantID, refs []graph.Reference) ([]graph.Resolution, error) {
	g.w.call(graph.OpResolve)
	return g.client.Resolve(ctx, tenant, refs)
}

func (g watched) Create(ctx context.Context, tenant graph.TenantID, t graph.PolicyType, body json.RawMessage) (string, error) {
	g.w.call(graph.OpCreate)
	return g.client.Create(ctx, tenant, t, body)
}

func (g watched) Update(ctx context.Context, tenant graph.TenantID, t graph.PolicyType, id string, body json.RawMessage) error {
	g.w.call(graph.OpUpdate)
	return g.client.Update(ctx, tenant, t, id, body)
}

func (g watched) Assign(ctx context.Context, tenant graph.TenantID, t graph.PolicyType, id string, list []json.RawMessage) error {
	g.w.call(graph.OpAssign)
	return g.client.Assign(ctx, tenant, t, id, list)
}

// serve answers a request. Whatever it asks for, Graph is not called meanwhile.
func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	w.t.Helper()
	w.witness.add(1)
	defer w.witness.add(-1)
	w.api.ServeHTTP(rw, r)
	if calls := w.witness.take(); len(calls) > 0 {
		w.t.Errorf("%s %s called Graph: %q", r.Method, r.URL.Path, calls)
	}
}

// Every route that starts something answers 202 without a call of Graph, which the run makes
// later. What the routes are is read from the document: a new one fails here until it is
// tried.
func TestStartingCallsNoGraph(t *testing.T) {
	w := newWorld(t)
	schedule := w.schedule(contoso, "Nightly")
	set, policy, item := w.manualSet(contoso)
	retriable := canceledRun(w, contoso, runs.Actor{})
	preview := w.preview(contoso, set, `{"options":{"existing":"overwrite"}}`)
	at := map[string]struct{ id, body string }{
		"run-schedule":      {id: string(schedule)},
		"confirm-retention": {id: string(schedule), body: `{"confirm_plan":""}`},
		"retry-run":         {id: string(retriable)},
		"sync-policies":     {},
		"snapshot-policy":   {id: string(policy)},
		"create-backup-set": {body: `{"name":"By hand","everything":true}`},
		"add-policies":      {id: string(set), body: `{"policy_ids":["` + string(policy) + `"]}`},
		"verify-backup-set": {id: string(set)},
		"report-drift":      {id: string(set)},
		"preview-restore":   {id: string(set), body: `{"item_ids":["` + string(item) + `"]}`},
		"restore":           {body: `{"preview_run_id":"` + string(preview) + `","reason":"to try it"}`},
		"import-backup-set": {body: "no zip at all"},
	}
	for _, op := range w.document.list {
		if op.Responses["202"].Content == nil {
			continue
		}
		try, ok := at[op.ID]
		if !ok {
			t.Errorf("%s starts something and is not tried here", op.ID)
			continue
		}
		delete(at, op.ID)
		path := filled(op.path, "contoso", runs.ID(try.id))
		if r := w.do(token(runs.RoleOwner, contoso), op.method, path, try.body); r.status != http.StatusAccepted {
			t.Errorf("%s: %d %s", op.ID, r.status, r.body)
		}
	}
	for id := range at {
		t.Errorf("there is no %s", id)
	}
	if len(w.queue.list) != 12 {
		t.Errorf("%d runs wait, want one of each", len(w.queue.list))
	}
	w.settle() // all of that is work for later; most of it calls Graph
}

// The witness sees a call while a request is being answered, and none of a run at work.
func TestTheWitnessSeesCalls(t *testing.T) {
	w := newWorld(t)
	client := watched{w.graph, &w.witness}
	w.api.cfg.TenantAccess = func(ctx context.Context, tenant graph.TenantID, _ runs.Actor) (bool, error) {
		_, err := client.Resolve(ctx, tenant, nil)
		return true, err
	}
	w.witness.add(1)
	r := httptest.NewRequest(http.MethodGet, "/api/v1/tenants/contoso/runs", nil)
	r.Header.Set("Authorization", "Bearer "+token(runs.RoleOwner, contoso))
	w.api.ServeHTTP(httptest.NewRecorder(), r)
	w.witness.add(-1)
	if got := w.witness.take(); !slices.Equal(got, []string{string(graph.OpResolve)}) {
		t.Errorf("a request that calls Graph: %q", got)
	}
	w.backup(contoso, w.schedule(contoso, "Nightly"))
	if got := w.witness.take(); len(got) > 0 {
		t.Errorf("a run at work: %q", got)
	}
}
