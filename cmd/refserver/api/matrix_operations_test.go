package api

import (
	"fmt"
	"net/http"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// manual is a set made by hand, with one of its policies and items, per tenant.
type manual struct {
	made map[graph.TenantID][3]runs.ID
}

func (m *manual) of(w *world, tenant graph.TenantID) [3]runs.ID {
	if m.made == nil {
		m.made = map[graph.TenantID][3]runs.ID{}
	}
	if m.made[tenant] == [3]runs.ID{} {
		set, policy, item := w.manualSet(tenant)
		m.made[tenant] = [3]runs.ID{set, policy, item}
	}
	return m.made[tenant]
}

func (m *manual) set(w *world, tenant graph.TenantID, _ runs.Actor) runs.ID {
	return m.of(w, tenant)[0]
}

func (m *manual) policy(w *world, tenant graph.TenantID, _ runs.Actor) runs.ID {
	return m.of(w, tenant)[1]
}

func (m *manual) item(w *world, tenant graph.TenantID, _ runs.Actor) runs.ID {
	return m.of(w, tenant)[2]
}

// operationRows are the rows of what is done on demand.
func operationRows() []row {
	m := &manual{}
	own := func(w *world) runs.ID { return m.set(w, contoso, runs.Actor{}) }
	deleted := onceEach()(func(w *world, tenant graph.TenantID) runs.ID {
		set, _, _ := w.manualSet(tenant)
		_, err := w.retention.Delete(w.t.Context(), tenant, owner(tenant), set)
		w.must(err)
		return set
	})
	gone := func(w *world, tenant graph.TenantID) runs.ID { return deleted(w, tenant, runs.Actor{}) }
	report := onceEach()(func(w *world, tenant graph.TenantID) runs.ID {
		run, _, err := w.starter.Start(w.t.Context(), tenant, owner(tenant), restore.DriftRequest(m.of(w, tenant)[0], restore.DriftParams{}))
		w.must(err)
		w.settle()
		return run.ID
	})
	preview := func(w *world, tenant graph.TenantID, _ runs.Actor) runs.ID {
		return w.preview(tenant, m.of(w, tenant)[0], `{"options":{"existing":"overwrite"}}`)
	}
	inBody := func(form string) func(runs.ID) (string, string) {
		return func(id runs.ID) (string, string) { return "", fmt.Sprintf(form, id) }
	}
	return []row{
		{operation: "list-policy-types"}, {operation: "get-permissions"},
		{operation: "snapshot-policy", object: m.policy},
		{operation: "create-backup-set", request: fixed("", `{"name":"By hand","policy_types":["deviceConfiguration"]}`)},
		{operation: "create-backup-set", variant: "policy_ids", object: m.policy, request: inBody(`{"name":"By hand","policy_ids":[%q]}`)},
		{operation: "add-policies", object: m.set, deleted: gone, request: fixed("", `{"policy_ids":["`+noSuchID+`"]}`)},
		{operation: "add-policies", variant: "policy_ids", object: m.policy, base: own, request: inBody(`{"policy_ids":[%q]}`)},
		{operation: "verify-backup-set", object: m.set, deleted: gone},

		{operation: "report-drift", object: m.set, deleted: gone},
		{operation: "report-drift", variant: "item_ids", object: m.item, base: own, request: inBody(`{"item_ids":[%q]}`)},
		{operation: "get-drift-report", object: report},
		{operation: "preview-restore", object: m.set, deleted: gone},
		{operation: "preview-restore", variant: "item_ids", object: m.item, base: own, request: inBody(`{"item_ids":[%q]}`)},
		// The foreign set is the other tenant's, and here it may be: its owner asks.
		{operation: "preview-restore", variant: "source_tenant", object: m.set, request: fixed("", `{"source_tenant":"fabrikam"}`)},
		{operation: "get-restore-preview", object: preview},
		{operation: "list-restore-preview-items", object: preview},
		{operation: "restore", variant: "preview_run_id", object: preview, deleted: previewOfDeleted, request: inBody(`{"preview_run_id":%q,"reason":"to try it"}`)},
		{operation: "retry-run", variant: "restore", object: canceledRestore},
		{operation: "retry-run", variant: "import", object: canceledImport},

		{operation: "export-backup-set", object: m.set, deleted: gone},
		{operation: "export-backup-set", variant: "secrets", object: m.set, deleted: gone, request: fixed("?secrets=true", "")},
		{operation: "export-backup-set", variant: "portal", object: m.set, deleted: gone, request: fixed("?portal=true", "")},
		{operation: "import-backup-set", request: fixed("", "not a zip, which the run will say")},

		{operation: "verify-audit"},
	}
}

// previewOfDeleted is a preview whose set was deleted afterwards.
func previewOfDeleted(w *world, tenant graph.TenantID) runs.ID {
	set, _, _ := w.manualSet(tenant)
	id := w.preview(tenant, set, "")
	_, err := w.retention.Delete(w.t.Context(), tenant, owner(tenant), set)
	w.must(err)
	return id
}

// canceledRestore is a restore that ended before it had restored what it should: somebody
// has deleted a policy.
func canceledRestore(w *world, tenant graph.TenantID, _ runs.Actor) runs.ID {
	p, err := w.graph.Add(tenant, capturedTypes[0])
	w.must(err)
	set, _, _ := w.manualSet(tenant)
	w.must(w.graph.Delete(tenant, p.Type, p.ID))
	return cancel(w, tenant, restore.ExecuteRequest(w.preview(tenant, set, ""), "to try it", false))
}

// canceledImport is one whose file is still there.
func canceledImport(w *world, tenant graph.TenantID, _ runs.Actor) runs.ID {
	r := w.do(token(runs.RoleOwner, tenant), http.MethodPost, "/api/v1/tenants/"+string(tenant)+"/backup-sets/import", "no zip "+string(w.starter.Guard().NewID()))
	id := runs.ID(idOf(w.t, r))
	_, err := w.starter.Cancel(w.t.Context(), tenant, owner(tenant), id)
	w.must(err)
	return id
}

func cancel(w *world, tenant graph.TenantID, req runs.Request) runs.ID {
	w.t.Helper()
	run, _, err := w.starter.Start(w.t.Context(), tenant, owner(tenant), req)
	w.must(err)
	_, err = w.starter.Cancel(w.t.Context(), tenant, owner(tenant), run.ID)
	w.must(err)
	return run.ID
}
