package main

import (
	"cmp"
	"context"
	"slices"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// CreateSchedule implements [backupsched.ScheduleStore].
func (m *Memory) CreateSchedule(ctx context.Context, tenant graph.TenantID, s backupsched.Schedule, trail runs.Trail) error {
	if err := m.lock(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	if _, ok := m.schedules[s.ID]; ok {
		return runs.Conflict("schedule_exists", "take another id")
	}
	s.TenantID = tenant
	m.schedules.put(tenant, s.ID, s)
	m.write(tenant, trail)
	return nil
}

// GetSchedule implements [backupsched.ScheduleStore].
func (m *Memory) GetSchedule(ctx context.Context, tenant graph.TenantID, id runs.ID) (backupsched.Schedule, error) {
	if err := m.lock(ctx); err != nil {
		return backupsched.Schedule{}, err
	}
	defer m.mu.Unlock()
	return m.schedules.get(tenant, id)
}

// ListSchedules implements [backupsched.ScheduleStore].
func (m *Memory) ListSchedules(ctx context.Context, tenant graph.TenantID, filter backupsched.Filter, slice runs.Slice) ([]backupsched.Schedule, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	list := m.schedules.where(tenant, func(s backupsched.Schedule) bool {
		return (filter.WithDeleted || !s.Deleted()) && among(filter.IDs, s.ID) && contains(s.Name, filter.Search) && is(filter.Status, s.LastRunStatus) &&
			(filter.Enabled == nil || *filter.Enabled == s.Enabled)
	})
	return page(list, slice, filter.Sort.Keyset, scheduleOrder(filter.Sort)), nil
}

// scheduleOrder compares the keysets of a sort: by name, or by a time as a number.
func scheduleOrder(sort backupsched.Sort) func(a, b runs.Keyset) int {
	up := byNumber
	if sort.Up() == backupsched.SortName {
		up = byText
	}
	if sort.Down() {
		return func(a, b runs.Keyset) int { return up(b, a) }
	}
	return up
}

// ChangeSchedule implements [backupsched.ScheduleStore].
func (m *Memory) ChangeSchedule(ctx context.Context, tenant graph.TenantID, id runs.ID, change backupsched.ScheduleChangeFunc) (backupsched.Schedule, error) {
	if err := m.lock(ctx); err != nil {
		return backupsched.Schedule{}, err
	}
	defer m.mu.Unlock()
	current, err := m.schedules.get(tenant, id)
	if err != nil {
		return backupsched.Schedule{}, err
	}
	c, err := change(m.now(), current)
	if err != nil {
		return backupsched.Schedule{}, err
	}
	c.Schedule.ID, c.Schedule.TenantID = id, tenant
	m.schedules.put(tenant, id, c.Schedule)
	m.write(tenant, c.Trail)
	return m.schedules.get(tenant, id)
}

// DispatchDue implements [backupsched.DispatchStore].
func (m *Memory) DispatchDue(ctx context.Context, chunk backupsched.Chunk) (backupsched.ChunkResult, error) {
	if err := m.lock(ctx); err != nil {
		return backupsched.ChunkResult{}, err
	}
	defer m.mu.Unlock()
	due := m.schedules.everywhere(func(s backupsched.Schedule) bool {
		return s.Enabled && !s.Deleted() && !s.NextRunAt.IsZero() && !s.NextRunAt.After(chunk.Now)
	})
	slices.SortFunc(due, func(a, b backupsched.Schedule) int {
		return cmp.Or(a.NextRunAt.Compare(b.NextRunAt), cmp.Compare(a.ID, b.ID))
	})
	due = due[:min(len(due), chunk.Limit)]

	result := backupsched.ChunkResult{Due: len(due)}
	for _, s := range due {
		plan := chunk.Plan(s)
		s.NextRunAt = plan.NextRunAt
		m.schedules.put(s.TenantID, s.ID, s)
		for _, r := range plan.Runs {
			r.TenantID = s.TenantID
			_, taken := m.sameStart(s.TenantID, r)
			if _, exists := m.runs[r.ID]; taken || exists {
				result.Conflicts++
				continue
			}
			m.runs.put(s.TenantID, r.ID, r)
			if r.Status.Terminal() {
				m.moveLastRun(s.TenantID, keep(r))
				result.Skipped++
				continue
			}
			result.Inserted = append(result.Inserted, runs.Job{TenantID: s.TenantID, RunID: r.ID, NotBefore: keep(r.NotBefore)})
		}
		m.write(s.TenantID, plan.Trail)
	}
	if len(due) > 0 {
		m.write(runs.SystemTenant, runs.Trail{Audit: []runs.AuditEntry{chunk.Cycle(result)}})
	}
	return result, nil
}

// EnabledSchedules implements [backupsched.DispatchStore].
func (m *Memory) EnabledSchedules(ctx context.Context, after runs.ID, limit int) ([]backupsched.Schedule, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	list := m.schedules.everywhere(func(s backupsched.Schedule) bool { return s.Enabled && !s.Deleted() })
	return following(list, after, limit, func(s backupsched.Schedule) runs.ID { return s.ID }), nil
}
