package api

import (
	"context"
	"net/http"

	"github.com/tenantatlas/tenantbackup/runs"
)

type holdBody struct {
	Name   string `json:"name" maxLength:"100" doc:"Unique within the set"`
	Reason string `json:"reason" maxLength:"500"`
}

type releaseQuery struct {
	Name string `query:"name" required:"true" doc:"Name of the hold"`
}

// setChanges registers what changes about backup sets: whether they may go, and go.
func (a *API) setChanges() {
	keep := a.cfg.Retention
	add(a, route{
		id: "delete-backup-set", method: http.MethodDelete, path: "backup-sets/{id}", summary: "Soft-delete a backup set",
		notes:  "It can be undeleted until it is purged. A schedule's only complete set stays.",
		action: runs.ActionSetDelete, target: "backup_set",
	}, func(ctx context.Context, c *call, _ *nothing, _ *nothing) (BackupSet, error) {
		set, err := keep.Delete(ctx, c.tenant, c.actor, c.id)
		return a.setView(ctx, c, set, err)
	})
	add(a, route{
		id: "undelete-backup-set", method: http.MethodPost, path: "backup-sets/{id}/undelete", summary: "Take a soft deletion back",
		notes:  "A set that retention had dropped gets a hold, or it would be dropped again.",
		action: runs.ActionSetUndelete, target: "backup_set",
	}, func(ctx context.Context, c *call, _ *nothing, _ *nothing) (BackupSet, error) {
		set, err := keep.Undelete(ctx, c.tenant, c.actor, c.id)
		return a.setView(ctx, c, set, err)
	})
	add(a, route{
		id: "purge-backup-set", method: http.MethodPost, path: "backup-sets/{id}/purge", summary: "Remove a deleted set for good",
		notes:  "Nothing brings it back. What other sets hold, too, stays. Only a deleted set can be purged.",
		status: http.StatusNoContent, action: runs.ActionSetPurge, target: "backup_set",
	}, func(ctx context.Context, c *call, _ *nothing, _ *nothing) (nothing, error) {
		_, err := keep.PurgeSet(ctx, c.tenant, c.actor, c.id)
		return nothing{}, err
	})
	add(a, route{
		id: "hold-backup-set", method: http.MethodPut, path: "backup-sets/{id}/hold", summary: "Keep a set from being dropped",
		notes:  "Holding again with the same name and reason changes nothing.",
		action: runs.ActionSetHold, target: "backup_set",
	}, func(ctx context.Context, c *call, _ *nothing, b *holdBody) (BackupSet, error) {
		set, err := keep.Hold(ctx, c.tenant, c.actor, c.id, b.Name, b.Reason)
		return a.setView(ctx, c, set, err)
	})
	add(a, route{
		id: "release-backup-set", method: http.MethodDelete, path: "backup-sets/{id}/hold", summary: "End a hold",
		action: runs.ActionSetRelease, target: "backup_set",
	}, func(ctx context.Context, c *call, q *releaseQuery, _ *nothing) (BackupSet, error) {
		set, err := keep.Release(ctx, c.tenant, c.actor, c.id, q.Name)
		return a.setView(ctx, c, set, err)
	})
}
