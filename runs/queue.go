package runs

import (
	"context"
	"database/sql"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// Job wakes a worker up for a run. It carries ids only: everything else is in the run's row.
type Job struct {
	TenantID  graph.TenantID
	RunID     ID
	NotBefore time.Time // zero means at once

	// Interactive jobs go before the others: a person waits.
	Interactive bool

	// Back puts a job that waits already behind everything of its class that is due now,
	// with the class and time of this job: its tenant just had a turn.
	Back bool
}

// Job returns the job that wakes a worker up for the run once it is due.
func (r Run) Job() Job {
	return Job{TenantID: r.TenantID, RunID: r.ID, NotBefore: r.NotBefore, Interactive: r.Trigger.Interactive()}
}

// Handler takes one job: it claims the run and returns the work that is left to do, nil
// when there is none. It is short, so that a queue may call it within a transaction and
// acknowledge the job before the work begins: from then on the run's lease protects it. An
// error means "deliver again later".
type Handler func(ctx context.Context, job Job) (Work, error)

// Work is what is left to do of a job that was taken. An error means "deliver again later".
type Work func(ctx context.Context) error

// Queue brings jobs to workers, at least once. A job that is lost or doubled does no harm
// (see the package comment), and the order decides only how long somebody waits: interactive
// jobs first, then in the order in which jobs became due. Implementations are safe for
// concurrent use, also from within a Handler and for the run that it handles. They may drop
// a job whose run they already hold with the same or an earlier NotBefore, unless it is to
// go to the back. runs/queuetest checks all of it.
type Queue interface {
	// Enqueue takes all jobs or returns an error.
	Enqueue(ctx context.Context, jobs ...Job) error

	// Work hands jobs to the handler and does the work that it returns, several at once as
	// configured, never before NotBefore. It returns when ctx has ended and every handler
	// and its work have returned; their context does not end with ctx, since finishing or
	// giving back is the Runner's decision. The error is nil after a normal stop.
	Work(ctx context.Context, handle Handler) error
}

// TxEnqueuer is a [Queue] whose jobs lie in the database of the store: it queues jobs within
// a transaction of the store, so that a new run and its job come into being together or not
// at all.
type TxEnqueuer interface {
	// EnqueueTx takes all jobs once tx commits, or returns an error; then tx must be rolled
	// back. It is for runs that tx creates: a transaction that holds the row of a run which
	// has a job already may wait for a worker that waits for that row.
	EnqueueTx(ctx context.Context, tx *sql.Tx, jobs ...Job) error
}

// QueuesJobs tells whether a store queues the jobs of new runs itself, in the transaction
// that makes them (see [TxEnqueuer]): it has a method QueuesJobs that says so. Whoever makes
// runs then leaves it to the store.
func QueuesJobs(store any) bool {
	s, ok := store.(interface{ QueuesJobs() bool })
	return ok && s.QueuesJobs()
}
