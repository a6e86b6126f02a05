package retention_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

func TestApplyRetiresWhatThePlanDropsAndSaysWhy(t *testing.T) {
	w := newWorld(t)
	s := w.schedule(3)
	ids := w.daily(s, 26, 30)
	run := w.apply(t, s)

	if run.Status != runs.StatusSuccess || run.ErrorCode != "" {
		t.Errorf("run ended %s %s, want success", run.Status, run.ErrorCode)
	}
	want := retention.Summary{KeepLast: 3, Kept: 3, Dropped: 2, Reasons: map[string]int{"beyond_keep_last": 2, "keep_last": 3}}
	if diff := cmp.Diff(want, summaryOf(t, run)); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(ids[2:], w.live(s)); diff != "" {
		t.Errorf("sets that stay (-want +got):\n%s", diff)
	}
	for _, id := range ids[:2] {
		if got := w.store.sets[id]; got.DeletedReason != retention.ReasonBeyond || !got.DeletedAt.Equal(w.clock.Now()) {
			t.Errorf("set %s deleted at %s for %q", id, got.DeletedAt, got.DeletedReason)
		}
	}
}

func TestApplyWritesAuditWithCountsAndALinePerSet(t *testing.T) {
	w := newWorld(t)
	s := w.schedule(3)
	ids := w.daily(s, 26, 30)
	run := w.apply(t, s)
	if diff := cmp.Diff([]string{"retention.applied", "backup_set.deleted", "backup_set.deleted"}, w.actions()); diff != "" {
		t.Fatalf("audit (-want +got):\n%s", diff)
	}
	var sets []runs.ID
	for _, e := range w.store.audit {
		switch e.Action {
		case "retention.applied":
			want := map[string]string{"name": "Nightly", "keep_last": "3", "kept": "3", "dropped": "2", "reason.beyond_keep_last": "2", "reason.keep_last": "3"}
			if diff := cmp.Diff(want, e.Details); diff != "" {
				t.Errorf("details (-want +got):\n%s", diff)
			}
			if e.Actor != runs.SystemActor || e.RunID != run.ID || e.Resource != (runs.Target{Type: "schedule", ID: s}) {
				t.Errorf("entry names %v, run %s, %v", e.Actor, e.RunID, e.Resource)
			}
		case "backup_set.deleted":
			sets = append(sets, e.Resource.ID)
			if name := e.Details["set_name"]; name == "" || name != w.store.sets[e.Resource.ID].Name {
				t.Errorf("the entry calls the set %q", name)
			}
		}
	}
	if diff := cmp.Diff(ids[:2], sets); diff != "" {
		t.Errorf("sets in the audit log (-want +got):\n%s", diff)
	}
}

func TestApplySaysThatAScheduleHasNoCompleteSet(t *testing.T) {
	w := newWorld(t)
	s := w.schedule(2)
	for day := 27; day <= 29; day++ {
		w.add(s, day, backupset.Partial, 90)
	}
	sum := summaryOf(t, w.apply(t, s))
	if sum.Dropped != 1 || len(sum.Warnings) != 1 || !strings.Contains(sum.Warnings[0], "no complete backup set") {
		t.Errorf("dropped %d, warnings %q", sum.Dropped, sum.Warnings)
	}
}

func TestApplyOfADeletedScheduleKeepsEverything(t *testing.T) {
	for _, keepLast := range []int{0, 1} {
		w := newWorld(t)
		s := w.schedule(keepLast)
		w.daily(s, 29, 30)
		w.deleteSchedule(s)
		run := w.apply(t, s)
		if diff := cmp.Diff(map[string]int{"schedule_deleted": 2}, summaryOf(t, run).Reasons); diff != "" || len(w.live(s)) != 2 {
			t.Errorf("%d sets stay, reasons (-want +got):\n%s", len(w.live(s)), diff)
		}
	}
}

func TestApplyStopsForWhatHappensBetweenPlanAndChange(t *testing.T) {
	for _, tt := range []struct {
		name      string
		sets      []backupset.Status // of the days before day 30, keep last 1
		meanwhile func(w *world, s runs.ID, ids []runs.ID)
		paused    retention.Pause
	}{
		{"a set came that shrank", []backupset.Status{backupset.Complete, backupset.Complete}, func(w *world, s runs.ID, _ []runs.ID) {
			w.add(s, 30, backupset.Complete, 10)
		}, retention.PausedShrunk},
		{"a hold made what goes more than half", []backupset.Status{backupset.Partial, backupset.Partial, backupset.Partial, backupset.Complete}, func(w *world, _ runs.ID, ids []runs.ID) {
			w.edit(ids[3], held)
		}, retention.PausedHalf},
		{"what would go was held", []backupset.Status{backupset.Complete, backupset.Complete}, func(w *world, _ runs.ID, ids []runs.ID) {
			w.edit(ids[0], held)
		}, retention.NotPaused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			s := w.schedule(1)
			var ids []runs.ID
			for i, status := range tt.sets {
				ids = append(ids, w.add(s, 20+i, status, 100))
			}
			w.store.onChange = func() { tt.meanwhile(w, s, ids) }
			run := w.apply(t, s)
			if got := summaryOf(t, run).Paused; got != tt.paused || w.store.onChange != nil {
				t.Errorf("paused %q, want %q", got, tt.paused)
			}
			for _, id := range ids {
				if w.store.sets[id].Deleted() {
					t.Errorf("set %s went", id)
				}
			}
			if got := w.actions(); len(got) != 0 {
				t.Errorf("audit %v of nothing", got)
			}
		})
	}
}

func TestApplyThatCannotKnowWhatToKeepFailsAndDropsNothing(t *testing.T) {
	for _, tt := range []struct {
		name     string
		params   string
		keepLast int
		says     string
	}{
		{"an unknown key", `{"schedule_id":"SCHEDULE","keep_lst":1}`, 1, "params_invalid"},
		{"no schedule", `{}`, 1, "params.schedule_id"},
		{"something after the object", `{"schedule_id":"SCHEDULE"} {}`, 1, "params_invalid"},
		{"another tenant's or nobody's schedule", `{"schedule_id":"00000000-0000-7000-8000-999999999999"}`, 1, "not in this tenant"},
		{"keep-last 0", `{"schedule_id":"SCHEDULE"}`, 0, "retention_keep_last"},
		{"keep-last -1", `{"schedule_id":"SCHEDULE"}`, -1, "retention_keep_last"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			s := w.schedule(tt.keepLast)
			w.daily(s, 29, 30)
			run := w.startRaw(t, s, strings.ReplaceAll(tt.params, "SCHEDULE", string(s)))
			if run.Status != runs.StatusFailed || run.Attempt != 1 || !strings.Contains(run.ErrorMessage, tt.says) {
				t.Errorf("run is %s after %d attempts: %s; want failed after 1: %s", run.Status, run.Attempt, run.ErrorMessage, tt.says)
			}
			if len(w.live(s)) != 2 {
				t.Errorf("%d sets left, want 2", len(w.live(s)))
			}
		})
	}
}

// startRaw works a retention run with the given parameters, as a host could store one.
func (w *world) startRaw(t tb, schedule runs.ID, params string) runs.Run {
	t.Helper()
	run := runs.Run{
		ID: w.newID(), TenantID: tenant, Kind: runs.KindRetentionApply, Trigger: runs.TriggerSystem,
		Actor: runs.SystemActor, Status: runs.StatusQueued, Key: "raw", Params: json.RawMessage(params),
	}
	w.store.runs[run.ID] = run
	if err := w.runner.Handle(w.ctx, runs.Job{TenantID: tenant, RunID: run.ID}); err != nil {
		t.Fatal(err)
	}
	return w.store.runs[run.ID]
}

func TestApplyFailingInTheStoreIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	s := w.schedule(3)
	w.daily(s, 26, 30)
	w.store.fail = func(op string) error {
		if op == "ChangeGroup" {
			return errors.New("disk full")
		}
		return nil
	}
	run := w.startRaw(t, s, `{"schedule_id":"`+string(s)+`"}`)
	if run.Status != runs.StatusQueued || len(w.live(s)) != 5 {
		t.Fatalf("run is %s with %d sets left, want queued with 5", run.Status, len(w.live(s)))
	}
	w.store.fail = nil
	w.clock.set(run.NotBefore)
	w.work(t)
	if run = w.store.runs[run.ID]; run.Status != runs.StatusSuccess || len(w.live(s)) != 3 {
		t.Errorf("run is %s with %d sets left, want success with 3", run.Status, len(w.live(s)))
	}
}

func TestAfterRunAppliesForBackupsOfASchedule(t *testing.T) {
	backup := func(change func(*runs.Run)) runs.Run {
		r := runs.Run{
			TenantID: tenant, Kind: runs.KindBackup, Status: runs.StatusSuccess,
			ScheduleID: "00000000-0000-7000-8000-000000000001", BackupSetID: "00000000-0000-7000-8000-000000000002",
		}
		change(&r)
		return r
	}
	for _, tt := range []struct {
		name string
		run  runs.Run
		want int
	}{
		{"success", backup(func(*runs.Run) {}), 1},
		{"partial", backup(func(r *runs.Run) { r.Status = runs.StatusPartial }), 1},
		{"failed", backup(func(r *runs.Run) { r.Status = runs.StatusFailed }), 0},
		{"skipped", backup(func(r *runs.Run) { r.Status = runs.StatusSkipped }), 0},
		{"without a set", backup(func(r *runs.Run) { r.BackupSetID = "" }), 0},
		{"of no schedule", backup(func(r *runs.Run) { r.ScheduleID = "" }), 0},
		{"of another kind", backup(func(r *runs.Run) { r.Kind = runs.KindPolicySync }), 0},
		{"retention itself", backup(func(r *runs.Run) { r.Kind = runs.KindRetentionApply }), 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			if err := w.ret.AfterRun(w.ctx, tt.run); err != nil {
				t.Fatal(err)
			}
			if got := len(w.queue.take(w.clock.Now())); got != tt.want {
				t.Errorf("%d runs started, want %d", got, tt.want)
			}
		})
	}
}

func TestTwoBackupsAtOnceShareOneApply(t *testing.T) {
	w := newWorld(t)
	s := w.schedule(3)
	w.daily(s, 26, 30)
	for range 2 {
		if err := w.ret.AfterRun(w.ctx, runs.Run{TenantID: tenant, Kind: runs.KindBackup, Status: runs.StatusSuccess, ScheduleID: s, BackupSetID: s}); err != nil {
			t.Fatal(err)
		}
	}
	if ended := w.work(t); len(ended) != 1 {
		t.Errorf("%d runs, want 1", len(ended))
	}
}

func TestAScheduleOfAnotherTenantIsNotTouched(t *testing.T) {
	w := newWorld(t)
	s := w.schedule(1)
	w.daily(s, 29, 30)
	w.store.schedules[s] = func() backupsched.Schedule { x := w.store.schedules[s]; x.TenantID = "fabrikam"; return x }()
	if run := w.apply(t, s); run.Status != runs.StatusFailed || len(w.live(s)) != 2 {
		t.Errorf("run is %s with %d sets left, want failed with 2", run.Status, len(w.live(s)))
	}
}
