package storetest

import (
	"fmt"
	"slices"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// all is a page that holds everything a promise ever stores.
var all = runs.Slice{Limit: 10_000}

// people are the recipients whose notifications a snapshot looks at.
var people = []string{"ada", "bob"}

// snapshot reads everything that can be read, keyed by what and where it is.
func (f *fixture) snapshot() map[string]any {
	f.Helper()
	rows := map[string]any{}
	for i, e := range must(f.store.ListAudit(f.ctx, runs.SystemTenant, runs.AuditFilter{}, all))(f) {
		rows[fmt.Sprintf("system/audit/%d", i)] = e
	}
	for _, tenant := range []graph.TenantID{contoso, fabrikam, runs.SystemTenant} {
		rows[key(tenant, "audit", "head")] = must(f.store.AuditHead(f.ctx, tenant))(f)
	}
	for _, tenant := range []graph.TenantID{contoso, fabrikam} {
		f.readRuns(rows, tenant)
		f.readSets(rows, tenant)
		f.readInventory(rows, tenant)
		f.readPreviews(rows, tenant)
	}
	f.readUploads(rows)
	return rows
}

func (f *fixture) readRuns(rows map[string]any, tenant graph.TenantID) {
	f.Helper()
	f.mu.Lock()
	known := slices.Clone(f.schedules[tenant])
	f.mu.Unlock()
	for _, s := range must(f.store.ListSchedules(f.ctx, tenant, backupsched.Filter{}, all))(f) {
		known = append(known, s.ID)
	}
	for _, id := range known {
		rows[key(tenant, "schedule", id)] = must(f.store.GetSchedule(f.ctx, tenant, id))(f)
	}
	for _, r := range must(f.store.ListRuns(f.ctx, tenant, runs.RunFilter{}, all))(f) {
		rows[key(tenant, "run", r.ID)] = r
		for _, item := range must(f.store.ListItems(f.ctx, tenant, r.ID, runs.ItemFilter{}, all))(f) {
			rows[key(tenant, "item", item.ID)] = item
		}
	}
	for _, e := range must(f.store.ListAudit(f.ctx, tenant, runs.AuditFilter{}, all))(f) {
		rows[key(tenant, "audit", e.ID)] = e
	}
	for _, person := range people {
		for _, n := range must(f.store.ListNotifications(f.ctx, tenant, person, false, all))(f) {
			rows[key(tenant, "notification", n.ID)] = n
		}
	}
}

func (f *fixture) readSets(rows map[string]any, tenant graph.TenantID) {
	f.Helper()
	for _, deleted := range []bool{false, true} {
		for _, s := range must(f.store.ListSets(f.ctx, tenant, backupset.SetFilter{Deleted: deleted}, all))(f) {
			rows[key(tenant, "set", s.ID)] = s
			for _, item := range f.setItems(tenant, s.ID) {
				rows[key(tenant, "set item", item.ID)] = item
			}
		}
	}
}

func (f *fixture) readInventory(rows map[string]any, tenant graph.TenantID) {
	f.Helper()
	for _, p := range f.policies(tenant) {
		rows[key(tenant, "policy", p.ID)] = p
		for _, v := range f.versions(tenant, p.ID) {
			rows[key(tenant, "version", v.ID)] = v
			rows[key(tenant, "payload", v.ID)] = must(f.store.Payload(f.ctx, tenant, v.ID))(f)
		}
	}
}

func key(tenant graph.TenantID, what string, id runs.ID) string {
	return string(tenant) + "/" + what + "/" + string(id)
}

// setItems returns all items of a set.
func (f *fixture) setItems(tenant graph.TenantID, set runs.ID) []backupset.Item {
	f.Helper()
	return must(f.store.ListSetItems(f.ctx, tenant, set, backupset.SetItemFilter{}, all))(f)
}

// items returns all items of a run.
func (f *fixture) items(tenant graph.TenantID, run runs.ID) []runs.Item {
	f.Helper()
	return must(f.store.ListItems(f.ctx, tenant, run, runs.ItemFilter{}, all))(f)
}

// policies returns a tenant's inventory.
func (f *fixture) policies(tenant graph.TenantID) []backupset.Policy {
	f.Helper()
	return must(f.store.ListPolicies(f.ctx, tenant, backupset.PolicyFilter{}, all))(f)
}

// policy returns the inventory row of one of Graph's ids.
func (f *fixture) policy(tenant graph.TenantID, externalID string) backupset.Policy {
	f.Helper()
	for _, p := range f.policies(tenant) {
		if p.ExternalID == externalID {
			return p
		}
	}
	f.Fatalf("policy %s is not in the inventory of %s", externalID, tenant)
	return backupset.Policy{}
}

// versions returns all versions of a policy, newest first.
func (f *fixture) versions(tenant graph.TenantID, policy runs.ID) []backupset.PolicyVersion {
	f.Helper()
	return must(f.store.ListVersions(f.ctx, tenant, policy, all))(f)
}
