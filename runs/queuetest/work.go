package queuetest

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/tenantatlas/tenantbackup/runs"
)

var errDown = errors.New("queuetest: the store is down")

func failedHandler(f *fixture) {
	q, _ := f.queue(2)
	came := make(chan int, 100)
	var calls atomic.Int32
	f.work(q, func(_ context.Context, j runs.Job) (runs.Work, error) {
		n := calls.Add(1)
		came <- number(j)
		if n < 3 {
			return nil, errDown
		}
		return nil, nil
	})
	f.enqueue(q, job(1))
	for range 3 {
		receive(f, "the job", came)
	}
	nothing(f, "came again after it succeeded", came)
}

func failedWork(f *fixture) {
	q, _ := f.queue(2)
	came := make(chan int, 100)
	var calls atomic.Int32
	f.work(q, func(_ context.Context, j runs.Job) (runs.Work, error) {
		return func(context.Context) error {
			n := calls.Add(1)
			came <- number(j)
			if n < 3 {
				return errDown
			}
			return nil
		}, nil
	})
	f.enqueue(q, job(1))
	for range 3 {
		receive(f, "the job's work", came)
	}
	nothing(f, "came again after it succeeded", came)
}

func failedJobKeepsItsClass(f *fixture) {
	q, _ := f.queue(1)
	came := make(chan bool, 100)
	var calls atomic.Int32
	f.work(q, func(_ context.Context, j runs.Job) (runs.Work, error) {
		came <- j.Interactive
		switch calls.Add(1) {
		case 1:
			return nil, errDown
		case 2:
			return func(context.Context) error { return errDown }, nil
		}
		return nil, nil
	})
	f.enqueue(q, interactive(job(1)))
	for i := range 3 {
		if !receive(f, "the job", came) {
			f.Errorf("delivery %d: the job is no longer interactive", i+1)
		}
	}
}

func acknowledgedBeforeWork(f *fixture) {
	q, _ := f.queue(2)
	came, begun, release := make(chan int, 100), make(chan int, 100), make(chan struct{})
	defer close(release)
	var calls atomic.Int32
	f.work(q, func(_ context.Context, j runs.Job) (runs.Work, error) {
		came <- number(j)
		if calls.Add(1) > 1 {
			return nil, nil
		}
		return func(context.Context) error {
			begun <- number(j)
			<-release
			return nil
		}, nil
	})
	f.enqueue(q, job(1))
	receive(f, "the job", came)
	receive(f, "its work", begun)
	f.enqueue(q, job(1))
	receive(f, "the run's next job while its work is under way", came)
}

func handlerQueuesItsRun(f *fixture) {
	q, _ := f.queue(1)
	came := make(chan int, 100)
	var calls atomic.Int32
	f.work(q, func(ctx context.Context, j runs.Job) (runs.Work, error) {
		came <- number(j)
		switch calls.Add(1) {
		case 1:
			return nil, q.Enqueue(ctx, in(moment, j))
		case 2:
			return nil, q.Enqueue(ctx, back(job(number(j))))
		}
		return nil, nil
	})
	f.enqueue(q, job(1))
	for range 3 {
		receive(f, "the job", came)
	}
}

func workQueuesItsRun(f *fixture) {
	q, _ := f.queue(1)
	came := make(chan int, 100)
	var calls atomic.Int32
	f.work(q, func(_ context.Context, j runs.Job) (runs.Work, error) {
		came <- number(j)
		if calls.Add(1) > 1 {
			return nil, nil
		}
		return func(ctx context.Context) error { return q.Enqueue(ctx, in(moment, j)) }, nil
	})
	f.enqueue(q, job(1))
	receive(f, "the job", came)
	receive(f, "the job that its work has queued", came)
	nothing(f, "came once more", came)
}

func neverMoreThanWorkers(f *fixture) {
	const workers, jobs = 3, 30
	q, _ := f.queue(workers)
	began, release := make(chan int, 10*jobs), make(chan struct{})
	defer close(release)
	f.work(q, func(_ context.Context, j runs.Job) (runs.Work, error) {
		if number(j)%2 == 0 {
			began <- number(j)
			<-release // in the handler
			return nil, nil
		}
		return func(context.Context) error {
			began <- number(j)
			<-release // in its work
			return nil
		}, nil
	})
	for n := range jobs {
		f.enqueue(q, job(n))
	}
	for range workers {
		receive(f, "a job beside the others", began)
	}
	nothing(f, "came although all workers are busy", began)
	for range jobs - workers { // one ends, one begins
		release <- struct{}{}
		receive(f, "the next job", began)
		if len(began) > 0 {
			f.Fatal("a worker that became free began more than one job")
		}
	}
}

func slowWork(f *fixture) {
	const jobs = 50
	q, _ := f.queue(2)
	came, begun, release := make(chan int, 100), make(chan int, 100), make(chan struct{})
	defer close(release)
	f.work(q, func(_ context.Context, j runs.Job) (runs.Work, error) {
		return func(context.Context) error {
			if number(j) == jobs {
				begun <- number(j)
				<-release
				return nil
			}
			came <- number(j)
			return nil
		}, nil
	})
	f.enqueue(q, job(jobs))
	receive(f, "the slow work", begun)
	for n := range jobs {
		f.enqueue(q, job(n))
	}
	for range jobs {
		receive(f, "a job beside the slow one", came)
	}
}
