package starts

import (
	"database/sql"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/runs/capture"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

// other is the tenant of somebody else.
const other = graph.TenantID("fabrikam")

// full makes a SQLite store with n runs in it that have ended, half of them in the tenant that
// starts more.
func full(b *testing.B, n int) *world {
	b.Helper()
	path := filepath.Join(b.TempDir(), "starts.db")
	s := must(sqlitestore.Open(b.Context(), path, sqlitestore.Options{}))(b)
	b.Cleanup(func() { ok(b, s.Close()) })
	ok(b, s.Migrate(b.Context()))
	q := &counting{}
	w := newWorld(b, backend{s, q, func() int { return int(q.n.Load()) }, func() { q.n.Store(0) }})
	for _, of := range []graph.TenantID{tenant, other} {
		run, _, err := w.starter.Start(b.Context(), of, owner, capture.SyncRequest(policyTypes))
		ok(b, err)
		_ = must(w.starter.Cancel(b.Context(), of, owner, run.ID))(b)
	}
	// To do the work of each would take long: the two are copied with new ids and times.
	raw := must(sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)"))(b)
	defer raw.Close()
	var columns, values string
	ok(b, raw.QueryRow(`SELECT group_concat('"' || name || '"'),
		group_concat(CASE name WHEN 'id' THEN 'randomblob(16)' WHEN 'created_at' THEN 'created_at - n * 1000000' ELSE '"' || name || '"' END)
		FROM pragma_table_info('tb_runs')`).Scan(&columns, &values))
	_, err := raw.Exec(`WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < ?)
		INSERT INTO tb_runs (`+columns+`) SELECT `+values+` FROM tb_runs, s`, n/2-1)
	ok(b, err)
	var stored int
	ok(b, raw.QueryRow("SELECT count(*) FROM tb_runs").Scan(&stored))
	if stored != n {
		b.Fatalf("%d of %d runs are stored", stored, n)
	}
	return w
}

// BenchmarkStart starts runs of every kind that people start, on a store with 100,000 runs:
// alone, and beside a run of another tenant that captures without a pause. What is started is
// cancelled, so that the next start makes a run, too. Its figure is the 99th percentile.
func BenchmarkStart(b *testing.B) {
	stored := 100_000
	if testing.Short() {
		stored = 200
	}
	w := full(b, stored)
	operations := w.operations()
	for _, name := range []string{"alone", "beside a capture"} {
		b.Run(name, func(b *testing.B) {
			if name != "alone" {
				defer w.capturing(b)()
			}
			for _, op := range operations {
				b.Run(op.name, func(b *testing.B) {
					var took []time.Duration
					for b.Loop() {
						began := time.Now()
						run, reused, err := op.start()
						took = append(took, time.Since(began))
						b.StopTimer()
						if err != nil || reused {
							b.Fatalf("reused %t, error %v", reused, err)
						}
						_, err = w.starter.Cancel(b.Context(), tenant, owner, run.ID)
						ok(b, err)
						b.StartTimer()
					}
					slices.Sort(took)
					b.ReportMetric(float64(took[(len(took)*99+99)/100-1])/1e6, "p99-ms")
					b.ReportMetric(float64(took[len(took)/2])/1e6, "p50-ms")
				})
			}
		})
	}
}

// capturing lets the runner capture another tenant again and again until the returned
// function is called.
func (w *world) capturing(b *testing.B) (stop func()) {
	b.Helper()
	ok(b, w.graph.AddTenant(other, graphtest.TenantConfig{Seed: 2, Policies: 500}))
	end := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-end:
				return
			default:
			}
			run, _, err := w.starter.Start(b.Context(), other, owner, capture.CreateSetRequest("Everything", capture.Selection{Everything: true}))
			if err == nil {
				err = w.runner.Handle(b.Context(), run.Job())
			}
			if err != nil && !strings.Contains(err.Error(), "context canceled") {
				b.Error(err)
				return
			}
		}
	})
	return func() { close(end); wg.Wait() }
}
