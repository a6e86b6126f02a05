package bunstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/internal/pgtest"
	"github.com/tenantatlas/tenantbackup/runs/guequeue"
	"github.com/tenantatlas/tenantbackup/store/bunstore"
	"github.com/tenantatlas/tenantbackup/store/pgstore"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// rival is a Postgres with due schedules, whose state can be brought back.
type rival struct {
	*testing.B
	url   string
	admin *sql.DB
	store *pgstore.Store
	n     int
	jobs  bool // runs get a job in their transaction
}

func newRival(b *testing.B, n, perTenant int) *rival {
	b.Helper()
	r := &rival{B: b, n: n}
	r.url = pgtest.Start(b, pgtest.Options{Durable: true}).Database(b)
	r.store = r.open(pgstore.Options{})
	r.ok(r.store.Migrate(b.Context()))
	dueSchedules(b, r.store.Store, n, perTenant)
	var err error
	r.admin, err = sql.Open("pgx", r.url)
	r.ok(err)
	b.Cleanup(func() { _ = r.admin.Close() })
	r.exec("CREATE TABLE saved AS SELECT * FROM tb_schedules")
	return r
}

func (r *rival) open(opts pgstore.Options) *pgstore.Store {
	r.Helper()
	s, err := pgstore.Open(r.Context(), r.url, opts)
	r.ok(err)
	r.Cleanup(func() { _ = s.Close() })
	return s
}

// withJobs lets the store put a job for every run into gue's table, in the run's transaction.
func (r *rival) withJobs() {
	r.Helper()
	r.ok(guequeue.Migrate(r.Context(), r.admin))
	queue, err := guequeue.New(r.admin, guequeue.Options{})
	r.ok(err)
	r.jobs, r.store = true, r.open(pgstore.Options{Enqueuer: queue})
}

// secured is the store of a user whom the database confines to its tenant.
func (r *rival) secured() *pgstore.Store {
	r.Helper()
	r.exec("CREATE ROLE rival LOGIN NOINHERIT PASSWORD 'secret'")
	security := &bunstore.RowSecurity{Login: "rival"}
	r.ok(r.open(pgstore.Options{RowSecurity: security}).SecureRows(r.Context()))
	u, err := url.Parse(r.url)
	r.ok(err)
	u.User = url.UserPassword("rival", "secret")
	r.url = u.String()
	return r.open(pgstore.Options{RowSecurity: security})
}

func (r *rival) ok(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *rival) exec(query string) {
	r.Helper()
	if _, err := r.admin.Exec(query); err != nil {
		r.Fatalf("%v: %s", err, query)
	}
}

// reset makes all schedules due again and forgets their runs.
func (r *rival) reset() {
	r.exec("TRUNCATE tb_schedules, tb_runs, tb_audit_log CASCADE")
	if r.jobs {
		r.exec("TRUNCATE gue_jobs")
	}
	r.exec("INSERT INTO tb_schedules SELECT * FROM saved")
	r.exec("VACUUM ANALYZE tb_schedules")
	r.exec("CHECKPOINT")
}

// dispatch lets as many dispatchers tick at once and returns how many schedules a second
// they took, from the first one's begin to the last one's end.
func (r *rival) dispatch(dispatchers, chunk, limit int) float64 {
	r.Helper()
	if limit < r.n { // only some are due
		r.exec(fmt.Sprintf("UPDATE tb_schedules SET enabled = false WHERE id NOT IN (SELECT id FROM tb_schedules ORDER BY id LIMIT %d)", limit))
	}
	var wg sync.WaitGroup
	queued := make([]int, dispatchers)
	errs := make([]error, dispatchers)
	began := time.Now()
	for i := range dispatchers {
		d, err := backupsched.NewDispatcher(backupsched.DispatcherConfig{Store: r.store, Queue: nowhere{}, Clock: &day{now: dueAt}, ChunkSize: chunk})
		r.ok(err)
		wg.Go(func() {
			report, err := d.Tick(context.Background())
			queued[i], errs[i] = report.Queued, err
		})
	}
	wg.Wait()
	took := time.Since(began)
	if r.jobs {
		var n int
		r.ok(r.admin.QueryRow("SELECT count(*) FROM gue_jobs").Scan(&n))
		if n != limit {
			r.Fatalf("%d jobs of %d runs", n, limit)
		}
	}
	sum := 0
	for i := range queued {
		r.ok(errs[i])
		sum += queued[i]
	}
	if sum != limit {
		r.Fatalf("%d runs were made of %d schedules", sum, limit)
	}
	return float64(limit) / took.Seconds()
}

// statement does the work of dispatching in one statement: what the database itself can do.
// It plans nothing and computes no checksums.
func (r *rival) statement() float64 {
	r.Helper()
	began := time.Now()
	job := ""
	if r.jobs {
		job = `, job AS (
			INSERT INTO gue_jobs (job_id, queue, priority, run_at, job_type, args, created_at, updated_at)
			SELECT lpad(to_hex(n), 32, '0'), 'tenantbackup', 0, $1, 'run', decode('` + strings.Repeat("00", 120) + `', 'hex'), $1, $1
			FROM due ORDER BY n RETURNING 1
		)`
	}
	_, err := r.admin.Exec(`WITH due AS (
			SELECT tenant_id, id, next_run_at, row_number() OVER (ORDER BY next_run_at, tenant_id, id) AS n FROM (
				SELECT tenant_id, id, next_run_at FROM tb_schedules
				WHERE enabled AND deleted_at IS NULL AND next_run_at <= $1
				ORDER BY next_run_at, tenant_id, id FOR NO KEY UPDATE SKIP LOCKED) AS locked
		), made AS (
			INSERT INTO tb_runs (tenant_id, id, kind, "trigger", actor_id, actor_name, status, "key", schedule_id, scheduled_for,
				target_type, target_id, params, created_at, updated_at, row_sum)
			SELECT tenant_id, ('019cad00-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'backup', 'schedule', 'system', 'System', 'queued',
				'slot:' || id || ':' || extract(epoch FROM next_run_at)::bigint, id, next_run_at, 'schedule', id::text,
				'{"policy_types":["settingsCatalogPolicy","deviceCompliancePolicy"]}', $1, $1, n * 7919 - 5000000000
			FROM due ORDER BY n ON CONFLICT DO NOTHING RETURNING 1
		), moved AS (
			UPDATE tb_schedules AS s SET next_run_at = due.next_run_at + interval '1 day', row_sum = s.row_sum + 1
			FROM due WHERE s.tenant_id = due.tenant_id AND s.id = due.id RETURNING 1
		)`+job+`
		INSERT INTO tb_audit_log (tenant_id, seq, at, row_sum) SELECT '', 1, $1, (SELECT count(*) FROM made) + (SELECT count(*) FROM moved)`, dueAt)
	r.ok(err)
	return float64(r.n) / time.Since(began).Seconds()
}

// BenchmarkPostgresDispatch compares dispatching with what the database can do at most, one
// statement for everything, and with a transaction for each schedule. All are measured in
// one run, one after the other, on the same server.
func BenchmarkPostgresDispatch(b *testing.B) {
	n, few := 100_000, 4_000
	if testing.Short() {
		n, few = 2_000, 200
	}
	r := newRival(b, n, 100)
	var limit, one, two, rows, peak float64
	rounds := 0
	for b.Loop() {
		rounds++
		r.reset()
		limit += r.statement()
		r.reset()
		memory := watchMemory(b)
		one += r.dispatch(1, 1000, n)
		peak = max(peak, memory())
		r.reset()
		two += r.dispatch(2, 1000, n)
		r.reset()
		rows += r.dispatch(1, 1, few)
	}
	k := float64(rounds)
	b.ReportMetric(limit/k, "statement/s")
	b.ReportMetric(one/k, "one/s")
	b.ReportMetric(two/k, "two/s")
	b.ReportMetric(rows/k, "row-by-row/s")
	b.ReportMetric(peak, "MiB_above_idle")
	b.ReportMetric(one/limit, "x_statement_one")
	b.ReportMetric(two/limit, "x_statement_two")
	b.ReportMetric(one/rows, "x_row-by-row")
}

// BenchmarkPostgresDispatchWithJobs is the same with a job for every run, put into gue's table
// in the run's transaction, as guequeue does it.
func BenchmarkPostgresDispatchWithJobs(b *testing.B) {
	n := 100_000
	if testing.Short() {
		n = 2_000
	}
	r := newRival(b, n, 100)
	r.withJobs()
	var limit, one, two float64
	rounds := 0.0
	for b.Loop() {
		rounds++
		r.reset()
		limit += r.statement()
		r.reset()
		one += r.dispatch(1, 1000, n)
		r.reset()
		two += r.dispatch(2, 1000, n)
	}
	b.ReportMetric(limit/rounds, "statement/s")
	b.ReportMetric(one/rounds, "one/s")
	b.ReportMetric(two/rounds, "two/s")
	b.ReportMetric(one/limit, "x_statement_one")
	b.ReportMetric(two/limit, "x_statement_two")
}

// watchMemory samples what the process has of the system's memory for its heap and stacks,
// beginning with a heap that was just collected, until the function that it returns is
// called. That tells by how many MiB it grew at most.
func watchMemory(b *testing.B) func() float64 {
	b.Helper()
	debug.FreeOSMemory()
	held := func() float64 {
		samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
		metrics.Read(samples)
		return float64(samples[0].Value.Uint64()-samples[1].Value.Uint64()) / (1 << 20)
	}
	idle, peak := held(), 0.0
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			peak = max(peak, held()-idle)
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	return func() float64 { close(stop); <-stopped; return peak }
}
