package pages

import (
	"cmp"
	"errors"
	"net/url"
	"strings"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
)

// newSetData is the form of a set that is made by hand.
type newSetData struct {
	Run         runs.ID // that fills it
	Name        string
	What        string // types, policies or everything
	Foundations bool
	Types       []typeGroup
	Pick        pick
}

// newSet shows the form; what the address says is filled in, so that a search within it works.
func newSet(v *visit) (answer, error) { return v.newSetPage(v.query, nil) }

func (v *visit) newSetPage(form url.Values, bad []runs.FieldError) (answer, error) {
	data := newSetData{Run: cmp.Or(runID(form.Get("run")), v.cfg.Starter.Guard().NewID()), Name: form.Get("name"), What: form.Get("what"), Foundations: form.Get("include_foundations") != ""}
	switch data.What {
	case "types", "policies", "everything":
	default:
		data.What = "types"
		if form.Has("policy_ids") {
			data.What = "policies"
		}
	}
	data.Types = v.typeGroups(chosenTypes(form["policy_types"]))
	var err error
	if data.Pick, bad, err = v.pickBeside(form, bad); err != nil {
		return nil, err
	}
	return page{template: "set_new", title: "New backup set", section: "sets", data: data, errors: bad}, nil
}

func createSet(v *visit) (answer, error) {
	var bad runs.InvalidError
	sel := capture.Selection{}
	switch v.form.Get("what") {
	case "everything":
		sel.Everything = true
	case "policies":
		if sel.PolicyIDs = pickedIDs(v.form); len(sel.PolicyIDs) == 0 {
			bad.Add("policy_ids", "policies_count", "tick at least one policy; search for them by name")
		}
		if len(sel.PolicyIDs) > maxPicked {
			return v.newSetPage(v.form, nil) // it says so
		}
	default:
		sel.IncludeFoundations = v.form.Get("include_foundations") != ""
		if sel.PolicyTypes = chosenTypes(v.form["policy_types"]); len(sel.PolicyTypes) == 0 {
			bad.Add("policy_types", "policy_types_required", "tick at least one type")
		}
	}
	req := capture.CreateSetRequest(v.form.Get("name"), sel)
	req.ID = runID(v.form.Get("run"))
	if checkName(&bad, req.SetName); strings.TrimSpace(req.SetName) == "" {
		bad.Add("name", "name_required", "is required")
	}
	var a answer
	err := bad.Err()
	if err == nil {
		a, err = v.start(req)
	}
	var invalid *runs.InvalidError
	if errors.As(err, &invalid) {
		return v.newSetPage(v.form, invalid.Fields)
	}
	return a, err
}

// addData is the form that adds policies to a set.
type addData struct {
	Set  backupset.BackupSet
	Pick pick
}

// addPage shows what can be added to a set that was made by hand.
func addPage(v *visit) (answer, error) { return v.addPolicies(v.query, nil) }

func (v *visit) addPolicies(form url.Values, bad []runs.FieldError) (answer, error) {
	set, err := v.cfg.Archive.Get(v.ctx(), v.tenant, v.actor, v.id())
	if err != nil {
		return nil, err
	}
	from, err := v.originOf(v.tenant, set)
	switch {
	case err != nil:
		return nil, err
	case from.Imported:
		return nil, runs.Conflict("set_imported", "the backup set was imported and never changes; make a set by hand")
	case set.ScheduleID != "":
		return nil, runs.Conflict("set_of_schedule", "the backup set was made by a schedule and never changes; make a set by hand")
	}
	data := addData{Set: set}
	if data.Pick, bad, err = v.pickBeside(form, bad); err != nil {
		return nil, err
	}
	return page{template: "set_add", title: "Add policies to " + titled(set.Name), section: "sets", data: data, errors: bad}, nil
}

func addToSet(v *visit) (answer, error) {
	ids := pickedIDs(v.form)
	switch {
	case len(ids) == 0:
		return v.addPolicies(v.form, []runs.FieldError{{Field: "policy_ids", Code: "policies_count", Message: "tick at least one policy; search for them by name"}})
	case len(ids) > maxPicked:
		return v.addPolicies(v.form, nil) // it says so
	}
	a, err := v.start(capture.AddPoliciesRequest(v.id(), ids))
	var invalid *runs.InvalidError
	if errors.As(err, &invalid) {
		return v.addPolicies(v.form, invalid.Fields)
	}
	return a, err
}
