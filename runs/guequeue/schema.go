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

// Ready says whether jobs can be queued and taken: nil, [ErrNoTable], or why the database
// does not answer.
func (q *Queue) Ready(ctx context.Context) error {
	var columns int
	err := q.db.QueryRowContext(ctx, `SELECT count(*) FROM pg_attribute
WHERE attrelid = to_regclass('gue_jobs') AND NOT attisdropped AND attname IN
('job_id', 'priority', 'run_at', 'job_type', 'args', 'error_count', 'last_error', 'queue', 'created_at', 'updated_at')`).Scan(&columns)
	switch {
	case err != nil:
		return fmt.Errorf("guequeue: %w", err)
	case columns != 10:
		return ErrNoTable
	}
	return nil
}
