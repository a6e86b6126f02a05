package pages_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
)

// filledForm is a form without faults; pairs change fields, an empty value takes one away.
func filledForm(pairs ...string) url.Values {
	f := url.Values{
		"name": {"Weekly"}, "enabled": {"yes"}, "frequency": {"weekly"}, "days_of_week": {"1", "3"}, "time_of_day": {"02:30"},
		"timezone": {"Europe/Berlin"}, "policy_types": {"settingsCatalogPolicy", "mobileApp"}, "include_foundations": {"yes"}, "retention_keep_last": {"7"},
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		f.Del(pairs[i])
		if pairs[i+1] != "" {
			f.Set(pairs[i], pairs[i+1])
		}
	}
	return f
}

// editForm is the form of a schedule as it is now, filled in like filledForm.
func editForm(s backupsched.Schedule, pairs ...string) url.Values {
	f := filledForm(pairs...)
	f.Set("if_updated_at", s.UpdatedAt.Format(time.RFC3339Nano))
	return f
}

func TestTheFormMakesTheScheduleThatItShows(t *testing.T) {
	w := newWorld(t, nil)
	w.get(manager, tenantPath("schedules", "new")).shows(t, "Frequency", "Time zone", "Settings catalog", "not restorable", "Also back up what policies refer to", "Mon 5 Jan 2026, 04:00 UTC")
	got := w.post(manager, tenantPath("schedules", "new"), filledForm())
	list := must(w.cfg.Scheduler.List(t.Context(), tenant, owner, backupsched.Filter{}, runs.PageRequest{}))(t)
	if len(list.Items) != 1 {
		t.Fatalf("%d schedules: %s", len(list.Items), text(got.body))
	}
	s := list.Items[0]
	got.leads(t, tenantPath("schedules", s.ID)+"?notice=schedule_created")
	if s.Name != "Weekly" || !s.Enabled || !s.IncludeFoundations || s.RetentionKeepLast != 7 || len(s.PolicyTypes) != 2 || !slices.Equal(s.DaysOfWeek, []int{1, 3}) {
		t.Errorf("saved as %+v", s)
	}
	w.post(manager, tenantPath("schedules", s.ID, "edit"), editForm(s, "frequency", "daily", "enabled", "", "name", "Daily")).leads(t, tenantPath("schedules", s.ID)+"?notice=schedule_updated")
	s = must(w.cfg.Scheduler.Get(t.Context(), tenant, owner, s.ID))(t)
	if s.Name != "Daily" || s.Enabled || s.Frequency != backupsched.Daily || len(s.DaysOfWeek) != 0 {
		t.Errorf("changed to %+v", s)
	}
}

func TestANewScheduleIsOfferedALikelyZone(t *testing.T) {
	w := newWorld(t, nil)
	at := tenantPath("schedules", "new")
	offers := func(got response, zone string) {
		t.Helper()
		got.shows(t, `name="timezone" value="`+zone+`"`)
	}
	offers(w.get(manager, at), "UTC") // nothing is known
	w.schedule(func(d *backupsched.Draft) { d.Timezone = "Asia/Tokyo" })
	w.clock.Add(time.Minute)
	w.schedule(func(d *backupsched.Draft) { d.Name, d.Timezone = "A", "America/New_York" })
	offers(w.get(manager, at), "America/New_York")
	offers(w.getIn("Europe/Berlin", manager, at), "Europe/Berlin")
	offers(w.getIn("UTC", manager, at), "UTC")
	offers(w.getIn("Europe/Atlantis", manager, at), "America/New_York")
}

func TestTheFormsSayHowManyTypesCanBeBackedUp(t *testing.T) {
	w := newWorld(t, nil)
	n := 0
	for _, info := range graph.Catalog.All() {
		if info.Capturable() {
			n++
		}
	}
	for _, at := range []string{tenantPath("schedules", "new"), tenantPath("sets", "new")} {
		got := w.get(manager, at)
		got.shows(t, fmt.Sprintf("%d policy types can be backed up. See which of them the app may read", n), `href="`+tenantPath("permissions")+`"`)
		if boxes := strings.Count(got.body, `name="policy_types"`); boxes != n {
			t.Errorf("%s offers %d types and says %d", at, boxes, n)
		}
	}
}

func TestAFormWithFaultsKeepsWhatWasTypedAndNamesTheFields(t *testing.T) {
	w := newWorld(t, nil)
	s := w.schedule(nil)
	for _, path := range []string{tenantPath("schedules", "new"), tenantPath("schedules", s.ID, "edit")} {
		for _, tt := range []struct{ field, value string }{
			{"name", "  "}, {"frequency", "hourly"}, {"days_of_week", ""}, {"days_of_week", "x"}, {"time_of_day", "25:00"}, {"timezone", "Europe/Atlantis"},
			{"policy_types", ""}, {"policy_types", "nosuchtype"}, {"retention_keep_last", "many"}, {"retention_keep_last", "0"},
		} {
			form := editForm(s, "name", "Typed <name>", "retention_keep_last", "77")
			form.Set(tt.field, tt.value)
			if tt.value == "" {
				form.Del(tt.field)
			}
			got := w.post(manager, path, form)
			if got.StatusCode != http.StatusUnprocessableEntity {
				t.Errorf("%s=%q: %s", tt.field, tt.value, got.Status)
				continue
			}
			if !strings.Contains(got.body, `id="`+tt.field+`-error"`) || strings.Count(got.body, `aria-invalid="true"`) != 1 {
				t.Errorf("%s=%q: the field is not marked", tt.field, tt.value)
			}
			if tt.field != "name" {
				got.has(t, `value="Typed &lt;name&gt;"`)
			}
			if tt.field != "retention_keep_last" {
				got.has(t, `value="77"`)
			}
			if tt.field == "timezone" || tt.field == "retention_keep_last" {
				got.has(t, `value="`+tt.value+`"`)
			}
			if tt.field != "policy_types" {
				got.has(t, `value="mobileApp" checked`)
			}
		}
	}
}

func TestTheNextRunsAreShownWithNotesOnDaysThatLackTheTime(t *testing.T) {
	w := newWorld(t, nil)
	w.clock.Set(time.Date(2026, 3, 27, 12, 0, 0, 0, time.UTC))
	for _, tt := range []struct {
		form url.Values
		want []string
	}{
		{filledForm("frequency", "daily"), []string{
			"Sat 28 Mar 2026, 02:30 CET", "Mon 30 Mar 2026, 02:30 CEST", "for you Mon 30 Mar 2026, 00:30 UTC",
			"Sun 29 Mar: 02:30 does not exist in Europe/Berlin, this run is skipped. Set the time to 03:00 to run on that day, too.",
		}},
		{filledForm("days_of_week", "7"), []string{"Sun 5 Apr 2026", "Sun 29 Mar: 02:30 does not exist in Europe/Berlin, this run is skipped, which leaves 14 days without one."}},
		{filledForm("timezone", "Europe/Atlantis"), []string{"The time zone"}},
		{filledForm("time_of_day", ""), []string{"The time of day"}},
		{filledForm("days_of_week", ""), []string{"The days of the week"}},
	} {
		got := w.get(readonly, tenantPath("schedules", "preview")+"?"+tt.form.Encode())
		if got.StatusCode != http.StatusOK || strings.Contains(got.body, "<html") {
			t.Errorf("%s: not a fragment", got.Status)
		}
		body := strings.Join(strings.Fields(text("<main "+got.body)), " ")
		// Without scripts, the form's button shows the same, and nothing typed is lost.
		whole := w.get(manager, tenantPath("schedules", "new")+"?show=yes&"+tt.form.Encode())
		whole.shows(t, `value="Weekly"`)
		for _, want := range tt.want {
			if !strings.Contains(body, want) || !strings.Contains(text(whole.body), want) {
				t.Errorf("the fragment lacks %q, or the page: %s", want, body)
			}
		}
	}
}

func TestTheViewersZoneIsOfferedFirst(t *testing.T) {
	w := newWorld(t, nil)
	body := w.get(manager, tenantPath("schedules", "new")).body
	_, zones, _ := strings.Cut(body, "<datalist")
	if first, utc := strings.Index(zones, "<option"), strings.Index(zones, `"UTC"`); utc < first || utc-first > 20 || strings.Count(zones, `"UTC"`) != 1 {
		t.Error("UTC, the viewer's zone, is not the first of the zones")
	}
}

// crowded makes a schedule with complete sets that are old enough to go.
func (w *world) crowded(sets int) backupsched.Schedule {
	w.t.Helper()
	s := w.schedule(nil)
	for range sets {
		w.backup(s.ID)
		w.clock.Add(time.Hour)
	}
	w.clock.Add(48 * time.Hour)
	return s
}

func (w *world) setsOf(s backupsched.Schedule) int {
	w.t.Helper()
	return must(w.cfg.Retention.Preview(w.t.Context(), tenant, owner, s.ID, retention.Proposal{}))(w.t).Kept
}

func TestKeepingFewerSetsShowsWhichGoAndWaitsForTheConsent(t *testing.T) {
	w := newWorld(t, nil)
	s := w.crowded(4)
	path, form := tenantPath("schedules", s.ID, "edit"), editForm(s, "name", "Renamed", "retention_keep_last", "3")
	got := w.post(manager, path, form)
	got.shows(t, "Keep fewer backup sets?", "is not saved yet", "takes 1 backup set away", "These go", "older than the newest ones that are kept", "These stay", "one of the newest complete sets")
	got.has(t, `name="name" value="Renamed"`, `name="policy_types" value="mobileApp"`)
	if must(w.cfg.Scheduler.Get(t.Context(), tenant, owner, s.ID))(t).RetentionKeepLast != 30 {
		t.Fatal("it was saved without the consent")
	}
	plan := must(w.cfg.Retention.Preview(t.Context(), tenant, owner, s.ID, retention.Proposal{KeepLast: 3}))(t)
	got.has(t, `name="confirm_plan" value="`+plan.Token+`"`)

	// Another set comes: what was seen is stale, and the plan of now shows.
	w.backup(s.ID)
	form.Set("confirm_plan", plan.Token)
	again := w.post(manager, path, form)
	if again.StatusCode != http.StatusConflict {
		t.Errorf("a stale plan: %s", again.Status)
	}
	again.has(t, "Backup sets came or went since you looked.")
	again.lacks(t, plan.Token)
	plan = must(w.cfg.Retention.Preview(t.Context(), tenant, owner, s.ID, retention.Proposal{KeepLast: 3}))(t)
	form.Set("confirm_plan", plan.Token)
	w.post(manager, path, form).leads(t, tenantPath("schedules", s.ID)+"?notice=schedule_updated")
	w.drain()
	if s = must(w.cfg.Scheduler.Get(t.Context(), tenant, owner, s.ID))(t); s.RetentionKeepLast != 3 || s.Name != "Renamed" {
		t.Errorf("saved as %+v", s)
	}
}

func TestRetentionThatWaitsIsConfirmedFromTheSchedule(t *testing.T) {
	w := newWorld(t, nil)
	s, other := w.crowded(5), w.crowded(3)
	// Nobody lets so much go by a change; here the number is lowered behind the pages' back.
	lower := func(s backupsched.Schedule, keep int) {
		_, err := w.store.ChangeSchedule(t.Context(), tenant, s.ID, func(_ time.Time, x backupsched.Schedule) (backupsched.ScheduleChange, error) {
			x.RetentionKeepLast = keep
			return backupsched.ScheduleChange{Schedule: x}, nil
		})
		check(t, err)
	}
	lower(s, 1)
	lower(other, 1)
	w.get(readonly, tenantPath("schedules", s.ID)).shows(t, "Retention waits: more than half of the backup sets would go.", "Look at the plan")
	seen := w.get(readonly, tenantPath("schedules", s.ID, "retention"))
	seen.shows(t, "4 sets go", "Somebody who may confirm retention")
	seen.lacks(t, "confirm_plan")
	w.get(manager, tenantPath("schedules", s.ID, "retention")).shows(t, "Let 4 sets go")
	stale := w.post(manager, tenantPath("schedules", s.ID, "retention"), url.Values{"confirm_plan": {"other"}})
	if stale.StatusCode != http.StatusConflict {
		t.Errorf("a stale plan: %s", stale.Status)
	}
	stale.has(t, "This is the plan as it is now")
	plan := must(w.cfg.Retention.Preview(t.Context(), tenant, owner, s.ID, retention.Proposal{}))(t)
	got := w.post(manager, tenantPath("schedules", s.ID, "retention"), url.Values{"confirm_plan": {plan.Token}})
	if got.StatusCode != http.StatusSeeOther || !strings.Contains(got.Header.Get("Location"), "/runs/") {
		t.Fatalf("got %s: %s", got.Status, text(got.body))
	}
	run, _, _ := strings.Cut(got.Header.Get("Location"), "?")
	for _, path := range []string{tenantPath("schedules", s.ID), tenantPath("schedules", s.ID, "retention")} {
		busy := w.get(manager, path)
		busy.shows(t, "Retention is at work", `href="`+run+`">Follow its run`)
		busy.lacks(t, "Retention waits", `name="confirm_plan"`)
	}
	waits := w.get(manager, tenantPath("schedules", other.ID))
	waits.shows(t, "Retention waits")
	waits.lacks(t, "Retention is at work")
	lower(s, 2) // another plan than the one that was confirmed: the run will stop
	w.get(manager, tenantPath("schedules", s.ID)).shows(t, "Retention waits")
	lower(s, 1)
	begin := func(to runs.Status) {
		_, err := w.store.ChangeRun(t.Context(), tenant, runs.ID(run[strings.LastIndex(run, "/")+1:]), func(now time.Time, r runs.Run, _ runs.Room) (runs.Change, error) {
			r.Status, r.LeaseUntil = to, now.Add(time.Minute)
			return runs.Change{Run: r}, nil
		})
		check(t, err)
	}
	begin(runs.StatusRunning)
	w.get(manager, tenantPath("schedules", other.ID)).lacks(t, "Retention is at work") // but for the other one
	lower(s, 2)                                                                        // what is left of a plan is another one
	w.get(manager, tenantPath("schedules", s.ID)).shows(t, "Retention is at work")
	lower(s, 1)
	begin(runs.StatusQueued)
	w.drain()
	w.get(manager, tenantPath("schedules", s.ID)).lacks(t, "Retention is at work", "Retention waits")
	if n := w.setsOf(s); n != 1 {
		t.Errorf("%d sets are left, want 1", n)
	}
}
