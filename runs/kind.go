package runs

import "slices"

// ID identifies a schedule, run, backup set, policy or any other stored row: a UUIDv7 in
// its canonical lower-case text form, or "" for none.
type ID string

// Kind says what a run does. Hosts may add kinds of their own together with an
// [Executor]; a dotted lower-case name in their own namespace is recommended.
type Kind string

// The kinds of this module.
const (
	KindBackup         Kind = "backup"          // capture the policy types of a schedule into a backup set
	KindPolicySync     Kind = "policy.sync"     // list policies into the inventory
	KindRetentionApply Kind = "retention.apply" // retire old backup sets of a schedule

	KindSnapshot       Kind = "policy.capture_snapshot" // capture one policy into a version, without a set
	KindSetCreate      Kind = "backup_set.create"       // fill a new manual set
	KindSetAdd         Kind = "backup_set.add_policies" // add policies to a manual set
	KindSetVerify      Kind = "backup_set.verify"       // read a set and hash it again
	KindSetImport      Kind = "backup_set.import"       // fill a new manual set from a file
	KindDriftReport    Kind = "drift.report"            // compare a set with what is live
	KindRestorePreview Kind = "restore.preview"         // find out what a restore would do
	KindRestoreExecute Kind = "restore.execute"         // do what a preview says
)

// localKinds do not call Graph.
var localKinds = []Kind{KindRetentionApply, KindSetVerify, KindSetImport}

// LocalKinds returns the kinds of this module whose runs do not use Graph.
func LocalKinds() []Kind { return slices.Clone(localKinds) }

// UsesGraph tells whether runs of the kind call Graph, and so take turns within their
// tenant (see [Config].PerTenant). Kinds of a host do.
func (k Kind) UsesGraph() bool { return !slices.Contains(localKinds, k) }

// preparedBy names the [Preparer] that the kind is never started without; "" for a kind that
// can be.
func (k Kind) preparedBy() string {
	switch k {
	case KindSnapshot, KindSetCreate, KindSetAdd, KindSetVerify:
		return "capture.NewRequests"
	case KindSetImport:
		return "transfer.NewRequests"
	case KindDriftReport, KindRestorePreview, KindRestoreExecute:
		return "restore.NewRequests"
	}
	return ""
}

// Trigger says who started a run.
type Trigger string

// The triggers.
const (
	TriggerSchedule Trigger = "schedule" // a slot fell due
	TriggerManual   Trigger = "manual"   // a person
	TriggerRetry    Trigger = "retry"    // a person, after an earlier run
	TriggerSystem   Trigger = "system"   // the engine itself
)

// Interactive tells whether a person waits for the outcome and is notified.
func (t Trigger) Interactive() bool { return t == TriggerManual || t == TriggerRetry }

// Status is the state of a run.
type Status string

// The states. Queued and running are active, the others are terminal and never change.
const (
	StatusQueued   Status = "queued"
	StatusRunning  Status = "running"
	StatusSuccess  Status = "success"
	StatusPartial  Status = "partial"
	StatusFailed   Status = "failed"
	StatusCanceled Status = "canceled"
	StatusSkipped  Status = "skipped"
)

// Statuses returns all states in the order of a run's life.
func Statuses() []Status {
	return []Status{StatusQueued, StatusRunning, StatusSuccess, StatusPartial, StatusFailed, StatusCanceled, StatusSkipped}
}

// Terminal tells whether the state never changes again.
func (s Status) Terminal() bool {
	return slices.Contains([]Status{StatusSuccess, StatusPartial, StatusFailed, StatusCanceled, StatusSkipped}, s)
}

// Active tells whether the run still holds its idempotency key.
func (s Status) Active() bool { return s == StatusQueued || s == StatusRunning }

// transitions is the whole state machine; docs/run-states.md draws it.
var transitions = map[Status][]Status{
	StatusQueued:  {StatusRunning, StatusCanceled, StatusSkipped, StatusFailed},
	StatusRunning: {StatusQueued, StatusSuccess, StatusPartial, StatusFailed, StatusCanceled, StatusSkipped},
}

// CanBecome tells whether a run in state s may go to state next.
func (s Status) CanBecome(next Status) bool { return slices.Contains(transitions[s], next) }
