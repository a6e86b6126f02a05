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

	// Workers is how many jobs are handled at once. Defaults to 4.
	Workers int

	// RetryAfter is how long a job waits whose handler returned an error. Defaults to 5 s.
	RetryAfter time.Duration
}

// Queue holds jobs in memory, at most one per run. It is safe for concurrent use.
type Queue struct {
	clock      runs.Clock
	workers    int
	retryAfter time.Duration

	mu      sync.Mutex
	jobs    jobHeap
	waiting map[runs.ID]*entry
	active  map[runs.ID]bool
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
		waiting: map[runs.ID]*entry{}, active: map[runs.ID]bool{}, wake: make(chan struct{}, 1),
	}, nil
}

// Enqueue takes jobs. A job of a run that waits already makes the waiting one earlier if
// need be; it never makes two.
func (q *Queue) Enqueue(_ context.Context, jobs ...runs.Job) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, job := range jobs {
		q.put(job)
	}
	q.signal()
	return nil
}

func (q *Queue) put(job runs.Job) {
	if e, ok := q.waiting[job.RunID]; ok {
		if job.NotBefore.Before(e.job.NotBefore) {
			e.job.NotBefore = job.NotBefore
			heap.Fix(&q.jobs, e.index)
		}
		return
	}
	q.seq++
	e := &entry{job: job, seq: q.seq}
	q.waiting[job.RunID] = e
	heap.Push(&q.jobs, e)
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
	return len(q.jobs)
}

// Work hands due jobs to the handler, by the time they are due and then in the order they
// came, one at a time per run. Jobs that still wait when ctx ends stay in the queue.
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
			q.done(job, err)
			<-free
		})
	}
}

// next waits for a job that is due and whose run nobody handles.
func (q *Queue) next(ctx context.Context) (runs.Job, bool) {
	for {
		if ctx.Err() != nil {
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
			return runs.Job{}, false
		case <-q.wake:
		case <-timer:
		}
	}
}

// take removes the first job that may be handled now. Otherwise it says how long until the
// next one is due, 0 when only a signal can change anything.
func (q *Queue) take() (job runs.Job, wait time.Duration, found bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := q.clock.Now()
	var held []*entry // due, but another delivery of the run is being handled
	defer func() {
		for _, e := range held {
			heap.Push(&q.jobs, e)
		}
	}()
	for len(q.jobs) > 0 {
		e := q.jobs[0]
		if e.job.NotBefore.After(at) {
			return runs.Job{}, e.job.NotBefore.Sub(at), false
		}
		heap.Pop(&q.jobs)
		if q.active[e.job.RunID] {
			held = append(held, e)
			continue
		}
		delete(q.waiting, e.job.RunID)
		q.active[e.job.RunID] = true
		if len(q.jobs) > 0 { // for somebody else who works this queue and has a worker free
			q.signal()
		}
		return e.job, 0, true
	}
	return runs.Job{}, 0, false
}

func (q *Queue) done(job runs.Job, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.active, job.RunID)
	if err != nil {
		job.NotBefore = q.clock.Now().Add(q.retryAfter)
		q.put(job)
	}
	q.signal()
}

// entry is a waiting job in the heap.
type entry struct {
	job   runs.Job
	seq   int64
	index int
}

// jobHeap orders by due time, then by arrival.
type jobHeap []*entry

func (h jobHeap) Len() int { return len(h) }
func (h jobHeap) Less(i, j int) bool {
	if !h[i].job.NotBefore.Equal(h[j].job.NotBefore) {
		return h[i].job.NotBefore.Before(h[j].job.NotBefore)
	}
	return h[i].seq < h[j].seq
}
func (h jobHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *jobHeap) Push(x any) {
	e := x.(*entry)
	e.index = len(*h)
	*h = append(*h, e)
}
func (h *jobHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return e
}

var _ runs.Queue = (*Queue)(nil)
