package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/tenantatlas/tenantbackup/cmd/refserver/api"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/guequeue"
	"github.com/tenantatlas/tenantbackup/store/bunstore"
)

// prepare migrates when something is missing. A login that only works with what is there
// needs no more privileges than that.
func (s source) prepare(ctx context.Context, db *database) error {
	if db.ready(ctx) == nil {
		return nil
	}
	if err := s.migrate(ctx, db, false); err != nil {
		return err
	}
	return db.ready(ctx)
}

// migrate brings the schema up to date: on Postgres as the owner, with the queue's table and
// row-level security. Unless it is always to do so, it leaves alone what another process has
// made ready meanwhile, since it locks every table.
func (s source) migrate(ctx context.Context, db *database, always bool) error {
	if !s.postgres() {
		return s.migrateFile(ctx, db)
	}
	owner := db
	if s.ownerURL != "" && s.ownerURL != s.url {
		var err error
		if owner, err = s.openPostgres(ctx, s.ownerURL, runs.SystemClock{}); err != nil {
			return err
		}
		defer owner.close()
	}
	if !s.rowSecurity && s.ownerURL != "" && login(s.ownerURL) != login(s.url) {
		return errors.New("without row-level security the user of -db must own the tables: leave -migrate-db out, or -row-security=false")
	}
	err := owner.exclusively(ctx, func() error {
		if !always && db.ready(ctx) == nil {
			return nil
		}
		if err := owner.Migrate(ctx); err != nil {
			return err
		}
		if err := guequeue.Migrate(ctx, owner.pool); err != nil {
			return err
		}
		if !s.rowSecurity {
			return nil
		}
		if err := owner.SecureRows(ctx); err != nil {
			return err
		}
		_, err := owner.pool.ExecContext(ctx, guequeue.Confine(tenantRole, bunstore.TenantSetting, systemRole, login(s.url)))
		return err
	})
	return explained(err)
}

// explained adds to a refusal of Postgres what to do about it.
func explained(err error) error {
	if sqlState(err) != insufficientPrivilege {
		return err
	}
	return fmt.Errorf("%w\nWho migrates must own the tables and, for row-level security, may create roles (CREATEROLE). "+
		"Name such a user with -migrate-db or %s, or have somebody run what 'refserver migrate -print -dialect postgres' prints", err, migrateVariable)
}

// insufficientPrivilege is a code of https://www.postgresql.org/docs/current/errcodes-appendix.html
const insufficientPrivilege = "42501"

// sqlState returns the code of an error of Postgres, or "".
func sqlState(err error) string {
	var e interface{ Field(k byte) string }
	if errors.As(err, &e) {
		return e.Field('C')
	}
	return ""
}

// exclusively calls fn while no other refserver does so on this database: processes that are
// started together must not all prepare it at once. With SQLite there is only one.
func (d *database) exclusively(ctx context.Context, fn func() error) error {
	if d.pool == nil {
		return fn()
	}
	tx, err := d.pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // releases the lock; nothing is written
	// In turn: the timeouts of the pool would give up while another one migrates.
	for _, statement := range []string{
		"SELECT set_config('lock_timeout', '0', true), set_config('statement_timeout', '0', true), set_config('idle_in_transaction_session_timeout', '0', true)",
		"SELECT pg_advisory_xact_lock(hashtext('refserver'))",
	} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return fn()
}

// ready returns nil when everything that a server needs from the database is in order, and
// an [api.Unready] that says which part is not.
func (d *database) ready(ctx context.Context) error {
	var u api.Unready
	if err := d.schemaReady(ctx); err != nil {
		u.Add("schema", code(err), advice(err), err)
	}
	if d.pool != nil {
		if err := d.queueReady(ctx); err != nil {
			u.Add("queue", code(err), advice(err), err)
		}
	}
	return u.Err()
}

// schemaReady also looks into a table, so that a login without its privileges is noticed.
func (d *database) schemaReady(ctx context.Context) error {
	if err := d.Ready(ctx); err != nil {
		return err
	}
	_, err := d.EnabledSchedules(ctx, "", 1)
	return err
}

var errQueuePrivileges = errors.New("a role of row-level security may not work with gue_jobs")

// queueReady also looks at what the roles of row-level security may do with the table: it is
// under them that new runs are queued.
func (d *database) queueReady(ctx context.Context) error {
	if err := d.queue.Ready(ctx); err != nil || !d.secured {
		return err
	}
	var missing int
	err := d.pool.QueryRowContext(ctx, `SELECT count(*) FROM pg_roles AS r, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS p
		WHERE r.rolname IN ('`+tenantRole+`', '`+systemRole+`') AND NOT has_table_privilege(r.oid, 'gue_jobs', p)`).Scan(&missing)
	if err != nil {
		return err
	}
	if missing > 0 {
		return errQueuePrivileges
	}
	return nil
}

// code is why a part is not ready, for programs.
func code(err error) string {
	switch {
	case errors.Is(err, bunstore.ErrNotMigrated), errors.Is(err, guequeue.ErrNoTable):
		return "not_migrated"
	case errors.Is(err, bunstore.ErrSchemaNewer):
		return "newer"
	case errors.Is(err, bunstore.ErrSchemaChanged):
		return "changed"
	case errors.Is(err, bunstore.ErrRowSecurity):
		return "not_secured"
	case errors.Is(err, guequeue.ErrNoPrivileges), errors.Is(err, errQueuePrivileges), sqlState(err) == insufficientPrivilege:
		return "no_privileges"
	}
	return "unavailable"
}

// advice is what to do about it, for everybody who may ask whether the server is ready.
func advice(err error) string {
	switch code(err) {
	case "newer":
		return "was migrated by a newer version; upgrade this one"
	case "changed":
		return "differs from what this version knows; restore the database or the program"
	case "unavailable":
		return "does not answer as it should; the log has the cause"
	}
	return "is not prepared for this login; run refserver migrate"
}
