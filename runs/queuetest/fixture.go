package queuetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// The suite's two tenants.
const (
	contoso  graph.TenantID = "contoso"
	fabrikam graph.TenantID = "Fabrikam"
)

const (
	// patience is how long something that must happen may take.
	patience = 30 * time.Second
	// moment is how long something that must not happen is watched for.
	moment = 200 * time.Millisecond
)

var clock runs.SystemClock

// fixture is what a promise works with.
type fixture struct {
	*testing.T
	open Open
}

// queue opens a queue; another is never nil.
func (f *fixture) queue(workers int) (q runs.Queue, another func() runs.Queue) {
	f.Helper()
	q, another = f.open(f.T, workers)
	if another == nil {
		another = func() runs.Queue { return q }
	}
	return q, another
}

// job returns the job of the tenant's n-th run, due at once.
func job(n int) runs.Job {
	return runs.Job{TenantID: contoso, RunID: runs.ID(fmt.Sprintf("01980000-0000-7000-8000-%012x", n))}
}

// number is the n of a job.
func number(j runs.Job) (n int) {
	fmt.Sscanf(string(j.RunID), "01980000-0000-7000-8000-%012x", &n)
	return n
}

// in puts a job off. Microseconds are what every queue can keep.
func in(d time.Duration, j runs.Job) runs.Job {
	j.NotBefore = clock.Now().Add(d).Truncate(time.Microsecond)
	return j
}

func interactive(j runs.Job) runs.Job { j.Interactive = true; return j }
func back(j runs.Job) runs.Job        { j.Back = true; return j }

// enqueue queues jobs, which has to succeed.
func (f *fixture) enqueue(q runs.Queue, jobs ...runs.Job) {
	f.Helper()
	if err := q.Enqueue(f.Context(), jobs...); err != nil {
		f.Fatalf("Enqueue: %v", err)
	}
}

// working is a queue that somebody works.
type working struct {
	f      *fixture
	cancel context.CancelFunc
	done   chan error
	once   sync.Once
}

// work works a queue until the promise ends or stops it.
func (f *fixture) work(q runs.Queue, handle runs.Handler) *working {
	ctx, cancel := context.WithCancel(context.WithoutCancel(f.Context()))
	w := &working{f: f, cancel: cancel, done: make(chan error, 1)}
	go func() { w.done <- q.Work(ctx, handle) }()
	f.Cleanup(w.stop)
	return w
}

// stop ends Work and waits until it has returned.
func (w *working) stop() {
	w.f.Helper()
	w.once.Do(func() {
		w.cancel()
		if err := receive(w.f, "the end of Work", w.done); err != nil {
			w.f.Errorf("Work after a normal stop: %v", err)
		}
	})
}

// receive waits for what must come.
func receive[T any](f *fixture, what string, from <-chan T) T {
	f.Helper()
	select {
	case v := <-from:
		return v
	case <-clock.After(patience):
		f.Fatalf("%s: nothing after %v", what, patience)
		panic("unreachable")
	}
}

// nothing watches for what must not come.
func nothing[T any](f *fixture, what string, from <-chan T) {
	f.Helper()
	select {
	case v := <-from:
		f.Errorf("%s: %v", what, v)
	case <-clock.After(moment):
	}
}

// deliveries returns a handler that has no work and says which jobs came. There is room for
// more than any promise queues.
func deliveries() (<-chan int, runs.Handler) {
	came := make(chan int, 10_000)
	return came, func(_ context.Context, j runs.Job) (runs.Work, error) {
		came <- number(j)
		return nil, nil
	}
}

// order works a queue that nobody has worked yet until n jobs have come.
func (f *fixture) order(q runs.Queue, n int) []int {
	f.Helper()
	came, handle := deliveries()
	w := f.work(q, handle)
	var list []int
	for len(list) < n {
		list = append(list, receive(f, fmt.Sprintf("delivery %d of %d, after %v", len(list)+1, n, list), came))
	}
	w.stop()
	return list
}
