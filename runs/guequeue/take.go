package guequeue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/vgarvardt/gue/v5"
	"github.com/vgarvardt/gue/v5/adapter/libpq"

	"github.com/tenantatlas/tenantbackup/internal/redact"
	"github.com/tenantatlas/tenantbackup/runs"
)

// taken is what became of a look at the queue.
type taken struct {
	found bool // there was a job
	job   runs.Job
	work  runs.Work // what is left to do, nil without any
}

// acknowledge does what gue's Job.Delete does, and lets the commit not wait for the disk: a
// server that crashes before it is written delivers the job again, which does no harm.
const acknowledge = `DELETE FROM gue_jobs WHERE job_id = $1 AND set_config('synchronous_commit', 'off', true) = 'off'`

// take locks the next due job, lets the handler claim its run, deletes the job and commits,
// so that no transaction is open when the work begins. An error means that the database
// failed; the job is then delivered again, and work may still have to be done, since the
// claim has been made elsewhere.
//
// gue's Worker would do the same with less, but it rolls back what is under way when its
// context ends, and a statement that fails after the handler makes it start over at once.
func (q *Queue) take(ctx context.Context, handle runs.Handler) (t taken, err error) {
	// The end of ctx must not undo what has begun.
	txCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	j, err := q.client.LockNextScheduledJob(txCtx, q.opts.Name)
	if err != nil {
		return t, fmt.Errorf("guequeue: looking for a job: %w", err)
	}
	if j == nil {
		return t, nil
	}
	tx, _ := libpq.UnwrapTx(j.Tx())
	// A statement that failed leaves nothing to commit, and pgdriver does not say so.
	defer tx.Rollback() // after a commit it does nothing
	if ctx.Err() != nil {
		return t, nil // stopped meanwhile: the job is for others
	}
	t.found = true
	t.job, err = read(j)
	if err != nil {
		return t, q.setAside(txCtx, tx, j)
	}
	under := &taking{queue: q}
	work, handleErr := q.call(context.WithValue(txCtx, takingKey{}, under), handle, t.job)
	queued := under.end()
	if handleErr != nil {
		q.opts.Logger.WarnContext(ctx, "a job could not be taken; it is delivered again", "run_id", t.job.RunID, redact.Err(handleErr))
		if err := q.put(txCtx, tx, queued); err != nil {
			return t, err
		}
		if err := j.Error(txCtx, errors.New(redact.Text(handleErr.Error()))); err != nil {
			return t, fmt.Errorf("guequeue: putting off a job: %w", err)
		}
		return t, nil
	}
	t.work = work
	if _, err := tx.ExecContext(txCtx, acknowledge, j.ID.String()); err != nil {
		return t, fmt.Errorf("guequeue: deleting a job: %w", err)
	}
	if err := q.put(txCtx, tx, queued); err != nil {
		return t, err
	}
	if err := j.Done(txCtx); err != nil {
		return t, fmt.Errorf("guequeue: deleting a job: %w", err)
	}
	return t, nil
}

// call calls the handler. A panic becomes an error.
func (q *Queue) call(ctx context.Context, handle runs.Handler, job runs.Job) (work runs.Work, err error) {
	defer q.recovered(ctx, job, &err)
	return handle(ctx, job)
}

// do does the work of a job that was taken. A panic becomes an error.
func (q *Queue) do(ctx context.Context, job runs.Job, work runs.Work) (err error) {
	defer q.recovered(ctx, job, &err)
	return work(ctx)
}

// recovered turns a panic into an error: one bad run must not take the others down.
func (q *Queue) recovered(ctx context.Context, job runs.Job, err *error) {
	if p := recover(); p != nil {
		q.opts.Logger.ErrorContext(ctx, "a job panicked", "run_id", job.RunID, "stack", string(debug.Stack()))
		// The value may hold anything, so only its type is kept.
		*err = fmt.Errorf("guequeue: a job panicked with a %T; see the log", p)
	}
}

// aside is the queue of the jobs that cannot be read. No name of a queue has a point.
func (q *Queue) aside() string { return q.opts.Name + ".aside" }

// setAside moves a job that cannot be read out of the way, for people to look at.
func (q *Queue) setAside(ctx context.Context, tx *sql.Tx, j *gue.Job) error {
	q.opts.Logger.ErrorContext(ctx, "a job cannot be read; it is set aside", "job_id", j.ID.String(), "job_type", j.Type, "queue", q.aside())
	if _, err := tx.ExecContext(ctx, `UPDATE gue_jobs SET queue = $1, last_error = $2, updated_at = now() WHERE job_id = $3`,
		q.aside(), errUnreadable.Error(), j.ID.String()); err != nil {
		return fmt.Errorf("guequeue: setting a job aside: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("guequeue: setting a job aside: %w", err)
	}
	return nil
}
