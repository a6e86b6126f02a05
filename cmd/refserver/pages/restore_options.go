package pages

import (
	"errors"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// conditionalAccess is the type whose state is an option of its own.
const conditionalAccess = graph.PolicyType("conditionalAccessPolicy")

type pickOptionsData struct {
	*pickItemsData
	Suffix string // of copies
	Access bool   // policies of Conditional Access are among what is chosen
}

// pickOptions is the third page of the wizard: how to restore.
func pickOptions(v *visit) (answer, error) {
	s, err := v.selection(v.query)
	if err != nil {
		return nil, err
	}
	if s.Set == "" {
		return see{path: v.path("restore") + s.Query()}, nil
	}
	if s.empty() {
		return v.itemsPage(s, []runs.FieldError{{Field: "all", Code: "required", Message: "choose everything, a type, or at least one policy"}})
	}
	return v.optionsPage(s, nil)
}

func (v *visit) optionsPage(s selection, bad []runs.FieldError) (answer, error) {
	chosen, err := v.chosenSet(s)
	if err != nil {
		return nil, err
	}
	data := pickOptionsData{pickItemsData: chosen, Suffix: s.Options.CopySuffix}
	if data.Suffix == "" {
		data.Suffix = restore.DefaultCopySuffix
	}
	if data.Origin.Foreign && data.Selection.Options.Assignments == "" {
		// Ids of groups differ between tenants; what has no group of that name here is blocked, not lost.
		data.Selection.Options.Assignments = restore.MappedAssignments
	}
	is := func(t graph.PolicyType) bool { return t == conditionalAccess }
	data.Access = slices.ContainsFunc(chosen.Types, func(t restoreType) bool { return is(t.Type) && (t.Chosen || s.All) }) ||
		slices.ContainsFunc(chosen.Chosen, func(i backupset.Item) bool { return is(i.Type) })
	return page{template: "restore_options", title: "Restore: options", section: "restore", data: data, errors: bad}, nil
}

// startPreview starts the preview of what is chosen.
func startPreview(v *visit) (answer, error) {
	s, err := v.selection(v.form)
	if err != nil {
		return nil, err
	}
	if s.empty() {
		return v.itemsPage(s, []runs.FieldError{{Field: "all", Code: "required", Message: "choose everything, a type, or at least one policy"}})
	}
	set, err := v.cfg.Archive.Get(v.ctx(), v.source(s), v.actor, s.Set)
	if err != nil {
		return nil, err
	}
	ids, err := v.ids(s, set)
	if err != nil {
		return nil, err
	}
	if !s.All && len(ids) == 0 { // no item would mean all of them
		return v.itemsPage(s, []runs.FieldError{{Field: "all", Code: "required", Message: "nothing of that is in this backup set; choose again"}})
	}
	next, err := v.preview(set.ID, restore.PreviewParams{SourceTenant: s.From, ItemIDs: ids, Options: s.Options})
	var invalid *runs.InvalidError
	if errors.As(err, &invalid) {
		return v.optionsPage(s, withoutPrefix(invalid.Fields, "options."))
	}
	return next, err
}

// preview starts a preview and leads to its page.
func (v *visit) preview(set runs.ID, p restore.PreviewParams) (answer, error) {
	return v.previewed(v.cfg.Starter.Start(v.ctx(), v.tenant, v.actor, restore.PreviewRequest(set, p)))
}

// previewed leads to a preview that was started.
func (v *visit) previewed(run runs.Run, reused bool, err error) (answer, error) {
	if err != nil {
		return nil, err
	}
	next := see{path: v.path("restore", "previews", string(run.ID)), notice: "preview_started"}
	if reused {
		next.notice = "preview_reused"
	}
	return next, nil
}

// withoutPrefix names fields as the form does.
func withoutPrefix(fields []runs.FieldError, prefix string) []runs.FieldError {
	fields = slices.Clone(fields)
	for i := range fields {
		fields[i].Field = strings.TrimPrefix(fields[i].Field, prefix)
	}
	return fields
}
