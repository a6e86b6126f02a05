package pages

import (
	"net/http"
	"slices"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// sets registers the pages of backup sets.
func (p *Pages) sets() {
	const one = "sets/{id}"
	look := func(path string, h func(*visit) (answer, error)) {
		p.add(route{method: http.MethodGet, path: path, action: runs.ActionLook, target: "backup_set"}, h)
	}
	do := func(path string, action runs.Action, h func(*visit) (answer, error)) {
		p.add(route{method: http.MethodPost, path: path, action: action, target: "backup_set"}, h)
	}
	look("sets", listSets)
	// A page with a form is for who may send it.
	form := func(path string, action runs.Action, show, save func(*visit) (answer, error)) {
		p.add(route{method: http.MethodGet, path: path, action: action, target: "backup_set"}, show)
		p.add(route{method: http.MethodPost, path: path, action: action, target: "backup_set", upload: path == "sets/import"}, save)
	}
	form("sets/new", runs.StartAction(runs.KindSetCreate), newSet, createSet)
	form("sets/import", runs.StartAction(runs.KindSetImport), importForm, importSet)
	form(one+"/add", runs.StartAction(runs.KindSetAdd), addPage, addToSet)
	form(one+"/delete", runs.ActionSetDelete, confirmDelete, deleteSet)
	form(one+"/purge", runs.ActionSetPurge, confirmPurge, purgeSet)
	look(one, showSet)
	look(one+"/items/{item}", showItem)
	look(one+"/items/{item}/json", downloadItem)
	do(one+"/verify", runs.StartAction(runs.KindSetVerify), verifySet)
	do(one+"/drift", runs.StartAction(runs.KindDriftReport), reportDrift)
	do(one+"/hold", runs.ActionSetHold, holdSet)
	do(one+"/release", runs.ActionSetRelease, releaseSet)
	do(one+"/undelete", runs.ActionSetUndelete, undeleteSet)
	do(one+"/export", runs.ActionSetExport, exportSet)
}

// setNotices are what the forms of these pages have done.
var setNotices = map[string]string{
	"set_held":           "The set is held: it cannot be deleted until the hold is released.",
	"set_released":       "The hold is released.",
	"set_deleted":        "The backup set is deleted. It is listed among the deleted ones until it is purged.",
	"set_undeleted":      "The backup set is back.",
	"set_undeleted_held": "The backup set is back. A hold stands on it now, so that retention does not remove it again: release it when it may go.",
	"set_purged":         "The backup set is removed for good.",
}

type setListData struct {
	Status    string
	Deleted   bool
	Filtered  bool // the list may lack sets that there are
	Schedules []filterOption
	Rows      []setRow
	Pager     pager
}

type setRow struct {
	backupset.BackupSet
	Schedule string // name; empty when it is deleted
	Origin   origin
	Until    time.Time // a deleted one can be brought back until then
}

// setStates are the states of a set, for the filter.
var setStates = []string{string(backupset.Building), string(backupset.Complete), string(backupset.Partial)}

// States are what the list can be filtered by.
func (setListData) States() []string { return setStates }

func listSets(v *visit) (answer, error) {
	ask, err := v.pageRequest()
	if err != nil {
		return nil, err
	}
	var bad runs.InvalidError
	data := setListData{Status: oneOf(v, &bad, "status", setStates), Deleted: oneOf(v, &bad, "deleted", []string{"yes"}) != ""}
	f := backupset.SetFilter{ScheduleID: runs.ID(v.query.Get("schedule")), Deleted: data.Deleted}
	if data.Status != "" {
		f.Statuses = []backupset.Status{backupset.Status(data.Status)}
	}
	data.Filtered = f.ScheduleID != "" || data.Status != "" || data.Deleted
	pg := page{template: "sets", title: "Backup sets", section: "sets"}
	if f.ScheduleID != "" && !f.ScheduleID.Valid() {
		f.ScheduleID = ""
		bad.Fields = append(bad.Fields, noSchedule)
	}
	var known bool
	if data.Schedules, known, err = v.scheduleChoices(f.ScheduleID); err != nil {
		return nil, err
	}
	if !known {
		bad.Fields = append(bad.Fields, noSchedule)
	}
	if len(bad.Fields) > 0 {
		pg.data, pg.errors = data, bad.Fields
		return pg, nil
	}
	found, err := v.cfg.Archive.List(v.ctx(), v.tenant, v.actor, f, ask)
	if err != nil {
		return nil, err
	}
	names, err := v.scheduleNames(found.Items)
	if err != nil {
		return nil, err
	}
	origins, err := v.origins(v.tenant, found.Items...)
	if err != nil {
		return nil, err
	}
	for _, s := range found.Items {
		data.Rows = append(data.Rows, setRow{BackupSet: s, Schedule: names[s.ScheduleID], Origin: origins[s.ID], Until: s.DeletedAt.Add(v.cfg.Retention.UndoWindow())})
	}
	data.Pager = v.pager(found.NextCursor)
	pg.data = data
	return pg, nil
}

// scheduleNames are those of the schedules that made sets.
func (v *visit) scheduleNames(sets []backupset.BackupSet) (map[runs.ID]string, error) {
	names := map[runs.ID]string{}
	var ids []runs.ID
	for _, s := range sets {
		if s.ScheduleID != "" && !slices.Contains(ids, s.ScheduleID) {
			ids = append(ids, s.ScheduleID)
		}
	}
	if len(ids) == 0 {
		return names, nil
	}
	found, err := v.cfg.Scheduler.List(v.ctx(), v.tenant, v.actor, backupsched.Filter{IDs: ids}, runs.PageRequest{Limit: runs.MaxPageSize})
	for _, s := range found.Items {
		names[s.ID] = shortName(s.Name)
	}
	return names, err
}
