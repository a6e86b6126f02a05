package bunstore

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// DispatchDue implements [backupsched.DispatchStore]: one transaction reads the due rows,
// inserts the runs, moves the schedules and writes the trail.
func (s *Store) DispatchDue(ctx context.Context, chunk backupsched.Chunk) (result backupsched.ChunkResult, err error) {
	if err := s.ready(ctx); err != nil {
		return backupsched.ChunkResult{}, err
	}
	err = s.transact(ctx, everybody, s.dialect.dispatchSettings(), func(ctx context.Context, t *tx) error {
		// Whether a row can be a schedule is only seen when it is planned: what cannot must not
		// use up the chunk either.
		for places := chunk.Limit; ; places += chunk.Limit {
			due, damaged, err := findSoundN[scheduleRow](ctx, s, t, places,
				"WHERE t.enabled = ? AND t.deleted_at IS NULL AND t.next_run_at <= ? ORDER BY t.next_run_at, t.tenant_id, t.id", s.dialect.lock(lockSkip),
				flag(true), tsOf(chunk.Now))
			if err != nil {
				return err
			}
			result = backupsched.ChunkResult{Due: len(due), Damaged: damaged}
			if err := t.dispatchAll(ctx, due, chunk.Plan, &result); err != nil {
				return err
			}
			if result.Due > 0 {
				break
			}
			if len(due) == 0 || len(due) < places {
				return nil
			}
		}
		if err := t.enqueue(ctx, result.Inserted...); err != nil {
			return err
		}
		return t.trail(runs.SystemTenant, runs.Trail{Audit: []runs.AuditEntry{chunk.Cycle(result)}})
	})
	if err != nil {
		return backupsched.ChunkResult{}, err
	}
	result.Damaged = s.judged(ctx, result.Damaged)
	return result, nil
}

// block is a part of a chunk with what was planned for it.
type block struct {
	due, moved []scheduleRow // as they were, and with their next run
	runs       []runRow
	of         []int // for each run the index of its schedule
	batch      batch // the runs as they will be stored; nil when there are none
	trails     []runs.Trail
	damaged    []runs.DamagedRow
	err        error
}

// dispatchAll writes one block while the next one is being planned, so that both
// processors of a small machine have work. Plan is called by one goroutine, which has
// ended when dispatchAll returns.
func (t *tx) dispatchAll(ctx context.Context, due []scheduleRow, plan func(backupsched.Schedule) backupsched.Plan, result *backupsched.ChunkResult) error {
	planned := make(chan *block, 2)
	stop := make(chan struct{})
	var planner sync.WaitGroup
	planner.Go(func() {
		defer close(planned)
		for part := range slices.Chunk(due, t.s.dialect.blockSize()) {
			b := &block{}
			b.err = b.plan(t.s.dialect, part, plan)
			select {
			case planned <- b:
			case <-stop:
				return
			}
		}
	})
	defer planner.Wait()
	defer close(stop)
	for b := range planned {
		if b.err != nil {
			return b.err
		}
		result.Due -= len(b.damaged)
		result.Damaged = append(result.Damaged, b.damaged...)
		if err := t.dispatch(ctx, b, result); err != nil {
			return err
		}
	}
	return nil
}

// plan asks for each schedule what to do.
func (b *block) plan(d sqlDialect, due []scheduleRow, plan func(backupsched.Schedule) backupsched.Plan) error {
	b.due, b.moved = make([]scheduleRow, 0, len(due)), make([]scheduleRow, 0, len(due))
	b.trails = make([]runs.Trail, 0, len(due))
	for i := range due {
		s, err := due[i].schedule()
		if err != nil {
			b.damaged = append(b.damaged, damagedRow(&due[i], err))
			continue
		}
		p := plan(s)
		for _, r := range p.Runs {
			r.TenantID, r.ScheduleID = s.TenantID, s.ID
			row, err := runRowOf(r)
			if err != nil {
				return err
			}
			b.runs, b.of = append(b.runs, row), append(b.of, len(b.due))
		}
		moved := due[i]
		moved.NextRunAt = tsOf(p.NextRunAt)
		b.due, b.moved, b.trails = append(b.due, due[i]), append(b.moved, moved), append(b.trails, p.Trail)
	}
	if len(b.runs) > 0 {
		b.batch = encode(d, b.runs)
	}
	return nil
}

// dispatch inserts the planned runs whose slot is free, notes those that ended at once, and
// moves the schedules.
func (t *tx) dispatch(ctx context.Context, b *block, result *backupsched.ChunkResult) error {
	var added []bool
	if b.batch != nil {
		var err error
		if added, err = t.insert(ctx, b.batch, true); err != nil {
			return err
		}
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
	if err := t.moveAll(ctx, b); err != nil {
		return err
	}
	for i := range b.due {
		if err := t.trail(graph.TenantID(b.due[i].TenantID), b.trails[i]); err != nil {
			return err
		}
	}
	return nil
}

// moveAll writes the schedules of a block: those of which only the next run has changed,
// which is nearly always all, in one statement.
func (t *tx) moveAll(ctx context.Context, b *block) error {
	moved := make([]*scheduleRow, 0, len(b.due))
	for i := range b.due {
		if b.due[i].LastRunAt != b.moved[i].LastRunAt || b.due[i].LastRunID != b.moved[i].LastRunID || b.due[i].LastRunStatus != b.moved[i].LastRunStatus {
			if err := update(ctx, t, &b.due[i], &b.moved[i]); err != nil {
				return err
			}
			continue
		}
		moved = append(moved, &b.moved[i])
	}
	if len(moved) == 0 {
		return nil
	}
	n, err := t.s.dialect.moveSchedules(ctx, t, moved)
	if err == nil && n != int64(len(moved)) {
		err = fmt.Errorf("%d of %d rows were there", n, len(moved))
	}
	if err != nil {
		return fmt.Errorf("store: moving schedules: %w", err)
	}
	return nil
}
