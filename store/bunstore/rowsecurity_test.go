package bunstore_test

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/store"
	"github.com/tenantatlas/tenantbackup/store/bunstore"
	"github.com/tenantatlas/tenantbackup/store/pgstore"
)

// errUndo takes a transaction back that did what the test wanted to see.
var errUndo = errors.New("undo")

// affected executes a statement in a tenant and takes it back.
func affected(ctx context.Context, s *pgstore.Store, tenant graph.TenantID, query string) (n int64, err error) {
	err = s.InScope(ctx, tenant, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, query)
		if err != nil {
			return err
		}
		if n, err = res.RowsAffected(); err != nil {
			return err
		}
		return errUndo
	})
	if errors.Is(err, errUndo) {
		err = nil
	}
	return n, err
}

// TestTheDatabaseKeepsTenantsApart: the second wall stands where the first one, the
// condition of a query, is missing.
func TestTheDatabaseKeepsTenantsApart(t *testing.T) {
	d, s := migrated(t)
	fill(t, s, "contoso")
	fill(t, s, "fabrikam")
	tables := d.tables(true)
	all := map[string]int{} // rows of contoso
	for _, table := range tables {
		for _, tenant := range []string{"contoso", "fabrikam"} {
			all[table] = len(d.strings("SELECT 1 FROM " + table + " WHERE tenant_id = '" + tenant + "'"))
			if all[table] == 0 {
				t.Errorf("%s has no row of %s, so nothing is shown about it", table, tenant)
			}
		}
		all[table] = len(d.strings("SELECT 1 FROM " + table + " WHERE tenant_id = 'contoso'"))
	}
	if len(tables) < 13 {
		t.Fatalf("only the tables %q", tables)
	}
	ctx := t.Context()

	t.Run("a query without a condition reads the tenant's rows", func(t *testing.T) {
		for _, in := range []func(context.Context, graph.TenantID, func(*sql.Tx) error) error{s.InScope, s.InView} {
			err := in(ctx, "contoso", func(tx *sql.Tx) error {
				for _, table := range tables {
					got, err := stringsOf(ctx, tx, "SELECT tenant_id FROM "+table)
					if err != nil {
						return err
					}
					if len(got) != all[table] || slices.ContainsFunc(got, func(tenant string) bool { return tenant != "contoso" }) {
						t.Errorf("%s: contoso sees rows of %q, want %d of its own", table, got, all[table])
					}
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("without a tenant nothing is seen", func(t *testing.T) {
		for _, tenant := range []graph.TenantID{"", "CONTOSO", "contoso ", "\x00everybody"} {
			err := s.InView(ctx, tenant, func(tx *sql.Tx) error {
				for _, table := range tables {
					if got, err := stringsOf(ctx, tx, "SELECT tenant_id FROM "+table); err != nil || len(got) > 0 {
						return fmt.Errorf("%s: %q sees rows of %q, error %v", table, tenant, got, err)
					}
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("the login without a role sees nothing", func(t *testing.T) {
		for _, table := range append(slices.Clone(tables), "tb_tallies") {
			if got, err := stringsOf(ctx, s.DB(), "SELECT 1 FROM "+table); err == nil || !strings.Contains(err.Error(), "permission denied") {
				t.Errorf("%s: %d rows, error %v", table, len(got), err)
			}
		}
	})
	t.Run("a change without a condition changes the tenant's rows", func(t *testing.T) {
		for _, table := range tables {
			if table == "tb_audit_log" {
				continue // which nobody changes
			}
			n, err := affected(ctx, s, "contoso", "UPDATE "+table+" SET tenant_id = tenant_id")
			if err != nil || n != int64(all[table]) {
				t.Errorf("%s: %d rows were changed, error %v, want %d", table, n, err, all[table])
			}
			if table == "tb_audit_heads" {
				continue // which nobody deletes
			}
			n, err = affected(ctx, s, "contoso", "DELETE FROM "+table+" WHERE tenant_id <> 'contoso'")
			if err != nil || n != 0 {
				t.Errorf("%s: %d rows of others were deleted, error %v", table, n, err)
			}
		}
	})
	t.Run("no row can be given to another tenant", func(t *testing.T) {
		for _, table := range tables {
			columns := strings.Join(d.strings("SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = '"+table+"'::regclass AND attnum > 0 AND attname <> 'tenant_id' ORDER BY attnum"), ", ")
			queries := []string{"INSERT INTO " + table + " (tenant_id, " + columns + ") SELECT 'fabrikam', " + columns + " FROM " + table + " LIMIT 1"}
			if table != "tb_audit_log" {
				queries = append(queries, "UPDATE "+table+" SET tenant_id = 'fabrikam'")
			}
			for _, query := range queries {
				if _, err := affected(ctx, s, "contoso", query); err == nil || !strings.Contains(err.Error(), "row-level security") {
					t.Errorf("%s: error %v", query, err)
				}
			}
		}
	})
	t.Run("the audit log only grows, for the engine too", func(t *testing.T) {
		for name, in := range map[string]func(func(*sql.Tx) error) error{
			"tenant": func(fn func(*sql.Tx) error) error { return s.InScope(ctx, "contoso", fn) },
			"engine": func(fn func(*sql.Tx) error) error { return s.InSystem(ctx, fn) },
		} {
			for _, query := range []string{
				"UPDATE tb_audit_log SET outcome = 'fine'", "DELETE FROM tb_audit_log", "TRUNCATE tb_audit_log", "DELETE FROM tb_audit_heads",
				"DROP TABLE tb_audit_log CASCADE", "ALTER TABLE tb_audit_log DISABLE ROW LEVEL SECURITY", "DROP POLICY tb_audit_log_tenant ON tb_audit_log",
			} {
				err := in(func(tx *sql.Tx) error { _, err := tx.ExecContext(ctx, query); return cmp.Or(err, errUndo) })
				if err == nil || !strings.Contains(err.Error(), "permission denied") && !strings.Contains(err.Error(), "must be owner") {
					t.Errorf("%s: %s: error %v", name, query, err)
				}
			}
		}
	})
	t.Run("the engine sees all tenants, and a check finds nothing", func(t *testing.T) {
		err := s.InSystem(ctx, func(tx *sql.Tx) error {
			got, err := stringsOf(ctx, tx, "SELECT DISTINCT tenant_id FROM tb_runs ORDER BY 1")
			if want := []string{"contoso", "fabrikam"}; err == nil && !slices.Equal(got, want) {
				t.Errorf("the engine sees %q", got)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		report, err := s.Check(ctx, store.CheckOptions{ReadData: true})
		if err != nil || len(report.Problems) > 0 {
			t.Errorf("%+v %v", report.Problems, err)
		}
	})
}

// walls describes what keeps rows apart, as the catalogue has it.
func (d *pgDatabase) walls() []string {
	d.Helper()
	list := d.strings(`SELECT format('%s enabled %s forced %s owner %s: %s', c.relname, c.relrowsecurity, c.relforcerowsecurity, c.relowner::regrole, c.relacl)
		FROM pg_class AS c WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
		UNION ALL SELECT format('%s on %s %s permissive %s to %s using %s check %s', p.polname, p.polrelid::regclass, p.polcmd, p.polpermissive,
			(SELECT string_agg(r::regrole::text, ', ') FROM unnest(p.polroles) AS r), pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
		FROM pg_policy AS p
		UNION ALL SELECT 'schema ' || coalesce(nspacl::text, '') FROM pg_namespace WHERE oid = current_schema()::regnamespace ORDER BY 1`)
	for i := range list {
		list[i] = strings.NewReplacer(d.security.AppRole, "APP", d.security.SystemRole, "SYSTEM", d.security.Login, "LOGIN").Replace(list[i])
	}
	return list
}

// TestEveryTableHasItsWall reads the catalogue, so that a table to come cannot be forgotten.
func TestEveryTableHasItsWall(t *testing.T) {
	d, _ := migrated(t)
	if got, want := d.tables(false), []string{"tb_migrations", "tb_tallies"}; !slices.Equal(got, want) {
		t.Errorf("tables without a tenant: %q, want %q", got, want)
	}
	for _, table := range d.tables(true) {
		got := d.strings(fmt.Sprintf(`SELECT format('enabled %%s forced %%s', relrowsecurity, relforcerowsecurity) FROM pg_class WHERE oid = '%[1]s'::regclass
			UNION ALL SELECT format('%%s for %%s permissive %%s to %%s using %%s check %%s', replace(p.polname, '%[1]s_', ''), p.polcmd, p.polpermissive, (SELECT string_agg(r.rolname, ', ') FROM pg_roles AS r
				WHERE r.oid = ANY(p.polroles)), pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) FROM pg_policy AS p WHERE p.polrelid = '%[1]s'::regclass ORDER BY 1`, table))
		want := []string{
			"enabled t forced t",
			"system for * permissive t to " + d.security.SystemRole + " using true check ",
			"tenant for * permissive t to " + d.security.AppRole + " using (tenant_id = NULLIF(current_setting('tenantbackup.tenant_id'::text, true), ''::text)) check ",
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", table, diff)
		}
	}
	got := d.strings(fmt.Sprintf(`SELECT format('super %%s bypass %%s login %%s inherit %%s create %%s %%s replicate %%s owns %%s', rolsuper, rolbypassrls, rolcanlogin, rolinherit, rolcreatedb, rolcreaterole, rolreplication,
		(SELECT count(*) FROM pg_class WHERE relowner = r.oid)) FROM pg_roles AS r WHERE rolname IN ('%s', '%s')`, strings.ReplaceAll(d.security.AppRole, "'", "''"), d.security.SystemRole))
	want := "super f bypass f login f inherit f create f f replicate f owns 0"
	if !slices.Equal(got, []string{want, want}) {
		t.Errorf("roles: %q, want twice %q", got, want)
	}
}

func TestSecuringRowsAgainChangesNothing(t *testing.T) {
	d, s := migrated(t)
	before := d.walls()
	errs := make(chan error)
	for range 2 {
		owner := d.open(d.url, d.options())
		go func() { errs <- owner.SecureRows(t.Context()) }()
	}
	for range 2 {
		d.ok(<-errs)
	}
	if diff := gocmp.Diff(before, d.walls()); diff != "" {
		t.Errorf("-before +after:\n%s", diff)
	}
	d.ok(s.Ready(t.Context()))
}

// TestPrintedRowSecurityIsWhatSecureRowsExecutes: a host may run the printed SQL with its own
// tools.
func TestPrintedRowSecurityIsWhatSecureRowsExecutes(t *testing.T) {
	want, _ := migrated(t)
	d := newPostgres(t)
	d.ok(d.open(d.url, d.options()).Migrate(t.Context()))
	script, err := bunstore.RowSecuritySQL("", d.security)
	d.ok(err)
	for range 2 {
		d.exec("BEGIN;\n" + script + "COMMIT;")
	}
	if diff := gocmp.Diff(want.walls(), d.walls()); diff != "" {
		t.Errorf("-SecureRows +printed:\n%s", diff)
	}
	s := d.open(d.loginURL, d.options())
	d.ok(s.Ready(t.Context()))
	fill(t, s, "contoso")
}

// TestAnOwnerWithoutPrivilegesOfASuperuserIsEnough, who is walled in too.
func TestAnOwnerWithoutPrivilegesOfASuperuserIsEnough(t *testing.T) {
	d := newPostgres(t)
	owner := d.security.Login + "_owner"
	d.exec("CREATE ROLE "+owner+" LOGIN CREATEROLE PASSWORD 'secret'", "GRANT CREATE ON SCHEMA public TO "+owner)
	t.Cleanup(func() { d.exec("DROP OWNED BY "+owner, "DROP ROLE "+owner) })
	s := d.open(strings.Replace(d.loginURL, d.security.Login, owner, 1), d.options())
	d.ok(s.Migrate(t.Context()))
	d.ok(s.SecureRows(t.Context()))
	fill(t, d.open(d.loginURL, d.options()), "contoso")
	for _, table := range d.tables(true) {
		if got, err := stringsOf(t.Context(), s.DB(), "SELECT 1 FROM "+table); err != nil || len(got) > 0 {
			t.Errorf("%s: the owner sees %d rows, error %v", table, len(got), err)
		}
	}
	d.ok(s.MigrateDown(t.Context(), 100))
	d.ok(s.Migrate(t.Context()))
	wantError(t, s.Ready(t.Context()), bunstore.ErrRowSecurity) // the new tables have none
	d.ok(s.SecureRows(t.Context()))
	d.ok(s.Ready(t.Context()))
}

func TestAWallWithAHoleIsAnError(t *testing.T) {
	d, _ := migrated(t)
	app, system := `"`+d.security.AppRole+`"`, `"`+d.security.SystemRole+`"`
	for name, c := range map[string]struct{ hole, mend string }{
		"a policy is gone":                {hole: `DROP POLICY tb_runs_tenant ON tb_runs`},
		"a policy for everything":         {hole: `ALTER POLICY tb_runs_tenant ON tb_runs USING (true)`},
		"a policy for nothing":            {hole: `ALTER POLICY tb_runs_system ON tb_runs USING (false)`},
		"a policy that checks less":       {hole: `ALTER POLICY tb_runs_tenant ON tb_runs WITH CHECK (true)`, mend: `DROP POLICY tb_runs_tenant ON tb_runs`},
		"a policy of another role":        {hole: `ALTER POLICY tb_runs_system ON tb_runs TO PUBLIC`},
		"one policy more":                 {hole: `CREATE POLICY more ON tb_runs TO PUBLIC USING (true)`, mend: `DROP POLICY more ON tb_runs`},
		"the owner is not walled in":      {hole: `ALTER TABLE tb_audit_heads NO FORCE ROW LEVEL SECURITY`},
		"switched off":                    {hole: `ALTER TABLE tb_payloads DISABLE ROW LEVEL SECURITY`},
		"the role is a superuser":         {hole: `ALTER ROLE ` + app + ` SUPERUSER`, mend: `ALTER ROLE ` + app + ` NOSUPERUSER`},
		"the role bypasses":               {hole: `ALTER ROLE ` + system + ` BYPASSRLS`, mend: `ALTER ROLE ` + system + ` NOBYPASSRLS`},
		"the role may be the other":       {hole: `GRANT ` + system + ` TO ` + app + `; ALTER ROLE ` + app + ` INHERIT`, mend: `REVOKE ` + system + ` FROM ` + app + `; ALTER ROLE ` + app + ` NOINHERIT`},
		"the audit log may be changed":    {hole: `GRANT UPDATE (outcome) ON tb_audit_log TO ` + app, mend: `REVOKE UPDATE (outcome) ON tb_audit_log FROM ` + app},
		"the audit log may be emptied":    {hole: `GRANT TRUNCATE ON tb_audit_log TO PUBLIC`, mend: `REVOKE TRUNCATE ON tb_audit_log FROM PUBLIC`},
		"somebody else's wall, by prefix": {hole: `ALTER POLICY tb_runs_tenant ON tb_runs TO ` + d.security.Login},
	} {
		t.Run(name, func(t *testing.T) {
			s := d.open(d.loginURL, d.options())
			d.ok(s.Ready(t.Context()))
			d.exec(c.hole)
			wantError(t, s.Ready(t.Context()), bunstore.ErrRowSecurity)
			fresh := d.open(d.loginURL, d.options())
			_, err := fresh.GetRun(t.Context(), "contoso", "01980000-0000-7000-8000-000000000001")
			wantError(t, err, bunstore.ErrRowSecurity)
			wantError(t, fresh.AppendAudit(t.Context(), "contoso"), bunstore.ErrRowSecurity)
			if c.mend != "" {
				d.exec(c.mend)
			}
			d.ok(d.open(d.url, d.options()).SecureRows(t.Context()))
			d.ok(fresh.AppendAudit(t.Context(), "contoso")) // it asks until the answer is yes
		})
	}
}

func TestADatabaseThatWasNeverSecuredIsAClearError(t *testing.T) {
	d := newPostgres(t)
	d.ok(d.open(d.url, pgstore.Options{}).Migrate(t.Context()))
	s := d.open(d.loginURL, d.options())
	wantError(t, s.Ready(t.Context()), bunstore.ErrRowSecurity)
	d.exec(`GRANT SELECT ON ALL TABLES IN SCHEMA public TO ` + d.security.Login)
	wantError(t, s.Ready(t.Context()), bunstore.ErrRowSecurity)
	_, err := s.ListRuns(t.Context(), "contoso", runs.RunFilter{}, runs.Slice{Limit: 1})
	wantError(t, err, bunstore.ErrRowSecurity)
}

// TestAPooledConnectionKeepsNothingOfATransaction, neither of a commit nor of a rollback.
func TestAPooledConnectionKeepsNothingOfATransaction(t *testing.T) {
	d, _ := migrated(t)
	opts := d.options()
	opts.Connection.MaxConns = 1
	s := d.open(d.loginURL, opts)
	ctx := t.Context()
	const run runs.ID = "01980000-0000-7000-8000-000000000009"
	_, _, err := s.CreateRun(ctx, "contoso", runs.Run{
		ID: run, Kind: runs.KindPolicySync, Trigger: runs.TriggerManual, Status: runs.StatusQueued, Key: "k",
		Target: runs.Target{Type: "tenant"}, CreatedAt: began, UpdatedAt: began,
	}, runs.Trail{})
	d.ok(err)
	const state = `SELECT current_user || ' ' || current_setting('role') || ' "' || coalesce(current_setting('tenantbackup.tenant_id', true), '') || '" '
		|| current_setting('enable_seqscan') || ' ' || current_setting('statement_timeout') || ' ' || pg_backend_pid()`
	before, err := stringsOf(ctx, s.DB(), state)
	d.ok(err)
	fails := func(query string) func(tx *sql.Tx) error {
		return func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, query)
			return cmp.Or(err, errUndo)
		}
	}
	for name, c := range map[string]struct {
		do   func() error
		want error
	}{
		"a commit": {do: func() error {
			return s.AppendAudit(ctx, "contoso", runs.AuditEntry{ID: "01980000-0000-7000-8000-000000000001", Action: "x"})
		}},
		"a change without locks": {do: func() error {
			_, err := s.ChangeRun(ctx, "contoso", run, func(_ time.Time, r runs.Run, _ runs.Room) (runs.Change, error) {
				r.Stalls++
				return runs.Change{Run: r}, nil
			})
			return err
		}},
		"a change that failed": {do: func() error {
			_, err := s.ChangeRun(ctx, "contoso", run, func(_ time.Time, r runs.Run, _ runs.Room) (runs.Change, error) {
				return runs.Change{Run: r}, errUndo
			})
			return err
		}, want: errUndo},
		"a look that is asked often": {do: func() error { _, err := s.WaitingRuns(ctx, "contoso", 3); return err }},
		"a rollback":                 {do: func() error { return s.InScope(ctx, "contoso", fails("SELECT 1")) }, want: errUndo},
		"a read":                     {do: func() error { _, err := s.ListRuns(ctx, "contoso", runs.RunFilter{}, runs.Slice{Limit: 1}); return err }},
		"a read that was given up":   {do: func() error { return s.InView(ctx, "contoso", fails("SELECT 1")) }, want: errUndo},
		"a dispatch":                 {do: func() error { _, err := s.DispatchDue(ctx, backupsched.Chunk{Now: began, Limit: 10}); return err }},
		"a look at all tenants":      {do: func() error { _, err := s.EnabledSchedules(ctx, "", 10); return err }},
		"a rollback of the engine":   {do: func() error { return s.InSystem(ctx, fails("SELECT 1")) }, want: errUndo},
		"a statement that failed":    {do: func() error { return undone(s.InScope(ctx, "contoso", fails("SELECT 1/0"))) }, want: errUndo},
		"a caller that was canceled": {do: func() error {
			ctx, cancel := context.WithCancel(ctx)
			return s.InScope(ctx, "contoso", func(*sql.Tx) error { cancel(); return errUndo })
		}, want: errUndo},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.do(); !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
			after, err := stringsOf(ctx, s.DB(), state)
			d.ok(err)
			if !slices.Equal(before, after) {
				t.Errorf("the connection was %q and is %q", before, after)
			}
		})
	}
}

// undone is errUndo in place of any other error.
func undone(err error) error {
	if err != nil {
		return errUndo
	}
	return nil
}

// TestTenantsWithOddNamesAreKeptApart: the host chooses the names, and what the database
// cannot hold as it is must neither fail nor become another tenant's.
func TestTenantsWithOddNamesAreKeptApart(t *testing.T) {
	d, s := migrated(t)
	long := strings.Repeat("ä", 150) // 300 bytes
	names := []graph.TenantID{
		"a", "A", "a ", " a", "a\x00", "a\x00\x00", "\x00a", "\x00", "\x00everybody", "\x00owner", "everybody", "'", "''", `"`, `\`, `\'`, `\\`, "a\xff", "\xff\xfe", "\xc3",
		"\ue000", "\ue00000", "\ue00001", "\ue000\ue000", "\ue00001\x00", "'; DROP TABLE tb_runs; --", "{runs}", "?", "%s", "$1", "a\nb", "NULL", "\ufeffa", "a\u0301", "\u00e1",
		graph.TenantID(long), graph.TenantID(long[:298] + "a"), graph.TenantID(long + "a"),
	}
	for i, tenant := range names {
		id := runs.ID(fmt.Sprintf("01980000-0000-7000-8000-%012d", i))
		_, _, err := s.CreateRun(t.Context(), tenant, runs.Run{
			ID: id, TenantID: tenant, Kind: runs.KindPolicySync, Trigger: runs.TriggerManual, Status: runs.StatusQueued, Key: "k",
			Target: runs.Target{Type: "tenant"}, CreatedAt: began, UpdatedAt: began,
		}, runs.Trail{Audit: []runs.AuditEntry{{ID: id, At: began, Action: "run.created", Resource: runs.Target{Type: "run"}, RunID: id}}})
		if err != nil {
			t.Errorf("%q: %v", tenant, err)
		}
	}
	for i, tenant := range names {
		id := runs.ID(fmt.Sprintf("01980000-0000-7000-8000-%012d", i))
		list, err := s.ListRuns(t.Context(), tenant, runs.RunFilter{}, runs.Slice{Limit: 10})
		if err != nil || len(list) != 1 || list[0].ID != id || list[0].TenantID != tenant {
			t.Errorf("%q: runs %+v, error %v", tenant, list, err)
		}
		audit, err := s.ListAudit(t.Context(), tenant, runs.AuditFilter{}, runs.Slice{Limit: 10})
		if err != nil || len(audit) != 1 || audit[0].RunID != id || audit[0].Seq != 1 || audit[0].TenantID != tenant {
			t.Errorf("%q: audit %+v, error %v", tenant, audit, err)
		}
		err = s.InScope(t.Context(), tenant, func(tx *sql.Tx) error { // without a condition
			got, err := stringsOf(t.Context(), tx, "SELECT id FROM tb_runs UNION ALL SELECT id FROM tb_audit_log")
			if err == nil && !slices.Equal(got, []string{string(id), string(id)}) {
				t.Errorf("%q sees rows of %q, want of %q only", tenant, got, id)
			}
			return err
		})
		if err != nil {
			t.Errorf("%q: %v", tenant, err)
		}
	}
	report, err := s.Check(t.Context(), store.CheckOptions{})
	if err != nil || len(report.Problems) > 0 {
		t.Errorf("%+v %v", report.Problems, err)
	}
	if n := len(d.strings("SELECT DISTINCT tenant_id FROM tb_runs")); n != len(names) {
		t.Errorf("%d tenants are stored of %d", n, len(names))
	}
}

// TestRolesMayHaveAnyNameThatCanBeWritten, since names end up in SQL.
func TestRolesMayHaveAnyNameThatCanBeWritten(t *testing.T) {
	d := newPostgres(t)
	d.security.AppRole += " $$; --"
	d.security.SystemRole += ` %I \ $1 ?`
	owner := d.open(d.url, d.options())
	d.ok(owner.Migrate(t.Context()))
	d.ok(owner.SecureRows(t.Context()))
	s := d.open(d.loginURL, d.options())
	for _, tenant := range []graph.TenantID{"contoso", runs.SystemTenant} {
		d.ok(s.AppendAudit(t.Context(), tenant, runs.AuditEntry{ID: "01980000-0000-7000-8000-000000000001", Action: "x"}))
	}
	for what, r := range map[string]bunstore.RowSecurity{
		"a quote": {AppRole: `a"b`}, "a brace": {Login: "{runs}"}, "a NUL": {SystemRole: "a\x00"}, "no UTF-8": {AppRole: "\xff"},
		"a name that is too long": {Login: strings.Repeat("a", 64)}, "the same name twice": {AppRole: "same", SystemRole: "same"},
	} {
		if _, err := bunstore.RowSecuritySQL("", r); err == nil {
			t.Errorf("%s was accepted", what)
		}
	}
}
