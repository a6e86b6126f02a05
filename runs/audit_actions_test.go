package runs_test

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
	"github.com/tenantatlas/tenantbackup/runs/restore"
	"github.com/tenantatlas/tenantbackup/runs/transfer"
)

// TestEveryAuditedActionIsInTheLogUnderItsName: hosts filter and alert by these names, so
// none may come, go or change unnoticed. Every step names the actions that it must add.
func TestEveryAuditedActionIsInTheLogUnderItsName(t *testing.T) {
	o := rig.Options{Policies: 12, Retention: retention.Config{MinAge: -1}}
	r := rig.New(t, o)
	operations(t, r, o)
	ctx, start := t.Context(), r.Clock.Now()
	seen := map[runs.ID]bool{}
	names := map[string]bool{}
	// step does something and compares the set of actions that it adds to the log.
	step := func(name string, do func() error, want ...string) {
		t.Helper()
		if err := do(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		r.Clock.Add(time.Minute)
		system, err := r.Store.ListAudit(ctx, runs.SystemTenant, runs.AuditFilter{}, runs.Slice{Limit: 100000})
		if err != nil {
			t.Fatal(err)
		}
		added := map[string]bool{}
		for _, e := range append(r.Audit(), system...) {
			if !seen[e.ID] {
				seen[e.ID], added[e.Action], names[e.Action] = true, true, true
			}
		}
		if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(maps.Keys(added)), equateEmpty); diff != "" {
			t.Errorf("%s: audit actions (-want +got):\n%s", name, diff)
		}
	}
	var s backupsched.Schedule
	var run, queued runs.Run
	backup := func() error { run = r.Backup(s.ID); return nil }
	runNow := func() (err error) { queued, _, err = r.Scheduler.RunNow(ctx, rig.Tenant, rig.Owner, s.ID); return err }
	tick := func() error { _, err := r.Dispatcher.Tick(ctx); return err }

	step("create", func() error {
		s = r.Schedule(func(d *backupsched.Draft) { d.RetentionKeepLast = 2 })
		return nil
	}, "schedule.created")
	step("update", func() error {
		name := "Every night"
		_, _, err := r.Scheduler.Update(ctx, rig.Tenant, rig.Owner, s.ID, backupsched.Patch{Name: &name})
		return err
	}, "schedule.updated")
	step("disable", func() error { return second(r.Scheduler.Disable(ctx, rig.Tenant, rig.Owner, s.ID)) }, "schedule.disabled")
	step("enable", func() error { return second(r.Scheduler.Enable(ctx, rig.Tenant, rig.Owner, s.ID)) }, "schedule.enabled")
	step("deny", func() error {
		if _, err := r.Scheduler.Disable(ctx, rig.Tenant, rig.Reader, s.ID); err == nil {
			t.Error("a reader disabled a schedule")
		}
		return nil
	}, "access.denied")
	step("sync", func() error {
		_, _, err := r.Starter.Start(ctx, rig.Tenant, rig.Operator, capture.SyncRequest(rig.Types))
		r.Drain()
		return err
	}, "policy.synced", "run.finished", "run.started")
	step("run now", runNow, "run.started")
	step("cancel", func() error { return second(r.Starter.Cancel(ctx, rig.Tenant, rig.Owner, queued.ID)) }, "run.canceled")
	step("retry", func() error {
		_, _, err := r.Starter.Retry(ctx, rig.Tenant, rig.Owner, queued.ID)
		return err
	}, "run.retried")
	step("work", func() error { r.Drain(); return nil }, "backup.created", "run.finished", "run.started")
	step("slot", func() error { r.Clock.Set(s.NextRunAt); return tick() }, "dispatch.cycle")
	step("busy", func() error {
		slots, err := r.Store.ListRuns(ctx, rig.Tenant, runs.RunFilter{Triggers: []runs.Trigger{runs.TriggerSchedule}}, runs.Slice{Limit: 10})
		if err != nil || len(slots) != 1 {
			t.Fatalf("%d runs of slots, error %v", len(slots), err)
		}
		other, _, err := r.Scheduler.RunNow(ctx, rig.Tenant, rig.Owner, s.ID)
		if err != nil {
			return err
		}
		if other.ID == slots[0].ID {
			t.Fatal("running now gave the slot's run")
		}
		claim(t, r, other.ID)
		return r.Runner.Handle(ctx, runs.Job{TenantID: rig.Tenant, RunID: slots[0].ID})
	}, "run.started", "run.refused")
	step("worker lost", func() error { r.Clock.Add(time.Second); return second(r.Runner.Sweep(ctx)) }, "run.retried")
	step("resume", func() error { r.Drain(); return nil }, "backup.created", "run.finished", "run.started")
	step("missed", func() error { r.Clock.Add(72 * time.Hour); return tick() }, "dispatch.cycle", "run.refused")
	step("retention", backup, "run.started", "backup.created", "run.finished", "retention.applied", "backup_set.deleted")
	step("verify", func() error {
		_, _, err := r.Starter.Start(ctx, rig.Tenant, rig.Owner, capture.VerifySetRequest(run.BackupSetID))
		r.Drain()
		return err
	}, "run.started", "run.finished", "backup_set.verified")
	step("hold", func() error {
		return second(r.Retention.Hold(ctx, rig.Tenant, rig.Owner, run.BackupSetID, "legal", "a court asked"))
	}, "backup_set.held")
	step("release", func() error { return second(r.Retention.Release(ctx, rig.Tenant, rig.Owner, run.BackupSetID, "legal")) }, "backup_set.released")
	step("delete", func() error { return second(r.Retention.Delete(ctx, rig.Tenant, rig.Owner, run.BackupSetID)) }, "backup_set.deleted")
	step("undelete", func() error { return second(r.Retention.Undelete(ctx, rig.Tenant, rig.Owner, run.BackupSetID)) }, "backup_set.undeleted")
	step("purge", func() error {
		if err := second(r.Retention.Delete(ctx, rig.Tenant, rig.Owner, run.BackupSetID)); err != nil {
			return err
		}
		return second(r.Retention.PurgeSet(ctx, rig.Tenant, rig.Owner, run.BackupSetID))
	}, "backup_set.deleted", "backup_set.purged")
	var made, preview runs.Run
	begin := func(into *runs.Run, req runs.Request) func() error {
		return func() error {
			run, _, err := r.Starter.Start(ctx, rig.Tenant, rig.Owner, req)
			r.Drain()
			if into != nil && err == nil {
				*into = r.Run(run.ID)
			}
			return err
		}
	}
	step("make a set", begin(&made, capture.CreateSetRequest("By hand", capture.Selection{PolicyTypes: rig.Types[:1]})),
		"run.started", "backup.created", "run.finished")
	set := made.BackupSetID
	step("add to it", func() error {
		inventory, err := r.Store.ListPolicies(ctx, rig.Tenant, backupset.PolicyFilter{Type: rig.Types[1]}, runs.Slice{Limit: 1})
		if err != nil {
			return err
		}
		return begin(nil, capture.AddPoliciesRequest(set, []runs.ID{inventory[0].ID}))()
	}, "run.started", "backup_set.extended", "run.finished")
	var archive bytes.Buffer
	step("export", func() error {
		e := must(transfer.NewExporter(transfer.ExporterConfig{Store: r.Store, Guard: r.Starter.Guard()}))(t)
		x, err := e.Open(ctx, rig.Tenant, rig.Owner, set, transfer.ExportOptions{})
		if err != nil {
			return err
		}
		return second(x.Write(ctx, &archive))
	}, "backup_set.exported")
	step("import", func() error {
		up := must(transfer.NewUploader(transfer.UploaderConfig{Store: r.Store, Guard: r.Starter.Guard(), Clock: r.Clock}))(t)
		file, err := up.Receive(ctx, rig.Tenant, rig.Owner, &archive)
		if err != nil {
			return err
		}
		return begin(nil, transfer.ImportRequest(file, "Brought"))()
	}, "run.started", "backup_set.imported", "run.finished")
	step("preview", func() error {
		item := r.SetItems(set)[0]
		if err := r.Graph.Delete(rig.Tenant, item.Type, item.ExternalID); err != nil {
			return err
		}
		return begin(&preview, restore.PreviewRequest(set, restore.PreviewParams{}))()
	}, "run.started", "run.finished")
	step("restore", func() error { return begin(nil, restore.ExecuteRequest(preview.ID, "deleted by mistake", false))() },
		"run.started", "restore.started", "run.finished", "restore.finished")
	step("delete the schedule", func() error { return r.Scheduler.Delete(ctx, rig.Tenant, rig.Owner, s.ID, "") }, "schedule.deleted")
	step("nothing", func() error { return tick() })

	want := []string{
		"access.denied",
		"backup.created",
		"backup_set.deleted", "backup_set.exported", "backup_set.extended", "backup_set.held", "backup_set.imported", "backup_set.purged",
		"backup_set.released", "backup_set.undeleted", "backup_set.verified",
		"dispatch.cycle",
		"policy.synced",
		"restore.finished", "restore.started",
		"retention.applied",
		"run.canceled", "run.finished", "run.refused", "run.retried", "run.started",
		"schedule.created", "schedule.deleted", "schedule.disabled", "schedule.enabled", "schedule.updated",
	}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(names))); diff != "" {
		t.Errorf("all audit actions (-want +got):\n%s", diff)
	}
	for _, e := range r.Audit() {
		if e.At.Before(start) || e.Actor.ID == "" || e.Outcome == "" || e.Resource.Type == "" {
			t.Errorf("the entry %+v lacks a time, an actor, an outcome or a resource", e)
		}
		for _, name := range entryTells[e.Action] {
			if e.Details[name] == "" {
				t.Errorf("the entry %s of %v does not tell its %s: %v", e.Action, e.Resource, name, e.Details)
			}
		}
		if e.Resource.Type != "tenant" && !e.Resource.ID.Valid() {
			t.Errorf("the entry %s is about %v, want an id", e.Action, e.Resource)
		}
	}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(entryTells))); diff != "" {
		t.Errorf("actions of which a test says what their entries tell (-want +got):\n%s", diff)
	}
}

// entryTells are the details without which a reader of the log would not know what an entry is
// about once that is gone: names, and how much there was of it.
var entryTells = map[string][]string{
	"access.denied":        {"action"},
	"backup.created":       {"set_name", "captured", "policies"},
	"backup_set.deleted":   {"set_name", "reason"},
	"backup_set.exported":  {"set_name", "revision", "items", "secrets"},
	"backup_set.extended":  {"set_name", "captured", "policies"},
	"backup_set.held":      {"set_name", "name", "reason"},
	"backup_set.imported":  {"set_name", "imported", "policies"},
	"backup_set.purged":    {"set_name", "set_items", "items", "versions", "payloads", "bytes", "deleted_reason"},
	"backup_set.released":  {"set_name", "name"},
	"backup_set.undeleted": {"set_name", "deleted_reason"},
	"backup_set.verified":  {"set_name", "checked", "damaged", "missing"},
	"dispatch.cycle":       {"due", "queued", "missed"},
	"policy.synced":        {"types", "policies"},
	"restore.finished":     {"kind", "trigger", "attempt"},
	"restore.started":      {"set_name", "reason", "preview_run_id", "set_revision", "existing", "assignments"},
	"retention.applied":    {"name", "keep_last", "kept", "dropped"},
	"run.canceled":         {"kind", "trigger"},
	"run.finished":         {"kind", "trigger", "attempt"},
	"run.refused":          {"kind", "trigger", "code"},
	"run.retried":          {"kind", "trigger"},
	"run.started":          {"kind", "trigger"},
	"schedule.created":     {"name", "timezone", "frequency", "time_of_day", "policy_types", "include_foundations", "retention_keep_last", "enabled"},
	"schedule.deleted":     {"name"},
	"schedule.disabled":    {"name", "enabled"},
	"schedule.enabled":     {"name", "enabled"},
	"schedule.updated":     {"name", "name.before", "name.after"},
}

// operations gives a rig what restores, exports and imports need.
func operations(t *testing.T, r *rig.Rig, o rig.Options) {
	t.Helper()
	restores := must(restore.NewRequests(restore.RequestsConfig{Store: r.Store, Clock: r.Clock}))(t)
	r.Starter = must(runs.NewStarter(runs.StarterConfig{
		Store: r.Store, Queue: r.Queue, Clock: r.Clock,
		Authorizer: runs.RoleAuthorizer{RoleOf: func(_ context.Context, _ graph.TenantID, a runs.Actor) (runs.Role, error) {
			return map[string]runs.Role{rig.Owner.ID: runs.RoleOwner, rig.Operator.ID: runs.RoleOperator}[a.ID], nil
		}},
		Preparers: []runs.Preparer{must(capture.NewRequests(r.Store, graph.Catalog))(t), restores, must(transfer.NewRequests(r.Store))(t)},
	}))(t)
	o.Catalogue = graph.Catalog
	o.Runner.Executors = []runs.Executor{
		must(restore.NewPreviewer(restore.PreviewerConfig{Reader: r.Graph, Store: r.Store, Source: r.Store}))(t),
		must(restore.NewRestorer(restore.RestorerConfig{Client: r.Graph, Store: r.Store, Source: r.Store}))(t),
		must(transfer.NewImporter(transfer.ImporterConfig{Store: r.Store}))(t),
	}
	r.Runner = r.NewRunner(o)
}

var equateEmpty = cmp.FilterValues(func(a, b []string) bool { return len(a)+len(b) == 0 }, cmp.Ignore())

func second[T any](_ T, err error) error { return err }

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
