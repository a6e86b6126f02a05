package backupsched

import (
	"context"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// Store keeps schedules. The rules of [runs.Store] on tenants and concurrency hold here
// too.
type Store interface {
	ScheduleStore
	DispatchStore
}

// ScheduleChange is what a [ScheduleChangeFunc] decided.
type ScheduleChange struct {
	Schedule Schedule
	Trail    runs.Trail
}

// ScheduleChangeFunc decides how a schedule changes; see [runs.ChangeFunc] for its rules.
type ScheduleChangeFunc func(now time.Time, current Schedule) (ScheduleChange, error)

// ScheduleStore keeps the rows of schedules.
type ScheduleStore interface {
	// CreateSchedule stores a new schedule together with its trail. An id that exists is
	// ErrConflict.
	CreateSchedule(ctx context.Context, tenant graph.TenantID, s Schedule, trail runs.Trail) error

	// GetSchedule returns a schedule, also a deleted one, or ErrNotFound.
	GetSchedule(ctx context.Context, tenant graph.TenantID, id runs.ID) (Schedule, error)

	// ListSchedules returns schedules, those that are not deleted unless the filter says
	// otherwise, in the order of its Sort, whose Keyset is what pages go on after, one row more
	// than the limit when there are more.
	ListSchedules(ctx context.Context, tenant graph.TenantID, filter Filter, slice runs.Slice) ([]Schedule, error)

	// ChangeSchedule locks a schedule, asks change, and stores the answer and its trail in
	// one transaction. Deleted ones are passed to change as well.
	ChangeSchedule(ctx context.Context, tenant graph.TenantID, id runs.ID, change ScheduleChangeFunc) (Schedule, error)
}

// Plan is what the dispatcher decided for one due schedule.
type Plan struct {
	Runs      []runs.Run // to insert: at most one queued and one skipped
	NextRunAt time.Time  // strictly after now, or zero to stop the schedule's clockwork
	Trail     runs.Trail // entries of the schedule's tenant
}

// Chunk is one transaction's worth of dispatching.
type Chunk struct {
	Now   time.Time
	Limit int // schedules at most

	// Plan decides for one due schedule. It is pure and never fails: what cannot be
	// planned gets no run and a zero NextRunAt.
	Plan func(Schedule) Plan

	// Cycle makes the aggregated audit entry of [runs.SystemTenant] from what the chunk
	// did; it is not called when nothing was due.
	Cycle func(ChunkResult) runs.AuditEntry
}

// ChunkResult says what a chunk did.
type ChunkResult struct {
	Due       int        // schedules looked at
	Inserted  []runs.Job // jobs of the queued runs that were inserted
	Skipped   int        // skipped runs inserted (missed slots)
	Conflicts int        // slots that had a run already: a normal outcome

	// Damaged are schedules that seem to be due and cannot be read. They are neither among
	// Due nor within the Limit, and stay as they are.
	Damaged []runs.DamagedRow
}

// DispatchStore is what the engine asks across tenants.
type DispatchStore interface {
	// DispatchDue takes up to Limit enabled schedules of all tenants whose NextRunAt is
	// not after Now, oldest first, that no other dispatcher holds, and in one transaction
	// plans each, inserts its runs unless the (schedule, slot) has one, moves NextRunAt
	// and writes the trails. A skipped run that is inserted moves the schedule's last run,
	// as in [runs.RunStore]. Each schedule is given to one caller only. A damaged one keeps
	// nobody else's from being dispatched.
	DispatchDue(ctx context.Context, chunk Chunk) (ChunkResult, error)

	// EnabledSchedules returns enabled schedules of all tenants ordered by id, after the
	// given id. Damaged ones are left out: DispatchDue reports them when they are due.
	EnabledSchedules(ctx context.Context, after runs.ID, limit int) ([]Schedule, error)
}
