package bunstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/store"
	"github.com/tenantatlas/tenantbackup/store/bunstore"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
	"github.com/tenantatlas/tenantbackup/store/storetest"
)

// schemaOf lists what a database consists of.
func schemaOf(t *testing.T, path string) []string {
	t.Helper()
	return rawStrings(t, rawDB(t, path), "SELECT coalesce(sql, name) FROM sqlite_master ORDER BY name")
}

func TestMigratingUpDownAndUpAgainGivesTheSameSchema(t *testing.T) {
	s, path := fullStore(t)
	up := schemaOf(t, path)
	if err := s.MigrateDown(t.Context(), 100); err != nil {
		t.Fatal(err)
	}
	if left := schemaOf(t, path); len(left) > 0 {
		t.Errorf("left after migrating down: %q", left)
	}
	_, err := s.GetRun(t.Context(), "contoso", "01980000-0000-7000-8000-000000000001")
	wantError(t, err, bunstore.ErrNotMigrated)
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(up, schemaOf(t, path)); d != "" {
		t.Error(d)
	}
	if report := check(t, s); len(report.Problems) > 0 {
		t.Errorf("problems: %+v", report.Problems)
	}
}

func TestMigratingAgainChangesNothing(t *testing.T) {
	s, path := fullStore(t)
	before, err := dump(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after, err := dump(path); err != nil || after != before {
		t.Errorf("%v %s", err, firstDifference(after, before))
	}
}

func TestADatabaseWithoutTheSchemaIsAClearError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s := openAt(t, path, sqlitestore.Options{})
	_, err := s.ListRuns(t.Context(), "contoso", runs.RunFilter{}, runs.Slice{Limit: 1})
	wantError(t, err, bunstore.ErrNotMigrated)
	wantError(t, s.AppendAudit(t.Context(), "contoso"), bunstore.ErrNotMigrated)
	_, err = s.Check(t.Context(), store.CheckOptions{})
	wantError(t, err, bunstore.ErrNotMigrated)
	status, err := s.Status(t.Context())
	if err != nil || len(status) == 0 || status[0].Applied || status[0].Name != "initial" {
		t.Errorf("status: %+v %v", status, err)
	}
	if tables := schemaOf(t, path); len(tables) > 0 {
		t.Errorf("opening and asking made %q", tables)
	}
}

func TestADatabaseOfAnotherVersionIsAClearError(t *testing.T) {
	for what, c := range map[string]struct {
		change string
		want   error
	}{
		"newer":   {"INSERT INTO tb_migrations SELECT id + 1, name, checksum, applied_at, row_sum FROM tb_migrations ORDER BY id DESC LIMIT 1", bunstore.ErrSchemaNewer},
		"changed": {"UPDATE tb_migrations SET checksum = zeroblob(32)", bunstore.ErrSchemaChanged},
	} {
		t.Run(what, func(t *testing.T) {
			s, path := newStore(t, sqlitestore.Options{})
			db := rawDB(t, path)
			rawExec(t, db, c.change)
			if err := s.RepairMigrationSums(t.Context(), db); err != nil { // as a real other version would have them
				t.Fatal(err)
			}
			other := openAt(t, path, sqlitestore.Options{})
			wantError(t, other.Migrate(t.Context()), c.want)
			wantError(t, other.AppendAudit(t.Context(), "contoso"), c.want)
			_, err := other.Status(t.Context())
			wantError(t, err, c.want)
		})
	}
}

// TestPrintedSQLIsWhatMigrateExecutes: a host may run the printed SQL with its own tools.
func TestPrintedSQLIsWhatMigrateExecutes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	list, err := bunstore.Migrations("sqlite", "acme_")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list {
		if _, err := db.Exec(m.Up); err != nil {
			t.Fatalf("migration %d: %v", m.ID, err)
		}
	}
	s := openAt(t, path, sqlitestore.Options{Prefix: "acme_"})
	if report := check(t, s); len(report.Problems) > 0 {
		t.Errorf("problems: %+v", report.Problems)
	}
	if err := s.AppendAudit(t.Context(), "contoso", runs.AuditEntry{ID: "01980000-0000-7000-8000-000000000001", Action: "x"}); err != nil {
		t.Error(err)
	}
	for _, name := range rawStrings(t, db, "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'") {
		if !strings.HasPrefix(name, "acme_") {
			t.Errorf("%s has not the prefix", name)
		}
	}
	for i := range list {
		if _, err := db.Exec(list[len(list)-1-i].Down); err != nil {
			t.Fatal(err)
		}
	}
	if left := rawStrings(t, db, "SELECT name FROM sqlite_master"); len(left) > 0 {
		t.Errorf("left after migrating down: %q", left)
	}
}

func TestTwoPrefixesAreTwoStoresInOneFile(t *testing.T) {
	first, path := fullStore(t)
	before := check(t, first)
	second := openAt(t, path, sqlitestore.Options{Prefix: "second_"})
	if err := second.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if list, err := second.ListRuns(t.Context(), "contoso", runs.RunFilter{}, runs.Slice{Limit: 10}); err != nil || len(list) > 0 {
		t.Errorf("runs of the second: %+v %v", list, err)
	}
	if err := second.MigrateDown(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(before, check(t, first)); d != "" {
		t.Error(d)
	}
}

func TestPrefixes(t *testing.T) {
	for prefix, ok := range map[string]bool{
		"": true, "a": true, "_": true, "tb_": true, "a1_": true, strings.Repeat("a", 31): true,
		strings.Repeat("a", 32): false, "1a": false, "A": false, "a-": false, `a"`: false, "ä": false, "a b": false, "a;": false,
	} {
		_, err := bunstore.Migrations("sqlite", prefix)
		if (err == nil) != ok {
			t.Errorf("prefix %q: got error %v, want one: %t", prefix, err, !ok)
		}
		s, err := sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "store.db"), sqlitestore.Options{Prefix: prefix})
		if err == nil {
			err = s.Close()
		}
		if (err == nil) != ok {
			t.Errorf("Open with prefix %q: got error %v, want one: %t", prefix, err, !ok)
		}
	}
}

func TestMigrateNotesWhen(t *testing.T) {
	at := time.Date(2026, time.March, 2, 8, 0, 0, 123456789, time.FixedZone("", 3600))
	s, _ := newStore(t, sqlitestore.Options{Clock: storetest.NewClock(at)})
	status, err := s.Status(context.Background())
	if err != nil || len(status) == 0 {
		t.Fatal(status, err)
	}
	if want := at.UTC().Truncate(time.Microsecond); !status[0].Applied || status[0].AppliedAt != want {
		t.Errorf("status: %s, want applied at %s", fmt.Sprint(status), want)
	}
}
