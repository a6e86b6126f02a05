package pages

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
)

// scheduleForm is a schedule as it was typed.
type scheduleForm struct {
	backupsched.Draft
	Keep   string // retention_keep_last, a number or not
	Opened string // the moment of the latest change of the schedule, as the form was opened
}

func formOf(s backupsched.Schedule) scheduleForm {
	d := backupsched.Draft{
		Name: s.Name, Enabled: s.Enabled, Recurrence: s.Recurrence, PolicyTypes: s.PolicyTypes,
		IncludeFoundations: s.IncludeFoundations, RetentionKeepLast: s.RetentionKeepLast,
	}
	return scheduleForm{Draft: d, Keep: strconv.Itoa(s.RetentionKeepLast), Opened: openedAt(s.UpdatedAt)}
}

// typed reads the fields of the form. Days that stay ticked while the frequency is daily mean
// nothing.
func typed(values url.Values) scheduleForm {
	f := scheduleForm{Keep: strings.TrimSpace(values.Get("retention_keep_last")), Opened: values.Get("if_updated_at")}
	if f.ID = runs.ID(values.Get("id")); !f.ID.Valid() {
		f.ID = "" // nobody types it
	}
	f.Name, f.Enabled = values.Get("name"), values.Get("enabled") != ""
	f.Frequency, f.TimeOfDay = backupsched.Frequency(values.Get("frequency")), values.Get("time_of_day")
	f.Timezone = strings.TrimSpace(values.Get("timezone"))
	if f.Frequency == backupsched.Weekly {
		for _, day := range values["days_of_week"] {
			n, err := strconv.Atoi(day)
			if err != nil {
				n = 0 // which is refused
			}
			f.DaysOfWeek = append(f.DaysOfWeek, n)
		}
	}
	f.PolicyTypes, f.IncludeFoundations = chosenTypes(values["policy_types"]), values.Get("include_foundations") != ""
	n, err := strconv.Atoi(f.Keep)
	if err != nil {
		n = 0 // which is refused
	}
	f.RetentionKeepLast = n
	return f
}

// patch changes everything that the form shows.
func (f scheduleForm) patch(token string) backupsched.Patch {
	p := backupsched.Patch{
		Name: &f.Name, Enabled: &f.Enabled, Timezone: &f.Timezone, Frequency: &f.Frequency, TimeOfDay: &f.TimeOfDay,
		PolicyTypes: &f.PolicyTypes, IncludeFoundations: &f.IncludeFoundations, RetentionKeepLast: &f.RetentionKeepLast, ConfirmPlan: token,
		IfUpdatedAt: f.opened(),
	}
	if f.Frequency != backupsched.Daily {
		p.DaysOfWeek = &f.DaysOfWeek
	}
	return p
}

type scheduleFormData struct {
	ID      runs.ID // empty for a new one
	Form    scheduleForm
	Types   []typeGroup
	Days    []dayOption
	Zones   []string
	Preview slotData
	Back    string

	Conflict *formConflict // why it was not saved; nil when nothing came between
}

type dayOption struct {
	Number int
	Name   string
	Chosen bool
}

// formPage shows the form, with what is wrong with it.
func (v *visit) formPage(id runs.ID, f scheduleForm, bad []runs.FieldError) (answer, error) {
	pg, err := v.scheduleFormPage(id, f, bad)
	return pg, err
}

func (v *visit) scheduleFormPage(id runs.ID, f scheduleForm, bad []runs.FieldError) (page, error) {
	if f.ID == "" {
		f.ID = v.cfg.Starter.Guard().NewID()
	}
	data := scheduleFormData{ID: id, Form: f, Types: v.typeGroups(f.PolicyTypes), Zones: v.zones(), Back: v.path("schedules")}
	for n := 1; n < len(weekdays); n++ {
		data.Days = append(data.Days, dayOption{n, weekdays[n], slices.Contains(f.DaysOfWeek, n)})
	}
	var err error
	if data.Preview, err = v.nextSlots(f); err != nil {
		return page{}, err
	}
	pg := page{template: "schedule_form", title: "New schedule", section: "schedules", data: data, errors: bad}
	if id != "" {
		data.Back = v.schedulePath(id)
		pg.title, pg.data = "Edit schedule", data
	}
	return pg, nil
}

// proposedTime is at night, and hardly any zone skips it when clocks are put forward.
const proposedTime = "04:00"

// newSchedule is the form, empty or, for the button that shows the slots, as it was typed.
func newSchedule(v *visit) (answer, error) {
	if v.query.Has("show") {
		return v.formPage("", typed(v.query), nil)
	}
	f := scheduleForm{Draft: backupsched.NewDraft(), Keep: strconv.Itoa(backupsched.DefaultRetentionKeepLast)}
	f.Frequency, f.TimeOfDay = backupsched.Daily, proposedTime
	var err error
	if f.Timezone, err = v.likelyZone(); err != nil {
		return nil, err
	}
	return v.formPage("", f, nil)
}

// likelyZone is the zone that a new schedule is offered: the viewer's. While it is not known, as at
// the first page or without JavaScript, it is that of the newest schedule among those that ran last.
func (v *visit) likelyZone() (string, error) {
	if zoneKnown(v.req) {
		return v.zone.String(), nil
	}
	found, err := v.cfg.Scheduler.List(v.ctx(), v.tenant, v.actor, backupsched.Filter{Sort: backupsched.SortLastRunDown}, runs.PageRequest{Limit: pageSize})
	if err != nil || len(found.Items) == 0 {
		return v.zone.String(), err
	}
	newest := slices.MaxFunc(found.Items, func(a, b backupsched.Schedule) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return newest.Timezone, nil
}

func createSchedule(v *visit) (answer, error) { return v.saveNew(typed(v.form)) }

// saveNew makes the schedule of a form, once for each form however often it is sent.
func (v *visit) saveNew(f scheduleForm) (answer, error) {
	s, _, err := v.cfg.Scheduler.Create(v.ctx(), v.tenant, v.actor, f.Draft)
	var invalid *runs.InvalidError
	var conflict *runs.ConflictError
	switch {
	case errors.As(err, &invalid):
		return v.formPage("", f, invalid.Fields)
	case errors.As(err, &conflict) && conflict.Code == "schedule_exists":
		return v.madeAlready(f)
	}
	return see{v.schedulePath(s.ID), "schedule_created"}, err // whose page shows the warnings
}

func editSchedule(v *visit) (answer, error) {
	s, err := v.schedule()
	if err != nil {
		return nil, err
	}
	if v.query.Has("show") {
		return v.formPage(s.ID, typed(v.query), nil)
	}
	return v.formPage(s.ID, formOf(s), nil)
}

// updateSchedule saves the form, unless somebody has changed the schedule since it was opened. When
// backup sets would go, their plan is shown first; it comes back with the form and the plan's token.
func updateSchedule(v *visit) (answer, error) {
	f := typed(v.form)
	s, _, err := v.cfg.Scheduler.Update(v.ctx(), v.tenant, v.actor, v.id(), f.patch(v.form.Get("confirm_plan")))
	var invalid *runs.InvalidError
	var conflict *runs.ConflictError
	switch {
	case errors.As(err, &invalid):
		return v.formPage(v.id(), f, invalid.Fields)
	case errors.As(err, &conflict) && (conflict.Code == "confirm_plan_required" || conflict.Code == "confirm_plan_stale"):
		return v.confirmKeep(f, conflict.Code == "confirm_plan_stale")
	case errors.As(err, &conflict) && conflict.Code == "schedule_changed":
		return v.changedMeanwhile(f)
	}
	return see{v.schedulePath(s.ID), "schedule_updated"}, scheduleGone(err)
}

// confirmKeep asks whether the sets may go that a lower number to keep would drop.
func (v *visit) confirmKeep(f scheduleForm, stale bool) (answer, error) {
	s, err := v.schedule()
	if err != nil {
		return nil, err
	}
	data, err := v.planData(s, retention.Proposal{KeepLast: f.RetentionKeepLast})
	if err != nil {
		return nil, err
	}
	data.Stale, data.Form, data.Action = stale, v.form, v.path("schedules", string(s.ID), "edit")
	data.Form.Del("confirm_plan")
	pg := page{template: "schedule_plan", title: "Keep fewer backup sets?", section: "schedules", data: data}
	if stale {
		pg.status = http.StatusConflict
	}
	return pg, nil
}
