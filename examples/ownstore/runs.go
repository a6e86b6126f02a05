package main

import (
	"context"
	"maps"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// CreateRun implements [runs.RunStore].
func (m *Memory) CreateRun(ctx context.Context, tenant graph.TenantID, run runs.Run, trail runs.Trail) (runs.Run, bool, error) {
	if err := m.lock(ctx); err != nil {
		return runs.Run{}, false, err
	}
	defer m.mu.Unlock()
	return m.createRun(tenant, run, trail)
}

// createRun stores a run unless another one stands for it.
func (m *Memory) createRun(tenant graph.TenantID, run runs.Run, trail runs.Trail) (runs.Run, bool, error) {
	if same, ok := m.sameStart(tenant, run); ok {
		return same, false, nil
	}
	if _, ok := m.runs[run.ID]; ok {
		return runs.Run{}, false, runs.Conflict("run_exists", "take another id")
	}
	run.TenantID = tenant
	m.runs.put(tenant, run.ID, run)
	m.write(tenant, trail)
	stored, err := m.runs.get(tenant, run.ID)
	return stored, true, err
}

// sameStart finds the run that stands for the start of another: an active one with its key,
// or any one of its slot.
func (m *Memory) sameStart(tenant graph.TenantID, run runs.Run) (runs.Run, bool) {
	run = keep(run)
	list := m.runs.where(tenant, func(r runs.Run) bool {
		sameKey := r.Status.Active() && r.Key == run.Key
		sameSlot := run.ScheduleID != "" && !run.ScheduledFor.IsZero() &&
			r.ScheduleID == run.ScheduleID && r.ScheduledFor.Equal(run.ScheduledFor)
		return sameKey || sameSlot
	})
	if len(list) == 0 {
		return runs.Run{}, false
	}
	return list[0], true
}

// GetRun implements [runs.RunStore].
func (m *Memory) GetRun(ctx context.Context, tenant graph.TenantID, id runs.ID) (runs.Run, error) {
	if err := m.lock(ctx); err != nil {
		return runs.Run{}, err
	}
	defer m.mu.Unlock()
	return m.runs.get(tenant, id)
}

// ListRuns implements [runs.RunStore].
func (m *Memory) ListRuns(ctx context.Context, tenant graph.TenantID, filter runs.RunFilter, slice runs.Slice) ([]runs.Run, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	list := m.runs.where(tenant, func(r runs.Run) bool {
		return among(filter.IDs, r.ID) && among(filter.Kinds, r.Kind) && among(filter.Statuses, r.Status) && among(filter.Triggers, r.Trigger) &&
			is(filter.ScheduleID, r.ScheduleID) && is(filter.BatchID, r.BatchID) && !r.CreatedAt.Before(filter.From) &&
			(filter.To.IsZero() || r.CreatedAt.Before(filter.To)) &&
			!(r.Status == runs.StatusSuccess && slices.Contains(filter.ExceptSuccessOf, r.Kind))
	})
	return page(list, slice, func(r runs.Run) runs.Keyset { return timeKey(r.CreatedAt, r.ID) }, newestFirst), nil
}

// ChangeRun implements [runs.RunStore].
func (m *Memory) ChangeRun(ctx context.Context, tenant graph.TenantID, id runs.ID, change runs.ChangeFunc) (runs.Run, error) {
	if err := m.lock(ctx); err != nil {
		return runs.Run{}, err
	}
	defer m.mu.Unlock()
	current, err := m.runs.get(tenant, id)
	if err != nil {
		return runs.Run{}, err
	}
	now, status := m.now(), current.Status
	c, err := change(now, current, m.room(current, now))
	switch {
	case err != nil:
		return runs.Run{}, err
	case status.Terminal():
		return runs.Run{}, runs.Conflict("run_finished", "the run has ended; start another one")
	case c.Run.Status == runs.StatusRunning && (m.runsBeside(current) || m.laneHeld(current, c.Run.Lane)):
		return runs.Run{}, runs.ErrBusy
	}
	c.Run.ID, c.Run.TenantID = id, tenant
	m.runs.put(tenant, id, c.Run)
	m.closeSet(tenant, c.Run)
	m.moveLastRun(tenant, keep(c.Run))
	m.write(tenant, c.Trail)
	return m.runs.get(tenant, id)
}

// moveLastRun notes at the schedule that a backup of it has ended, unless another one is
// noted that finished later.
func (m *Memory) moveLastRun(tenant graph.TenantID, r runs.Run) {
	s, err := m.schedules.get(tenant, r.ScheduleID)
	if err != nil || r.Kind != runs.KindBackup || !r.Status.Terminal() || s.LastRunAt.After(r.FinishedAt) {
		return
	}
	s.LastRunAt, s.LastRunID, s.LastRunStatus = r.FinishedAt, r.ID, r.Status
	m.schedules.put(tenant, s.ID, s)
}

// closeSet makes the set of a run that has ended partial, if it is still being built.
func (m *Memory) closeSet(tenant graph.TenantID, r runs.Run) {
	s, err := m.sets.get(tenant, r.BackupSetID)
	if err != nil || !r.Status.Terminal() || s.Status != backupset.Building {
		return
	}
	items := map[graph.PolicyType]int{}
	for _, i := range m.setItems[s.ID] {
		items[i.Type]++
	}
	for i := range s.Types {
		t := &s.Types[i]
		t.Captured = items[t.Type]
		t.Listed = max(t.Listed, t.Captured+t.Failed+t.Skipped)
		delete(items, t.Type)
	}
	for _, t := range slices.Sorted(maps.Keys(items)) {
		s.Types = append(s.Types, backupset.Manifest{Type: t, Listed: items[t], Captured: items[t]})
	}
	s.Status, s.Revision, s.ItemsCount, s.CompletedAt = backupset.Partial, 1, len(m.setItems[s.ID]), m.now()
	m.sets.put(tenant, s.ID, s)
}

// StrandedRuns implements [runs.SystemStore].
func (m *Memory) StrandedRuns(ctx context.Context, q runs.Stranded) ([]runs.Run, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	now := m.now()
	list := m.runs.everywhere(func(r runs.Run) bool {
		return r.Status == runs.StatusRunning && r.LeaseUntil.Before(now) ||
			r.Status == runs.StatusQueued && !r.UpdatedAt.After(q.QueuedBefore) &&
				(q.Lanes == 0 || !waits(r, now) || m.hasTurn(r, now, q.Lanes))
	})
	return following(list, q.After, q.Limit, func(r runs.Run) runs.ID { return r.ID }), nil
}
