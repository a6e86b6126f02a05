package bunstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// The errors of a schema that is not this program's. Every method of a [Store] but those
// about migrations returns them (wrapped).
var (
	// ErrNotMigrated: tables are missing; call [Store.Migrate] first.
	ErrNotMigrated = errors.New("the database is not migrated; run Migrate first")

	// ErrSchemaNewer: a newer version of this module migrated the database; use that.
	ErrSchemaNewer = errors.New("the database was migrated by a newer version; upgrade the program")

	// ErrSchemaChanged: a migration was not what this program knows under its number.
	ErrSchemaChanged = errors.New("a migration of the database differs from the program's own; restore the database or the program")
)

// migrationRow notes an executed migration.
type migrationRow struct {
	ID        num
	Name      text
	Checksum  digest
	AppliedAt ts
}

var migrationsTable = &table{name: "migrations", columns: []string{"id", "name", "checksum", "applied_at"}, key: 1}

func (*migrationRow) table() *table       { return migrationsTable }
func (r *migrationRow) columns() []column { return []column{&r.ID, &r.Name, &r.Checksum, &r.AppliedAt} }

// MigrationStatus is one migration and when it was executed.
type MigrationStatus struct {
	ID        int
	Name      string
	Applied   bool
	AppliedAt time.Time // zero when not applied, or applied by another tool
}

// Status lists the migrations that the program knows. Nothing is changed. The error is
// [ErrSchemaNewer] or [ErrSchemaChanged] when the database does not fit the program.
func (s *Store) Status(ctx context.Context) ([]MigrationStatus, error) {
	known, err := Migrations(s.dialect.name(), s.prefix)
	if err != nil {
		return nil, err
	}
	applied, err := s.applied(ctx, s.read)
	if err != nil {
		return nil, err
	}
	if err := compatible(known, applied); err != nil {
		return nil, err
	}
	list := make([]MigrationStatus, len(known))
	for i, m := range known {
		list[i] = MigrationStatus{ID: m.ID, Name: m.Name}
		if i < len(applied) {
			list[i].Applied, list[i].AppliedAt = true, applied[i].AppliedAt.time()
		}
	}
	return list, nil
}

// applied returns the executed migrations in order.
func (s *Store) applied(ctx context.Context, q querier) ([]migrationRow, error) {
	exists, err := s.dialect.tableExists(ctx, q, s.prefix+migrationsTable.name)
	if err != nil || !exists {
		return nil, err
	}
	return find[migrationRow](ctx, s, q, "ORDER BY t.id")
}

// compatible checks that what was executed is the beginning of what the program knows.
func compatible(known []Migration, applied []migrationRow) error {
	for i, a := range applied {
		switch {
		case i >= len(known):
			return fmt.Errorf("store: migration %d %s: %w", a.ID, a.Name, ErrSchemaNewer)
		case a.ID != num(known[i].ID) || a.Checksum != known[i].checksum:
			return fmt.Errorf("store: migration %d %s: %w", a.ID, a.Name, ErrSchemaChanged)
		}
	}
	return nil
}

// ready returns nil when the schema is the program's own. It asks the database until the
// answer is yes once.
func (s *Store) ready(ctx context.Context) error {
	if s.migrated.Load() {
		return nil
	}
	err := s.inspect(ctx)
	if err == nil {
		s.migrated.Store(true)
	}
	return err
}

func (s *Store) inspect(ctx context.Context) error {
	status, err := s.Status(ctx)
	if err != nil {
		if s.rows != nil && sqlState(err) == insufficientPrivilege {
			return fmt.Errorf("%w: %w", err, ErrRowSecurity)
		}
		return s.dialect.explain(ctx, err)
	}
	for _, m := range status {
		if !m.Applied {
			return fmt.Errorf("store: migration %d %s: %w", m.ID, m.Name, ErrNotMigrated)
		}
	}
	if err := s.dialect.suitable(ctx, s.read); err != nil {
		return err
	}
	if err := s.secured(ctx); err != nil {
		return err
	}
	return s.dialect.probe(ctx, s)
}

// Ready returns nil when the schema is the program's own, and the error of what is missing
// otherwise.
//
// A newer version may migrate while this one is at work. Then Ready is [ErrSchemaNewer], so
// that nobody sends it new work, but what it is doing goes on: migrations add to what is
// there. A call that they have made impossible returns ErrSchemaNewer by itself. A store that
// was never ready refuses every call.
func (s *Store) Ready(ctx context.Context) error {
	err := s.inspect(ctx)
	switch {
	case err == nil:
		s.migrated.Store(true)
	case errors.Is(err, ErrSchemaNewer), errors.Is(err, runs.ErrUnavailable), isContext(err): // no reason to stop
	default:
		s.migrated.Store(false)
	}
	return err
}

// explain adds to an error what it means. That a table or column is missing, or a row has
// another checksum, may only mean that another version has migrated since. It is called when
// no transaction is open any more: it asks the database.
func (s *Store) explain(ctx context.Context, err error) error {
	if err != nil && (aboutSchema(err) || errors.Is(err, backupset.ErrDamaged)) {
		if other := s.otherSchema(ctx); other != nil {
			return other
		}
	}
	return s.dialect.explain(ctx, err)
}

// otherSchema returns why the schema is not the program's own, or nil when it is or cannot
// be asked for.
func (s *Store) otherSchema(ctx context.Context) error {
	status, err := s.Status(ctx)
	if errors.Is(err, ErrSchemaNewer) || errors.Is(err, ErrSchemaChanged) {
		return err
	}
	if err != nil {
		return nil
	}
	for _, m := range status {
		if !m.Applied {
			return fmt.Errorf("store: migration %d %s: %w", m.ID, m.Name, ErrNotMigrated)
		}
	}
	return nil
}

// judged says of rows that seem damaged when they are only a newer version's.
func (s *Store) judged(ctx context.Context, list []runs.DamagedRow) []runs.DamagedRow {
	if len(list) > 0 {
		if other := s.otherSchema(ctx); other != nil {
			for i := range list {
				list[i].Err = other
			}
		}
	}
	return list
}

// aboutSchema tells whether a statement named a table or column that is not there.
func aboutSchema(err error) bool {
	switch sqlState(err) {
	case "42P01", "42703": // undefined_table, undefined_column
		return true
	}
	text := err.Error()
	return strings.Contains(text, "no such table") || strings.Contains(text, "no such column") || strings.Contains(text, "has no column named")
}

// Migrate executes the migrations that are missing, all or none. It is safe to call it
// from several processes at once, and again.
func (s *Store) Migrate(ctx context.Context) error {
	known, err := Migrations(s.dialect.name(), s.prefix)
	if err != nil {
		return err
	}
	return s.transact(ctx, owner, s.dialect.migrationSettings(), func(ctx context.Context, t *tx) error {
		applied, err := s.applied(ctx, t)
		if err != nil {
			return err
		}
		if err := compatible(known, applied); err != nil {
			return err
		}
		for _, m := range known[len(applied):] {
			if err := t.script(ctx, m.Up); err != nil {
				return fmt.Errorf("store: migration %d %s: %w", m.ID, m.Name, err)
			}
			old := migrationRow{ID: num(m.ID), Name: text(m.Name), Checksum: m.checksum}
			noted := old
			noted.AppliedAt = tsOf(t.now)
			if err := update(ctx, t, &old, &noted); err != nil {
				return err
			}
		}
		return nil
	})
}

// MigrateDown takes the newest migrations back, steps of them, with all data that lives in
// what they made. There is no undo.
func (s *Store) MigrateDown(ctx context.Context, steps int) error {
	if steps < 1 {
		return runs.Invalid("steps", "steps_range", "must be at least 1")
	}
	known, err := Migrations(s.dialect.name(), s.prefix)
	if err != nil {
		return err
	}
	s.migrated.Store(false)
	return s.transact(ctx, owner, s.dialect.migrationSettings(), func(ctx context.Context, t *tx) error {
		applied, err := s.applied(ctx, t)
		if err != nil {
			return err
		}
		if err := compatible(known, applied); err != nil {
			return err
		}
		for n := len(applied); n > 0 && steps > 0; n, steps = n-1, steps-1 {
			if err := t.script(ctx, known[n-1].Down); err != nil {
				return fmt.Errorf("store: taking back migration %d %s: %w", n, known[n-1].Name, err)
			}
			if n == 1 {
				clear(t.tally)
				break // the bookkeeping itself is gone
			}
			if err := remove(ctx, t, &applied[n-1]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *tx) script(ctx context.Context, script string) error {
	if err := t.s.dialect.flushPending(ctx, t); err != nil { // it is about tables that may go now
		return err
	}
	for _, stmt := range statements(script) {
		if _, err := t.Tx.Tx.ExecContext(ctx, stmt); err != nil {
			return err
		}
	}
	return nil
}
