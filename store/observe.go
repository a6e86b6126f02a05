package store

import (
	"context"
	"errors"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/hook"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// Observer is told of calls to a store, for metrics and traces. It is a struct and not an
// interface so that it can grow without breaking hosts.
//
// What it is told are names of methods and kinds of failures: never a row, a statement or
// an error. Its functions are called from many goroutines, so they return at once; a panic
// of theirs is dropped.
type Observer struct {
	// Call is called before a call. The call gets the returned context, which derives from
	// ctx; nil means ctx. The returned function, unless nil, is called once when the call
	// has returned.
	Call func(ctx context.Context, c Call) (context.Context, func(CallEnd))
}

// Call is a call to a store that begins.
type Call struct {
	Method string         // such as "ChangeRun"
	Tenant graph.TenantID // empty for calls across tenants
}

// CallEnd is how a call to a store ended.
type CallEnd struct {
	// Failure is empty when there was none. A change that the caller's own rule refused
	// is none.
	Failure Failure
}

// Failure is what kind of error a call to a store ended with.
type Failure string

// The failures.
const (
	FailureNotFound  Failure = "not_found"  // [runs.ErrNotFound] or [runs.ErrDeleted]
	FailureConflict  Failure = "conflict"   // [runs.ErrConflict]
	FailureBusy      Failure = "busy"       // [runs.ErrBusy]
	FailureInvalid   Failure = "invalid"    // [runs.ErrInvalid]
	FailureLeaseLost Failure = "lease_lost" // [runs.ErrLeaseLost]
	FailureCanceled  Failure = "canceled"   // the caller's context ended
	FailureDamaged   Failure = "damaged"    // [backupset.ErrDamaged] or [backupset.ErrMissing]
	FailureInternal  Failure = "internal"   // anything else: the database
)

// Observe returns a store that tells the observer of every call of s. Give it to the
// services in place of s; what opens, migrates, checks and closes a database stays with s.
func Observe(s Store, o Observer) Store { return observed{s, o} }

// observed passes every method on; a test sees to it that none is left out.
type observed struct {
	Store
	o Observer
}

// QueuesJobs implements what [runs.QueuesJobs] asks.
func (o observed) QueuesJobs() bool { return runs.QueuesJobs(o.Store) }

// call is one call under way.
type call struct {
	ctx     context.Context // the caller's
	end     func(CallEnd)
	refused bool // by the caller's rule
}

func (o observed) begin(ctx context.Context, method string, tenant graph.TenantID) (context.Context, *call) {
	inner, end := hook.Start(ctx, nil, o.o.Call, Call{Method: method, Tenant: tenant})
	return inner, &call{ctx: ctx, end: end}
}

func (c *call) done(err *error) {
	var e CallEnd
	if *err != nil && !c.refused {
		e.Failure = failureOf(c.ctx, *err)
	}
	c.end(e)
}

func failureOf(ctx context.Context, err error) Failure {
	for _, f := range []struct {
		err  error
		name Failure
	}{
		{runs.ErrNotFound, FailureNotFound}, {runs.ErrDeleted, FailureNotFound}, {runs.ErrConflict, FailureConflict},
		{runs.ErrBusy, FailureBusy}, {runs.ErrInvalid, FailureInvalid}, {runs.ErrLeaseLost, FailureLeaseLost},
		{backupset.ErrDamaged, FailureDamaged}, {backupset.ErrMissing, FailureDamaged},
	} {
		if errors.Is(err, f.err) {
			return f.name
		}
	}
	if ctx.Err() != nil {
		return FailureCanceled
	}
	return FailureInternal
}
