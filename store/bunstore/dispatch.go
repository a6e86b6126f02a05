package bunstore

import (
	"context"
	"slices"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// DispatchDue implements [backupsched.DispatchStore]: one transaction reads the due rows,
// inserts the runs, moves the schedules and writes the trail.
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
		for part := range slices.Chunk(due, blockSize) {
			if err := t.dispatch(ctx, part, chunk.Plan, &result); err != nil {
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

// blockSize is how many schedules are planned before they are written: enough for long
// statements, few enough to stay in the processor's cache.
const blockSize = 2 * rowsPerStatement

// block is a part of a chunk with what was planned for it.
type block struct {
	due, moved []scheduleRow // as they were, and with their next run
	runs       []runRow
	of         []int // for each run the index of its schedule
	trails     []runs.Trail
}

// plan asks for each schedule what to do.
func (b *block) plan(plan func(backupsched.Schedule) backupsched.Plan) error {
	b.trails = make([]runs.Trail, len(b.moved))
	for i := range b.moved {
		s, err := b.moved[i].schedule()
		if err != nil {
			return err
		}
		p := plan(s)
		for _, r := range p.Runs {
			r.TenantID, r.ScheduleID = s.TenantID, s.ID
			row, err := runRowOf(r)
			if err != nil {
				return err
			}
			b.runs, b.of = append(b.runs, row), append(b.of, i)
		}
		b.moved[i].NextRunAt, b.trails[i] = tsOf(p.NextRunAt), p.Trail
	}
	return nil
}

// dispatch plans schedules, inserts the runs whose slot is free, notes those that ended at
// once, and moves the schedules.
func (t *tx) dispatch(ctx context.Context, due []scheduleRow, plan func(backupsched.Schedule) backupsched.Plan, result *backupsched.ChunkResult) error {
	b := block{due: due, moved: slices.Clone(due)}
	if err := b.plan(plan); err != nil {
		return err
	}
	added, err := insertNew(ctx, t, b.runs)
	if err != nil {
		return err
	}
	for i := range b.runs {
		r := &b.runs[i]
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
			b.moved[b.of[i]].noteRun(r)
		}
	}
	for i := range b.due {
		if err := update(ctx, t, &b.due[i], &b.moved[i]); err != nil {
			return err
		}
		if err := t.trail(graph.TenantID(b.due[i].TenantID), b.trails[i]); err != nil {
			return err
		}
	}
	return nil
}
