package guequeue_test

import (
	"context"
	"errors"
	"net/url"
	"testing"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/guequeue"
)

// TestATenantsRoleHasToDoWithItsTenantsJobsOnly whatever a statement forgets.
func TestATenantsRoleHasToDoWithItsTenantsJobsOnly(t *testing.T) {
	ctx, owned := context.Background(), database(t)
	owner := open(t, 0, owned)
	exec(t, owner, `DO $$ BEGIN
		IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'jobs_tenant') THEN CREATE ROLE jobs_tenant NOLOGIN NOINHERIT; END IF;
		IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'jobs_login') THEN CREATE ROLE jobs_login LOGIN PASSWORD 'secret'; END IF; END $$`)
	exec(t, owner, `GRANT jobs_tenant TO jobs_login`)
	for range 2 { // also a second time
		exec(t, owner, guequeue.Confine("jobs_tenant", "host.tenant", "jobs_login"))
	}
	u, err := url.Parse(owned)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword("jobs_login", "secret")
	for i, d := range drivers {
		t.Run(d.name, func(t *testing.T) {
			exec(t, owner, `DELETE FROM gue_jobs`)
			q, login := queueOver(t, open(t, i, u.String()), guequeue.Options{})
			others, strange := job(1), job(2)
			others.TenantID, strange.TenantID = "fabrikam", "\xff\x00"
			enqueue(t, q, others, strange)
			tx, err := login.BeginTx(ctx, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Rollback()
			if _, err := tx.ExecContext(ctx, `SELECT set_config('role', 'jobs_tenant', true), set_config('host.tenant', 'contoso', true)`); err != nil {
				t.Fatal(err)
			}
			if err := q.EnqueueTx(ctx, tx, job(3)); err != nil {
				t.Fatal(err)
			}
			if err := q.EnqueueTx(ctx, tx, job(3)); err != nil { // it has one already
				t.Fatal(err)
			}
			var seen int
			if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM gue_jobs WHERE convert_from(args, 'UTF8') NOT LIKE '%tenant_bytes%'`).Scan(&seen); err != nil || seen != 1 {
				t.Errorf("%d jobs are seen, error %v; want its own", seen, err)
			}
			res, err := tx.ExecContext(ctx, `DELETE FROM gue_jobs WHERE convert_from(args, 'UTF8') LIKE '%fabrikam%'`)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := res.RowsAffected(); err != nil || n != 0 {
				t.Errorf("%d jobs of another tenant were deleted, error %v", n, err)
			}
			if _, err := tx.ExecContext(ctx, `SAVEPOINT s`); err != nil {
				t.Fatal(err)
			}
			foreign := job(4)
			foreign.TenantID = "fabrikam"
			if err := q.EnqueueTx(ctx, tx, foreign); err == nil {
				t.Error("a job of another tenant was queued")
			}
			if _, err := tx.ExecContext(ctx, `ROLLBACK TO s`); err != nil {
				t.Fatal(err)
			}
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			came := make(chan runs.Job, 10)
			defer work(t, q, func(_ context.Context, j runs.Job) (runs.Work, error) { came <- j; return nil, nil })()
			got := map[runs.ID]string{}
			for range 3 { // the queue itself has to do with all
				j := receive(t, came)
				got[j.RunID] = string(j.TenantID)
			}
			if got[others.RunID] != "fabrikam" || got[strange.RunID] != "\xff\x00" || got[job(3).RunID] != "contoso" {
				t.Errorf("there came %q", got)
			}
		})
	}
	tx, err := owner.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	var seen int
	exec(t, owner, `INSERT INTO gue_jobs SELECT 'x', 0, now(), 'run', convert_to('{"tenant_id":""}', 'UTF8'), 0, NULL, 'q', now(), now()`)
	err = errors.Join(func() error { _, err := tx.ExecContext(ctx, `SET LOCAL ROLE jobs_tenant`); return err }(),
		tx.QueryRowContext(ctx, `SELECT count(*) FROM gue_jobs`).Scan(&seen))
	if err != nil || seen != 0 {
		t.Errorf("without a tenant %d jobs are seen, error %v", seen, err)
	}
}
