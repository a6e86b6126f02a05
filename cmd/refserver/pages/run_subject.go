package pages

import (
	"encoding/json"
	"errors"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// subject is what a run is about, for people.
type subject struct {
	Name string
	Path string // empty when there is nothing to open
}

// subjects names what runs are about, with one query for each kind of thing. A thing that is
// not in a list any more was deleted.
func (v *visit) subjects(list []runs.Run) (map[runs.ID]subject, error) {
	wanted := map[string]map[runs.ID]bool{"schedule": {}, "backup_set": {}, "policy": {}}
	for _, r := range list {
		if ids := wanted[r.Target.Type]; ids != nil && r.Target.ID.Valid() {
			ids[r.Target.ID] = true
		}
	}
	names, err := v.names(wanted)
	if err != nil {
		return nil, err
	}
	others, err := v.sourceSets(list, names)
	if err != nil {
		return nil, err
	}
	out := make(map[runs.ID]subject, len(list))
	for _, r := range list {
		if s, ok := others[r.ID]; ok {
			out[r.ID] = s
			continue
		}
		out[r.ID] = v.subjectOf(r, names)
	}
	return out, nil
}

// names looks up the names of things by their type and id.
func (v *visit) names(wanted map[string]map[runs.ID]bool) (map[runs.ID]string, error) {
	names := map[runs.ID]string{}
	page := runs.PageRequest{Limit: runs.MaxPageSize}
	if ids := keysOf(wanted["schedule"]); len(ids) > 0 {
		found, err := v.cfg.Scheduler.List(v.ctx(), v.tenant, v.actor, backupsched.Filter{IDs: ids}, page)
		if err != nil {
			return nil, err
		}
		for _, s := range found.Items {
			names[s.ID] = shortName(s.Name)
		}
	}
	if ids := keysOf(wanted["backup_set"]); len(ids) > 0 {
		found, err := v.cfg.Archive.List(v.ctx(), v.tenant, v.actor, backupset.SetFilter{IDs: ids}, page)
		if err != nil {
			return nil, err
		}
		for _, s := range found.Items {
			names[s.ID] = v.setTitle(s)
		}
	}
	if ids := keysOf(wanted["policy"]); len(ids) > 0 {
		found, err := v.cfg.Archive.Policies(v.ctx(), v.tenant, v.actor, backupset.PolicyFilter{IDs: ids}, page)
		if err != nil {
			return nil, err
		}
		for _, p := range found.Items {
			names[p.ID] = shortName(p.Name)
		}
	}
	return names, nil
}

// keysOf are at most as many ids as one list returns.
func keysOf(set map[runs.ID]bool) []runs.ID {
	var ids []runs.ID
	for id := range set {
		if len(ids) == runs.MaxPageSize {
			break
		}
		ids = append(ids, id)
	}
	return ids
}

func (v *visit) subjectOf(r runs.Run, names map[runs.ID]string) subject {
	name, found := names[r.Target.ID]
	s := v.place(r.Target, name, found)
	if r.Kind == runs.KindBackup && !found {
		// What the schedule was called when the run was made.
		var params runs.BackupParams
		if json.Unmarshal(r.Params, &params) == nil && params.Name != "" {
			s.Name = shortName(params.Name)
		}
	}
	return s
}

// placeWords name the things that runs and audit entries are about.
var placeWords = map[string]string{
	"schedule": "schedule", "backup_set": "backup set", "policy": "policy", "run": "run", "tenant": "whole tenant",
	"runs": "runs", "notifications": "notifications", "audit": "audit log", "permissions": "permissions",
}

// place is where a thing is shown, and what it is called.
func (v *visit) place(t runs.Target, name string, found bool) subject {
	word := placeWords[t.Type]
	if word == "" {
		word = t.Type
	}
	area := map[string]string{"schedule": "schedules", "backup_set": "sets", "policy": "policies", "run": "runs"}[t.Type]
	switch {
	case area == "" || !t.ID.Valid():
		return subject{Name: word}
	case t.Type == "run":
		return subject{Name: "run", Path: v.path("runs", string(t.ID))}
	case !found:
		return subject{Name: "deleted " + word}
	}
	return subject{Name: name, Path: v.path(area, string(t.ID))}
}

// notThere tells whether an error only says that there is nothing to show any more.
func notThere(err error) bool {
	return errors.Is(err, runs.ErrNotFound) || errors.Is(err, runs.ErrDeleted) || errors.Is(err, runs.ErrConflict)
}
