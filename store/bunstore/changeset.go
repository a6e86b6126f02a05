package bunstore

import (
	"context"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// ChangeSet implements [backupset.SetStore].
func (s *Store) ChangeSet(ctx context.Context, tenant graph.TenantID, id runs.ID, change backupset.SetChangeFunc) (out backupset.BackupSet, err error) {
	err = s.change(ctx, tenant, func(ctx context.Context, t *tx) error {
		old, current, err := s.wholeSet(ctx, t, tenant, uidOf(id))
		if err != nil {
			return err
		}
		answer, err := change(t.now, current)
		if err != nil {
			return err
		}
		changed := old
		changed.DeletedAt, changed.DeletedReason = tsOf(answer.Set.DeletedAt), text(answer.Set.DeletedReason)
		changed.LastVerifiedAt = tsOf(answer.Set.LastVerifiedAt)
		if old.PurgingAt.set && !changed.DeletedAt.set {
			return runs.Conflict("set_purging", "the backup set is being purged and cannot be undeleted any more")
		}
		if err := update(ctx, t, &old, &changed); err != nil {
			return err
		}
		if err := t.changeHolds(ctx, &old, answer.Set.Holds); err != nil {
			return err
		}
		if _, out, err = s.wholeSet(ctx, t, tenant, old.ID); err != nil {
			return err
		}
		return t.trail(tenant, answer.Trail)
	})
	if err != nil {
		return backupset.BackupSet{}, err
	}
	return out, nil
}

// changeHolds makes the holds of a set those that are wanted.
func (t *tx) changeHolds(ctx context.Context, set *setRow, wanted []backupset.Hold) error {
	stored, err := find[holdRow](ctx, t.s, t, "WHERE t.set_id = ?", set.ID)
	if err != nil {
		return err
	}
	left := map[string]holdRow{}
	for _, h := range stored {
		left[h.Name.text] = h
	}
	var added []holdRow
	seen := map[string]bool{}
	for _, h := range wanted {
		if seen[h.Name] {
			return runs.Invalid("holds", "hold_exists", "names are unique within a set")
		}
		seen[h.Name] = true
		changed := holdRowOf(set, h)
		old, exists := left[h.Name]
		if !exists {
			added = append(added, changed)
			continue
		}
		delete(left, h.Name)
		if err := update(ctx, t, &old, &changed); err != nil {
			return err
		}
	}
	for _, h := range stored {
		if _, gone := left[h.Name.text]; gone {
			if err := remove(ctx, t, &h); err != nil {
				return err
			}
		}
	}
	return insert(ctx, t, added...)
}
