package restore_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// lostWorld is a small tenant of which everything was deleted after its backup, and a preview
// that would make all of it again.
func lostWorld(t *testing.T, g graphtest.Config) (*world, runs.ID) {
	t.Helper()
	w := newWorld(t, rig.Options{
		Policies: 1, Catalogue: restore.TestTypes(t), Graph: g, Runner: runs.Config{LeaseFor: 10 * time.Hour},
	}, nil, restore.PreviewerConfig{})
	w.small()
	set := w.backup()
	p := restore.PreviewParams{Options: overwrite}
	for _, item := range w.SetItems(set) {
		if item.Type == "widget" || item.Type == "gadget" {
			p.ItemIDs = append(p.ItemIDs, item.ID)
			w.ok(w.Graph.Delete(rig.Tenant, item.Type, item.ExternalID))
		}
	}
	return w, w.previewRun(rig.Tenant, set, p).ID
}

func (w *world) inject(faults ...graphtest.Fault) {
	w.t.Helper()
	w.ok(w.Graph.Inject(faults...))
}

// mustFire fails the test when a fault did not happen.
func (w *world) mustFire() {
	w.t.Helper()
	if left := w.Graph.Unfired(); len(left) > 0 {
		w.t.Errorf("%d faults did not happen", len(left))
	}
}

// TestALostReplyIsLookedInto loses the reply to a create: of an object that was made, of one
// that was made and cannot be seen for a while, and of one that was not made.
func TestALostReplyIsLookedInto(t *testing.T) {
	for _, kind := range []graph.Kind{graph.KindAmbiguous, graph.KindTimeout, graph.KindUnavailable, graph.KindInternal} {
		for _, lag := range []time.Duration{0, 90 * time.Second} {
			w, preview := lostWorld(t, graphtest.Config{CreateLag: lag})
			w.inject(graphtest.Fault{Op: graphtest.OpCreate, Type: "widget", Nth: 2, Applied: true, Err: &graph.Error{Kind: kind, StatusCode: 504}})
			run := w.execute(rig.Tenant, preview)
			w.mustFire()
			if got := w.Graph.Count(rig.Tenant, graphtest.OpCreate, "widget"); run.Status != runs.StatusSuccess || got != 3 && lag == 0 {
				t.Errorf("%s, lag %s: %s, %v, %d times made", kind, lag, run.Status, said(w.outcomes(rig.Tenant, run.ID)), got)
			}
			for name, n := range w.names(rig.Tenant) {
				if n != 1 && strings.HasPrefix(name, "widget") {
					t.Errorf("%s, lag %s: %d of %s", kind, lag, n, name)
				}
			}
		}
	}
}

// TestAnObjectThatWasFoundIsAssignedByTheNextAttempt loses the reply to a create and then ends the
// attempt before the assignments: what was found is not left as it is.
func TestAnObjectThatWasFoundIsAssignedByTheNextAttempt(t *testing.T) {
	w, preview := lostWorld(t, graphtest.Config{})
	w.inject(
		graphtest.Fault{Op: graphtest.OpCreate, Type: "widget", Applied: true, Err: &graph.Error{Kind: graph.KindAmbiguous}},
		graphtest.Fault{Op: graphtest.OpAssign, Type: "widget", Err: &graph.Error{Kind: graph.KindThrottled, RetryAfter: time.Minute}},
	)
	run := w.execute(rig.Tenant, preview)
	w.mustFire()
	if run.Status != runs.StatusSuccess {
		t.Errorf("%s: %v", run.Status, said(w.outcomes(rig.Tenant, run.ID)))
	}
	for key, p := range w.Graph.Snapshot(rig.Tenant) {
		if key.Type == "widget" && len(p.Parts) != 1 {
			t.Errorf("%s is not assigned", p.Name)
		}
	}
}

// TestWhatNobodyKnowsOfIsNotMadeAgain loses the reply to a create that was not done: nobody can
// tell that from one whose object does not show, so a person has to look.
func TestWhatNobodyKnowsOfIsNotMadeAgain(t *testing.T) {
	w, preview := lostWorld(t, graphtest.Config{})
	w.inject(graphtest.Fault{Op: graphtest.OpCreate, Type: "gadget", Err: &graph.Error{Kind: graph.KindAmbiguous}})
	began := w.Clock.Now()
	run := w.execute(rig.Tenant, preview)
	w.mustFire()
	got := w.outcomes(rig.Tenant, run.ID)
	if i := got["g0"]; i.Status != runs.ItemFailed || i.Reason != runs.ReasonUnknownOutcome || i.Message == "" {
		t.Errorf("%+v", i)
	}
	if n := w.Graph.Count(rig.Tenant, graphtest.OpCreate, "gadget"); n != 2 {
		t.Errorf("gadgets were made %d times", n)
	}
	// Widgets 0 and 2 refer to it.
	want := map[string]int{"success": 2, "failed unknown_outcome": 1, "failed dependency_missing": 2}
	if d := cmp.Diff(want, said(got)); d != "" {
		t.Error(d)
	}
	if passed := w.Clock.Now().Sub(began); passed < 2*time.Minute || passed > 3*time.Minute {
		t.Errorf("it was given up after %s", passed)
	}
	if d := cmp.Diff(restore.ExecuteSummary{Created: 2, Failed: 3, Unknown: 1}, summaryOf(t, run)); d != "" || run.Status != runs.StatusPartial {
		t.Errorf("%s: %s", run.Status, d)
	}
}

// TestACreateThatWasNotSentIsMadeAgain lets creates fail before they reach Graph: nothing was
// made, so nobody has to look for it or to wait until it shows.
func TestACreateThatWasNotSentIsMadeAgain(t *testing.T) {
	for _, kind := range []graph.Kind{graph.KindUnavailable, graph.KindTimeout} {
		for _, crash := range []string{"", "before it is noted", "after it is noted"} {
			w, preview := lostWorld(t, graphtest.Config{})
			w.inject(graphtest.Fault{Op: graphtest.OpCreate, Type: "widget", Nth: 2, Times: 2, Err: &graph.Error{Kind: kind, NotSent: true}})
			notes := &clearing{ExecuteStore: w.Store, crash: crash}
			w.restoring.Store = notes
			w.runner = w.newRunner(restore.PreviewerConfig{})
			began := w.Clock.Now()
			run := w.execute(rig.Tenant, preview)
			w.mustFire()
			name := string(kind) + " " + crash
			if run.Status != runs.StatusSuccess || notes.cleared == 0 {
				t.Errorf("%s: %s, %v, %d announcements were taken back", name, run.Status, said(w.outcomes(rig.Tenant, run.ID)), notes.cleared)
			}
			if passed := w.Clock.Now().Sub(began); passed > time.Minute && crash == "" {
				t.Errorf("%s: it took %s", name, passed)
			}
			for what, n := range w.names(rig.Tenant) {
				if n != 1 && strings.HasPrefix(what, "widget") {
					t.Errorf("%s: %d of %s", name, n, what)
				}
			}
		}
	}
}

// clearing counts the announcements that are taken back, and dies once with one.
type clearing struct {
	restore.ExecuteStore
	crash   string
	cleared int
}

func (c *clearing) SaveSteps(ctx context.Context, tenant graph.TenantID, lease runs.Lease, steps []restore.Step, items []runs.Item) error {
	if !slices.ContainsFunc(steps, func(s restore.Step) bool { return s.BegunAt.IsZero() && s.TargetID == "" }) {
		return c.ExecuteStore.SaveSteps(ctx, tenant, lease, steps, items)
	}
	c.cleared++
	if c.crash == "before it is noted" && c.cleared == 1 {
		panic("killed")
	}
	err := c.ExecuteStore.SaveSteps(ctx, tenant, lease, steps, items)
	if c.crash == "after it is noted" && c.cleared == 1 {
		panic("killed")
	}
	return err
}

// TestAnotherObjectIsNotTakenForTheLostOne lets somebody make an object of the same name while
// the reply to a create is lost.
func TestAnotherObjectIsNotTakenForTheLostOne(t *testing.T) {
	for name, raw := range map[string]string{
		"of other content": `{"id":"theirs","displayName":"Gadget 0","v":7}`,
		"of the same kind": `{"id":"theirs","displayName":"Gadget 0","v":1}`,
	} {
		w, preview := lostWorld(t, graphtest.Config{})
		w.inject(graphtest.Fault{Op: graphtest.OpCreate, Type: "gadget", Applied: name == "of the same kind", Err: &graph.Error{Kind: graph.KindAmbiguous}})
		put := false
		w.Graph.OnCall(func(_ context.Context, c graphtest.Call) {
			if !put && c.Op == graphtest.OpCreate {
				put = true
				w.put(rig.Tenant, "gadget", raw)
			}
		})
		run := w.execute(rig.Tenant, preview)
		if i := w.outcomes(rig.Tenant, run.ID)["g0"]; i.Reason != runs.ReasonUnknownOutcome {
			t.Errorf("%s: %+v", name, i)
		}
		for _, k := range w.Graph.Written(rig.Tenant) {
			if k.ID == "theirs" {
				t.Errorf("%s: it was written", name)
			}
		}
	}
}

// TestThrottledWritesAreDoneLater lets every kind of write fail before Graph has done anything.
func TestThrottledWritesAreDoneLater(t *testing.T) {
	for _, kind := range []graph.Kind{graph.KindThrottled, graph.KindUnavailable} {
		w, preview := lostWorld(t, graphtest.Config{})
		for _, op := range []graphtest.Op{graphtest.OpCreate, graphtest.OpAssign, graphtest.OpList} {
			w.inject(graphtest.Fault{Op: op, Nth: 2, Times: 2, Err: &graph.Error{Kind: kind}, RetryAfter: "30"})
		}
		run := w.execute(rig.Tenant, preview)
		w.mustFire()
		if run.Status != runs.StatusSuccess || run.Attempt < 4 {
			t.Errorf("%s: %s in %d attempts, %v", kind, run.Status, run.Attempt, said(w.outcomes(rig.Tenant, run.ID)))
		}
		if n := len(w.Graph.Written(rig.Tenant)); n != 5 {
			t.Errorf("%s: %d objects", kind, n)
		}
	}
}

// TestOneBadItemNeverStopsTheRest lets Graph refuse one gadget for ever.
func TestOneBadItemNeverStopsTheRest(t *testing.T) {
	for kind, reason := range map[graph.Kind]runs.Reason{
		graph.KindInvalid: runs.ReasonInvalidPayload, graph.KindForbidden: runs.ReasonForbidden, graph.KindConflict: runs.ReasonConflict,
		graph.KindApprovalRequired: runs.ReasonApprovalRequired, graph.KindWriteBlocked: runs.ReasonWriteBlocked,
		graph.KindUnavailable: runs.ReasonUnknownOutcome,
	} {
		w, preview := lostWorld(t, graphtest.Config{})
		w.Graph.OnCall(func(_ context.Context, c graphtest.Call) {
			if c.Op == graphtest.OpCreate && c.Type == "gadget" && w.Graph.Count(rig.Tenant, graphtest.OpCreate, "gadget") == 2 {
				w.Graph.ClearFaults()
			}
		})
		times := 1
		if kind == graph.KindUnavailable {
			times = -1
		}
		w.inject(graphtest.Fault{Op: graphtest.OpCreate, Type: "gadget", Times: times, Err: &graph.Error{Kind: kind, StatusCode: 500}})
		run := w.execute(rig.Tenant, preview)
		got := w.outcomes(rig.Tenant, run.ID)
		want := map[string]int{"success": 2, "failed " + string(reason): 1, "failed dependency_missing": 2}
		if d := cmp.Diff(want, said(got)); d != "" || run.Status != runs.StatusPartial {
			t.Errorf("%s: %s %s: %s", kind, run.Status, run.ErrorMessage, d)
		}
	}
}

// TestWhatChangedSinceThePreviewIsLeftAlone lets somebody work on the tenant between the preview
// and the restore.
func TestWhatChangedSinceThePreviewIsLeftAlone(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: -1, Catalogue: restore.TestTypes(t)}, nil, restore.PreviewerConfig{})
	for _, id := range []string{"changed", "gone", "appeared", "same", "chosen"} {
		if id == "chosen" {
			w.put(rig.Tenant, "chosen", `{"id":"chosen","displayName":"chosen","v":1}`)
			continue
		}
		w.put(rig.Tenant, "gadget", fmt.Sprintf(`{"id":%q,"displayName":%q,"v":1}`, id, id))
	}
	set := w.backup()
	for _, id := range []string{"changed", "gone", "same"} {
		w.put(rig.Tenant, "gadget", fmt.Sprintf(`{"id":%q,"displayName":%q,"v":2}`, id, id))
	}
	w.ok(w.Graph.Delete(rig.Tenant, "gadget", "appeared"))
	w.ok(w.Graph.Delete(rig.Tenant, "chosen", "chosen"))
	preview := w.previewRun(rig.Tenant, set, restore.PreviewParams{Options: overwrite})
	w.put(rig.Tenant, "gadget", `{"id":"changed","displayName":"changed","v":3}`)
	w.ok(w.Graph.Delete(rig.Tenant, "gadget", "gone"))
	w.put(rig.Tenant, "gadget", `{"id":"theirs","displayName":"Appeared","v":9}`)
	w.put(rig.Tenant, "chosen", `{"id":"chosen","displayName":"other","v":9}`)
	run := w.execute(rig.Tenant, preview.ID)
	got := w.outcomes(rig.Tenant, run.ID)
	for id, want := range map[string]runs.Reason{
		"changed": runs.ReasonChanged, "gone": runs.ReasonChanged, "appeared": runs.ReasonChanged, "chosen": runs.ReasonChanged, "same": "",
	} {
		if got[id].Reason != want {
			t.Errorf("%s: %+v", id, got[id])
		}
	}
	if d := cmp.Diff([]graphtest.Key{{Type: "gadget", ID: "same"}}, w.Graph.Written(rig.Tenant)); d != "" {
		t.Errorf("written: %s", d)
	}
}

// TestAssignmentsThatChangeMeanwhileAreLeftAlone lets somebody assign a policy after its content
// was restored.
func TestAssignmentsThatChangeMeanwhileAreLeftAlone(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: 1, Catalogue: restore.TestTypes(t)}, nil, restore.PreviewerConfig{})
	groups := w.Graph.Groups(rig.Tenant)
	w.put(rig.Tenant, "widget", widget("a", "A", `"v":1`), assignedTo(groups[0].ID))
	set := w.backup()
	w.put(rig.Tenant, "widget", widget("a", "A", `"v":2`), assignedTo(groups[1].ID))
	preview := w.previewRun(rig.Tenant, set, restore.PreviewParams{Options: overwrite})
	w.Graph.OnCall(func(_ context.Context, c graphtest.Call) {
		if c.Op == graphtest.OpGet && c.Type == "widget" && len(w.Graph.Written(rig.Tenant)) > 0 {
			p, _ := w.Graph.Object(rig.Tenant, "widget", "a")
			p.Parts = []graph.Part{assignedTo(groups[2].ID)}
			w.ok(w.Graph.Put(rig.Tenant, p))
		}
	})
	run := w.execute(rig.Tenant, preview.ID)
	if i := w.outcomes(rig.Tenant, run.ID)["a"]; i.Reason != runs.ReasonChanged || i.TargetID != "a" || !strings.Contains(i.Message, "not its assignments") {
		t.Errorf("%+v", i)
	}
	if slices.ContainsFunc(w.Graph.WriteLog(rig.Tenant), func(c graphtest.Write) bool { return c.Op == graphtest.OpAssign }) {
		t.Error("it was assigned")
	}
}

// TestALostCopyIsLookedForWithoutItsOriginal loses the reply to making a copy, and then the
// original: the copy is there all the same.
func TestALostCopyIsLookedForWithoutItsOriginal(t *testing.T) {
	for _, made := range []bool{true, false} {
		w := newWorld(t, rig.Options{Policies: 1, Catalogue: restore.TestTypes(t), Graph: graphtest.Config{CreateLag: time.Minute}}, nil, restore.PreviewerConfig{})
		w.put(rig.Tenant, "gadget", `{"id":"g0","displayName":"Gadget 0","v":1}`)
		set := w.backup()
		p := restore.PreviewParams{Options: restore.Options{Existing: restore.CreateCopy}}
		for _, item := range w.SetItems(set) {
			if item.Type == "gadget" {
				p.ItemIDs = append(p.ItemIDs, item.ID)
			}
		}
		w.put(rig.Tenant, "gadget", `{"id":"g0","displayName":"Gadget 0","v":2}`)
		preview := w.previewRun(rig.Tenant, set, p).ID
		w.inject(graphtest.Fault{Op: graphtest.OpCreate, Type: "gadget", Applied: made, Err: &graph.Error{Kind: graph.KindAmbiguous}})
		gone := false
		w.Graph.OnCall(func(_ context.Context, c graphtest.Call) {
			if !gone && c.Op == graphtest.OpCreate {
				gone = true
				w.ok(w.Graph.Delete(rig.Tenant, "gadget", "g0"))
			}
		})
		run := w.execute(rig.Tenant, preview)
		w.mustFire()
		want := map[string]int{"success": 1}
		if !made {
			want = map[string]int{"failed unknown_outcome": 1}
		}
		if d := cmp.Diff(want, said(w.outcomes(rig.Tenant, run.ID))); d != "" {
			t.Errorf("made %t: %s", made, d)
		}
	}
}
