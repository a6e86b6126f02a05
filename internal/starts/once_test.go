package starts

import (
	"path/filepath"
	"sync"
	"testing"

	"github.com/tenantatlas/tenantbackup/internal/pgtest"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/guequeue"
	"github.com/tenantatlas/tenantbackup/store/pgstore"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

func sqlite(t testing.TB) backend {
	t.Helper()
	s := must(sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "starts.db"), sqlitestore.Options{}))(t)
	t.Cleanup(func() { ok(t, s.Close()) })
	ok(t, s.Migrate(t.Context()))
	q := &counting{}
	return backend{s, q, func() int { return int(q.n.Load()) }, func() { q.n.Store(0) }}
}

func postgres(t testing.TB) backend {
	t.Helper()
	s := must(pgstore.Open(t.Context(), pgtest.Server(t).Database(t), pgstore.Options{}))(t)
	t.Cleanup(func() { ok(t, s.Close()) })
	ok(t, s.Migrate(t.Context()))
	q := &counting{}
	return backend{s, q, func() int { return int(q.n.Load()) }, func() { q.n.Store(0) }}
}

// outbox is a store on Postgres that queues jobs in the transactions that make runs.
func outbox(t testing.TB) backend {
	t.Helper()
	pool := must(pgstore.Connect(t.Context(), pgtest.Server(t).Database(t), pgstore.Connection{}))(t)
	t.Cleanup(func() { ok(t, pool.Close()) })
	ok(t, guequeue.Migrate(t.Context(), pool.DB))
	q := must(guequeue.New(pool.DB, guequeue.Options{}))(t)
	s := must(pgstore.New(pool, pgstore.Options{Enqueuer: q}))(t)
	ok(t, s.Migrate(t.Context()))
	return backend{s, q, func() (n int) {
		ok(t, pool.QueryRowContext(t.Context(), "SELECT count(*) FROM gue_jobs").Scan(&n))
		return n
	}, func() {
		_, err := pool.ExecContext(t.Context(), "DELETE FROM gue_jobs")
		ok(t, err)
	}}
}

// TestStartingTheSameAtOnceMakesOneRunAndOneJob for every kind, on every store.
func TestStartingTheSameAtOnceMakesOneRunAndOneJob(t *testing.T) {
	const callers = 100
	for name, open := range map[string]func(testing.TB) backend{"SQLite": sqlite, "Postgres": postgres, "Postgres with guequeue": outbox} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, open(t))
			covered := map[runs.Kind]bool{}
			for _, op := range w.operations() {
				before := len(w.runs())
				jobs := w.jobs()
				var mu sync.Mutex
				var wg sync.WaitGroup
				ids, made := map[runs.ID]int{}, 0
				for range callers {
					wg.Go(func() {
						run, reused, err := op.start()
						mu.Lock()
						defer mu.Unlock()
						if err != nil {
							t.Errorf("%s: %v", op.name, err)
							return
						}
						if ids[run.ID]++; !reused {
							made++
						}
						covered[run.Kind] = true
					})
				}
				wg.Wait()
				if stored, queued := len(w.runs())-before, w.jobs()-jobs; len(ids) != 1 || made != 1 || stored != 1 || queued != 1 {
					t.Errorf("%s: %d callers got %d runs, %d made; %d stored, %d jobs", op.name, callers, len(ids), made, stored, queued)
				}
			}
			for _, kind := range w.kinds {
				if !covered[kind] {
					t.Errorf("%s is not started", kind)
				}
			}
		})
	}
}
