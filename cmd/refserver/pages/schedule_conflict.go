package pages

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// formConflict says why a form of a schedule was not saved although nothing in it is wrong.
type formConflict struct {
	Who     string // changed the schedule since the form was opened; "You" for the viewer, empty when nothing tells
	When    time.Time
	Differs []difference // between what was typed and what is there now
	Now     string       // leads to the form of the schedule as it is now

	Made     string // instead: leads to the schedule that the form has made already
	MadeName string
	Again    bool // instead: the form has made a schedule that is deleted
}

// difference is a field that is not as it was typed.
type difference struct {
	Field string
	Is    string // now, in words
}

// now is the present value of a field that differs; empty for others.
func (c *formConflict) now(field string) string {
	if c == nil {
		return ""
	}
	for _, d := range c.Differs {
		if d.Field == field {
			return d.Is
		}
	}
	return ""
}

// openedAt is how a form keeps the moment of the change that it was opened at.
func openedAt(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }

// opened is what the form was opened at. A form that does not say it never matches, so that it is
// shown again with what is there now.
func (f scheduleForm) opened() time.Time {
	at, err := time.Parse(time.RFC3339Nano, f.Opened)
	if err != nil || at.IsZero() {
		return time.Unix(0, 0)
	}
	return at
}

// changedMeanwhile shows the form again, with what somebody has saved since it was opened. Saving it
// again is a decision on that. What is there as it was typed, as by a form that was sent twice, needs
// none.
func (v *visit) changedMeanwhile(f scheduleForm) (answer, error) {
	s, err := v.schedule()
	if err != nil {
		return nil, err
	}
	c := &formConflict{Differs: v.changedFields(f, s), Now: v.path("schedules", string(s.ID), "edit")}
	if len(c.Differs) == 0 {
		return see{v.schedulePath(s.ID), "schedule_updated"}, nil
	}
	filter := runs.AuditFilter{Actions: []string{"schedule.updated", "schedule.enabled", "schedule.disabled"}, Resource: s.ID}
	found, err := v.cfg.Starter.Audit(v.ctx(), v.tenant, v.actor, filter, runs.PageRequest{Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(found.Items) > 0 {
		c.Who, c.When = actorWords(found.Items[0].Actor), found.Items[0].At
		if found.Items[0].Actor.ID == v.actor.ID {
			c.Who = "You"
		}
	}
	f.Opened = openedAt(s.UpdatedAt)
	return v.conflictPage(s.ID, f, c)
}

func (v *visit) conflictPage(id runs.ID, f scheduleForm, c *formConflict) (answer, error) {
	pg, err := v.scheduleFormPage(id, f, nil)
	if err != nil {
		return nil, err
	}
	data, _ := pg.data.(scheduleFormData)
	data.Conflict = c
	pg.data, pg.status, pg.now = data, http.StatusConflict, c.now
	return pg, nil
}

// madeAlready shows a form again that has made a schedule, which is not, or no more, what it says now.
func (v *visit) madeAlready(f scheduleForm) (answer, error) {
	c := &formConflict{}
	s, err := v.cfg.Scheduler.Get(v.ctx(), v.tenant, v.actor, f.ID)
	switch {
	case err == nil:
		c.Made, c.MadeName = v.schedulePath(s.ID), s.Name
	case errors.Is(err, runs.ErrDeleted):
		c.Again = true
	case errors.Is(err, runs.ErrNotFound): // no form of this tenant has had this id
		f.ID = ""
		return v.saveNew(f)
	default:
		return nil, err
	}
	f.ID = v.cfg.Starter.Guard().NewID()
	return v.conflictPage("", f, c)
}

// changedFields are the fields of a form that are not as the schedule is, in their order.
func (v *visit) changedFields(f scheduleForm, s backupsched.Schedule) (list []difference) {
	add := func(field string, differs bool, is string) {
		if differs {
			list = append(list, difference{field, is})
		}
	}
	add("name", strings.TrimSpace(f.Name) != s.Name, titled(s.Name))
	add("enabled", f.Enabled != s.Enabled, map[bool]string{true: "enabled", false: "disabled"}[s.Enabled])
	add("frequency", f.Frequency != s.Frequency, map[bool]string{true: "every day", false: "on " + dayWords(s.DaysOfWeek)}[s.Frequency == backupsched.Daily])
	add("days_of_week", f.Frequency == s.Frequency && !sameSet(f.DaysOfWeek, s.DaysOfWeek), dayWords(s.DaysOfWeek))
	add("time_of_day", f.TimeOfDay != s.TimeOfDay, s.TimeOfDay)
	add("timezone", f.Timezone != s.Timezone, s.Timezone)
	add("policy_types", !sameSet(f.PolicyTypes, s.PolicyTypes), v.typesWords(f.PolicyTypes, s.PolicyTypes))
	add("include_foundations", f.IncludeFoundations != s.IncludeFoundations, map[bool]string{true: "included", false: "not included"}[s.IncludeFoundations])
	add("retention_keep_last", f.Keep != strconv.Itoa(s.RetentionKeepLast), number(s.RetentionKeepLast))
	return list
}

// sameSet tells whether two lists have the same elements, in whatever order.
func sameSet[T comparable](a, b []T) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(x T) bool { return !slices.Contains(b, x) })
}

// typesWords say how the types of a schedule are others than those that were ticked: "with Mobile
// apps, without Device configuration".
func (v *visit) typesWords(ticked, is []graph.PolicyType) string {
	var words []string
	for _, part := range []struct {
		word        string
		list, other []graph.PolicyType
	}{{"with ", is, ticked}, {"without ", ticked, is}} {
		var names []string
		for _, t := range part.list {
			if !slices.Contains(part.other, t) {
				names = append(names, v.typeName(t))
			}
		}
		const named = 5
		if more := len(names) - named; more > 1 {
			names = append(names[:named], "and "+number(more)+" more")
		}
		if len(names) > 0 {
			words = append(words, part.word+strings.Join(names, ", "))
		}
	}
	return strings.Join(words, "; ")
}
