package storetest

import (
	"errors"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/transfer"
)

// reachRows are the methods that name a row by its id. Each call succeeds in the tenant that
// has the rows, so that a refusal elsewhere says something.
func reachRows() map[string]func(f *fixture, tenant graph.TenantID, on targets) error {
	type call = func(f *fixture, tenant graph.TenantID, on targets) error
	return map[string]call{
		"GetSchedule": func(f *fixture, tenant graph.TenantID, on targets) error {
			_, err := f.store.GetSchedule(f.ctx, tenant, on.schedule)
			return err
		},
		"ChangeSchedule": func(f *fixture, tenant graph.TenantID, on targets) error {
			_, err := f.store.ChangeSchedule(f.ctx, tenant, on.schedule, func(_ time.Time, s backupsched.Schedule) (backupsched.ScheduleChange, error) {
				s.Name = "taken"
				return backupsched.ScheduleChange{Schedule: s, Trail: f.trail(tenant, "x")}, nil
			})
			return err
		},
		"GetRun": func(f *fixture, tenant graph.TenantID, on targets) error {
			_, err := f.store.GetRun(f.ctx, tenant, on.queued)
			return err
		},
		"ChangeRun": func(f *fixture, tenant graph.TenantID, on targets) error {
			_, err := f.store.ChangeRun(f.ctx, tenant, on.queued, func(_ time.Time, r runs.Run, _ runs.Room) (runs.Change, error) {
				r.CancelRequested = true
				return runs.Change{Run: r, Trail: f.trail(tenant, "x")}, nil
			})
			return err
		},
		"SaveItems": func(f *fixture, tenant graph.TenantID, on targets) error {
			_, err := f.store.SaveItems(f.ctx, tenant, on.lease, []runs.Item{f.newItem("x", runs.ItemSuccess)}, -1)
			return err
		},
		"ListItems": func(f *fixture, tenant graph.TenantID, on targets) error {
			_, err := f.store.ListItems(f.ctx, tenant, on.lease.RunID, runs.ItemFilter{}, all)
			return err
		},
		"MarkNotificationRead": func(f *fixture, tenant graph.TenantID, on targets) error {
			_, err := f.store.MarkNotificationRead(f.ctx, tenant, ada.ID, on.notification, later, start)
			return err
		},
		"OpenSet": func(f *fixture, tenant graph.TenantID, on targets) error {
			set := f.newSet(runs.Run{ID: on.lease.RunID, TenantID: tenant, CreatedAt: start})
			_, err := f.store.OpenSet(f.ctx, tenant, on.lease, set, f.trail(tenant, "x"))
			return err
		},
		"SaveCaptured": func(f *fixture, tenant graph.TenantID, on targets) error {
			captured := f.captured(content{t: scripts, id: "x", body: "x"})
			return f.store.SaveCaptured(f.ctx, tenant, on.lease, on.building, []backupset.Captured{captured}, []runs.Item{f.outcome(captured)})
		},
		"SaveSnapshot": func(f *fixture, tenant graph.TenantID, on targets) error {
			captured := f.captured(content{t: scripts, id: "y", body: "y"})
			_, _, err := f.store.SaveSnapshot(f.ctx, tenant, on.lease, captured, f.shot(captured))
			return err
		},
		"CopyItems": func(f *fixture, tenant graph.TenantID, on targets) error {
			_, err := f.store.CopyItems(f.ctx, tenant, on.lease, on.sealed, on.building, []graph.PolicyType{settings})
			return err
		},
		"SaveManifest": func(f *fixture, tenant graph.TenantID, on targets) error {
			return f.store.SaveManifest(f.ctx, tenant, on.lease, on.building, manifest(settings, 0))
		},
		"SealSet": func(f *fixture, tenant graph.TenantID, on targets) error {
			_, err := f.store.SealSet(f.ctx, tenant, on.sealer, on.ready, backupset.Partial, f.trail(tenant, "x"))
			return err
		},
		"GetSet": func(f *fixture, tenant graph.TenantID, on targets) error {
			_, err := f.store.GetSet(f.ctx, tenant, on.sealed)
			return err
		},
		"ListSetItems": func(f *fixture, tenant graph.TenantID, on targets) error {
			_, err := f.store.ListSetItems(f.ctx, tenant, on.sealed, backupset.SetItemFilter{}, all)
			return err
		},
		"Payload": func(f *fixture, tenant graph.TenantID, on targets) error {
			_, err := f.store.Payload(f.ctx, tenant, on.version)
			return err
		},
		"ChangeSet": func(f *fixture, tenant graph.TenantID, on targets) error {
			_, err := f.store.ChangeSet(f.ctx, tenant, on.sealed, func(_ time.Time, s backupset.BackupSet) (backupset.SetChange, error) {
				s.LastVerifiedAt = start
				return backupset.SetChange{Set: s, Trail: f.trail(tenant, "x")}, nil
			})
			return err
		},
		"RecordListing": func(f *fixture, tenant graph.TenantID, on targets) error {
			_, err := f.store.RecordListing(f.ctx, tenant, on.lease, backupset.Listing{Type: settings, Complete: true, At: start})
			return err
		},
		"GetPolicy": func(f *fixture, tenant graph.TenantID, on targets) error {
			_, err := f.store.GetPolicy(f.ctx, tenant, on.policy)
			return err
		},
		"ListVersions": func(f *fixture, tenant graph.TenantID, on targets) error {
			_, err := f.store.ListVersions(f.ctx, tenant, on.policy, all)
			return err
		},
		"PurgeSet": func(f *fixture, tenant graph.TenantID, on targets) error {
			_, err := f.store.PurgeSet(f.ctx, tenant, on.retired, 100, func(backupset.BackupSet, backupset.PurgeResult) runs.Trail {
				return f.trail(tenant, "x")
			})
			return err
		},
	}
}

// lookRows are the methods that list or count. Filters name contoso's rows.
func lookRows() map[string]func(f *fixture, tenant graph.TenantID, on targets) (int, error) {
	type call = func(f *fixture, tenant graph.TenantID, on targets) (int, error)
	return map[string]call{
		"ListSchedules": func(f *fixture, tenant graph.TenantID, _ targets) (int, error) {
			rows, err := f.store.ListSchedules(f.ctx, tenant, backupsched.Filter{}, all)
			return len(rows), err
		},
		"ListRuns": func(f *fixture, tenant graph.TenantID, on targets) (int, error) {
			rows, err := f.store.ListRuns(f.ctx, tenant, runs.RunFilter{}, all)
			some, err2 := f.store.ListRuns(f.ctx, tenant, runs.RunFilter{ScheduleID: on.schedule}, all)
			return len(rows) + len(some), firstOf(err, err2)
		},
		"WaitingRuns": func(f *fixture, tenant graph.TenantID, _ targets) (int, error) {
			rows, err := f.store.WaitingRuns(f.ctx, tenant, 3)
			return len(rows), err
		},
		"ListAudit": func(f *fixture, tenant graph.TenantID, on targets) (int, error) {
			rows, err := f.store.ListAudit(f.ctx, tenant, runs.AuditFilter{}, all)
			some, err2 := f.store.ListAudit(f.ctx, tenant, runs.AuditFilter{RunID: on.queued}, all)
			return len(rows) + len(some), firstOf(err, err2)
		},
		"AuditHead": func(f *fixture, tenant graph.TenantID, _ targets) (int, error) {
			head, err := f.store.AuditHead(f.ctx, tenant)
			return int(head.Seq), err
		},
		"ListNotifications": func(f *fixture, tenant graph.TenantID, _ targets) (int, error) {
			rows, err := f.store.ListNotifications(f.ctx, tenant, ada.ID, false, all)
			return len(rows), err
		},
		"CountUnread": func(f *fixture, tenant graph.TenantID, _ targets) (int, error) {
			return f.store.CountUnread(f.ctx, tenant, ada.ID)
		},
		"ListSets": func(f *fixture, tenant graph.TenantID, on targets) (int, error) {
			rows, err := f.store.ListSets(f.ctx, tenant, backupset.SetFilter{}, all)
			some, err2 := f.store.ListSets(f.ctx, tenant, backupset.SetFilter{ScheduleID: on.schedule, Deleted: true}, all)
			return len(rows) + len(some), firstOf(err, err2)
		},
		"ListPolicies": func(f *fixture, tenant graph.TenantID, _ targets) (int, error) {
			rows, err := f.store.ListPolicies(f.ctx, tenant, backupset.PolicyFilter{}, all)
			return len(rows), err
		},
		"RemoveUpload": func(f *fixture, tenant graph.TenantID, on targets) (int, error) {
			if err := f.store.RemoveUpload(f.ctx, tenant, on.doomed); err != nil {
				return 0, err
			}
			_, err := f.store.GetUpload(f.ctx, contoso, on.doomed)
			if errors.Is(err, runs.ErrNotFound) {
				return 1, nil
			}
			return 0, err
		},
		"ListGroup": func(f *fixture, tenant graph.TenantID, on targets) (int, error) {
			rows, err := f.store.ListGroup(f.ctx, tenant, on.schedule)
			return len(rows), err
		},
		"ChangeGroup": func(f *fixture, tenant graph.TenantID, on targets) (int, error) {
			shown := 0
			dropped, err := f.store.ChangeGroup(f.ctx, tenant, on.schedule, func(_ time.Time, sets []backupset.BackupSet) (backupset.GroupChange, error) {
				shown = len(sets)
				return backupset.GroupChange{}, nil
			})
			return shown + dropped, err
		},
	}
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// addRows are the methods that add a record of their own. The record says contoso.
func addRows() map[string]func(f *fixture, tenant graph.TenantID) error {
	return map[string]func(f *fixture, tenant graph.TenantID) error{
		"CreateSchedule": func(f *fixture, tenant graph.TenantID) error {
			return f.store.CreateSchedule(f.ctx, tenant, f.newSchedule(contoso, "added"), f.trail(contoso, "x"))
		},
		"CreateRun": func(f *fixture, tenant graph.TenantID) error {
			_, _, err := f.store.CreateRun(f.ctx, tenant, f.newRun(contoso), f.trail(contoso, "x"))
			return err
		},
		"CreateSetRun": func(f *fixture, tenant graph.TenantID) error {
			_, _, err := f.store.CreateSetRun(f.ctx, tenant, f.newSetRun(), "added", f.trail(contoso, "x"))
			return err
		},
		"CreateBatch": func(f *fixture, tenant graph.TenantID) error {
			_, err := f.store.CreateBatch(f.ctx, tenant, f.newBatch(contoso, 2), func(int) runs.Notification {
				return batchNotice(f.id(), runs.StatusQueued, start)
			})
			return err
		},
		"AddUpload": func(f *fixture, tenant graph.TenantID) error {
			return f.store.AddUpload(f.ctx, tenant, transfer.Upload{ID: f.id(), TenantID: contoso, CreatedAt: start}, transfer.Bounds{})
		},
		"AppendAudit": func(f *fixture, tenant graph.TenantID) error {
			return f.store.AppendAudit(f.ctx, tenant, f.entry(contoso, "x"))
		},
	}
}
