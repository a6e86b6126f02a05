package pages_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/runs"
)

func (w *world) bulk(as runs.Actor, action string, ids ...runs.ID) response {
	form := url.Values{"action": {action}}
	for _, id := range ids {
		form.Add("ids", string(id))
	}
	return w.post(as, tenantPath("schedules", "bulk"), form)
}

func TestManySchedulesAtOnceGiveOneResultEach(t *testing.T) {
	w := newWorld(t, nil)
	late, off, soon := w.three()
	gone := w.schedule(func(d *backupsched.Draft) { d.Name = "gone" })
	check(t, w.cfg.Scheduler.Delete(t.Context(), tenant, owner, gone.ID, ""))
	unknown := runs.ID("01980000-0000-7000-8000-000000000001")

	got := w.bulk(operator, "run_now", late.ID, gone.ID, off.ID, unknown)
	got.shows(t, "2 of 4 schedules started. 2 could not be.", "b late", "A off", "View run", "This schedule has been deleted.", "Your role does not allow this, or there is nothing")
	if got.lacks(t, `type="checkbox"`); strings.Count(got.body, "View run") != 2 {
		t.Error("not two runs are linked")
	}
	w.drain()
	w.bulk(operator, "retry", soon.ID).shows(t, "0 of 1 schedule", "The schedule has not run yet")
	w.bulk(manager, "disable", late.ID, soon.ID).shows(t, "2 of 2 schedules disabled.")
	if must(w.cfg.Scheduler.Get(t.Context(), tenant, owner, soon.ID))(t).Enabled {
		t.Error("it is still enabled")
	}
	w.bulk(manager, "enable", late.ID).shows(t, "1 of 1 schedule enabled.")
}

func TestManySchedulesAreNamedBeforeTheyAreDeleted(t *testing.T) {
	w := newWorld(t, nil)
	late, off, _ := w.three()
	got := w.bulk(manager, "delete", late.ID, off.ID)
	got.shows(t, "Delete 2 schedules?", "b late", "A off", "This cannot be undone.")
	got.lacks(t, "c soon")
	must(w.cfg.Scheduler.Get(t.Context(), tenant, owner, late.ID))(t)
	form := url.Values{"action": {"delete"}, "confirmed": {"yes"}, "ids": {string(late.ID), string(off.ID)}}
	w.post(manager, tenantPath("schedules", "bulk"), form).shows(t, "2 of 2 schedules deleted.", "b late")
	if names := w.get(manager, tenantPath("schedules")).names(); strings.Join(names, ",") != "c soon" {
		t.Errorf("left: %q", names)
	}
	w.bulk(manager, "delete", late.ID).shows(t, "None of the chosen schedules is there any more.")
}

func TestAChoiceThatMakesNoSenseIsRefused(t *testing.T) {
	w := newWorld(t, nil)
	s := w.schedule(nil)
	many := make([]runs.ID, backupsched.MaxBulk+1)
	for i := range many {
		many[i] = s.ID
	}
	for name, got := range map[string]response{
		"none": w.bulk(owner, "enable"), "too many": w.bulk(owner, "enable", many...), "twice": w.bulk(owner, "enable", s.ID, s.ID),
		"no id": w.bulk(owner, "enable", "x"), "unknown": w.bulk(owner, "explode", s.ID),
	} {
		if got.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s", name, got.Status)
		}
	}
}
