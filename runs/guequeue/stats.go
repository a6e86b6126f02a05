package guequeue

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
)

// Stats counts the jobs of the queue, by the database's clock. Delayed ones are also those
// that failed and come again; those set aside could not be read, see [Queue.Work].
func (q *Queue) Stats(ctx context.Context) (runs.QueueStats, error) {
	var s runs.QueueStats
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
		return runs.QueueStats{}, fmt.Errorf("guequeue: counting jobs: %w", err)
	}
	s.Oldest = time.Duration(max(0, oldest) * float64(time.Second))
	return s, nil
}

var _ runs.QueueStatter = (*Queue)(nil)
