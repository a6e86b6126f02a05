package pages_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/runs"
)

// bulk sends the form of the list, and goes where it leads.
func (w *world) bulk(as runs.Actor, action string, ids ...runs.ID) response {
	w.t.Helper()
	form := url.Values{"action": {action}}
	for _, id := range ids {
		form.Add("ids", string(id))
	}
	return w.bulkForm(as, form)
}

func (w *world) bulkForm(as runs.Actor, form url.Values) response {
	w.t.Helper()
	got := w.post(as, tenantPath("schedules", "bulk"), form)
	switch to := got.Header.Get("Location"); {
	case got.StatusCode == http.StatusSeeOther:
		return w.get(as, to)
	case got.StatusCode == http.StatusOK:
		w.t.Error("a form was answered by a page, which a reload sends again")
	}
	return got
}

func TestManySchedulesAtOnceGiveOneResultEach(t *testing.T) {
	w := newWorld(t, nil)
	late, off, soon := w.three()
	gone := w.schedule(func(d *backupsched.Draft) { d.Name = "gone" })
	check(t, w.cfg.Scheduler.Delete(t.Context(), tenant, owner, gone.ID, ""))
	unknown := runs.ID("01980000-0000-7000-8000-000000000001")

	got := w.bulk(operator, "run_now", late.ID, gone.ID, off.ID, unknown)
	got.shows(t, "2 of 4 schedules started. 2 could not be.", "b late", "A off", "View run", "It had been deleted already.", "Your role does not allow it for this one, or there is no such schedule.", ">gone<")
	if got.lacks(t, `type="checkbox"`); strings.Count(got.body, "View run") != 2 {
		t.Error("not two runs are linked")
	}
	w.drain()
	w.bulk(operator, "retry", soon.ID).shows(t, "0 of 1 schedule", "It has not run yet, or its last run succeeded.")
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
	got = w.bulkForm(manager, form)
	got.shows(t, "2 of 2 schedules deleted.", "b late")
	got.lacks(t, tenantPath("schedules", late.ID))
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
		"too many": w.bulk(owner, "enable", many...), "twice": w.bulk(owner, "enable", s.ID, s.ID),
		"no id": w.bulk(owner, "enable", "x"), "unknown": w.bulk(owner, "explode", s.ID),
	} {
		if got.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s", name, got.Status)
		}
	}
}

func TestAFormWithoutAChoiceLeadsBackToItsList(t *testing.T) {
	w := newWorld(t, nil)
	w.schedule(nil)
	form := url.Values{"action": {"enable"}, "back": {tenantPath("schedules") + "?sort=-name"}}
	w.post(owner, tenantPath("schedules", "bulk"), form).leads(t, tenantPath("schedules")+"?sort=-name&notice=none_chosen")
	w.bulk(owner, "delete").shows(t, `class="warning" id="notice"`, "no schedule was chosen", "Nightly")
}

func TestTheResultsOfManySchedulesStandInTheirAddress(t *testing.T) {
	w := newWorld(t, nil)
	form := url.Values{"action": {"run_now"}, "back": {tenantPath("schedules") + "?sort=-name"}}
	for i := range backupsched.MaxBulk {
		form.Add("ids", string(w.schedule(func(d *backupsched.Draft) { d.Name = fmt.Sprintf("Schedule %03d", i) }).ID))
	}
	asked := w.post(operator, tenantPath("schedules", "bulk"), form)
	to := asked.Header.Get("Location")
	if asked.StatusCode != http.StatusSeeOther || len(to) > 9200 {
		t.Fatalf("%s, to an address of %d bytes", asked.Status, len(to))
	}
	started := len(w.queue.jobs)
	for range 2 { // a reload does nothing again
		got := w.get(readonly, to)
		got.shows(t, "200 of 200 schedules started.", "Schedule 000", "Schedule 199")
		got.has(t, `href="`+html.EscapeString(tenantPath("schedules")+"?sort=-name")+`"`)
		if n := strings.Count(got.body, "View run"); n != backupsched.MaxBulk || len(got.body) > mostPage {
			t.Errorf("%d runs, %d bytes", n, len(got.body))
		}
	}
	if len(w.queue.jobs) != started || started != backupsched.MaxBulk {
		t.Errorf("%d jobs, then %d", started, len(w.queue.jobs))
	}
}

func TestRunsThatWereStartedTogetherAreFoundTogether(t *testing.T) {
	w := newWorld(t, nil)
	late, off, soon := w.three()
	_, _, err := w.cfg.Scheduler.RunNow(t.Context(), tenant, manager, late.ID)
	check(t, err)
	form := url.Values{"action": {"run_now"}, "ids": {string(late.ID), string(off.ID), string(soon.ID)}}
	to := w.post(operator, tenantPath("schedules", "bulk"), form).Header.Get("Location")
	got := w.get(operator, to)
	got.shows(t, "2 of 3 schedules started, 1 was under way already.", "b late was under way View run", "A off started queued View run", "All these runs", "#results:outerMorph")
	batch := regexp.MustCompile(`href="([^"]*runs\?batch=[^"]*)"`).FindStringSubmatch(got.body)
	if batch == nil {
		t.Fatal("no link to the batch")
	}
	w.bulk(operator, "run_now", late.ID, soon.ID).shows(t, "0 of 2 schedules started, 2 were under way already.")
	w.drain()
	got = w.get(operator, to)
	got.shows(t, "A off started success View run", "2 of 3 schedules started, 1 was under way already.")
	got.lacks(t, "#results:")

	list := w.get(operator, batch[1]+"&status=success")
	list.shows(t, "Started together", "2 runs", `type="hidden" name="batch"`, `href="`+tenantPath("runs")+`?status=success" aria-label="Remove the filter`)
	run := regexp.MustCompile(`<th scope="row" role="rowheader"><a href="([^"]*)"`).FindStringSubmatch(list.body)
	w.get(operator, run[1]).shows(t, "Started together with 1 other run", html.EscapeString(batch[1]))

	news := w.get(operator, tenantPath("notifications"))
	news.shows(t, "Backup: 2 runs new", "2 successful.", "View runs")
	for _, f := range formsOf(t, tenantPath("notifications"), news.body) {
		if strings.HasSuffix(f.action, "/open") {
			w.post(operator, f.action, nil).leads(t, batch[1])
		}
	}
	w.shows(w.get(operator, tenantPath("runs")+"?batch=x"), http.StatusUnprocessableEntity, `id="batch-error"`)
	w.get(operator, tenantPath("runs")+"?batch="+unknownID).shows(t, "No run fits this filter.")
	if got := w.get(operator, strings.Replace(to, "batch=", "batch=x", 1)); got.StatusCode != http.StatusBadRequest {
		t.Errorf("a batch that is none: %s", got.Status)
	}
}

func TestAnAddressOfResultsThatNoFormLeadsToShowsNothing(t *testing.T) {
	w := newWorld(t, nil)
	at := tenantPath("schedules", "bulk")
	some := strings.Repeat("AZgAAAAAcACAAAAAAAAAAQ", 2) // two ids that nobody has
	for _, query := range []string{
		"action=run_now&done=x", "action=run_now&done=" + some[:22], "action=enable&done=" + strings.Repeat("?", 22), "action=explode&done=" + some,
		"action=enable&done=" + strings.Repeat(some, 101), "action=enable&done=", "action=enable&not=deleted." + some[:21], "action=enable&done=&was=" + some, "action=run_now&done=&was=" + some[:22], "action=delete&ids=x",
		"action=enable&ids=" + some, "action=delete&ids=" + strings.Repeat(some, 101), "action=delete&ids=" + strings.Repeat(some, 300),
	} {
		if got := w.get(owner, at+"?"+query); got.StatusCode != http.StatusBadRequest && got.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%.60s: %s", query, got.Status)
		}
	}
	got := w.get(owner, at+"?action=enable&not="+url.QueryEscape(marker)+"."+some)
	got.shows(t, "0 of 2 schedules enabled.", "a schedule that is not there", "It could not be done.")
	got.lacks(t, "hostile")
	got = w.get(owner, at+"?action=enable&done="+some+"&back="+url.QueryEscape("https://example.com/"))
	got.lacks(t, "example.com")
	if got := w.get(owner, at); got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != tenantPath("schedules") {
		t.Errorf("without anything: %s to %s", got.Status, got.Header.Get("Location"))
	}
	if got := w.get(readonly, at+"?action=delete&ids="+some); got.StatusCode != http.StatusForbidden {
		t.Errorf("the question, to whom it is not for: %s", got.Status)
	}
}
