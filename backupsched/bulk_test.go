package backupsched_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
)

func TestBulkGivesOneResultPerIdInTheirOrder(t *testing.T) {
	r := rig.New(t, rig.Options{})
	a, b, deleted := r.Schedule(nil), r.Schedule(nil), r.Schedule(nil)
	if err := r.Scheduler.Delete(t.Context(), rig.Tenant, rig.Owner, deleted.ID, ""); err != nil {
		t.Fatal(err)
	}
	unknown := runs.ID("0198d1c2-0000-7000-8000-000000000001")
	ids := []runs.ID{b.ID, unknown, deleted.ID, a.ID}
	for _, tt := range []struct {
		action backupsched.BulkAction
		actor  runs.Actor
		want   []string
	}{
		{backupsched.BulkDisable, rig.Owner, []string{"", "not_found", "deleted", ""}},
		{backupsched.BulkEnable, rig.Operator, []string{"forbidden", "forbidden", "forbidden", "forbidden"}},
		{backupsched.BulkEnable, rig.Owner, []string{"", "not_found", "deleted", ""}},
		{backupsched.BulkRetry, rig.Operator, []string{"nothing_to_retry", "not_found", "deleted", "nothing_to_retry"}},
		{backupsched.BulkRunNow, rig.Operator, []string{"", "not_found", "deleted", ""}},
		{backupsched.BulkDelete, rig.Owner, []string{"", "not_found", "deleted", ""}},
	} {
		results, err := r.Scheduler.Bulk(t.Context(), rig.Tenant, tt.actor, tt.action, ids)
		if err != nil {
			t.Fatal(err)
		}
		var codes []string
		for i, res := range results {
			if res.ID != ids[i] || res.OK != (res.Code == "") || res.OK != (res.Err == nil) {
				t.Errorf("%s: result %d is %+v", tt.action, i, res)
			}
			if res.OK && tt.action == backupsched.BulkRunNow && res.RunID == "" {
				t.Errorf("%s: no run id for %s", tt.action, res.ID)
			}
			codes = append(codes, res.Code)
		}
		if diff := cmp.Diff(tt.want, codes); diff != "" {
			t.Errorf("%s by %s (-want +got):\n%s", tt.action, tt.actor.ID, diff)
		}
	}
}

// A run that is under way stands for the one that was asked for, also when it is a retry.
func TestABulkCallTellsWhichRunsWereUnderWay(t *testing.T) {
	r := rig.New(t, rig.Options{})
	first, second, third := r.Schedule(nil).ID, r.Schedule(nil).ID, r.Schedule(nil).ID
	do := func(action backupsched.BulkAction, want map[runs.ID]bool, ids ...runs.ID) (batches []runs.ID) {
		t.Helper()
		results, err := r.Scheduler.Bulk(t.Context(), rig.Tenant, rig.Owner, action, ids)
		if err != nil {
			t.Fatal(err)
		}
		got := map[runs.ID]bool{}
		for _, res := range results {
			if got[res.ID] = res.Reused; res.Reused && res.BatchID != "" {
				t.Errorf("%s: a reused run is of a batch: %+v", action, res)
			}
			batches = append(batches, res.BatchID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s, reused (-want +got):\n%s", action, diff)
		}
		return batches
	}
	if err := r.Graph.Inject(graphtest.Fault{Op: graphtest.OpList, Times: -1, Err: &graph.Error{Kind: graph.KindForbidden}}); err != nil {
		t.Fatal(err)
	}
	do(backupsched.BulkRunNow, map[runs.ID]bool{first: false}, first)
	if batches := do(backupsched.BulkRunNow, map[runs.ID]bool{first: true, second: false}, first, second); batches[1] == "" {
		t.Error("the only new run of two is of no batch")
	}
	do(backupsched.BulkRunNow, map[runs.ID]bool{first: true, second: true, third: false}, first, second, third)
	r.Drain()
	do(backupsched.BulkRetry, map[runs.ID]bool{first: false}, first)
	do(backupsched.BulkRetry, map[runs.ID]bool{first: true, second: false}, first, second)
}

func TestABulkCallIsNotifiedOfOnce(t *testing.T) {
	r := rig.New(t, rig.Options{})
	ids := []runs.ID{r.Schedule(nil).ID, r.Schedule(nil).ID, r.Schedule(nil).ID}
	// Nothing can be read, so that there is something to retry.
	if err := r.Graph.Inject(graphtest.Fault{Op: graphtest.OpList, Times: -1, Err: &graph.Error{Kind: graph.KindForbidden}}); err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, tt := range []struct {
		action backupsched.BulkAction
		news   []string
	}{
		{backupsched.BulkRunNow, []string{"backup: failed - 3 runs: 3 failed"}},
		{backupsched.BulkRetry, []string{"backup: failed - 3 runs: 3 failed"}},
		{backupsched.BulkDisable, nil},
	} {
		results, err := r.Scheduler.Bulk(t.Context(), rig.Tenant, rig.Owner, tt.action, ids)
		if err != nil {
			t.Fatal(err)
		}
		for _, res := range results {
			if !res.OK {
				t.Errorf("%s: %+v", tt.action, res)
			}
		}
		r.Drain()
		want = append(want, tt.news...)
		list, err := r.Store.ListNotifications(t.Context(), rig.Tenant, rig.Owner.ID, false, runs.Slice{Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, n := range list {
			got = append(got, n.Message)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("after %s (-want +got):\n%s", tt.action, diff)
		}
	}
}

func TestBulkRefusesAWrongRequestAsAWhole(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	id := r.Schedule(nil).ID
	for _, tt := range []struct {
		action backupsched.BulkAction
		ids    []runs.ID
		want   map[string]string
	}{
		{"explode", []runs.ID{id}, map[string]string{"action": "action_unknown"}},
		{backupsched.BulkDisable, nil, map[string]string{"ids": "ids_count"}},
		{backupsched.BulkDisable, make([]runs.ID, 201), map[string]string{"ids": "ids_count"}},
		{backupsched.BulkDisable, []runs.ID{id, id}, map[string]string{"ids[1]": "ids_duplicate"}},
	} {
		_, err := r.Scheduler.Bulk(t.Context(), rig.Tenant, rig.Owner, tt.action, tt.ids)
		if diff := cmp.Diff(tt.want, codesOf(t, err)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if s, err := r.Scheduler.Get(t.Context(), rig.Tenant, rig.Owner, id); err != nil || !s.Enabled {
		t.Errorf("a refused bulk call changed something (error %v)", err)
	}
}
