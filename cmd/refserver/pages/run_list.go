package pages

import (
	"slices"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/runs"
)

// runKinds are the kinds that the filter offers, in the order in which people look for them.
var runKinds = []runs.Kind{
	runs.KindBackup, runs.KindSetCreate, runs.KindSetAdd, runs.KindSetImport, runs.KindSetVerify, runs.KindSnapshot,
	runs.KindPolicySync, runs.KindDriftReport, runs.KindRestorePreview, runs.KindRestoreExecute, runs.KindRetentionApply,
}

var runTriggers = []runs.Trigger{runs.TriggerSchedule, runs.TriggerManual, runs.TriggerRetry, runs.TriggerSystem}

type runListData struct {
	Kinds     []filterOption
	Statuses  []filterOption
	Triggers  []filterOption
	Schedules []filterOption
	From, To  string
	Batch     string // runs that were started together, as the address has it
	Retention string // what the address says of retention: "shown", or ""
	Hides     bool   // retention runs that succeeded are left out
	Shows     bool   // they would be, but the address asks for them
	Filtered  bool   // anything is left out
	Rows      []runRow
	Pager     pager
}

// filterOption is an option of a filter.
type filterOption struct {
	Value, Label string
	Chosen       bool
}

type runRow struct {
	runs.Run
	Badge    badge
	About    subject
	Who      string // who started it, or ""
	Duration string
}

func listRuns(v *visit) (answer, error) {
	data := runListData{From: v.query.Get("from"), To: v.query.Get("to"), Batch: v.query.Get("batch")}
	if v.query.Get("retention") == retentionShown {
		data.Retention = retentionShown
	}
	request, filter, fields := v.runFilter()
	data.Hides, data.Shows = len(filter.ExceptSuccessOf) > 0, data.Retention != "" && drowned(filter)
	for _, k := range runKinds {
		data.Kinds = append(data.Kinds, filterOption{string(k), kindWords(k), slices.Contains(filter.Kinds, k)})
	}
	for _, s := range runs.Statuses() {
		data.Statuses = append(data.Statuses, filterOption{string(s), statusFilterWords[s], slices.Contains(filter.Statuses, s)})
	}
	for _, t := range runTriggers {
		data.Triggers = append(data.Triggers, filterOption{string(t), triggerWords(t), slices.Contains(filter.Triggers, t)})
	}
	data.Filtered = data.From != "" || data.To != "" || filter.ScheduleID != "" || filter.BatchID != "" || len(filter.Kinds)+len(filter.Statuses)+len(filter.Triggers) > 0
	var err error
	var known bool
	if data.Schedules, known, err = v.scheduleChoices(filter.ScheduleID); err != nil {
		return nil, err
	}
	if !known {
		fields = append(fields, noSchedule)
	}
	pg := page{template: "runs", title: "Runs", section: "runs"}
	if len(fields) > 0 {
		pg.data, pg.errors = data, fields
		return pg, nil
	}
	found, err := v.cfg.Starter.List(v.ctx(), v.tenant, v.actor, filter, request)
	if err != nil {
		return nil, err
	}
	about, err := v.subjects(found.Items)
	if err != nil {
		return nil, err
	}
	for _, r := range found.Items {
		data.Rows = append(data.Rows, runRow{Run: r, Badge: runBadge(r), About: about[r.ID], Who: whoStarted(r), Duration: v.took(r)})
	}
	data.Pager = v.pager(found.NextCursor)
	pg.data = data
	return pg, nil
}

// statusFilterWords say what a status of the filter covers: the words of the badges that are
// not statuses of their own are among these.
var statusFilterWords = map[runs.Status]string{
	runs.StatusQueued: "queued or waiting", runs.StatusRunning: "running", runs.StatusSuccess: "success", runs.StatusPartial: "partial",
	runs.StatusFailed: "failed", runs.StatusCanceled: "canceled", runs.StatusSkipped: "skipped or missed",
}

// runFilter reads the filter of the address.
func (v *visit) runFilter() (runs.PageRequest, runs.RunFilter, []runs.FieldError) {
	var f runs.RunFilter
	var bad runs.InvalidError
	request, err := v.pageRequest()
	if err != nil {
		bad.Add("limit", "limit_range", limitWords)
	}
	f.Kinds = anyOf(v, &bad, "kind", runKinds)
	f.Statuses = anyOf(v, &bad, "status", runs.Statuses())
	f.Triggers = anyOf(v, &bad, "trigger", runTriggers)
	retention := oneOf(v, &bad, "retention", []string{retentionShown})
	if id := runs.ID(v.query.Get("schedule")); id != "" {
		if !id.Valid() {
			bad.Add("schedule", "id_invalid", "is not the id of a schedule; choose one of the list")
		} else {
			f.ScheduleID = id
		}
	}
	if id := runs.ID(v.query.Get("batch")); id != "" {
		if !id.Valid() {
			bad.Add("batch", "id_invalid", "is not the id of runs that were started together")
		} else {
			f.BatchID = id
		}
	}
	f.From, f.To = v.days(&bad)
	if drowned(f) && retention == "" {
		f.ExceptSuccessOf = []runs.Kind{runs.KindRetentionApply}
	}
	return request, f, bad.Fields
}

// retentionShown is what the address says for retention runs to be among the others.
const retentionShown = "shown"

// drowned tells whether every other row of what a filter finds may be news that hardly ever is any:
// that the retention which follows each backup succeeded. Who filters by its kind, or by what starts
// it, wants to see it; among the runs of a schedule or a batch there is none.
func drowned(f runs.RunFilter) bool {
	succeeded := len(f.Statuses) == 0 || slices.Contains(f.Statuses, runs.StatusSuccess)
	return succeeded && len(f.Kinds) == 0 && f.ScheduleID == "" && f.BatchID == "" && !slices.Contains(f.Triggers, runs.TriggerSystem)
}

// days are the bounds of a filter by days, of which the last one is included.
func (v *visit) days(bad *runs.InvalidError) (from, to time.Time) {
	from, to = v.day(bad, "from", 0), v.day(bad, "to", 1)
	if !from.IsZero() && !to.IsZero() && !to.After(from) {
		bad.Add("to", "date_invalid", "must not be before the first day")
	}
	return from, to
}

// day is when a day of the address begins in the viewer's zone, or the one `after` days later.
func (v *visit) day(bad *runs.InvalidError, name string, after int) time.Time {
	s := v.query.Get(name)
	if s == "" {
		return time.Time{}
	}
	d, err := time.ParseInLocation(time.DateOnly, s, v.zone)
	if err != nil {
		bad.Add(name, "date_invalid", "must be a date such as 2026-01-31")
		return time.Time{}
	}
	return time.Date(d.Year(), d.Month(), d.Day()+after, 0, 0, 0, 0, v.zone)
}

// schedulesOffered is how many schedules a filter offers. More would be most of the work of a list;
// the page of each schedule leads to its own runs and sets.
const schedulesOffered = 50

// scheduleChoices offers the first schedules by name, and the chosen one wherever it is, also when
// it is deleted: what it made is still there. Without one of that id, known is false.
func (v *visit) scheduleChoices(chosen runs.ID) (list []filterOption, known bool, err error) {
	found, err := v.cfg.Scheduler.List(v.ctx(), v.tenant, v.actor, backupsched.Filter{}, runs.PageRequest{Limit: schedulesOffered})
	if err != nil {
		return nil, false, err
	}
	known = chosen == ""
	for _, s := range found.Items {
		list = append(list, filterOption{string(s.ID), apart(s.Name), s.ID == chosen})
		known = known || s.ID == chosen
	}
	if known {
		return list, true, nil
	}
	other, err := v.cfg.Scheduler.List(v.ctx(), v.tenant, v.actor, backupsched.Filter{IDs: []runs.ID{chosen}, WithDeleted: true}, runs.PageRequest{Limit: 1})
	for _, s := range other.Items {
		name := apart(s.Name)
		if s.Deleted() {
			name += " (deleted)"
		}
		list, known = append(list, filterOption{string(s.ID), name, true}), true
	}
	return list, known, err
}

// noSchedule says what is wrong with the id of a schedule in a filter.
var noSchedule = runs.FieldError{Field: "schedule", Code: "id_unknown", Message: "is not a schedule of this tenant; choose one of the list"}

// whoStarted names the person who started a run; "" when it was the engine.
func whoStarted(r runs.Run) string {
	if r.Actor.ID == runs.SystemActor.ID || r.Actor.ID == "" {
		return ""
	}
	return actorWords(r.Actor)
}

func actorWords(a runs.Actor) string {
	switch {
	case a.ID == runs.SystemActor.ID:
		return "the engine"
	case a.Name != "":
		return a.Name
	}
	return a.ID
}

// took says how long a run took, or has taken so far; "" when it never began.
func (v *visit) took(r runs.Run) string {
	end := r.FinishedAt
	if end.IsZero() {
		end = v.now
	}
	if r.StartedAt.IsZero() || end.Before(r.StartedAt) {
		return ""
	}
	return durationWords(end.Sub(r.StartedAt))
}
