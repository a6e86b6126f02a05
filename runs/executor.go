package runs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/redact"
)

// Executor does the work of one or more kinds. Hosts may add their own.
//
// Execute works from where an earlier attempt stopped: it may be called again for the same
// run after a crash, a throttle or a graceful stop. It calls [Attempt.Check] between
// items and returns its error as it is. Returning nil finishes the run with the result
// given to [Attempt.Finish]; returning an error lets the Runner decide by the kind of
// error: wait and retry, give back, cancel or fail. Final at once are [ErrInvalid], and a
// [graph.Error] of kind unauthorized or forbidden; everything else is tried again within the
// [RetryPolicy]. It must be safe for concurrent use by
// several runs.
type Executor interface {
	// Kinds returns the kinds of runs that it does, always the same.
	Kinds() []Kind
	// Execute does one attempt of a run.
	Execute(ctx context.Context, a *Attempt) error
}

// EndsAttempt tells an executor that goes through items whether the error of one speaks for the
// whole run: waiting may cure it, no token will do, or the run is to stop. Such an error it
// returns; another one it notes of the item, and goes on.
func EndsAttempt(ctx context.Context, err error) bool {
	if err == nil {
		return false
	}
	kind := graph.KindOf(err)
	return ctx.Err() != nil || kind.Retryable() || kind == graph.KindUnauthorized ||
		errors.Is(err, ErrCanceled) || errors.Is(err, ErrStopping) || errors.Is(err, ErrLeaseLost) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// Result is how an executor ends a run.
type Result struct {
	Status  Status // success, partial, skipped or failed; empty derives it from the counts
	Code    Code
	Message string // redacted by the Runner
	Summary any    // marshalled to JSON; nil for none
	Action  string // an audit action beside run.finished, such as "policy.synced"; empty for none

	// Of the line of Action: its outcome, by default the run's status, and short facts beside
	// the run's own, redacted by the Runner.
	Outcome string
	Details map[string]string
}

// Attempt is one claim of a run in the hands of its executor. It is safe for concurrent use.
type Attempt struct {
	run   Run
	store Store
	clock Clock
	newID func() ID

	mu     sync.Mutex
	result Result
}

// Run returns the run as it was claimed.
func (a *Attempt) Run() Run { return a.run }

// Tenant returns the run's tenant.
func (a *Attempt) Tenant() graph.TenantID { return a.run.TenantID }

// Lease names this claim; every write of the executor carries it.
func (a *Attempt) Lease() Lease { return a.run.Lease() }

// Now returns the time of the Runner's clock, UTC.
func (a *Attempt) Now() time.Time { return now(a.clock) }

// NewID returns a new id, greater than the ones before.
func (a *Attempt) NewID() ID { return a.newID() }

// Check tells between items whether to go on: nil, [ErrCanceled], [ErrLeaseLost],
// [ErrStopping] or the context's error. Executors return it as it is. It reads the run's
// row, so that a wish to cancel counts at the very next item.
func (a *Attempt) Check(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return cause(ctx)
	}
	run, err := a.store.GetRun(ctx, a.Tenant(), a.run.ID)
	switch {
	case err != nil:
		return nil // the heartbeat judges a store that does not answer
	case !run.HeldBy(a.Lease()):
		return ErrLeaseLost
	case run.CancelRequested:
		return ErrCanceled
	}
	return nil
}

// NewItem makes the outcome of one policy; err nil means success. The message is redacted
// here, at the only place where an error becomes the text of an item.
func (a *Attempt) NewItem(t graph.PolicyType, policyID, name string, status ItemStatus, reason Reason, err error) Item {
	item := Item{
		ID: a.newID(), PolicyType: t, PolicyID: policyID, Name: name,
		Status: status, Reason: reason, Attempt: a.run.Attempt,
	}
	if err != nil {
		item.Message = redact.Text(err.Error())
	}
	return item
}

// SaveItems stores outcomes that come without a capture. total, when not negative, becomes
// the number of items that the run expects.
func (a *Attempt) SaveItems(ctx context.Context, items []Item, total int) error {
	_, err := a.store.SaveItems(ctx, a.Tenant(), a.Lease(), items, total)
	return err
}

// Finish sets the result that the run gets when Execute returns nil. The last call counts.
func (a *Attempt) Finish(r Result) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.result = r
}

// outcome turns the result into what the finishing transaction needs.
func (a *Attempt) outcome() (Result, json.RawMessage, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.result
	if r.Status != "" && !StatusRunning.CanBecome(r.Status) || r.Status == StatusQueued || r.Status == StatusCanceled {
		return r, nil, fmt.Errorf("runs: executor of %s finished with status %q; use success, partial, skipped or failed", a.run.Kind, r.Status)
	}
	if r.Summary == nil {
		return r, nil, nil
	}
	raw, err := json.Marshal(r.Summary)
	if err != nil {
		return r, nil, fmt.Errorf("runs: summary of %s: %w", a.run.Kind, err)
	}
	return r, raw, nil
}

// now is the clock's time as everything in this module keeps it.
func now(c Clock) time.Time { return c.Now().UTC().Truncate(time.Microsecond) }

// cause prefers the reason a context was ended with over the bare context error.
func cause(ctx context.Context) error {
	if c := context.Cause(ctx); c != nil {
		return c
	}
	return ctx.Err()
}
