package memqueue

import (
	"context"

	"github.com/tenantatlas/tenantbackup/runs"
)

// Stats counts what waits. A job is due from its NotBefore or from when it was queued,
// whichever is later; one that was sent to the back begins anew.
func (q *Queue) Stats(ctx context.Context) (runs.QueueStats, error) {
	if err := ctx.Err(); err != nil {
		return runs.QueueStats{}, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	var s runs.QueueStats
	now := q.clock.Now()
	for _, e := range q.waiting {
		if e.due.After(now) {
			s.Delayed++
			continue
		}
		s.Due++
		s.Oldest = max(s.Oldest, now.Sub(e.due))
	}
	return s, nil
}

var _ runs.QueueStatter = (*Queue)(nil)
