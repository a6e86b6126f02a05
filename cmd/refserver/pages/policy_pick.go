package pages

import (
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// pickLimits: how many policies can be ticked one by one, and how many a search shows.
const (
	maxPicked = 100
	maxFound  = 50
)

// pick is the choice of single policies, for the part "pick": those that are ticked, and what a
// search found beside them. The search is a GET with the whole form in the address, so nothing
// that was typed is lost.
type pick struct {
	Search   string
	Type     string
	Types    []typeOption
	Searched bool
	Chosen   []backupset.Policy
	Found    []backupset.Policy
	More     bool // there are more than Found
}

// pick reads what is ticked and looks for what is searched.
func (v *visit) pick(form url.Values) (pick, error) {
	p := pick{Search: form.Get("q"), Type: form.Get("type")}
	p.Types = v.typeOptions(p.Type)
	p.Searched = form.Has("q") || form.Has("type")
	ids := pickedIDs(form)
	if len(ids) > maxPicked {
		return p, runs.Invalid("policy_ids", "policies_count", fmt.Sprintf("are more than %d; choose types instead, or add the others afterwards", maxPicked))
	}
	ids = slices.DeleteFunc(ids, func(id runs.ID) bool { return !id.Valid() })
	if len(ids) > 0 {
		chosen, err := v.cfg.Archive.Policies(v.ctx(), v.tenant, v.actor, backupset.PolicyFilter{IDs: ids}, runs.PageRequest{Limit: maxPicked})
		if err != nil {
			return p, err
		}
		p.Chosen = chosen.Items
	}
	if !p.Searched {
		return p, nil
	}
	there := false
	f := backupset.PolicyFilter{Search: p.Search, Type: graph.PolicyType(p.Type), Gone: &there}
	found, err := v.cfg.Archive.Policies(v.ctx(), v.tenant, v.actor, f, runs.PageRequest{Limit: maxFound})
	if err != nil {
		return p, err
	}
	p.More = found.NextCursor != ""
	p.Found = slices.DeleteFunc(found.Items, func(q backupset.Policy) bool {
		return slices.ContainsFunc(p.Chosen, func(c backupset.Policy) bool { return c.ID == q.ID })
	})
	return p, nil
}

// pickBeside is the same on a form of which other fields may not be right: bad, and with them what
// is not right about the pick.
func (v *visit) pickBeside(form url.Values, bad []runs.FieldError) (pick, []runs.FieldError, error) {
	p, err := v.pick(form)
	var invalid *runs.InvalidError
	if errors.As(err, &invalid) {
		return p, append(bad, invalid.Fields...), nil
	}
	return p, bad, err
}

// pickedIDs are the policies that a form names.
func pickedIDs(form url.Values) []runs.ID {
	var ids []runs.ID
	for _, s := range form["policy_ids"] {
		if s != "" && !slices.Contains(ids, runs.ID(s)) {
			ids = append(ids, runs.ID(s))
		}
	}
	return ids
}
