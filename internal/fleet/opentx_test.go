package fleet

import (
	"database/sql"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/internal/pgtest"
)

// looks are what was seen of the transactions that the service has open.
type looks struct {
	n         int
	age, idle time.Duration // the longest of one transaction
}

// transactions looks at what the service has open until stop. A look that comes late does not count:
// then it was not the service alone that stood still. What stays open is seen by the next one.
func (w *world) transactions() (seen func() looks, stop func()) {
	var mu sync.Mutex
	var all looks
	late := false
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			began := time.Now()
			var a, i float64
			err := w.admin.QueryRow(`SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::float8,
				coalesce(max(extract(epoch FROM clock_timestamp() - state_change)) FILTER (WHERE state LIKE 'idle in transaction%'), 0)::float8
				FROM pg_stat_activity WHERE datname = current_database() AND usename = '`+login+`'`).Scan(&a, &i)
			if err != nil {
				w.Errorf("looking at transactions: %v", err)
			}
			if !late && time.Since(began) < 300*time.Millisecond {
				mu.Lock()
				all = looks{all.n + 1, max(all.age, time.Duration(a*float64(time.Second))), max(all.idle, time.Duration(i*float64(time.Second)))}
				mu.Unlock()
			}
			select {
			case <-end:
				return
			case <-time.After(100 * time.Millisecond):
			}
			late = time.Since(began) > 500*time.Millisecond
		}
	}()
	stop = sync.OnceFunc(func() { close(end); <-done })
	w.Cleanup(stop)
	return func() looks {
		mu.Lock()
		defer mu.Unlock()
		return all
	}, stop
}

func TestNoTransactionStaysOpenWhileGraphAnswersSlowly(t *testing.T) {
	noLeaks(t)
	takes, bound := 3*time.Second, 2*time.Second // of each of two calls
	if *campaign {
		takes, bound = 30*time.Second, 5*time.Second
	}
	w := newWorld(t, pgtest.Server(t))
	n := w.newNode(config{Name: "worker", Workers: 4, LeaseFor: 9 * time.Second, SweepEvery: time.Second})

	// What the looks are for is seen.
	seen, stopLooking := w.transactions()
	tx := must(n.db.BeginTx(t.Context(), &sql.TxOptions{}))(t)
	must(tx.Exec("SELECT 1"))(t)
	until(t, 30*time.Second, "a transaction that stays open is seen", func() bool { return seen().age > bound && seen().idle > bound })
	ok(t, tx.Rollback())
	stopLooking()

	seen, stopLooking = w.transactions()
	for i := range 4 {
		w.start(tenantID(i), 1)
	}
	w.start(tenantID(4), 2) // one waits for a worker, the other for its turn
	r := must(n.runner(n.queue, must(newGraph(takes))(t)))(t)
	began := time.Now()
	stop := w.run(r)
	w.allEnded(40 * takes)
	lasted := time.Since(began)
	stopLooking()
	stop()
	saw := seen()
	t.Logf("%d captures in %.1f s, %d looks: the oldest transaction was open for %v and idle for %v", w.planned, lasted.Seconds(), saw.n, saw.age, saw.idle)
	if saw.n < int(lasted/(time.Second)) {
		t.Errorf("only %d looks in %v", saw.n, lasted)
	}
	if saw.age > bound || saw.idle > bound {
		t.Errorf("a transaction was open for %v, idle for %v; Graph took %v to answer", saw.age, saw.idle, takes)
	}
	if lasted < 2*takes {
		t.Errorf("captures of %v ended after %v", 2*takes, lasted)
	}
	w.none("a run that has not succeeded at once", `SELECT id, status, attempt, error_code FROM tb_runs WHERE status <> 'success' OR lease_token <> 1`)
}
