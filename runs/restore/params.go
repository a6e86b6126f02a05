package restore

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// PreviewParams are the parameters of a [runs.KindRestorePreview] run.
type PreviewParams struct {
	// SourceTenant is whose set it is. Defaults to the target, the run's own tenant.
	SourceTenant graph.TenantID `json:"source_tenant,omitempty"`

	// ItemIDs are the items of the set to restore; none means all.
	ItemIDs []runs.ID `json:"item_ids,omitempty"`

	Options Options `json:"options"`

	// SetRevision is set by [Requests]: what is added to the set later is not restored.
	SetRevision int `json:"set_revision,omitempty"`

	// Origin is set by [Requests] for a set that was imported: whose ids it has, when they are not
	// known to be SourceTenant's. They are then taken for those of another tenant.
	Origin graph.TenantID `json:"origin,omitempty"`

	// Unfinished is set by [Requests] when a restore is retried: the items whose objects it made
	// or began to change. They are finished, whatever the options say of what exists.
	Unfinished []runs.ID `json:"unfinished,omitempty"`
}

// DriftParams are the parameters of a [runs.KindDriftReport] run.
type DriftParams struct {
	ItemIDs     []runs.ID `json:"item_ids,omitempty"` // items to compare; none means the whole set
	SetRevision int       `json:"set_revision,omitempty"`

	Origin graph.TenantID `json:"origin,omitempty"` // as in [PreviewParams]
}

// ExecuteParams are the parameters of a [runs.KindRestoreExecute] run.
type ExecuteParams struct {
	PreviewRunID runs.ID `json:"preview_run_id"`
	Reason       string  `json:"reason"` // why, in the words of who asked; redacted

	// Confirm says that the actor knows what the options' [AccessOriginal] means.
	Confirm bool `json:"confirm,omitempty"`

	Origin graph.TenantID `json:"origin,omitempty"` // as in [PreviewParams]
}

// PreviewRequest asks for a preview of restoring a set into the tenant that the run is
// started in.
func PreviewRequest(set runs.ID, p PreviewParams) runs.Request {
	o := p.Options.withDefaults()
	return runs.Request{
		Kind:   runs.KindRestorePreview,
		Key:    "preview:" + string(set) + ":" + digest(p.ItemIDs, string(p.SourceTenant), string(o.Existing), o.CopySuffix, string(o.Assignments), string(o.Access)),
		Target: runs.Target{Type: "backup_set", ID: set},
		Params: params(p),
	}
}

// DriftRequest asks how the live tenant differs from a set of its own.
func DriftRequest(set runs.ID, p DriftParams) runs.Request {
	return runs.Request{
		Kind:   runs.KindDriftReport,
		Key:    "drift:" + string(set) + ":" + digest(p.ItemIDs),
		Target: runs.Target{Type: "backup_set", ID: set},
		Params: params(p),
	}
}

// ExecuteRequest asks to do what a preview says. confirm is needed for previews with
// [AccessOriginal].
func ExecuteRequest(preview runs.ID, reason string, confirm bool) runs.Request {
	return runs.Request{
		Kind:   runs.KindRestoreExecute,
		Key:    "restore:" + string(preview),
		Target: runs.Target{Type: "run", ID: preview}, // the set, once Requests has looked at the preview
		Params: params(ExecuteParams{PreviewRunID: preview, Reason: strings.TrimSpace(reason), Confirm: confirm}),
	}
}

// digest tells selections apart whose order does not matter.
func digest(ids []runs.ID, more ...string) string {
	h := sha256.New()
	sorted := slices.Clone(ids)
	slices.Sort(sorted)
	for _, id := range slices.Compact(sorted) {
		h.Write([]byte(id))
		h.Write([]byte{0})
	}
	for _, text := range more {
		h.Write([]byte{1})
		h.Write([]byte(text))
	}
	return hex.EncodeToString(h.Sum(nil))[:32]
}

func params(v any) json.RawMessage {
	raw, _ := json.Marshal(v) // ids, texts and bools always marshal
	return raw
}
