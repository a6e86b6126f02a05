package capture_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
	"github.com/tenantatlas/tenantbackup/store"
	_ "modernc.org/sqlite" // damages a database behind the store's back
)

// lastVerified is the outcome of the newest verification in the audit log.
func lastVerified(r *rig.Rig) string {
	outcome := ""
	for _, e := range r.Audit() {
		if e.Action == "backup_set.verified" {
			outcome = e.Outcome
		}
	}
	return outcome
}

// verify lets a run verify a set.
func verify(t *testing.T, r *rig.Rig, set runs.ID) (run runs.Run, found capture.VerifySummary) {
	t.Helper()
	run = do(t, r, capture.VerifySetRequest(set))
	if err := json.Unmarshal(run.Summary, &found); err != nil {
		t.Fatalf("the summary of a run that is %s %s: %v", run.Status, run.ErrorMessage, err)
	}
	return run, found
}

// do starts a run as an operator and works until it has ended.
func do(t *testing.T, r *rig.Rig, req runs.Request) runs.Run {
	t.Helper()
	run, _, err := r.Starter.Start(t.Context(), rig.Tenant, rig.Operator, req)
	if err != nil {
		t.Fatal(err)
	}
	r.Drain()
	return r.Run(run.ID)
}

func TestASoundSetIsVerifiedAsAWhole(t *testing.T) {
	r := rig.New(t, rig.Options{})
	run := r.Backup(r.Schedule(nil).ID)
	r.Clock.Add(time.Hour)
	verified, v := verify(t, r, run.BackupSetID)
	if verified.Status != runs.StatusSuccess {
		t.Errorf("the run is %s %s", verified.Status, verified.ErrorCode)
	}
	if n := count(r, rig.Types...); v.Checked != n || n == 0 || len(v.Damaged)+len(v.Missing) > 0 {
		t.Errorf("found %+v, want %d items checked and none at fault", v, n)
	}
	if got := r.Set(run).LastVerifiedAt; !got.Equal(r.Clock.Now()) {
		t.Errorf("last verified at %s, want %s", got, r.Clock.Now())
	}
	if got := lastVerified(r); got != "sound" {
		t.Errorf("the audit log says %q, want sound", got)
	}
}

// TestAVerificationThatLostItsRunLeavesNoSecondAuditLine takes the run away between the last
// look at the lease and what the attempt stores.
func TestAVerificationThatLostItsRunLeavesNoSecondAuditLine(t *testing.T) {
	var steal func()
	r := rig.New(t, rig.Options{Observers: rig.Observers{Store: store.Observer{
		Call: func(ctx context.Context, c store.Call) (context.Context, func(store.CallEnd)) {
			if c.Method == "ChangeSet" && steal != nil {
				do := steal
				steal = nil
				do()
			}
			return ctx, nil
		},
	}}})
	backup := r.Backup(r.Schedule(nil).ID)
	run, _, err := r.Starter.Start(t.Context(), rig.Tenant, rig.Operator, capture.VerifySetRequest(backup.BackupSetID))
	if err != nil {
		t.Fatal(err)
	}
	stolen := false
	steal = func() {
		stolen = true
		_, err := r.Store.ChangeRun(t.Context(), rig.Tenant, run.ID, func(at time.Time, cur runs.Run, _ runs.Room) (runs.Change, error) {
			cur.Status, cur.LeaseOwner, cur.LeaseUntil, cur.UpdatedAt = runs.StatusQueued, "", time.Time{}, at
			return runs.Change{Run: cur}, nil
		})
		if err == nil {
			err = r.Queue.Enqueue(t.Context(), run.Job())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	r.Drain()
	run = r.Run(run.ID)
	lines := 0
	for _, e := range r.Audit() {
		if e.Action != "backup_set.verified" {
			continue
		}
		lines++
		if e.RunID != run.ID || e.Resource.ID != backup.BackupSetID || e.Outcome != "sound" || e.Details["checked"] != strconv.Itoa(count(r, rig.Types...)) {
			t.Errorf("the audit log has %+v", e)
		}
	}
	if !stolen || run.Status != runs.StatusSuccess || run.Attempt != 2 || lines != 1 {
		t.Errorf("stolen %t, the run is %s after %d attempts, %d audit lines", stolen, run.Status, run.Attempt, lines)
	}
}

func TestVerifyReportsWhatWasChangedBehindTheStoresBack(t *testing.T) {
	for _, tt := range []struct {
		name, statement  string
		damaged, missing int
	}{
		{"a payload is overwritten", `UPDATE tb_payloads SET data = zeroblob(length(data)) WHERE id = (SELECT min(id) FROM tb_payloads)`, 1, 0},
		{"a payload is deleted", `DELETE FROM tb_payloads WHERE id = (SELECT min(id) FROM tb_payloads)`, 0, 1},
		{"the hash of a version is changed", `UPDATE tb_policy_versions SET hash = zeroblob(32) WHERE id = (SELECT min(id) FROM tb_policy_versions)`, 1, 0},
		{"an item is deleted", `DELETE FROM tb_backup_items WHERE id = (SELECT min(id) FROM tb_backup_items)`, 0, 1},
		{"a version has another's payload", `UPDATE tb_policy_versions SET payload_id = (SELECT max(payload_id) FROM tb_policy_versions) WHERE id = (SELECT min(id) FROM tb_policy_versions)`, 1, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "rig.db")
			r := rig.New(t, rig.Options{Policies: 12, Path: path})
			run := r.Backup(r.Schedule(nil).ID)
			if verified, v := verify(t, r, run.BackupSetID); verified.Status != runs.StatusSuccess {
				t.Fatalf("before the damage: %+v", v)
			}
			was := r.Clock.Now()
			r.Clock.Add(time.Hour)
			damage(t, path, tt.statement)
			verified, v := verify(t, r, run.BackupSetID)
			if verified.Status != runs.StatusFailed || verified.ErrorCode != runs.CodeSetDamaged {
				t.Errorf("the run is %s %s", verified.Status, verified.ErrorCode)
			}
			if got, want := [3]int{v.Checked, len(v.Damaged), len(v.Missing)}, [3]int{count(r, rig.Types...) - 1, tt.damaged, tt.missing}; got != want {
				t.Errorf("checked, damaged, missing: %v, want %v: %+v", got, want, v)
			}
			if got := r.Set(run).LastVerifiedAt; !got.Equal(was) {
				t.Errorf("last verified at %s, want the time of the sound one, %s", got, was)
			}
			if got := lastVerified(r); got != "damaged" {
				t.Errorf("the audit log says %q, want damaged", got)
			}
		})
	}
}

// damage runs a statement that changes one row, as nothing in this module does.
func damage(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)&_pragma=foreign_keys(0)&_pragma=ignore_check_constraints(1)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	res, err := db.ExecContext(t.Context(), statement)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		t.Fatalf("%d rows were changed (error %v), want 1", n, err)
	}
}

func TestVerifySaysWhichPolicyIsDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rig.db")
	r := rig.New(t, rig.Options{Policies: 12, Path: path})
	run := r.Backup(r.Schedule(only(access)).ID)
	damage(t, path, `UPDATE tb_payloads SET data = zeroblob(length(data)) WHERE id = (SELECT min(id) FROM tb_payloads)`)
	v, err := r.Verifier.Verify(t.Context(), rig.Tenant, run.BackupSetID)
	if err != nil || len(v.Damaged) != 1 {
		t.Fatalf("found %+v, error %v", v, err)
	}
	got := v.Damaged[0]
	for _, item := range r.SetItems(run.BackupSetID) {
		if _, err := r.Archive.Content(t.Context(), rig.Tenant, rig.Owner, item.VersionID); err == nil {
			continue
		}
		got.Message = ""
		want := backupset.Problem{ItemID: item.ID, PolicyType: item.Type, ExternalID: item.ExternalID, Name: item.Name}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("problem (-want +got):\n%s", diff)
		}
		return
	}
	t.Error("every content can be read, so this test shows nothing")
}

func TestASetThatIsBeingBuiltIsNotVerified(t *testing.T) {
	r := rig.New(t, rig.Options{})
	s := r.Schedule(only(settings, access))
	inject(t, r, graphtest.Fault{Op: graphtest.OpList, Type: access, Err: &graph.Error{Kind: graph.KindThrottled}})
	run, _, err := r.Scheduler.RunNow(t.Context(), rig.Tenant, rig.Owner, s.ID)
	if err != nil {
		t.Fatal(err)
	}
	job, _ := r.Queue.Take()
	if err := r.Runner.Handle(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	set := r.Set(r.Run(run.ID))
	_, _, err = r.Starter.Start(t.Context(), rig.Tenant, rig.Operator, capture.VerifySetRequest(set.ID))
	var conflict *runs.ConflictError
	if set.Status != backupset.Building || !errors.Is(err, runs.ErrConflict) || !errors.As(err, &conflict) || conflict.Code != "set_building" {
		t.Errorf("verifying a %s set: %v, want set_building", set.Status, err)
	}
}

func TestADeletedSetIsNotVerified(t *testing.T) {
	r := rig.New(t, rig.Options{})
	run := r.Backup(r.Schedule(nil).ID)
	_, err := r.Store.ChangeSet(t.Context(), rig.Tenant, run.BackupSetID, func(now time.Time, cur backupset.BackupSet) (backupset.SetChange, error) {
		cur.DeletedAt, cur.DeletedReason = now, "manual"
		return backupset.SetChange{Set: cur}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Starter.Start(t.Context(), rig.Tenant, rig.Operator, capture.VerifySetRequest(run.BackupSetID)); !errors.Is(err, runs.ErrDeleted) {
		t.Errorf("verifying a deleted set: %v, want ErrDeleted", err)
	}
}
