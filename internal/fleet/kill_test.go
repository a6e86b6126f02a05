package fleet

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/internal/pgtest"
)

// killing is the size of the campaign with kills.
type killing struct {
	schedules, tenants, slots int
	every, sweep              time.Duration // between kills, and between a worker's sweeps
	chunk                     int           // schedules in a dispatcher's transaction
	within                    time.Duration
}

func TestManyDispatchersAndWorkersMakeOneResult(t *testing.T) {
	size := killing{schedules: 400, tenants: 40, slots: 10, every: 300 * time.Millisecond, sweep: time.Second, chunk: 5, within: 2 * time.Minute}
	if *campaign {
		size = killing{schedules: 50_000, tenants: 1000, slots: 10, every: time.Second, sweep: 5 * time.Second, chunk: 500, within: 50 * time.Minute}
	}
	w := newWorld(t, pgtest.Start(t, pgtest.Options{}))
	// The last slot is now: of a run that was made in the future no sweep would say that it
	// has waited for long.
	first := thisMinute().Add(-time.Duration(size.slots-1) * time.Minute)
	w.plan(size.schedules, size.tenants, size.slots, first)

	const dispatchers, workers = 4, 8
	var configs []config
	add := func(role string, n int) {
		for i := range n {
			configs = append(configs, config{
				Role: role, Name: fmt.Sprint(role, " ", i), URL: w.url, Workers: 3, ChunkSize: size.chunk,
				LeaseFor: 3 * time.Second, SweepEvery: size.sweep, RetryBase: 100 * time.Millisecond, GraphTakes: 5 * time.Millisecond,
			})
		}
	}
	add("dispatcher", dispatchers)
	add("worker", workers)
	began := time.Now()
	f := startFleet(t, configs...)
	looked := w.watch(100 * time.Millisecond)

	done := make(chan struct{})
	var killer sync.WaitGroup
	killer.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(size.every):
				f.kill(rand.IntN(len(configs)))
			}
		}
	})
	stop := sync.OnceFunc(func() { close(done); killer.Wait() })
	t.Cleanup(stop)
	for k := range size.slots {
		slot := first.Add(time.Duration(k) * time.Minute)
		f.tell(slot)
		// Some die while they dispatch.
		<-time.After(time.Duration(rand.IntN(30)) * time.Millisecond)
		f.kill(rand.IntN(dispatchers))
		until(t, size.within, fmt.Sprint("slot ", k, " was dispatched and most of its runs ended"), func() bool {
			return w.number(`SELECT count(*) FROM tb_schedules WHERE next_run_at <= $1`, slot) == 0 &&
				w.number(`SELECT count(*) FROM tb_runs WHERE status IN ('queued', 'running')`) <= size.schedules/size.slots/2
		})
	}
	w.allEnded(size.within)
	took := time.Since(began)
	stop()
	until(t, time.Minute, "no job was left", func() bool { return w.number(`SELECT count(*) FROM gue_jobs`) == 0 })
	f.stop()
	found := looked()

	t.Logf("%d schedules of %d tenants, %d slots, %d dispatchers, %d workers, %.1f s", size.schedules, size.tenants, size.slots, dispatchers, workers, took.Seconds())
	t.Logf("kills: %s, each started again", f.killed())
	t.Logf("runs by status: %v", w.lines(`SELECT status, count(*) FROM tb_runs GROUP BY status`))
	t.Logf("rescues: %d; runs that needed more than one attempt: %d, most attempts %d",
		w.number(`SELECT count(*) FROM tb_audit_log WHERE action = 'run.retried'`), w.number(`SELECT count(*) FROM tb_runs WHERE attempt > 1`), w.number(`SELECT max(attempt) FROM tb_runs`))
	t.Logf("%d looks: at most %d runs at work, at most %.1f s past a lease", found.looks, found.running, found.overdue.Seconds())
	if found.overdue > size.sweep+10*time.Second {
		t.Errorf("a run was running %v after its lease had ended", found.overdue)
	}
	w.verdict()
}
