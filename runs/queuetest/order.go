package queuetest

import (
	"context"
	"slices"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
)

// someday is later than any promise lasts.
const someday = 24 * time.Hour

func neverBeforeItsTime(f *fixture) {
	q, _ := f.queue(4)
	type delivery struct {
		job int
		at  time.Time
	}
	came := make(chan delivery, 100)
	f.work(q, func(_ context.Context, j runs.Job) (runs.Work, error) {
		came <- delivery{number(j), clock.Now()}
		return nil, nil
	})
	due := map[int]time.Time{}
	var jobs []runs.Job
	for n := range 10 {
		jobs = append(jobs, in(time.Duration(n)*50*time.Millisecond, job(n)))
		due[n] = jobs[n].NotBefore
	}
	slices.Reverse(jobs)
	f.enqueue(q, jobs...)
	for len(due) > 0 {
		d := receive(f, "a job", came)
		if early := due[d.job].Sub(d.at); early > 0 {
			f.Errorf("job %d came %v before its time", d.job, early)
		}
		delete(due, d.job)
	}
}

func dueIsNotHeldUp(f *fixture) {
	q, _ := f.queue(1)
	f.enqueue(q, in(someday, job(1)))
	came, handle := deliveries()
	f.work(q, handle)
	f.enqueue(q, in(someday, job(2)), job(3), in(moment, job(4)))
	for _, want := range []int{3, 4} {
		if got := receive(f, "the job that is due", came); got != want {
			f.Errorf("job %d came, want job %d", got, want)
		}
	}
}

func earlierTimeWins(f *fixture) {
	q, _ := f.queue(1)
	f.enqueue(q, in(someday, job(1)), in(someday, job(2)))
	came, handle := deliveries()
	f.work(q, handle)
	f.enqueue(q, job(1))
	if got := receive(f, "the job that is due now", came); got != 1 {
		f.Errorf("job %d came", got)
	}
	f.enqueue(q, in(moment, job(2)))
	if got := receive(f, "the job that is due earlier", came); got != 2 {
		f.Errorf("job %d came", got)
	}
}

func laterTimeLoses(f *fixture) {
	q, _ := f.queue(1)
	f.enqueue(q, job(1), in(moment, job(2)))
	f.enqueue(q, in(someday, job(1)), in(someday, job(2)))
	f.comes("jobs", f.order(q, 2), 1, 2)
}

// comes fails the test unless the jobs came in this order.
func (f *fixture) comes(what string, got []int, want ...int) {
	f.Helper()
	if !slices.Equal(got, want) {
		f.Errorf("%s came in the order %v, want %v", what, got, want)
	}
}

func inOrder(f *fixture) {
	q, _ := f.queue(1)
	const later = 2 * time.Second // by when a busy machine, too, has queued the others
	f.enqueue(q, in(later, job(1)))
	for _, n := range []int{4, 2, 3} { // the order of ids is another one
		f.enqueue(q, job(n))
	}
	<-clock.After(later + moment) // all of them are due when the first is taken
	f.comes("jobs", f.order(q, 4), 4, 2, 3, 1)
}

func interactiveFirst(f *fixture) {
	q, _ := f.queue(1)
	f.enqueue(q, job(1), job(2))
	f.enqueue(q, interactive(job(3)))
	f.enqueue(q, job(4))
	f.enqueue(q, interactive(job(5)))
	got := f.order(q, 5)
	f.comes("interactive jobs", got[:2], 3, 5)
}

func interactiveWaitsForItsTime(f *fixture) {
	q, _ := f.queue(1)
	f.enqueue(q, in(someday, interactive(job(1))))
	f.enqueue(q, job(2))
	f.comes("the job that is due", f.order(q, 1), 2)
}

func backIsBehind(f *fixture) {
	q, _ := f.queue(1)
	for n := range 4 {
		f.enqueue(q, job(n), interactive(job(10+n)))
	}
	f.enqueue(q, back(job(1)), back(interactive(job(11))))
	f.enqueue(q, job(4), interactive(job(14)))
	f.comes("jobs", f.order(q, 10), 10, 12, 13, 11, 14, 0, 2, 3, 1, 4)
}

func backTakesTheNewClass(f *fixture) {
	q, _ := f.queue(1)
	f.enqueue(q, interactive(job(1)))
	f.enqueue(q, job(2))
	f.enqueue(q, back(job(1)))
	f.comes("jobs", f.order(q, 2), 2, 1)
}

func backIsDue(f *fixture) {
	q, _ := f.queue(1)
	f.enqueue(q, in(someday, job(1)))
	f.enqueue(q, back(job(1)))
	f.comes("the job", f.order(q, 1), 1)
}

func backIsDelivered(f *fixture) {
	q, _ := f.queue(1)
	f.enqueue(q, job(1))
	f.enqueue(q, back(job(2)))
	f.comes("jobs", f.order(q, 2), 1, 2)
}
