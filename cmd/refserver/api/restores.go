package api

import (
	"context"
	"net/http"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

type previewBody struct {
	SourceTenant *string           `json:"source_tenant,omitempty" doc:"Whose set it is, when it is another tenant's: an owner of both may restore across. Defaults to the tenant of the path, which is the target"`
	ItemIDs      *[]string         `json:"item_ids,omitempty" doc:"Items of the set; left out or empty: all of them"`
	Options      *restoreOptionsIn `json:"options,omitempty"`
}

type restoreOptionsIn struct {
	Existing    *string `json:"existing,omitempty" enum:"skip,overwrite,copy" default:"skip" doc:"What becomes of an item whose policy exists in the target"`
	CopySuffix  *string `json:"copy_suffix,omitempty" maxLength:"64" doc:"With existing copy: what its name ends in. Defaults to ' (restored)'"`
	Assignments *string `json:"assignments,omitempty" enum:"none,original,mapped" default:"none" doc:"original: to the very groups of the backup; mapped: to the target's groups of the same name and rule"`
	AccessState *string `json:"access_state,omitempty" enum:"keep,disabled,report_only,original" default:"keep" doc:"In which state an enabled Conditional Access policy comes back, never a stricter one than it has; keep: one that exists keeps its own, what is made is disabled; original must be confirmed when it is restored"`
}

func (o restoreOptionsIn) options() restore.Options {
	return restore.Options{
		Existing: restore.Existing(given(o.Existing, "")), CopySuffix: given(o.CopySuffix, ""),
		Assignments: restore.Assignments(given(o.Assignments, "")), Access: restore.AccessState(given(o.AccessState, "")),
	}
}

type driftBody struct {
	ItemIDs *[]string `json:"item_ids,omitempty" doc:"Items of the set; left out or empty: the whole set, and what is live beside it"`
}

type restoreBody struct {
	PreviewRunID string `json:"preview_run_id" format:"uuid" doc:"The run of a restore preview: what it says is what is done"`
	Reason       string `json:"reason" maxLength:"500" doc:"Why; it stands in the audit log"`
	Confirm      *bool  `json:"confirm,omitempty" default:"false" doc:"Needed for a preview with access_state original"`
}

// restores registers what compares with the live tenant and brings policies back.
func (a *API) restores() {
	add(a, route{
		id: "preview-restore", method: http.MethodPost, path: "backup-sets/{id}/restore-previews", optional: true,
		summary: "Find out what a restore into this tenant would do", status: http.StatusAccepted, also: http.StatusOK,
		notes:  startNotes + " The preview is kept under the id of the run; nothing is written to Graph.",
		action: runs.StartAction(runs.KindRestorePreview), target: "backup_set",
	}, func(ctx context.Context, c *call, _ *nothing, b *previewBody) (Run, error) {
		p := restore.PreviewParams{
			SourceTenant: graph.TenantID(given(b.SourceTenant, "")), ItemIDs: ids(given(b.ItemIDs, nil)),
			Options: given(b.Options, restoreOptionsIn{}).options(),
		}
		if p.SourceTenant == c.tenant {
			p.SourceTenant = "" // the same request as without
		}
		if err := a.mayEnter(ctx, c, p.SourceTenant); err != nil {
			return Run{}, err
		}
		return a.start(ctx, c, restore.PreviewRequest(c.id, p))
	})
	add(a, route{
		id: "report-drift", method: http.MethodPost, path: "backup-sets/{id}/drift", optional: true,
		summary: "Find out how the live tenant differs from a set", status: http.StatusAccepted, also: http.StatusOK,
		notes:  startNotes + " The report is kept under the id of the run.",
		action: runs.StartAction(runs.KindDriftReport), target: "backup_set",
	}, func(ctx context.Context, c *call, _ *nothing, b *driftBody) (Run, error) {
		return a.start(ctx, c, restore.DriftRequest(c.id, restore.DriftParams{ItemIDs: ids(given(b.ItemIDs, nil))}))
	})
	add(a, route{
		id: "restore", method: http.MethodPost, path: "restores", summary: "Do what a restore preview says",
		status: http.StatusAccepted, also: http.StatusOK,
		notes: startNotes + " A preview serves once, and only while it is fresh; an object that has changed since is left alone. " +
			"A run that retries a restore is a new preview of what was not restored.",
		action: runs.StartAction(runs.KindRestoreExecute), target: "run",
	}, func(ctx context.Context, c *call, _ *nothing, b *restoreBody) (Run, error) {
		return a.start(ctx, c, restore.ExecuteRequest(runs.ID(b.PreviewRunID), b.Reason, given(b.Confirm, false)))
	})
}

// mayEnter refuses another tenant that is none of the caller's as a path would be refused:
// without a line in the audit log of a tenant that may not even exist.
func (a *API) mayEnter(ctx context.Context, c *call, tenant graph.TenantID) error {
	if tenant == "" {
		return nil
	}
	in, err := a.cfg.TenantAccess(ctx, tenant, c.actor)
	if err == nil && !in {
		a.cfg.Logger.WarnContext(ctx, "a stranger was refused", "operation", "preview-restore", "actor", c.actor.ID)
		return forbidden()
	}
	return err
}
