package pgstore_test

import (
	"database/sql"
	"net/url"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/tenantatlas/tenantbackup/internal/pgtest"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/store/bunstore"
	"github.com/tenantatlas/tenantbackup/store/pgstore"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// way is one way to reach a store: a driver, with or without row-level security.
type way struct {
	name   string
	pgx    bool
	secure bool
}

func ways() []way {
	return []way{
		{name: "pgdriver"}, {name: "pgx", pgx: true},
		{name: "pgdriver with row-level security", secure: true}, {name: "pgx with row-level security", pgx: true, secure: true},
	}
}

// login is a user that is no superuser, does not own the tables and gets nothing by itself.
const login = "tenantbackup_login"

// database is a migrated database that one way leads to.
type database struct {
	way
	url   string  // as the owner
	admin *sql.DB // as the owner
	as    string  // the URL that the store uses
}

// newDatabase makes a database that is emptied again and again, which is quicker than a new one.
func newDatabase(t testing.TB, w way) *database {
	t.Helper()
	d := &database{way: w, url: pgtest.Server(t).Database(t)}
	d.as = d.url
	var err error
	if d.admin, err = sql.Open("pgx", d.url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.admin.Close() })
	d.exec(t, "SET client_min_messages = warning")
	owner := must(pgstore.Open(t.Context(), d.url, pgstore.Options{RowSecurity: d.security()}))(t)
	defer owner.Close()
	ok(t, owner.Migrate(t.Context()))
	if w.secure {
		d.exec(t, `DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '`+login+`') THEN
			CREATE ROLE `+login+` LOGIN NOINHERIT PASSWORD '`+pgtest.Verifier("secret")+`'; END IF; END $$`)
		ok(t, owner.SecureRows(t.Context()))
		u := must(url.Parse(d.url))(t)
		u.User = url.UserPassword(login, "secret")
		d.as = u.String()
	}
	return d
}

func (d *database) security() *bunstore.RowSecurity {
	if !d.secure {
		return nil
	}
	return &bunstore.RowSecurity{Login: login}
}

func (d *database) exec(t testing.TB, query string) {
	t.Helper()
	if _, err := d.admin.Exec(query); err != nil {
		t.Fatalf("%v: %s", err, query)
	}
}

// empty removes all rows but the bookkeeping's.
func (d *database) empty(t testing.TB) {
	t.Helper()
	d.exec(t, pgtest.Empty("tb_schedules", "tb_runs", "tb_run_items", "tb_audit_log", "tb_audit_heads", "tb_notifications", "tb_policies", "tb_payloads",
		"tb_policy_versions", "tb_backup_sets", "tb_backup_manifests", "tb_backup_holds", "tb_backup_items",
		"tb_previews", "tb_preview_items", "tb_restore_steps", "tb_uploads", "tb_upload_chunks")+
		`; DELETE FROM tb_tallies WHERE shard <> 0; UPDATE tb_tallies SET rows = 0 WHERE name <> 'migrations'`)
}

// store opens the database the way it is for.
func (d *database) store(t testing.TB, clock runs.Clock) *bunstore.Store {
	t.Helper()
	opts := pgstore.Options{Clock: clock, RowSecurity: d.security()}
	if !d.pgx {
		s := must(pgstore.Open(t.Context(), d.as, opts))(t)
		t.Cleanup(func() { ok(t, s.Close()) })
		return s.Store
	}
	pool := must(sql.Open("pgx", d.as))(t)
	t.Cleanup(func() { ok(t, pool.Close()) })
	return must(pgstore.New(bun.NewDB(pool, pgdialect.New()), opts))(t)
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
