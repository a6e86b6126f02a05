package runs

import (
	"context"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// Job wakes a worker up for a run. It carries ids only: everything else is in the run's row.
type Job struct {
	TenantID  graph.TenantID
	RunID     ID
	NotBefore time.Time // zero means at once
}

// Handler works on one job. An error means "deliver again later".
type Handler func(ctx context.Context, job Job) error

// Queue brings jobs to workers, at least once, in no promised order. A job that is lost or
// doubled does no harm (see the package comment), so any queue will do. Implementations
// are safe for concurrent use and may drop a job whose run they already hold with the
// same or an earlier NotBefore.
type Queue interface {
	// Enqueue takes all jobs or returns an error.
	Enqueue(ctx context.Context, jobs ...Job) error

	// Work hands jobs to the handler, several at once as configured, never before
	// NotBefore. It returns when ctx has ended and every handler has returned; the
	// handler's context does not end with ctx, since finishing or giving back is the
	// Runner's decision. The error is nil after a normal stop.
	Work(ctx context.Context, handle Handler) error
}
