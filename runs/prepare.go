package runs

import (
	"context"

	"github.com/tenantatlas/tenantbackup/graph"
)

// Start is the start of a run that is being prepared.
type Start struct {
	Tenant  graph.TenantID
	Actor   Actor
	Guard   *Guard  // for permissions beyond that of the kind
	Request Request // as it was asked for, or as a retry makes it of the old run
	RetryOf *Run    // the run that is to be retried, else nil
}

// Preparer knows what starting a run of its kinds takes. The packages that bring kinds have
// one each.
type Preparer interface {
	// Kinds returns the kinds that it prepares, always the same.
	Kinds() []Kind

	// Prepare is asked on every start and every retry, after the actor was authorised for the
	// kind and before anything is stored. It returns the request that is started, which may
	// be of another kind (the retry of a restore is a new preview), or refuses: ErrInvalid,
	// ErrNotFound, ErrDeleted, ErrConflict, ErrForbidden. It reads a few rows of the store at
	// most and has nothing to call Graph with.
	Prepare(ctx context.Context, s Start) (Request, error)
}
