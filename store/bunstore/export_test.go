package bunstore

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/uptrace/bun"
)

// ImportSchedules stores many schedules in one transaction, for benchmarks.
func (s *Store) ImportSchedules(ctx context.Context, list []backupsched.Schedule) error {
	return s.change(ctx, everybody, func(ctx context.Context, t *tx) error {
		rows := make([]scheduleRow, len(list))
		for i, sched := range list {
			r, err := scheduleRowOf(sched)
			if err != nil {
				return err
			}
			rows[i] = r
		}
		return insert(ctx, t, rows...)
	})
}

// RepairMigrationSums gives the rows of the bookkeeping their right checksums.
func (s *Store) RepairMigrationSums(ctx context.Context, db *sql.DB) error {
	rows, err := db.QueryContext(ctx, s.sql("SELECT id, name, checksum, applied_at FROM {migrations}"))
	if err != nil {
		return err
	}
	defer rows.Close()
	sums := map[num]num{}
	for rows.Next() {
		var r migrationRow
		if err := rows.Scan(&r.ID, &r.Name, &r.Checksum, &r.AppliedAt); err != nil {
			return err
		}
		sums[r.ID], _ = migrationsTable.sum(r.columns(), nil)
	}
	for id, sum := range sums {
		if _, err := db.ExecContext(ctx, s.sql("UPDATE {migrations} SET row_sum = ? WHERE id = ?"), int64(sum), int64(id)); err != nil {
			return err
		}
	}
	return rows.Err()
}

// ForgeMigrations makes the bookkeeping that of another version of the program, checksums and
// all: a newer one, or one whose first migration differs.
func (s *Store) ForgeMigrations(ctx context.Context, newer bool) error {
	return s.transact(ctx, owner, "", func(ctx context.Context, t *tx) error {
		list, err := s.applied(ctx, t)
		if err != nil {
			return err
		}
		if newer {
			next := list[len(list)-1]
			next.ID++
			return insert(ctx, t, next)
		}
		forged := list[0]
		forged.Checksum[0]++
		return update(ctx, t, &list[0], &forged)
	})
}

// InScope calls fn in a transaction that writes in a tenant, and InView in one that reads.
func (s *Store) InScope(ctx context.Context, tenant graph.TenantID, fn func(tx *sql.Tx) error) error {
	return s.change(ctx, tenant, func(_ context.Context, t *tx) error { return fn(t.Tx.Tx) })
}

func (s *Store) InView(ctx context.Context, tenant graph.TenantID, fn func(tx *sql.Tx) error) error {
	return s.view(ctx, tenant, func(q querier) error {
		if r, ok := q.(*reading); ok {
			return fn(r.tx.Tx)
		}
		return fn(q.(*bun.Tx).Tx)
	})
}

// InSystem is InScope across tenants.
func (s *Store) InSystem(ctx context.Context, fn func(tx *sql.Tx) error) error {
	return s.change(ctx, everybody, func(_ context.Context, t *tx) error { return fn(t.Tx.Tx) })
}

// KeptReads are the queries whose statements stay prepared, and KeepReads says how many may.
func (s *Store) KeptReads() []string {
	s.keptReads.mu.Lock()
	defer s.keptReads.mu.Unlock()
	return slices.Sorted(maps.Keys(s.keptReads.stmts))
}

// CloseKeptReads closes them for who is about to use them.
func (s *Store) CloseKeptReads() {
	for _, stmt := range s.keptReads.stmts {
		_ = stmt.Close()
	}
}

func (s *Store) KeepReads(most int) {
	s.keptReads.most = most
	clear(s.keptReads.stmts)
}

// OnQuery calls fn with the text of every query that reads.
func (s *Store) OnQuery(fn func(query string)) {
	s.read.AddQueryHook(queryHook(fn))
	s.write.AddQueryHook(queryHook(fn))
	s.plans.seen = fn
}

// OnMessage calls fn with every script as it is sent.
func (s *Store) OnMessage(fn func(message string)) {
	s.write.AddQueryHook(queryHook(func(query string) {
		if strings.Contains(query, "EXECUTE tenantbackup_") {
			fn(query)
		}
	}))
}

// Locking lets no change be tried without locks.
func (s *Store) Locking() { s.plans.locks = true }

type queryHook func(query string)

func (h queryHook) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }
func (h queryHook) AfterQuery(_ context.Context, e *bun.QueryEvent)                    { h(e.Query) }

// ImportRuns stores many runs in one transaction.
func (s *Store) ImportRuns(ctx context.Context, list []runs.Run) error {
	return s.change(ctx, everybody, func(ctx context.Context, t *tx) error {
		rows := make([]runRow, len(list))
		for i, run := range list {
			r, err := runRowOf(run)
			if err != nil {
				return err
			}
			rows[i] = r
		}
		return insert(ctx, t, rows...)
	})
}
