package guequeue_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tenantatlas/tenantbackup/internal/pgtest"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/guequeue"
)

// listening says whether somebody listens.
const listening = `SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'`

// told returns a handler that says which runs came.
func told() (<-chan runs.ID, runs.Handler) {
	came := make(chan runs.ID, 100)
	return came, func(_ context.Context, j runs.Job) (runs.Work, error) { came <- j.RunID; return nil, nil }
}

func TestAWaitingWorkerHearsOfJobsThatAnotherProcessQueues(t *testing.T) {
	for i, d := range drivers {
		t.Run(d.name, func(t *testing.T) {
			noLeaks(t)
			url := database(t)
			db := open(t, i, url)
			o := guequeue.Options{PollEvery: time.Hour} // only a notification can wake it
			if d.name == "pgx" {
				config, err := pgx.ParseConfig(url)
				if err != nil {
					t.Fatal(err)
				}
				o.Listener = pgxListener{config}
			}
			q, _ := queueOver(t, db, o)
			came, handle := told()
			work(t, q, handle)
			eventually(t, db, listening)

			other, otherDB := queueOver(t, open(t, i, url), guequeue.Options{})
			enqueue(t, other, job(1))
			receive(t, came)

			soon := job(2) // it is not due when it is heard of
			soon.NotBefore = time.Now().Add(100 * time.Millisecond)
			enqueue(t, other, soon)
			receive(t, came)

			tx, err := otherDB.Begin()
			if err != nil {
				t.Fatal(err)
			}
			if err := other.EnqueueTx(context.Background(), tx, job(3)); err != nil {
				t.Fatal(err)
			}
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			receive(t, came)
		})
	}
}

func TestAJobWaitsForItsTimeAndNotForThePoll(t *testing.T) {
	url := database(t)
	q, _ := newQueue(t, url, guequeue.Options{PollEvery: time.Hour})
	var jobs []runs.Job
	for n := range 10 {
		jobs = append(jobs, job(n))
		jobs[n].NotBefore = time.Now().Add(time.Duration(n) * 30 * time.Millisecond)
	}
	enqueue(t, q, jobs...)
	came, handle := told()
	work(t, q, handle)
	for range jobs {
		receive(t, came)
	}
}

func TestTheListenerComesBack(t *testing.T) {
	url := database(t)
	q, _ := newQueue(t, url, guequeue.Options{PollEvery: 50 * time.Millisecond})
	admin := open(t, 1, url)
	came, handle := told()
	work(t, q, handle)
	other, _ := newQueue(t, url, guequeue.Options{})
	for n := range 3 {
		eventually(t, admin, listening)
		exec(t, admin, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'`)
		enqueue(t, other, job(n)) // nobody listens: the poll finds it
		receive(t, came)
	}
	eventually(t, admin, listening)
}

func TestWithoutAListenerThePollFindsJobs(t *testing.T) {
	url := database(t)
	q, _ := queueOver(t, open(t, 1, url), guequeue.Options{PollEvery: 20 * time.Millisecond})
	came, handle := told()
	work(t, q, handle)
	other, _ := newQueue(t, url, guequeue.Options{})
	enqueue(t, other, job(1))
	receive(t, came)
}

func TestTheQueueOutlivesACrashOfTheServer(t *testing.T) {
	noLeaks(t)
	server := pgtest.Start(t, pgtest.Options{})
	for i, d := range drivers {
		t.Run(d.name, func(t *testing.T) {
			url := server.Database(t)
			migrate(t, url)
			q, db := queueOver(t, open(t, i, url), guequeue.Options{PollEvery: 200 * time.Millisecond})
			came, handle := told()
			work(t, q, handle)
			later := job(1)
			later.NotBefore = time.Now().Add(500 * time.Millisecond)
			enqueue(t, q, later)
			server.Restart(t)
			receive(t, came) // what was queued before
			for q.Ready(context.Background()) != nil {
				<-time.After(10 * time.Millisecond)
			}
			enqueue(t, q, job(2))
			receive(t, came)
			if d.name == "pgdriver" {
				eventually(t, db, listening)
			}
		})
	}
}

func TestSchemasOfOneDatabaseAreApart(t *testing.T) {
	url := pgtest.Server(t).Database(t)
	var queues []*guequeue.Queue
	for _, schema := range []string{"one", "two"} {
		db := open(t, 1, url+"&search_path="+schema)
		exec(t, db, `CREATE SCHEMA `+schema)
		if err := guequeue.Migrate(context.Background(), db); err != nil {
			t.Fatal(err)
		}
		q, _ := queueOver(t, db, guequeue.Options{PollEvery: time.Hour})
		queues = append(queues, q)
	}
	enqueue(t, queues[0], job(1))
	enqueue(t, queues[1], job(2))
	for n, q := range queues {
		came, handle := told()
		stop := work(t, q, handle)
		if got := receive(t, came); got != job(n+1).RunID {
			t.Errorf("the job of run %s came", got)
		}
		stop()
	}
}
