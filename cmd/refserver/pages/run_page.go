package pages

import (
	"errors"
	"slices"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// retrySoon is how long after its end a run is searched for retries: no index leads to them, and
// hardly anybody retries later.
const retrySoon = 7 * 24 * time.Hour

type runData struct {
	Run         runs.Run
	Badge       badge
	About       subject
	Who         string
	Duration    string
	DueThere    moment // in the zone of its schedule, where that shows another time
	BeganThere  moment
	Advice      *advice // nil when nothing needs explaining
	Message     string
	Progress    progress
	Alone       string // that no worker is at it; empty while one is
	ETA         time.Time
	Poll        bool // the page is asked for again
	Waits       bool // queued after an attempt
	Steps       []runStep
	Links       []runLink
	MayCancel   bool
	MayRetry    bool
	ImportAgain bool      // an import that did not succeed, without the file that a retry needs
	Restored    *restored // of a restore only
	Summary     any
	Shape       string // which part shows Summary; empty for none
	Items       []itemRow
	Statuses    []filterOption
	Cursor      string
	Pager       pager
}

// Refused tells whether Microsoft Graph refused the run something, as far as the page knows.
func (d runData) Refused() bool {
	return d.Run.ErrorCode == runs.CodeGraphForbidden || slices.ContainsFunc(d.Items, func(i itemRow) bool { return i.Reason == runs.ReasonForbidden })
}

// advise explains the code of the run. What a retry would need of an import is gone when it came to its
// end, and after a day.
func (d runData) advise() advice {
	a := adviceFor(d.Run.ErrorCode)
	switch {
	case d.Run.Kind != runs.KindSetImport || d.Run.ErrorCode == runs.CodeImportInvalid:
	case d.Run.ErrorCode == runs.CodeItemsFailed:
		a.Do = "The items below say which and why; the others are in the set. The file is removed: to try again, import it again, which makes another set."
	case d.ImportAgain:
		a.Do = "Its file has been removed meanwhile, so there is nothing to retry: import it again."
	}
	return a
}

// runLink leads to what a run has to do with.
type runLink struct{ Label, Name, Path string }

type itemRow struct {
	runs.Item
	Did     badge     // what a restore did with it; none for other runs
	Missing []missing // what a blocked policy waits for, the first ones
	More    int       // how many others
	Path    string    // of the policy in the inventory; empty when it is not known
}

func showRun(v *visit) (answer, error) {
	run, err := v.cfg.Starter.Get(v.ctx(), v.tenant, v.actor, v.id())
	if err != nil {
		return nil, err
	}
	about, err := v.subjects([]runs.Run{run})
	if err != nil {
		return nil, err
	}
	data := runData{
		Run: run, Badge: runBadge(run), About: about[run.ID], Who: whoStarted(run), Duration: v.took(run), Message: run.ErrorMessage,
		Poll: run.Status.Active(), Waits: run.Status == runs.StatusQueued && run.Attempt > 0,
		MayCancel: v.mayCancel(run),
	}
	if data.MayRetry, err = v.mayRetry(run); err != nil {
		return nil, err
	}
	gone := run.Kind == runs.KindSetImport && run.Status.Terminal() && !data.MayRetry
	data.ImportAgain = gone && v.mayAgain(run)
	if data.Poll {
		if data.Alone, err = v.alone(run); err != nil {
			return nil, err
		}
		far, err := v.progressOf([]runs.Run{run})
		if err != nil {
			return nil, err
		}
		data.Progress = far[run.ID]
	}
	if err := v.there(run, &data); err != nil {
		return nil, err
	}
	if run.Status == runs.StatusRunning {
		data.ETA = v.eta(run)
	}
	if run.ErrorCode != "" {
		a := data.advise()
		data.Advice = &a
	}
	if data.Steps, err = v.timeline(run); err != nil {
		return nil, err
	}
	if data.Links, err = v.runLinks(run, about[run.ID]); err != nil {
		return nil, err
	}
	data.Shape, data.Summary = v.summary(run)
	if s, ok := data.Summary.(captureSummary); ok {
		if err := errors.Join(v.warned(run, &s), v.unread(run, &s)); err != nil {
			return nil, err
		}
		data.Summary = s
	}
	if err := v.items(&data); err != nil {
		return nil, err
	}
	title := kindWords(run.Kind)
	if data.About.Path != "" {
		title += ": " + isolated(data.About.Name)
	}
	pg := page{template: "run", title: title, section: "runs", data: data}
	if data.Poll {
		pg.follows = "run"
	}
	return pg, nil
}

// there says when a run of a schedule was due and began in the schedule's zone, where that is not what
// the viewer's shows.
func (v *visit) there(run runs.Run, data *runData) error {
	if run.ScheduleID == "" {
		return nil
	}
	s, err := v.cfg.Scheduler.Get(v.ctx(), v.tenant, v.actor, run.ScheduleID)
	if err != nil {
		if notThere(err) {
			return nil
		}
		return err
	}
	other := func(t time.Time) moment {
		here, there := momentOf(t, v.zone, v.now), momentOf(t, v.location(s.Timezone), v.now)
		if here == there {
			return moment{}
		}
		return there
	}
	data.DueThere, data.BeganThere = other(run.ScheduledFor), other(run.StartedAt)
	return nil
}

// items reads the page of the run's items that the address asks for.
func (v *visit) items(data *runData) error {
	request, err := v.pageRequest()
	if err != nil {
		return err
	}
	var bad runs.InvalidError
	offered := []runs.ItemStatus{runs.ItemFailed, runs.ItemSkipped, runs.ItemSuccess}
	filter := runs.ItemFilter{Statuses: anyOf(v, &bad, "status", offered)}
	if err := bad.Err(); err != nil {
		return err
	}
	for _, s := range offered {
		data.Statuses = append(data.Statuses, filterOption{string(s), string(s), slices.Contains(filter.Statuses, s)})
	}
	folded := data.Run.Kind == runs.KindRestoreExecute && len(filter.Statuses) == 0
	if folded {
		filter.Statuses = restoredStatuses
	}
	found, err := v.cfg.Starter.Items(v.ctx(), v.tenant, v.actor, data.Run.ID, filter, request)
	if err != nil {
		return err
	}
	paths, err := v.itemPaths(data.Run, found.Items)
	if err != nil {
		return err
	}
	for _, item := range found.Items {
		data.Items = append(data.Items, itemRow{Item: item, Path: paths[item.BackupItemID]})
	}
	data.Pager, data.Cursor = v.pager(found.NextCursor), request.Cursor
	if data.Run.Kind == runs.KindRestoreExecute {
		return v.restored(data, folded)
	}
	return nil
}

// itemPaths leads from what a run captured to the policies of the inventory, by the items of
// its backup set.
func (v *visit) itemPaths(run runs.Run, items []runs.Item) (map[runs.ID]string, error) {
	set := run.BackupSetID
	if set == "" && run.Target.Type == "backup_set" {
		set = run.Target.ID
	}
	var ids []runs.ID
	for _, i := range items {
		if i.BackupItemID != "" {
			ids = append(ids, i.BackupItemID)
		}
	}
	if set == "" || len(ids) == 0 {
		return nil, nil
	}
	found, err := v.cfg.Archive.Items(v.ctx(), v.tenant, v.actor, set, backupset.SetItemFilter{IDs: ids}, runs.PageRequest{Limit: runs.MaxPageSize})
	if err != nil {
		if notThere(err) {
			return nil, nil
		}
		return nil, err
	}
	paths := map[runs.ID]string{}
	for _, i := range found.Items {
		paths[i.ID] = v.path("policies", string(i.PolicyID))
	}
	return paths, nil
}

// runLinks lead to what a run has to do with beside what it is about.
func (v *visit) runLinks(run runs.Run, about subject) ([]runLink, error) {
	var list []runLink
	add := func(label, name string, segments ...string) {
		list = append(list, runLink{label, name, v.path(segments...)})
	}
	if run.BackupSetID != "" && run.Target.ID != run.BackupSetID {
		names, err := v.names(map[string]map[runs.ID]bool{"backup_set": {run.BackupSetID: true}})
		if err != nil {
			return nil, err
		}
		if name, ok := names[run.BackupSetID]; ok {
			add("Backup set", name, "sets", string(run.BackupSetID))
		} else if run.Status.Terminal() {
			lost, err := v.lostSet(run)
			if err != nil {
				return nil, err
			}
			list = append(list, lost)
		}
	}
	if run.BatchID != "" {
		batch, err := v.cfg.Starter.List(v.ctx(), v.tenant, v.actor, runs.RunFilter{BatchID: run.BatchID}, runs.PageRequest{Limit: runs.MaxBatch})
		if err != nil {
			return nil, err
		}
		others := count(len(batch.Items)-1, "other run", "other runs")
		list = append(list, runLink{"Started together with", others, v.batchPath(run.BatchID)})
	}
	if run.RetryOf != "" {
		add("Retry of", "an earlier run", "runs", string(run.RetryOf))
	}
	if run.Status.Terminal() && run.Status != runs.StatusSuccess {
		retries, err := v.cfg.Starter.List(v.ctx(), v.tenant, v.actor, runs.RunFilter{
			Triggers: []runs.Trigger{runs.TriggerRetry}, From: run.FinishedAt, To: run.FinishedAt.Add(retrySoon),
		}, runs.PageRequest{Limit: runs.MaxPageSize})
		if err != nil {
			return nil, err
		}
		for _, r := range retries.Items {
			if r.RetryOf == run.ID {
				add("Retried by", "a run: "+runBadge(r).Word, "runs", string(r.ID))
			}
		}
	}
	switch run.Kind {
	case runs.KindRestoreExecute:
		if params, known := restoreParams(run); known {
			if params.Reason != "" {
				list = append(list, runLink{Label: "Reason", Name: params.Reason})
			}
			add("Does what was previewed in", "the preview", "restore", "previews", string(params.PreviewRunID))
		}
	case runs.KindRestorePreview, runs.KindDriftReport:
		preview, err := v.cfg.Restores.Get(v.ctx(), v.tenant, v.actor, run.ID)
		switch {
		case notThere(err):
		case err != nil:
			return nil, err
		case preview.RestoreRunID != "":
			add("Restored by", "this run", "runs", string(preview.RestoreRunID))
		}
	}
	return list, nil
}
