package bunstore_test

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/restore"
	"github.com/tenantatlas/tenantbackup/runs/transfer"
)

// manual stores and claims a run that a person started.
func (w *worker) manual(kind runs.Kind, set runs.ID) runs.Run {
	w.Helper()
	id := w.id()
	r, _, err := w.store.CreateRun(w.Context(), w.tenant, runs.Run{
		ID: id, Kind: kind, Trigger: runs.TriggerManual, Actor: runs.Actor{ID: "ada", Name: "Ada"}, Status: runs.StatusQueued, Key: string(id),
		Target: runs.Target{Type: "backup_set", ID: set}, CreatedAt: w.now, UpdatedAt: w.now,
	}, runs.Trail{})
	w.ok(err)
	return w.change(r.ID, "run.started", func(r *runs.Run) {
		r.Status, r.Attempt, r.StartedAt, r.LeaseToken, r.LeaseOwner, r.LeaseUntil = runs.StatusRunning, 1, w.now, 1, "worker", w.now.Add(time.Hour)
	})
}

func (w *worker) end(r runs.Run) {
	w.Helper()
	w.change(r.ID, "run.finished", func(r *runs.Run) {
		r.Status, r.FinishedAt, r.LeaseOwner, r.LeaseUntil = runs.StatusSuccess, w.now, "", time.Time{}
	})
}

// operations leaves what operations on demand leave: a manual set that was added to, a
// snapshot, a preview that was restored, and files.
func (w *worker) operations(of backupset.BackupSet) {
	w.Helper()
	ctx, s := w.Context(), w.store
	list := w.captured()["settingsCatalogPolicy"]
	slices.SortFunc(list, func(a, b backupset.Captured) int { return strings.Compare(a.Policy.ID, b.Policy.ID) })

	create := w.manual(runs.KindSetCreate, "")
	set, err := s.OpenSet(ctx, w.tenant, create.Lease(), backupset.BackupSet{ID: w.id(), Name: "By hand", CreatedAt: w.now}, runs.Trail{})
	w.ok(err)
	w.save(create.Lease(), set.ID, list[:1])
	w.ok(s.SaveManifest(ctx, w.tenant, create.Lease(), set.ID, backupset.Manifest{Type: "settingsCatalogPolicy", Listed: 1, Captured: 1, Complete: true}))
	_, err = s.SealSet(ctx, w.tenant, create.Lease(), set.ID, backupset.Complete, runs.Trail{})
	w.ok(err)
	w.end(create)
	add := w.manual(runs.KindSetAdd, set.ID)
	w.save(add.Lease(), set.ID, list[1:2])
	w.end(add)
	shot := w.manual(runs.KindSnapshot, "")
	_, _, err = s.SaveSnapshot(ctx, w.tenant, shot.Lease(), list[0], runs.Item{ID: w.id(), PolicyType: list[0].Policy.Type, PolicyID: list[0].Policy.ID, Status: runs.ItemSuccess, Attempt: 1})
	w.ok(err)
	w.end(shot)

	items, err := s.ListSetItems(ctx, w.tenant, of.ID, backupset.SetItemFilter{}, runs.Slice{Limit: 2})
	w.ok(err)
	outcomes := []restore.PreviewItem{
		{ItemID: items[0].ID, Type: items[0].Type, ExternalID: items[0].ExternalID, Name: items[0].Name, VersionID: items[0].VersionID, Action: restore.Create},
		{ItemID: items[1].ID, Position: 1, Type: items[1].Type, ExternalID: items[1].ExternalID, Name: items[1].Name, VersionID: items[1].VersionID, Action: restore.Change,
			Reason: runs.ReasonExists, TargetID: "t", TargetName: "T", LiveHash: backupset.Hash{1},
			Diff:     []backupset.Change{{Path: "/a", Op: "replace", Before: json.RawMessage("1"), After: json.RawMessage("2")}},
			Warnings: []restore.Warning{{Code: "secrets_masked", Detail: "d"}}},
	}
	preview := w.preview(of, outcomes)
	execute := w.manual(runs.KindRestoreExecute, of.ID)
	_, err = s.UsePreview(ctx, w.tenant, execute.Lease(), preview.ID, runs.Trail{})
	w.ok(err)
	w.ok(s.SaveSteps(ctx, w.tenant, execute.Lease(), []restore.Step{
		{ItemID: items[0].ID, Type: items[0].Type, SourceID: "s", TargetID: "t", BegunAt: w.now, WrittenAt: w.now, AssignedAt: w.now},
	}, nil))
	w.end(execute)

	for _, whole := range []bool{true, false} {
		u := transfer.Upload{ID: w.id(), CreatedAt: w.now}
		w.ok(s.AddUpload(ctx, w.tenant, u, transfer.Bounds{}))
		w.ok(s.AddChunk(ctx, w.tenant, u.ID, 0, []byte("a zip file"), transfer.Bounds{}))
		if whole {
			_, err := s.ReadyUpload(ctx, w.tenant, u.ID, 10, strings.Repeat("0a", 32), w.now)
			w.ok(err)
		}
	}
}

// preview stores a preview with its outcomes; without any there is one that creates.
func (w *worker) preview(of backupset.BackupSet, outcomes []restore.PreviewItem) runs.Run {
	w.Helper()
	if len(outcomes) == 0 {
		outcomes = []restore.PreviewItem{{ItemID: w.id(), Type: "settingsCatalogPolicy", Action: restore.Create}}
	}
	r := w.manual(runs.KindRestorePreview, of.ID)
	_, err := w.store.OpenPreview(w.Context(), w.tenant, r.Lease(), restore.Preview{
		Kind: runs.KindRestorePreview, SetID: of.ID, SetRevision: 1, CreatedAt: w.now, Options: restore.Options{Existing: restore.Overwrite},
	})
	w.ok(err)
	w.ok(w.store.SavePreviewItems(w.Context(), w.tenant, r.Lease(), outcomes, nil))
	_, err = w.store.ReadyPreview(w.Context(), w.tenant, r.Lease())
	w.ok(err)
	w.end(r)
	return r
}
