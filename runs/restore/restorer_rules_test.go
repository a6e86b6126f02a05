package restore_test

import (
	"context"
	"encoding/json"
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
	"github.com/tenantatlas/tenantbackup/internal/testenv"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// stateOf reads the state of a Conditional Access policy.
func (w *world) stateOf(id string) string {
	p, _ := w.Graph.Object(rig.Tenant, "conditionalAccessPolicy", id)
	var body struct{ State string }
	w.ok(json.Unmarshal(p.Raw, &body))
	return body.State
}

// TestConditionalAccessIsNeverEnabledByItself restores policies that were enabled: those that
// are gone, those that were disabled since, and those that were only renamed, which go on
// protecting unless the actor says otherwise, and confirms it.
func TestConditionalAccessIsNeverEnabledByItself(t *testing.T) {
	const on, report, off = "enabled", "enabledForReportingButNotEnforced", "disabled"
	for access, want := range map[restore.AccessState]struct{ made, kept, switched string }{
		"": {off, on, off}, restore.AccessKeep: {off, on, off}, restore.AccessDisabled: {off, off, off},
		restore.AccessReportOnly: {report, report, off}, restore.AccessOriginal: {on, on, on},
	} {
		w := newWorld(t, rig.Options{Policies: -1}, nil, restore.PreviewerConfig{})
		const ca = graph.PolicyType("conditionalAccessPolicy")
		policy := func(id, state, name string) {
			w.put(rig.Tenant, ca, `{"id":"`+id+`","displayName":"`+name+`","state":"`+state+`","conditions":{"users":{"includeUsers":["All"]},"applications":{"includeApplications":["All"]}}}`)
		}
		policy("gone", "enabled", "Gone")
		policy("off", "enabled", "Off")
		policy("on", "enabled", "On")
		set := w.backup()
		w.ok(w.Graph.Delete(rig.Tenant, ca, "gone"))
		policy("off", "disabled", "Switched off")
		policy("on", "enabled", "Renamed")
		preview := w.previewRun(rig.Tenant, set, restore.PreviewParams{Options: restore.Options{Existing: restore.Overwrite, Access: access}})
		run := w.execute(rig.Tenant, preview.ID)
		got := w.outcomes(rig.Tenant, run.ID)
		if run.Status != runs.StatusSuccess {
			t.Fatalf("%s: %v", access, said(got))
		}
		if s := w.stateOf(got["gone"].TargetID); s != want.made {
			t.Errorf("%q: what is made again is %s, want %s", access, s, want.made)
		}
		if s := w.stateOf("off"); s != want.switched {
			t.Errorf("%q: what was switched off is %s, want %s", access, s, want.switched)
		}
		if s := w.stateOf("on"); s != want.kept {
			t.Errorf("%q: what was on is %s, want %s", access, s, want.kept)
		}
	}
}

// lenient lets every restore start as it was asked for.
type lenient struct{}

func (lenient) Kinds() []runs.Kind { return []runs.Kind{runs.KindRestoreExecute} }

func (lenient) Prepare(_ context.Context, s runs.Start) (runs.Request, error) { return s.Request, nil }

// TestAnUnconfirmedRestoreOfConditionalAccessWritesNothing runs one that nothing has prepared.
func TestAnUnconfirmedRestoreOfConditionalAccessWritesNothing(t *testing.T) {
	w, preview := lostWorld(t, graphtest.Config{})
	starter, err := runs.NewStarter(runs.StarterConfig{
		Store: w.Store, Queue: w.Queue, Clock: w.Clock, Authorizer: runs.RoleAuthorizer{RoleOf: rolesOf},
		Preparers: []runs.Preparer{lenient{}},
	})
	w.ok(err)
	run, _, err := starter.Start(t.Context(), rig.Tenant, rig.Owner, restore.ExecuteRequest(preview, because, false))
	w.ok(err)
	w.drain()
	run, err = w.Store.GetRun(t.Context(), rig.Tenant, run.ID)
	w.ok(err)
	if run.Status != runs.StatusFailed || run.ErrorCode != runs.CodePreviewUnusable || w.Graph.Writes(rig.Tenant) != 0 {
		t.Errorf("%s %s, %d writes", run.Status, run.ErrorCode, w.Graph.Writes(rig.Tenant))
	}
}

// TestARestoreThatWaitedTooLongIsStale lets restores wait before and after they have begun: what
// has begun is judged item by item, however old the preview gets.
func TestARestoreThatWaitedTooLongIsStale(t *testing.T) {
	for _, c := range []struct {
		name   string
		waited time.Duration // before it begins
		max    time.Duration
		paused time.Duration // after its first write
		want   string
	}{
		{"at once", 0, 0, 0, "success "},
		{"an hour", time.Hour, 0, 0, "success "},
		{"more than an hour", time.Hour + time.Second, 0, 0, "failed PREVIEW_STALE"},
		{"longer than the host allows", 6 * time.Minute, 5 * time.Minute, 0, "failed PREVIEW_STALE"},
		{"as long as the host allows", 3 * time.Hour, 4 * time.Hour, 0, "success "},
		{"begun in time and interrupted for hours", time.Minute, 0, 3 * time.Hour, "success "},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, preview := lostWorld(t, graphtest.Config{})
			w.restoring.PreviewMaxAge = c.max
			w.runner = w.newRunner(restore.PreviewerConfig{})
			run := w.start(rig.Tenant, restore.ExecuteRequest(preview, because, true))
			w.Clock.Add(c.waited)
			if c.paused > 0 {
				w.inject(graphtest.Fault{Op: graphtest.OpCreate, Nth: 2, Err: &graph.Error{Kind: graph.KindThrottled}})
				job, _ := w.Queue.Take()
				w.ok(w.runner.Handle(t.Context(), job))
				w.mustFire()
				w.Clock.Add(c.paused)
			}
			w.drain()
			run, err := w.Store.GetRun(t.Context(), rig.Tenant, run.ID)
			w.ok(err)
			if got := fmt.Sprintf("%s %s", run.Status, run.ErrorCode); got != c.want {
				t.Fatalf("%s: %s", got, run.ErrorMessage)
			}
			p, err := w.store.GetPreview(t.Context(), rig.Tenant, preview)
			w.ok(err)
			if stale := run.Status == runs.StatusFailed; stale != (p.RestoreRunID == "") || stale != (w.Graph.Writes(rig.Tenant) == 0) {
				t.Errorf("%d writes, the preview is used by %q", w.Graph.Writes(rig.Tenant), p.RestoreRunID)
			}
			if run.Status == runs.StatusSuccess {
				return
			}
			again, _, err := w.starter.Retry(t.Context(), rig.Tenant, rig.Owner, run.ID)
			w.ok(err)
			w.drain()
			_, items := w.outcome(rig.Tenant, again)
			if again.Kind != runs.KindRestorePreview || actions(items)["create"] != 5 {
				t.Errorf("a retry is a %s that says %v", again.Kind, actions(items))
			}
		})
	}
}

// TestAPreviewServesOnce starts one restore from a hundred goroutines, and another one later.
func TestAPreviewServesOnce(t *testing.T) {
	w, preview := lostWorld(t, graphtest.Config{})
	ids := make([]runs.ID, 100)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			run, _, err := w.starter.Start(t.Context(), rig.Tenant, rig.Owner, restore.ExecuteRequest(preview, because, true))
			if err != nil {
				t.Error(err)
			}
			ids[i] = run.ID
		})
	}
	wg.Wait()
	slices.Sort(ids)
	if len(slices.Compact(ids)) != 1 || len(w.Queue.Jobs()) != 1 {
		t.Fatalf("%d runs, %d jobs", len(slices.Compact(ids)), len(w.Queue.Jobs()))
	}
	w.drain()
	_, _, err := w.starter.Start(t.Context(), rig.Tenant, rig.Owner, restore.ExecuteRequest(preview, because, true))
	if refusal(err) != "preview_used" {
		t.Errorf("again: %v", err)
	}
	// A run that got past that, as from a program with rules of its own, is refused by the store.
	starter, err := runs.NewStarter(runs.StarterConfig{
		Store: w.Store, Queue: w.Queue, Clock: w.Clock, Authorizer: runs.RoleAuthorizer{RoleOf: rolesOf},
		Preparers: []runs.Preparer{lenient{}},
	})
	w.ok(err)
	run, _, err := starter.Start(t.Context(), rig.Tenant, rig.Owner, restore.ExecuteRequest(preview, because, true))
	w.ok(err)
	writes := w.Graph.Writes(rig.Tenant)
	w.drain()
	if run, err = w.Store.GetRun(t.Context(), rig.Tenant, run.ID); err != nil || run.ErrorCode != runs.CodePreviewUnusable || w.Graph.Writes(rig.Tenant) != writes {
		t.Errorf("%s %s, %v", run.Status, run.ErrorCode, err)
	}
}

func TestARestoreStandsInTheAuditLogWithItsReason(t *testing.T) {
	w, preview := lostWorld(t, graphtest.Config{})
	w.inject(graphtest.Fault{Op: graphtest.OpCreate, Nth: 3, Err: &graph.Error{Kind: graph.KindThrottled}})
	run := w.execute(rig.Tenant, preview)
	if run.Status != runs.StatusSuccess || run.Attempt != 2 {
		t.Fatalf("%s in %d attempts: %v", run.Status, run.Attempt, said(w.outcomes(rig.Tenant, run.ID)))
	}
	var started, finished []runs.AuditEntry
	for _, e := range w.Audit() {
		switch e.Action {
		case "restore.started":
			started = append(started, e)
		case "restore.finished":
			finished = append(finished, e)
		}
	}
	if len(started) != 1 || len(finished) != 1 || started[0].RunID != run.ID || finished[0].RunID != run.ID {
		t.Fatalf("started %+v, finished %+v", started, finished)
	}
	if started[0].Actor != rig.Owner || started[0].Resource != run.Target || finished[0].Outcome != "success" {
		t.Errorf("%+v, %+v", started[0], finished[0])
	}
	set, err := w.Store.GetSet(t.Context(), rig.Tenant, run.Target.ID)
	w.ok(err)
	want := map[string]string{
		"reason": because, "preview_run_id": string(preview), "set_revision": "1", "source_tenant": string(rig.Tenant),
		"existing": "overwrite", "assignments": "original", "access_state": "original",
		"set_name": set.Name,
	}
	if d := cmp.Diff(want, started[0].Details); d != "" {
		t.Error(d)
	}
}

// TestARestoreThatBeganEndsInTheAuditLog ends restores in every way that a run can end.
func TestARestoreThatBeganEndsInTheAuditLog(t *testing.T) {
	cancel := func(w *world, run runs.Run) {
		t.Helper()
		_, err := w.starter.Cancel(t.Context(), rig.Tenant, rig.Owner, run.ID)
		w.ok(err)
	}
	once := func(w *world) {
		t.Helper()
		job, _ := w.Queue.Take()
		w.ok(w.runner.Handle(t.Context(), job))
	}
	create := func(kind graph.Kind) graphtest.Fault {
		return graphtest.Fault{Op: graphtest.OpCreate, Nth: 2, Times: 50, Err: &graph.Error{Kind: kind}}
	}
	for _, c := range []struct {
		name string
		end  func(w *world, preview runs.ID, run runs.Run)
		want string
	}{
		{"it succeeds", func(*world, runs.ID, runs.Run) {}, "restore.started running, restore.finished success"},
		{"some fail", func(w *world, _ runs.ID, _ runs.Run) { w.inject(create(graph.KindForbidden)) },
			"restore.started running, restore.finished partial"},
		{"the token is refused", func(w *world, _ runs.ID, _ runs.Run) { w.inject(create(graph.KindUnauthorized)) },
			"restore.started running, restore.finished failed"},
		{"it is given up", func(w *world, _ runs.ID, _ runs.Run) { w.inject(create(graph.KindThrottled)) },
			"restore.started running, restore.finished failed"},
		{"canceled while it works", func(w *world, _ runs.ID, run runs.Run) {
			var asked sync.Once
			w.Graph.OnCall(func(_ context.Context, call graphtest.Call) {
				if call.Op == graphtest.OpCreate {
					asked.Do(func() { cancel(w, run) })
				}
			})
		}, "restore.started running, restore.finished canceled"},
		{"canceled while it waits to go on", func(w *world, _ runs.ID, run runs.Run) {
			w.inject(create(graph.KindThrottled))
			once(w)
			cancel(w, run)
		}, "restore.started running, restore.finished canceled"},
		{"canceled when its worker is lost", func(w *world, preview runs.ID, run runs.Run) {
			useBy(w, preview, run, nil, "")
			cancel(w, run)
			w.Clock.Add(2 * time.Hour)
			_, err := w.runner.Sweep(t.Context())
			w.ok(err)
		}, "restore.finished canceled"}, // useBy leaves no line
		{"canceled before it began", func(w *world, _ runs.ID, run runs.Run) { cancel(w, run) }, ""},
		{"refused when it was about to begin", func(w *world, _ runs.ID, _ runs.Run) { w.Clock.Add(2 * time.Hour) }, "restore.finished failed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, preview := lostWorld(t, graphtest.Config{})
			run := w.start(rig.Tenant, restore.ExecuteRequest(preview, because, true))
			c.end(w, preview, run)
			w.drain()
			if run, err := w.Store.GetRun(t.Context(), rig.Tenant, run.ID); err != nil || !run.Status.Terminal() {
				t.Fatalf("the run is %s, %v", run.Status, err)
			}
			var got []string
			for _, e := range w.Audit() {
				if strings.HasPrefix(e.Action, "restore.") {
					got = append(got, e.Action+" "+e.Outcome)
					if e.RunID != run.ID || e.Resource != run.Target {
						t.Errorf("%+v is not about the run", e)
					}
				}
			}
			if got := strings.Join(got, ", "); got != c.want {
				t.Errorf("the audit log says %q, want %q", got, c.want)
			}
		})
	}
}

// TestACanceledRestoreTellsWhatItDid cancels a restore when everything is written and one policy
// is assigned.
func TestACanceledRestoreTellsWhatItDid(t *testing.T) {
	w, preview := lostWorld(t, graphtest.Config{})
	run := w.start(rig.Tenant, restore.ExecuteRequest(preview, because, true))
	canceled := false
	w.Graph.OnCall(func(ctx context.Context, c graphtest.Call) {
		if c.Op == graphtest.OpAssign && !canceled {
			canceled = true
			_, err := w.starter.Cancel(ctx, rig.Tenant, rig.Owner, run.ID)
			w.ok(err)
		}
	})
	w.drain()
	run, err := w.Store.GetRun(t.Context(), rig.Tenant, run.ID)
	w.ok(err)
	got := w.outcomes(rig.Tenant, run.ID)
	if d := cmp.Diff(map[string]int{"success": 3, "failed not_assigned": 2}, said(got)); d != "" || run.Status != runs.StatusCanceled {
		t.Errorf("%s: %s", run.Status, d)
	}
	for _, i := range got {
		if i.TargetID == "" || i.BackupItemID == "" {
			t.Errorf("%+v", i)
		}
	}
	// A retry begins with a new preview, of what was not restored.
	again, _, err := w.starter.Retry(t.Context(), rig.Tenant, rig.Owner, run.ID)
	w.ok(err)
	w.drain()
	_, items := w.outcome(rig.Tenant, again)
	if again.Kind != runs.KindRestorePreview || len(items) != 2 || actions(items)["change"] != 2 {
		t.Errorf("%s, %v", again.Kind, actions(items))
	}
	run = w.execute(rig.Tenant, again.ID)
	if run.Status != runs.StatusSuccess || w.Graph.Count(rig.Tenant, graphtest.OpCreate, "") != 5 {
		t.Errorf("%s, %v", run.Status, said(w.outcomes(rig.Tenant, run.ID)))
	}
}

// TestACopyIsMadeBesideTheOriginal restores under another name and leaves what is live alone.
func TestACopyIsMadeBesideTheOriginal(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: 1, Catalogue: restore.TestTypes(t)}, nil, restore.PreviewerConfig{})
	w.small()
	set := w.backup()
	w.put(rig.Tenant, "widget", widget("w1", "Widget 1", `"v":2`))
	before, _ := w.Graph.Object(rig.Tenant, "widget", "w1")
	preview := w.previewRun(rig.Tenant, set, restore.PreviewParams{Options: restore.Options{Existing: restore.CreateCopy, CopySuffix: " - old", Assignments: restore.OriginalAssignments}})
	run := w.execute(rig.Tenant, preview.ID)
	i := w.outcomes(rig.Tenant, run.ID)["w1"]
	made, ok := w.Graph.Object(rig.Tenant, "widget", i.TargetID)
	if !ok || i.TargetID == "w1" || made.Name != "Widget 1 - old" || !strings.Contains(string(made.Raw), `"v":1`) || len(made.Parts) != 1 {
		t.Errorf("%+v, %s %s", i, made.Name, made.Raw)
	}
	if now, _ := w.Graph.Object(rig.Tenant, "widget", "w1"); cmp.Diff(before, now) != "" {
		t.Error("the original was changed")
	}
	if s := summaryOf(t, run); s.Created != 1 || s.Changed+s.Failed != 0 {
		t.Errorf("%+v", s)
	}
}

// TestOnlyTheSelectionIsWritten restores two of many policies that all were changed.
func TestOnlyTheSelectionIsWritten(t *testing.T) {
	testenv.SlowUnderRace(t)
	w := newWorld(t, rig.Options{Policies: 60}, nil, restore.PreviewerConfig{})
	set := w.backup()
	w.disturb(set)
	before := w.Graph.Snapshot(rig.Tenant)
	var p restore.PreviewParams
	p.Options = overwrite
	for _, item := range w.SetItems(set) {
		if item.Type == "deviceConfiguration" && len(p.ItemIDs) < 2 {
			if live, ok := before[graphtest.Key{Type: item.Type, ID: item.ExternalID}]; ok && !strings.HasPrefix(live.Name, "Renamed") {
				p.ItemIDs = append(p.ItemIDs, item.ID)
			}
		}
	}
	preview := w.previewRun(rig.Tenant, set, p)
	run := w.execute(rig.Tenant, preview.ID)
	may := map[graphtest.Key]bool{}
	for _, i := range w.outcomes(rig.Tenant, run.ID) {
		may[graphtest.Key{Type: i.PolicyType, ID: i.TargetID}] = true
	}
	for k, p := range w.Graph.Snapshot(rig.Tenant) {
		if cmp.Diff(before[k], p) != "" && !may[k] {
			t.Errorf("%v changed", k)
		}
	}
	if len(w.Graph.Written(rig.Tenant)) == 0 || run.Counts.Total != 2 {
		t.Errorf("%d written, %+v", len(w.Graph.Written(rig.Tenant)), run.Counts)
	}
}

// TestTheConfigurationOfARestorerIsChecked names every field that is wrong.
func TestTheConfigurationOfARestorerIsChecked(t *testing.T) {
	_, err := restore.NewRestorer(restore.RestorerConfig{FetchSize: -1, Parallel: -1, Visibility: -time.Second, PreviewMaxAge: -time.Second})
	for _, field := range []string{"client", "store", "source", "fetch_size", "parallel", "visibility", "preview_max_age"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s is not in %v", field, err)
		}
	}
}
