package pages

import (
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// origin is where a set comes from, for people.
type origin struct {
	backupset.Origin
	Whose tenantWord // ids the policies have; empty when nobody knows

	Building  bool // what the file says is not known yet
	Elsewhere bool // the ids are not known to be those of the tenant that has the set
	Foreign   bool // nor those of the tenant of the page, where a restore goes
}

// tenantWord is what a tenant is called.
type tenantWord struct {
	Text string
	ID   bool // it is an id, as somebody says it, and not a name that the viewer knows
}

// tenantWord names a tenant that a file says. The text is no longer than that of a row.
func (v *visit) tenantWord(id graph.TenantID) tenantWord {
	if id == "" {
		return tenantWord{}
	}
	for _, t := range v.tenants {
		if t.ID == id {
			return tenantWord{Text: t.Name}
		}
	}
	w := tenantWord{Text: shortName(string(id)), ID: true}
	if strings.TrimSpace(w.Text) == "" {
		w.Text = "(blank)"
	}
	return w
}

// origins tell where sets of a tenant come from, with one query for all of them.
func (v *visit) origins(tenant graph.TenantID, sets ...backupset.BackupSet) (map[runs.ID]origin, error) {
	found, err := v.cfg.Archive.Origins(v.ctx(), tenant, v.actor, sets...)
	if err != nil {
		return nil, err
	}
	out := make(map[runs.ID]origin, len(sets))
	for _, s := range sets {
		o := found[s.ID]
		out[s.ID] = origin{
			Origin: o, Whose: v.tenantWord(o.TenantID), Building: o.Imported && s.Status == backupset.Building,
			Elsewhere: !o.Own(tenant), Foreign: !o.Own(v.tenant),
		}
	}
	return out, nil
}

// originOf is the origin of one set, and none of a set without id, as [visit.setOrNone] gives one.
func (v *visit) originOf(tenant graph.TenantID, set backupset.BackupSet) (origin, error) {
	if set.ID == "" {
		return origin{}, nil
	}
	found, err := v.origins(tenant, set)
	return found[set.ID], err
}
