package bunstore

import (
	"context"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

const groupTail = "WHERE t.tenant_id = ? AND t.schedule_id = ? AND t.deleted_at IS NULL ORDER BY t.scheduled_for, t.id"

// ListGroup implements [backupset.GroupStore].
func (s *Store) ListGroup(ctx context.Context, tenant graph.TenantID, schedule runs.ID) ([]backupset.BackupSet, error) {
	return s.sets(ctx, tenant, s.inGroup, groupTail, ident(tenant), uidOf(schedule))
}

// ChangeGroup implements [backupset.GroupStore].
func (s *Store) ChangeGroup(ctx context.Context, tenant graph.TenantID, schedule runs.ID, decide func(now time.Time, sets []backupset.BackupSet) (backupset.GroupChange, error)) (dropped int, err error) {
	err = s.change(ctx, tenant, func(ctx context.Context, t *tx) error {
		dropped = 0
		rows, err := find[setRow](ctx, s, t, groupTail+s.locking(t), ident(tenant), uidOf(schedule))
		if err != nil {
			return err
		}
		sets, err := s.inGroup(ctx, t, rows)
		if err != nil {
			return err
		}
		at := make(map[runs.ID]int, len(sets))
		for i, set := range sets {
			at[set.ID] = i
		}
		held := make([]bool, len(sets)) // decide may change what it is given
		for i, set := range sets {
			held[i] = len(set.Holds) > 0 || set.InUse
		}
		answer, err := decide(t.now, sets)
		if err != nil {
			return err
		}
		for _, id := range answer.Drop {
			i, ok := at[id]
			if !ok {
				return runs.Conflict("set_not_in_group", "a backup set to drop is not, or no longer, one of the schedule's")
			}
			delete(at, id) // naming it again is a mistake
			if rows[i].Status == text(backupset.Building) || held[i] {
				return runs.Conflict("set_protected", "a backup set to drop is being captured, held or in use")
			}
			changed := rows[i]
			changed.DeletedAt, changed.DeletedReason = tsOf(t.now), text(answer.Reason[id])
			if err := update(ctx, t, &rows[i], &changed); err != nil {
				return err
			}
			dropped++
		}
		return t.trail(tenant, answer.Trail)
	})
	if err != nil {
		return 0, err
	}
	return dropped, nil
}

// PurgeableSets implements [backupset.SystemStore].
func (s *Store) PurgeableSets(ctx context.Context, deletedBefore time.Time, after runs.ID, n int) (list []backupset.TenantSet, err error) {
	c := where("t.deleted_at IS NOT NULL AND t.deleted_at < ?", tsOf(deletedBefore))
	if after != "" {
		c.and("t.id > ?", uidOf(after))
	}
	err = s.view(ctx, everybody, func(q querier) error {
		return s.keys(ctx, q, setsTable, c, n, func(tenant graph.TenantID, id runs.ID) {
			list = append(list, backupset.TenantSet{TenantID: tenant, ID: id})
		})
	})
	return list, err
}

// Groups implements [backupset.SystemStore].
func (s *Store) Groups(ctx context.Context, after runs.ID, n int) (list []backupset.TenantGroup, err error) {
	c := where("t.deleted_at IS NULL AND t.status <> 'building' AND t.schedule_id IS NOT NULL")
	if after != "" {
		c.and("t.schedule_id > ?", uidOf(after))
	}
	err = s.view(ctx, everybody, func(q querier) error {
		rows, err := q.QueryContext(ctx, s.sql("SELECT DISTINCT t.schedule_id, t.tenant_id FROM {backup_sets} AS t "+c.clause+" ORDER BY t.schedule_id"+limit(n)), c.args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var schedule uid
			var tenant ident
			if err := rows.Scan(s.dialect.dest(&schedule), s.dialect.dest(&tenant)); err != nil {
				return err
			}
			list = append(list, backupset.TenantGroup{TenantID: graph.TenantID(tenant), ScheduleID: schedule.id()})
		}
		return rows.Err()
	})
	return list, err
}
