package store

import (
	"context"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// CreateSchedule implements [backupsched.ScheduleStore].
func (o observed) CreateSchedule(ctx context.Context, tenant graph.TenantID, s backupsched.Schedule, trail runs.Trail) (err error) {
	ctx, call := o.begin(ctx, "CreateSchedule", tenant)
	defer call.done(&err)
	return o.Store.CreateSchedule(ctx, tenant, s, trail)
}

// GetSchedule implements [backupsched.ScheduleStore].
func (o observed) GetSchedule(ctx context.Context, tenant graph.TenantID, id runs.ID) (_ backupsched.Schedule, err error) {
	ctx, call := o.begin(ctx, "GetSchedule", tenant)
	defer call.done(&err)
	return o.Store.GetSchedule(ctx, tenant, id)
}

// ListSchedules implements [backupsched.ScheduleStore].
func (o observed) ListSchedules(ctx context.Context, tenant graph.TenantID, filter backupsched.Filter, slice runs.Slice) (_ []backupsched.Schedule, err error) {
	ctx, call := o.begin(ctx, "ListSchedules", tenant)
	defer call.done(&err)
	return o.Store.ListSchedules(ctx, tenant, filter, slice)
}

// ChangeSchedule implements [backupsched.ScheduleStore].
func (o observed) ChangeSchedule(ctx context.Context, tenant graph.TenantID, id runs.ID, change backupsched.ScheduleChangeFunc) (_ backupsched.Schedule, err error) {
	ctx, call := o.begin(ctx, "ChangeSchedule", tenant)
	defer call.done(&err)
	return o.Store.ChangeSchedule(ctx, tenant, id, func(now time.Time, cur backupsched.Schedule) (answer backupsched.ScheduleChange, err error) {
		answer, err = change(now, cur)
		call.refused = err != nil
		return answer, err
	})
}

// DispatchDue implements [backupsched.DispatchStore].
func (o observed) DispatchDue(ctx context.Context, chunk backupsched.Chunk) (_ backupsched.ChunkResult, err error) {
	ctx, call := o.begin(ctx, "DispatchDue", "")
	defer call.done(&err)
	return o.Store.DispatchDue(ctx, chunk)
}

// EnabledSchedules implements [backupsched.DispatchStore].
func (o observed) EnabledSchedules(ctx context.Context, after runs.ID, limit int) (_ []backupsched.Schedule, err error) {
	ctx, call := o.begin(ctx, "EnabledSchedules", "")
	defer call.done(&err)
	return o.Store.EnabledSchedules(ctx, after, limit)
}
