package pages

import (
	"net/url"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// selection is what somebody has chosen in the restore wizard so far. It lives in the address
// and in forms, so that Back, reload and links work.
type selection struct {
	From  graph.TenantID // whose set it is, when it is another tenant's
	Set   runs.ID
	All   bool // everything of the set
	Types []graph.PolicyType
	Items []runs.ID // single ones

	Options restore.Options
}

// mostSingles is how many policies can be picked one by one, since they stand in the address.
const mostSingles = 200

// selection reads what is chosen from the address or a form.
func (v *visit) selection(q url.Values) (selection, error) {
	s := selection{
		From: graph.TenantID(q.Get("from")), Set: runs.ID(q.Get("set")), All: q.Get("all") != "",
		Options: restore.Options{
			Existing: restore.Existing(q.Get("existing")), CopySuffix: q.Get("copy_suffix"),
			Assignments: restore.Assignments(q.Get("assignments")), Access: restore.AccessState(q.Get("access_state")),
		},
	}
	if s.Options.Existing != restore.CreateCopy {
		s.Options.CopySuffix = "" // the field stands on the page in any case
	}
	for _, t := range q["type"] {
		if t := graph.PolicyType(t); t != "" && !slices.Contains(s.Types, t) {
			s.Types = append(s.Types, t)
		}
	}
	for _, id := range q["item"] {
		if id := runs.ID(id); id.Valid() && !slices.Contains(s.Items, id) {
			s.Items = append(s.Items, id)
		}
	}
	if s.From == v.tenant {
		s.From = ""
	}
	if len(s.Items) > mostSingles {
		return s, runs.Invalid("item", "items_many", "at most 200 policies can be picked one by one; pick whole types instead")
	}
	return s, v.mayTakeFrom(s.From)
}

// empty tells whether nothing is chosen.
func (s selection) empty() bool { return !s.All && len(s.Types) == 0 && len(s.Items) == 0 }

// Query is the selection as the query of an address.
func (s selection) Query() string {
	q := url.Values{}
	add := func(name, value string) {
		if value != "" {
			q.Add(name, value)
		}
	}
	add("from", string(s.From))
	add("set", string(s.Set))
	if s.All {
		q.Set("all", "yes")
	}
	for _, t := range s.Types {
		add("type", string(t))
	}
	for _, id := range s.Items {
		add("item", string(id))
	}
	add("existing", string(s.Options.Existing))
	add("copy_suffix", s.Options.CopySuffix)
	add("assignments", string(s.Options.Assignments))
	add("access_state", string(s.Options.Access))
	return "?" + q.Encode()
}

// mayTakeFrom refuses another tenant as the source to whom may not restore across tenants. One
// that is none of the actor's is refused without a line in its audit log.
func (v *visit) mayTakeFrom(source graph.TenantID) error {
	if source == "" || source == v.tenant {
		return nil
	}
	if !slices.ContainsFunc(v.tenants, func(t Tenant) bool { return t.ID == source }) {
		v.cfg.Logger.WarnContext(v.ctx(), "a stranger was refused", "route", v.req.Pattern, "actor", v.actor.ID)
		return runs.ErrForbidden
	}
	guard := v.cfg.Starter.Guard()
	for _, tenant := range []graph.TenantID{v.tenant, source} {
		if err := guard.Allow(v.ctx(), tenant, v.actor, runs.ActionRestoreAcross, runs.Target{Type: "tenant"}); err != nil {
			return err
		}
	}
	return nil
}

// source is the tenant whose set is chosen.
func (v *visit) source(s selection) graph.TenantID {
	if s.From != "" {
		return s.From
	}
	return v.tenant
}

// sources are the tenants whose sets the actor may restore here, this one first. It is nil when
// there is no other.
func (v *visit) sources() ([]Tenant, error) {
	if !v.may(runs.ActionRestoreAcross) {
		return nil, nil
	}
	list := []Tenant{v.here}
	for _, t := range v.tenants {
		if t.ID == v.tenant {
			continue
		}
		allowed, err := v.cfg.Starter.Guard().May(v.ctx(), t.ID, v.actor, runs.ActionRestoreAcross)
		if err != nil {
			return nil, err
		}
		if allowed {
			list = append(list, t)
		}
	}
	if len(list) == 1 {
		return nil, nil
	}
	return list, nil
}

// tenantName is what a tenant of the actor is called.
func (v *visit) tenantName(id graph.TenantID) string {
	for _, t := range v.tenants {
		if t.ID == id {
			return t.Name
		}
	}
	return string(id)
}

// ids are the items that are chosen; none when everything is.
func (v *visit) ids(s selection, set backupset.BackupSet) ([]runs.ID, error) {
	if s.All {
		return nil, nil
	}
	list := slices.Clone(s.Items)
	known := map[runs.ID]bool{}
	for _, id := range list {
		known[id] = true
	}
	for _, t := range s.Types {
		err := v.eachItem(s, set, backupset.SetItemFilter{Type: t}, func(i backupset.Item) bool {
			if !known[i.ID] {
				list = append(list, i.ID)
			}
			return true
		})
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

// eachItem walks over items of the chosen set until do says that it is enough.
func (v *visit) eachItem(s selection, set backupset.BackupSet, f backupset.SetItemFilter, do func(backupset.Item) bool) error {
	pr := runs.PageRequest{Limit: runs.MaxPageSize}
	for {
		got, err := v.cfg.Archive.Items(v.ctx(), v.source(s), v.actor, set.ID, f, pr)
		if err != nil {
			return err
		}
		for _, i := range got.Items {
			if !do(i) {
				return nil
			}
		}
		if pr.Cursor = got.NextCursor; pr.Cursor == "" {
			return nil
		}
	}
}
