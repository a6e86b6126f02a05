package bunstore_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/store"
	"github.com/tenantatlas/tenantbackup/store/bunstore"
	"github.com/tenantatlas/tenantbackup/store/pgstore"
)

// catalogue describes everything that a schema holds, but for its own name.
func (d *pgDatabase) catalogue(schema string) []string {
	d.Helper()
	name := "'" + strings.ReplaceAll(schema, "'", "''") + "'"
	list := d.strings(strings.ReplaceAll(`WITH here AS (SELECT oid FROM pg_namespace WHERE nspname = `+name+`)
		SELECT format('relation %s kind %s options %s persistence %s', c.relname, c.relkind, c.reloptions, c.relpersistence)
			FROM pg_class AS c WHERE c.relnamespace IN (TABLE here) AND c.relkind <> 't'
		UNION ALL SELECT format('column %s.%s %s not null %s default %s collate %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
				pg_get_expr(e.adbin, e.adrelid), (SELECT collname FROM pg_collation WHERE oid = a.attcollation))
			FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid LEFT JOIN pg_attrdef AS e ON e.adrelid = a.attrelid AND e.adnum = a.attnum
			WHERE c.relnamespace IN (TABLE here) AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
		UNION ALL SELECT format('constraint %s on %s %s valid %s', o.conname, o.conrelid::regclass, pg_get_constraintdef(o.oid), o.convalidated)
			FROM pg_constraint AS o WHERE o.connamespace IN (TABLE here)
		UNION ALL SELECT pg_get_indexdef(i.indexrelid) FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid WHERE c.relnamespace IN (TABLE here) AND c.relkind = 'r'
		UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE pronamespace IN (TABLE here)
		UNION ALL SELECT format('trigger %s on %s', tgname, tgrelid::regclass) FROM pg_trigger AS g JOIN pg_class AS c ON c.oid = g.tgrelid WHERE c.relnamespace IN (TABLE here) AND NOT g.tgisinternal
		UNION ALL SELECT format('type %s', typname) FROM pg_type WHERE typnamespace IN (TABLE here) AND typrelid = 0 AND typelem = 0
		ORDER BY 1`, "\t", " "))
	quoted := d.strings("SELECT quote_ident(" + name + ")")[0] + "."
	for i := range list {
		list[i] = strings.ReplaceAll(list[i], quoted, "")
	}
	return list
}

func checkPostgres(t *testing.T, s *pgstore.Store) store.CheckReport {
	t.Helper()
	report, err := s.Check(t.Context(), store.CheckOptions{ReadData: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Problems) > 0 {
		t.Errorf("problems: %+v", report.Problems)
	}
	return report
}

func TestMigratingPostgresUpDownAndUpAgainGivesTheSameSchema(t *testing.T) {
	d := newPostgres(t)
	s := d.open(d.url, pgstore.Options{})
	for what, err := range map[string]error{"Ready": s.Ready(t.Context()), "AppendAudit": s.AppendAudit(t.Context(), "contoso")} {
		if wantError(t, err, bunstore.ErrNotMigrated); t.Failed() {
			t.Fatal(what)
		}
	}
	_, err := s.Check(t.Context(), store.CheckOptions{})
	wantError(t, err, bunstore.ErrNotMigrated)
	if made := d.catalogue("public"); len(made) > 0 {
		t.Errorf("opening and asking made %q", made)
	}
	d.ok(s.Migrate(t.Context()))
	up := d.catalogue("public")
	fill(t, s, "contoso")
	noted := d.strings("SELECT concat(m) FROM tb_migrations AS m")
	d.ok(s.Migrate(t.Context()))
	if diff := cmp.Diff(noted, d.strings("SELECT concat(m) FROM tb_migrations AS m")); diff != "" {
		t.Errorf("migrating again changed the bookkeeping: %s", diff)
	}
	checkPostgres(t, s)
	d.ok(s.MigrateDown(t.Context(), 100))
	if left := d.catalogue("public"); len(left) > 0 {
		t.Errorf("left after migrating down: %q", left)
	}
	wantError(t, s.AppendAudit(t.Context(), "contoso"), bunstore.ErrNotMigrated)
	d.ok(s.Migrate(t.Context()))
	if diff := cmp.Diff(up, d.catalogue("public")); diff != "" {
		t.Errorf("-first +second:\n%s", diff)
	}
	checkPostgres(t, s)
	fill(t, s, "contoso")
}

func TestADatabaseOnPostgresOfAnotherVersionIsAClearError(t *testing.T) {
	d := newPostgres(t)
	for want, newer := range map[error]bool{bunstore.ErrSchemaNewer: true, bunstore.ErrSchemaChanged: false} {
		s := d.open(d.url, pgstore.Options{})
		d.ok(s.Migrate(t.Context()))
		d.ok(s.ForgeMigrations(t.Context(), newer))
		before := d.catalogue("public")
		other := d.open(d.url, pgstore.Options{})
		wantError(t, other.Ready(t.Context()), want)
		wantError(t, other.Migrate(t.Context()), want)
		wantError(t, other.MigrateDown(t.Context(), 1), want)
		wantError(t, other.AppendAudit(t.Context(), "contoso"), want)
		_, err := other.Status(t.Context())
		wantError(t, err, want)
		if diff := cmp.Diff(before, d.catalogue("public")); diff != "" {
			t.Errorf("a refused migration changed the schema: %s", diff)
		}
		d.exec("DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
	}
}

// TestPrintedPostgresSQLIsWhatMigrateExecutes: a host may run the printed SQL with its own
// tools.
func TestPrintedPostgresSQLIsWhatMigrateExecutes(t *testing.T) {
	d := newPostgres(t)
	list, err := bunstore.Migrations("postgres", "acme_")
	d.ok(err)
	for _, m := range list {
		d.exec("BEGIN;\n" + m.Up + "COMMIT;")
	}
	byHand := d.catalogue("public")
	for _, line := range byHand {
		if name := strings.Fields(line)[1]; !strings.HasPrefix(name, "acme_") && !strings.HasPrefix(line, "CREATE") {
			t.Errorf("%s has not the prefix", line)
		}
	}
	s := d.open(d.url, pgstore.Options{Prefix: "acme_"})
	d.ok(s.Ready(t.Context()))
	status, err := s.Status(t.Context())
	d.ok(err)
	for i, m := range status {
		if !m.Applied || m.ID != list[i].ID || m.Name != list[i].Name || !m.AppliedAt.IsZero() {
			t.Errorf("status %+v", m)
		}
	}
	d.ok(s.Migrate(t.Context()))
	checkPostgres(t, s)
	fill(t, s, "contoso")
	checkPostgres(t, s)
	for _, m := range slices.Backward(list) {
		d.exec("BEGIN;\n" + m.Down + "COMMIT;")
	}
	if left := d.catalogue("public"); len(left) > 0 {
		t.Errorf("left after migrating down: %q", left)
	}
	d.ok(s.Migrate(t.Context()))
	if diff := cmp.Diff(byHand, d.catalogue("public")); diff != "" {
		t.Errorf("-by hand +Migrate:\n%s", diff)
	}
	status, err = s.Status(t.Context())
	if err != nil || status[0].AppliedAt.IsZero() {
		t.Errorf("status %+v, error %v", status, err)
	}
}

func TestManyProcessesMayMigrateAtOnce(t *testing.T) {
	d := newPostgres(t)
	list, err := bunstore.Migrations("postgres", "")
	d.ok(err)
	const processes = 8
	errs := make(chan error)
	begin := make(chan struct{})
	for range processes {
		s := d.open(d.url, d.options())
		go func() {
			<-begin
			err := s.Migrate(t.Context())
			if err == nil {
				err = s.SecureRows(t.Context())
			}
			errs <- err
		}()
	}
	close(begin)
	for range processes {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if n := len(d.strings("SELECT 1 FROM tb_migrations")); n != len(list) {
		t.Errorf("%d migrations are noted of %d", n, len(list))
	}
	s := d.open(d.loginURL, d.options())
	d.ok(s.Ready(t.Context()))
	checkPostgres(t, s)
}

// TestStoresInOneDatabaseAreIndependent, by schema and by prefix, each with row-level
// security and the same roles.
func TestStoresInOneDatabaseAreIndependent(t *testing.T) {
	d := newPostgres(t)
	const odd = `Odd "name', {x} ?`
	d.exec(`CREATE SCHEMA first`, `CREATE SCHEMA "Odd ""name', {x} ?"`)
	options := func(schema, prefix string) pgstore.Options {
		opts := d.options()
		opts.Connection.Schema, opts.Prefix = schema, prefix
		return opts
	}
	var owners, stores []*pgstore.Store
	for i, where := range []pgstore.Options{options("first", ""), options(odd, ""), options("first", "second_"), options("", "")} {
		owner, s := d.open(d.url, where), d.open(d.loginURL, where)
		wantError(t, owner.Ready(t.Context()), bunstore.ErrNotMigrated)
		d.ok(owner.Migrate(t.Context()))
		wantError(t, owner.Ready(t.Context()), bunstore.ErrRowSecurity)
		d.ok(owner.SecureRows(t.Context()))
		d.ok(s.Ready(t.Context()))
		list, err := s.ListRuns(t.Context(), "contoso", runs.RunFilter{}, runs.Slice{Limit: 10})
		if err != nil || len(list) > 0 {
			t.Errorf("store %d begins with runs %+v, error %v", i, list, err)
		}
		fill(t, s, "contoso")
		owners, stores = append(owners, owner), append(stores, s)
	}
	if diff := cmp.Diff(d.catalogue("public"), d.catalogue(odd)); diff != "" {
		t.Errorf("-public +schema:\n%s", diff)
	}
	before := checkPostgres(t, stores[3])
	for i, owner := range owners[:3] {
		d.ok(owner.MigrateDown(t.Context(), 100))
		wantError(t, stores[i].Ready(t.Context()), bunstore.ErrNotMigrated)
		for k := i + 1; k < len(stores); k++ {
			d.ok(stores[k].Ready(t.Context()))
		}
	}
	if diff := cmp.Diff(before, checkPostgres(t, stores[3])); diff != "" {
		t.Errorf("the last store after the others were taken back: %s", diff)
	}
	for _, schema := range []string{"first", odd} {
		if left := d.catalogue(schema); len(left) > 0 {
			t.Errorf("left in %s: %q", schema, left)
		}
	}
	missing := d.open(d.url, options("missing", ""))
	wantError(t, missing.Ready(t.Context()), bunstore.ErrNotMigrated)
	if err := missing.Migrate(t.Context()); err == nil || !strings.Contains(err.Error(), "no schema has been selected") {
		t.Errorf("migrating a schema that is not there: %v", err)
	}
}

// pgVersion is the file with the rows of a database as a version of the schema had them,
// like version.
func pgVersion(n int) string { return filepath.Join("testdata", fmt.Sprintf("postgres_%04d.sql", n)) }

// script is all rows of a database as SQL.
func (d *pgDatabase) script() string {
	d.Helper()
	var lines []string
	for _, table := range d.strings("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1") {
		columns := d.strings("SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = '" + table + "'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum")
		rows := d.strings("SELECT concat_ws(', ', quote_nullable(" + strings.Join(columns, "::text), quote_nullable(") + "::text)) FROM " + table + " ORDER BY 1")
		if len(rows) == 0 {
			d.Errorf("no row of %s, so nothing is shown about it", table)
		}
		for _, row := range rows {
			lines = append(lines, "INSERT INTO "+table+" ("+strings.Join(columns, ", ")+") VALUES ("+row+")")
		}
	}
	return strings.Join(lines, ";\n") + ";\n"
}

// counts tells how many rows each table has, but for the one of migrations.
func (d *pgDatabase) counts() map[string]int {
	d.Helper()
	out := map[string]int{}
	for _, table := range d.tables(true) {
		out[table] = len(d.strings("SELECT 1 FROM " + table))
	}
	return out
}

// TestAPostgresOfEveryVersionIsUpgradedWithItsRows. The last version is the present one,
// which nothing is to be done about. Before the schema gets another migration it is kept with
//
//	go test ./store/bunstore -run EveryVersionIsUpgraded -keep
func TestAPostgresOfEveryVersionIsUpgradedWithItsRows(t *testing.T) {
	now := newPostgres(t)
	list, err := bunstore.Migrations("postgres", "")
	now.ok(err)
	s := now.open(now.url, pgstore.Options{})
	now.ok(s.Migrate(t.Context()))
	fill(t, s, "contoso")
	if *keep {
		now.ok(os.WriteFile(pgVersion(len(list)), []byte(now.script()), 0o600))
	}
	for n := 1; n <= len(list); n++ {
		t.Run(fmt.Sprintf("from %d %s", n, list[n-1].Name), func(t *testing.T) {
			d := newPostgres(t)
			rows := now.script()
			if n < len(list) {
				file, err := os.ReadFile(pgVersion(n))
				d.ok(err)
				rows = string(file)
			}
			for _, m := range list[:n] {
				d.exec("BEGIN;\n" + m.Up + "COMMIT;")
			}
			d.exec("BEGIN; SET LOCAL session_replication_role = replica; DELETE FROM tb_migrations; DELETE FROM tb_tallies;\n" + rows + "COMMIT;")
			before := d.counts()
			s := d.open(d.url, d.options())
			if n < len(list) {
				wantError(t, s.Ready(t.Context()), bunstore.ErrNotMigrated)
			}
			d.ok(s.Migrate(t.Context()))
			d.ok(s.SecureRows(t.Context()))
			checkPostgres(t, s)
			if diff := cmp.Diff(now.catalogue("public"), d.catalogue("public")); diff != "" {
				t.Errorf("schema (-new +upgraded):\n%s", diff)
			}
			after := d.counts()
			for table, n := range before {
				if after[table] != n {
					t.Errorf("%s had %d rows and has %d", table, n, after[table])
				}
			}
			runsOf, err := s.ListRuns(t.Context(), "contoso", runs.RunFilter{}, runs.Slice{Limit: 10})
			if err != nil || len(runsOf) == 0 {
				t.Errorf("%d runs, error %v", len(runsOf), err)
			}
			s = d.open(d.loginURL, d.options())
			fill(t, s, "fabrikam")
			if n <= stepsBefore(t, "postgres", "chain") {
				goesOn(t, s)
			}
			checkPostgres(t, s)
		})
	}
}
