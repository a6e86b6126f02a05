package queuetest

import (
	"context"
	"sync"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

func everyJobIsDelivered(f *fixture) {
	const callers, each = 4, 100
	q, _ := f.queue(4)
	came, handle := deliveries()
	f.work(q, handle)
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			jobs := make([]runs.Job, each)
			for i := range jobs {
				jobs[i] = job(c*each + i)
			}
			if err := q.Enqueue(f.Context(), jobs[:each/2]...); err != nil { // a batch and single ones
				f.Errorf("Enqueue: %v", err)
			}
			for _, j := range jobs[each/2:] {
				if err := q.Enqueue(f.Context(), j); err != nil {
					f.Errorf("Enqueue: %v", err)
				}
			}
		})
	}
	wg.Wait()
	missing := map[int]bool{}
	for n := range callers * each {
		missing[n] = true
	}
	for len(missing) > 0 {
		delete(missing, receive(f, "a job", came))
	}
}

func jobArrivesWhole(f *fixture) {
	q, _ := f.queue(1)
	came := make(chan runs.Job, 2)
	f.work(q, func(_ context.Context, j runs.Job) (runs.Work, error) {
		came <- j
		return nil, nil
	})
	for _, want := range []runs.Job{interactive(job(1)), {TenantID: "Ünïcode'; --", RunID: job(2).RunID}, {TenantID: "no UTF-8 \xff, NUL \x00", RunID: job(3).RunID}} {
		f.enqueue(q, want)
		got := receive(f, "the job", came)
		if got.TenantID != want.TenantID || got.RunID != want.RunID || got.Interactive != want.Interactive {
			f.Errorf("got %+v, want %+v", got, want)
		}
	}
}

func tenantsShareAnID(f *fixture) {
	q, _ := f.queue(1)
	other := job(1)
	other.TenantID = fabrikam
	f.enqueue(q, job(1), other)
	came := make(chan graph.TenantID, 100)
	f.work(q, func(_ context.Context, j runs.Job) (runs.Work, error) {
		came <- j.TenantID
		return nil, nil
	})
	if a, b := receive(f, "a job", came), receive(f, "the other tenant's job", came); a == b {
		f.Errorf("both jobs are of tenant %s", a)
	}
}

func noJobs(f *fixture) {
	q, _ := f.queue(1)
	f.enqueue(q)
}

func oneOfManyWorkers(f *fixture) {
	const queues, jobs = 4, 400
	q, another := f.queue(2)
	for n := range jobs / 2 {
		f.enqueue(q, job(n))
	}
	came, handle := deliveries()
	list := []runs.Queue{q}
	for len(list) < queues {
		list = append(list, another())
	}
	var all []*working
	for _, q := range list {
		all = append(all, f.work(q, handle))
	}
	for n := jobs / 2; n < jobs; n++ {
		f.enqueue(list[n%queues], job(n))
	}
	times := map[int]int{}
	for len(times) < jobs {
		times[receive(f, "a job", came)]++
	}
	nothing(f, "came although every job had come", came)
	for _, w := range all {
		w.stop()
	}
	for n, count := range times {
		if count != 1 {
			f.Errorf("job %d was delivered %d times", n, count)
		}
	}
}

func endedContext(f *fixture) {
	q, _ := f.queue(1)
	ctx, cancel := context.WithCancel(f.Context())
	cancel()
	if err := q.Enqueue(ctx, job(1)); err == nil {
		f.Error("Enqueue says that it took a job")
	}
	f.enqueue(q, job(2))
	if got := f.order(q, 1); got[0] != 2 {
		f.Error("the job was delivered")
	}
}
