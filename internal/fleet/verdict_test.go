package fleet

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/store"
)

// none reports the rows of a query that must have none.
func (w *world) none(what, query string) {
	w.Helper()
	if list := w.lines(query); len(list) > 0 {
		w.Errorf("%d times: %s; the first: %s", len(list), what, list[0])
	}
}

// verdict asks the database for everything that must hold once all runs have ended.
func (w *world) verdict() {
	w.Helper()
	w.none("not exactly one run for a schedule's slot", `SELECT s.id, s.next_run_at, count(r.id) FROM tb_schedules s
		LEFT JOIN tb_runs r ON r.schedule_id = s.id AND r.scheduled_for = s.next_run_at - interval '1 day' GROUP BY s.id, s.next_run_at HAVING count(r.id) <> 1`)
	if n := w.number(`SELECT count(*) FROM tb_runs`); n != w.planned {
		w.Errorf("%d runs for %d slots", n, w.planned)
	}
	w.none("a run that has not succeeded", `SELECT id, status, error_code, error_message, attempt FROM tb_runs WHERE status <> 'success'`)
	w.none("a run without a complete set of all policies", fmt.Sprintf(`SELECT r.id, s.status, s.items_count FROM tb_runs r
		LEFT JOIN tb_backup_sets s ON s.tenant_id = r.tenant_id AND s.id = r.backup_set_id AND s.run_id = r.id
		WHERE s.status IS DISTINCT FROM 'complete' OR s.items_count <> %d OR r.succeeded <> %[1]d`, policies))
	w.none("a set that no run has", `SELECT id FROM tb_backup_sets s WHERE NOT EXISTS (SELECT 1 FROM tb_runs r WHERE r.id = s.run_id AND r.backup_set_id = s.id)`)
	// All captures of a tenant have seen the same, so it is there once.
	w.none("a tenant with other content than a run alone leaves", fmt.Sprintf(`SELECT tenant_id, count(*), count(DISTINCT payload_id)
		FROM tb_policy_versions GROUP BY tenant_id HAVING count(*) <> %d OR count(DISTINCT payload_id) <> %[1]d`, policies))
	w.none("an audit log that does not tell each claim and each end once", `SELECT r.id, r.lease_token, a.* FROM tb_runs r
		LEFT JOIN LATERAL (SELECT count(*) FILTER (WHERE action = 'run.started') AS started, count(*) FILTER (WHERE action = 'run.retried') AS retried,
			count(*) FILTER (WHERE action = 'run.finished') AS finished, count(*) FILTER (WHERE action = 'backup.created') AS created
			FROM tb_audit_log l WHERE l.tenant_id = r.tenant_id AND l.run_id = r.id) AS a ON true
		WHERE a.started <> r.lease_token OR a.retried <> r.lease_token - 1 OR a.finished <> 1 OR a.created <> 1`)
	w.none("an audit log whose numbers have a gap", `SELECT h.tenant_id, h.seq, count(l.seq) FROM tb_audit_heads h
		LEFT JOIN tb_audit_log l ON l.tenant_id = h.tenant_id GROUP BY h.tenant_id, h.seq HAVING count(l.seq) <> h.seq OR max(l.seq) <> h.seq`)
	w.none("a job that is left", `SELECT * FROM gue_jobs`)
	w.check()
}

// check reads and hashes everything, and verifies every set as a person does.
func (w *world) check() {
	w.Helper()
	report, err := w.node.store.Check(w.Context(), store.CheckOptions{ReadData: true})
	ok(w, err)
	for i, p := range report.Problems {
		if i < 5 {
			w.Errorf("the store is not sound: %+v", p)
		}
	}
	verifier := must(backupset.NewVerifier(w.node.store, nil))(w)
	type key struct {
		tenant graph.TenantID
		set    runs.ID
	}
	sets := make(chan key)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for k := range sets {
				v, err := verifier.Verify(context.Background(), k.tenant, k.set)
				if err != nil || !v.Sound() || v.Checked != policies {
					w.Errorf("set %s of %s: %+v, error %v", k.set, k.tenant, v, err)
				}
			}
		})
	}
	rows, err := w.admin.QueryContext(w.Context(), `SELECT tenant_id, id::text FROM tb_backup_sets WHERE status = 'complete'`)
	ok(w, err)
	defer rows.Close()
	verified := 0
	for rows.Next() {
		var k key
		ok(w, rows.Scan(&k.tenant, &k.set))
		sets <- k
		verified++
	}
	close(sets)
	wg.Wait()
	ok(w, rows.Err())
	w.Logf("%d rows checked, %d payloads read, %d sets verified", report.Rows, report.Payloads, verified)
}

// watch looks at the runs again and again until stop, which returns what the looks found.
type watch struct {
	looks   int
	overdue time.Duration // the longest that a run was running after its lease
	running int           // the most at once
	owners  int           // the most workers that had one at once
}

// watch samples what must hold at any moment: no tenant has more runs at work than lanes.
func (w *world) watch(every time.Duration) (stop func() watch) {
	end, done := make(chan struct{}), make(chan struct{})
	var found watch
	go func() {
		defer close(done)
		for {
			var overdue float64
			var running, owners, crowded int
			err := w.admin.QueryRow(`SELECT count(*), count(DISTINCT lease_owner), coalesce(max(extract(epoch FROM clock_timestamp() - lease_until)), 0)::float8,
				(SELECT count(*) FROM (SELECT 1 FROM tb_runs WHERE status = 'running' GROUP BY tenant_id HAVING count(*) > 1) AS t)
				FROM tb_runs WHERE status = 'running'`).Scan(&running, &owners, &overdue, &crowded)
			if err == nil { // else it is being restarted
				found.looks++
				found.overdue = max(found.overdue, time.Duration(overdue*float64(time.Second)))
				found.running, found.owners = max(found.running, running), max(found.owners, owners)
				if crowded > 0 {
					w.Errorf("%d tenants have more than one run at work", crowded)
				}
			}
			select {
			case <-end:
				return
			case <-time.After(every):
			}
		}
	}()
	var once sync.Once
	stop = func() watch {
		once.Do(func() { close(end) })
		<-done
		return found
	}
	w.Cleanup(func() { stop() })
	return stop
}
