package guequeue_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun/driver/pgdriver"
	"go.uber.org/goleak"

	"github.com/tenantatlas/tenantbackup/internal/pgtest"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/guequeue"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// drivers are the pools that the queue works over.
var drivers = []struct {
	name string
	open func(t testing.TB, url string) *sql.DB
}{
	{"pgdriver", func(t testing.TB, url string) *sql.DB {
		return sql.OpenDB(pgdriver.NewConnector(pgdriver.WithDSN(url)))
	}},
	{"pgx", func(t testing.TB, url string) *sql.DB {
		db, err := sql.Open("pgx", url)
		if err != nil {
			t.Fatal(err)
		}
		return db
	}},
}

// open returns a pool over a database, closed with the test.
func open(t testing.TB, driver int, url string) *sql.DB {
	db := drivers[driver].open(t, url)
	db.SetMaxIdleConns(100)
	t.Cleanup(func() { db.Close() })
	return db
}

// database returns the URL of a new database with the table.
func database(t testing.TB) string {
	t.Helper()
	url := pgtest.Server(t).Database(t)
	migrate(t, url)
	return url
}

func migrate(t testing.TB, url string) {
	t.Helper()
	if err := guequeue.Migrate(context.Background(), open(t, 0, url)); err != nil {
		t.Fatal(err)
	}
}

// newQueue makes a queue over a pool of its own with pgdriver.
func newQueue(t testing.TB, url string, o guequeue.Options) (*guequeue.Queue, *sql.DB) {
	t.Helper()
	return queueOver(t, open(t, 0, url), o)
}

func queueOver(t testing.TB, db *sql.DB, o guequeue.Options) (*guequeue.Queue, *sql.DB) {
	t.Helper()
	q, err := guequeue.New(db, o)
	if err != nil {
		t.Fatal(err)
	}
	return q, db
}

// work works a queue until the returned function is called, or the test ends.
func work(t testing.TB, q *guequeue.Queue, handle runs.Handler) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- q.Work(ctx, handle) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := receive(t, done); err != nil {
			t.Errorf("Work: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// receive waits for what must come.
func receive[T any](t testing.TB, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(30 * time.Second):
		t.Fatal("nothing came within 30 s")
		panic("unreachable")
	}
}

// job returns the job of the n-th run.
func job(n int) runs.Job {
	return runs.Job{TenantID: "contoso", RunID: runs.ID(fmt.Sprintf("01980000-0000-7000-8000-%012x", n))}
}

func enqueue(t testing.TB, q *guequeue.Queue, jobs ...runs.Job) {
	t.Helper()
	if err := q.Enqueue(context.Background(), jobs...); err != nil {
		t.Fatal(err)
	}
}

// scan reads the one row of a query.
func scan[T any](t testing.TB, db *sql.DB, query string, args ...any) (v T) {
	t.Helper()
	if err := db.QueryRowContext(context.Background(), query, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

// exec runs a statement.
func exec(t testing.TB, db *sql.DB, statement string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(context.Background(), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// noLeaks fails the test if goroutines are left that were not there when it began. It is
// called first, so that the pools are closed when it looks.
func noLeaks(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}
