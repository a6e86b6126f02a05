package restore_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// TestAPolicyThatSomebodyMakesMeanwhileIsNotDoubled lets somebody make a policy of the same name
// while the restore makes the object before it.
func TestAPolicyThatSomebodyMakesMeanwhileIsNotDoubled(t *testing.T) {
	for _, c := range []struct {
		name         string
		list, create time.Duration // how long each takes
	}{
		{"at once", 0, 0},
		{"listing is quick", time.Second, time.Second},
		{"listing is slow", 10 * time.Second, 11 * time.Second},
		{"listing is held up", 5 * time.Minute, 31 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, preview := lostWorld(t, graphtest.Config{})
			w.restoring.PreviewMaxAge = 24 * time.Hour
			w.runner = w.newRunner(restore.PreviewerConfig{})
			made := false
			w.Graph.OnCall(func(_ context.Context, call graphtest.Call) {
				switch {
				case call.Op == graphtest.OpPage:
					w.Clock.Add(c.list)
				case call.Op == graphtest.OpCreate && call.Type == "widget":
					if !made {
						w.put(rig.Tenant, "widget", widget("somebody's", "Widget 1", `"v":7`))
						made = true
					}
					w.Clock.Add(c.create)
				}
			})
			run := w.execute(rig.Tenant, preview)
			got := w.outcomes(rig.Tenant, run.ID)
			if got["w1"].Reason != runs.ReasonChanged || got["w0"].Status != runs.ItemSuccess || got["w2"].Status != runs.ItemSuccess {
				t.Errorf("%s, %v", run.Status, said(got))
			}
			if n := w.names(rig.Tenant)["widget Widget 1"]; n != 1 {
				t.Errorf("there are %d of the name", n)
			}
		})
	}
}

// TestLookingForNamesAtMostDoublesTheTime restores a tenant of one type, with pages in 200 ms
// and creates in 500 ms.
func TestLookingForNamesAtMostDoublesTheTime(t *testing.T) {
	n, rows := 40, 5
	if *campaign {
		n, rows = 2000, 25
	}
	const tenant, pt = graph.TenantID("large"), graph.PolicyType("settingsCatalogPolicy")
	w := newWorld(t, rig.Options{
		Policies: -1, Runner: runs.Config{LeaseFor: 10 * time.Hour}, Graph: graphtest.Config{PageSize: rows},
	}, nil, restore.PreviewerConfig{})
	w.ok(w.Graph.AddTenant(tenant, graphtest.TenantConfig{Seed: 5, Policies: n, Types: []graph.PolicyType{pt}, Foundations: -1}))
	set := w.do(tenant, capture.CreateSetRequest("Before", capture.Selection{PolicyTypes: []graph.PolicyType{pt}})).BackupSetID
	items, err := w.Store.ListSetItems(t.Context(), tenant, set, backupset.SetItemFilter{}, runs.Slice{Limit: 10_000})
	w.ok(err)
	before := w.names(tenant)
	for _, item := range items {
		w.ok(w.Graph.Delete(tenant, item.Type, item.ExternalID))
	}
	preview := w.previewRun(tenant, set, restore.PreviewParams{})
	w.Graph.ResetCounts()
	const page, create = 200 * time.Millisecond, 500 * time.Millisecond
	w.Graph.OnCall(func(_ context.Context, call graphtest.Call) {
		switch call.Op {
		case graphtest.OpPage:
			w.Clock.Add(page)
		case graphtest.OpCreate:
			w.Clock.Add(create)
		}
	})
	run := w.execute(tenant, preview.ID)
	if run.Status != runs.StatusSuccess || fmt.Sprint(w.names(tenant)) != fmt.Sprint(before) {
		t.Fatalf("%s %s, %v", run.Status, run.ErrorCode, said(w.outcomes(tenant, run.ID)))
	}
	lists, pages, creates := w.Graph.Count(tenant, graphtest.OpList, pt), w.Graph.Count(tenant, graphtest.OpPage, pt), w.Graph.Count(tenant, graphtest.OpCreate, pt)
	looking, making := time.Duration(pages)*page, time.Duration(creates)*create
	t.Logf("%d creates, %d listings, %d pages; looking %s, making %s", creates, lists, pages, looking, making)
	last := time.Duration(1+n/rows) * page
	if creates != n || looking > making+last {
		t.Errorf("looking takes %s, making %s", looking, making)
	}
	if lists < n/10 {
		t.Errorf("the names of %d policies were looked at %d times", n, lists)
	}
}
