package pages

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// comparisons registers what shows two states side by side.
func (p *Pages) comparisons() {
	p.add(route{method: http.MethodGet, path: "sets/{id}/compare", action: runs.ActionLook, target: "backup_set"}, compareSets)
	canon := backupset.NewCanonicalizer(p.cfg.Catalogue)
	p.add(route{method: http.MethodGet, path: "policies/{id}/versions/{version}/diff", action: runs.ActionLook, target: "policy"},
		func(v *visit) (answer, error) { return compareVersions(v, canon) })
	p.add(route{method: http.MethodGet, path: "drift/{id}", action: runs.ActionLook, target: "run"}, showDrift)
}

type compareData struct {
	Before, After backupset.BackupSet
	Offer         setOffer // to compare with
	Chosen        bool     // Before is known
	Of, To        origin   // of Before and of After

	Counts    []choice // by what happened
	Types     []choice
	Type      string
	Unchanged int
	Entries   []entry
	Total     int // of the entries that the filters leave
	Pager     pager
	Gaps      []setGaps // the sets that do not speak for all types
	One       bool      // a single policy with all its differences
	All       string    // back from there
}

// Alike tells whether nothing differs of what can be compared.
func (d compareData) Alike() bool { return d.Counts[0].Count == 0 }

// Apart tells whether the ids of the two sets are not known to be those of one tenant.
func (d compareData) Apart() bool { return d.Of.TenantID == "" || d.Of.TenantID != d.To.TenantID }

// compareEntry is a policy of a comparison before it is prepared for showing.
type compareEntry struct {
	what   string
	ref    backupset.PolicyRef
	diff   []backupset.Change
	missed runs.ID // the set that may have missed it, when that is uncertain
}

// comparedBadges are what may have happened to a policy, in the order of the page.
var comparedBadges = []struct {
	what  string
	badge badge
}{
	{"changed", badge{Word: "changed", Icon: "pencil", Tone: "busy"}},
	{"added", badge{Word: "added", Icon: "plus", Tone: "good"}},
	{"removed", badge{Word: "removed", Icon: "minus", Tone: "bad"}},
	{"uncertain", badge{Word: "uncertain", Icon: "question", Tone: "warn"}},
}

func compareSets(v *visit) (answer, error) {
	archive := v.cfg.Archive
	data := compareData{}
	var err error
	if data.After, err = archive.Get(v.ctx(), v.tenant, v.actor, v.id()); err != nil {
		return nil, err
	}
	pg := page{template: "compare", title: "Compare backup sets", section: "sets"}
	with := runs.ID(v.query.Get("with"))
	if with == "" {
		var likely []backupset.BackupSet
		if v.query.Get("cursor") == "" && v.query.Get("schedule") == "" {
			before, err := v.before(data.After)
			switch {
			case err == nil:
				likely = append(likely, before)
			case !errors.Is(err, runs.ErrNotFound):
				return nil, err
			}
		}
		data.Offer, err = v.offerSets(data.After, likely...)
		pg.data = data
		return pg, err
	}
	if data.Before, err = archive.Get(v.ctx(), v.tenant, v.actor, with); err != nil {
		return nil, err
	}
	data.Chosen = true
	if data.Offer, err = v.offerSets(data.After, data.Before); err != nil {
		return nil, err
	}
	origins, err := v.origins(v.tenant, data.Before, data.After)
	if err != nil {
		return nil, err
	}
	data.Of, data.To = origins[data.Before.ID], origins[data.After.ID]
	found, err := archive.Compare(v.ctx(), v.tenant, v.actor, with, v.id())
	if err != nil {
		return nil, err
	}
	data.Unchanged = found.UnchangedCount
	if data.Gaps, err = v.gaps(found.Gaps, data.Before, data.After); err != nil {
		return nil, err
	}
	err = data.fill(v, compared(found))
	pg.data = data
	return pg, err
}

// compared is a comparison as one list.
func compared(c backupset.Comparison) []compareEntry {
	var list []compareEntry
	for _, p := range c.Changed {
		list = append(list, compareEntry{what: "changed", ref: p.PolicyRef, diff: p.Diff})
	}
	for _, refs := range []struct {
		what string
		refs []backupset.PolicyRef
	}{{"added", c.Added}, {"removed", c.Removed}} {
		for _, ref := range refs.refs {
			list = append(list, compareEntry{what: refs.what, ref: ref})
		}
	}
	for _, p := range c.Uncertain {
		list = append(list, compareEntry{what: "uncertain", ref: p.PolicyRef, missed: p.MissingFrom})
	}
	return list
}

// fill counts the list, filters it as the address says, and prepares one page of it.
func (d *compareData) fill(v *visit, all []compareEntry) error {
	from, err := v.number("from")
	if err != nil {
		return err
	}
	change, err := v.differences()
	if err != nil {
		return err
	}
	what, one := v.query.Get("what"), runs.ID(v.query.Get("policy"))
	d.Type, d.One = v.query.Get("type"), one != ""
	counts, types := map[string]int{}, map[graph.PolicyType]int{}
	var left []compareEntry
	for _, e := range all {
		counts[e.what]++
		types[e.ref.Type]++
		if (what == "" || what == e.what) && (d.Type == "" || d.Type == string(e.ref.Type)) && (one == "" || one == e.ref.PolicyID) {
			left = append(left, e)
		}
	}
	var bad runs.InvalidError
	var whats []string
	for _, b := range comparedBadges {
		whats = append(whats, b.what)
	}
	oneOf(v, &bad, "what", whats)
	v.typeOf(&bad, "type", slices.Collect(maps.Keys(types))...)
	if err := bad.Err(); err != nil {
		return err
	}
	d.Total, d.Types = len(left), v.countedTypes(types, d.Type)
	for _, b := range comparedBadges {
		d.Counts = append(d.Counts, choice{Value: b.what, Label: b.badge.Word, Count: counts[b.what], Current: what == b.what,
			Path: v.with("what", b.what, "from", "", "policy", "", "change", "")})
	}
	d.Counts = append([]choice{{Label: "all", Count: len(all), Current: what == "", Path: v.with("what", "", "from", "", "policy", "", "change", "")}}, d.Counts...)
	d.All = v.with("policy", "", "change", "")
	from = min(from, len(left))
	to := min(from+pageSize, len(left))
	budget := diffPageBytes
	for _, e := range left[from:to] {
		d.Entries = append(d.Entries, v.comparedEntry(e, change, d.One, &budget))
	}
	if from > 0 {
		d.Pager.First = v.with("from", "")
	}
	if to < len(left) {
		d.Pager.Next = v.with("from", strconv.Itoa(to))
	}
	return nil
}

func (v *visit) comparedEntry(c compareEntry, change int, one bool, budget *int) entry {
	e := entry{Name: shownName(c.ref.Name, c.ref.ExternalID), Type: v.typeName(c.ref.Type), Link: v.policyPath(c.ref.PolicyID), Open: one}
	for _, b := range comparedBadges {
		if b.what == c.what {
			e.Badge = b.badge
		}
	}
	switch c.missed {
	case "":
	case v.id():
		e.Why = "It is in the set before only. The set after could not capture all policies of this type, so nobody can say whether it was still there."
	default:
		e.Why = "It is in the set after only. The set before could not capture all policies of this type, so nobody can say whether it was there already."
	}
	l := diffLimits{before: "Before", after: "After", most: diffInAList, budget: budget, at: func(n int) string {
		return v.with("policy", string(c.ref.PolicyID), "change", strconv.Itoa(n), "from", "")
	}}
	if one {
		l.most, l.from, l.own = diffOnItsOwn, change, true
	}
	e.fold(c.diff, l)
	return e
}
