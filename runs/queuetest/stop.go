package queuetest

import (
	"context"

	"github.com/tenantatlas/tenantbackup/runs"
)

func stopWaitsForWorks(f *fixture) {
	q, _ := f.queue(2)
	begun, release, left := make(chan int, 10), make(chan struct{}), make(chan error, 10)
	w := f.work(q, func(_ context.Context, j runs.Job) (runs.Work, error) {
		return func(ctx context.Context) error {
			begun <- number(j)
			<-release
			left <- ctx.Err()
			return nil
		}, nil
	})
	f.enqueue(q, job(1), job(2))
	receive(f, "a work", begun)
	receive(f, "a work", begun)
	w.cancel()
	f.stays(w)
	close(release)
	w.stop()
	f.inPeace(left, 2)
}

// stays fails the test if Work returns although something is under way.
func (f *fixture) stays(w *working) {
	f.Helper()
	select {
	case err := <-w.done:
		w.done <- err
		f.Error("Work has returned while a job was in hand")
	case <-clock.After(moment):
	}
}

// inPeace fails the test unless n contexts had not ended, now that Work has returned.
func (f *fixture) inPeace(left <-chan error, n int) {
	f.Helper()
	if len(left) != n {
		f.Errorf("%d ended before Work has returned, want %d", len(left), n)
	}
	for len(left) > 0 {
		if err := <-left; err != nil {
			f.Errorf("a context ended with the one of Work: %v", err)
		}
	}
}

func stopWaitsForHandlers(f *fixture) {
	q, _ := f.queue(2)
	begun, release, left := make(chan int, 10), make(chan struct{}), make(chan error, 10)
	w := f.work(q, func(ctx context.Context, j runs.Job) (runs.Work, error) {
		begun <- number(j)
		<-release
		left <- ctx.Err()
		return func(ctx context.Context) error {
			left <- ctx.Err()
			return nil
		}, nil
	})
	f.enqueue(q, job(1))
	receive(f, "a handler", begun)
	w.cancel()
	f.stays(w)
	close(release)
	w.stop()
	f.inPeace(left, 2)
}

func stopsWhenIdle(f *fixture) {
	q, _ := f.queue(2)
	f.enqueue(q, in(moment, job(1)))
	came, handle := deliveries()
	f.work(q, handle).stop()
	ctx, cancel := context.WithCancel(f.Context())
	cancel()
	if err := q.Work(ctx, handle); err != nil {
		f.Errorf("Work with a context that has ended: %v", err)
	}
	f.work(q, handle)
	receive(f, "the job that was not due", came)
}

func leftJobsStay(f *fixture) {
	q, another := f.queue(1)
	begun, release := make(chan int, 100), make(chan struct{})
	first := f.work(q, func(_ context.Context, j runs.Job) (runs.Work, error) {
		return func(context.Context) error {
			begun <- number(j)
			<-release
			return nil
		}, nil
	})
	f.enqueue(q, job(1), job(2), in(moment, job(3)))
	seen := map[int]bool{receive(f, "the first work", begun): true}
	first.cancel()
	close(release)
	first.stop()
	came, handle := deliveries()
	f.work(another(), handle)
	for len(begun) > 0 {
		seen[<-begun] = true
	}
	for len(seen) < 3 {
		seen[receive(f, "a job that was left", came)] = true
	}
}
