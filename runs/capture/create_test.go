package capture_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
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

// inventory lists the fake tenant into the inventory and returns its policies.
func inventory(t *testing.T, r *rig.Rig, types ...graph.PolicyType) (list []backupset.Policy) {
	t.Helper()
	if run := do(t, r, capture.SyncRequest(types)); run.Status != runs.StatusSuccess {
		t.Fatalf("the inventory run is %s %s", run.Status, run.ErrorMessage)
	}
	list, err := r.Store.ListPolicies(t.Context(), rig.Tenant, backupset.PolicyFilter{}, runs.Slice{Limit: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(list, func(p backupset.Policy) bool { return !slices.Contains(types, p.Type) })
}

func idsOf(policies []backupset.Policy) (ids []runs.ID) {
	for _, p := range policies {
		ids = append(ids, p.ID)
	}
	return ids
}

// outcomes counts a run's items by status and reason.
func outcomes(t *testing.T, r *rig.Rig, run runs.ID) map[string]int {
	t.Helper()
	items, err := r.Store.ListItems(t.Context(), rig.Tenant, run, runs.ItemFilter{}, runs.Slice{Limit: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, i := range items {
		got[strings.TrimSuffix(fmt.Sprintf("%s %s", i.Status, i.Reason), " ")]++
	}
	return got
}

func TestAManualSetExistsBeforeItsRunHasBegun(t *testing.T) {
	r := rig.New(t, rig.Options{})
	run, _, err := r.Starter.Start(t.Context(), rig.Tenant, rig.Operator, capture.CreateSetRequest("Before the change", capture.Selection{Everything: true}))
	if err != nil {
		t.Fatal(err)
	}
	set := r.Set(run)
	if set.Status != backupset.Building || set.Name != "Before the change" || set.RunID != run.ID || run.Target.ID != set.ID {
		t.Errorf("the run %+v has the set %+v", run, set)
	}
	r.Drain()
	run = r.Run(run.ID)
	set = r.Set(run)
	if run.Status != runs.StatusSuccess || set.Status != backupset.Complete || set.Revision != 1 || set.ScheduleID != "" {
		t.Errorf("the run is %s %s, its set %+v", run.Status, run.ErrorMessage, set)
	}
	if n := len(r.Graph.Snapshot(rig.Tenant)); set.ItemsCount != n || run.Counts.Succeeded != n {
		t.Errorf("%d items, %d succeeded; the tenant has %d policies", set.ItemsCount, run.Counts.Succeeded, n)
	}
	sound(t, r)
}

func TestAManualSetHoldsTheSelectedTypes(t *testing.T) {
	r := rig.New(t, rig.Options{})
	run := do(t, r, capture.CreateSetRequest("Access", capture.Selection{PolicyTypes: []graph.PolicyType{access}}))
	set := r.Set(run)
	if n := count(r, access); set.ItemsCount != n || len(set.Types) != 1 || !set.Types[0].Exhaustive() {
		t.Errorf("the set is %+v, want the %d policies of one type", set, n)
	}
}

func TestAManualSetOfSelectedPoliciesSaysNothingAboutOthers(t *testing.T) {
	r := rig.New(t, rig.Options{})
	all := inventory(t, r, access, settings)
	full := do(t, r, capture.CreateSetRequest("All", capture.Selection{PolicyTypes: []graph.PolicyType{access, settings}}))
	run := do(t, r, capture.CreateSetRequest("Two", capture.Selection{PolicyIDs: idsOf(all[:2])}))
	set := r.Set(run)
	if run.Status != runs.StatusSuccess || set.Status != backupset.Complete || set.ItemsCount != 2 {
		t.Fatalf("the run is %s %s, its set %+v", run.Status, run.ErrorMessage, set)
	}
	c, err := r.Archive.Compare(t.Context(), rig.Tenant, rig.Reader, full.BackupSetID, run.BackupSetID)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Removed)+len(c.Uncertain) != 0 || c.UnchangedCount != 2 {
		t.Errorf("removed %d, uncertain %d, unchanged %d; want 0, 0, 2", len(c.Removed), len(c.Uncertain), c.UnchangedCount)
	}
	if _, found := verify(t, r, set.ID); found.Checked != 2 || len(found.Damaged)+len(found.Missing) > 0 {
		t.Errorf("verified: %+v", found)
	}
	sound(t, r)
}

// TestEverySelectedPolicyEndsWithOneOutcome: one of each sort, none of which stops another.
func TestEverySelectedPolicyEndsWithOneOutcome(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: 60})
	all := inventory(t, r, access, settings)
	if len(all) < 8 {
		t.Fatalf("only %d policies", len(all))
	}
	gone, refused, broken := all[0], all[1], all[len(all)-1]
	if err := r.Graph.Delete(rig.Tenant, gone.Type, gone.ExternalID); err != nil {
		t.Fatal(err)
	}
	inject(t, r,
		graphtest.Fault{Op: graphtest.OpItem, Type: refused.Type, ID: refused.ExternalID, Times: -1, FailCall: true, Err: &graph.Error{Kind: graph.KindForbidden}},
		graphtest.Fault{Op: graphtest.OpItem, Type: broken.Type, ID: broken.ExternalID, Times: -1, Err: &graph.Error{Kind: graph.KindInvalid}})
	nobody := runs.ID("0190a000-0000-7000-8000-000000000001")
	run := do(t, r, capture.CreateSetRequest("Some", capture.Selection{PolicyIDs: append(idsOf(all), nobody)}))
	want := map[string]int{"success": len(all) - 3, "skipped not_found": 1, "failed forbidden": 1, "failed invalid_payload": 1, "failed not_found": 1}
	if diff := cmp.Diff(want, outcomes(t, r, run.ID)); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	counts := runs.Counts{Total: len(all) + 1, Processed: len(all) + 1, Succeeded: len(all) - 3, Failed: 3, Skipped: 1}
	if diff := cmp.Diff(counts, run.Counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if set := r.Set(run); run.Status != runs.StatusPartial || set.Status != backupset.Partial || set.ItemsCount != len(all)-3 {
		t.Errorf("the run is %s, its set %s with %d items", run.Status, set.Status, set.ItemsCount)
	}
	sound(t, r)
}

func TestARetryOfAManualSetFetchesOnlyWhatFailed(t *testing.T) {
	for name, selection := range map[string]func([]backupset.Policy) capture.Selection{
		"of types": func([]backupset.Policy) capture.Selection {
			return capture.Selection{PolicyTypes: []graph.PolicyType{settings}}
		},
		"of policies": func(all []backupset.Policy) capture.Selection { return capture.Selection{PolicyIDs: idsOf(all)} },
	} {
		t.Run(name, func(t *testing.T) {
			r := rig.New(t, rig.Options{})
			all := inventory(t, r, settings)
			bad := all[0]
			inject(t, r, graphtest.Fault{Op: graphtest.OpItem, Type: bad.Type, ID: bad.ExternalID, Err: &graph.Error{Kind: graph.KindInvalid}})
			first := do(t, r, capture.CreateSetRequest("Set", selection(all)))
			if first.Status != runs.StatusPartial {
				t.Fatalf("the first run is %s", first.Status)
			}
			r.Graph.ResetCounts()
			again, _, err := r.Starter.Retry(t.Context(), rig.Tenant, rig.Operator, first.ID)
			if err != nil {
				t.Fatal(err)
			}
			r.Drain()
			again = r.Run(again.ID)
			set := r.Set(again)
			if again.Status != runs.StatusSuccess || set.Status != backupset.Complete || set.ItemsCount != len(all) || set.ID == first.BackupSetID {
				t.Errorf("the retry is %s %s, its set %+v", again.Status, again.ErrorMessage, set)
			}
			fetched := 0
			for _, p := range all {
				fetched += r.Graph.Fetched(rig.Tenant, p.Type, p.ExternalID)
			}
			if fetched != 1 {
				t.Errorf("%d policies were fetched, want the one that failed", fetched)
			}
			sound(t, r)
		})
	}
}

func TestAThrottledSelectionGoesOnWhereItStopped(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: 120, Capture: capture.Config{FetchSize: 4}})
	all := inventory(t, r, settings)
	r.Graph.ResetCounts()
	inject(t, r, graphtest.Fault{Op: graphtest.OpGet, Nth: 3, Type: settings, Err: &graph.Error{Kind: graph.KindThrottled, RetryAfter: time.Minute}})
	run := do(t, r, capture.CreateSetRequest("All", capture.Selection{PolicyIDs: idsOf(all)}))
	if run.Status != runs.StatusSuccess || run.Attempt != 2 || run.Counts.Succeeded != len(all) {
		t.Fatalf("the run is %s after %d attempts: %+v", run.Status, run.Attempt, run.Counts)
	}
	if twice := r.Graph.FetchedTwice(rig.Tenant); len(twice) > 0 {
		t.Errorf("fetched twice: %v", twice)
	}
	sound(t, r)
}

func TestStartingTheSameManualSetAtOnceMakesOne(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	var wg sync.WaitGroup
	var mu sync.Mutex
	ids := map[runs.ID]int{}
	for i := range 100 {
		types := []graph.PolicyType{access, settings}
		if i%2 == 1 {
			slices.Reverse(types)
		}
		wg.Go(func() {
			run, _, err := r.Starter.Start(t.Context(), rig.Tenant, rig.Operator, capture.CreateSetRequest("Mine", capture.Selection{PolicyTypes: types}))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			ids[run.ID]++
		})
	}
	wg.Wait()
	sets, err := r.Store.ListSets(t.Context(), rig.Tenant, backupset.SetFilter{}, runs.Slice{Limit: 200})
	if err != nil || len(sets) != 1 || len(ids) != 1 || len(r.Queue.Jobs()) != 1 {
		t.Errorf("%d runs, %d sets, %d jobs, error %v; want one of each", len(ids), len(sets), len(r.Queue.Jobs()), err)
	}
}

func TestASelectionThatMakesNoSenseIsRefusedByField(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	one := []runs.ID{"0190a000-0000-7000-8000-000000000001"}
	for _, tt := range []struct {
		name      string
		set       string
		selection capture.Selection
		field     string
	}{
		{"no name", "", capture.Selection{Everything: true}, "name"},
		{"a long name", strings.Repeat("é", 201), capture.Selection{Everything: true}, "name"},
		{"nothing selected", "x", capture.Selection{}, "policy_types"},
		{"types and policies", "x", capture.Selection{PolicyTypes: []graph.PolicyType{access}, PolicyIDs: one}, "policy_types"},
		{"an unknown type", "x", capture.Selection{PolicyTypes: []graph.PolicyType{"nonsense"}}, "policy_types[0]"},
		{"a type that is a view", "x", capture.Selection{PolicyTypes: []graph.PolicyType{"endpointSecurityPolicy"}}, "policy_types[0]"},
		{"no id", "x", capture.Selection{PolicyIDs: []runs.ID{"7"}}, "policy_ids[0]"},
		{"foundations of policies", "x", capture.Selection{PolicyIDs: one, IncludeFoundations: true}, "include_foundations"},
	} {
		_, _, err := r.Starter.Start(t.Context(), rig.Tenant, rig.Operator, capture.CreateSetRequest(tt.set, tt.selection))
		var invalid *runs.InvalidError
		if !errors.As(err, &invalid) || invalid.Fields[0].Field != tt.field {
			t.Errorf("%s: error is %v, want one that names %s", tt.name, err, tt.field)
		}
	}
	bad := capture.CreateSetRequest("x", capture.Selection{Everything: true})
	bad.Params = json.RawMessage(`"no object"`)
	if _, _, err := r.Starter.Start(t.Context(), rig.Tenant, rig.Operator, bad); !errors.Is(err, runs.ErrInvalid) {
		t.Errorf("parameters of another shape: %v", err)
	}
}
