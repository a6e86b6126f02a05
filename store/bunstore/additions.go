package bunstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// taking returns a run with its lease and the set that it puts policies into: one that it is
// building, or one that is made by hand, sealed, and what the run is about.
func (t *tx) taking(ctx context.Context, tenant graph.TenantID, lease runs.Lease, set runs.ID) (runRow, setRow, error) {
	run, err := t.held(ctx, tenant, lease)
	if err != nil {
		return runRow{}, setRow{}, err
	}
	r, err := t.s.set(ctx, t, tenant, uidOf(set))
	if err != nil {
		return runRow{}, setRow{}, err
	}
	sealed := r.Status != text(backupset.Building)
	switch {
	case !sealed && run.BackupSetID == r.ID:
		return run, r, nil
	case !sealed || run.BackupSetID != r.ID && !run.isAbout(&r):
		err = errOtherSet()
	case r.ScheduleID != "" || !run.isAbout(&r):
		err = errSealed()
	case r.DeletedAt.set:
		err = fmt.Errorf("backup set: %w", runs.ErrDeleted)
	}
	return run, r, err
}

func (r *runRow) isAbout(set *setRow) bool {
	return r.TargetType == "backup_set" && r.TargetID == ident(set.ID.id())
}

func errOtherSet() error {
	return runs.Conflict("set_of_another_run", "another run fills the backup set")
}

func errSealed() error {
	return runs.Conflict("set_sealed", "the backup set is sealed and never changes again")
}

// account brings the manifests of a sealed set in line with what was added to it.
func (k *keeper) account(ctx context.Context) error {
	if k.set.Status == text(backupset.Building) || len(k.added) == 0 {
		return nil
	}
	byID := make(map[uid]text, len(k.policies)+len(k.newPolicies))
	for ref, p := range k.policies {
		byID[p.ID] = ref.t
	}
	for _, p := range k.newPolicies {
		byID[p.ID] = p.Type
	}
	counts, order := map[text]num{}, []text(nil)
	for _, item := range k.added {
		t := byID[item.PolicyID]
		if counts[t]++; counts[t] == 1 {
			order = append(order, t)
		}
	}
	known, err := find[manifestRow](ctx, k.s, k.tx, "WHERE t.set_id = ?", k.set.ID)
	if err != nil {
		return err
	}
	for i := range known {
		n := counts[text(known[i].Type.text)]
		changed := known[i]
		changed.Listed, changed.Captured = changed.Listed+n, changed.Captured+n
		if err := update(ctx, k.tx, &known[i], &changed); err != nil {
			return err
		}
		order = slices.DeleteFunc(order, func(t text) bool { return t == text(known[i].Type.text) })
	}
	var made []manifestRow
	for i, t := range order {
		made = append(made, manifestRow{
			TenantID: k.set.TenantID, SetID: k.set.ID, Type: optional{string(t), true}, Position: num(len(known) + i),
			Listed: counts[t], Captured: counts[t], Complete: true,
		})
	}
	return insert(ctx, k.tx, made...)
}

// outcomes are those of the run's items that say something new. The outcome of what a set
// being built holds already stands; what another run has put into a sealed one meanwhile is
// skipped.
func (k *keeper) outcomes(items []runs.Item, held map[policyRef]bool) []runs.Item {
	var fresh []runs.Item
	for _, item := range items {
		if held[policyRef{text(item.PolicyType), ident(item.PolicyID)}] {
			if k.set.Status == text(backupset.Building) {
				continue
			}
			item.Status, item.Reason, item.BackupItemID = runs.ItemSkipped, runs.ReasonAlreadyInSet, ""
		}
		fresh = append(fresh, item)
	}
	return fresh
}

// SaveSnapshot implements [backupset.CaptureStore].
func (s *Store) SaveSnapshot(ctx context.Context, tenant graph.TenantID, lease runs.Lease, captured backupset.Captured, item runs.Item) (version backupset.PolicyVersion, created bool, err error) {
	one := []backupset.Captured{captured}
	payloads, err := s.newPayloads(ctx, tenant, one)
	if err != nil {
		return backupset.PolicyVersion{}, false, err
	}
	err = s.change(ctx, tenant, func(ctx context.Context, t *tx) error {
		run, err := t.held(ctx, tenant, lease)
		if err != nil {
			return err
		}
		k := keeper{tx: t, tenant: tenant, run: run, payloads: payloads}
		if err := k.look(ctx, one); err != nil {
			return err
		}
		_, v, isNew, err := k.content(ctx, &captured, true)
		if err != nil {
			return err
		}
		if err := k.write(ctx, one); err != nil {
			return err
		}
		if err := k.release(ctx); err != nil {
			return err
		}
		version, created = v.version(), isNew
		changed := run
		if err := t.saveItems(ctx, &changed, []runs.Item{item}); err != nil {
			return err
		}
		changed.UpdatedAt = tsOf(t.now)
		return update(ctx, t, &run, &changed)
	})
	if err != nil {
		return backupset.PolicyVersion{}, false, err
	}
	return version, created, nil
}

// andIDs adds a condition that a column is one of some ids, unless there are none.
func andIDs(c *conditions, column string, ids []runs.ID) {
	if len(ids) > 0 {
		list := make([]uid, len(ids))
		for i, id := range ids {
			list[i] = uidOf(id)
		}
		c.and(column+" IN (?)", valuesOf(list))
	}
}
