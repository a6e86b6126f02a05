package bunstore

import (
	"context"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// DispatchDue implements [backupsched.DispatchStore]. Four kinds of statements in one
// transaction: read the due rows, insert the runs, move the schedules, write the trail.
func (s *Store) DispatchDue(ctx context.Context, chunk backupsched.Chunk) (result backupsched.ChunkResult, err error) {
	err = s.change(ctx, func(ctx context.Context, t *tx) error {
		result = backupsched.ChunkResult{}
		due, err := find[scheduleRow](ctx, s, t,
			"WHERE t.enabled = 1 AND t.deleted_at IS NULL AND t.next_run_at <= ? ORDER BY t.next_run_at, t.tenant_id, t.id"+limit(chunk.Limit),
			tsOf(chunk.Now))
		if err != nil || len(due) == 0 {
			return err
		}
		result.Due = len(due)
		moved := make([]scheduleRow, len(due))
		copy(moved, due)
		planned, err := t.plan(chunk, moved)
		if err != nil {
			return err
		}
		if err := t.startPlanned(ctx, planned, moved, &result); err != nil {
			return err
		}
		for i := range due {
			if err := update(ctx, t, &due[i], &moved[i]); err != nil {
				return err
			}
		}
		return t.trail(runs.SystemTenant, runs.Trail{Audit: []runs.AuditEntry{chunk.Cycle(result)}})
	})
	if err != nil {
		return backupsched.ChunkResult{}, err
	}
	return result, nil
}

// plannedRuns are the runs of a chunk, with the index of the schedule that each is of.
type plannedRuns struct {
	rows []runRow
	of   []int
}

// plan asks for each schedule what to do and moves its next run.
func (t *tx) plan(chunk backupsched.Chunk, schedules []scheduleRow) (plannedRuns, error) {
	planned := plannedRuns{rows: make([]runRow, 0, len(schedules)), of: make([]int, 0, len(schedules))}
	for i := range schedules {
		s, err := schedules[i].schedule()
		if err != nil {
			return plannedRuns{}, err
		}
		p := chunk.Plan(s)
		for _, r := range p.Runs {
			r.TenantID, r.ScheduleID = s.TenantID, s.ID
			row, err := runRowOf(r)
			if err != nil {
				return plannedRuns{}, err
			}
			planned.rows = append(planned.rows, row)
			planned.of = append(planned.of, i)
		}
		schedules[i].NextRunAt = tsOf(p.NextRunAt)
		if err := t.trail(s.TenantID, p.Trail); err != nil {
			return plannedRuns{}, err
		}
	}
	return planned, nil
}

// startPlanned inserts the runs whose slot is free and notes those that ended at once.
func (t *tx) startPlanned(ctx context.Context, planned plannedRuns, schedules []scheduleRow, result *backupsched.ChunkResult) error {
	added, err := insertNew(ctx, t, planned.rows)
	if err != nil {
		return err
	}
	for i := range planned.rows {
		r := &planned.rows[i]
		switch {
		case !added[i]:
			result.Conflicts++
			continue
		case r.Status == text(runs.StatusQueued):
			result.Inserted = append(result.Inserted, runs.Job{
				TenantID: graph.TenantID(r.TenantID), RunID: r.ID.id(), NotBefore: r.NotBefore.time(),
			})
		case r.Status == text(runs.StatusSkipped):
			result.Skipped++
		}
		if r.endsBackup() {
			schedules[planned.of[i]].noteRun(r)
		}
	}
	return nil
}
