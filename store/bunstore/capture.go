package bunstore

import (
	"context"
	"crypto/sha256"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// OpenSet implements [backupset.CaptureStore].
func (s *Store) OpenSet(ctx context.Context, tenant graph.TenantID, lease runs.Lease, set backupset.BackupSet, trail runs.Trail) (out backupset.BackupSet, err error) {
	err = s.change(ctx, tenant, func(ctx context.Context, t *tx) error {
		run, err := t.held(ctx, tenant, lease)
		if err != nil {
			return err
		}
		if run.BackupSetID != "" {
			_, out, err = s.wholeSet(ctx, t, tenant, run.BackupSetID)
			return err
		}
		var f fields
		r := setRow{
			TenantID: f.tenant(tenant), ID: f.key("id", set.ID), Name: text(set.Name), ScheduleID: f.id("schedule_id", set.ScheduleID),
			RunID: run.ID, ScheduledFor: tsOf(set.ScheduledFor), Status: text(backupset.Building), CreatedAt: tsOf(set.CreatedAt),
		}
		if err := f.bad.Err(); err != nil {
			return err
		}
		if err := t.addSet(ctx, &r); err != nil {
			return err
		}
		named := run
		named.BackupSetID, named.UpdatedAt = r.ID, tsOf(t.now)
		if err := update(ctx, t, &run, &named); err != nil {
			return err
		}
		out = r.set()
		return t.trail(tenant, trail)
	})
	if err != nil {
		return backupset.BackupSet{}, err
	}
	return out, nil
}

// addSet stores a new set.
func (t *tx) addSet(ctx context.Context, r *setRow) error {
	added, err := insertNew(ctx, t, []setRow{*r})
	if err == nil && !added[0] {
		err = runs.Conflict("set_exists", "a backup set with this id, or of this run, exists")
	}
	return err
}

// filling returns a run with its lease and the set that it fills, both to be changed.
func (t *tx) filling(ctx context.Context, tenant graph.TenantID, lease runs.Lease, set runs.ID) (runRow, setRow, error) {
	run, err := t.held(ctx, tenant, lease)
	if err != nil {
		return runRow{}, setRow{}, err
	}
	r, err := t.s.set(ctx, t, tenant, uidOf(set))
	if err != nil {
		return runRow{}, setRow{}, err
	}
	if run.BackupSetID != r.ID {
		return runRow{}, setRow{}, errOtherSet()
	}
	return run, r, nil
}

// building is filling for a set that is not sealed.
func (t *tx) building(ctx context.Context, tenant graph.TenantID, lease runs.Lease, set runs.ID) (runRow, setRow, error) {
	run, r, err := t.filling(ctx, tenant, lease, set)
	if err == nil && r.Status != text(backupset.Building) {
		err = errSealed()
	}
	return run, r, err
}

// SaveCaptured implements [backupset.CaptureStore]. New contents are hashed and compressed
// before the transaction begins, on all processors, so that it stays short.
func (s *Store) SaveCaptured(ctx context.Context, tenant graph.TenantID, lease runs.Lease, set runs.ID, captured []backupset.Captured, items []runs.Item) error {
	payloads, err := s.newPayloads(ctx, tenant, captured)
	if err != nil {
		return err
	}
	return s.change(ctx, tenant, func(ctx context.Context, t *tx) error {
		run, r, err := t.taking(ctx, tenant, lease, set)
		if err != nil {
			return err
		}
		k := keeper{tx: t, tenant: tenant, run: run, set: r, payloads: payloads}
		held, err := k.keep(ctx, captured)
		if err != nil {
			return err
		}
		if err := k.release(ctx); err != nil {
			return err
		}
		if err := k.account(ctx); err != nil {
			return err
		}
		return k.close(ctx, k.outcomes(items, held))
	})
}

// newPayloads makes the payloads of contents that the tenant does not have yet. It looks
// before the transaction; the keeper looks again.
func (s *Store) newPayloads(ctx context.Context, tenant graph.TenantID, captured []backupset.Captured) (map[digest]payloadRow, error) {
	contents := map[digest][]byte{}
	err := s.view(ctx, tenant, func(q querier) error {
		policies, err := s.policiesOf(ctx, q, tenant, captured)
		if err != nil {
			return err
		}
		versions, err := s.versionsOf(ctx, q, tenant, contentsOf(captured, policies))
		if err != nil {
			return err
		}
		var unknown [][]byte
		for _, c := range captured {
			if _, known := versions[contentRef{policies[refOf(c.Policy)].ID, digest(c.Hash)}]; !known {
				unknown = append(unknown, c.Payload)
			}
		}
		ids := make([]digest, len(unknown))
		inParallel(len(unknown), func(i int) { ids[i] = sha256.Sum256(unknown[i]) })
		for i, id := range ids {
			contents[id] = unknown[i]
		}
		stored, err := s.storedPayloads(ctx, q, tenant, ids)
		for id := range stored {
			delete(contents, id)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.compressAll(tenant, contents), nil
}

// contentsOf lists what the policies that are known hold now.
func contentsOf(captured []backupset.Captured, policies map[policyRef]policyRow) []contentRef {
	var list []contentRef
	for _, c := range captured {
		if p, ok := policies[refOf(c.Policy)]; ok {
			list = append(list, contentRef{p.ID, digest(c.Hash)})
		}
	}
	return list
}

// storedPayloads tells which payloads the tenant has.
func (s *Store) storedPayloads(ctx context.Context, q querier, tenant graph.TenantID, ids []digest) (map[digest]bool, error) {
	stored := map[digest]bool{}
	for len(ids) > 0 {
		n := min(len(ids), maxInList)
		rows, err := find[payloadRow](ctx, s, q, "WHERE t.tenant_id = ? AND t.id IN (?)", ident(tenant), valuesOf(ids[:n]))
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			stored[r.ID] = true
		}
		ids = ids[n:]
	}
	return stored, nil
}

// SaveManifest implements [backupset.CaptureStore].
func (s *Store) SaveManifest(ctx context.Context, tenant graph.TenantID, lease runs.Lease, set runs.ID, m backupset.Manifest) error {
	return s.change(ctx, tenant, func(ctx context.Context, t *tx) error {
		_, r, err := t.building(ctx, tenant, lease, set)
		if err != nil {
			return err
		}
		pages, err := jsonText(m.Pages, len(m.Pages))
		if err != nil {
			return err
		}
		known, err := find[manifestRow](ctx, s, t, "WHERE t.set_id = ?", r.ID)
		if err != nil {
			return err
		}
		changed := manifestRow{
			TenantID: r.TenantID, SetID: r.ID, Type: optional{string(m.Type), true}, Position: num(len(known)), Pages: pages,
			Listed: num(m.Listed), Captured: num(m.Captured), Failed: num(m.Failed), Skipped: num(m.Skipped),
			Forbidden: flag(m.Forbidden), Complete: flag(m.Complete),
		}
		for i := range known {
			if known[i].Type == changed.Type {
				changed.Position = known[i].Position
				return update(ctx, t, &known[i], &changed)
			}
		}
		return insert(ctx, t, changed)
	})
}
