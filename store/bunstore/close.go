package bunstore

import (
	"context"
	"maps"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// closeSet makes the set of a run that has ended partial, if it is still being built: its
// accounts are brought in line with what is there, and nothing in them claims to be whole.
func (t *tx) closeSet(ctx context.Context, run *runRow) error {
	if run.BackupSetID == "" || !runs.Status(run.Status).Terminal() {
		return nil
	}
	old, found, err := findOne[setRow](ctx, t.s, t, "WHERE t.tenant_id = ? AND t.id = ?", run.TenantID, run.BackupSetID)
	if err != nil || !found || old.Status != text(backupset.Building) {
		return err
	}
	items, err := t.itemsByType(ctx, old.ID)
	if err != nil {
		return err
	}
	manifests, err := find[manifestRow](ctx, t.s, t, "WHERE t.set_id = ? ORDER BY t.position", old.ID)
	if err != nil {
		return err
	}
	next := num(len(manifests))
	for i := range manifests {
		m := manifests[i]
		typ := graph.PolicyType(m.Type.text)
		m.Captured = num(items[typ])
		m.Listed = max(m.Listed, m.Captured+m.Failed+m.Skipped)
		delete(items, typ)
		if err := update(ctx, t, &manifests[i], &m); err != nil {
			return err
		}
	}
	for _, typ := range slices.Sorted(maps.Keys(items)) { // listed or not to its end: nobody can tell any more
		m := manifestRow{
			TenantID: old.TenantID, SetID: old.ID, Type: optional{string(typ), true}, Position: next,
			Listed: num(items[typ]), Captured: num(items[typ]),
		}
		if err := insert(ctx, t, m); err != nil {
			return err
		}
		next++
	}
	closed := old
	closed.Status, closed.Revision, closed.CompletedAt = text(backupset.Partial), 1, tsOf(t.now)
	return update(ctx, t, &old, &closed)
}
