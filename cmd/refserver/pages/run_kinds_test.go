package pages_test

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
	"github.com/tenantatlas/tenantbackup/runs/restore"
	"github.com/tenantatlas/tenantbackup/runs/transfer"
)

// seeRun is told of a run that the engine has made, and what its page has to say.
type seeRun func(what string, run runs.Run, want ...string)

// everyRun lets the engine make a run of every kind and of every end.
func (w *world) everyRun(see seeRun) {
	t, ctx := w.t, w.t.Context()
	s := w.schedule(func(d *backupsched.Draft) { d.RetentionKeepLast = 1 })
	first := w.backup(s.ID)
	see("success", first, "success", "Ended: success", "By type", "Queued by <bdi>Olivia Owner</bdi>", tenantPath("sets", first.BackupSetID))
	w.startedByHand(s, first.BackupSetID, see)
	w.badEnds(s, see)

	w.clock.Add(30 * 24 * time.Hour)
	w.backup(s.ID)
	kept := must(w.cfg.Starter.List(ctx, tenant, owner, runs.RunFilter{Kinds: []runs.Kind{runs.KindRetentionApply}}, runs.PageRequest{Limit: 1}))(t).Items[0]
	see("retention", kept, "Retention", "automatic", "The newest 1 are kept", "Kept")

	w.clock.Add(72 * time.Hour)
	must(w.dispatcher.Tick(ctx))(t)
	w.drain()
	missed := must(w.cfg.Starter.List(ctx, tenant, owner, runs.RunFilter{ScheduleID: s.ID, Statuses: []runs.Status{runs.StatusSkipped}}, runs.PageRequest{Limit: 1}))(t).Items[0]
	see("missed", missed, "missed", "times were missed: the first on", "Recorded", "MISSED_SLOT", "not made up for")

	check(t, w.graph.Inject(graphtest.Fault{Tenant: tenant, Op: graphtest.OpList, Times: 1, RetryAfter: "300", Err: &graph.Error{Kind: graph.KindThrottled}}))
	waiting := must2(w.cfg.Scheduler.RunNow(ctx, tenant, owner, s.ID))(t)
	job, _ := w.queue.take()
	check(t, w.runner.Handle(ctx, job))
	check(t, w.queue.Enqueue(ctx, w.run(waiting.ID).Job()))
	see("waiting", w.run(waiting.ID), "waiting", "Waits for the next attempt", "asked to slow down", "Goes on not before", "The run goes on by itself")
}

// startedByHand makes what people start beside backups.
func (w *world) startedByHand(s backupsched.Schedule, set runs.ID, see seeRun) {
	t, ctx := w.t, w.t.Context()
	begin := func(r runs.Request) runs.Run {
		run := must2(w.cfg.Starter.Start(ctx, tenant, owner, r))(t)
		w.drain()
		return w.run(run.ID)
	}
	see("sync", begin(capture.SyncRequest(s.PolicyTypes)), "Policy list refresh", "By type")
	policy := must(w.cfg.Archive.Policies(ctx, tenant, owner, backupset.PolicyFilter{}, runs.PageRequest{Limit: 1}))(t).Items[0]
	see("snapshot", begin(capture.SnapshotRequest(policy.ID)), "Policy snapshot", "version", tenantPath("policies", policy.ID))
	made := begin(capture.CreateSetRequest("By hand", capture.Selection{PolicyTypes: s.PolicyTypes[:1]}))
	see("set", made, "New backup set", "By hand", tenantPath("sets", made.BackupSetID))
	var chosen []runs.ID
	for _, of := range s.PolicyTypes[:2] { // one is in the set already
		chosen = append(chosen, must(w.cfg.Archive.Policies(ctx, tenant, owner, backupset.PolicyFilter{Type: of}, runs.PageRequest{Limit: 1}))(t).Items[0].ID)
	}
	see("addition", begin(capture.AddPoliciesRequest(made.BackupSetID, chosen)), "Added policies", "By hand", "1 policy added of 2 chosen; 1 skipped.", ">Chosen</th>", ">Added</th>")
	see("verify", begin(capture.VerifySetRequest(set)), "Verification", "all are as they were")
	var file bytes.Buffer
	x := must(w.cfg.Exporter.Open(ctx, tenant, owner, set, transfer.ExportOptions{}))(t)
	must(x.Write(ctx, &file))(t)
	up := must(w.cfg.Uploader.Receive(ctx, tenant, owner, &file))(t)
	see("import", begin(transfer.ImportRequest(up, "Brought")), "Import", "imported of", "Brought")
	item := must(w.cfg.Archive.Items(ctx, tenant, owner, set, backupset.SetItemFilter{}, runs.PageRequest{Limit: 1}))(t).Items[0]
	check(t, w.graph.Delete(tenant, item.Type, item.ExternalID))
	drift := begin(restore.DriftRequest(set, restore.DriftParams{}))
	see("drift", drift, "Drift report", "removed since", tenantPath("drift", drift.ID))
	preview := begin(restore.PreviewRequest(set, restore.PreviewParams{}))
	see("preview", preview, "Restore preview", "to create", tenantPath("restore", "previews", preview.ID))
	done := begin(restore.ExecuteRequest(preview.ID, "deleted by mistake", false))
	see("restore", done, "Restore", "created", "the preview", tenantPath("restore", "previews", preview.ID))
	see("preview that was used", preview, "Restored by", tenantPath("runs", done.ID))
}

// badEnds makes backups that do not succeed.
func (w *world) badEnds(s backupsched.Schedule, see seeRun) {
	t, ctx := w.t, w.t.Context()
	check(t, w.graph.Inject(graphtest.Fault{Tenant: tenant, Op: graphtest.OpList, Type: "conditionalAccessPolicy", Err: &graph.Error{Kind: graph.KindForbidden}}))
	partial := w.backup(s.ID)
	see("partial", partial, "partial", "not permitted", "lacked permissions", "GRAPH_FORBIDDEN", tenantPath("permissions"))

	check(t, w.graph.Inject(graphtest.Fault{Tenant: tenant, Op: graphtest.OpList, Err: &graph.Error{Kind: graph.KindUnauthorized}}))
	failed := w.backup(s.ID)
	see("failed", failed, "failed", "refused the sign-in", "Renew the app", "GRAPH_UNAUTHORIZED")

	canceled := must2(w.cfg.Scheduler.RunNow(ctx, tenant, operator, s.ID))(t)
	w.post(owner, tenantPath("runs", canceled.ID, "cancel"), nil)
	see("canceled", w.run(canceled.ID), "canceled", "Canceled by <bdi>Olivia Owner</bdi>", "Queued by <bdi>Otto Operator</bdi>")
	w.drain()

	again := must2(w.cfg.Starter.Retry(ctx, tenant, owner, failed.ID))(t)
	w.drain()
	see("failed, and retried", failed, "failed", "Retried by", tenantPath("runs", again.ID))
	see("retry", w.run(again.ID), "success", "as a retry", "Retry of", tenantPath("runs", failed.ID))

	w.clock.Set(must(w.cfg.Scheduler.Get(ctx, tenant, owner, s.ID))(t).NextRunAt)
	must(w.dispatcher.Tick(ctx))(t)
	slot, _ := w.queue.take()
	must2(w.cfg.Scheduler.RunNow(ctx, tenant, owner, s.ID))(t)
	asked := false
	w.graph.OnCall(func(ctx context.Context, _ graphtest.Call) {
		if !asked {
			asked = true
			check(t, w.runner.Handle(ctx, slot))
		}
	})
	w.drain()
	w.graph.OnCall(func(context.Context, graphtest.Call) {})
	see("skipped", w.run(slot.RunID), "skipped", "SCHEDULE_BUSY", "Another run of the same schedule", "Due")
}

// must2 is must for what tells also whether something was there before.
func must2[T any](v T, _ bool, err error) func(testing.TB) T { return must(v, err) }

func TestTheRunOfEveryKindAndEndHasAPage(t *testing.T) {
	w := newWorld(t, nil)
	kinds := map[runs.Kind]bool{}
	badges := map[string]bool{}
	w.everyRun(func(what string, run runs.Run, want ...string) {
		kinds[run.Kind] = true
		badges[want[0]] = true
		got := w.get(readonly, tenantPath("runs", run.ID))
		if got.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", what, got.Status)
		}
		_, page, _ := strings.Cut(got.body, `<div id="run">`)
		for _, s := range want {
			if !strings.Contains(page, s) {
				t.Errorf("%s: the page lacks %q", what, s)
			}
		}
		if strings.Contains(page, "{&#34;") || strings.Contains(page, "policy_types") {
			t.Errorf("%s: the page shows JSON", what)
		}
		if asks := strings.Contains(got.body, "#run:outerMorph"); asks == run.Status.Terminal() {
			t.Errorf("%s: the page follows the run: %t", what, asks)
		}
		if t.Failed() {
			t.Logf("%s: %+v", what, run)
		}
	})
	for _, k := range []runs.Kind{
		runs.KindBackup, runs.KindPolicySync, runs.KindRetentionApply, runs.KindSnapshot, runs.KindSetCreate, runs.KindSetAdd, runs.KindSetVerify,
		runs.KindSetImport, runs.KindDriftReport, runs.KindRestorePreview, runs.KindRestoreExecute,
	} {
		if !kinds[k] {
			t.Errorf("no run of kind %s was looked at", k)
		}
	}
	for _, b := range []string{"success", "partial", "failed", "canceled", "skipped", "missed", "waiting"} {
		if !badges[b] {
			t.Errorf("no %s run was looked at", b)
		}
	}
	list := w.get(readonly, tenantPath("runs"))
	for _, b := range []string{"partial", "failed", "canceled", "skipped", "missed", "waiting"} {
		if !strings.Contains(list.body, b+"</span>") {
			t.Errorf("the list lacks a %s run", b)
		}
	}
}

func TestARunThatIsAskedToStopSaysSoUntilItDoes(t *testing.T) {
	w := newWorld(t, nil)
	run := must2(w.cfg.Scheduler.RunNow(t.Context(), tenant, owner, w.schedule(nil).ID))(t)
	path, asked := tenantPath("runs", run.ID), false
	w.graph.OnCall(func(context.Context, graphtest.Call) {
		if asked {
			return
		}
		asked = true
		w.shows(w.get(owner, path), http.StatusOK, "stops it at its next item", "#run:outerMorph")
		if got := w.post(manager, path+"/cancel", nil); got.Header.Get("Location") != path+"?notice=run_stopping" {
			t.Errorf("canceling leads to %q", got.Header.Get("Location"))
		}
		got := w.get(owner, path)
		w.shows(got, http.StatusOK, "Asked to stop.", "Asked by <bdi>Mara Manager</bdi> to stop at the next item")
		if strings.Contains(got.body, path+"/cancel") {
			t.Error("it can be canceled again")
		}
	})
	w.drain()
	w.shows(w.get(owner, path), http.StatusOK, "Canceled by <bdi>Mara Manager</bdi>", "Asked by <bdi>Mara Manager</bdi> to stop at the next item", path+"/retry")
}
