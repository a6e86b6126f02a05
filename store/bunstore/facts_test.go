package bunstore_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/store"
	"github.com/tenantatlas/tenantbackup/store/bunstore"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

// TestCheckReportsRowsThatContradictEachOther though each of them is sound by itself.
func TestCheckReportsRowsThatContradictEachOther(t *testing.T) {
	facts := bunstore.Facts()
	contradictions := bunstore.Contradictions()
	if len(facts) != len(contradictions) {
		t.Fatalf("%d facts and %d ways to break them", len(facts), len(contradictions))
	}
	for i, fact := range facts {
		t.Run(fmt.Sprintf("%d %s in %s", i, fact[0], fact[1]), func(t *testing.T) {
			s, _ := fullStore(t)
			if err := contradictions[i](t.Context(), s.Store); err != nil {
				t.Fatal(err)
			}
			wantProblem(t, check(t, s), fact[0], fact[1])
		})
	}
}

func wantProblem(t *testing.T, report store.CheckReport, code, table string) {
	t.Helper()
	if !slices.ContainsFunc(report.Problems, func(p store.Problem) bool { return p.Code == code && p.Table == table }) {
		t.Errorf("want %s in %q, got %+v", code, table, report.Problems)
	}
}

func TestCheckTellsWhatKindOfDamageItFound(t *testing.T) {
	for what, c := range map[string]struct{ damage, code, table string }{
		"a changed row":         {"UPDATE tb_runs SET attempt = attempt + 1", "row_damaged", "runs"},
		"a missing row":         {"DELETE FROM tb_notifications", "row_missing", "notifications"},
		"an added row":          {"INSERT INTO tb_backup_holds SELECT tenant_id, set_id, name || '2', by_id, by_name, reason, at, row_sum FROM tb_backup_holds", "row_unknown", "backup_holds"},
		"a missing reference":   {"DELETE FROM tb_payloads", "reference_missing", "policy_versions"},
		"a missing index":       {"DROP INDEX tb_runs_slot", "schema_changed", ""},
		"a table kept as bytes": {"PRAGMA writable_schema = 1; UPDATE sqlite_master SET type = CAST(type AS BLOB) WHERE name = 'tb_backup_items'", "schema_changed", ""},
		"a time for none":       {"UPDATE tb_runs SET attempt_started_at = 0 WHERE attempt_started_at IS NULL", "row_damaged", "runs"},
		"another batch":         {"UPDATE tb_runs SET batch_id = randomblob(16) WHERE batch_id IS NOT NULL", "row_damaged", "runs"},
		"a changed payload":     {"UPDATE tb_payloads SET data = substr(data, 1, length(data) - 1)", "payload_damaged", "payloads"},
		"a missing tally":       {"DELETE FROM tb_tallies WHERE name = 'runs'", "row_missing", "tallies"},
		"a missing migration":   {"DELETE FROM tb_migrations", "schema_changed", "migrations"},
		"a gap in the numbers":  {"DELETE FROM tb_audit_log WHERE seq = 2", "row_missing", "audit_log"},
	} {
		t.Run(what, func(t *testing.T) {
			s, path := fullStore(t)
			if _, err := rawDB(t, path).Exec(c.damage); err != nil {
				t.Fatal(err)
			}
			wantProblem(t, check(t, s), c.code, c.table)
		})
	}
}

// TestAChangedHashIsFound: a version whose row is sound but whose content has another hash.
func TestAChangedHashIsFound(t *testing.T) {
	s, _ := newStore(t, sqlitestore.Options{})
	w := newWorker(t, s, "contoso", 2)
	sched := w.schedule()
	run := w.claimed(sched)
	set, err := s.OpenSet(t.Context(), w.tenant, run.Lease(), backupset.BackupSet{ID: w.id(), ScheduleID: sched.ID, ScheduledFor: w.now, CreatedAt: w.now}, runs.Trail{})
	w.ok(err)
	for _, list := range w.captured() {
		for i := range list {
			list[i].Hash[0] ^= 1
		}
		w.save(run.Lease(), set.ID, list)
	}
	wantProblem(t, check(t, s), "hash_wrong", "policy_versions")
}

// TestAVersionThatOnlyItsPolicyNeededGoesWithTheNextOne: a purge leaves the current version;
// a capture of other content takes it along, so that nothing is left that nothing needs.
func TestAVersionThatOnlyItsPolicyNeededGoesWithTheNextOne(t *testing.T) {
	s, path := newStore(t, sqlitestore.Options{})
	w := newWorker(t, s, "contoso", 3)
	sched := w.schedule()
	first := w.backup(sched)
	_, err := s.ChangeSet(t.Context(), w.tenant, first.ID, func(now time.Time, set backupset.BackupSet) (backupset.SetChange, error) {
		set.DeletedAt = now
		return backupset.SetChange{Set: set}, nil
	})
	w.ok(err)
	purged, err := s.PurgeSet(t.Context(), w.tenant, first.ID, 1000, func(backupset.BackupSet, backupset.PurgeResult) runs.Trail { return runs.Trail{} })
	w.ok(err)
	if !purged.Done || purged.Versions != 0 {
		t.Errorf("purge: %+v, want every current version left", purged)
	}
	_, err = w.graph.Churn(w.tenant, 100, 5)
	w.ok(err)
	w.now = w.now.AddDate(0, 0, 1)
	w.backup(sched)
	if report := check(t, s); len(report.Problems) > 0 {
		t.Errorf("problems: %+v", report.Problems)
	}
	policies := rawStrings(t, rawDB(t, path), "SELECT count(*) FROM tb_policies WHERE last_number > 1")
	if policies[0] == "0" {
		t.Error("no policy has new content; the test misses its aim")
	}
}

// TestARunUnderWayIsNoProblem: a schedule whose first backup has not ended has no last run.
func TestARunUnderWayIsNoProblem(t *testing.T) {
	s, _ := newStore(t, sqlitestore.Options{})
	w := newWorker(t, s, "contoso", 2)
	w.claimed(w.schedule())
	if report := check(t, s); len(report.Problems) > 0 {
		t.Errorf("problems: %+v", report.Problems)
	}
}
