package api

import (
	"fmt"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

const scheduleJSON = `{"name":"Nightly","frequency":"daily","time_of_day":"02:30","policy_types":["deviceCompliancePolicy"]}`

// matrixRows is the list of rows. Objects that a request uses up or changes are made anew
// for each cell, the others once per tenant.
func matrixRows() []row {
	shared := onceEach()
	set := shared(func(w *world, tenant graph.TenantID) runs.ID {
		return w.backup(tenant, w.schedule(tenant, "Shared")).BackupSetID
	})
	schedule := shared(func(w *world, tenant graph.TenantID) runs.ID { return w.schedule(tenant, "Shared") })
	run := shared(func(w *world, tenant graph.TenantID) runs.ID {
		return w.backup(tenant, w.schedule(tenant, "Shared")).ID
	})
	batch := shared(func(w *world, tenant graph.TenantID) runs.ID {
		ids := []runs.ID{w.schedule(tenant, "Together 1"), w.schedule(tenant, "Together 2")}
		results, err := w.scheduler.Bulk(w.t.Context(), tenant, owner(tenant), backupsched.BulkRunNow, ids)
		w.must(err)
		run, err := w.starter.Get(w.t.Context(), tenant, owner(tenant), results[0].RunID)
		w.must(err)
		return run.BatchID
	})
	policy := shared(func(w *world, tenant graph.TenantID) runs.ID {
		id := w.backup(tenant, w.schedule(tenant, "Shared")).BackupSetID
		items, err := w.store.ListSetItems(w.t.Context(), tenant, id, backupset.SetItemFilter{}, runs.Slice{Limit: 1})
		w.must(err)
		return items[0].PolicyID
	})
	version := shared(func(w *world, tenant graph.TenantID) runs.ID {
		id := w.backup(tenant, w.schedule(tenant, "Shared")).BackupSetID
		items, err := w.store.ListSetItems(w.t.Context(), tenant, id, backupset.SetItemFilter{}, runs.Slice{Limit: 1})
		w.must(err)
		return items[0].VersionID
	})
	series := shared(func(w *world, tenant graph.TenantID) runs.ID {
		id := w.schedule(tenant, "Series")
		w.backup(tenant, id) // this set stays, so the others may go
		return id
	})
	spareSet := func(w *world, tenant graph.TenantID, _ runs.Actor) runs.ID {
		return w.backup(tenant, series(w, tenant, runs.Actor{})).BackupSetID
	}
	newDeletedSet := func(w *world, tenant graph.TenantID, _ runs.Actor) runs.ID {
		id := spareSet(w, tenant, runs.Actor{})
		_, err := w.retention.Delete(w.t.Context(), tenant, owner(tenant), id)
		w.must(err)
		return id
	}
	gone := shared(func(w *world, tenant graph.TenantID) runs.ID { return newDeletedSet(w, tenant, runs.Actor{}) })
	lost := shared(deletedSchedule)
	deletedSet := func(w *world, tenant graph.TenantID) runs.ID { return gone(w, tenant, runs.Actor{}) }
	deletedSchedule := func(w *world, tenant graph.TenantID) runs.ID { return lost(w, tenant, runs.Actor{}) }
	rows := []row{
		{operation: "healthz"}, {operation: "readyz"},

		{operation: "list-schedules"},
		{operation: "create-schedule", request: fixed("", scheduleJSON)},
		{operation: "preview-schedule", request: fixed("", `{"frequency":"daily","time_of_day":"02:30"}`)},
		{operation: "get-schedule", object: schedule, deleted: deletedSchedule},
		{operation: "update-schedule", object: schedule, deleted: deletedSchedule, request: fixed("", `{"name":"Renamed"}`)},
		{operation: "delete-schedule", object: newSchedule, deleted: deletedSchedule},
		{operation: "run-schedule", object: newSchedule, deleted: deletedSchedule},
		{operation: "plan-retention", object: schedule, deleted: deletedSchedule, request: fixed("", `{"retention_keep_last":1}`)},
		{operation: "confirm-retention", object: newSchedule, deleted: deletedSchedule, request: fixed("", `{"confirm_plan":""}`)},

		{operation: "list-runs"},
		{operation: "list-runs", variant: "schedule_id", object: schedule, deleted: deletedSchedule, request: inQuery("schedule_id")},
		{operation: "list-runs", variant: "batch_id", object: batch, request: inQuery("batch_id")},
		{operation: "list-active-runs"},
		{operation: "get-run", object: run},
		{operation: "list-run-items", object: run},
		{operation: "retry-run", object: canceledRun},
		{operation: "cancel-run", variant: "own", object: ownRun, perCaller: true},
		{operation: "cancel-run", variant: "another's", object: othersRun},

		{operation: "list-policies"},
		{operation: "sync-policies"},
		{operation: "get-policy", object: policy},
		{operation: "list-policy-versions", object: policy},
		{operation: "get-policy-version", object: version},
		{operation: "compare-policy-versions", object: version, request: inQuery("with")},
		{operation: "compare-policy-versions", variant: "with", object: version, request: inQuery("with"),
			base: func(w *world) runs.ID { return version(w, contoso, runs.Actor{}) }},

		{operation: "list-backup-sets"},
		{operation: "list-backup-sets", variant: "schedule_id", object: schedule, deleted: deletedSchedule, request: inQuery("schedule_id")},
		{operation: "get-backup-set", object: set, deleted: deletedSet},
		{operation: "list-backup-set-items", object: set, deleted: deletedSet},
		{operation: "compare-backup-sets", object: set, deleted: deletedSet, request: func(id runs.ID) (string, string) { return "?with=" + string(id), "" }},
		{operation: "compare-backup-sets", variant: "with", object: set, deleted: deletedSet, request: inQuery("with"),
			base: func(w *world) runs.ID { return set(w, contoso, runs.Actor{}) }},
		{operation: "hold-backup-set", object: set, deleted: deletedSet, request: fixed("", `{"name":"audit","reason":"kept for the auditor"}`)},
		{operation: "release-backup-set", object: heldSet, deleted: deletedSet, request: fixed("?name=audit", "")},
		{operation: "delete-backup-set", object: spareSet, deleted: deletedSet},
		{operation: "undelete-backup-set", object: newDeletedSet},
		{operation: "purge-backup-set", object: newDeletedSet},

		{operation: "list-notifications"},
		{operation: "read-notification", variant: "own", object: notification, perCaller: true},
		{operation: "read-notification", variant: "another's", object: func(w *world, tenant graph.TenantID, _ runs.Actor) runs.ID {
			return notification(w, tenant, runs.Actor{ID: "somebody-else"})
		}},
		{operation: "list-audit"},
		{operation: "list-audit", variant: "run_id", object: run, request: inQuery("run_id")},
	}
	for _, action := range []string{"run_now", "retry", "enable", "disable", "delete"} {
		object := newSchedule
		if action == "retry" {
			object = retriableSchedule
		}
		rows = append(rows, row{
			operation: "bulk-schedules", variant: action, object: object, deleted: deletedSchedule,
			request: func(id runs.ID) (string, string) { return "", fmt.Sprintf(`{"action":%q,"ids":[%q]}`, action, id) },
		})
	}
	return append(rows, operationRows()...)
}

func fixed(query, body string) func(runs.ID) (string, string) {
	return func(runs.ID) (string, string) { return query, body }
}

func inQuery(name string) func(runs.ID) (string, string) {
	return func(id runs.ID) (string, string) { return "?" + name + "=" + string(id), "" }
}

// onceEach makes an object once per tenant and hands it out again.
func onceEach() func(func(*world, graph.TenantID) runs.ID) func(*world, graph.TenantID, runs.Actor) runs.ID {
	return func(make func(*world, graph.TenantID) runs.ID) func(*world, graph.TenantID, runs.Actor) runs.ID {
		made := map[graph.TenantID]runs.ID{}
		return func(w *world, tenant graph.TenantID, _ runs.Actor) runs.ID {
			if made[tenant] == "" {
				made[tenant] = make(w, tenant)
			}
			return made[tenant]
		}
	}
}

func newSchedule(w *world, tenant graph.TenantID, _ runs.Actor) runs.ID {
	return w.schedule(tenant, "New")
}

func deletedSchedule(w *world, tenant graph.TenantID) runs.ID {
	id := w.schedule(tenant, "Deleted")
	w.must(w.scheduler.Delete(w.t.Context(), tenant, owner(tenant), id, ""))
	return id
}

// startRun starts a backup on behalf of an actor, which stays queued until settle.
func startRun(w *world, tenant graph.TenantID, actor runs.Actor) runs.ID {
	run, _, err := w.scheduler.RunNow(w.t.Context(), tenant, actor, w.schedule(tenant, "Started"))
	w.must(err)
	return run.ID
}

// ownRun is the caller's, or the owner's when the caller may start none.
func ownRun(w *world, tenant graph.TenantID, caller runs.Actor) runs.ID {
	role, err := roleOf(w.t.Context(), tenant, caller)
	w.must(err)
	if !role.Allows(runs.StartAction(runs.KindBackup)) {
		caller = owner(tenant)
	}
	return startRun(w, tenant, caller)
}

func othersRun(w *world, tenant graph.TenantID, _ runs.Actor) runs.ID {
	return startRun(w, tenant, runs.Actor{ID: "manager-both"})
}

func canceledRun(w *world, tenant graph.TenantID, _ runs.Actor) runs.ID {
	id := startRun(w, tenant, owner(tenant))
	_, err := w.starter.Cancel(w.t.Context(), tenant, owner(tenant), id)
	w.must(err)
	return id
}

// retriableSchedule's latest run was canceled.
func retriableSchedule(w *world, tenant graph.TenantID, actor runs.Actor) runs.ID {
	run, err := w.starter.Get(w.t.Context(), tenant, owner(tenant), canceledRun(w, tenant, actor))
	w.must(err)
	return run.ScheduleID
}

func heldSet(w *world, tenant graph.TenantID, _ runs.Actor) runs.ID {
	id := w.backup(tenant, w.schedule(tenant, "Held")).BackupSetID
	_, err := w.retention.Hold(w.t.Context(), tenant, owner(tenant), id, "audit", "kept for the auditor")
	w.must(err)
	return id
}

// notification is one that the caller got, whatever the role: a role may have been stronger
// when the run was started.
func notification(w *world, tenant graph.TenantID, caller runs.Actor) runs.ID {
	now, id := w.clock.Now().UTC(), w.starter.Guard().NewID
	run := runs.Run{
		ID: id(), TenantID: tenant, Kind: runs.KindPolicySync, Trigger: runs.TriggerManual, Actor: caller, Status: runs.StatusCanceled,
		Key: string(id()), Target: runs.Target{Type: "tenant"}, CreatedAt: now, UpdatedAt: now,
	}
	n := runs.Notification{ID: id(), Recipient: caller.ID, RunID: run.ID, Kind: run.Kind, Status: run.Status, Message: "canceled", CreatedAt: now}
	_, _, err := w.store.CreateRun(w.t.Context(), tenant, run, runs.Trail{Notifications: []runs.Notification{n}})
	w.must(err)
	return n.ID
}
