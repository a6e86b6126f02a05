package pages

import (
	"errors"
	"slices"
	"time"

	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// start starts a run and leads to its page. An id that a form has used already for something else is
// left out.
func (v *visit) start(req runs.Request) (answer, error) {
	run, reused, err := v.cfg.Starter.Start(v.ctx(), v.tenant, v.actor, req)
	var conflict *runs.ConflictError
	if req.ID != "" && errors.As(err, &conflict) && conflict.Code == "run_exists" {
		req.ID = ""
		run, reused, err = v.cfg.Starter.Start(v.ctx(), v.tenant, v.actor, req)
	}
	if err != nil {
		return nil, err
	}
	s := see{path: v.path("runs", string(run.ID)), notice: "run_started"}
	if reused {
		s.notice = "run_reused"
	}
	return s, nil
}

// runID is the id that a form keeps for the run that it starts, so that sent twice it starts one. It is
// empty when the form says none.
func runID(kept string) runs.ID {
	if id := runs.ID(kept); id.Valid() {
		return id
	}
	return ""
}

func (v *visit) setPath() string { return v.path("sets", string(v.id())) }

func verifySet(v *visit) (answer, error) { return v.start(capture.VerifySetRequest(v.id())) }

func reportDrift(v *visit) (answer, error) {
	return v.start(restore.DriftRequest(v.id(), restore.DriftParams{}))
}

func holdSet(v *visit) (answer, error) {
	hold := holdForm{Name: v.form.Get("name"), Reason: v.form.Get("reason")}
	_, err := v.cfg.Retention.Hold(v.ctx(), v.tenant, v.actor, v.id(), hold.Name, hold.Reason)
	var invalid *runs.InvalidError
	if errors.As(err, &invalid) {
		set, err := v.cfg.Archive.Get(v.ctx(), v.tenant, v.actor, v.id())
		if err != nil {
			return nil, err
		}
		v.address = v.setPath()
		return v.setPage(set, invalid.Fields, hold)
	}
	return see{v.setPath(), "set_held"}, err
}

func releaseSet(v *visit) (answer, error) {
	_, err := v.cfg.Retention.Release(v.ctx(), v.tenant, v.actor, v.id(), v.form.Get("name"))
	return see{v.setPath(), "set_released"}, err
}

// confirmData asks before a set goes.
type confirmData struct {
	Set   backupset.BackupSet
	Why   []string  // why it cannot go now; empty when it can
	Until time.Time // it could be brought back until then
}

// confirmDelete says why a set cannot be deleted, as far as that can be seen beforehand, or asks.
func confirmDelete(v *visit) (answer, error) {
	set, err := v.cfg.Archive.Get(v.ctx(), v.tenant, v.actor, v.id())
	if errors.Is(err, runs.ErrDeleted) {
		return see{path: v.setPath()}, nil
	}
	if err != nil {
		return nil, err
	}
	data := confirmData{Set: set, Until: v.now.Add(v.cfg.Retention.UndoWindow())}
	if set.Status == backupset.Building {
		data.Why = append(data.Why, "It is being filled. Cancel its run first.")
	}
	switch n := len(set.Holds); {
	case n == 1:
		data.Why = append(data.Why, "A hold stands on it. Release it first.")
	case n > 1:
		data.Why = append(data.Why, number(n)+" holds stand on it. Release them first.")
	}
	if set.InUse {
		data.Why = append(data.Why, "A restore or its preview is reading it. Wait for that to end.")
	}
	last, err := v.lastComplete(set)
	if last {
		data.Why = append(data.Why, "It is the only complete backup set of its schedule. Make another one first.")
	}
	return page{template: "set_delete", title: "Delete " + v.setTitle(set), section: "sets", data: data}, err
}

// lastComplete tells whether a set is the only complete one of a schedule that still exists.
func (v *visit) lastComplete(set backupset.BackupSet) (bool, error) {
	if set.ScheduleID == "" || set.Status != backupset.Complete {
		return false, nil
	}
	if _, err := v.cfg.Scheduler.Get(v.ctx(), v.tenant, v.actor, set.ScheduleID); err != nil {
		if errors.Is(err, runs.ErrDeleted) {
			err = nil
		}
		return false, err
	}
	f := backupset.SetFilter{ScheduleID: set.ScheduleID, Statuses: []backupset.Status{backupset.Complete}}
	found, err := v.cfg.Archive.List(v.ctx(), v.tenant, v.actor, f, runs.PageRequest{Limit: 2})
	return err == nil && len(found.Items) == 1, err
}

func deleteSet(v *visit) (answer, error) {
	_, err := v.cfg.Retention.Delete(v.ctx(), v.tenant, v.actor, v.id())
	return see{v.path("sets"), "set_deleted"}, err
}

func undeleteSet(v *visit) (answer, error) {
	set, err := v.cfg.Retention.Undelete(v.ctx(), v.tenant, v.actor, v.id())
	notice := "set_undeleted"
	if slices.ContainsFunc(set.Holds, func(h backupset.Hold) bool { return h.Name == retention.HoldUndeleted }) {
		notice = "set_undeleted_held"
	}
	return see{v.setPath(), notice}, err
}

// deleted returns a deleted set, or says that it is not.
func (v *visit) deleted() (backupset.BackupSet, error) {
	set, err := v.cfg.Archive.Get(v.ctx(), v.tenant, v.actor, v.id())
	switch {
	case errors.Is(err, runs.ErrDeleted):
		return set, nil
	case err == nil:
		err = runs.Conflict("set_not_deleted", "the set is not deleted; delete it first")
	}
	return set, err
}

func confirmPurge(v *visit) (answer, error) {
	set, err := v.deleted()
	return purgePage(set, nil), err
}

func purgePage(set backupset.BackupSet, bad []runs.FieldError) page {
	return page{template: "set_purge", title: "Remove " + titled(set.Name), section: "sets", data: confirmData{Set: set}, errors: bad}
}

// purgeSet removes a set for good when its name was typed.
func purgeSet(v *visit) (answer, error) {
	set, err := v.deleted()
	if err != nil {
		return nil, err
	}
	if !asShown(v.form.Get("confirm"), set.Name) {
		return purgePage(set, []runs.FieldError{{Field: "confirm", Code: "name_mismatch", Message: "must be the name of the backup set, letter for letter"}}), nil
	}
	_, err = v.cfg.Retention.PurgeSet(v.ctx(), v.tenant, v.actor, set.ID)
	return see{v.path("sets") + "?deleted=yes", "set_purged"}, err
}

// deletionWords say why a set was deleted.
func deletionWords(reason string) string {
	switch reason {
	case retention.DeletedManually:
		return "by hand"
	case retention.ReasonBeyond:
		return "by retention, as there are enough newer complete sets"
	case retention.ReasonPartialStale:
		return "by retention, as a partial set that newer ones made needless"
	}
	return "by retention"
}
