package bunstore_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/store"
	"github.com/tenantatlas/tenantbackup/store/bunstore"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

// version is the file with a database as a version of the schema had it. It was written by
// the program of that time, checksums and all, so that a change of how rows are read or
// summed shows.
func version(n int) string {
	return filepath.Join("testdata", fmt.Sprintf("sqlite_%04d.sql", n))
}

// script is a database as SQL: its tables, its rows, its indexes.
func script(t *testing.T, path string) string {
	t.Helper()
	db := rawDB(t, path)
	lines := rawStrings(t, db, "SELECT sql FROM sqlite_master WHERE type = 'table' ORDER BY name")
	for _, table := range rawStrings(t, db, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name") {
		values := strings.Join(rawStrings(t, db, `SELECT 'quote("' || name || '")' FROM pragma_table_info('`+table+`')`), ` || ', ' || `)
		rows := rawStrings(t, db, "SELECT 'INSERT INTO "+table+" VALUES (' || "+values+" || ')' FROM "+table+" ORDER BY 1")
		if len(rows) == 0 {
			t.Errorf("no row of %s, so nothing is shown about it", table)
		}
		lines = append(lines, rows...)
	}
	lines = append(lines, rawStrings(t, db, "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name")...)
	return strings.Join(lines, ";\n") + ";\n"
}

// TestADatabaseOfEveryEarlierVersionIsUpgradedWithItsRows. Before the schema gets another
// migration, its present version is kept with
//
//	go test ./store/bunstore -run EveryEarlierVersion -keep
func TestADatabaseOfEveryEarlierVersionIsUpgradedWithItsRows(t *testing.T) {
	list, err := bunstore.Migrations("sqlite", "")
	if err != nil {
		t.Fatal(err)
	}
	_, now := fullStore(t)
	if *keep {
		if err := os.WriteFile(version(len(list)), []byte(script(t, now)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for n := 1; n < len(list); n++ {
		t.Run(fmt.Sprintf("from %d %s", n, list[n-1].Name), func(t *testing.T) {
			old, err := os.ReadFile(version(n))
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "old.db")
			if _, err := rawDB(t, path).Exec(string(old)); err != nil {
				t.Fatal(err)
			}
			before := counts(t, path)
			s := openAt(t, path, sqlitestore.Options{})
			_, err = s.ListRuns(t.Context(), "contoso", runs.RunFilter{}, runs.Slice{Limit: 10})
			wantError(t, err, bunstore.ErrNotMigrated)
			if err := s.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			if report := check(t, s); len(report.Problems) > 0 {
				t.Errorf("problems: %+v", report.Problems)
			}
			if d := cmp.Diff(schemaOf(t, now), schemaOf(t, path)); d != "" {
				t.Errorf("schema (-new +upgraded):\n%s", d)
			}
			after := counts(t, path)
			maps.DeleteFunc(after, func(table, _ string) bool { return before[table] == "" })
			delete(before, "tb_tallies") // each new table has one
			delete(after, "tb_tallies")
			if d := cmp.Diff(before, after); d != "" {
				t.Errorf("rows of tables (-before +after):\n%s", d)
			}
			list, err := s.ListRuns(t.Context(), "contoso", runs.RunFilter{}, runs.Slice{Limit: 10})
			if err != nil || len(list) == 0 {
				t.Errorf("%d runs, error %v", len(list), err)
			}
			if n <= stepsBefore(t, "sqlite", "chain") {
				goesOn(t, s)
			} else {
				fill(t, s, "fabrikam")
			}
			if report := check(t, s); len(report.Problems) > 0 {
				t.Errorf("problems later: %+v", report.Problems)
			}
		})
	}
}

// goesOn writes to the audit log of a tenant that has entries from before there was a chain.
func goesOn(t *testing.T, s store.Store) {
	t.Helper()
	before, err := s.AuditHead(t.Context(), "contoso")
	if err != nil || before.Seq == 0 || !before.Hash.IsZero() {
		t.Errorf("head of the upgraded log: %+v, error %v; want the last number and no hash", before, err)
	}
	for i := range 2 {
		id := runs.ID(fmt.Sprintf("01980000-0000-7000-8000-0000000ffff%d", i))
		if err := s.AppendAudit(t.Context(), "contoso", runs.AuditEntry{ID: id, At: began, Action: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	list, err := s.ListAudit(t.Context(), "contoso", runs.AuditFilter{}, runs.Slice{Limit: 3})
	if err != nil || len(list) < 3 {
		t.Fatalf("%d entries, error %v", len(list), err)
	}
	last, first, old := list[0], list[1], list[2]
	if !old.Hash.IsZero() || old.Seq != before.Seq || !first.PrevHash.IsZero() || first.Seq != before.Seq+1 || last.PrevHash != first.Hash {
		t.Errorf("the chain begins wrongly: %+v, then %+v, then %+v", old, first, last)
	}
	head, err := s.AuditHead(t.Context(), "contoso")
	if want := (runs.AuditHead{Seq: last.Seq, Hash: last.Hash}); err != nil || head != want {
		t.Errorf("head %+v, error %v, want %+v", head, err, want)
	}
}

var keep = flag.Bool("keep", false, "keep a database of the present version for tests of upgrades")

// counts tells how many rows each table has, but for the one of migrations.
func counts(t *testing.T, path string) map[string]string {
	t.Helper()
	db, out := rawDB(t, path), map[string]string{}
	for _, table := range rawStrings(t, db, "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'tb_migrations'") {
		out[table] = strings.Join(rawStrings(t, db, "SELECT count(*) FROM "+table), "")
	}
	return out
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
	before, err := dump(path)
	if err != nil {
		t.Fatal(err)
	}
	list, err := bunstore.Migrations("sqlite", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.MigrateDown(t.Context(), len(list)-1); err == nil || !strings.Contains(err.Error(), "stop all runners") {
		t.Errorf("the error is %v, want one that says what to do", err)
	}
	if after, err := dump(path); err != nil || after != before {
		t.Errorf("a refused step back changed the database: %v %s", err, firstDifference(after, before))
	}
	change(id, func(now time.Time, r *runs.Run) {
		r.Status, r.FinishedAt, r.LeaseUntil, r.Lane = runs.StatusFailed, now, time.Time{}, 0
	})
	if err := s.MigrateDown(t.Context(), len(list)-1); err != nil {
		t.Fatal(err)
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if report := check(t, s); len(report.Problems) > 0 {
		t.Errorf("problems: %+v", report.Problems)
	}
}
