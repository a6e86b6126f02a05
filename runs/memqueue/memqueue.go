// Package memqueue is the in-process [runs.Queue]: jobs wait in memory, on the injected
// clock. Jobs are lost when the process ends, which is harmless: the run's row is the
// outbox, and the Runner's first sweep queues every waiting run again.
package memqueue

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
)

// Config configures a [Queue].
type Config struct {
	// Clock decides when a waiting job is due. Defaults to [runs.SystemClock].
	Clock runs.Clock

	// Workers is how many jobs are taken or worked on at once. Defaults to 4.
	Workers int

	// RetryAfter is how long a job waits whose handler or work returned an error. Defaults to 5 s.
	RetryAfter time.Duration
}

// Queue holds jobs in memory, at most one per run. It is safe for concurrent use.
type Queue struct {
	clock      runs.Clock
	workers    int
	retryAfter time.Duration

	mu      sync.Mutex
	later   jobHeap // jobs that were not due when somebody last looked
	ready   jobHeap // jobs that are due
	waiting map[runKey]*entry
	wake    chan struct{} // capacity 1: something changed
	seq     int64
}

// New checks the configuration and makes an empty queue.
func New(cfg Config) (*Queue, error) {
	if cfg.Workers < 0 {
		return nil, runs.Invalid("workers", "negative", "must not be negative; 0 takes the default")
	}
	if cfg.RetryAfter < 0 {
		return nil, runs.Invalid("retry_after", "negative", "must not be negative; 0 takes the default")
	}
	if cfg.Clock == nil {
		cfg.Clock = runs.SystemClock{}
	}
	if cfg.Workers == 0 {
		cfg.Workers = 4
	}
	if cfg.RetryAfter == 0 {
		cfg.RetryAfter = 5 * time.Second
	}
	return &Queue{
		clock: cfg.Clock, workers: cfg.Workers, retryAfter: cfg.RetryAfter,
		later: jobHeap{before: byTime}, ready: jobHeap{before: byClass},
		waiting: map[runKey]*entry{}, wake: make(chan struct{}, 1),
	}, nil
}

// Enqueue takes jobs. A job of a run that waits already makes the waiting one earlier if
// need be, or later when it is to go to the back; it never makes two.
func (q *Queue) Enqueue(ctx context.Context, jobs ...runs.Job) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, job := range jobs {
		q.put(job)
	}
	q.signal()
	return nil
}

func (q *Queue) put(job runs.Job) {
	q.seq++
	e := &entry{job: job, due: q.clock.Now(), seq: q.seq}
	if job.NotBefore.After(e.due) {
		e.due = job.NotBefore
	}
	if old, ok := q.waiting[keyOf(job)]; ok {
		if !job.Back && !e.due.Before(old.due) {
			return
		}
		heap.Remove(old.in, old.index)
	}
	q.waiting[keyOf(job)] = e
	heap.Push(&q.later, e)
}

func (q *Queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Len counts the jobs that wait, due or not.
func (q *Queue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

// Work hands due jobs to the handler, interactive ones first, then by the time they became
// due and in the order they came. Jobs that still wait when ctx ends stay in the queue.
func (q *Queue) Work(ctx context.Context, handle runs.Handler) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	free := make(chan struct{}, q.workers)
	handlerCtx := context.WithoutCancel(ctx)
	for {
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		job, ok := q.next(ctx)
		if !ok {
			return nil
		}
		wg.Go(func() {
			work, err := handle(handlerCtx, job)
			if err == nil && work != nil {
				err = work(handlerCtx)
			}
			if err != nil {
				q.again(job)
			}
			<-free
		})
	}
}

// next waits for a job that is due.
func (q *Queue) next(ctx context.Context) (runs.Job, bool) {
	for {
		if ctx.Err() != nil {
			q.signal() // what woke this one is for somebody else who works this queue
			return runs.Job{}, false
		}
		job, wait, found := q.take()
		if found {
			return job, true
		}
		var timer <-chan time.Time
		if wait > 0 {
			timer = q.clock.After(wait)
		}
		select {
		case <-ctx.Done():
		case <-q.wake:
		case <-timer:
		}
	}
}

// take removes the first job that is due. Otherwise it says how long until one is, 0 when
// only a signal can change anything.
func (q *Queue) take() (job runs.Job, wait time.Duration, found bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := q.clock.Now()
	for q.later.Len() > 0 && !q.later.list[0].due.After(at) {
		heap.Push(&q.ready, heap.Pop(&q.later))
	}
	if q.ready.Len() == 0 {
		if q.later.Len() == 0 {
			return runs.Job{}, 0, false
		}
		return runs.Job{}, q.later.list[0].due.Sub(at), false
	}
	e := heap.Pop(&q.ready).(*entry)
	delete(q.waiting, keyOf(e.job))
	if len(q.waiting) > 0 { // for somebody else who works this queue and has a worker free
		q.signal()
	}
	return e.job, 0, true
}

// again keeps a job that failed.
func (q *Queue) again(job runs.Job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	job.NotBefore, job.Back = q.clock.Now().Add(q.retryAfter), false
	q.put(job)
	q.signal()
}

var _ runs.Queue = (*Queue)(nil)
