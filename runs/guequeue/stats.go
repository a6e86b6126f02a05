package guequeue

import (
	"context"
	"fmt"
	"time"
)

// Stats describe the queue at one moment.
type Stats struct {
	Due      int // jobs that could be taken now
	Delayed  int // jobs that wait for their time, also those that failed and come again
	SetAside int // jobs that could not be read, see [Queue.Work]

	// OldestDue is for how long the job has been due that waits longest, 0 without any.
	OldestDue time.Duration
}

// Stats counts the jobs of the queue, by the database's clock.
func (q *Queue) Stats(ctx context.Context) (Stats, error) {
	var s Stats
	var oldest float64
	// A row is in its place since updated_at, which is what counts for an interactive job:
	// its run_at is years ago.
	err := q.db.QueryRowContext(ctx, `SELECT
count(*) FILTER (WHERE queue = $1 AND run_at <= now()),
count(*) FILTER (WHERE queue = $1 AND run_at > now()),
count(*) FILTER (WHERE queue = $2),
coalesce(extract(epoch FROM max(now() - greatest(run_at, updated_at)) FILTER (WHERE queue = $1 AND run_at <= now())), 0)::float8
FROM gue_jobs WHERE queue IN ($1, $2)`, q.opts.Name, q.aside()).Scan(&s.Due, &s.Delayed, &s.SetAside, &oldest)
	if err != nil {
		return Stats{}, fmt.Errorf("guequeue: counting jobs: %w", err)
	}
	s.OldestDue = time.Duration(max(0, oldest) * float64(time.Second))
	return s, nil
}
