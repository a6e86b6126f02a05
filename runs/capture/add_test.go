package capture_test

import (
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
)

// manual makes a manual set of the given policies.
func manual(t *testing.T, r *rig.Rig, policies []backupset.Policy) runs.ID {
	t.Helper()
	run := do(t, r, capture.CreateSetRequest("Manual", capture.Selection{PolicyIDs: idsOf(policies)}))
	if run.Status != runs.StatusSuccess {
		t.Fatalf("the run is %s %s", run.Status, run.ErrorMessage)
	}
	return run.BackupSetID
}

func set(t *testing.T, r *rig.Rig, id runs.ID) backupset.BackupSet {
	t.Helper()
	s, err := r.Store.GetSet(t.Context(), rig.Tenant, id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPoliciesAreAddedToAManualSetAndWhatItHasIsSkipped(t *testing.T) {
	r := rig.New(t, rig.Options{})
	all := inventory(t, r, access, settings)
	id := manual(t, r, all[:3])
	before := r.SetItems(id)
	run := do(t, r, capture.AddPoliciesRequest(id, idsOf(all[1:6])))
	if diff := cmp.Diff(map[string]int{"success": 3, "skipped already_in_backup_set": 2}, outcomes(t, r, run.ID)); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	if want := (runs.Counts{Total: 5, Processed: 5, Succeeded: 3, Skipped: 2}); run.Status != runs.StatusSuccess || run.Counts != want {
		t.Errorf("the run is %s with %+v, want %+v", run.Status, run.Counts, want)
	}
	sum := capture.Summary{PoliciesTotal: 5, PoliciesBackedUp: 3, TypeBreakdown: map[graph.PolicyType]capture.TypeBreakdown{
		access: {Listed: 1, Skipped: 1, Complete: true}, settings: {Listed: 4, Captured: 3, Skipped: 1, Complete: true},
	}}
	if diff := cmp.Diff(sum, summaryOf(t, run)); diff != "" {
		t.Errorf("the summary (-want +got):\n%s", diff)
	}
	s := set(t, r, id)
	if s.ItemsCount != 6 || s.Revision < 2 || s.Status != backupset.Complete {
		t.Errorf("the set is %+v", s)
	}
	after := r.SetItems(id)
	for i := range before {
		if diff := cmp.Diff(before[i], after[i]); diff != "" {
			t.Errorf("an item of before (-before +after):\n%s", diff)
		}
	}
	if _, found := verify(t, r, id); found.Checked != 6 || len(found.Damaged)+len(found.Missing) > 0 {
		t.Errorf("verified: %+v", found)
	}
	sound(t, r)
}

// agrees fails the test unless the summary of an addition tells what its counts tell, and of no
// whole type that it could not be read: policies were asked for one by one.
func agrees(t *testing.T, run runs.Run) {
	t.Helper()
	var got runs.Counts
	for name, b := range summaryOf(t, run).TypeBreakdown {
		got.Total, got.Succeeded, got.Failed, got.Skipped = got.Total+b.Listed, got.Succeeded+b.Captured, got.Failed+b.Failed, got.Skipped+b.Skipped
		if b.Forbidden || !b.Complete {
			t.Errorf("the summary says that %s could not be read: %+v", name, b)
		}
	}
	got.Processed = got.Succeeded + got.Failed + got.Skipped
	if diff := cmp.Diff(run.Counts, got); diff != "" {
		t.Errorf("the summary counts otherwise than the run (-run +summary):\n%s", diff)
	}
}

func TestOnePolicyIsAddedByARunToo(t *testing.T) {
	r := rig.New(t, rig.Options{})
	all := inventory(t, r, settings)
	id := manual(t, r, all[:1])
	run, reused, err := r.Starter.Start(t.Context(), rig.Tenant, rig.Operator, capture.AddPoliciesRequest(id, idsOf(all[1:2])))
	if err != nil || reused || run.Status != runs.StatusQueued || set(t, r, id).ItemsCount != 1 {
		t.Fatalf("the run is %s, error %v", run.Status, err)
	}
	r.Drain()
	if set(t, r, id).ItemsCount != 2 {
		t.Error("nothing was added")
	}
}

func TestASetOfAScheduleTakesNothing(t *testing.T) {
	r := rig.New(t, rig.Options{})
	backup := r.Backup(r.Schedule(only(access)).ID)
	all := inventory(t, r, settings)
	_, _, err := r.Starter.Start(t.Context(), rig.Tenant, rig.Owner, capture.AddPoliciesRequest(backup.BackupSetID, idsOf(all[:1])))
	var conflict *runs.ConflictError
	if !errors.As(err, &conflict) || conflict.Code != "set_of_schedule" {
		t.Errorf("error is %v, want set_of_schedule", err)
	}
}

// TestEverySelectedPolicyIsTried although the first ones are all refused.
func TestEverySelectedPolicyIsTried(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: 60, Capture: capture.Config{FetchSize: 2}})
	all := inventory(t, r, settings)
	id := manual(t, r, inventory(t, r, access)[:1])
	last := all[len(all)-1]
	r.Graph.ResetCounts()
	for _, p := range all[:len(all)-1] {
		inject(t, r, graphtest.Fault{Op: graphtest.OpItem, Type: p.Type, ID: p.ExternalID, Times: -1, FailCall: true, Err: &graph.Error{Kind: graph.KindForbidden}})
	}
	run := do(t, r, capture.AddPoliciesRequest(id, idsOf(all)))
	if diff := cmp.Diff(map[string]int{"success": 1, "failed forbidden": len(all) - 1}, outcomes(t, r, run.ID)); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	agrees(t, run)
	if run.Status != runs.StatusPartial || r.Graph.Fetched(rig.Tenant, last.Type, last.ExternalID) != 1 {
		t.Errorf("the run is %s", run.Status)
	}
	sound(t, r)
}

func TestAnAdditionThatIsThrottledGoesOnAndAddsNothingTwice(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: 120, Capture: capture.Config{FetchSize: 3}})
	all := inventory(t, r, settings)
	id := manual(t, r, all[:1])
	r.Graph.ResetCounts()
	inject(t, r, graphtest.Fault{Op: graphtest.OpGet, Nth: 2, Type: settings, Err: &graph.Error{Kind: graph.KindThrottled, RetryAfter: time.Minute}})
	run := do(t, r, capture.AddPoliciesRequest(id, idsOf(all)))
	want := map[string]int{"success": len(all) - 1, "skipped already_in_backup_set": 1}
	if diff := cmp.Diff(want, outcomes(t, r, run.ID)); diff != "" || run.Attempt != 2 {
		t.Errorf("attempt %d, outcomes (-want +got):\n%s", run.Attempt, diff)
	}
	agrees(t, run)
	if twice := r.Graph.FetchedTwice(rig.Tenant); len(twice) > 0 || set(t, r, id).ItemsCount != len(all) {
		t.Errorf("%d items, fetched twice: %v", set(t, r, id).ItemsCount, twice)
	}
}

func TestARetryOfAnAdditionCoversWhatFailed(t *testing.T) {
	r := rig.New(t, rig.Options{})
	all := inventory(t, r, settings)
	id := manual(t, r, all[:1])
	bad := all[1]
	inject(t, r, graphtest.Fault{Op: graphtest.OpItem, Type: bad.Type, ID: bad.ExternalID, Err: &graph.Error{Kind: graph.KindInvalid}})
	first := do(t, r, capture.AddPoliciesRequest(id, idsOf(all[1:])))
	if first.Status != runs.StatusPartial {
		t.Fatalf("the run is %s", first.Status)
	}
	agrees(t, first)
	r.Graph.ResetCounts()
	again, _, err := r.Starter.Retry(t.Context(), rig.Tenant, rig.Operator, first.ID)
	if err != nil {
		t.Fatal(err)
	}
	r.Drain()
	if got := r.Run(again.ID); got.Status != runs.StatusSuccess || got.Counts.Succeeded != 1 || r.Graph.Fetched(rig.Tenant, bad.Type, bad.ExternalID) != 1 {
		t.Errorf("the retry is %s with %+v", got.Status, got.Counts)
	}
	if set(t, r, id).ItemsCount != len(all) {
		t.Error("the set lacks policies")
	}
}

func TestASetThatIsDeletedMeanwhileTakesNothing(t *testing.T) {
	r := rig.New(t, rig.Options{})
	all := inventory(t, r, settings)
	id := manual(t, r, all[:1])
	run, _, err := r.Starter.Start(t.Context(), rig.Tenant, rig.Operator, capture.AddPoliciesRequest(id, idsOf(all[1:])))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Retention.Delete(t.Context(), rig.Tenant, rig.Owner, id); err != nil {
		t.Fatal(err)
	}
	r.Drain()
	if got := r.Run(run.ID); got.Status != runs.StatusFailed || got.ErrorCode != runs.CodeSetUnavailable {
		t.Errorf("the run is %s %s", got.Status, got.ErrorCode)
	}
	if _, _, err := r.Starter.Start(t.Context(), rig.Tenant, rig.Operator, capture.AddPoliciesRequest(id, idsOf(all[2:]))); !errors.Is(err, runs.ErrDeleted) {
		t.Errorf("adding to a deleted set: %v", err)
	}
}

// snapshot makes one and reads its summary.
func snapshot(t *testing.T, r *rig.Rig, policy runs.ID) (runs.Run, capture.SnapshotSummary) {
	t.Helper()
	run := do(t, r, capture.SnapshotRequest(policy))
	var s capture.SnapshotSummary
	if run.Summary != nil {
		if err := json.Unmarshal(run.Summary, &s); err != nil {
			t.Fatal(err)
		}
	}
	return run, s
}

func TestASnapshotMakesAVersionOrSaysUnchanged(t *testing.T) {
	r := rig.New(t, rig.Options{})
	p := inventory(t, r, settings)[0]
	sets, err := r.Store.ListSets(t.Context(), rig.Tenant, backupset.SetFilter{}, runs.Slice{Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	for i, step := range []struct {
		change    bool
		number    int
		unchanged bool
	}{{false, 1, false}, {false, 1, true}, {true, 2, false}, {false, 2, true}} {
		if step.change {
			if err := r.Graph.Change(rig.Tenant, p.Type, p.ExternalID, 7); err != nil {
				t.Fatal(err)
			}
		}
		run, s := snapshot(t, r, p.ID)
		if run.Status != runs.StatusSuccess || s.Number != step.number || s.Unchanged != step.unchanged || s.PolicyID != p.ID {
			t.Errorf("step %d: the run is %s, %+v", i, run.Status, s)
		}
		now, err := r.Store.GetPolicy(t.Context(), rig.Tenant, p.ID)
		if err != nil || now.CurrentVersionID != s.VersionID {
			t.Errorf("step %d: the policy's version is %s, error %v; want %s", i, now.CurrentVersionID, err, s.VersionID)
		}
	}
	if after, err := r.Store.ListSets(t.Context(), rig.Tenant, backupset.SetFilter{}, runs.Slice{Limit: 10}); err != nil || len(after) != len(sets) {
		t.Errorf("%d sets instead of %d, error %v", len(after), len(sets), err)
	}
	sound(t, r)
}

func TestASnapshotThatCannotBeMadeSaysWhy(t *testing.T) {
	r := rig.New(t, rig.Options{})
	all := inventory(t, r, settings)
	gone, refused := all[0], all[1]
	if err := r.Graph.Delete(rig.Tenant, gone.Type, gone.ExternalID); err != nil {
		t.Fatal(err)
	}
	inject(t, r, graphtest.Fault{Op: graphtest.OpItem, ID: refused.ExternalID, Times: -1, Err: &graph.Error{Kind: graph.KindForbidden}})
	for _, tt := range []struct {
		policy runs.ID
		code   runs.Code
		items  map[string]int
	}{
		{gone.ID, runs.CodeItemsFailed, map[string]int{"skipped not_found": 1}},
		{refused.ID, runs.CodeGraphForbidden, map[string]int{"failed forbidden": 1}},
	} {
		run, _ := snapshot(t, r, tt.policy)
		if run.Status != runs.StatusFailed || run.ErrorCode != tt.code {
			t.Errorf("the run is %s %s, want failed %s", run.Status, run.ErrorCode, tt.code)
		}
		if diff := cmp.Diff(tt.items, outcomes(t, r, run.ID)); diff != "" {
			t.Errorf("outcomes (-want +got):\n%s", diff)
		}
	}
	if _, _, err := r.Starter.Start(t.Context(), rig.Tenant, rig.Operator, capture.SnapshotRequest("0190a000-0000-7000-8000-000000000001")); !errors.Is(err, runs.ErrNotFound) {
		t.Errorf("a policy that is nobody's: %v", err)
	}
}

// TestStartingTheSameAtOnceMakesOneRunAndOneJob for each kind that reads into the store.
func TestStartingTheSameAtOnceMakesOneRunAndOneJob(t *testing.T) {
	r := rig.New(t, rig.Options{})
	all := inventory(t, r, settings)
	id := manual(t, r, all[:1])
	for _, req := range []runs.Request{
		capture.SyncRequest([]graph.PolicyType{access}), capture.SnapshotRequest(all[0].ID), capture.AddPoliciesRequest(id, idsOf(all)), capture.VerifySetRequest(id),
		capture.CreateSetRequest("Another", capture.Selection{Everything: true}),
	} {
		ids := map[runs.ID]int{}
		made, jobs := 0, len(r.Queue.Jobs())
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				run, reused, err := r.Starter.Start(t.Context(), rig.Tenant, rig.Operator, req)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
				}
				if ids[run.ID]++; !reused {
					made++
				}
			})
		}
		wg.Wait()
		if len(ids) != 1 || made != 1 || len(r.Queue.Jobs()) != jobs+1 {
			t.Errorf("%s: %d runs, %d made, %d jobs", req.Kind, len(ids), made, len(r.Queue.Jobs())-jobs)
		}
	}
}
