package bunstore_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/internal/pgtest"
	"github.com/tenantatlas/tenantbackup/store/bunstore"
	"github.com/tenantatlas/tenantbackup/store/pgstore"
)

// pgDatabase is a Postgres database of one test and those who use it. Its roles have names
// of their own, since all databases of a server share them.
type pgDatabase struct {
	testing.TB
	url, loginURL string
	admin         *sql.DB // of a superuser
	security      bunstore.RowSecurity
}

func newPostgres(t testing.TB) *pgDatabase {
	t.Helper()
	server := pgtest.Server(t)
	suffix := strings.ToLower(rand.Text()[:10])
	d := &pgDatabase{TB: t, security: bunstore.RowSecurity{
		AppRole: "app '" + suffix, SystemRole: "system " + suffix, Login: "login_" + suffix,
	}}
	t.Cleanup(func() { // after the database, where they have privileges
		db := d.openRaw(server.URL())
		for _, role := range []string{d.security.Login, d.security.AppRole, d.security.SystemRole} {
			d.execOn(db, `DROP ROLE IF EXISTS "`+role+`"`)
		}
		d.ok(db.Close())
	})
	d.url = server.Database(t)
	d.admin = d.openRaw(d.url)
	t.Cleanup(func() { _ = d.admin.Close() })
	d.exec(`CREATE ROLE ` + d.security.Login + ` LOGIN NOINHERIT PASSWORD '` + pgtest.Verifier("secret") + `'`)
	u, err := url.Parse(d.url)
	d.ok(err)
	u.User = url.UserPassword(d.security.Login, "secret")
	d.loginURL = u.String()
	return d
}

// migrated is a new database with the schema, and with row-level security.
func migrated(t testing.TB) (*pgDatabase, *pgstore.Store) {
	t.Helper()
	d := newPostgres(t)
	owner := d.open(d.url, d.options())
	d.ok(owner.Migrate(t.Context()))
	d.ok(owner.SecureRows(t.Context()))
	return d, d.open(d.loginURL, d.options())
}

func (d *pgDatabase) options() pgstore.Options {
	return pgstore.Options{RowSecurity: &d.security, Connection: pgstore.Connection{MaxConns: 4}}
}

func (d *pgDatabase) ok(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

// open opens a store until the test ends.
func (d *pgDatabase) open(url string, opts pgstore.Options) *pgstore.Store {
	d.Helper()
	s, err := pgstore.Open(d.Context(), url, opts)
	d.ok(err)
	d.Cleanup(func() { _ = s.Close() })
	return s
}

func (d *pgDatabase) openRaw(url string) *sql.DB {
	d.Helper()
	db, err := sql.Open("pgx", url)
	d.ok(err)
	return db
}

func (d *pgDatabase) exec(queries ...string) {
	d.Helper()
	for _, query := range queries {
		d.execOn(d.admin, query)
	}
}

func (d *pgDatabase) execOn(db *sql.DB, query string) {
	d.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := db.ExecContext(ctx, query); err != nil {
		d.Fatalf("%v: %.300s", err, query)
	}
}

// strings returns the one column of a query; NULL is "NULL".
func (d *pgDatabase) strings(query string) []string {
	d.Helper()
	list, err := stringsOf(d.Context(), d.admin, query)
	if err != nil {
		d.Fatalf("%v: %.300s", err, query)
	}
	return list
}

// asker is a pool, a connection or a transaction.
type asker interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func stringsOf(ctx context.Context, db asker, query string) (list []string, err error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s sql.NullString
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		if !s.Valid {
			s.String = "NULL"
		}
		list = append(list, s.String)
	}
	return list, rows.Err()
}

// tables lists those with and without a tenant, in the schema that is searched first.
func (d *pgDatabase) tables(tenants bool) []string {
	d.Helper()
	not := "NOT "
	if tenants {
		not = ""
	}
	return d.strings(`SELECT c.relname FROM pg_class AS c WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
		AND ` + not + `EXISTS (SELECT 1 FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id') ORDER BY 1`)
}
