package runs

import (
	"context"
	"slices"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// Store keeps runs. It is composed of small roles; all methods are safe for concurrent
// use, and every method that takes a tenant sees that tenant's rows only: an id of another
// tenant is [ErrNotFound], as is an id that nobody has.
//
// The tenant of a row is the one of the call, whatever the record says, and neither it nor
// the id ever changes. Records that go in or come out share no memory with the store. Times
// are kept in UTC with microseconds, finer parts are cut off. A call whose context has
// ended already writes nothing and returns the context's error.
type Store interface {
	RunStore
	ItemStore
	AuditStore
	NotificationStore
	SystemStore
}

// Change is what a [ChangeFunc] decided.
type Change struct {
	Run   Run // the whole new row
	Trail Trail
}

// ChangeFunc decides how a run changes. It must be pure: a store may call it again with a
// newer row when its transaction was repeated.
//
// now is the time on the one clock that judges leases (the database's where there is one,
// else the store's Clock). room is what the tenant's other runs leave to this one. An error
// leaves everything as it is and is returned as it is.
type ChangeFunc func(now time.Time, current Run, room Room) (Change, error)

// Room is what a tenant's other runs leave to a queued run, and what became of those of its
// batch. For a run that is not queued all but Batch is zero.
type Room struct {
	// Busy tells, for a backup of a schedule, whether another backup of the schedule is
	// running, or queued with Attempt >= 1.
	Busy bool

	// Lanes are those that the tenant's running runs hold, ascending; nil for a run whose
	// kind does not use Graph.
	Lanes []int

	// Ahead counts the tenant's runs that wait for a lane and come before this one in the
	// order of [RunStore].WaitingRuns; 0 for a run whose kind does not use Graph.
	Ahead int

	// Batch counts the other runs of the run's batch by their status; nil for a run of no
	// batch. Of the runs of a batch that change at once each is told what the one before did.
	Batch map[Status]int
}

// Lane returns the lane that a run may take when its tenant has n of them, or 0 when it is
// not its turn. pick, uniform in [0, 1), chooses among the free ones, so that claims at the
// same instant seldom meet.
func (r Room) Lane(n int, pick float64) int {
	free := n - len(r.Lanes)
	if free <= r.Ahead {
		return 0
	}
	nth := min(int(pick*float64(free)), free-1)
	for lane := 1; ; lane++ {
		switch {
		case slices.Contains(r.Lanes, lane):
		case nth == 0:
			return lane
		default:
			nth--
		}
	}
}

// NewRun is a run that is to be stored with its trail.
type NewRun struct {
	Run   Run
	Trail Trail
}

// StoredRun is the run that is stored in place of a [NewRun].
type StoredRun struct {
	Run     Run
	Created bool // it is the new one
}

// RunStore keeps the rows of runs.
type RunStore interface {
	// CreateRun stores a new run together with its trail, unless the tenant has an active
	// run with the same Key, or any run of the same schedule and slot: then nothing is
	// written and that run is returned with created false. Two callers at once get the
	// same run. An id that exists in the tenant is an error.
	CreateRun(ctx context.Context, tenant graph.TenantID, run Run, trail Trail) (stored Run, created bool, err error)

	// CreateSetRun is CreateRun for a run that fills a manual backup set: when the run is
	// stored, the set run.BackupSetID, building and with the given name, is made in the same
	// transaction; its ScheduledFor is the run's CreatedAt. When the run that is returned is
	// another one, no set was made. A run that names no set or a schedule, or is not queued,
	// is ErrInvalid; a set id that exists is an error.
	CreateSetRun(ctx context.Context, tenant graph.TenantID, run Run, setName string, trail Trail) (stored Run, created bool, err error)

	// CreateBatch is CreateRun for several runs in one transaction: all are stored, but those
	// for which another one stands, or none. What comes back is in the order of batch. When
	// at least one is new, the notification that notice returns is stored, too; notice is
	// given how many are, and must be pure. No runs are ErrInvalid.
	CreateBatch(ctx context.Context, tenant graph.TenantID, batch []NewRun, notice func(created int) Notification) ([]StoredRun, error)

	// GetRun returns a run, or ErrNotFound.
	GetRun(ctx context.Context, tenant graph.TenantID, id ID) (Run, error)

	// ListRuns returns runs, newest first by (CreatedAt, ID), one row more than the limit
	// when there are more.
	ListRuns(ctx context.Context, tenant graph.TenantID, filter RunFilter, slice Slice) ([]Run, error)

	// ChangeRun locks the run, asks change what to do and stores the answer and its trail
	// in one transaction. When the run became terminal and is a backup of a schedule,
	// the schedule's last run, its FinishedAt and status move with it, unless the schedule
	// shows a run that finished later; and a backup set that the run has left unsealed
	// becomes partial, its manifests brought in line with its items.
	// It refuses to change a terminal run with ErrConflict. Two runs of a schedule never
	// become running at once, and two runs of a tenant never hold the same lane: the second
	// gets ErrBusy.
	ChangeRun(ctx context.Context, tenant graph.TenantID, id ID, change ChangeFunc) (Run, error)

	// WaitingRuns returns the tenant's runs whose turn it is when it has so many lanes: of
	// those that are queued, due and of a kind that uses Graph, as many as lanes are free,
	// interactive triggers first, then the oldest by (CreatedAt, ID).
	WaitingRuns(ctx context.Context, tenant graph.TenantID, lanes int) ([]Run, error)
}

// ItemStore keeps the outcomes within runs.
type ItemStore interface {
	// SaveItems stores outcomes and moves the run's counts in one transaction, if the run
	// is still held by the lease, else ErrLeaseLost; ErrNotFound when the run is not in the
	// tenant. An item of the same policy is replaced, a success is left as it is; this also
	// holds among items of one call. total, when not negative, becomes Counts.Total.
	SaveItems(ctx context.Context, tenant graph.TenantID, lease Lease, items []Item, total int) (Run, error)

	// ListItems returns items of a run ordered by ID, one row more than the limit when
	// there are more. ErrNotFound when the run is not in the tenant.
	ListItems(ctx context.Context, tenant graph.TenantID, run ID, filter ItemFilter, slice Slice) ([]Item, error)
}

// AuditStore keeps the audit log. There is no way to change or remove an entry.
type AuditStore interface {
	// AppendAudit adds entries that belong to no other change, in one transaction. The
	// store numbers and chains them, as it does with the entries of every trail.
	AppendAudit(ctx context.Context, tenant graph.TenantID, entries ...AuditEntry) error

	// ListAudit returns entries, newest first by Seq, one row more than the limit when
	// there are more.
	ListAudit(ctx context.Context, tenant graph.TenantID, filter AuditFilter, slice Slice) ([]AuditEntry, error)

	// AuditHead returns the end of the tenant's chain, kept apart from the entries, so that
	// the removal of the newest ones shows; the zero value when there are none.
	AuditHead(ctx context.Context, tenant graph.TenantID) (AuditHead, error)
}

// NotificationStore keeps notifications.
type NotificationStore interface {
	// ListNotifications returns those of one recipient, newest first by (CreatedAt, ID),
	// one row more than the limit when there are more.
	ListNotifications(ctx context.Context, tenant graph.TenantID, recipient string, unreadOnly bool, slice Slice) ([]Notification, error)

	// MarkNotificationRead sets ReadAt once; reading again changes nothing, nor does reading
	// what is newer by its CreatedAt than what was seen. ErrNotFound
	// when it is not the recipient's.
	MarkNotificationRead(ctx context.Context, tenant graph.TenantID, recipient string, id ID, seen, at time.Time) (Notification, error)

	// CountUnread counts the recipient's unread notifications.
	CountUnread(ctx context.Context, tenant graph.TenantID, recipient string) (int, error)
}

// Stranded selects runs that nobody works on.
type Stranded struct {
	QueuedBefore time.Time // queued and not changed after this time, whether due or not

	// Lanes, when not 0, leaves out the runs that wait for their turn: of the queued, due
	// runs of a tenant that use Graph only those stay which WaitingRuns gives.
	Lanes int

	After ID // runs with a greater id only, for paging
	Limit int

	// Damaged, when not nil, is told of each row that might be among them and cannot be read.
	Damaged func(DamagedRow)
}

// DamagedRow names a stored row that is not what was written. What concerns all tenants leaves
// it out and as it is, and reports it; what asks for the row itself fails.
type DamagedRow struct {
	TenantID graph.TenantID // as far as the key could be read
	ID       ID
	Err      error // what is wrong with it; never its content
}

// SystemStore is what the engine asks across tenants.
type SystemStore interface {
	// StrandedRuns returns runs of all tenants, ordered by id, that are running past
	// their lease, or queued with UpdatedAt not after QueuedBefore (due or not: the job
	// carries NotBefore). Whether a lease is over is judged on the same clock as in
	// ChangeFunc. A damaged row is no error and takes nobody's place in a page.
	StrandedRuns(ctx context.Context, q Stranded) ([]Run, error)
}
