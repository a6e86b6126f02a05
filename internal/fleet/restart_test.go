package fleet

import (
	"fmt"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/internal/pgtest"
)

func TestPostgresRestartedInTheMiddleLosesNothing(t *testing.T) {
	noLeaks(t)
	const schedules, tenants, slots, restarts = 200, 100, 10, 3
	server := pgtest.Start(t, pgtest.Options{})
	w := newWorld(t, server)
	first := thisMinute().Add(-30 * time.Minute)
	w.plan(schedules, tenants, slots, first)
	// A slot each second.
	clock := fast{began: time.Now(), shows: first.Add(-30 * time.Second), times: 60}
	var service []runner
	for i := range 2 {
		d := w.newNode(config{Name: fmt.Sprint("dispatcher ", i), ChunkSize: 5, Grace: time.Hour})
		service = append(service, must(d.dispatcher(clock))(t))
		n := w.newNode(config{
			Name: fmt.Sprint("worker ", i), Workers: 4, LeaseFor: 2 * time.Second, SweepEvery: 500 * time.Millisecond, RetryBase: 100 * time.Millisecond,
		})
		service = append(service, must(n.runner(n.queue, must(newGraph(50*time.Millisecond))(t)))(t))
	}
	began := time.Now()
	stop := w.run(service...)
	looked := w.watch(100 * time.Millisecond)
	for i := range restarts {
		<-time.After(time.Second)
		until(t, 20*time.Second, "runs are under way", func() bool {
			return w.number(`SELECT count(*) FROM tb_runs WHERE status = 'running'`) >= 4
		})
		server.Restart(t)
		t.Logf("restart %d after %.1f s: %v", i+1, time.Since(began).Seconds(), w.lines(`SELECT status, count(*) FROM tb_runs GROUP BY status`))
	}
	w.allEnded(time.Minute)
	took := time.Since(began)
	until(t, time.Minute, "no job was left", func() bool { return w.number(`SELECT count(*) FROM gue_jobs`) == 0 })
	stop()
	found := looked()
	t.Logf("%d runs in %.1f s, %d brought back, at most %.1f s past a lease", schedules, took.Seconds(),
		w.number(`SELECT count(*) FROM tb_audit_log WHERE action = 'run.retried'`), found.overdue.Seconds())
	w.verdict()
}
