package bunstore

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// ListPreviewItems implements [restore.Store].
func (s *Store) ListPreviewItems(ctx context.Context, tenant graph.TenantID, preview runs.ID, filter restore.Filter, slice runs.Slice) (list []restore.PreviewItem, err error) {
	c := where("t.preview_id = ?", uidOf(preview))
	andIn(c, "t.action", filter.Actions)
	if filter.Type != "" {
		c.and("t.type = ?", text(filter.Type))
	}
	andIDs(c, "t.item_id", filter.ItemIDs)
	if !slice.After.IsZero() {
		place, err := position(slice.After)
		if err != nil {
			return nil, err
		}
		c.and("t.place > ?", num(place))
	}
	err = s.view(ctx, tenant, func(q querier) error {
		if _, err := s.preview(ctx, q, tenant, uidOf(preview)); err != nil {
			return err
		}
		rows, err := find[previewItemRow](ctx, s, q, c.tail("t.place", slice), c.args...)
		if err != nil {
			return err
		}
		list, err = mapRows(rows, (*previewItemRow).item)
		return err
	})
	return list, err
}

// inParts calls fn with the ids as lists for conditions, each short enough.
func inParts(ids []uid, fn func(in any) error) error {
	for part := range slices.Chunk(ids, maxInList) {
		if err := fn(valuesOf(part)); err != nil {
			return err
		}
	}
	return nil
}

type previewItemRow struct {
	TenantID          ident
	PreviewID, ItemID uid
	Position          num
	Type              text
	ExternalID        ident
	Name              text
	VersionID         uid
	Action, Reason    text
	TargetID          ident
	TargetName        text
	LiveHash          digest // zeros without one
	Warnings, Diff    text   // JSON
}

var previewItemsTable = &table{name: "preview_items", key: 3, columns: []string{
	"tenant_id", "preview_id", "item_id", "place", "type", "external_id", "name", "version_id", "action", "reason",
	"target_id", "target_name", "live_hash", "warnings", "diff",
}}

func (*previewItemRow) table() *table { return previewItemsTable }

func (r *previewItemRow) columns() []column {
	return []column{
		&r.TenantID, &r.PreviewID, &r.ItemID, &r.Position, &r.Type, &r.ExternalID, &r.Name, &r.VersionID, &r.Action, &r.Reason,
		&r.TargetID, &r.TargetName, &r.LiveHash, &r.Warnings, &r.Diff,
	}
}

func previewItemRowOf(p *previewRow, i *restore.PreviewItem) (previewItemRow, error) {
	var f fields
	r := previewItemRow{
		TenantID: p.TenantID, PreviewID: p.RunID, ItemID: f.key("outcomes.item_id", i.ItemID), Position: num(i.Position), Type: text(i.Type),
		ExternalID: ident(i.ExternalID), Name: text(i.Name), VersionID: f.id("outcomes.version_id", i.VersionID), Action: text(i.Action),
		Reason: text(i.Reason), TargetID: ident(i.TargetID), TargetName: text(i.TargetName), LiveHash: digest(i.LiveHash),
	}
	if !slices.Contains(actions, i.Action) {
		f.bad.Add("outcomes.action", "action_unknown", "must be one of the actions of package restore")
	}
	if i.Type == "" {
		f.bad.Add("outcomes.type", "required", "is required")
	}
	if err := f.bad.Err(); err != nil {
		return r, err
	}
	var err error
	if r.Warnings, err = jsonText(i.Warnings, len(i.Warnings)); err != nil {
		return r, err
	}
	r.Diff, err = diffText(i.Diff)
	return r, err
}

// diffText writes values as they are: escaping what only HTML minds would make them longer.
func diffText(diff []backupset.Change) (text, error) {
	if len(diff) == 0 {
		return "", nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(diff); err != nil {
		return "", runs.Invalid("outcomes.diff", "diff_invalid", "has a value that is no JSON")
	}
	return text(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil
}

func (r *previewItemRow) item() (restore.PreviewItem, error) {
	i := restore.PreviewItem{
		PreviewID: r.PreviewID.id(), ItemID: r.ItemID.id(), Position: int(r.Position), Type: graph.PolicyType(r.Type), ExternalID: string(r.ExternalID),
		Name: string(r.Name), VersionID: r.VersionID.id(), Action: restore.Action(r.Action), Reason: runs.Reason(r.Reason),
		TargetID: string(r.TargetID), TargetName: string(r.TargetName), LiveHash: backupset.Hash(r.LiveHash),
	}
	if err := fromJSON(r, r.Warnings, &i.Warnings); err != nil {
		return i, err
	}
	return i, fromJSON(r, r.Diff, &i.Diff)
}
