package bunstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/store"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

// fullStore opens a copy of a store with rows in every table. It is made once.
func fullStore(t *testing.T) (*sqlitestore.Store, string) {
	t.Helper()
	file := fullFile(t)
	path := filepath.Join(t.TempDir(), "store.db")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return openAt(t, path, sqlitestore.Options{}), path
}

var full struct {
	once sync.Once
	file []byte
}

// fullFile makes a database with two days of backups of a few policies, a failed run with
// failed items, a held set, a deleted one, and notifications.
func fullFile(t *testing.T) []byte {
	t.Helper()
	full.once.Do(func() { full.file = makeFull(t) })
	if full.file == nil {
		t.Fatal("the store could not be made; see the first test that needed it")
	}
	return full.file
}

func makeFull(t *testing.T) []byte {
	t.Helper()
	s, path := newStore(t, sqlitestore.Options{})
	fill(t, s, "contoso")
	if err := s.Close(); err != nil { // merges the write-ahead log
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// fill gives a tenant rows in every table that has tenants, as fullFile says.
func fill(t testing.TB, s store.Store, tenant graph.TenantID) {
	t.Helper()
	w := newWorker(t, s, tenant, 6)
	sched, sets := w.days(2)
	for i, set := range sets {
		_, err := s.ChangeSet(t.Context(), w.tenant, set.ID, func(now time.Time, set backupset.BackupSet) (backupset.SetChange, error) {
			if i == 0 {
				set.DeletedAt, set.DeletedReason = now, "manual"
			}
			set.Holds = []backupset.Hold{{Name: "audit", By: runs.Actor{ID: "ada", Name: "Ada"}, Reason: "a case", At: now}}
			set.LastVerifiedAt = now
			return backupset.SetChange{Set: set}, nil
		})
		w.ok(err)
	}
	w.operations(sets[1])
	run := w.claimed(sched)
	_, err := s.SaveItems(t.Context(), w.tenant, run.Lease(), []runs.Item{
		{ID: w.id(), PolicyType: "compliancePolicy", PolicyID: "p", Name: "P", Status: runs.ItemFailed, Reason: runs.ReasonTimeout, Message: "m", Attempt: 1, TargetID: "x"},
		{ID: w.id(), PolicyType: "compliancePolicy", Status: runs.ItemSkipped, Reason: runs.ReasonForbidden, Attempt: 1},
	}, 2)
	w.ok(err)
	w.change(run.ID, "run.finished", func(r *runs.Run) { r.Status, r.FinishedAt = runs.StatusFailed, w.now })
	retry := runs.Run{
		ID: w.id(), Kind: runs.KindBackup, Trigger: runs.TriggerRetry, Actor: runs.Actor{ID: "ada", Name: "Ada"}, Status: runs.StatusQueued,
		Key: "retry", ScheduleID: sched.ID, RetryOf: run.ID, NotBefore: w.now.Add(time.Hour), CreatedAt: w.now, UpdatedAt: w.now,
		CancelRequested: true, CanceledBy: runs.Actor{ID: "bob", Name: "Bob"}, ErrorCode: runs.CodeGraphThrottled, ErrorMessage: "wait", Stalls: 1,
	}
	batch := w.id()
	_, err = s.CreateBatch(t.Context(), w.tenant, []runs.NewRun{
		{Run: runs.Run{ID: w.id(), Kind: runs.KindPolicySync, Trigger: runs.TriggerManual, Status: runs.StatusQueued, Key: "b1", BatchID: batch, CreatedAt: w.now, UpdatedAt: w.now}},
		{Run: runs.Run{ID: w.id(), Kind: runs.KindPolicySync, Trigger: runs.TriggerManual, Status: runs.StatusQueued, Key: "b2", BatchID: batch, CreatedAt: w.now, UpdatedAt: w.now}},
	}, func(int) runs.Notification {
		return runs.Notification{ID: batch, Recipient: "ada", Kind: runs.KindPolicySync, Status: runs.StatusQueued, Message: "2 runs", CreatedAt: w.now}
	})
	w.ok(err)
	_, _, err = s.CreateRun(t.Context(), w.tenant, retry, runs.Trail{Notifications: []runs.Notification{
		{ID: w.id(), Recipient: "ada", RunID: run.ID, Kind: runs.KindBackup, Status: runs.StatusFailed, Code: runs.CodeTimeout, Message: "failed", CreatedAt: w.now},
		{ID: w.id(), Recipient: "ada", RunID: run.ID, Kind: runs.KindBackup, Status: runs.StatusQueued, Message: "queued", CreatedAt: w.now, ReadAt: w.now},
	}})
	w.ok(err)
}

func check(t *testing.T, s *sqlitestore.Store) store.CheckReport {
	t.Helper()
	report, err := s.Check(t.Context(), store.CheckOptions{ReadData: true})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestCheckFindsNothingInASoundStore(t *testing.T) {
	s, path := fullStore(t)
	report := check(t, s)
	if len(report.Problems) > 0 {
		t.Errorf("problems: %+v", report.Problems)
	}
	db := rawDB(t, path)
	rows := 0
	for _, table := range rawTables(t, db) {
		n := 0
		if err := db.QueryRow("SELECT count(*) FROM " + table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			t.Errorf("%s is empty; the tests below need a row in every table", table)
		}
		rows += n
	}
	if report.Rows != rows {
		t.Errorf("rows checked: got %d, want %d", report.Rows, rows)
	}
	if report.Payloads == 0 {
		t.Error("no payload was read")
	}
}

// TestCheckReportsAnyChangedColumn flips a bit in every column of every table, in a random
// row of each, behind the store's back: in one column of all tables at a time.
func TestCheckReportsAnyChangedColumn(t *testing.T) {
	s, path := fullStore(t)
	db := rawDB(t, path)
	tables := rawTables(t, db)
	for round := range rounds(20) {
		rng := rand.New(rand.NewPCG(1, uint64(round)))
		for i, left := 0, true; left; i++ {
			left = false
			undo := map[string]string{}
			var damage []string
			for _, table := range tables {
				columns := rawColumns(t, db, table)
				if i >= len(columns) {
					continue
				}
				left = true
				col := columns[i]
				where, old := randomRow(t, db, table, col.name, rng)
				flipped := flip(old, col.kind, rng)
				for !rawChange(t, db, "UPDATE "+table+" SET "+col.quoted()+" = "+flipped+" WHERE "+where) {
					flipped = flip(old, col.kind, rng) // another row has that value
				}
				damage = append(damage, fmt.Sprintf("%s.%s from %.60s to %.60s", table, col.name, old, flipped))
				// The key may be what was changed, so the row is found by its new value.
				undo[table] = "UPDATE " + table + " SET " + col.quoted() + " = " + old + " WHERE " + rekey(where, col, old, flipped)
			}
			report := check(t, s)
			for table, query := range undo {
				rawExec(t, db, query)
				if !damagedIn(report, table) {
					t.Errorf("the check found nothing in %s of this: %s", table, strings.Join(damage, "; "))
				}
			}
		}
	}
	if report := check(t, s); len(report.Problems) > 0 {
		t.Errorf("after everything was put back: %+v", report.Problems)
	}
}

// damagedIn tells whether a check found a row or payload of a table, or the chain, to be damaged.
func damagedIn(report store.CheckReport, table string) bool {
	return slices.ContainsFunc(report.Problems, func(p store.Problem) bool {
		return "tb_"+p.Table == table && (p.Code == "row_damaged" || p.Code == "payload_damaged" || p.Code == "chain_broken")
	})
}

// TestCheckReportsAnyMissingRow deletes a row of every table behind the store's back, of all
// tables at a time.
func TestCheckReportsAnyMissingRow(t *testing.T) {
	s, path := fullStore(t)
	db := rawDB(t, path)
	tables := rawTables(t, db)
	for round := range 3 * rounds(10) {
		rng := rand.New(rand.NewPCG(2, uint64(round)))
		undo := map[string]string{}
		for _, table := range tables {
			var names []string
			for _, col := range rawColumns(t, db, table) {
				names = append(names, "quote("+col.quoted()+")")
			}
			where, row := randomRow(t, db, table, "", rng, strings.Join(names, " || ', ' || "))
			rawExec(t, db, "DELETE FROM "+table+" WHERE "+where)
			undo[table] = "INSERT INTO " + table + " VALUES (" + row + ")"
		}
		report := check(t, s)
		for table, query := range undo {
			rawExec(t, db, query)
			found := slices.ContainsFunc(report.Problems, func(p store.Problem) bool {
				return "tb_"+p.Table == table && (p.Code == "row_missing" || p.Code == "schema_changed")
			})
			// Without its tally nobody can tell how many rows a table had.
			if !found && !strings.Contains(undo["tb_tallies"], "'"+strings.TrimPrefix(table, "tb_")+"'") {
				t.Errorf("round %d: the check found nothing missing in %s", round, table)
			}
		}
	}
	if report := check(t, s); len(report.Problems) > 0 {
		t.Errorf("after everything was put back: %+v", report.Problems)
	}
}

// TestADamagedRowIsAnErrorWhenRead: reading is no less careful than the check.
func TestADamagedRowIsAnErrorWhenRead(t *testing.T) {
	s, path := fullStore(t)
	db := rawDB(t, path)
	rawExec(t, db, "UPDATE tb_runs SET attempt = attempt + 1")
	list, err := s.ListRuns(context.Background(), "contoso", runs.RunFilter{}, runs.Slice{Limit: 10})
	wantError(t, err, backupset.ErrDamaged)
	if len(list) > 0 {
		t.Errorf("damaged rows were returned: %+v", list)
	}
	_, err = s.ChangeRun(context.Background(), "contoso", firstID(t, db, "tb_runs"), func(_ time.Time, r runs.Run, _ runs.Room) (runs.Change, error) {
		return runs.Change{Run: r}, nil
	})
	wantError(t, err, backupset.ErrDamaged) // else the change would give damage a fresh checksum
}

// keyColumns are the primary key of a table in order.
func keyColumns(t *testing.T, db *sql.DB, table string) []string {
	t.Helper()
	return rawStrings(t, db, "SELECT name FROM pragma_table_info('"+table+"') WHERE pk > 0 ORDER BY pk")
}

// randomRow returns a condition for a random row and the value of a column in it, or of an
// expression, as SQL literals.
func randomRow(t *testing.T, db *sql.DB, table, column string, rng *rand.Rand, expression ...string) (where, value string) {
	t.Helper()
	if len(expression) == 0 {
		expression = []string{`quote("` + column + `")`}
	}
	var n int
	if err := db.QueryRow("SELECT count(*) FROM " + table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	var parts []string
	for _, k := range keyColumns(t, db, table) {
		parts = append(parts, `'"`+k+`" = ' || quote("`+k+`")`)
	}
	query := fmt.Sprintf(`SELECT %s, %s FROM %s LIMIT 1 OFFSET %d`, strings.Join(parts, " || ' AND ' || "), expression[0], table, rng.IntN(n))
	if err := db.QueryRow(query).Scan(&where, &value); err != nil {
		t.Fatal(err)
	}
	return where, value
}

// rekey is the condition for the row after the column was changed.
func rekey(where string, col rawColumn, old, flipped string) string {
	parts := strings.Split(where, " AND ")
	if i := slices.Index(parts, col.quoted()+" = "+old); i >= 0 {
		parts[i] = col.quoted() + " = " + flipped
	}
	return strings.Join(parts, " AND ")
}
