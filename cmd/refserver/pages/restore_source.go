package pages

import (
	"errors"
	"net/url"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// sourceSets names the sets of other tenants that previews and restores are of, by the run. The
// sets of this tenant have their names in names, and are left out.
func (v *visit) sourceSets(list []runs.Run, names map[runs.ID]string) (map[runs.ID]subject, error) {
	sources, wanted := map[runs.ID]graph.TenantID{}, map[graph.TenantID]map[runs.ID]bool{}
	for _, r := range list {
		if _, own := names[r.Target.ID]; own || r.Target.Type != "backup_set" {
			continue
		}
		source, err := v.sourceOf(r)
		if err != nil {
			return nil, err
		}
		if source == "" || source == v.tenant {
			continue
		}
		if wanted[source] == nil {
			wanted[source] = map[runs.ID]bool{}
		}
		sources[r.ID], wanted[source][r.Target.ID] = source, true
	}
	found := map[runs.ID]string{}
	for source, ids := range wanted {
		looks, err := v.looksInto(source)
		if err != nil {
			return nil, err
		}
		if !looks {
			continue
		}
		sets, err := v.cfg.Archive.List(v.ctx(), source, v.actor, backupset.SetFilter{IDs: keysOf(ids)}, runs.PageRequest{Limit: runs.MaxPageSize})
		if err != nil {
			return nil, err
		}
		for _, s := range sets.Items {
			found[s.ID] = v.setTitleOf(s, v.tenantName(source))
		}
	}
	out := map[runs.ID]subject{}
	for _, r := range list {
		source, foreign := sources[r.ID]
		if !foreign {
			continue
		}
		s := subject{Name: "a backup set of " + v.tenantName(source)}
		if name, ok := found[r.Target.ID]; ok {
			s = subject{Name: name, Path: v.cfg.Prefix + "/" + url.PathEscape(string(source)) + "/sets/" + string(r.Target.ID)}
		}
		out[r.ID] = s
	}
	return out, nil
}

// looksInto tells whether the actor may look into another tenant, whose sets have names that are
// nobody else's to know.
func (v *visit) looksInto(tenant graph.TenantID) (bool, error) {
	if !slices.ContainsFunc(v.tenants, func(t Tenant) bool { return t.ID == tenant }) {
		return false, nil
	}
	return v.cfg.Starter.Guard().May(v.ctx(), tenant, v.actor, runs.ActionLook)
}

// sourceOf is the tenant whose set a preview or restore is of; empty when nobody knows any more.
func (v *visit) sourceOf(r runs.Run) (graph.TenantID, error) {
	switch r.Kind {
	case runs.KindRestorePreview:
		p, err := previewParams(r)
		if err != nil {
			return "", nil // of a version that these pages do not know
		}
		return p.SourceTenant, nil
	case runs.KindRestoreExecute:
		preview, _, err := v.previewOfRestore(r)
		return preview.SourceTenant, err
	}
	return "", nil
}

// auditSources names the sets of other tenants that entries of the audit log are about, by the
// run that they name. names has what is this tenant's.
func (v *visit) auditSources(entries []runs.AuditEntry, names map[runs.ID]string) (map[runs.ID]subject, error) {
	var list []runs.Run
	read := map[runs.ID]bool{}
	for _, e := range entries {
		if _, own := names[e.Resource.ID]; own || e.Resource.Type != "backup_set" || e.RunID == "" || read[e.RunID] {
			continue
		}
		read[e.RunID] = true
		run, err := v.cfg.Starter.Get(v.ctx(), v.tenant, v.actor, e.RunID)
		if notThere(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, run)
	}
	return v.sourceSets(list, names)
}

// lostSet says what became of the backup set of a run that is over.
func (v *visit) lostSet(run runs.Run) (runLink, error) {
	l := runLink{Label: "Backup set", Name: "none: nothing was captured"}
	set, err := v.cfg.Archive.Get(v.ctx(), v.tenant, v.actor, run.BackupSetID)
	switch {
	case errors.Is(err, runs.ErrDeleted):
		l.Name = v.setTitle(set) + ", deleted"
		if v.may(runs.ActionSetUndelete) {
			l.Path = v.path("sets", string(set.ID))
		}
	case err != nil && !notThere(err):
		return l, err
	case run.Counts.Succeeded > 0:
		l.Name = "deleted and purged since"
	}
	return l, nil
}
