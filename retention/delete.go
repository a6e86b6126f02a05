package retention

import (
	"context"
	"slices"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// DeletedManually is the DeletedReason of sets that a person deleted; those that retention
// dropped have the reason of their decision.
const DeletedManually = "manual"

// HoldUndeleted is the name of the hold that [Retention.Undelete] puts on a set that
// retention had dropped: without one the next apply would drop it again.
const HoldUndeleted = "undeleted"

// Delete soft-deletes a set on behalf of a person; it can be undeleted for the undo window.
// The conflicts are "set_building", "set_held", "set_in_use", and "last_complete_set" for the
// only complete set of a schedule that is not deleted itself. A set that is deleted already
// is [runs.ErrDeleted].
func (r *Retention) Delete(ctx context.Context, tenant graph.TenantID, actor runs.Actor, id runs.ID) (backupset.BackupSet, error) {
	if err := r.guard.Allow(ctx, tenant, actor, runs.ActionSetDelete, setTarget(id)); err != nil {
		return backupset.BackupSet{}, err
	}
	if !id.Valid() {
		return backupset.BackupSet{}, runs.ErrNotFound
	}
	set, err := r.store.GetSet(ctx, tenant, id)
	if err != nil {
		return backupset.BackupSet{}, err
	}
	if set.ScheduleID != "" {
		return r.deleteFromGroup(ctx, tenant, actor, set)
	}
	return r.store.ChangeSet(ctx, tenant, id, func(at time.Time, s backupset.BackupSet) (backupset.SetChange, error) {
		if err := deletable(&s); err != nil {
			return backupset.SetChange{}, err
		}
		s.DeletedAt, s.DeletedReason = at, DeletedManually
		return backupset.SetChange{Set: s, Trail: r.deletedTrail(tenant, actor, at, s)}, nil
	})
}

// deleteFromGroup deletes a schedule's set with its group locked, so that two people who
// delete the last two complete sets at once cannot both succeed.
func (r *Retention) deleteFromGroup(ctx context.Context, tenant graph.TenantID, actor runs.Actor, set backupset.BackupSet) (backupset.BackupSet, error) {
	if set.Deleted() {
		return backupset.BackupSet{}, runs.ErrDeleted
	}
	// Read outside of the transaction: a schedule that is deleted meanwhile only makes
	// this stricter than it had to be.
	alive, err := r.alive(ctx, tenant, set.ScheduleID)
	if err != nil {
		return backupset.BackupSet{}, err
	}
	types := set.Types // which a group need not have
	_, err = r.store.ChangeGroup(ctx, tenant, set.ScheduleID, func(at time.Time, sets []backupset.BackupSet) (backupset.GroupChange, error) {
		i := slices.IndexFunc(sets, func(s backupset.BackupSet) bool { return s.ID == set.ID })
		if i < 0 {
			return backupset.GroupChange{}, runs.ErrDeleted
		}
		set = sets[i]
		set.Types = types
		if err := deletable(&set); err != nil {
			return backupset.GroupChange{}, err
		}
		if alive && set.Status == backupset.Complete && !slices.ContainsFunc(sets, func(s backupset.BackupSet) bool {
			return s.ID != set.ID && s.Status == backupset.Complete
		}) {
			return backupset.GroupChange{}, runs.Conflict("last_complete_set", "this is the only complete backup set of its schedule; make another one first")
		}
		set.DeletedAt, set.DeletedReason = at, DeletedManually
		return backupset.GroupChange{
			Drop: []runs.ID{set.ID}, Reason: map[runs.ID]string{set.ID: DeletedManually},
			Trail: r.deletedTrail(tenant, actor, at, set),
		}, nil
	})
	if err != nil {
		return backupset.BackupSet{}, err
	}
	return set, nil
}

func deletable(s *backupset.BackupSet) error {
	switch {
	case s.Deleted():
		return runs.ErrDeleted
	case s.Status == backupset.Building:
		return runs.Conflict("set_building", "the set is being captured; cancel its run first")
	case len(s.Holds) > 0:
		return runs.Conflict("set_held", "a hold stands on the set; release it first")
	case s.InUse:
		return runs.Conflict("set_in_use", "an active restore or preview reads the set; wait for it to end")
	}
	return nil
}

func (r *Retention) deletedTrail(tenant graph.TenantID, actor runs.Actor, at time.Time, s backupset.BackupSet) runs.Trail {
	return r.setTrail(tenant, actor, at, "backup_set.deleted", s, map[string]string{"reason": DeletedManually})
}

// UndoWindow is how long a soft-deleted set can be taken back, from [Config.UndoWindow]. The set is
// purged by the first sweep after that.
func (r *Retention) UndoWindow() time.Duration { return r.cfg.UndoWindow }

// Undelete takes a soft delete back, within the undo window and before a purge has begun.
// A set that retention had dropped gets a hold named [HoldUndeleted] by the actor, to be
// released when it may go; one that a person had deleted comes back as it was. The
// conflicts are "set_not_deleted", "set_purging" and "undo_window_over".
func (r *Retention) Undelete(ctx context.Context, tenant graph.TenantID, actor runs.Actor, id runs.ID) (backupset.BackupSet, error) {
	if err := r.guard.Allow(ctx, tenant, actor, runs.ActionSetUndelete, setTarget(id)); err != nil {
		return backupset.BackupSet{}, err
	}
	return r.changeSet(ctx, tenant, id, func(at time.Time, s backupset.BackupSet) (backupset.SetChange, error) {
		switch {
		case !s.Deleted():
			return backupset.SetChange{}, runs.Conflict("set_not_deleted", "the set is not deleted")
		case !s.PurgingAt.IsZero():
			return backupset.SetChange{}, runs.Conflict("set_purging", "the set is being purged; it cannot come back")
		case s.DeletedAt.Before(at.Add(-r.cfg.UndoWindow)):
			return backupset.SetChange{}, runs.Conflict("undo_window_over", "the set was deleted too long ago and waits to be purged")
		}
		details := map[string]string{"deleted_reason": s.DeletedReason}
		trail := r.setTrail(tenant, actor, at, "backup_set.undeleted", s, details)
		if s.DeletedReason != DeletedManually && !slices.ContainsFunc(s.Holds, named(HoldUndeleted)) {
			const reason = "undeleted after retention had dropped it"
			s.Holds = append(slices.Clone(s.Holds), backupset.Hold{Name: HoldUndeleted, By: actor, Reason: reason, At: at})
			held := r.setTrail(tenant, actor, at, "backup_set.held", s, map[string]string{"name": HoldUndeleted, "reason": reason})
			trail.Audit = append(trail.Audit, held.Audit...)
		}
		s.DeletedAt, s.DeletedReason = time.Time{}, ""
		return backupset.SetChange{Set: s, Trail: trail}, nil
	})
}
