package fleet

import (
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/internal/pgtest"
)

func TestAProcessThatStopsGivesItsRunsToAnother(t *testing.T) {
	const tenants = 4
	w := newWorld(t, pgtest.Server(t))
	for i := range tenants {
		w.start(tenantID(i), 2) // of which one waits for its turn
	}
	// The lease outlives the test, so that nothing comes back by a sweep.
	c := config{
		Role: "worker", Name: "stops", URL: w.url, Workers: tenants, LeaseFor: 10 * time.Minute, SweepEvery: 10 * time.Minute,
		StopGrace: 200 * time.Millisecond, GraphTakes: 5 * time.Minute,
	}
	f := startFleet(t, c)
	until(t, 30*time.Second, "every tenant has a run at work", func() bool {
		return w.number(`SELECT count(*) FROM tb_runs WHERE status = 'running'`) == tenants
	})
	began := time.Now()
	f.stop()
	t.Logf("stopped after %.1f s", time.Since(began).Seconds())
	w.none("a run that was not given back as it was", `SELECT id, status, attempt, stalls, lane, error_code FROM tb_runs
		WHERE status <> 'queued' OR attempt <> 0 OR stalls <> 0 OR lane <> 0 OR error_code IS NOT NULL`)
	w.none("a tenant without a job", `SELECT tenant_id FROM tb_runs EXCEPT SELECT convert_from(args, 'UTF8')::json->>'tenant_id' FROM gue_jobs`)
	n := w.newNode(config{Name: "goes on", Workers: tenants, LeaseFor: 10 * time.Minute, SweepEvery: 10 * time.Minute})
	stop := w.run(must(n.runner(n.queue, must(newGraph(0))(t)))(t))
	w.allEnded(30 * time.Second)
	stop()
	w.none("a run that has not succeeded at its first attempt", `SELECT id, status, attempt FROM tb_runs WHERE status <> 'success' OR attempt <> 1`)
}
