package restore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// gadgets is a tenant of three gadgets, two of one name, and a set of them.
func gadgets(t *testing.T) (*world, runs.ID, map[string]runs.ID) {
	t.Helper()
	w := newWorld(t, rig.Options{Policies: -1, Catalogue: restore.TestTypes(t)}, nil, restore.PreviewerConfig{})
	w.put(rig.Tenant, "gadget", `{"id":"a","displayName":"Alone","v":1}`)
	w.put(rig.Tenant, "gadget", `{"id":"t1","displayName":"Twin","v":1}`)
	w.put(rig.Tenant, "gadget", `{"id":"t2","displayName":"Twin","v":2}`)
	set := w.backup()
	ids := map[string]runs.ID{}
	for _, item := range w.SetItems(set) {
		ids[item.ExternalID] = item.ID
	}
	return w, set, ids
}

// bring restores an item and returns the id of its object.
func (w *world) bring(set, item runs.ID, o restore.Options) string {
	w.t.Helper()
	run := w.execute(rig.Tenant, w.previewRun(rig.Tenant, set, restore.PreviewParams{ItemIDs: []runs.ID{item}, Options: o}).ID)
	for _, i := range w.outcomes(rig.Tenant, run.ID) {
		if i.Status == runs.ItemSuccess {
			return i.TargetID
		}
	}
	w.t.Fatalf("%s: %v", run.Status, w.outcomes(rig.Tenant, run.ID))
	return ""
}

// drift is what a drift report says of the gadgets, by their ids: the action and the live id.
func (w *world) drift(set runs.ID) map[string][2]string {
	w.t.Helper()
	_, items := w.outcome(rig.Tenant, w.do(rig.Tenant, restore.DriftRequest(set, restore.DriftParams{})))
	got := map[string][2]string{}
	for id, item := range items {
		if item.Type == "gadget" {
			got[id] = [2]string{string(item.Action), item.TargetID}
		}
	}
	return got
}

func (w *world) says(what string, got, want map[string][2]string) {
	w.t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		w.t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func TestDriftKnowsWhatWasRestored(t *testing.T) {
	w, set, items := gadgets(t)
	w.ok(w.Graph.Delete(rig.Tenant, "gadget", "a"))
	first := w.bring(set, items["a"], overwrite)
	rest := func(more map[string][2]string) map[string][2]string {
		more["t1"], more["t2"] = [2]string{"unchanged", "t1"}, [2]string{"unchanged", "t2"}
		return more
	}
	w.says("after a restore", w.drift(set), rest(map[string][2]string{"a": {"unchanged", first}}))

	w.put(rig.Tenant, "gadget", `{"id":"`+first+`","displayName":"Renamed","v":1}`)
	w.says("after a change of its name", w.drift(set), rest(map[string][2]string{"a": {"change", first}}))

	w.ok(w.Graph.Delete(rig.Tenant, "gadget", first))
	w.says("once it is deleted again", w.drift(set), rest(map[string][2]string{"a": {"removed", ""}}))

	second := w.bring(set, items["a"], overwrite)
	w.says("after another restore", w.drift(set), rest(map[string][2]string{"a": {"unchanged", second}}))

	w.put(rig.Tenant, "gadget", `{"id":"a","displayName":"Alone","v":1}`)
	w.says("with the original beside it", w.drift(set), rest(map[string][2]string{"a": {"unchanged", "a"}, second: {"added", second}}))
}

func TestWhatWasRestoredFromALaterSetIsKnownToo(t *testing.T) {
	w, set, items := gadgets(t)
	w.ok(w.Graph.Delete(rig.Tenant, "gadget", "a"))
	first := w.bring(set, items["a"], overwrite)
	w.Clock.Add(time.Hour)
	later := w.backup()
	var item runs.ID
	for _, i := range w.SetItems(later) {
		if i.ExternalID == first {
			item = i.ID
		}
	}
	w.ok(w.Graph.Delete(rig.Tenant, "gadget", first))
	second := w.bring(later, item, overwrite)
	twins := map[string][2]string{"t1": {"unchanged", "t1"}, "t2": {"unchanged", "t2"}}
	for _, at := range []struct {
		set runs.ID
		id  string
	}{{set, "a"}, {later, first}} {
		twins[at.id] = [2]string{"unchanged", second}
		w.says("of "+at.id, w.drift(at.set), twins)
		delete(twins, at.id)
	}
}

func TestACopyDoesNotStandForItsOriginal(t *testing.T) {
	w, set, items := gadgets(t)
	w.put(rig.Tenant, "gadget", `{"id":"a","displayName":"Alone","v":5}`)
	copied := w.bring(set, items["a"], restore.Options{Existing: restore.CreateCopy})
	w.ok(w.Graph.Delete(rig.Tenant, "gadget", "a"))
	w.says("once the original is gone", w.drift(set), map[string][2]string{
		"a": {"removed", ""}, copied: {"added", copied}, "t1": {"unchanged", "t1"}, "t2": {"unchanged", "t2"},
	})
}

func TestASecondRestoreGoesByWhatTheFirstMade(t *testing.T) {
	w, set, items := gadgets(t)
	for _, id := range []string{"a", "t1", "t2"} {
		w.ok(w.Graph.Delete(rig.Tenant, "gadget", id))
	}
	alone, twin := w.bring(set, items["a"], overwrite), ""
	// One of the twins: by their name it could be either.
	w.put(rig.Tenant, "gadget", `{"id":"t2","displayName":"Twin","v":2}`)
	twin = w.bring(set, items["t1"], overwrite)
	w.ok(w.Graph.Delete(rig.Tenant, "gadget", "t2"))
	w.put(rig.Tenant, "gadget", `{"id":"`+alone+`","displayName":"Renamed","v":1}`)

	preview := w.previewRun(rig.Tenant, set, restore.PreviewParams{Options: overwrite})
	_, got := w.outcome(rig.Tenant, preview)
	for id, want := range map[string][2]string{"a": {"change", alone}, "t1": {"unchanged", twin}, "t2": {"create", ""}} {
		if have := [2]string{string(got[id].Action), got[id].TargetID}; have != want {
			t.Errorf("%s: the preview says %v, want %v", id, have, want)
		}
	}
	run := w.execute(rig.Tenant, preview.ID)
	if run.Status != runs.StatusSuccess {
		t.Errorf("%s: %v", run.Status, said(w.outcomes(rig.Tenant, run.ID)))
	}
	if n := w.Graph.Count(rig.Tenant, graphtest.OpCreate, "gadget"); n != 3 {
		t.Errorf("%d gadgets were made", n)
	}
}

func TestWhatRefersToSomethingRestoredRefersToItsNewObject(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: -1, Catalogue: restore.TestTypes(t)}, nil, restore.PreviewerConfig{})
	w.put(rig.Tenant, "gadget", `{"id":"g0","displayName":"Gadget","v":1}`)
	w.put(rig.Tenant, "widget", widget("w0", "Widget", `"v":1,"gadget":"g0"`))
	set := w.backup()
	items := map[string]runs.ID{}
	for _, item := range w.SetItems(set) {
		items[item.ExternalID] = item.ID
	}
	w.ok(w.Graph.Delete(rig.Tenant, "gadget", "g0"))
	w.ok(w.Graph.Delete(rig.Tenant, "widget", "w0"))
	made := w.bring(set, items["g0"], overwrite)
	w.put(rig.Tenant, "gadget", `{"id":"`+made+`","displayName":"Renamed","v":1}`)
	p, _ := w.Graph.Object(rig.Tenant, "widget", w.bring(set, items["w0"], overwrite))
	if !strings.Contains(string(p.Raw), `"`+made+`"`) {
		t.Errorf("the widget is %s, want it to refer to %s", p.Raw, made)
	}
}
