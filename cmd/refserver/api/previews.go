package api

import (
	"context"
	"net/http"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// Preview is what a restore would do, or the head of a drift report.
type Preview struct {
	RunID        string         `json:"run_id" format:"uuid"`
	Kind         string         `json:"kind" enum:"restore.preview,drift.report"`
	SourceTenant string         `json:"source_tenant"`
	BackupSetID  string         `json:"backup_set_id" format:"uuid"`
	SetRevision  int            `json:"set_revision" doc:"What was added to the set later is not looked at"`
	Options      RestoreOptions `json:"options"`
	CreatedAt    time.Time      `json:"created_at"`
	ReadyAt      *time.Time     `json:"ready_at" doc:"null until every item has its outcome"`
	Totals       map[string]int `json:"totals" doc:"By action; empty until it is ready"`
	RestoreRunID *string        `json:"restore_run_id" format:"uuid" doc:"The restore that has begun to do it: a preview serves once"`
}

// RestoreOptions say how to restore.
type RestoreOptions struct {
	Existing    *string `json:"existing" enum:"skip,overwrite,copy" doc:"null in drift reports, as all of the options"`
	CopySuffix  *string `json:"copy_suffix"`
	Assignments *string `json:"assignments" enum:"none,original,mapped"`
	AccessState *string `json:"access_state" enum:"keep,disabled,report_only,original"`
}

// PreviewItem is what a restore would do with one item of a set.
type PreviewItem struct {
	ItemID     string           `json:"item_id" format:"uuid" doc:"Of the set; of its own for what a drift report calls added"`
	PolicyType string           `json:"policy_type"`
	ExternalID string           `json:"external_id" doc:"Graph's id of the policy that was captured"`
	Name       string           `json:"name"`
	VersionID  *string          `json:"version_id" format:"uuid" doc:"What is restored"`
	Action     string           `json:"action" enum:"create,change,unchanged,skip,blocked,added,removed" doc:"added and removed: only in drift reports"`
	ReasonCode *string          `json:"reason_code"`
	TargetID   *string          `json:"target_id" doc:"The live object that it was matched with"`
	TargetName *string          `json:"target_name"`
	LiveHash   *string          `json:"live_hash" doc:"SHA-256 of that object's canonical form"`
	Diff       []Change         `json:"diff" doc:"From what is live to what it would become"`
	Warnings   []PreviewWarning `json:"warnings"`
}

// PreviewWarning is something that a person should know before a restore.
type PreviewWarning struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// DriftReport is how the live tenant differs from a set.
type DriftReport struct {
	RunID          string          `json:"run_id" format:"uuid"`
	BackupSetID    string          `json:"backup_set_id" format:"uuid"`
	SetRevision    int             `json:"set_revision"`
	Added          []LiveRef       `json:"added" doc:"Live, and not in the set"`
	Removed        []LiveRef       `json:"removed" doc:"In the set, and not live"`
	Changed        []DriftedPolicy `json:"changed"`
	Blocked        []LiveRef       `json:"blocked" doc:"Could not be compared; the items of the report say why"`
	UnchangedCount int             `json:"unchanged_count"`
}

// LiveRef names a policy that the inventory need not know.
type LiveRef struct {
	PolicyType string `json:"policy_type"`
	ExternalID string `json:"external_id" doc:"Graph's id"`
	Name       string `json:"name"`
}

// DriftedPolicy is a policy whose live content differs from the set's.
type DriftedPolicy struct {
	Policy LiveRef  `json:"policy"`
	Diff   []Change `json:"diff" doc:"From the set to what is live"`
}

type previewItemQuery struct {
	Paging
	Action     []string `query:"action,explode" enum:"create,change,unchanged,skip,blocked,added,removed"`
	PolicyType string   `query:"policy_type"`
}

func showPreview(p restore.Preview) Preview {
	v := Preview{
		RunID: string(p.RunID), Kind: string(p.Kind), SourceTenant: string(p.SourceTenant), BackupSetID: string(p.SetID),
		SetRevision: p.SetRevision, CreatedAt: p.CreatedAt.UTC(), ReadyAt: instant(p.ReadyAt), Totals: map[string]int{},
		RestoreRunID: text(p.RestoreRunID),
	}
	if p.Kind == runs.KindRestorePreview {
		v.Options = RestoreOptions{
			Existing: text(p.Options.Existing), CopySuffix: text(p.Options.CopySuffix),
			Assignments: text(p.Options.Assignments), AccessState: text(p.Options.Access),
		}
	}
	for action, n := range p.Totals {
		v.Totals[string(action)] = n
	}
	return v
}

func showPreviewItem(i restore.PreviewItem) PreviewItem {
	v := PreviewItem{
		ItemID: string(i.ItemID), PolicyType: string(i.Type), ExternalID: i.ExternalID, Name: i.Name, VersionID: text(i.VersionID),
		Action: string(i.Action), ReasonCode: text(i.Reason), TargetID: text(i.TargetID), TargetName: text(i.TargetName),
		Diff: each(i.Diff, showChange), Warnings: each(i.Warnings, func(w restore.Warning) PreviewWarning { return PreviewWarning(w) }),
	}
	if !i.LiveHash.IsZero() {
		v.LiveHash = text(i.LiveHash.String())
	}
	return v
}

func showDrift(p restore.Preview, d restore.Drift) DriftReport {
	return DriftReport{
		RunID: string(p.RunID), BackupSetID: string(p.SetID), SetRevision: p.SetRevision,
		Added: each(d.Added, showLive), Removed: each(d.Removed, showLive), Blocked: each(d.Blocked, showLive), UnchangedCount: d.UnchangedCount,
		Changed: each(d.Changed, func(c backupset.ChangedPolicy) DriftedPolicy {
			return DriftedPolicy{Policy: showLive(c.PolicyRef), Diff: each(c.Diff, showChange)}
		}),
	}
}

func showLive(p backupset.PolicyRef) LiveRef {
	return LiveRef{PolicyType: string(p.Type), ExternalID: p.ExternalID, Name: p.Name}
}

// previews registers what shows the outcome of previews and drift reports.
func (a *API) previews() {
	service := a.cfg.Restores
	add(a, route{
		id: "get-restore-preview", method: http.MethodGet, path: "restore-previews/{id}", action: runs.ActionLook, target: "run",
		summary: "A restore preview, or the head of a drift report", notes: "The id is that of its run.",
	}, func(ctx context.Context, c *call, _ *nothing, _ *nothing) (Preview, error) {
		p, err := service.Get(ctx, c.tenant, c.actor, c.id)
		return showPreview(p), err
	})
	add(a, route{
		id: "list-restore-preview-items", method: http.MethodGet, path: "restore-previews/{id}/items", action: runs.ActionLook, target: "run",
		summary: "What a preview or drift report says of each policy", notes: "In the order in which a restore goes.",
	}, func(ctx context.Context, c *call, q *previewItemQuery, _ *nothing) (List[PreviewItem], error) {
		var bad runs.InvalidError
		page := q.request(&bad)
		filter := restore.Filter{
			Actions: oneOf(&bad, "action", q.Action, restore.Create, restore.Change, restore.Unchanged, restore.Skip, restore.Blocked,
				restore.Added, restore.Removed),
			Type: graph.PolicyType(q.PolicyType),
		}
		if err := bad.Err(); err != nil {
			return List[PreviewItem]{}, err
		}
		list, err := service.Items(ctx, c.tenant, c.actor, c.id, filter, page)
		return listOf(list, showPreviewItem), err
	})
	add(a, route{
		id: "get-drift-report", method: http.MethodGet, path: "drift-reports/{id}", action: runs.ActionLook, target: "run",
		summary: "How the live tenant differs from a set", notes: "The id is that of its run.",
	}, func(ctx context.Context, c *call, _ *nothing, _ *nothing) (DriftReport, error) {
		found, err := service.Drift(ctx, c.tenant, c.actor, c.id)
		if err != nil {
			return DriftReport{}, err
		}
		p, err := service.Get(ctx, c.tenant, c.actor, c.id)
		return showDrift(p, found), err
	})
}
