package guequeue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tenantatlas/tenantbackup/internal/redact"
	"github.com/tenantatlas/tenantbackup/runs"
)

// Work hands due jobs to the handler, interactive ones first, and does the work that it
// returns, until ctx ends. An error or panic of either delivers the job again after
// [Options].RetryAfter, as often as it takes: giving up is the run's retry policy. A job
// that cannot be read is moved to the queue of the same name with ".aside".
//
// While the database is away Work goes on trying; it never returns an error.
func (q *Queue) Work(ctx context.Context, handle runs.Handler) error {
	var wg sync.WaitGroup
	if q.opts.Listener != nil {
		wg.Go(func() { q.listen(ctx) })
	}
	w := &crew{
		Queue: q, handle: handle,
		free: make(chan struct{}, q.opts.Workers), lookout: make(chan struct{}, 1),
	}
	for range q.opts.Takers {
		wg.Go(func() { w.run(ctx) })
	}
	wg.Wait()
	w.works.Wait()
	return nil
}

// crew is one call of Work: takers, and the works that they have begun.
type crew struct {
	*Queue
	handle  runs.Handler
	free    chan struct{} // holds an element for each job in hand
	lookout chan struct{} // holds an element while a taker watches for all that wait
	works   sync.WaitGroup

	mu   sync.Mutex
	away string // why the database failed, as it was logged last; "" while it does not
}

// failed logs a failure of the database, and does not say the same for each taker and try.
func (w *crew) failed(ctx context.Context, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if text := err.Error(); w.away != text {
		w.away = text
		w.opts.Logger.WarnContext(ctx, "the database failed the queue; it is tried again", redact.Err(err))
	}
}

// answered logs that the database is back.
func (w *crew) answered(ctx context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.away != "" {
		w.away = ""
		w.opts.Logger.InfoContext(ctx, "the database answers the queue again")
	}
}

// run takes jobs until ctx ends.
func (w *crew) run(ctx context.Context) {
	failures := 0
	for {
		select {
		case w.free <- struct{}{}:
		case <-ctx.Done():
			return
		}
		if ctx.Err() != nil {
			return
		}
		since := w.clock.Now()
		t, err := w.take(ctx, w.handle)
		if err == nil {
			w.answered(ctx)
		}
		if t.work != nil {
			w.works.Go(func() {
				defer func() { <-w.free }()
				if err := w.do(context.WithoutCancel(ctx), t.job, t.work); err != nil {
					w.again(ctx, t.job, err)
				}
			})
		} else {
			<-w.free
		}
		switch {
		case err != nil:
			failures++
			w.failed(ctx, err)
			w.pause(ctx, failures)
		case t.found:
			failures = 0
			w.signal() // there may be more, for a taker that waits
		default:
			failures = 0
			w.wait(ctx, since)
		}
	}
}

// requeueFor is how long it is tried to queue a job again; by then a sweep has come by, too.
const requeueFor = 2 * time.Minute

// again queues a job whose work failed, often because the database was away; then it is tried
// for a while. A run whose job is lost in the end is found by a sweep.
func (w *crew) again(ctx context.Context, job runs.Job, cause error) {
	began := w.clock.Now()
	for failures := 1; ; failures++ {
		err := w.requeue(ctx, job)
		if err == nil {
			w.opts.Logger.WarnContext(ctx, "the work of a job failed; it is delivered again", "run_id", job.RunID, redact.Err(cause))
			return
		}
		if ctx.Err() != nil || w.clock.Now().Sub(began) > requeueFor {
			w.opts.Logger.ErrorContext(ctx, "the work of a job failed and it could not be queued again; a sweep will find its run",
				"run_id", job.RunID, "queueing", redact.Text(err.Error()), redact.Err(cause))
			return
		}
		w.failed(ctx, err)
		w.pause(ctx, failures)
	}
}

func (w *crew) requeue(ctx context.Context, job runs.Job) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	job.NotBefore = w.clock.Now().Add(w.opts.RetryAfter)
	return w.Enqueue(ctx, job)
}

// pause waits after a failure of the database, longer each time.
func (w *crew) pause(ctx context.Context, failures int) {
	select {
	case <-ctx.Done():
	case <-w.clock.After(min(w.opts.PollEvery, 100*time.Millisecond<<min(failures, 10))):
	}
}

// wait returns when there may be something to take: somebody has queued a job, or one has
// become due that was not at since. One taker at a time is the lookout; the next one looks
// at the times anew, so that none waits for a time that is no longer the next.
func (w *crew) wait(ctx context.Context, since time.Time) {
	select {
	case <-ctx.Done():
		return
	case w.lookout <- struct{}{}:
	}
	defer func() { <-w.lookout }()
	due, err := w.nextDue(ctx, since)
	if err != nil {
		w.pause(ctx, 1) // taking says what is wrong
		return
	}
	select {
	case <-ctx.Done():
	case <-w.wake:
	case <-w.clock.After(due):
	}
}

// nextDue returns how long it is until a job becomes due that was not at since, and never
// more than PollEvery. Jobs that were due are not looked at: others are taking them.
func (q *Queue) nextDue(ctx context.Context, since time.Time) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	var at time.Time
	err := q.db.QueryRowContext(ctx, `SELECT run_at FROM gue_jobs WHERE queue = $1 AND run_at > $2 ORDER BY run_at LIMIT 1`,
		q.opts.Name, since.UTC()).Scan(&at)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return q.opts.PollEvery, nil
	case err != nil:
		return 0, fmt.Errorf("guequeue: looking for the next job: %w", err)
	}
	return max(0, min(q.opts.PollEvery, at.Sub(q.clock.Now()))), nil
}
