package runs

import (
	"context"
	"errors"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// Observer is told what a [Runner] and a [Starter] do, for metrics and traces. Every field
// may be nil. It is a struct and not an interface so that it can grow without breaking
// hosts.
//
// What it is told are ids, kinds, states and codes: never a payload, a message, a name or
// an error. Its functions are called from many goroutines, in the middle of the work, so
// they return at once. One that panics is logged, and the work goes on.
type Observer struct {
	// Attempt is called when a run was claimed, before its executor works. The work gets
	// the returned context, which derives from ctx; nil means ctx. The returned function,
	// unless nil, is called once when the attempt is over, with the run's new state stored.
	Attempt func(ctx context.Context, a AttemptStart) (context.Context, func(AttemptEnd))

	// Finished is called when this process has ended a run, in whatever way. Runs that the
	// dispatcher stores as ended are not among them: see backupsched.Observer.
	Finished func(ctx context.Context, f FinishedRun)

	// Swept is called after every sweep.
	Swept func(ctx context.Context, s SweepEnd)

	// Dropped is called for every notification that the [Notifier] was not given or did not
	// take. It is stored all the same.
	Dropped func(ctx context.Context, d DroppedNotification)
}

// RunInfo is what observers are told about a run.
type RunInfo struct {
	ID       ID
	TenantID graph.TenantID
	Kind     Kind
	Trigger  Trigger
	Attempt  int // counts from 1; 0 for a run that was never claimed
}

func (r Run) info() RunInfo {
	return RunInfo{ID: r.ID, TenantID: r.TenantID, Kind: r.Kind, Trigger: r.Trigger, Attempt: r.Attempt}
}

// AttemptStart is a run that was claimed.
type AttemptStart struct {
	RunInfo

	// Waited is the time from when the run was due (made, or its NotBefore) to its claim,
	// including the time in which it was not its tenant's turn.
	Waited time.Duration
}

// AttemptEnd is how an attempt ended.
type AttemptEnd struct {
	// Status is the run's state afterwards: queued when it waits for another attempt,
	// empty when another worker has the run or its new state could not be stored.
	Status Status
	Code   Code // why, as in the run

	LeaseLost bool // another worker goes on with the run
	GivenBack bool // the process stops; the attempt is not counted

	// Failure is what kind of error ended the attempt, [graph.KindInternal] for one that is
	// not Graph's; empty when none did.
	Failure graph.Kind

	// Wait is how long the run waits for its next attempt.
	Wait time.Duration

	Processed int // outcomes that the attempt added
}

// FinishedRun is a run that has come to its end.
type FinishedRun struct {
	RunInfo
	Status Status
	Code   Code
	Took   time.Duration // from the first claim to the end, waits included; 0 when it was never claimed
}

// SweepEnd is what a sweep did.
type SweepEnd struct {
	Rescued  int  // runs taken away from workers that are gone
	Requeued int  // jobs of waiting runs that were queued again
	Damaged  int  // runs that are damaged in the store: they are left alone
	Failed   bool // the sweep did not get to its end, or not for every run
}

// DroppedNotification is a notification that did not reach the host's channel.
type DroppedNotification struct {
	TenantID       graph.TenantID
	NotificationID ID // the run's or the batch's
	RunID          ID // empty for that of a batch
	Reason         DropReason
}

// DropReason is why a notification did not reach the host's channel.
type DropReason string

const (
	DropFailed  DropReason = "failed"  // the notifier returned an error or panicked
	DropTimeout DropReason = "timeout" // it did not return in time
	DropBusy    DropReason = "busy"    // too many earlier calls have not returned
)

// dueAt is since when a queued run might have been claimed.
func (r Run) dueAt() time.Time {
	if r.NotBefore.After(r.CreatedAt) {
		return r.NotBefore
	}
	return r.CreatedAt
}

func finishedRun(r Run) FinishedRun {
	f := FinishedRun{RunInfo: r.info(), Status: r.Status, Code: r.ErrorCode}
	if !r.StartedAt.IsZero() {
		f.Took = max(0, r.FinishedAt.Sub(r.StartedAt))
	}
	return f
}

// failureOf is what observers are told of an executor's error.
func failureOf(err error) graph.Kind {
	switch {
	case errors.Is(err, ErrStopping), errors.Is(err, ErrCanceled), errors.Is(err, ErrLeaseLost):
		return ""
	case errors.Is(err, context.DeadlineExceeded):
		return graph.KindTimeout
	}
	return graph.KindOf(err)
}
