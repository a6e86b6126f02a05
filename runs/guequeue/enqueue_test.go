package guequeue_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/guequeue"
)

// waitsForLock says whether a connection waits for a lock.
const waitsForLock = `SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`

func TestAJobOfARunThatIsBeingTakenIsQueuedOnceItIsTaken(t *testing.T) {
	url := database(t)
	q, db := newQueue(t, url, guequeue.Options{})
	begun, release := make(chan int), make(chan bool, 2)
	work(t, q, func(context.Context, runs.Job) (runs.Work, error) { begun <- 1; <-release; return nil, nil })
	enqueue(t, q, job(1))
	receive(t, begun)

	other, _ := newQueue(t, url, guequeue.Options{})
	queued := make(chan error)
	go func() { queued <- other.Enqueue(context.Background(), job(1)) }()
	eventually(t, db, waitsForLock)
	release <- true
	if err := receive(t, queued); err != nil {
		t.Fatal(err)
	}
	receive(t, begun) // the new one
	release <- true
	eventually(t, db, `SELECT count(*) = 0 FROM gue_jobs`)
}

func TestTwoWhoQueueTheSameRunsDoNotLockEachOtherOut(t *testing.T) {
	url := database(t)
	jobs := make([]runs.Job, 200)
	for i := range jobs {
		jobs[i] = job(i)
		jobs[i].Back = true // so that every row is written each time
	}
	backwards := slices.Clone(jobs)
	slices.Reverse(backwards)
	var wg sync.WaitGroup
	for _, list := range [][]runs.Job{jobs, backwards} {
		q, _ := newQueue(t, url, guequeue.Options{})
		wg.Go(func() {
			for range 30 {
				if err := q.Enqueue(context.Background(), list...); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestHandlersMayQueueTheirOwnAndEachOthersRuns(t *testing.T) {
	url := database(t)
	came := make(chan runs.ID, 100)
	var meet sync.WaitGroup // both hold their job before either goes on
	meet.Add(2)
	handler := func(q *guequeue.Queue) runs.Handler {
		first := sync.OnceFunc(func() { meet.Done(); meet.Wait() })
		return func(ctx context.Context, j runs.Job) (runs.Work, error) {
			first()
			select {
			case came <- j.RunID:
			default: // they go on for ever
			}
			next := job(1)
			if j.RunID == next.RunID {
				next = job(2)
			}
			err := q.Enqueue(ctx, next, j)
			if err != nil {
				t.Error(err) // as after waiting in vain for a lock
			}
			return nil, err
		}
	}
	admin := open(t, 1, url)
	exec(t, admin, `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET deadlock_timeout = ''20ms''', current_database()); END $$`)
	for n := range 2 {
		q, _ := newQueue(t, url, guequeue.Options{Workers: 1, PollEvery: 20 * time.Millisecond})
		enqueue(t, q, job(n+1))
		work(t, q, handler(q))
	}
	for range 20 {
		receive(t, came)
	}
}

func TestWhoQueuesManyJobsIsNotLockedOutByATaker(t *testing.T) {
	for i, d := range drivers {
		t.Run(d.name, func(t *testing.T) {
			url := database(t)
			admin := open(t, 1, url)
			taker, _ := newQueue(t, url, guequeue.Options{Workers: 1})
			other, _ := queueOver(t, open(t, i, url), guequeue.Options{})
			later := job(1)
			later.NotBefore = time.Now().Add(time.Hour)
			enqueue(t, taker, later, job(2))
			began := make(chan int)
			var first sync.Once
			work(t, taker, func(ctx context.Context, j runs.Job) (work runs.Work, err error) {
				first.Do(func() {
					began <- 1
					// The other one has the row of the first job by now and waits for that of this one.
					eventually(t, admin, waitsForLock)
					back := job(1)
					back.Back = true
					err = taker.Enqueue(ctx, back)
				})
				return nil, err
			})
			receive(t, began)
			sooner, back := later, job(2)
			sooner.NotBefore, back.Back = later.NotBefore.Add(-time.Minute), true
			if err := other.Enqueue(t.Context(), sooner, back); err != nil {
				t.Error(err)
			}
			eventually(t, admin, `SELECT count(*) = 0 FROM gue_jobs WHERE run_at <= now()`)
		})
	}
}

func TestJobsAreQueuedWithTheTransactionOfTheStore(t *testing.T) {
	for i, d := range drivers {
		t.Run(d.name, func(t *testing.T) {
			q, db := queueOver(t, open(t, i, database(t)), guequeue.Options{})
			jobs := make([]runs.Job, 2500) // several statements
			for i := range jobs {
				jobs[i] = job(i)
			}
			for _, end := range []string{"ROLLBACK", "COMMIT"} {
				tx, err := db.Begin()
				if err != nil {
					t.Fatal(err)
				}
				if err := q.EnqueueTx(context.Background(), tx, jobs...); err != nil {
					t.Fatal(err)
				}
				want := 0
				if end == "COMMIT" {
					err, want = tx.Commit(), len(jobs)
				} else {
					err = tx.Rollback()
				}
				if err != nil {
					t.Fatal(err)
				}
				if n := scan[int](t, db, `SELECT count(*) FROM gue_jobs`); n != want {
					t.Errorf("%d jobs after %s, want %d", n, end, want)
				}
			}
		})
	}
}

func TestWhatAWaitingJobBecomes(t *testing.T) {
	hour, day := time.Now().Add(time.Hour), time.Now().Add(24*time.Hour)
	at := func(tm time.Time, interactive, back bool) runs.Job {
		j := job(1)
		j.NotBefore, j.Interactive, j.Back = tm, interactive, back
		return j
	}
	q, db := newQueue(t, database(t), guequeue.Options{})
	const now, later, first = "now", "in an hour", "interactive now"
	for _, c := range []struct {
		name string
		jobs []runs.Job
		want string
	}{
		{"one that is due stays due", []runs.Job{at(time.Time{}, false, false), at(hour, false, false)}, now},
		{"an earlier time counts", []runs.Job{at(day, false, false), at(hour, false, false)}, later},
		{"a person's wish makes a due one interactive", []runs.Job{at(time.Time{}, false, false), at(time.Time{}, true, false)}, first},
		{"it stays interactive", []runs.Job{at(time.Time{}, true, false), at(time.Time{}, false, false)}, first},
		{"the back takes a due one's class", []runs.Job{at(time.Time{}, true, false), at(time.Time{}, false, true)}, now},
		{"the back with a time puts it off", []runs.Job{at(time.Time{}, false, false), at(hour, false, true)}, later},
	} {
		for name, size := range map[string]int{"one by one": 1, "at once": len(c.jobs)} {
			t.Run(c.name+", "+name, func(t *testing.T) {
				exec(t, db, `TRUNCATE gue_jobs`)
				for jobs := range slices.Chunk(c.jobs, size) {
					enqueue(t, q, jobs...)
				}
				got := scan[string](t, db, `SELECT CASE WHEN count(*) <> 1 THEN 'not one job'
 WHEN bool_or(run_at < now() - interval '9 years' AND priority < 0) THEN 'interactive now'
 WHEN bool_or(run_at BETWEEN now() - interval '1 minute' AND now() AND priority = 0) THEN 'now'
 WHEN bool_or(run_at BETWEEN now() + interval '59 minutes' AND now() + interval '61 minutes') THEN 'in an hour'
 ELSE max(run_at)::text END FROM gue_jobs`)
				if got != c.want {
					t.Errorf("it is %s, want %s", got, c.want)
				}
			})
		}
	}
}

func TestAJobIsNotRoundedToBeforeItsTime(t *testing.T) {
	q, db := newQueue(t, database(t), guequeue.Options{})
	j := job(1)
	j.NotBefore = time.Date(2040, 1, 1, 0, 0, 0, 1100, time.UTC) // 1.1 us
	enqueue(t, q, j)
	if got := scan[time.Time](t, db, `SELECT run_at FROM gue_jobs`); got.Before(j.NotBefore) {
		t.Errorf("it is due at %v, before %v", got, j.NotBefore)
	}
}
