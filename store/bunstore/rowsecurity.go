package bunstore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// ErrRowSecurity: [Options].RowSecurity is set, but the database does not enforce it; call
// [Store.SecureRows] as the owner of the tables. The message names the tables and roles that
// are not as that makes them; what it leaves alone (a further policy, a role that is a
// superuser) is for the owner to take back.
var ErrRowSecurity = errors.New("the database does not enforce row-level security; run SecureRows as the owner of the tables, and take back what was done to these by hand")

// RowSecurity is Postgres' row-level security as a second wall: every transaction names its
// tenant to the database, which then shows and takes rows of that tenant only, even to a
// query that forgets the condition. What the engine does across tenants (due schedules,
// stranded runs, purging, checks) runs under a role of its own.
//
// The user that the pool logs in as must be a member of both roles and neither a superuser
// nor one that bypasses row-level security, or the wall is one for mistakes only. Made with
// NOINHERIT it sees nothing outside of a transaction of the store. It need not own the
// tables; migrations run under the owner.
type RowSecurity struct {
	AppRole    string // sees one tenant. Defaults to "tenantbackup_app"
	SystemRole string // sees all. Defaults to "tenantbackup_system"

	// Login, when set, is the user that [Store.SecureRows] makes a member of both roles, with
	// USAGE of the schema. Otherwise the host does that.
	Login string
}

func (r RowSecurity) withDefaults() (*RowSecurity, error) {
	if r.AppRole == "" {
		r.AppRole = "tenantbackup_app"
	}
	if r.SystemRole == "" {
		r.SystemRole = "tenantbackup_system"
	}
	var bad runs.InvalidError
	for field, role := range map[string]string{"row_security.app_role": r.AppRole, "row_security.system_role": r.SystemRole, "row_security.login": r.Login} {
		if len(role) > 63 || !plain(role) || strings.ContainsAny(role, `"{}`) {
			bad.Add(field, "role_invalid", "must be the name of a role: at most 63 bytes of UTF-8 without quotes and braces")
		}
	}
	if r.AppRole == r.SystemRole {
		bad.Add("row_security.system_role", "role_same", "must differ from app_role, which sees one tenant only")
	}
	return &r, bad.Err()
}

// scope is whose rows a transaction works on: those of a [graph.TenantID], which may be any
// text, or one of beyond.
type scope any

// beyond is a scope that is no tenant.
type beyond int

const (
	everybody beyond = iota // the rows of all tenants
	owner                   // the tables themselves
)

// auditScope is the scope of a tenant's audit log, which the engine has too.
func auditScope(tenant graph.TenantID) scope {
	if tenant == runs.SystemTenant {
		return everybody
	}
	return tenant
}

// insufficientPrivilege is what a user meets to whom nothing was granted yet.
const insufficientPrivilege = "42501"

// TenantSetting is the setting that names the tenant of a transaction under [RowSecurity], for
// policies of a host's own tables beside the store's.
const TenantSetting = "tenantbackup.tenant_id"

// settings are the calls that confine a transaction to its scope, "" for none.
func (r *RowSecurity) settings(of scope) string {
	if r == nil || of == owner {
		return ""
	}
	tenant, _ := of.(graph.TenantID) // without one nothing is seen
	role, name := text(r.AppRole), text(tenant)
	if of == everybody {
		role = text(r.SystemRole)
	}
	if name == "" { // NULL would leave the setting of a pooled connection as it is
		return fmt.Sprintf("set_config('role', %s, true), set_config('%s', '', true)", appendPostgres(nil, &role), TenantSetting)
	}
	return fmt.Sprintf("set_config('role', %s, true), set_config('%s', %s, true)", appendPostgres(nil, &role), TenantSetting, appendPostgres(nil, &name))
}

// local are the statements that do the same as settings, for a script; they give no rows.
func (r *RowSecurity) local(of scope) string {
	if r == nil || of == owner {
		return ""
	}
	tenant, _ := of.(graph.TenantID)
	role, name := optional{r.AppRole, true}, optional{string(tenant), true}
	if of == everybody {
		role.text = r.SystemRole
	}
	b := append(appendValue([]byte("SET LOCAL role = "), &role), "; SET LOCAL "+TenantSetting+" = "...)
	return string(append(appendValue(b, &name), ";\n"...))
}

// privileges are what each role may do with a table; the audit log only grows.
func privileges(table string) string {
	switch table {
	case migrationsTable.name:
		return "SELECT"
	case auditTable.name:
		return "SELECT, INSERT"
	case talliesTable.name, "audit_heads":
		return "SELECT, INSERT, UPDATE"
	}
	return "SELECT, INSERT, UPDATE, DELETE"
}

// RowSecuritySQL returns the statements that [Store.SecureRows] executes, for a host that
// runs SQL with its own tools, in one transaction after every migration. They can be run
// again.
func RowSecuritySQL(prefix string, security RowSecurity) (string, error) {
	if prefix == "" {
		prefix = DefaultPrefix
	}
	if err := checkPrefix(prefix); err != nil {
		return "", err
	}
	r, err := security.withDefaults()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	app, system := quoteName(r.AppRole), quoteName(r.SystemRole)
	for _, role := range []string{r.AppRole, r.SystemRole} {
		b.WriteString(do(fmt.Sprintf("IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = %s) THEN CREATE ROLE %s NOLOGIN NOSUPERUSER NOBYPASSRLS NOINHERIT; END IF;",
			quoteText(role), quoteName(role))))
	}
	users := app + ", " + system
	if r.Login != "" {
		fmt.Fprintf(&b, "GRANT %s TO %s;\n", users, quoteName(r.Login))
		users += ", " + quoteName(r.Login) // which looks at the schema without a role
	}
	b.WriteString(do(fmt.Sprintf("EXECUTE 'GRANT USAGE ON SCHEMA ' || quote_ident(current_schema()) || %s;", quoteText(" TO "+users))))
	for _, table := range append(tableNames(), "audit_heads") {
		fmt.Fprintf(&b, "REVOKE ALL ON {%s} FROM PUBLIC, %s, %s;\nGRANT %s ON {%s} TO %s, %s;\n", table, app, system, privileges(table), table, app, system)
		if table == migrationsTable.name || table == talliesTable.name {
			continue // of no tenant
		}
		fmt.Fprintf(&b, `ALTER TABLE {%[1]s} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {%[1]s} FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS {%[1]s_tenant} ON {%[1]s};
CREATE POLICY {%[1]s_tenant} ON {%[1]s} TO %[2]s USING (tenant_id = nullif(current_setting('%[4]s', true), ''));
DROP POLICY IF EXISTS {%[1]s_system} ON {%[1]s};
CREATE POLICY {%[1]s_system} ON {%[1]s} TO %[3]s USING (true);
`, table, app, system, TenantSetting)
	}
	// Whether there is a schema is looked at without a role.
	fmt.Fprintf(&b, "GRANT SELECT ON {%s} TO PUBLIC;\n", migrationsTable.name)
	return withPrefix(b.String(), prefix), nil
}

// do is a block of statements in a literal, since a name may hold any number of dollars.
func do(body string) string { return "DO " + quoteText("BEGIN "+body+" END") + ";\n" }

func quoteText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func quoteName(name string) string { return `"` + name + `"` }

func tableNames() []string {
	var names []string
	for _, t := range tables(postgresDialect{}) {
		names = append(names, t.name)
	}
	return names
}

// SecureRows makes the roles of [Options].RowSecurity where they are missing, and the
// policies of every table. Call it as the owner of the tables, who may create roles, after
// every Migrate; the SQL is that of [RowSecuritySQL].
func (s *Store) SecureRows(ctx context.Context) error {
	if s.rows == nil {
		return runs.Invalid("row_security", "required", "is required; set Options.RowSecurity")
	}
	script, err := RowSecuritySQL(s.prefix, *s.rows)
	if err != nil {
		return err
	}
	return s.transact(ctx, owner, s.dialect.migrationSettings(), func(ctx context.Context, t *tx) error {
		_, err := t.Tx.Tx.ExecContext(ctx, script)
		if err != nil {
			return fmt.Errorf("store: securing rows: %w", err)
		}
		return nil
	})
}

// secured returns nil when the database enforces what the options want.
func (s *Store) secured(ctx context.Context) error {
	if s.rows == nil {
		return nil
	}
	var names []string
	for _, t := range append(tableNames(), "audit_heads") {
		if t != migrationsTable.name && t != talliesTable.name {
			names = append(names, s.prefix+t)
		}
	}
	holes, err := s.holes(ctx, names)
	if err != nil {
		return fmt.Errorf("store: looking at row-level security: %w", err)
	}
	if len(holes) > 0 {
		return fmt.Errorf("store: %s: %w", strings.Join(holes, ", "), ErrRowSecurity)
	}
	return nil
}

// holes names the tables and roles that are not as RowSecuritySQL makes them.
func (s *Store) holes(ctx context.Context, tables []string) (names []string, err error) {
	rows, err := s.read.QueryContext(ctx, `
		SELECT 'table ' || n FROM unnest(?0::text[]) AS n WHERE NOT EXISTS (SELECT FROM pg_class AS c
			WHERE c.relname = n AND pg_table_is_visible(c.oid) AND c.relrowsecurity AND c.relforcerowsecurity
			AND (SELECT count(*) FROM pg_policy AS p WHERE p.polrelid = c.oid) = 2
			AND (SELECT count(*) FROM pg_policy AS p JOIN pg_roles AS r ON p.polroles = ARRAY[r.oid]
				WHERE p.polrelid = c.oid AND p.polcmd = '*' AND p.polpermissive AND p.polwithcheck IS NULL AND (
					r.rolname = ?2 AND strpos(pg_get_expr(p.polqual, c.oid), '(tenant_id = NULLIF(current_setting(''`+TenantSetting+`''') = 1
					OR r.rolname = ?3 AND pg_get_expr(p.polqual, c.oid) = 'true')) = 2)
		UNION ALL
		SELECT 'role ' || n FROM unnest(?1::text[]) AS n WHERE NOT EXISTS (SELECT FROM pg_roles AS r
			WHERE r.rolname = n AND NOT r.rolsuper AND NOT r.rolbypassrls
			AND NOT EXISTS (SELECT FROM pg_roles AS other WHERE r.rolname = ?2 AND other.rolname = ?3 AND pg_has_role(r.oid, other.oid, 'USAGE'))
			AND NOT EXISTS (SELECT FROM pg_class AS c WHERE c.relname = ?4 AND pg_table_is_visible(c.oid)
				AND (has_table_privilege(r.oid, c.oid, 'UPDATE, DELETE, TRUNCATE') OR has_any_column_privilege(r.oid, c.oid, 'UPDATE'))))`,
		pgdialect.Array(tables), pgdialect.Array([]string{s.rows.AppRole, s.rows.SystemRole}), s.rows.AppRole, s.rows.SystemRole, s.prefix+auditTable.name)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}
