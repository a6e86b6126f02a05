package pages_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
)

// tab opens the form of a page that leads to its own address.
func (w *world) tab(as runs.Actor, path string) url.Values {
	w.t.Helper()
	return w.formIn(path, w.get(as, path))
}

// formIn is what the form for a path would send from a page that was got.
func (w *world) formIn(path string, got response) url.Values {
	w.t.Helper()
	for _, f := range formsOf(w.t, path, got.body) {
		if f.method == http.MethodPost && f.action == path {
			return f.values
		}
	}
	w.t.Fatalf("%s has no form: %s %s", path, got.Status, text(got.body))
	return nil
}

func (w *world) stored(id runs.ID) backupsched.Schedule {
	w.t.Helper()
	return must(w.store.GetSchedule(w.t.Context(), tenant, id))(w.t)
}

func with(form url.Values, pairs ...string) url.Values {
	for i := 0; i+1 < len(pairs); i += 2 {
		form[pairs[i]] = strings.Fields(pairs[i+1])
	}
	return form
}

func TestAnOlderTabTakesNothingBackUnseen(t *testing.T) {
	w := newWorld(t, nil)
	s := w.schedule(nil)
	path := tenantPath("schedules", s.ID, "edit")
	mine, theirs := w.tab(owner, path), w.tab(manager, path)
	w.clock.Add(time.Minute)
	w.post(manager, path, with(theirs, "time_of_day", "03:00", "retention_keep_last", "99")).leads(t, tenantPath("schedules", s.ID)+"?notice=schedule_updated")
	w.clock.Add(time.Minute)

	got := w.post(owner, path, with(mine, "name", "Mine"))
	if got.StatusCode != http.StatusConflict || w.stored(s.ID).Name != "Nightly" {
		t.Fatalf("%s, saved as %q", got.Status, w.stored(s.ID).Name)
	}
	got.has(t, "Nothing was saved yet.", "Mara Manager changed this schedule on Sun 4 Jan 2026, 12:01 UTC", "after this form was opened.", "Time of day : now 03:00", "Backup sets to keep : now 99")
	got.has(t, `id="time_of_day-now">Now <strong>03:00</strong>`, `aria-describedby="time_of_day-now"`, `aria-describedby="keep-help retention_keep_last-now"`,
		`value="Mine"`, `value="02:30"`, `value="30"`, `href="#retention_keep_last"`, `href="`+path+`"`)
	if n := strings.Count(got.body, `-now">Now`); n != 3 { // the name, too
		t.Errorf("%d fields say what they are now, want 3", n)
	}

	// Saving again is a decision on what was shown; a change that comes after that is shown, too.
	again := w.formIn(path, got)
	w.clock.Add(time.Minute)
	check(t, second(w.cfg.Scheduler.Disable(t.Context(), tenant, owner, s.ID)))
	if got = w.post(owner, path, again); got.StatusCode != http.StatusConflict {
		t.Fatalf("what came after the first conflict: %s", got.Status)
	}
	got.has(t, "You changed this schedule", "Enabled : now disabled")
	w.post(owner, path, w.formIn(path, got)).leads(t, tenantPath("schedules", s.ID)+"?notice=schedule_updated")
	if now := w.stored(s.ID); now.Name != "Mine" || now.TimeOfDay != "02:30" || now.RetentionKeepLast != 30 || !now.Enabled {
		t.Errorf("saved as %+v", now)
	}
}

func second[T any](_ T, err error) error { return err }

func TestAConflictSaysOfEachFieldWhatItIsNow(t *testing.T) {
	w := newWorld(t, nil)
	for field, tt := range map[string]struct{ values, label, now string }{
		"name":                {"Theirs", "Name", "\u2068Theirs\u2069"},
		"enabled":             {"", "Enabled", "disabled"},
		"frequency":           {"daily", "Frequency", "every day"},
		"days_of_week":        {"2 7", "Days of the week", "Tue, Sun"},
		"time_of_day":         {"04:05", "Time of day", "04:05"},
		"timezone":            {"Asia/Tokyo", "Time zone", "Asia/Tokyo"},
		"policy_types":        {"mobileApp deviceConfiguration", "Policy types", "with Device configuration profiles; without Settings catalog"},
		"include_foundations": {"", "Include foundations", "not included"},
		"retention_keep_last": {"1234", "Backup sets to keep", "1,234"},
	} {
		t.Run(field, func(t *testing.T) {
			w.t = t
			w.post(manager, tenantPath("schedules", "new"), filledForm("name", field))
			found := must(w.cfg.Scheduler.List(t.Context(), tenant, owner, backupsched.Filter{Search: field}, runs.PageRequest{}))(t)
			path := tenantPath("schedules", found.Items[0].ID, "edit")
			mine, theirs := w.tab(owner, path), w.tab(manager, path)
			w.clock.Add(time.Minute)
			w.post(manager, path, with(theirs, field, tt.values)).leads(t, tenantPath("schedules", found.Items[0].ID)+"?notice=schedule_updated")
			got := w.post(owner, path, mine)
			if got.StatusCode != http.StatusConflict {
				t.Fatal(got.Status)
			}
			got.has(t, tt.label+" : now "+tt.now)
			got.has(t, `id="`+field+`-now">Now <strong>`+tt.now+`</strong>`)
			if !regexp.MustCompile(`aria-describedby="([a-z-]+ )?` + field + `-now"`).MatchString(got.body) {
				t.Error("the field is not described by it")
			}
			if n := strings.Count(got.body, `-now">Now`); n != 1 {
				t.Errorf("%d fields differ, want 1", n)
			}
			again := w.formIn(path, got)
			mine.Del("if_updated_at")
			again.Del("if_updated_at")
			if again.Encode() != mine.Encode() {
				t.Errorf("typed was %s, shown is %s", mine.Encode(), again.Encode())
			}
		})
	}
}

// TestOnlyPeopleMakeAnOlderTab: neither the engine nor the same form sent twice is in the way.
func TestOnlyPeopleMakeAnOlderTab(t *testing.T) {
	w := newWorld(t, nil)
	s := w.schedule(nil)
	path, saved := tenantPath("schedules", s.ID, "edit"), tenantPath("schedules", s.ID)+"?notice=schedule_updated"
	form := w.tab(manager, path)
	w.clock.Set(s.NextRunAt)
	must(w.dispatcher.Tick(t.Context()))(t)
	w.drain()
	w.backup(s.ID)
	form = with(form, "name", "Renamed")
	w.post(manager, path, form).leads(t, saved)
	once := w.stored(s.ID)
	w.post(manager, path, form).leads(t, saved) // a double click
	if twice := w.stored(s.ID); twice.Name != "Renamed" || !twice.UpdatedAt.Equal(once.UpdatedAt) {
		t.Errorf("sent twice it is %+v", twice)
	}
	// What says nothing of what it was opened with is no form of these pages.
	for _, opened := range []string{"", "yesterday", "0001-01-01T00:00:00Z", "\u00a0"} {
		got := w.post(manager, path, with(w.tab(manager, path), "name", "Blind", "if_updated_at", opened))
		if got.StatusCode != http.StatusConflict || w.stored(s.ID).Name != "Renamed" {
			t.Errorf("opened at %q: %s, saved as %q", opened, got.Status, w.stored(s.ID).Name)
		}
	}
}

func TestWhatAFormWasOpenedWithGoesThroughEveryStep(t *testing.T) {
	w := newWorld(t, nil)
	s := w.crowded(4)
	path := tenantPath("schedules", s.ID, "edit")
	rename := func(name string) {
		w.clock.Add(time.Minute)
		_, _, err := w.cfg.Scheduler.Update(t.Context(), tenant, manager, s.ID, backupsched.Patch{Name: &name})
		check(t, err)
	}
	refused := func(what string, got response, name string) {
		t.Helper()
		if got.StatusCode != http.StatusConflict || w.stored(s.ID).Name != name {
			t.Errorf("%s: %s, named %q", what, got.Status, w.stored(s.ID).Name)
		}
		got.has(t, "Name : now")
		if n := must(w.cfg.Retention.Preview(t.Context(), tenant, owner, s.ID, retention.Proposal{}))(t).Kept; n != 4 {
			t.Errorf("%s: %d sets are left, want 4", what, n)
		}
	}
	// A form that was not right at first.
	form := w.formIn(path, w.post(owner, path, with(w.tab(owner, path), "time_of_day", "25:00")))
	rename("one")
	refused("after faults", w.post(owner, path, with(form, "time_of_day", "04:00")), "one")
	// The plan of what goes.
	form = w.formIn(path, w.post(owner, path, with(w.tab(owner, path), "retention_keep_last", "2")))
	if form.Get("confirm_plan") == "" {
		t.Fatal("no plan was shown")
	}
	rename("two")
	refused("with a plan", w.post(owner, path, form), "two")
	// A plan that is stale, shown again.
	form = w.formIn(path, w.post(owner, path, with(w.tab(owner, path), "retention_keep_last", "2", "confirm_plan", "stale")))
	rename("three")
	refused("with a stale plan", w.post(owner, path, form), "three")
	// The button for those without scripts.
	form = w.formIn(path, w.get(owner, path+"?show=yes&"+w.tab(owner, path).Encode()))
	rename("four")
	refused("after the next runs were shown", w.post(owner, path, form), "four")
}

func TestOfFormsThatAreSavedAtOnceOneIsSaved(t *testing.T) {
	w := newWorld(t, nil)
	s := w.schedule(nil)
	path := tenantPath("schedules", s.ID, "edit")
	var forms []url.Values
	for i := range 6 {
		forms = append(forms, with(w.tab(manager, path), "name", "Name-"+string(rune('a'+i))))
	}
	statuses := make([]int, len(forms))
	var wg sync.WaitGroup
	for i, form := range forms {
		wg.Go(func() { statuses[i] = w.post(manager, path, form).StatusCode })
	}
	wg.Wait()
	saved := -1
	for i, status := range statuses {
		switch {
		case status == http.StatusSeeOther && saved < 0:
			saved = i
		case status != http.StatusConflict:
			t.Errorf("form %d: %d, after form %d was saved", i, status, saved)
		}
	}
	if saved < 0 || w.stored(s.ID).Name != forms[saved].Get("name") {
		t.Errorf("form %d was saved, the name is %s", saved, w.stored(s.ID).Name)
	}
}

func TestANewScheduleThatIsSentTwiceIsMadeOnce(t *testing.T) {
	w := newWorld(t, nil)
	path := tenantPath("schedules", "new")
	all := func() []backupsched.Schedule {
		return must(w.cfg.Scheduler.List(t.Context(), tenant, owner, backupsched.Filter{}, runs.PageRequest{}))(t).Items
	}
	form := w.formIn(path, w.post(manager, path, with(w.tab(manager, path), "name", "", "policy_types", "mobileApp"))) // with a fault at first
	form = w.formIn(path, w.get(manager, path+"?show=yes&"+with(form, "name", "Once").Encode()))
	locations := make([]string, 4)
	var wg sync.WaitGroup
	for i := range locations {
		wg.Go(func() { locations[i] = w.post(manager, path, form).Header.Get("Location") })
	}
	wg.Wait()
	if len(all()) != 1 {
		t.Fatalf("%d schedules", len(all()))
	}
	made := all()[0]
	for _, to := range locations {
		if to != tenantPath("schedules", made.ID)+"?notice=schedule_created" {
			t.Errorf("one leads to %q", to)
		}
	}

	// Another schedule from the same form is made knowingly.
	got := w.post(manager, path, with(form, "name", "Another"))
	if got.StatusCode != http.StatusConflict || len(all()) != 1 {
		t.Fatalf("another one by the same form: %s, %d schedules", got.Status, len(all()))
	}
	got.has(t, "Nothing was saved yet. This form has made the schedule Once already")
	got.has(t, `href="`+tenantPath("schedules", made.ID)+`"`, `value="Another"`)
	again := w.formIn(path, got)
	check(t, w.cfg.Scheduler.Delete(t.Context(), tenant, owner, made.ID, ""))
	w.post(manager, path, form).has(t, "This form has made a schedule already, which is deleted.")
	w.post(manager, path, again)
	if list := all(); len(list) != 1 || list[0].Name != "Another" {
		t.Errorf("made %+v", list)
	}
	// An id that is none, or none of this tenant's, is no way to learn of one.
	for _, id := range []string{"", "x", "019b88e0-ea00-7718-be82-5777b27f3286"} {
		if got := w.post(manager, path, with(form, "name", "Free", "id", id)); got.StatusCode != http.StatusSeeOther {
			t.Errorf("the id %q: %s", id, got.Status)
		}
	}
	theirs := backupsched.Schedule{ID: "019b88e0-ea00-7718-be82-5777b27f3287", TenantID: otherTenant, Name: "Theirs", Recurrence: made.Recurrence, PolicyTypes: made.PolicyTypes, RetentionKeepLast: 1}
	check(t, w.store.CreateSchedule(t.Context(), otherTenant, theirs, runs.Trail{}))
	got = w.post(manager, path, with(form, "name", "Free", "id", string(theirs.ID)))
	if got.StatusCode != http.StatusSeeOther || strings.Contains(got.body, "Theirs") {
		t.Errorf("the id of another tenant's schedule: %s", got.Status)
	}
}
