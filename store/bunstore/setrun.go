package bunstore

import (
	"context"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// CreateSetRun implements [runs.RunStore].
func (s *Store) CreateSetRun(ctx context.Context, tenant graph.TenantID, run runs.Run, setName string, trail runs.Trail) (stored runs.Run, created bool, err error) {
	var f fields
	set := setRow{
		TenantID: f.tenant(tenant), ID: f.key("backup_set_id", run.BackupSetID), Name: text(setName), RunID: f.key("id", run.ID),
		ScheduledFor: tsOf(run.CreatedAt), Status: text(backupset.Building), CreatedAt: tsOf(run.CreatedAt),
	}
	if run.ScheduleID != "" {
		f.bad.Add("schedule_id", "not_allowed", "must be empty: a manual set is of no schedule")
	}
	if run.Status != runs.StatusQueued {
		f.bad.Add("status", "status_invalid", "must be queued: a run that has ended fills no set")
	}
	if err := f.bad.Err(); err != nil {
		return runs.Run{}, false, err
	}
	return s.createRun(ctx, tenant, run, &set, trail)
}
