package restore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// noWrites fails the test when somebody writes to the fake.
func noWrites(t *testing.T, w *world) {
	t.Helper()
	w.Graph.OnCall(func(_ context.Context, c graphtest.Call) {
		if slices.Contains([]graphtest.Op{graphtest.OpCreate, graphtest.OpUpdate, graphtest.OpAssign}, c.Op) {
			t.Errorf("a preview calls %s of %s", c.Op, c.Type)
		}
	})
}

func TestAPreviewOfAnUnchangedTenantSaysUnchanged(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: 60}, nil, restore.PreviewerConfig{})
	noWrites(t, w)
	set := w.backup()
	for _, o := range []restore.Options{{}, {Existing: restore.Overwrite, Assignments: restore.OriginalAssignments}, {Existing: restore.CreateCopy}} {
		preview, items := w.preview(rig.Tenant, set, restore.PreviewParams{Options: o})
		if diff := cmp.Diff(map[string]int{"unchanged": len(w.SetItems(set))}, actions(items)); diff != "" {
			t.Errorf("%+v: %s", o, diff)
		}
		if preview.Totals[restore.Unchanged] != len(items) {
			t.Errorf("totals %v", preview.Totals)
		}
	}
}

// TestAPreviewWritesNothing runs every kind of preview over a Graph that fails the test when
// it is written to. What the Previewer holds has no method that writes.
func TestAPreviewWritesNothing(t *testing.T) {
	testenv.SlowUnderRace(t)
	w := newWorld(t, rig.Options{Policies: 60}, nil, restore.PreviewerConfig{})
	noWrites(t, w)
	w.empty(9)
	set := w.backup()
	for i, item := range w.SetItems(set) {
		switch i % 3 {
		case 0:
			w.ok(w.Graph.Delete(rig.Tenant, item.Type, item.ExternalID))
		case 1:
			w.ok(w.Graph.Change(rig.Tenant, item.Type, item.ExternalID, uint64(i)))
		}
	}
	before := w.Graph.Snapshot(rig.Tenant)
	for _, o := range []restore.Options{
		{}, {Existing: restore.Overwrite, Assignments: restore.MappedAssignments, Access: restore.AccessOriginal},
		{Existing: restore.CreateCopy, Assignments: restore.OriginalAssignments, Access: restore.AccessReportOnly},
	} {
		w.preview(rig.Tenant, set, restore.PreviewParams{Options: o})
		w.preview(fabrikam, set, restore.PreviewParams{SourceTenant: rig.Tenant, Options: o})
	}
	w.do(rig.Tenant, restore.DriftRequest(set, restore.DriftParams{}))
	if n := w.Graph.Writes(rig.Tenant) + w.Graph.Writes(fabrikam); n != 0 {
		t.Errorf("%d writes", n)
	}
	if d := cmp.Diff(before, w.Graph.Snapshot(rig.Tenant)); d != "" {
		t.Error("the tenant changed")
	}
}

func TestWarningsAreRedactedBeforeTheyAreStored(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: -1, Catalogue: restore.TestTypes(t)}, nil, restore.PreviewerConfig{})
	const secret = "hunter2secret"
	w.put(rig.Tenant, "widget", widget("w1", "Widget", `"gadget":"door password=`+secret+` of adele@contoso.com"`))
	set := w.backup()
	w.ok(w.Graph.Delete(rig.Tenant, "widget", "w1"))
	_, items := w.preview(rig.Tenant, set, restore.PreviewParams{})
	got := items["w1"].Warnings
	if len(got) != 1 || got[0].Code != "dependency_missing" || !strings.Contains(got[0].Detail, "door password=") {
		t.Fatalf("%s %+v", items["w1"].Action, got)
	}
	for _, leak := range []string{secret, "adele"} {
		if strings.Contains(got[0].Detail, leak) {
			t.Errorf("the warning is %q", got[0].Detail)
		}
	}
}

func TestItemsHaveTheOrderOfRestore(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: 60}, nil, restore.PreviewerConfig{SaveSize: 7})
	set := w.backup()
	run := w.do(rig.Tenant, restore.PreviewRequest(set, restore.PreviewParams{}))
	items := w.previewItems(rig.Tenant, run.ID)
	last := 0
	for i, item := range items {
		info, _ := graph.Catalog.Lookup(item.Type)
		if item.Position != i || info.RestoreOrder < last {
			t.Fatalf("item %d at %d is a %s of order %d, after %d", i, item.Position, item.Type, info.RestoreOrder, last)
		}
		last = info.RestoreOrder
	}
	if run.Status != runs.StatusSuccess || run.Counts.Total != len(items) || run.Counts.Succeeded != len(items) {
		t.Errorf("%s, counts %+v of %d items", run.Status, run.Counts, len(items))
	}
	var s restore.Summary
	if err := json.Unmarshal(run.Summary, &s); err != nil || s.Totals[restore.Unchanged] != len(items) || s.SetRevision != 1 {
		t.Errorf("summary %s, %v", run.Summary, err)
	}
}

func TestOnlyTheSelectionIsLookedAt(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: 60}, nil, restore.PreviewerConfig{})
	set := w.backup()
	var pick []runs.ID
	types := map[graph.PolicyType]bool{}
	for _, item := range w.SetItems(set) {
		if item.Type == "deviceManagementScript" {
			pick = append(pick, item.ID)
			types[item.Type] = true
		}
	}
	w.Graph.ResetCounts()
	_, items := w.preview(rig.Tenant, set, restore.PreviewParams{ItemIDs: pick})
	if len(items) != len(pick) {
		t.Errorf("%d items of %d", len(items), len(pick))
	}
	if n := w.Graph.Count(rig.Tenant, graphtest.OpList, ""); n != 1 {
		t.Errorf("%d types were listed for unchanged policies of one type", n)
	}
}

func TestATypeIsListedOncePerPreview(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: 60}, nil, restore.PreviewerConfig{SaveSize: 3})
	set := w.backup()
	for i, item := range w.SetItems(set) {
		w.ok(w.Graph.Change(rig.Tenant, item.Type, item.ExternalID, uint64(i)))
	}
	w.Graph.ResetCounts()
	w.preview(rig.Tenant, set, restore.PreviewParams{Options: restore.Options{Existing: restore.Overwrite}})
	for _, info := range graph.Catalog.All() {
		if n := w.Graph.Count(rig.Tenant, graphtest.OpList, info.Key); n > 1 {
			t.Errorf("%s was listed %d times", info.Key, n)
		}
	}
	if twice := w.Graph.FetchedTwice(rig.Tenant); len(twice) > 0 {
		t.Errorf("fetched twice: %v", twice)
	}
}

func TestWhatCouldNotBeListedIsBlockedAndNeverMissing(t *testing.T) {
	for _, fault := range []graphtest.Fault{
		{Op: graphtest.OpList, Type: "settingsCatalogPolicy", Err: &graph.Error{Kind: graph.KindForbidden}, Times: -1},
		{Op: graphtest.OpList, Type: "settingsCatalogPolicy", TruncateAfterPages: 1, Times: -1},
	} {
		w := newWorld(t, rig.Options{Policies: 60, Graph: graphtest.Config{PageSize: 1}}, nil, restore.PreviewerConfig{})
		set := w.backup()
		var first string
		for _, item := range w.SetItems(set) {
			if item.Type == "settingsCatalogPolicy" {
				if first == "" {
					first = item.ExternalID
					continue
				}
				w.ok(w.Graph.Delete(rig.Tenant, item.Type, item.ExternalID))
			}
		}
		w.ok(w.Graph.Inject(fault))
		reason := runs.ReasonIncompleteCapture
		if fault.Err != nil {
			reason = runs.ReasonForbidden
		}
		run := w.do(rig.Tenant, restore.PreviewRequest(set, restore.PreviewParams{}))
		_, items := w.outcome(rig.Tenant, run)
		blocked := 0
		for _, item := range items {
			want := restore.Unchanged
			if item.Type == "settingsCatalogPolicy" && (item.ExternalID != first || fault.TruncateAfterPages == 0) {
				want = restore.Blocked
				blocked++
			}
			if item.Action != want {
				t.Errorf("%s: %s %s is %s %s", reason, item.Type, item.Name, item.Action, item.Reason)
			}
			if item.Action == restore.Blocked && item.Reason != reason {
				t.Errorf("%s: reason %s", reason, item.Reason)
			}
		}
		if run.Status != runs.StatusPartial || run.Counts.Failed != blocked || blocked == 0 {
			t.Errorf("%s: the run is %s, %+v, %d blocked", reason, run.Status, run.Counts, blocked)
		}
		drift := w.do(rig.Tenant, restore.DriftRequest(set, restore.DriftParams{}))
		d, err := w.service.Drift(t.Context(), rig.Tenant, rig.Owner, drift.ID)
		if err != nil || len(d.Removed) > 0 || len(d.Blocked) != blocked {
			t.Errorf("%s: drift says %d removed, %d blocked, %v", reason, len(d.Removed), len(d.Blocked), err)
		}
	}
}

func TestOneBadPolicyStopsNoOther(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: 60}, nil, restore.PreviewerConfig{})
	set := w.backup()
	var bad backupset.Item
	for _, item := range w.SetItems(set) {
		if item.Type == "settingsCatalogPolicy" {
			bad = item
			break
		}
	}
	w.ok(w.Graph.Inject(graphtest.Fault{Op: graphtest.OpItem, Type: bad.Type, ID: bad.ExternalID, Err: &graph.Error{Kind: graph.KindInternal}, Times: -1}))
	run := w.do(rig.Tenant, restore.PreviewRequest(set, restore.PreviewParams{}))
	_, items := w.outcome(rig.Tenant, run)
	for _, item := range items {
		if (item.Action == restore.Blocked) != (item.ItemID == bad.ID) {
			t.Errorf("%s is %s %s", item.Name, item.Action, item.Reason)
		}
	}
	if run.Status != runs.StatusPartial || run.Counts.Failed != 1 {
		t.Errorf("%s %+v", run.Status, run.Counts)
	}
}

// damagedSource gives other bytes for one version.
type damagedSource struct {
	restore.Source
	version runs.ID
	err     error
}

func (d damagedSource) Payload(ctx context.Context, tenant graph.TenantID, version runs.ID) ([]byte, error) {
	if version == d.version {
		return nil, d.err
	}
	return d.Source.Payload(ctx, tenant, version)
}

func TestADamagedCaptureBlocksItsItemOnly(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: 30}, nil, restore.PreviewerConfig{})
	set := w.backup()
	bad := w.SetItems(set)[0]
	for _, item := range w.SetItems(set) {
		w.ok(w.Graph.Delete(rig.Tenant, item.Type, item.ExternalID))
	}
	w.runner = w.newRunner(restore.PreviewerConfig{Source: damagedSource{w.Store, bad.VersionID, backupset.ErrMissing}})
	run := w.do(rig.Tenant, restore.PreviewRequest(set, restore.PreviewParams{}))
	_, items := w.outcome(rig.Tenant, run)
	if i := items[bad.ExternalID]; i.Action != restore.Blocked || i.Reason != runs.ReasonInvalidPayload {
		t.Errorf("%s %s", i.Action, i.Reason)
	}
	if n := actions(items)["create"]; n < len(items)/2 {
		t.Errorf("only %d of %d are made: %v", n, len(items), actions(items))
	}
}

func TestAThrottledPreviewGoesOnWhereItWas(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: 60}, nil, restore.PreviewerConfig{SaveSize: 4, FetchSize: 4})
	set := w.backup()
	w.Graph.ResetCounts()
	w.ok(w.Graph.Inject(
		graphtest.Fault{Op: graphtest.OpGet, Nth: 3, Err: &graph.Error{Kind: graph.KindThrottled}, RetryAfter: "60"},
		graphtest.Fault{Op: graphtest.OpGet, Nth: 9, Err: &graph.Error{Kind: graph.KindThrottled}, RetryAfter: "60"},
	))
	run := w.do(rig.Tenant, restore.PreviewRequest(set, restore.PreviewParams{}))
	_, items := w.outcome(rig.Tenant, run)
	if run.Attempt != 3 || run.Status != runs.StatusSuccess || len(items) != len(w.SetItems(set)) {
		t.Errorf("attempt %d, %s, %d items", run.Attempt, run.Status, len(items))
	}
	if twice := w.Graph.FetchedTwice(rig.Tenant); len(twice) > 4 {
		t.Errorf("%d policies were fetched twice", len(twice))
	}
}

var errStore = errors.New("the store is away")

// failingStore fails the k-th call that saves, before or after it has saved.
type failingStore struct {
	restore.RequestsStore
	calls, at int
	after     bool
}

func (f *failingStore) SavePreviewItems(ctx context.Context, tenant graph.TenantID, lease runs.Lease, outcomes []restore.PreviewItem, items []runs.Item) error {
	if f.calls++; f.calls == f.at {
		if f.after {
			if err := f.RequestsStore.SavePreviewItems(ctx, tenant, lease, outcomes, items); err != nil {
				return err
			}
		}
		return errStore
	}
	return f.RequestsStore.SavePreviewItems(ctx, tenant, lease, outcomes, items)
}

func TestAPreviewThatBreaksAnywhereEndsTheSame(t *testing.T) {
	for _, kind := range []runs.Kind{runs.KindRestorePreview, runs.KindDriftReport} {
		var want map[string]string
		for at := range 8 {
			if testenv.RaceDetector && at%3 != 0 { // a sample; .ci/run has them all without it
				continue
			}
			for _, after := range []bool{false, true} {
				w := newWorld(t, rig.Options{Policies: -1, Catalogue: restore.TestTypes(t)}, nil, restore.PreviewerConfig{})
				for i := range 10 {
					w.put(rig.Tenant, "widget", widget(fmt.Sprint(i), fmt.Sprint("Widget ", i), `"v":1`))
				}
				set := w.backup()
				for i := range 12 { // five that changed, one that is gone, two that are new
					if i%2 == 0 || i > 9 {
						w.put(rig.Tenant, "widget", widget(fmt.Sprint(i), fmt.Sprint("Widget ", i), `"v":2`))
					}
				}
				w.ok(w.Graph.Delete(rig.Tenant, "widget", "1"))
				w.runner = w.newRunner(restore.PreviewerConfig{Store: &failingStore{RequestsStore: w.store, at: at, after: after}, SaveSize: 2})
				req := restore.PreviewRequest(set, restore.PreviewParams{Options: restore.Options{Existing: restore.Overwrite}})
				if kind == runs.KindDriftReport {
					req = restore.DriftRequest(set, restore.DriftParams{})
				}
				run := w.do(rig.Tenant, req)
				got := map[string]string{}
				for _, item := range w.previewItems(rig.Tenant, run.ID) {
					if _, twice := got[string(item.Type)+item.ExternalID]; twice {
						t.Errorf("%s %s is there twice", item.Type, item.Name)
					}
					got[string(item.Type)+item.ExternalID] = strings.TrimSpace(string(item.Action) + " " + string(item.Reason))
				}
				if want == nil {
					want = got
				}
				if d := cmp.Diff(want, got); d != "" || run.Status != runs.StatusSuccess || run.Counts.Total != len(got) || run.Counts.Succeeded != len(got) {
					t.Errorf("broken at %d, after %v: %s, %+v of %d: %s", at, after, run.Status, run.Counts, len(got), d)
				}
			}
		}
	}
}
