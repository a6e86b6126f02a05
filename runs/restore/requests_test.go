package restore_test

import (
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// refusal names what an error is: its sentinel, and the code of each field or conflict.
func refusal(err error) string {
	var invalid *runs.InvalidError
	var conflict *runs.ConflictError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &invalid):
		var codes []string
		for _, f := range invalid.Fields {
			codes = append(codes, f.Field+" "+f.Code)
		}
		return strings.Join(codes, ", ")
	case errors.As(err, &conflict):
		return conflict.Code
	case errors.Is(err, runs.ErrNotFound):
		return "not found"
	case errors.Is(err, runs.ErrDeleted):
		return "deleted"
	case errors.Is(err, runs.ErrForbidden):
		return "forbidden"
	}
	return err.Error()
}

const nobody = runs.ID("01890000-0000-7000-8000-000000000000")

func TestStartingAPreviewChecksWhatItNames(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: 12}, nil, restore.PreviewerConfig{})
	w.empty(4)
	set := w.backup()
	item := w.SetItems(set)[0].ID
	deleted := w.backup()
	_, err := w.Store.ChangeSet(t.Context(), rig.Tenant, deleted, func(now time.Time, s backupset.BackupSet) (backupset.SetChange, error) {
		s.DeletedAt, s.DeletedReason = now, "manual"
		return backupset.SetChange{Set: s}, nil
	})
	w.ok(err)
	type P = restore.PreviewParams
	for _, c := range []struct {
		name   string
		tenant graph.TenantID
		actor  runs.Actor
		set    runs.ID
		params P
		want   string
	}{
		{"everything", rig.Tenant, rig.Operator, set, P{}, ""},
		{"one item", rig.Tenant, rig.Operator, set, P{ItemIDs: []runs.ID{item}}, ""},
		{"a reader", rig.Tenant, rig.Reader, set, P{}, "forbidden"},
		{"no such set", rig.Tenant, rig.Owner, nobody, P{}, "not found"},
		{"no id", rig.Tenant, rig.Owner, "", P{}, "not found"},
		{"a deleted set", rig.Tenant, rig.Owner, deleted, P{}, "deleted"},
		{"another tenant's set", fabrikam, rig.Owner, set, P{}, "not found"},
		{"items that are not the set's", rig.Tenant, rig.Owner, set, P{ItemIDs: []runs.ID{item, nobody, "x", item}},
			"item_ids[1] item_unknown, item_ids[2] id_invalid, item_ids[3] ids_duplicate"},
		{"options", rig.Tenant, rig.Owner, set, P{Options: restore.Options{Existing: "a", Assignments: "b", Access: "c", CopySuffix: "d"}},
			"options.existing existing_unknown, options.assignments assignments_unknown, options.access_state access_state_unknown, options.copy_suffix copy_suffix_unused"},
		{"a suffix that nobody sees", rig.Tenant, rig.Owner, set, P{Options: restore.Options{Existing: restore.CreateCopy, CopySuffix: "  "}}, "options.copy_suffix copy_suffix_invalid"},
		{"across, as the owner of both", fabrikam, rig.Owner, set, P{SourceTenant: rig.Tenant}, ""},
		{"across, as a manager of the source", fabrikam, manager, set, P{SourceTenant: rig.Tenant}, "forbidden"},
		{"across, as the owner of the source only", fabrikam, half, set, P{SourceTenant: rig.Tenant}, "forbidden"},
		{"across, as the owner of the target only", rig.Tenant, half, set, P{SourceTenant: fabrikam}, "forbidden"},
		{"across, from a tenant that is not one's own", rig.Tenant, manager, set, P{SourceTenant: fabrikam}, "forbidden"},
		{"across, from a tenant that nobody has", rig.Tenant, manager, nobody, P{SourceTenant: "nowhere"}, "forbidden"},
	} {
		_, _, err := w.starter.Start(t.Context(), c.tenant, c.actor, restore.PreviewRequest(c.set, c.params))
		if got := refusal(err); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestTheRevisionOfTheSetIsNoted(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: 6}, nil, restore.PreviewerConfig{})
	set := w.backup()
	for _, req := range []runs.Request{restore.PreviewRequest(set, restore.PreviewParams{}), restore.DriftRequest(set, restore.DriftParams{})} {
		var p restore.PreviewParams
		w.ok(json.Unmarshal(w.start(rig.Tenant, req).Params, &p))
		if p.SetRevision != 1 {
			t.Errorf("%s: %+v", req.Kind, p)
		}
	}
}

func TestOneKeyForOnePreview(t *testing.T) {
	type P = restore.PreviewParams
	a, b := runs.ID("01890000-0000-7000-8000-00000000000a"), runs.ID("01890000-0000-7000-8000-00000000000b")
	key := func(p P) string { return restore.PreviewRequest(nobody, p).Key }
	if key(P{ItemIDs: []runs.ID{a, b}}) != key(P{ItemIDs: []runs.ID{b, a}}) {
		t.Error("the order of the items makes another preview")
	}
	if key(P{}) != key(P{Options: restore.Options{Existing: restore.SkipExisting, Assignments: restore.NoAssignments}}) {
		t.Error("spelling out the defaults makes another preview")
	}
	seen := map[string]int{}
	for i, p := range []P{
		{}, {ItemIDs: []runs.ID{a}}, {ItemIDs: []runs.ID{b}}, {SourceTenant: "x"}, {Options: restore.Options{Existing: restore.Overwrite}},
		{Options: restore.Options{Existing: restore.CreateCopy}}, {Options: restore.Options{Existing: restore.CreateCopy, CopySuffix: "!"}},
		{Options: restore.Options{Assignments: restore.MappedAssignments}}, {Options: restore.Options{Access: restore.AccessOriginal}},
	} {
		if other, twice := seen[key(p)]; twice {
			t.Errorf("previews %d and %d share a key", other, i)
		}
		seen[key(p)] = i
		if k := key(p); len(k) > 200 {
			t.Errorf("a key of %d characters", len(k))
		}
	}
}

func TestAHundredStartsMakeOneRun(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: 6}, nil, restore.PreviewerConfig{})
	set := w.backup()
	ready := w.do(rig.Tenant, restore.PreviewRequest(set, restore.PreviewParams{Options: restore.Options{Existing: restore.Overwrite}}))
	for _, req := range []runs.Request{
		restore.PreviewRequest(set, restore.PreviewParams{}), restore.DriftRequest(set, restore.DriftParams{}), restore.ExecuteRequest(ready.ID, "because", false),
	} {
		ids := make([]runs.ID, 100)
		var wg sync.WaitGroup
		for i := range ids {
			wg.Go(func() {
				run, _, err := w.starter.Start(t.Context(), rig.Tenant, rig.Owner, req)
				if err != nil {
					t.Errorf("%s: %v", req.Kind, err)
				}
				ids[i] = run.ID
			})
		}
		wg.Wait()
		for _, id := range ids {
			if id != ids[0] {
				t.Fatalf("%s: two runs", req.Kind)
			}
		}
	}
}

func TestStartingARestoreChecksItsPreview(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: 12}, nil, restore.PreviewerConfig{})
	w.empty(4)
	set := w.backup()
	ready := func(o restore.Options) runs.ID {
		return w.do(rig.Tenant, restore.PreviewRequest(set, restore.PreviewParams{Options: o})).ID
	}
	start := func(tenant graph.TenantID, actor runs.Actor, req runs.Request) string {
		t.Helper()
		run, _, err := w.starter.Start(t.Context(), tenant, actor, req)
		if err == nil && (run.Target != runs.Target{Type: "backup_set", ID: set}) {
			t.Errorf("the run is about %+v, want the set: it is in use", run.Target)
		}
		return refusal(err)
	}
	plain, original := ready(restore.Options{}), ready(restore.Options{Access: restore.AccessOriginal})
	across := w.do(fabrikam, restore.PreviewRequest(set, restore.PreviewParams{SourceTenant: rig.Tenant})).ID
	waiting := w.start(rig.Tenant, restore.PreviewRequest(set, restore.PreviewParams{Options: restore.Options{Existing: restore.CreateCopy}})).ID
	long := strings.Repeat("ü", 500)
	for _, c := range []struct {
		name   string
		tenant graph.TenantID
		actor  runs.Actor
		req    runs.Request
		want   string
	}{
		{"an operator", rig.Tenant, rig.Operator, restore.ExecuteRequest(plain, "because", true), "forbidden"},
		{"no reason", rig.Tenant, manager, restore.ExecuteRequest(plain, "  ", true), "reason reason_length"},
		{"a long reason", rig.Tenant, manager, restore.ExecuteRequest(plain, long+"ü", true), "reason reason_length"},
		{"two lines", rig.Tenant, manager, restore.ExecuteRequest(plain, "a\nb", true), "reason reason_invalid"},
		{"no such preview", rig.Tenant, manager, restore.ExecuteRequest(nobody, "because", true), "not found"},
		{"no id", rig.Tenant, manager, restore.ExecuteRequest("x", "because", true), "preview_run_id id_invalid"},
		{"another tenant's preview", rig.Tenant, rig.Owner, restore.ExecuteRequest(across, "because", true), "not found"},
		{"a preview that is being made", rig.Tenant, manager, restore.ExecuteRequest(waiting, "because", true), "preview_not_ready"},
		{"Conditional Access as captured, unconfirmed", rig.Tenant, manager, restore.ExecuteRequest(original, "because", false), "confirm confirm_required"},
		{"Conditional Access as captured, confirmed", rig.Tenant, manager, restore.ExecuteRequest(original, "because", true), ""},
		{"across tenants, as a manager of the source", fabrikam, manager, restore.ExecuteRequest(across, "because", true), "forbidden"},
		{"across tenants, as the owner of the source only", fabrikam, half, restore.ExecuteRequest(across, "because", true), "forbidden"},
		{"across tenants, as the owner of both", fabrikam, rig.Owner, restore.ExecuteRequest(across, long, true), ""},
		{"a fresh preview", rig.Tenant, manager, restore.ExecuteRequest(plain, "because", false), ""},
	} {
		if got := start(c.tenant, c.actor, c.req); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	stale := ready(restore.Options{Assignments: restore.MappedAssignments})
	staler := ready(restore.Options{Assignments: restore.MappedAssignments})
	w.Clock.Add(time.Hour)
	if got := start(rig.Tenant, manager, restore.ExecuteRequest(stale, "because", false)); got != "" {
		t.Errorf("after an hour: %q", got)
	}
	w.drain()
	w.Clock.Add(time.Second)
	if got := start(rig.Tenant, manager, restore.ExecuteRequest(staler, "because", false)); got != "preview_stale" {
		t.Errorf("after an hour and a second: %q", got)
	}
	if got := start(rig.Tenant, manager, restore.ExecuteRequest(stale, "because", false)); got != "preview_used" {
		t.Errorf("after the restore: %q", got)
	}
}

func TestTheReasonIsRedacted(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: 6}, nil, restore.PreviewerConfig{})
	set := w.backup()
	preview := w.do(rig.Tenant, restore.PreviewRequest(set, restore.PreviewParams{}))
	run := w.start(rig.Tenant, restore.ExecuteRequest(preview.ID, "ticket 5, password=hunter2secret", false))
	if strings.Contains(string(run.Params), "hunter2secret") || !strings.Contains(string(run.Params), "ticket 5") {
		t.Errorf("%s", run.Params)
	}
}

// useBy lets a run have the preview, as a restore does, and ends it.
func useBy(w *world, preview runs.ID, run runs.Run, items []runs.Item, status runs.Status) {
	w.t.Helper()
	change := func(do func(r *runs.Run, at time.Time)) runs.Run {
		r, err := w.Store.ChangeRun(w.t.Context(), rig.Tenant, run.ID, func(at time.Time, cur runs.Run, _ runs.Room) (runs.Change, error) {
			do(&cur, at)
			return runs.Change{Run: cur}, nil
		})
		w.ok(err)
		return r
	}
	held := change(func(r *runs.Run, at time.Time) {
		r.Status, r.LeaseToken, r.LeaseUntil, r.StartedAt, r.Lane, r.Attempt = runs.StatusRunning, 1, at.Add(time.Hour), at, 1, 1
	})
	_, err := w.store.UsePreview(w.t.Context(), rig.Tenant, held.Lease(), preview, runs.Trail{})
	w.ok(err)
	_, err = w.Store.SaveItems(w.t.Context(), rig.Tenant, held.Lease(), items, len(items))
	w.ok(err)
	if status == "" {
		return
	}
	change(func(r *runs.Run, at time.Time) {
		r.Status, r.FinishedAt, r.LeaseUntil, r.Lane, r.UpdatedAt = status, at, time.Time{}, 0, at
	})
}

func TestAPreviewServesOnceAndItsRetryIsANewOneOfTheRest(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: 12}, nil, restore.PreviewerConfig{})
	set := w.backup()
	for i, item := range w.SetItems(set) {
		if i < 3 {
			w.ok(w.Graph.Change(rig.Tenant, item.Type, item.ExternalID, 4))
		}
	}
	o := restore.Options{Existing: restore.Overwrite, Assignments: restore.MappedAssignments}
	preview := w.do(rig.Tenant, restore.PreviewRequest(set, restore.PreviewParams{Options: o}))
	var todo []restore.PreviewItem
	for _, item := range w.previewItems(rig.Tenant, preview.ID) {
		if item.Action == restore.Change {
			todo = append(todo, item)
		}
	}
	if len(todo) < 2 {
		t.Fatalf("%d items to restore", len(todo))
	}
	first := w.start(rig.Tenant, restore.ExecuteRequest(preview.ID, "because", false))
	w.Queue.Lose()
	done := runs.Item{ID: nobody, PolicyType: todo[0].Type, PolicyID: todo[0].ExternalID, Status: runs.ItemSuccess, BackupItemID: todo[0].ItemID}
	failed := runs.Item{ID: nobody[:35] + "1", PolicyType: todo[1].Type, PolicyID: todo[1].ExternalID, Status: runs.ItemFailed, Reason: runs.ReasonConflict, BackupItemID: todo[1].ItemID}
	useBy(w, preview.ID, first, []runs.Item{done, failed}, "")
	again, reused, err := w.starter.Start(t.Context(), rig.Tenant, rig.Owner, restore.ExecuteRequest(preview.ID, "because", false))
	if err != nil || !reused || again.ID != first.ID {
		t.Errorf("started while it is at work: %s, reused %v, %v", again.ID, reused, err)
	}
	_, err = w.Store.ChangeRun(t.Context(), rig.Tenant, first.ID, func(at time.Time, r runs.Run, _ runs.Room) (runs.Change, error) {
		r.Status, r.FinishedAt, r.LeaseUntil, r.Lane, r.UpdatedAt = runs.StatusPartial, at, time.Time{}, 0, at
		return runs.Change{Run: r}, nil
	})
	w.ok(err)
	if _, _, err := w.starter.Start(t.Context(), rig.Tenant, rig.Owner, restore.ExecuteRequest(preview.ID, "because", false)); refusal(err) != "preview_used" {
		t.Errorf("started again: %v", err)
	}
	if _, _, err := w.starter.Retry(t.Context(), rig.Tenant, rig.Operator, first.ID); refusal(err) != "forbidden" {
		t.Errorf("an operator retries a restore: %v", err)
	}
	w.Clock.Add(5 * time.Hour) // however old its preview
	retry, _, err := w.starter.Retry(t.Context(), rig.Tenant, manager, first.ID)
	w.ok(err)
	var p restore.PreviewParams
	w.ok(json.Unmarshal(retry.Params, &p))
	want := []runs.ID{}
	for _, item := range todo[1:] {
		want = append(want, item.ItemID)
	}
	if retry.Kind != runs.KindRestorePreview || retry.RetryOf != first.ID || retry.Target.ID != set || p.Options.Existing != o.Existing || p.SetRevision != 1 {
		t.Errorf("%s of %+v, %+v", retry.Kind, retry.Target, p)
	}
	sortIDs := cmp.Transformer("set", func(ids []runs.ID) map[runs.ID]bool {
		m := map[runs.ID]bool{}
		for _, id := range ids {
			m[id] = true
		}
		return m
	})
	if d := cmp.Diff(want, p.ItemIDs, sortIDs); d != "" {
		t.Error(d)
	}
	w.drain()
	_, items := w.outcome(rig.Tenant, retry)
	if len(items) != len(want) {
		t.Errorf("%d items of %d", len(items), len(want))
	}
}

func TestTheRetryOfAPreviewIsTheSameRequest(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: 6}, nil, restore.PreviewerConfig{})
	set := w.backup()
	item := w.SetItems(set)[0].ID
	old := w.start(rig.Tenant, restore.PreviewRequest(set, restore.PreviewParams{ItemIDs: []runs.ID{item}, Options: restore.Options{Existing: restore.CreateCopy}}))
	_, err := w.starter.Cancel(t.Context(), rig.Tenant, rig.Owner, old.ID)
	w.ok(err)
	retry, _, err := w.starter.Retry(t.Context(), rig.Tenant, rig.Owner, old.ID)
	if err != nil || retry.Kind != old.Kind || string(retry.Params) != string(old.Params) || retry.Target != old.Target {
		t.Errorf("%+v, %v, want %s", retry, err, old.Params)
	}
}
