package fleet

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/pgtest"
	"github.com/tenantatlas/tenantbackup/internal/uuidv7"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/guequeue"
	"github.com/tenantatlas/tenantbackup/store/bunstore"
	"github.com/tenantatlas/tenantbackup/store/pgstore"
)

// login is the user of the service: no superuser, owner of nothing, and without the rights
// of the roles it is a member of until it takes one.
const login = "tenantbackup_login"

// world is a database with the schema, row-level security and the queue's table.
type world struct {
	testing.TB
	admin *sql.DB // as the owner, who sees everything
	url   string  // as the login
	node  *node   // what the test itself does with the service

	starter *runs.Starter
	planned int // runs that there will be
}

func newWorld(t testing.TB, server *pgtest.Instance) *world {
	t.Helper()
	w := &world{TB: t}
	at := server.Database(t)
	pool := must(pgstore.Connect(t.Context(), at, pgstore.Connection{StatementTimeout: 5 * time.Minute}))(t)
	t.Cleanup(func() { pool.Close() })
	w.admin = pool.DB
	owner := must(pgstore.New(pool, pgstore.Options{RowSecurity: &bunstore.RowSecurity{Login: login}}))(t)
	ok(t, owner.Migrate(t.Context()))
	w.exec(`DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '` + login + `') THEN
		CREATE ROLE ` + login + ` LOGIN NOINHERIT PASSWORD '` + pgtest.Verifier("secret") + `'; END IF; END $$`)
	ok(t, owner.SecureRows(t.Context()))
	ok(t, guequeue.Migrate(t.Context(), w.admin))
	w.exec("GRANT SELECT, INSERT, UPDATE, DELETE ON gue_jobs TO tenantbackup_app, tenantbackup_system, " + login)
	u := must(url.Parse(at))(t)
	u.User = url.UserPassword(login, "secret")
	w.url = u.String()
	w.node = must(newNode(t.Context(), config{Name: "test", URL: w.url, Workers: 8}))(t)
	t.Cleanup(func() { ok(t, w.node.close()) })
	w.starter = must(runs.NewStarter(runs.StarterConfig{Store: w.node.store, Queue: w.node.queue, Authorizer: runs.RoleAuthorizer{
		RoleOf: func(context.Context, graph.TenantID, runs.Actor) (runs.Role, error) { return runs.RoleOwner, nil },
	}}))(t)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("runs: %v", w.lines(`SELECT status, attempt > 0 AS begun, error_code, count(*), min(lease_until), min(updated_at), min(not_before), now() FROM tb_runs GROUP BY 1, 2, 3`))
			t.Logf("jobs: %v", w.lines(`SELECT queue, count(*), min(run_at), max(run_at), max(error_count), max(last_error) FROM gue_jobs GROUP BY 1`))
		}
	})
	return w
}

func (w *world) exec(query string) {
	w.Helper()
	if _, err := w.admin.ExecContext(w.Context(), query); err != nil {
		w.Fatalf("%v: %s", err, query)
	}
}

// number asks for one number.
func (w *world) number(query string, args ...any) (n int) {
	w.Helper()
	if err := w.admin.QueryRowContext(w.Context(), query, args...).Scan(&n); err != nil {
		w.Fatalf("%v: %s", err, query)
	}
	return n
}

// lines asks for rows and returns each as text.
func (w *world) lines(query string) (list []string) {
	w.Helper()
	rows, err := w.admin.QueryContext(context.Background(), "SELECT r::text FROM ("+query+") AS r")
	if err != nil {
		w.Fatalf("%v: %s", err, query)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		ok(w, rows.Scan(&s))
		list = append(list, s)
	}
	ok(w, rows.Err())
	return list
}

func tenantID(n int) graph.TenantID { return graph.TenantID(fmt.Sprintf("tenant-%04d", n)) }

// plan makes n daily schedules of so many tenants, of which an equal part is due in each of
// the slots, minute after minute from the first one.
func (w *world) plan(n, tenants, slots int, first time.Time) {
	w.Helper()
	ids := uuidv7.NewGenerator(runs.SystemClock{}.Now)
	w.each(n, func(i int) error {
		tenant, slot := tenantID(i/slots%tenants), first.Add(time.Duration(i%slots)*time.Minute)
		return w.node.store.CreateSchedule(w.Context(), tenant, backupsched.Schedule{
			ID: runs.ID(ids.New()), TenantID: tenant, Name: fmt.Sprintf("Daily %d", i), Enabled: true,
			Recurrence:  backupsched.Recurrence{Frequency: backupsched.Daily, TimeOfDay: slot.Format("15:04"), Timezone: "UTC"},
			PolicyTypes: []graph.PolicyType{policyType}, RetentionKeepLast: 30,
			NextRunAt: slot, CreatedAt: first.Add(-time.Hour), UpdatedAt: first.Add(-time.Hour),
		}, runs.Trail{})
	})
	w.planned += n
	w.exec("ANALYZE")
}

// start starts so many backups of a tenant on behalf of the engine, in no order.
func (w *world) start(tenant graph.TenantID, n int) {
	w.Helper()
	w.each(n, func(i int) error {
		_, _, err := w.starter.StartSystem(w.Context(), tenant, runs.Request{
			Kind: runs.KindBackup, Key: fmt.Sprint(i), Params: runs.BackupParams{Name: "Now", PolicyTypes: []graph.PolicyType{policyType}}.JSON(),
		})
		return err
	})
	w.planned += n
}

// each calls do for the numbers below n, several at once.
func (w *world) each(n int, do func(i int) error) {
	w.Helper()
	next := make(chan int)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range next {
				if err := do(i); err != nil {
					w.Error(err)
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
	if w.Failed() {
		w.FailNow()
	}
}

// newNode makes a node that the test closes.
func (w *world) newNode(c config) *node {
	w.Helper()
	c.URL = w.url
	n := must(newNode(w.Context(), c))(w)
	w.Cleanup(func() { ok(w, n.close()) })
	return n
}

// runner is work that goes on until it is stopped, and then returns nil.
type runner interface {
	Run(ctx context.Context) error
}

// run lets them work until stop, or the end of the test.
func (w *world) run(list ...runner) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, r := range list {
		wg.Go(func() {
			if err := r.Run(ctx); err != nil {
				w.Errorf("Run: %v", err)
			}
		})
	}
	stop = func() { cancel(); wg.Wait() }
	w.Cleanup(stop)
	return stop
}

// thisMinute is when the first slot is: now, as far as schedules can tell.
func thisMinute() time.Time { return time.Now().UTC().Truncate(time.Minute) }

// allEnded waits until all runs that there will be have ended.
func (w *world) allEnded(within time.Duration) { w.Helper(); w.ended(within, w.planned) }

// ended waits until so many runs have.
func (w *world) ended(within time.Duration, n int) {
	w.Helper()
	until(w, within, fmt.Sprint(n, " runs ended"), func() bool {
		return w.number(`SELECT count(*) FROM tb_runs WHERE status NOT IN ('queued', 'running')`) >= n
	})
}
