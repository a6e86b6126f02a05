package pages

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// entry is a policy in a comparison, a drift report or a preview: what is with it, why, and the
// difference folded.
type entry struct {
	Badge    badge
	Name     string
	Type     string    // in words
	Link     string    // the policy's page; empty when there is none
	Sub      string    // what it is matched with
	Why      string    // the reason in words
	Missing  []missing // what it refers to and the tenant does not have, the first ones
	More     int       // how many others
	Warnings []string
	Summary  string // of the folded difference: "2 changed: Description, Settings › x"
	Diff     *diffView
	Open     bool // the difference is not folded
}

// shownName is the name of a policy in a row, an option or a title.
func shownName(name, id string) string { return shortName(wholeName(name, id)) }

// wholeName is the name of a policy, which may have none.
func wholeName(name, id string) string {
	if name = visible(name); name != "" {
		return name
	}
	return "(no name, " + visible(id) + ")"
}

// policyPath is the page of a policy of the inventory.
func (v *visit) policyPath(id runs.ID) string {
	if id == "" {
		return ""
	}
	return v.path("policies", string(id))
}

// fold adds a difference to an entry of a list.
func (e *entry) fold(changes []backupset.Change, l diffLimits) {
	if len(changes) == 0 {
		return
	}
	d := newDiff(changes, l)
	e.Diff, e.Summary = &d, diffSummary(changes)
}

// differences reads from which change on the address wants to see a difference.
func (v *visit) differences() (int, error) {
	return v.number("change")
}

// number reads a number of the address that is not negative; 0 when it is not there.
func (v *visit) number(name string) (int, error) {
	s := v.query.Get(name)
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0, runs.Invalid(name, "number_invalid", "must be a whole number, 0 or more")
	}
	return n, nil
}

// choice is a link or an option that narrows a list.
type choice struct {
	Value, Label string
	Count        int
	Path         string
	Current      bool
}

// countedTypes lists policy types by their names, each with a count, for a filter.
func (v *visit) countedTypes(counts map[graph.PolicyType]int, current string) []choice {
	var list []choice
	for t, n := range counts {
		list = append(list, choice{Value: string(t), Label: v.typeName(t), Count: n, Current: string(t) == current})
	}
	slices.SortFunc(list, func(a, b choice) int {
		return cmp.Or(cmp.Compare(a.Label, b.Label), cmp.Compare(a.Value, b.Value))
	})
	return list
}
