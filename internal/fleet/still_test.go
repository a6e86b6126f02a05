package fleet

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/internal/pgtest"
)

// A process that stands still for longer than its leases comes back in the belief that it
// holds them.
func TestAWorkerThatStoodStillWritesNothingIntoTheRunsOfOthers(t *testing.T) {
	const tenants = 6
	w := newWorld(t, pgtest.Server(t))
	c := config{Role: "worker", Name: "still", URL: w.url, Workers: tenants, LeaseFor: 2 * time.Second, SweepEvery: 200 * time.Millisecond, RetryBase: 10 * time.Millisecond, GraphTakes: time.Second}
	f := startFleet(t, c)
	still := f.list[0].cmd.Process
	for i := range tenants {
		w.start(tenantID(i), 1)
	}
	until(t, 30*time.Second, "every tenant has a run at work", func() bool {
		return w.number(`SELECT count(*) FROM tb_runs WHERE status = 'running'`) == tenants
	})
	ok(t, still.Signal(syscall.SIGSTOP))
	n := w.newNode(config{Name: "other", Workers: tenants, LeaseFor: time.Minute, SweepEvery: 200 * time.Millisecond, RetryBase: 10 * time.Millisecond})
	stop := w.run(must(n.runner(n.queue, must(newGraph(1500*time.Millisecond))(t)))(t))
	until(t, 2*time.Minute, "the other worker has all runs", func() bool {
		return w.number(`SELECT count(*) FROM tb_runs WHERE lease_owner = 'other' OR status = 'success'`) == tenants
	})
	ok(t, still.Signal(syscall.SIGCONT)) // while the other one is at work
	w.allEnded(time.Minute)
	until(t, time.Minute, "no job was left", func() bool { return w.number(`SELECT count(*) FROM gue_jobs`) == 0 })
	f.stop()
	stop()
	t.Logf("runs by claims: %v", w.lines(`SELECT lease_token, count(*) FROM tb_runs GROUP BY lease_token`))
	w.none("a run that was not taken away, or not brought to its end", `SELECT id, lease_token, status, error_code FROM tb_runs WHERE lease_token < 2 OR status <> 'success'`)
	w.none("a run whose end is told twice", `SELECT run_id, action, count(*) FROM tb_audit_log
		WHERE action IN ('run.finished', 'backup.created') GROUP BY run_id, action HAVING count(*) <> 1`)
	w.none("a run without one complete set of all policies", fmt.Sprintf(`SELECT r.id, s.status, s.items_count FROM tb_runs r
		LEFT JOIN tb_backup_sets s ON s.run_id = r.id WHERE s.status IS DISTINCT FROM 'complete' OR s.items_count <> %d OR r.succeeded <> %[1]d`, policies))
	w.check()
}
