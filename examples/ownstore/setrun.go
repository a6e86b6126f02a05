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
		return runs.Run{}, false, runs.Invalid("run", "set_run_invalid", "must be queued, name a set and no schedule")
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
