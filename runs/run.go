package runs

import (
	"encoding/json"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// Target is what a run is about.
type Target struct {
	Type string `json:"type"` // "schedule", "tenant", "backup_set", "policy"
	ID   ID     `json:"id"`
}

// Counts are the outcomes of a run's items. Processed is Succeeded + Failed + Skipped
// and equals the number of stored items; Total is what the run expects, 0 while unknown. A
// capture of policy types raises it with each type that it lists.
type Counts struct {
	Total     int `json:"total"`
	Processed int `json:"processed"`
	Succeeded int `json:"succeeded"`
	Failed    int `json:"failed"`
	Skipped   int `json:"skipped"`
}

// Run is one execution of anything. A zero time means "not yet" or "does not apply".
// All times are UTC with microsecond precision.
type Run struct {
	ID       ID
	TenantID graph.TenantID
	Kind     Kind
	Trigger  Trigger
	Actor    Actor
	Status   Status

	// Key deduplicates: while a run is active, a second start with the same key in the
	// tenant gives this run.
	Key string

	ScheduleID   ID        // set for backups of a schedule only
	ScheduledFor time.Time // the slot; set by the dispatcher only
	Target       Target
	RetryOf      ID

	// BatchID is the same for all runs that one call of [Starter.StartBatch] made, and the ID
	// of the notification about them; empty for a run that was started by itself.
	BatchID ID

	// Params are what the executor of the kind needs, as JSON. They never change.
	Params json.RawMessage

	CreatedAt  time.Time
	UpdatedAt  time.Time
	StartedAt  time.Time // first claim
	FinishedAt time.Time
	NotBefore  time.Time // a queued run is not claimed before

	// Attempt counts claims that were not given back; 0 until the first claim.
	Attempt int
	// AttemptStartedAt is the latest claim; zero until the first.
	AttemptStartedAt time.Time
	// Stalls counts attempts in a row that ended without a single new item. It is what
	// the retry policy bounds, so that a slow, throttled run which gets on is not given up.
	Stalls int

	ErrorCode    Code
	ErrorMessage string // redacted, at most 500 characters
	Counts       Counts
	BackupSetID  ID              // the set that the run fills
	Summary      json.RawMessage // kind-specific, see capture.Summary; nil when there is none

	CancelRequested bool
	CanceledBy      Actor

	// The lease. LeaseToken is the fencing token: it grows with every claim and every
	// write of a worker names it.
	LeaseToken       int64
	LeaseOwner       string
	LeaseUntil       time.Time
	ProcessedAtClaim int // Counts.Processed when the run was claimed

	// Lane is the lane of the tenant that a running run of a kind that uses Graph holds,
	// from 1; 0 for every other run. Two runs of a tenant never hold the same one.
	Lane int
}

// Lease names the claim under which a worker writes.
type Lease struct {
	RunID ID
	Token int64
}

// Lease returns the present claim of the run.
func (r Run) Lease() Lease { return Lease{RunID: r.ID, Token: r.LeaseToken} }

// HeldBy tells whether the run is running under this very lease.
func (r Run) HeldBy(l Lease) bool {
	return r.Status == StatusRunning && r.ID == l.RunID && r.LeaseToken == l.Token
}

// ETA estimates when a running run will have processed everything, from the rate of the
// present attempt; the zero time when nothing can be said yet. What earlier attempts did, and
// how long the run waited in between, says nothing about the rate; nor do skipped items, which
// take no time: a restore knows at once which ones it leaves alone.
func (r Run) ETA(now time.Time) time.Time {
	done := r.Counts.Processed - max(r.ProcessedAtClaim, r.Counts.Skipped)
	if r.Status != StatusRunning || r.Counts.Total <= r.Counts.Processed || done <= 0 || r.AttemptStartedAt.IsZero() {
		return time.Time{}
	}
	perItem := float64(now.Sub(r.AttemptStartedAt)) / float64(done)
	left := perItem * float64(r.Counts.Total-r.Counts.Processed)
	if left < 0 || left > float64(365*24*time.Hour) {
		return time.Time{}
	}
	return now.Add(time.Duration(left)).Truncate(time.Second)
}

// ItemStatus is the outcome of one item.
type ItemStatus string

// The outcomes.
const (
	ItemSuccess ItemStatus = "success"
	ItemFailed  ItemStatus = "failed"
	ItemSkipped ItemStatus = "skipped"
)

// Item is the outcome of one policy within a run. A run has at most one item per
// (PolicyType, PolicyID); a later attempt replaces the item of an earlier one, but never
// a success.
type Item struct {
	ID           ID
	PolicyType   graph.PolicyType
	PolicyID     string // Graph's object id; empty when the item speaks for the whole type
	Name         string
	Status       ItemStatus
	Reason       Reason // why it failed or was skipped
	Message      string // redacted, at most 500 characters
	Attempt      int
	BackupItemID ID     // what was captured
	TargetID     string // the object that a restore wrote
}

// RunFilter selects runs. Empty fields select everything.
type RunFilter struct {
	Kinds      []Kind
	Statuses   []Status
	Triggers   []Trigger
	ScheduleID ID
	BatchID    ID
	IDs        []ID      // when not empty, these runs only
	From, To   time.Time // by CreatedAt: From <= t < To

	// ExceptSuccessOf leaves out the runs of these kinds that succeeded, such as the retention
	// that follows each backup. What did not succeed stays.
	ExceptSuccessOf []Kind
}

// ItemFilter selects items of a run.
type ItemFilter struct {
	Statuses   []ItemStatus
	PolicyType graph.PolicyType
}
