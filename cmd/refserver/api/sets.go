package api

import (
	"context"
	"net/http"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

type setQuery struct {
	Paging
	ScheduleID idParam   `query:"schedule_id" doc:"A schedule of the tenant, deleted or not; any other is 403"`
	Status     []string  `query:"status,explode" enum:"building,complete,partial"`
	Deleted    flagParam `query:"deleted" doc:"true: only soft-deleted sets; otherwise none of them"`
}

type setItemQuery struct {
	Paging
	PolicyType string `query:"policy_type"`
	Search     string `query:"search" doc:"Part of the name as captured"`
}

type compareQuery struct {
	With idParam `query:"with" required:"true" doc:"The set before"`
}

// sets registers what looks at backup sets.
func (a *API) sets() {
	archive := a.cfg.Archive
	add(a, route{
		id: "list-backup-sets", method: http.MethodGet, path: "backup-sets", summary: "Backup sets, newest first",
		action: runs.ActionLook, target: "backup_sets",
	}, func(ctx context.Context, c *call, q *setQuery, _ *nothing) (List[BackupSet], error) {
		var bad runs.InvalidError
		page := q.request(&bad)
		filter := backupset.SetFilter{
			ScheduleID: runs.ID(q.ScheduleID), Statuses: setStatus(&bad, q.Status), Deleted: given(q.Deleted.value(&bad, "deleted"), false),
		}
		if err := bad.Err(); err != nil {
			return List[BackupSet]{}, err
		}
		if err := a.inTenant(ctx, c, q.ScheduleID); err != nil {
			return List[BackupSet]{}, err
		}
		list, err := archive.List(ctx, c.tenant, c.actor, filter, page)
		return a.setViews(ctx, c, list, err)
	})
	add(a, route{
		id: "get-backup-set", method: http.MethodGet, path: "backup-sets/{id}", summary: "One backup set", action: runs.ActionLook, target: "backup_set",
	}, func(ctx context.Context, c *call, _ *nothing, _ *nothing) (BackupSet, error) {
		set, err := archive.Get(ctx, c.tenant, c.actor, c.id)
		return a.setView(ctx, c, set, err)
	})
	add(a, route{
		id: "list-backup-set-items", method: http.MethodGet, path: "backup-sets/{id}/items", summary: "What a backup set holds",
		action: runs.ActionLook, target: "backup_set",
	}, func(ctx context.Context, c *call, q *setItemQuery, _ *nothing) (List[SetItem], error) {
		var bad runs.InvalidError
		page := q.request(&bad)
		if err := bad.Err(); err != nil {
			return List[SetItem]{}, err
		}
		filter := backupset.SetItemFilter{Type: graph.PolicyType(q.PolicyType), Search: q.Search}
		list, err := archive.Items(ctx, c.tenant, c.actor, c.id, filter, page)
		return listOf(list, showSetItem), err
	})
	add(a, route{
		id: "compare-backup-sets", method: http.MethodGet, path: "backup-sets/{id}/compare", summary: "What changed from one set to this one",
		notes:  "added is in this set and not in the one named by with; removed is the other way round.",
		action: runs.ActionLook, target: "backup_set",
	}, func(ctx context.Context, c *call, q *compareQuery, _ *nothing) (Comparison, error) {
		if q.With == "" {
			return Comparison{}, runs.Invalid("with", "with_required", "name the backup set to compare with")
		}
		found, err := archive.Compare(ctx, c.tenant, c.actor, runs.ID(q.With), c.id)
		return showComparison(found), err
	})
}
