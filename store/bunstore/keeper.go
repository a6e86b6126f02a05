package bunstore

import (
	"context"
	"crypto/sha256"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/uptrace/bun"
)

// keeper keeps captured policies within one transaction, in a set but for snapshots.
type keeper struct {
	*tx
	tenant   graph.TenantID
	run      runRow
	set      setRow
	payloads map[digest]payloadRow // made before the transaction
	added    []setItemRow

	policies    map[policyRef]policyRow // those that are known
	versions    map[contentRef]versionRow
	newPolicies []policyRow
	newVersions []versionRow
	replaced    []policyRow // whose current version is another one now
}

// look reads what is known of captured policies, and locks it.
func (k *keeper) look(ctx context.Context, captured []backupset.Captured) (err error) {
	k.policies, err = k.s.policiesOf(ctx, k.tx, k.tenant, captured)
	if err != nil {
		return err
	}
	k.versions, err = k.s.versionsOf(ctx, k.tx, k.tenant, contentsOf(captured, k.policies))
	return err
}

// keep stores captured policies and tells which of them the set held already.
func (k *keeper) keep(ctx context.Context, captured []backupset.Captured) (held map[policyRef]bool, err error) {
	if err := k.look(ctx, captured); err != nil {
		return nil, err
	}
	held, err = k.held(ctx)
	if err != nil {
		return nil, err
	}
	taken := map[policyRef]bool{} // twice in one call: the first counts
	for i := range captured {
		c := &captured[i]
		ref := refOf(c.Policy)
		if held[ref] || taken[ref] {
			continue
		}
		taken[ref] = true
		p, v, _, err := k.content(ctx, c, false)
		if err != nil {
			return nil, err
		}
		item, err := k.item(c, &p, &v)
		if err != nil {
			return nil, err
		}
		k.added = append(k.added, item)
	}
	if err := k.write(ctx, captured); err != nil {
		return nil, err
	}
	return held, insert(ctx, k.tx, k.added...)
}

// content finds the policy and the version of a capture, or makes them: new ones are for
// write to store. A snapshot keeps the version for good.
func (k *keeper) content(ctx context.Context, c *backupset.Captured, snapshot bool) (p policyRow, v versionRow, created bool, err error) {
	old, known := k.policies[refOf(c.Policy)]
	p = old
	switch {
	case known && !c.Imported:
		p.see(c.Policy.Name, tsOf(c.CapturedAt))
	case !known && c.Imported:
		p = k.s.newPolicy(k.tenant, c.Policy.Type, c.Policy.ID, c.Policy.Name, ts{})
	case !known:
		p = k.s.newPolicy(k.tenant, c.Policy.Type, c.Policy.ID, c.Policy.Name, tsOf(c.CapturedAt))
	}
	v, exists := k.versions[contentRef{p.ID, digest(c.Hash)}]
	switch {
	case !exists:
		p.LastNumber++
		v = versionRow{
			TenantID: p.TenantID, ID: k.s.newID(), PolicyID: p.ID, Number: p.LastNumber, Hash: digest(c.Hash),
			PayloadID: sha256.Sum256(c.Payload), Name: text(c.Policy.Name), CapturedAt: tsOf(c.CapturedAt), RunID: k.run.ID,
			Snapshot: flagNum(snapshot),
		}
		k.newVersions = append(k.newVersions, v)
	case snapshot:
		was := v
		v.Snapshot = 1
		if err := update(ctx, k.tx, &was, &v); err != nil {
			return p, v, false, err
		}
	}
	if !c.Imported {
		p.CurrentVersionID = v.ID
	}
	if !known {
		k.newPolicies = append(k.newPolicies, p)
		return p, v, !exists, nil
	}
	if old.CurrentVersionID != "" && old.CurrentVersionID != p.CurrentVersionID {
		k.replaced = append(k.replaced, old)
	}
	return p, v, !exists, update(ctx, k.tx, &old, &p)
}

// flagNum is a yes or no as a number, which every database compares alike.
func flagNum(yes bool) num {
	if yes {
		return 1
	}
	return 0
}

// write stores the policies and versions that are new.
func (k *keeper) write(ctx context.Context, captured []backupset.Captured) error {
	if err := insert(ctx, k.tx, k.newPolicies...); err != nil {
		return err
	}
	if err := k.addPayloads(ctx, k.newVersions, captured); err != nil {
		return err
	}
	return insert(ctx, k.tx, k.newVersions...)
}

// release removes versions that were kept only for being current. It comes after the items.
func (k *keeper) release(ctx context.Context) error {
	for _, p := range k.replaced { // a purge may have left the old one for the policy alone
		if err := k.purgeVersion(ctx, p.TenantID, p.ID, p.CurrentVersionID, &backupset.PurgeResult{}); err != nil {
			return err
		}
	}
	return nil
}

func (k *keeper) item(c *backupset.Captured, p *policyRow, v *versionRow) (setItemRow, error) {
	warnings, err := jsonText(c.Policy.Warnings, len(c.Policy.Warnings))
	if err != nil {
		return setItemRow{}, err
	}
	var f fields
	item := setItemRow{
		TenantID: k.set.TenantID, SetID: k.set.ID, ID: f.key("captured.item_id", c.ItemID), PolicyID: p.ID, VersionID: v.ID,
		CapturedAt: tsOf(c.CapturedAt), Warnings: warnings,
	}
	if k.set.Status != text(backupset.Building) {
		item.Revision = k.set.Revision + 1
	}
	item.named(c.Policy.Name, v)
	return item, f.bad.Err()
}

// held tells which of the policies the set has items of.
func (k *keeper) held(ctx context.Context) (map[policyRef]bool, error) {
	held := map[policyRef]bool{}
	if k.set.ItemsCount == 0 {
		return held, nil
	}
	ids := make([]uid, 0, len(k.policies))
	refs := make(map[uid]policyRef, len(k.policies))
	for ref, p := range k.policies {
		ids = append(ids, p.ID)
		refs[p.ID] = ref
	}
	for len(ids) > 0 {
		n := min(len(ids), maxInList)
		rows, err := find[setItemRow](ctx, k.s, k.tx, k.s.dialect.using("backup_items_policy")+"WHERE t.set_id = ? AND t.policy_id IN (?)", k.set.ID, valuesOf(ids[:n]))
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			held[refs[r.PolicyID]] = true
		}
		ids = ids[n:]
	}
	return held, nil
}

// addPayloads stores the payloads of new versions that the tenant does not have.
func (k *keeper) addPayloads(ctx context.Context, versions []versionRow, captured []backupset.Captured) error {
	ids := make([]digest, len(versions))
	for i, v := range versions {
		ids[i] = v.PayloadID
	}
	stored, err := k.s.storedPayloads(ctx, k.tx, k.tenant, ids)
	if err != nil {
		return err
	}
	var rows []payloadRow
	for _, id := range ids {
		if stored[id] {
			continue
		}
		stored[id] = true
		r, made := k.payloads[id]
		if !made { // it was there before the transaction and was purged since
			for _, c := range captured {
				if sha256.Sum256(c.Payload) == id {
					r = k.s.codec.newPayload(k.tenant, id, c.Payload)
				}
			}
		}
		rows = append(rows, r)
	}
	return insert(ctx, k.tx, rows...)
}

// close stores the run's items and moves the counts of run and set.
func (k *keeper) close(ctx context.Context, items []runs.Item) error {
	run, set := k.run, k.set
	if err := k.saveItems(ctx, &run, items); err != nil {
		return err
	}
	if run != k.run || len(k.added) > 0 {
		run.UpdatedAt = tsOf(k.now)
	}
	if err := update(ctx, k.tx, &k.run, &run); err != nil {
		return err
	}
	set.ItemsCount += num(len(k.added))
	if set.Status != text(backupset.Building) && len(k.added) > 0 {
		set.Revision++
	}
	return update(ctx, k.tx, &k.set, &set)
}

// CopyItems implements [backupset.CaptureStore].
func (s *Store) CopyItems(ctx context.Context, tenant graph.TenantID, lease runs.Lease, from, to runs.ID, types []graph.PolicyType) (copied int, err error) {
	err = s.change(ctx, tenant, func(ctx context.Context, t *tx) error {
		copied = 0
		run, set, err := t.building(ctx, tenant, lease, to)
		if err != nil {
			return err
		}
		source, err := s.set(ctx, t, tenant, uidOf(from))
		if err != nil {
			return err
		}
		if source.PurgingAt.set {
			return runs.Conflict("set_purging", "the backup set to copy from is being purged")
		}
		if len(types) == 0 {
			return nil
		}
		rows, err := s.setItems(ctx, t, `WHERE t.set_id = ? AND p.type IN (?)
			AND NOT EXISTS (SELECT 1 FROM `+s.sql("{backup_items}")+` AS o WHERE o.set_id = ? AND o.policy_id = t.policy_id) ORDER BY t.id`,
			source.ID, bun.List(types), set.ID)
		if err != nil {
			return err
		}
		items := make([]setItemRow, len(rows))
		outcomes := make([]runs.Item, len(rows))
		for i, w := range rows {
			items[i] = w.setItemRow
			items[i].SetID, items[i].ID, items[i].Revision = set.ID, s.newID(), 0
			outcomes[i] = runs.Item{
				ID: s.newID().id(), PolicyType: graph.PolicyType(w.policyType), PolicyID: string(w.externalID), Name: w.name(),
				Status: runs.ItemSuccess, Attempt: int(run.Attempt), BackupItemID: items[i].ID.id(),
			}
		}
		if err := insert(ctx, t, items...); err != nil {
			return err
		}
		copied = len(items)
		k := keeper{tx: t, tenant: tenant, run: run, set: set, added: items}
		return k.close(ctx, outcomes)
	})
	if err != nil {
		return 0, err
	}
	return copied, nil
}
