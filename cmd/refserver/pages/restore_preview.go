package pages

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// previewActions are what a preview may say, in the order of the page.
var previewActions = []restore.Action{restore.Create, restore.Change, restore.Blocked, restore.Skip, restore.Unchanged}

type previewData struct {
	following
	Set     backupset.BackupSet
	From    string // the name of another tenant
	Origin  origin
	Preview restore.Preview
	Options []string // in words
	Outcome outcome
	advance

	Overwrites int    // objects that would be changed
	Writes     int    // and those that would be made
	Unassigned bool   // assignments are left as they are
	Enables    bool   // Conditional Access as it was captured, which must be confirmed
	NoAccess   bool   // and no such policy would be written
	Retries    bool   // it finishes what a restore has begun: another one is a retry, too
	Change     string // leads back to the options
	Step1      string // to the choice of a set
	Step2      string // to the choice of policies
	Refused    string // why it was not restored, in words

	Reason, TenantName string // as typed
	Confirmed          bool
}

func previewBadge(a restore.Action) badge {
	switch a {
	case restore.Create:
		return badge{Word: "create", Icon: "plus", Tone: "good"}
	case restore.Change:
		return badge{Word: "change", Icon: "pencil", Tone: "warn"}
	case restore.Unchanged:
		return badge{Word: "unchanged", Icon: "check", Tone: "quiet"}
	case restore.Blocked:
		return badge{Word: "blocked", Icon: "stop", Tone: "bad"}
	}
	return badge{Word: string(a), Icon: "dash", Tone: "quiet"}
}

// showPreview follows a preview, then shows what it says and asks whether to do it.
func showPreview(v *visit) (answer, error) {
	data, err := v.previewOf(v.id())
	if err != nil {
		return nil, err
	}
	return page{template: "restore_preview", title: "Restore preview", section: "restore", data: data, follows: data.element()}, nil
}

func (v *visit) previewOf(id runs.ID) (*previewData, error) {
	f, p, err := v.follow(runs.KindRestorePreview, id)
	if err != nil {
		return nil, err
	}
	asked, err := previewParams(f.Run)
	if err != nil {
		return nil, err
	}
	data := &previewData{following: f, Preview: p, Retries: len(asked.Unfinished) > 0}
	source := v.tenant
	if asked.SourceTenant != "" && asked.SourceTenant != v.tenant {
		source, data.From = asked.SourceTenant, v.tenantName(asked.SourceTenant)
	}
	if data.Set, err = v.setOrNone(source, f.Run.Target.ID); err != nil {
		return nil, err
	}
	if data.Origin, err = v.originOf(source, data.Set); err != nil {
		return nil, err
	}
	data.Options, data.Change = optionWords(asked.Options), v.changeChoices(asked, f.Run.Target.ID)
	s := v.choices(asked, f.Run.Target.ID)
	data.Step1, data.Step2 = v.otherSet(s), v.path("restore", "items")+s.Query()
	if !f.Ready {
		return data, nil
	}
	data.Overwrites, data.Enables = p.Totals[restore.Change], p.Options.Access == restore.AccessOriginal
	data.Unassigned = p.Options.Assignments == restore.NoAssignments
	data.Writes = data.Overwrites + p.Totals[restore.Create]
	if data.Outcome, err = v.outcome(p, previewActions, previewBadge, diffLimits{before: "Live now", after: "After the restore"}); err != nil {
		return nil, err
	}
	if data.Enables {
		written, err := v.cfg.Restores.Items(v.ctx(), v.tenant, v.actor, id,
			restore.Filter{Type: conditionalAccess, Actions: []restore.Action{restore.Create, restore.Change}}, runs.PageRequest{Limit: 1})
		if err != nil {
			return nil, err
		}
		data.NoAccess = len(written.Items) == 0
	}
	data.advance, err = v.inAdvance(p, len(asked.ItemIDs) > 0)
	return data, err
}

// previewParams are what somebody asked of a preview.
func previewParams(r runs.Run) (restore.PreviewParams, error) {
	var p restore.PreviewParams
	err := json.Unmarshal(r.Params, &p)
	return p, err
}

// optionWords are the options of a preview in sentences.
func optionWords(o restore.Options) []string {
	words := []string{
		map[restore.Existing]string{
			restore.Overwrite: "Policies that exist and differ are overwritten.", restore.CreateCopy: "Policies that exist are restored as copies.",
		}[o.Existing],
		map[restore.Assignments]string{
			restore.OriginalAssignments: "Assignments go to the very groups of the backup.", restore.MappedAssignments: "Assignments go to groups of the same name and rule.",
		}[o.Assignments],
		map[restore.AccessState]string{
			restore.AccessDisabled: "Conditional Access comes back disabled.", restore.AccessReportOnly: "Conditional Access comes back as report-only.", restore.AccessOriginal: "Conditional Access comes back as it was captured.",
		}[o.Access],
	}
	for i, safe := range []string{"Policies that exist are left alone.", "Assignments are left as they are.", "Conditional Access that exists keeps its state or the backup's, whichever is weaker; what is made anew is disabled."} {
		if words[i] == "" {
			words[i] = safe
		}
	}
	return words
}

// choices are what was chosen for a preview. Single policies that are too many for an address are
// left out.
func (v *visit) choices(p restore.PreviewParams, set runs.ID) selection {
	s := selection{From: p.SourceTenant, Set: set, All: len(p.ItemIDs) == 0, Options: p.Options}
	if len(p.ItemIDs) <= mostSingles {
		s.Items = p.ItemIDs
	}
	return s
}

// changeChoices is the page of the options with what was chosen for a preview. Where that is too
// much for an address, it is the page before, with the set and the options.
func (v *visit) changeChoices(p restore.PreviewParams, set runs.ID) string {
	s := v.choices(p, set)
	if s.empty() {
		return v.path("restore", "items") + s.Query()
	}
	return v.path("restore", "options") + s.Query()
}

// previewAgain starts a preview with the choices of another one. That of a retry is made by a retry
// again, which alone knows what the restore has begun.
func previewAgain(v *visit) (answer, error) {
	f, old, err := v.follow(runs.KindRestorePreview, v.id())
	if err != nil {
		return nil, err
	}
	p, err := previewParams(f.Run)
	if err != nil {
		return nil, err
	}
	if err := v.mayTakeFrom(p.SourceTenant); err != nil {
		return nil, err
	}
	if len(p.Unfinished) > 0 {
		run, reused, err := v.cfg.Starter.Retry(v.ctx(), v.tenant, v.actor, cmp.Or(old.RestoreRunID, f.Run.RetryOf))
		var conflict *runs.ConflictError
		if !errors.As(err, &conflict) { // a restore that is at work or did all leaves nothing to finish
			return v.previewed(run, reused, err)
		}
	}
	p.SetRevision = 0 // the set as it is now
	return v.preview(f.Run.Target.ID, p)
}

// startRestore does what a preview says. It must be named, and where something is overwritten
// the tenant's name must be typed.
func startRestore(v *visit) (answer, error) {
	id := runs.ID(v.form.Get("preview"))
	if id == "" {
		return nil, runs.Invalid("preview", "required", "is missing: a restore does what a preview says, so open the preview and confirm it there")
	}
	v.address = v.path("restore", "previews", string(id))
	data, err := v.previewOf(id)
	if err != nil {
		return nil, err
	}
	data.Reason, data.TenantName, data.Confirmed = v.form.Get("reason"), v.form.Get("tenant_name"), v.form.Get("confirm") != ""
	var bad runs.InvalidError
	if data.Overwrites > 0 && !asShown(strings.TrimSpace(data.TenantName), v.here.Name) {
		bad.Add("tenant_name", "tenant_name_differs", "type the name of the tenant exactly as it is shown: something is overwritten")
	}
	if strings.TrimSpace(data.Reason) == "" {
		bad.Add("reason", "reason_length", "is required: it stands in the audit log")
	}
	if data.Enables && !data.Confirmed {
		bad.Add("confirm", "confirm_required", "confirm it: people may be locked out")
	}
	again := page{template: "restore_preview", title: "Restore preview", section: "restore", data: data}
	if data.Ready && data.Preview.RestoreRunID == "" && bad.Err() != nil {
		again.errors = bad.Fields
		return again, nil
	}
	if data.Active { // it may be ready by now, but what it overwrites was not looked at above
		data.Refused, again.status = refusedWords(&runs.ConflictError{Code: "preview_not_ready"}), http.StatusConflict
		return again, nil
	}
	run, _, err := v.cfg.Starter.Start(v.ctx(), v.tenant, v.actor, restore.ExecuteRequest(id, data.Reason, data.Confirmed))
	var invalid *runs.InvalidError
	var conflict *runs.ConflictError
	switch {
	case errors.As(err, &invalid):
		again.errors = invalid.Fields
		return again, nil
	case errors.As(err, &conflict):
		data.Refused, again.status = refusedWords(conflict), http.StatusConflict
		return again, nil
	case err != nil:
		return nil, err
	}
	return see{path: v.path("runs", string(run.ID)), notice: "restore_started"}, nil
}

func refusedWords(c *runs.ConflictError) string {
	switch c.Code {
	case "preview_stale":
		return "This preview is too old to say what is live now. Nothing was restored."
	case "preview_used":
		return "This preview has been restored already. It serves once."
	case "preview_not_ready":
		return "This preview is still being made. Wait for it, then confirm."
	}
	return sentence(c.Message)
}
