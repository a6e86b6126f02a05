package bunstore_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/store/bunstore"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

// asOf makes a database with the first n migrations alone and fills it with the rows of
// another one, as far as it has their columns.
func asOf(t *testing.T, n int, from string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "old.db")
	db := rawDB(t, path)
	db.SetMaxOpenConns(1) // ATTACH is the connection's
	list, err := bunstore.Migrations("sqlite", "")
	if err != nil {
		t.Fatal(err)
	}
	exec := func(query string) {
		t.Helper()
		if _, err := db.Exec(query); err != nil {
			t.Fatalf("%v: %.300s", err, query)
		}
	}
	for _, m := range list[:n] {
		exec(m.Up)
	}
	exec("ATTACH '" + from + "' AS source")
	for _, table := range rawStrings(t, db, "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'tb_migrations'") {
		columns := strings.Join(rawStrings(t, db, "SELECT '\"' || name || '\"' FROM main.pragma_table_info('"+table+"')"), ", ")
		only := ""
		if table == "tb_tallies" {
			only = " WHERE name <> 'migrations'"
		}
		exec(fmt.Sprintf("INSERT OR REPLACE INTO main.%s (%s) SELECT %s FROM source.%s%s", table, columns, columns, table, only))
		if len(rawStrings(t, db, "SELECT 1 FROM main."+table+" LIMIT 1")) == 0 {
			t.Errorf("no row of %s, so nothing is shown about it", table)
		}
	}
	exec("DETACH source")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// rowsOf lists all rows but those of the bookkeeping of migrations.
func rowsOf(t *testing.T, path string) (list []string) {
	t.Helper()
	all, err := dump(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(all) {
		if !strings.Contains(line, "tb_migrations") && !strings.Contains(line, "migrations") {
			list = append(list, line)
		}
	}
	return list
}

func TestADatabaseOfEveryEarlierVersionIsUpgradedWithItsRows(t *testing.T) {
	list, err := bunstore.Migrations("sqlite", "")
	if err != nil {
		t.Fatal(err)
	}
	_, source := fullStore(t)
	for n := 1; n < len(list); n++ {
		t.Run(fmt.Sprintf("from %d %s", n, list[n-1].Name), func(t *testing.T) {
			path := asOf(t, n, source)
			s := openAt(t, path, sqlitestore.Options{})
			_, err := s.ListRuns(t.Context(), "contoso", runs.RunFilter{}, runs.Slice{Limit: 10})
			wantError(t, err, bunstore.ErrNotMigrated)
			if err := s.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			if report := check(t, s); len(report.Problems) > 0 {
				t.Errorf("problems: %+v", report.Problems)
			}
			if d := cmp.Diff(schemaOf(t, source), schemaOf(t, path)); d != "" {
				t.Errorf("schema (-new +upgraded):\n%s", d)
			}
			if d := cmp.Diff(rowsOf(t, source), rowsOf(t, path)); d != "" {
				t.Errorf("rows (-before +after):\n%s", d)
			}
			runsOf, err := s.ListRuns(t.Context(), "contoso", runs.RunFilter{}, runs.Slice{Limit: 10})
			if err != nil || len(runsOf) == 0 {
				t.Errorf("%d runs, error %v", len(runsOf), err)
			}
		})
	}
}

func TestLanesAreNotTakenBackWhileOneIsHeld(t *testing.T) {
	s, path := fullStore(t)
	change := func(id runs.ID, edit func(now time.Time, r *runs.Run)) {
		t.Helper()
		_, err := s.ChangeRun(t.Context(), "contoso", id, func(now time.Time, r runs.Run, _ runs.Room) (runs.Change, error) {
			edit(now, &r)
			return runs.Change{Run: r}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	id := runs.ID("01980000-0000-7000-8000-0000000fffff")
	_, _, err := s.CreateRun(t.Context(), "contoso", runs.Run{
		ID: id, Kind: runs.KindPolicySync, Trigger: runs.TriggerManual, Status: runs.StatusQueued, Key: "lane",
		Target: runs.Target{Type: "tenant"}, CreatedAt: began, UpdatedAt: began,
	}, runs.Trail{})
	if err != nil {
		t.Fatal(err)
	}
	change(id, func(now time.Time, r *runs.Run) {
		r.Status, r.Attempt, r.LeaseToken, r.LeaseUntil, r.StartedAt, r.Lane = runs.StatusRunning, 1, 1, now.Add(time.Hour), now, 1
	})
	before := rowsOf(t, path)
	if err := s.MigrateDown(t.Context(), 1); err == nil {
		t.Error("the lanes were taken back")
	}
	if d := cmp.Diff(before, rowsOf(t, path)); d != "" {
		t.Errorf("a refused step back changed (-before +after):\n%s", d)
	}
	change(id, func(now time.Time, r *runs.Run) {
		r.Status, r.FinishedAt, r.LeaseUntil, r.Lane = runs.StatusFailed, now, time.Time{}, 0
	})
	if err := s.MigrateDown(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if report := check(t, s); len(report.Problems) > 0 {
		t.Errorf("problems: %+v", report.Problems)
	}
}
