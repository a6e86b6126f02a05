package bunstore

import (
	"context"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// PurgeSet implements [backupset.GroupStore].
func (s *Store) PurgeSet(ctx context.Context, tenant graph.TenantID, id runs.ID, n int, trail func(backupset.BackupSet, backupset.PurgeResult) runs.Trail) (result backupset.PurgeResult, err error) {
	if n < 1 {
		return result, runs.Invalid("limit", "limit_range", "must be at least 1")
	}
	err = s.change(ctx, tenant, func(ctx context.Context, t *tx) error {
		result = backupset.PurgeResult{}
		old, set, err := s.wholeSet(ctx, t, tenant, uidOf(id))
		if err != nil {
			return err
		}
		if !set.Deleted() || len(set.Holds) > 0 || set.InUse {
			return runs.Conflict("set_not_purgeable", "only a deleted backup set that is neither held nor in use can be purged")
		}
		if result.Previews, err = t.purgePreviews(ctx, &old, n); err != nil {
			return err
		}
		items, err := find[setItemRow](ctx, s, t, "WHERE t.set_id = ? ORDER BY t.id"+limit(n-result.Previews), old.ID)
		if err != nil {
			return err
		}
		if err := t.lockPolicies(ctx, items); err != nil {
			return err
		}
		for i := range items {
			if err := t.purgeItem(ctx, &items[i], &result); err != nil {
				return err
			}
		}
		left := old
		left.ItemsCount -= num(len(items))
		if !left.PurgingAt.set {
			left.PurgingAt = tsOf(t.now)
		}
		if err := update(ctx, t, &old, &left); err != nil {
			return err
		}
		if left.ItemsCount > 0 || result.Previews == n {
			return nil
		}
		result.Done = true
		if err := t.purgeSet(ctx, &left); err != nil {
			return err
		}
		return t.trail(tenant, trail(set, result))
	})
	if err != nil {
		return backupset.PurgeResult{}, err
	}
	return result, nil
}

// lockPolicies lets one transaction at a time decide about the versions of a policy: of two
// that each take away one of a version's last two uses, both would find the other's.
func (t *tx) lockPolicies(ctx context.Context, items []setItemRow) error {
	lock := t.s.lockingInOrder(t)
	if lock == "" {
		return nil // only one transaction writes
	}
	ids := make([]uid, len(items))
	for i := range items {
		ids[i] = items[i].PolicyID
	}
	slices.Sort(ids)
	for part := range slices.Chunk(ids, maxInList) {
		if _, err := find[policyRow](ctx, t.s, t, "WHERE t.tenant_id = ? AND t.id IN (?)"+lock, items[0].TenantID, valuesOf(part)); err != nil {
			return err
		}
	}
	return nil
}

// purgeSet removes a set without items, with its manifests.
func (t *tx) purgeSet(ctx context.Context, set *setRow) error {
	manifests, err := find[manifestRow](ctx, t.s, t, "WHERE t.set_id = ?", set.ID)
	if err != nil {
		return err
	}
	for i := range manifests {
		if err := remove(ctx, t, &manifests[i]); err != nil {
			return err
		}
	}
	return remove(ctx, t, set)
}

// purgeItem removes an item, its version if nothing else needs that, and the version's
// payload likewise.
func (t *tx) purgeItem(ctx context.Context, item *setItemRow, result *backupset.PurgeResult) error {
	if err := remove(ctx, t, item); err != nil {
		return err
	}
	result.Items++
	return t.purgeVersion(ctx, item.TenantID, item.PolicyID, item.VersionID, result)
}

// purgeVersion removes a version, unless a set or the policy needs it or it is a snapshot.
func (t *tx) purgeVersion(ctx context.Context, tenant ident, policy, version uid, result *backupset.PurgeResult) error {
	used, err := count(ctx, t, t.s.sql(`SELECT (SELECT count(*) FROM {backup_items} AS t WHERE t.policy_id = ? AND t.version_id = ?) +
		(SELECT count(*) FROM {policies} AS t WHERE t.tenant_id = ? AND t.id = ? AND t.current_version_id = ?)`),
		policy, version, tenant, policy, version)
	if err != nil || used > 0 {
		return err
	}
	v, found, err := findOne[versionRow](ctx, t.s, t, "WHERE t.tenant_id = ? AND t.id = ?", tenant, version)
	if err != nil || !found || v.Snapshot != 0 {
		return err
	}
	if err := remove(ctx, t, &v); err != nil {
		return err
	}
	result.Versions++
	return t.purgePayload(ctx, &v, result)
}

// purgePayload locks the payload, since versions of other policies may have it too.
func (t *tx) purgePayload(ctx context.Context, v *versionRow, result *backupset.PurgeResult) error {
	p, found, err := findOne[payloadRow](ctx, t.s, t, "WHERE t.tenant_id = ? AND t.id = ?"+t.s.locking(t), v.TenantID, v.PayloadID)
	if err != nil || !found {
		return err
	}
	used, err := count(ctx, t, t.s.sql("SELECT count(*) FROM {policy_versions} AS t WHERE t.tenant_id = ? AND t.payload_id = ?"), v.TenantID, v.PayloadID)
	if err != nil || used > 0 {
		return err
	}
	if err := remove(ctx, t, &p); err != nil {
		return err
	}
	result.Payloads++
	result.Bytes += int64(p.Size)
	return nil
}
