package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/tenantatlas/tenantbackup/runs"
)

// stepQueue is a [runs.Queue] for playing: it keeps jobs until somebody drains it, and
// jumps over every wait. It shows how little a queue of one's own needs.
type stepQueue struct {
	mu   sync.Mutex
	jobs []runs.Job
}

// Enqueue implements [runs.Queue].
func (q *stepQueue) Enqueue(_ context.Context, jobs ...runs.Job) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, job := range jobs {
		if job.Back { // behind everything: where it waited it does no longer
			q.jobs = slices.DeleteFunc(q.jobs, func(j runs.Job) bool { return j.TenantID == job.TenantID && j.RunID == job.RunID })
		}
		q.jobs = append(q.jobs, job)
	}
	return nil
}

// Work implements [runs.Queue]; this queue is drained instead.
func (q *stepQueue) Work(context.Context, runs.Handler) error {
	return errors.New("refserver: a stepQueue is drained, not worked")
}

// drain handles jobs until none is left, the earliest first, of those the interactive ones,
// and moves the clock to each job's time.
func (q *stepQueue) drain(ctx context.Context, mock *clock.Mock, handle func(context.Context, runs.Job) error) error {
	for {
		job, ok := q.take()
		if !ok {
			return nil
		}
		if job.NotBefore.After(mock.Now()) {
			mock.Set(job.NotBefore)
		}
		if err := handle(ctx, job); err != nil {
			return err
		}
	}
}

func (q *stepQueue) take() (runs.Job, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.jobs) == 0 {
		return runs.Job{}, false
	}
	q.sort()
	job := q.jobs[0]
	q.jobs = slices.Delete(q.jobs, 0, 1)
	return job, true
}

// earliest is when the next job may be handled, if there is one.
func (q *stepQueue) earliest() (time.Time, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.jobs) == 0 {
		return time.Time{}, false
	}
	q.sort()
	return q.jobs[0].NotBefore, true
}

// sort puts the jobs into the order of handling. q.mu is held.
func (q *stepQueue) sort() {
	slices.SortStableFunc(q.jobs, func(a, b runs.Job) int {
		if by := a.NotBefore.Compare(b.NotBefore); by != 0 || a.Interactive == b.Interactive {
			return by
		}
		if a.Interactive {
			return -1
		}
		return 1
	})
}

var _ runs.Queue = (*stepQueue)(nil)
