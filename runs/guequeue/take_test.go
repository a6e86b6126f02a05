package guequeue_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/guequeue"
)

// eventually waits until a query of a bool says true.
func eventually(t testing.TB, db *sql.DB, query string, args ...any) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !scan[bool](t, db, query, args...); {
		if time.Now().After(end) {
			t.Fatalf("never true: %s", query)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// openTransactions counts the transactions in the database that are not this query's.
const openTransactions = `SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL`

func TestNoTransactionIsOpenWhileAWorkIsUnderWay(t *testing.T) {
	for i, d := range drivers {
		t.Run(d.name, func(t *testing.T) {
			url := database(t)
			// PollEvery is long, so that no look at the queue is mistaken for a transaction.
			q, db := queueOver(t, open(t, i, url), guequeue.Options{PollEvery: time.Hour})
			begun, release := make(chan int), make(chan bool)
			work(t, q, func(context.Context, runs.Job) (runs.Work, error) {
				return func(context.Context) error { begun <- 1; <-release; return nil }, nil
			})
			enqueue(t, q, job(1), job(2))
			receive(t, begun)
			receive(t, begun)
			defer close(release)
			eventually(t, db, `SELECT (`+openTransactions+`) = 0`)
			if n := scan[int](t, db, `SELECT count(*) FROM gue_jobs`); n != 0 {
				t.Errorf("%d jobs are not acknowledged", n)
			}
		})
	}
}

func TestAJobWhoseWorkerDiesWhileItTakesItComesAgain(t *testing.T) {
	url := database(t)
	q, _ := newQueue(t, url, guequeue.Options{PollEvery: 50 * time.Millisecond})
	admin := open(t, 1, url)
	came := make(chan int, 10)
	var calls atomic.Int32
	work(t, q, func(context.Context, runs.Job) (runs.Work, error) {
		came <- 1
		if calls.Add(1) == 1 { // what a killed process leaves behind: a connection that ends
			exec(t, admin, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND state = 'idle in transaction'`)
		}
		return nil, nil
	})
	enqueue(t, q, job(1))
	receive(t, came)
	receive(t, came)
	eventually(t, admin, `SELECT count(*) = 0 FROM gue_jobs`)
}

func TestWorkThatWasClaimedIsDoneAlthoughTheJobCouldNotBeAcknowledged(t *testing.T) {
	url := database(t)
	q, db := newQueue(t, url, guequeue.Options{})
	undeletable(t, db)
	came := make(chan int, 1)
	work(t, q, func(context.Context, runs.Job) (runs.Work, error) {
		return func(context.Context) error {
			select {
			case came <- 1:
			default:
			}
			return nil
		}, nil
	})
	enqueue(t, q, job(1))
	receive(t, came)
}

// undeletable makes the statement fail that acknowledges a job.
func undeletable(t testing.TB, db *sql.DB) {
	t.Helper()
	exec(t, db, `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$`)
	exec(t, db, `CREATE TRIGGER refuse BEFORE DELETE ON gue_jobs FOR EACH ROW EXECUTE FUNCTION refuse()`)
}

func TestAFailureDoesNotLoopHot(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(t testing.TB, db *sql.DB)
		err     error
		most    int32 // calls in a second
	}{
		{"of the handler", func(testing.TB, *sql.DB) {}, errors.New("the store is down"), 5},
		{"of the statement that acknowledges", undeletable, nil, 16}, // 4 for each of the takers
	} {
		t.Run(c.name, func(t *testing.T) {
			url := database(t)
			q, db := newQueue(t, url, guequeue.Options{Workers: 4, RetryAfter: 250 * time.Millisecond})
			c.prepare(t, db)
			var calls atomic.Int32
			stop := work(t, q, func(context.Context, runs.Job) (runs.Work, error) { calls.Add(1); return nil, c.err })
			enqueue(t, q, job(1))
			<-time.After(time.Second)
			stop()
			if n := calls.Load(); n < 2 || n > c.most {
				t.Errorf("%d calls in a second, want 2 to %d", n, c.most)
			}
			if c.err == nil {
				return
			}
			if n := scan[int32](t, db, `SELECT error_count FROM gue_jobs`); n != calls.Load() {
				t.Errorf("error_count is %d after %d failures", n, calls.Load())
			}
			if text := scan[string](t, db, `SELECT last_error FROM gue_jobs`); text != c.err.Error() {
				t.Errorf("last_error is %q", text)
			}
		})
	}
}

func TestSecretsInErrorsAreNotStored(t *testing.T) {
	q, db := newQueue(t, database(t), guequeue.Options{RetryAfter: time.Hour})
	came := make(chan int, 10)
	stop := work(t, q, func(context.Context, runs.Job) (runs.Work, error) {
		came <- 1
		return nil, errors.New("dial postgres://app:k4n4rienVogel@db/x: refused")
	})
	enqueue(t, q, job(1))
	receive(t, came)
	stop()
	if text := scan[string](t, db, `SELECT last_error FROM gue_jobs`); strings.Contains(text, "k4n4rien") {
		t.Errorf("last_error is %q", text)
	}
}

func TestAPanicDeliversTheJobAgainAndLeavesNothingBehind(t *testing.T) {
	for name, panics := range map[string]runs.Handler{
		"in a handler": func(context.Context, runs.Job) (runs.Work, error) { panic("secret") },
		"in a work": func(context.Context, runs.Job) (runs.Work, error) {
			return func(context.Context) error { panic("secret") }, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			url := database(t)
			admin := open(t, 1, url)
			scan[int](t, admin, `SELECT 1`) // its connection is there before leaks are counted
			noLeaks(t)
			q, db := newQueue(t, url, guequeue.Options{RetryAfter: 10 * time.Millisecond, Workers: 1})
			came := make(chan int, 10)
			var calls atomic.Int32
			stop := work(t, q, func(ctx context.Context, j runs.Job) (runs.Work, error) {
				if calls.Add(1) <= 2 {
					return panics(ctx, j)
				}
				came <- 1
				return nil, nil
			})
			enqueue(t, q, job(1))
			receive(t, came)
			stop()
			if n := scan[int](t, admin, openTransactions); n != 0 {
				t.Errorf("%d transactions are open", n)
			}
			if inUse := db.Stats().InUse; inUse != 0 {
				t.Errorf("%d connections are not given back", inUse)
			}
		})
	}
}

func TestAJobInHandAtTheStopIsAcknowledged(t *testing.T) {
	q, db := newQueue(t, database(t), guequeue.Options{})
	begun, release := make(chan int), make(chan bool)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() {
		done <- q.Work(ctx, func(context.Context, runs.Job) (runs.Work, error) { begun <- 1; <-release; return nil, nil })
	}()
	enqueue(t, q, job(1))
	receive(t, begun)
	cancel()
	close(release)
	if err := receive(t, done); err != nil {
		t.Fatal(err)
	}
	if n := scan[int](t, db, `SELECT count(*) FROM gue_jobs`); n != 0 {
		t.Errorf("%d jobs are left", n)
	}
}

func TestAJobThatCannotBeReadIsSetAside(t *testing.T) {
	url := database(t)
	var log bytes.Buffer
	q, db := newQueue(t, url, guequeue.Options{Workers: 1, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	enqueue(t, q, job(1), job(2), job(3))
	breakJob := func(n int, set string) {
		exec(t, db, `UPDATE gue_jobs SET run_at = run_at - interval '1 hour', `+set+` WHERE convert_from(args, 'UTF8') LIKE $1`, "%"+string(job(n).RunID)+"%")
	}
	breakJob(1, `args = '{'`)
	breakJob(2, `job_type = 'mail'`)
	came := make(chan runs.Job, 10)
	stop := work(t, q, func(_ context.Context, j runs.Job) (runs.Work, error) { came <- j; return nil, nil })
	if got := receive(t, came); got.RunID != job(3).RunID {
		t.Errorf("%+v came", got)
	}
	if stats, err := q.Stats(context.Background()); err != nil || stats.SetAside != 2 || stats.Due+stats.Delayed > 1 {
		t.Errorf("%+v, error %v", stats, err)
	}
	enqueue(t, q, job(1)) // takes the place of the one that is set aside
	if got := receive(t, came); got.RunID != job(1).RunID {
		t.Errorf("%+v came", got)
	}
	stop()
	if text := log.String(); strings.Count(text, "set aside") != 2 {
		t.Errorf("the log says %s", text)
	}
	if n := scan[int](t, db, `SELECT count(*) FROM gue_jobs`); n != 1 {
		t.Errorf("%d jobs are left, want the other one that is set aside", n)
	}
}

func TestTheLogDoesNotPromiseAJobThatCouldNotBeQueuedAgain(t *testing.T) {
	for _, c := range []struct{ damage, want, not string }{
		{`SELECT 1`, "delivered again", "could not be queued"},
		{`ALTER TABLE gue_jobs RENAME TO gone`, "could not be queued", "delivered again"},
	} {
		var log bytes.Buffer
		q, db := newQueue(t, database(t), guequeue.Options{Workers: 1, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		began := make(chan int, 10)
		stop := work(t, q, func(context.Context, runs.Job) (runs.Work, error) {
			return func(ctx context.Context) error {
				_, err := db.ExecContext(ctx, c.damage)
				began <- 1
				return errors.Join(err, errors.New("broken off"))
			}, nil
		})
		enqueue(t, q, job(1))
		receive(t, began)
		stop() // waits for works
		if text := log.String(); !strings.Contains(text, c.want) || strings.Contains(text, c.not) || !strings.Contains(text, "broken off") {
			t.Errorf("after %s the log says %s", c.damage, text)
		}
	}
}

// warnings is what a logger writes.
type warnings chan string

func (w warnings) Write(line []byte) (int, error) {
	select {
	case w <- string(line):
	default:
	}
	return len(line), nil
}

func TestAJobWhoseWorkFailedWhileTheDatabaseWasAwayComesAgain(t *testing.T) {
	warned := make(warnings, 100)
	q, db := newQueue(t, database(t), guequeue.Options{Workers: 1, RetryAfter: time.Millisecond, Logger: slog.New(slog.NewTextHandler(warned, nil))})
	came := make(chan int, 10)
	var times atomic.Int64
	stop := work(t, q, func(context.Context, runs.Job) (runs.Work, error) {
		n := int(times.Add(1))
		return func(ctx context.Context) error {
			defer func() { came <- n }()
			if n > 1 {
				return nil
			}
			_, err := db.ExecContext(ctx, `ALTER TABLE gue_jobs RENAME TO gone`)
			return errors.Join(err, errors.New("broken off"))
		}, nil
	})
	defer stop()
	enqueue(t, q, job(1))
	receive(t, came)
	receive(t, warned) // that it could not be queued: its work holds the only place, so nothing is taken meanwhile
	if _, err := db.ExecContext(t.Context(), `ALTER TABLE gone RENAME TO gue_jobs`); err != nil {
		t.Fatal(err)
	}
	if n := receive(t, came); n != 2 {
		t.Errorf("delivery %d came", n)
	}
}

func TestOnlyAcknowledgingDoesNotWaitForTheDisk(t *testing.T) {
	q, db := newQueue(t, database(t), guequeue.Options{Workers: 1})
	db.SetMaxOpenConns(2)
	came := make(chan int, 1)
	stop := work(t, q, func(context.Context, runs.Job) (runs.Work, error) { came <- 1; return nil, nil })
	enqueue(t, q, job(1))
	receive(t, came)
	stop()
	for range 2 { // both connections of the pool
		conn, err := db.Conn(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		var mode string
		if err := conn.QueryRowContext(context.Background(), `SHOW synchronous_commit`).Scan(&mode); err != nil || mode != "on" {
			t.Errorf("synchronous_commit is %s, error %v", mode, err)
		}
	}
}
