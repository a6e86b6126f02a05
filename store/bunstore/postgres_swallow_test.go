package bunstore_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/store/bunstore"
	"github.com/tenantatlas/tenantbackup/store/pgstore"
)

// careless is a host's hook that looks away when its statement fails.
type careless struct{}

func (careless) EnqueueTx(ctx context.Context, tx *sql.Tx, _ ...runs.Job) error {
	_, _ = tx.ExecContext(ctx, "SELECT 1 / 0")
	return nil
}

// TestAStatementWhoseErrorNobodyLookedAtIsNotCommitted: pgdriver answers such a commit with
// nil, while the server rolls back.
func TestAStatementWhoseErrorNobodyLookedAtIsNotCommitted(t *testing.T) {
	d, _ := migrated(t)
	opts := d.options()
	opts.Enqueuer = careless{}
	pool := d.openRaw(d.loginURL)
	defer pool.Close()
	pgx, err := pgstore.New(bun.NewDB(pool, pgdialect.New()), opts)
	d.ok(err)
	for driver, s := range map[string]*bunstore.Store{"pgdriver": d.open(d.loginURL, opts).Store, "pgx": pgx} {
		t.Run(driver, func(t *testing.T) {
			_, created, err := s.CreateRun(t.Context(), "contoso", runs.Run{
				ID: "01980000-0000-7000-8000-000000000001", Kind: runs.KindPolicySync, Trigger: runs.TriggerManual, Status: runs.StatusQueued, Key: "key",
				Target: runs.Target{Type: "tenant"}, CreatedAt: began, UpdatedAt: began,
			}, runs.Trail{})
			if err == nil || created {
				t.Errorf("a run was said to be created: %v", err)
			}
			for _, stmt := range []string{"SELECT 1 / 0", "SELECT nothing FROM nowhere", "INSERT INTO tb_tallies VALUES ('runs', NULL, 1)"} {
				err := s.InScope(t.Context(), "contoso", func(tx *sql.Tx) error {
					_, _ = tx.Exec(stmt)
					return nil // and nothing else is written
				})
				if err == nil {
					t.Errorf("after %s the commit was said to have succeeded", stmt)
				}
			}
		})
	}
}

// TestAServerThatReadsLiteralsInAnotherWayIsRefused: the backslash of a name would end one.
func TestAServerThatReadsLiteralsInAnotherWayIsRefused(t *testing.T) {
	d, _ := migrated(t)
	d.exec(`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET standard_conforming_strings = off', current_database()); END $$`)
	pool := d.openRaw(d.loginURL)
	defer pool.Close()
	s, err := pgstore.New(bun.NewDB(pool, pgdialect.New()), d.options())
	d.ok(err)
	wantError(t, s.Ready(t.Context()), bunstore.ErrServerSettings)
	wantError(t, s.AppendAudit(t.Context(), `\'; DROP TABLE tb_runs; --`), bunstore.ErrServerSettings)
}
