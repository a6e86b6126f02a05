package guequeue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// ErrNoTable: the table of jobs is missing or is not what this version expects.
var ErrNoTable = errors.New("guequeue: no table gue_jobs that this version can use; run guequeue.Migrate, or check the search_path of the connection")

// schema is gue v5.9.0's own (its migrations/schema.sql), word for word.
var schema = []string{
	`CREATE TABLE IF NOT EXISTS gue_jobs
(
  job_id      TEXT        NOT NULL PRIMARY KEY,
  priority    SMALLINT    NOT NULL,
  run_at      TIMESTAMPTZ NOT NULL,
  job_type    TEXT        NOT NULL,
  args        BYTEA       NOT NULL,
  error_count INTEGER     NOT NULL DEFAULT 0,
  last_error  TEXT,
  queue       TEXT        NOT NULL,
  created_at  TIMESTAMPTZ NOT NULL,
  updated_at  TIMESTAMPTZ NOT NULL
)`,
	`CREATE INDEX IF NOT EXISTS idx_gue_jobs_selector ON gue_jobs (queue, run_at, priority)`,
}

// Schema returns the statements that create the table, for those who migrate by hand.
func Schema() string { return strings.Join(schema, ";\n\n") + ";\n" }

// Migrate creates the table if it is missing. gue knows it by the fixed name gue_jobs, so it
// lies in the first schema of the connection's search_path. It may be called at any time,
// also by several processes at once.
func Migrate(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("guequeue: migrating: %w", err)
	}
	defer tx.Rollback() // after a commit it does nothing
	// IF NOT EXISTS does not save two that create at the same time from a unique violation.
	statements := append([]string{`SELECT pg_advisory_xact_lock(hashtext('guequeue'), hashtext(current_schema()))`}, schema...)
	for _, s := range statements {
		if _, err := tx.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("guequeue: migrating: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("guequeue: migrating: %w", err)
	}
	return nil
}

// privileges is what a queue does with the table.
const privileges = "SELECT, INSERT, UPDATE, DELETE"

// Grants returns the statement that lets users and roles work with the table who do not own
// it. Those are the user that the queue's pool logs in as and, where the table lies in the
// database of a store with row-level security, both roles of that: they queue the jobs of the
// runs that they make. It returns "" for nobody.
func Grants(roles ...string) string {
	if len(roles) == 0 {
		return ""
	}
	return "GRANT " + privileges + " ON gue_jobs TO " + quoted(roles)
}

func quoted(roles []string) string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = `"` + strings.ReplaceAll(r, `"`, `""`) + `"`
	}
	return strings.Join(names, ", ")
}

// Confine returns the statements that keep tenants apart in the table, for the database of a
// store with row-level security: tenantRole has to do with the jobs of the tenant that the
// setting of its transaction names ([bunstore.TenantSetting]), the others with all. They hold
// the grants, too, and can be run again; run them as the owner of the table.
//
// A tenant whose name is no text of Postgres (no UTF-8, or with a NUL in it) is not kept apart
// here: its jobs hold nothing but its name and the run's id.
//
// [bunstore.TenantSetting]: https://pkg.go.dev/github.com/tenantatlas/tenantbackup/store/bunstore#TenantSetting
func Confine(tenantRole, setting string, others ...string) string {
	all := quoted(append([]string{tenantRole}, others...))
	b := []string{
		"REVOKE ALL ON gue_jobs FROM PUBLIC, " + all,
		"GRANT " + privileges + " ON gue_jobs TO " + all,
		"ALTER TABLE gue_jobs ENABLE ROW LEVEL SECURITY",
		"DROP POLICY IF EXISTS gue_jobs_tenant ON gue_jobs",
		"CREATE POLICY gue_jobs_tenant ON gue_jobs TO " + quoted([]string{tenantRole}) +
			" USING (CASE WHEN " + jobOf + " ->> 'tenant_bytes' IS NULL THEN " + jobOf + " ->> 'tenant_id' = nullif(current_setting('" +
			strings.ReplaceAll(setting, "'", "''") + "', true), '') ELSE true END)",
		"DROP POLICY IF EXISTS gue_jobs_others ON gue_jobs",
	}
	if len(others) > 0 {
		b = append(b, "CREATE POLICY gue_jobs_others ON gue_jobs TO "+quoted(others)+" USING (true)")
	}
	return strings.Join(b, ";\n")
}

// jobOf is what a row's job is.
const jobOf = "convert_from(args, 'UTF8')::json"

// ErrNoPrivileges: the pool's user may not work with the table of jobs.
var ErrNoPrivileges = errors.New("guequeue: the user may not work with the table gue_jobs; as its owner run what guequeue.Grants returns")

// Ready says whether jobs can be queued and taken: nil, [ErrNoTable], [ErrNoPrivileges], or
// why the database does not answer. What other roles may do it does not ask.
func (q *Queue) Ready(ctx context.Context) error {
	var columns, refused int
	err := q.db.QueryRowContext(ctx, `SELECT count(*), (
SELECT count(*) FROM unnest(string_to_array($1, ', ')) AS p WHERE NOT has_table_privilege(to_regclass('gue_jobs'), p))
FROM pg_attribute WHERE attrelid = to_regclass('gue_jobs') AND NOT attisdropped AND attname IN
('job_id', 'priority', 'run_at', 'job_type', 'args', 'error_count', 'last_error', 'queue', 'created_at', 'updated_at')`, privileges).Scan(&columns, &refused)
	switch {
	case err != nil:
		return fmt.Errorf("guequeue: %w", err)
	case columns != 10:
		return ErrNoTable
	case refused > 0:
		return ErrNoPrivileges
	}
	return nil
}
