package guequeue_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vgarvardt/gue/v5"
	"github.com/vgarvardt/gue/v5/adapter/libpq"

	"github.com/tenantatlas/tenantbackup/internal/pgtest"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/guequeue"
)

// benchJobs is how many jobs a benchmark puts through.
func benchJobs() int {
	if testing.Short() {
		return 1000
	}
	return 10_000
}

// measured returns how long it takes until call has come n times: begin starts what calls
// it and returns how to stop that.
func measured(b *testing.B, n int, begin func(call func()) (stop func())) time.Duration {
	b.Helper()
	var calls atomic.Int64
	done := make(chan struct{})
	start := time.Now()
	stop := begin(func() {
		if calls.Add(1) == int64(n) {
			close(done)
		}
	})
	receive(b, done)
	took := time.Since(start)
	stop()
	return took
}

// gueOnly puts n jobs through gue's own worker pool at its best settings.
func gueOnly(b *testing.B, db *sql.DB, n, workers int) time.Duration {
	b.Helper()
	exec(b, db, `TRUNCATE gue_jobs`)
	client, err := gue.NewClient(libpq.NewConnPool(db))
	if err != nil {
		b.Fatal(err)
	}
	for at := 0; at < n; at += 1000 {
		var list []*gue.Job
		for i := at; i < min(n, at+1000); i++ {
			list = append(list, &gue.Job{Queue: "baseline", Type: "run", Args: fmt.Appendf(nil, `{"tenant_id":"contoso","run_id":"%s"}`, job(i).RunID)})
		}
		if err := client.EnqueueBatch(context.Background(), list); err != nil {
			b.Fatal(err)
		}
	}
	return measured(b, n, func(call func()) func() {
		pool, err := gue.NewWorkerPool(client, gue.WorkMap{"run": func(context.Context, *gue.Job) error { call(); return nil }}, workers,
			gue.WithPoolQueue("baseline"), gue.WithPoolPollStrategy(gue.RunAtPollStrategy))
		if err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- pool.Run(ctx) }()
		return func() { cancel(); receive(b, done) }
	})
}

// ours puts n jobs through the queue.
func ours(b *testing.B, db *sql.DB, n int, o guequeue.Options) time.Duration {
	b.Helper()
	exec(b, db, `TRUNCATE gue_jobs`)
	q, _ := queueOver(b, db, o)
	jobs := make([]runs.Job, n)
	for i := range jobs {
		jobs[i] = job(i)
	}
	enqueue(b, q, jobs...)
	return measured(b, n, func(call func()) func() {
		return work(b, q, func(context.Context, runs.Job) (runs.Work, error) { call(); return nil, nil })
	})
}

// BenchmarkQueueTake puts jobs without work through the queue and, in the same run, through
// gue's own worker pool with the same number of workers.
func BenchmarkQueueTake(b *testing.B) {
	n := benchJobs()
	url := pgtest.Start(b, pgtest.Options{Durable: true}).Database(b)
	migrate(b, url)
	for i, d := range drivers {
		for _, workers := range []int{8, 50} {
			b.Run(fmt.Sprintf("%s/workers=%d", d.name, workers), func(b *testing.B) {
				db := open(b, i, url)
				var mine, theirs time.Duration
				for b.Loop() {
					theirs += gueOnly(b, db, n, workers)
					mine += ours(b, db, n, guequeue.Options{Workers: workers})
				}
				rate := func(took time.Duration) float64 { return float64(n*b.N) / took.Seconds() }
				b.ReportMetric(rate(mine), "jobs/s")
				b.ReportMetric(rate(theirs), "gue_jobs/s")
				b.ReportMetric(rate(mine)/rate(theirs), "x_gue")
			})
		}
	}
}

// BenchmarkQueueEnqueue queues jobs in batches of 1,000, and one by one as the baseline.
func BenchmarkQueueEnqueue(b *testing.B) {
	url := pgtest.Start(b, pgtest.Options{Durable: true}).Database(b)
	migrate(b, url)
	for i, d := range drivers {
		for _, size := range []int{1000, 1} {
			b.Run(fmt.Sprintf("%s/batch=%d", d.name, size), func(b *testing.B) {
				q, db := queueOver(b, open(b, i, url), guequeue.Options{})
				exec(b, db, `TRUNCATE gue_jobs`)
				at := 0
				for b.Loop() {
					jobs := make([]runs.Job, size)
					for i := range jobs {
						jobs[i] = job(at)
						at++
					}
					enqueue(b, q, jobs...)
				}
				b.ReportMetric(float64(at)/b.Elapsed().Seconds(), "jobs/s")
			})
		}
	}
}

// BenchmarkQueueWake queues one job at a time from another pool for a queue that is idle,
// and measures how long it takes to the call of the handler.
func BenchmarkQueueWake(b *testing.B) {
	url := pgtest.Start(b, pgtest.Options{Durable: true}).Database(b)
	migrate(b, url)
	sender, _ := newQueue(b, url, guequeue.Options{})
	q, _ := newQueue(b, url, guequeue.Options{PollEvery: time.Hour})
	came := make(chan time.Time)
	work(b, q, func(context.Context, runs.Job) (runs.Work, error) { came <- time.Now(); return nil, nil })
	enqueue(b, sender, job(0))
	receive(b, came)
	var took []time.Duration
	for b.Loop() {
		start := time.Now()
		enqueue(b, sender, job(len(took)))
		took = append(took, receive(b, came).Sub(start))
	}
	slices.Sort(took)
	ms := func(share float64) float64 { return took[int(share*float64(len(took)-1))].Seconds() * 1000 }
	b.ReportMetric(ms(0.5), "median_ms")
	b.ReportMetric(ms(0.99), "p99_ms")
}
