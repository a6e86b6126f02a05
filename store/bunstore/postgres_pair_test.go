package bunstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/internal/pgtest"
	"github.com/tenantatlas/tenantbackup/store"
	"github.com/tenantatlas/tenantbackup/store/bunstore"
	"github.com/tenantatlas/tenantbackup/store/pgstore"
)

// pair is a migrated database with two stores, each over connections of its own as two
// processes have them, and a way behind their backs.
type pair struct {
	*testing.T
	url   string
	admin *sql.DB // as a superuser
	two   [2]*pgstore.Store
}

func newPair(t *testing.T, opts pgstore.Options) *pair {
	t.Helper()
	p := &pair{T: t, url: pgtest.Server(t).Database(t)}
	var err error
	p.admin, err = sql.Open("pgx", p.url)
	p.ok(err)
	t.Cleanup(func() { _ = p.admin.Close() })
	owner := p.open(p.url, pgstore.Options{RowSecurity: opts.RowSecurity})
	p.ok(owner.Migrate(t.Context()))
	as := p.url
	if opts.RowSecurity != nil {
		p.exec(`DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'guest') THEN
			CREATE ROLE guest LOGIN NOINHERIT PASSWORD '` + pgtest.Verifier("secret") + `'; END IF; END $$`)
		p.ok(owner.SecureRows(t.Context()))
		u, err := url.Parse(p.url)
		p.ok(err)
		u.User = url.UserPassword("guest", "secret")
		as = u.String()
	}
	p.two = [2]*pgstore.Store{p.open(as, opts), p.open(as, opts)}
	return p
}

// guest is a login whom the database confines to its tenant.
func guest() *bunstore.RowSecurity { return &bunstore.RowSecurity{Login: "guest"} }

func (p *pair) open(url string, opts pgstore.Options) *pgstore.Store {
	p.Helper()
	s, err := pgstore.Open(p.Context(), url, opts)
	p.ok(err)
	p.Cleanup(func() { _ = s.Close() })
	return s
}

func (p *pair) ok(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

func (p *pair) exec(query string) {
	p.Helper()
	if _, err := p.admin.Exec(query); err != nil {
		p.Fatalf("%v: %.300s", err, query)
	}
}

func (p *pair) strings(query string) []string {
	p.Helper()
	return rawStrings(p, p.admin, query)
}

// sound fails the test when a check of the store finds anything.
func (p *pair) sound() {
	p.Helper()
	report, err := p.two[0].Check(p.Context(), store.CheckOptions{ReadData: true})
	p.ok(err)
	if len(report.Problems) > 0 {
		p.Errorf("problems: %+v", report.Problems)
	}
}

// empty makes the database as it was after the migration, which is quicker than a new one.
func (p *pair) empty() {
	p.Helper()
	p.exec(pgtest.Empty("tb_schedules", "tb_runs", "tb_run_items", "tb_audit_log", "tb_audit_heads", "tb_notifications", "tb_policies", "tb_payloads",
		"tb_policy_versions", "tb_backup_sets", "tb_backup_manifests", "tb_backup_holds", "tb_backup_items",
		"tb_previews", "tb_preview_items", "tb_restore_steps", "tb_uploads", "tb_upload_chunks") +
		`; DELETE FROM tb_tallies WHERE shard <> 0; UPDATE tb_tallies SET rows = 0 WHERE name <> 'migrations'`)
}

// waiters waits until n sessions of the database wait for a lock.
func (p *pair) waiters(n int) {
	p.Helper()
	for until := time.Now().Add(20 * time.Second); ; <-time.After(2 * time.Millisecond) {
		var got int
		p.ok(p.admin.QueryRow("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&got))
		switch {
		case got == n:
			return
		case time.Now().After(until):
			p.Fatalf("%d sessions wait for a lock, want %d: %q", got, n, p.strings(
				"SELECT wait_event_type || ' ' || wait_event || ' ' || left(query, 200) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle'"))
		}
	}
}

// commitsHeld keeps every transaction that adds or removes rows from ending, all its other
// writes being done, until the function that it returns is called.
func (p *pair) commitsHeld() (release func()) {
	p.Helper()
	tx, err := p.admin.Begin()
	p.ok(err)
	_, err = tx.Exec("LOCK TABLE tb_tallies IN SHARE MODE")
	p.ok(err)
	p.Cleanup(func() { _ = tx.Rollback() })
	return func() { p.ok(tx.Rollback()) }
}

// inOrder lets calls meet: each begins when those before it wait, the first one being about
// to commit. It returns their errors.
func (p *pair) inOrder(calls ...func() error) []error {
	p.Helper()
	release := p.commitsHeld()
	errs := make([]error, len(calls))
	var wg sync.WaitGroup
	for i, call := range calls {
		wg.Go(func() { errs[i] = call() })
		p.waiters(i + 1)
	}
	release()
	wg.Wait()
	return errs
}

// crowd is how many callers call at once.
const crowd = 8

// atOnce calls step for 0 to n-1 in goroutines that start together, and returns the errors.
// Even ones should use the first store and odd ones the second.
func (p *pair) atOnce(n int, step func(s store.Store, i int) error) []error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	gate := make(chan struct{})
	for i := range n {
		wg.Go(func() { <-gate; errs[i] = step(p.two[i%2], i) })
	}
	close(gate)
	wg.Wait()
	return errs
}

func (p *pair) allOK(errs []error) {
	p.Helper()
	for i, err := range errs {
		if err != nil {
			p.Errorf("caller %d: %v", i, err)
		}
	}
}

func (p *pair) want(query string, want ...string) {
	p.Helper()
	if got := p.strings(query); !slices.Equal(got, want) {
		p.Errorf("got %s, want %s: %s", fmt.Sprint(got), fmt.Sprint(want), query)
	}
}

// of is the same database for a test within the test.
func (p *pair) of(t *testing.T) *pair {
	q := *p
	q.T = t
	return &q
}

func exec(conn *sql.Conn, query string) error {
	_, err := conn.ExecContext(context.Background(), query)
	return err
}
