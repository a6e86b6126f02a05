package main

import (
	"context"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// CreateSetRun implements [runs.RunStore].
func (m *Memory) CreateSetRun(ctx context.Context, tenant graph.TenantID, run runs.Run, setName string, trail runs.Trail) (runs.Run, bool, error) {
	if err := m.lock(ctx); err != nil {
		return runs.Run{}, false, err
	}
	defer m.mu.Unlock()
	if run.BackupSetID == "" || run.ScheduleID != "" || run.Status != runs.StatusQueued {
		return runs.Run{}, false, runs.Invalid("status", "status_invalid", "must be queued, name a set and no schedule")
	}
	if same, ok := m.sameStart(tenant, run); ok {
		return same, false, nil
	}
	if _, ok := m.sets[run.BackupSetID]; ok {
		return runs.Run{}, false, runs.Conflict("set_exists", "take another id")
	}
	stored, created, err := m.createRun(tenant, run, trail)
	if created {
		m.sets.put(tenant, run.BackupSetID, backupset.BackupSet{
			ID: run.BackupSetID, TenantID: tenant, Name: setName, RunID: run.ID, Status: backupset.Building,
			ScheduledFor: run.CreatedAt, CreatedAt: run.CreatedAt,
		})
	}
	return stored, created, err
}

// CreateBatch implements [runs.RunStore].
func (m *Memory) CreateBatch(ctx context.Context, tenant graph.TenantID, batch []runs.NewRun, notice func(created int) runs.Notification) ([]runs.StoredRun, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	if len(batch) == 0 {
		return nil, runs.Invalid("batch", "batch_size", "needs at least one run")
	}
	ids := map[runs.ID]bool{}
	for _, b := range batch { // all or none
		if _, err := m.schedules.get(tenant, b.Run.ScheduleID); err != nil && b.Run.ScheduleID != "" {
			return nil, err
		}
		if _, taken := m.runs[b.Run.ID]; taken || ids[b.Run.ID] {
			return nil, runs.Conflict("run_exists", "take another id")
		}
		ids[b.Run.ID] = true
	}
	stored, created := make([]runs.StoredRun, len(batch)), 0
	for i, b := range batch {
		var err error
		if stored[i].Run, stored[i].Created, err = m.createRun(tenant, b.Run, b.Trail); err != nil {
			return nil, err
		}
		if stored[i].Created {
			created++
		}
	}
	if created > 0 {
		m.write(tenant, runs.Trail{Notifications: []runs.Notification{notice(created)}})
	}
	return stored, nil
}
