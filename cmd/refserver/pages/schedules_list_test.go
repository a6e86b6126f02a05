package pages_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/cmd/refserver/pages"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/runs"
)

// names are the schedules that a list shows, in its order.
func (r response) names() []string {
	var list []string
	for _, m := range regexp.MustCompile(`<th scope="row" role="rowheader"><a href="[^"]*"><bdi>([^<]*)</bdi></a>`).FindAllStringSubmatch(r.body, -1) {
		list = append(list, m[1])
	}
	return list
}

// three makes schedules that differ in name, next run, last run and state.
func (w *world) three() (late, off, soon backupsched.Schedule) {
	w.t.Helper()
	late = w.schedule(func(d *backupsched.Draft) { d.Name, d.TimeOfDay = "b late", "23:00" })
	off = w.schedule(func(d *backupsched.Draft) { d.Name, d.Enabled = "A off", false })
	soon = w.schedule(func(d *backupsched.Draft) { d.Name, d.TimeOfDay = "c soon", "14:30" })
	w.backup(off.ID)
	w.clock.Add(time.Minute)
	w.backup(late.ID)
	return late, off, soon
}

// onlyTo is an authorizer of a host that grants one action more than looking.
type onlyTo struct{ action runs.Action }

func (o onlyTo) Authorize(_ context.Context, _ graph.TenantID, _ runs.Actor, action runs.Action) error {
	if action == runs.ActionLook || action == o.action {
		return nil
	}
	return runs.ErrForbidden
}

func TestTheMenuOfAScheduleOffersWhatOneMayDo(t *testing.T) {
	w := newWorld(t, nil)
	w.three()
	words := map[runs.Action]string{
		runs.StartAction(runs.KindBackup): "/run", runs.ActionScheduleUpdate: "/edit", runs.ActionScheduleEnable: "/enable",
		runs.ActionScheduleDisable: "/disable", runs.ActionScheduleDelete: "/delete",
	}
	for action, offered := range words {
		t.Run(string(action), func(t *testing.T) {
			cfg := w.cfg
			cfg.Starter = must(runs.NewStarter(runs.StarterConfig{Store: w.store, Queue: w.queue, Clock: w.clock, Authorizer: onlyTo{action}}))(t)
			w.mux = http.NewServeMux()
			must(pages.New(cfg))(t).Mount(w.mux)
			got := w.get(owner, tenantPath("schedules"))
			for _, path := range words {
				if has := regexp.MustCompile(`(action|href)="[^"]*/schedules/[0-9a-f-]{36}` + path + `"`).MatchString(got.body); has != (path == offered) {
					t.Errorf("%s is offered: %v", path, has)
				}
			}
		})
	}
}

func TestSchedulesAreSortedByTheirHeads(t *testing.T) {
	w := newWorld(t, nil)
	w.three()
	for sort, want := range map[string]string{
		"": "A off,b late,c soon", "name": "A off,b late,c soon", "-name": "c soon,b late,A off",
		"next_run_at": "c soon,b late,A off", "-next_run_at": "A off,b late,c soon",
		"last_run_at": "c soon,A off,b late", "-last_run_at": "b late,A off,c soon",
	} {
		got := w.get(readonly, tenantPath("schedules")+"?sort="+sort)
		if names := strings.Join(got.names(), ","); names != want {
			t.Errorf("by %q: %s, want %s", sort, names, want)
		}
		if n := strings.Count(got.body, "aria-sort="); n != 1 {
			t.Errorf("by %q: %d heads say that they are sorted by", sort, n)
		}
		up := !strings.HasPrefix(sort, "-")
		if up != strings.Contains(got.body, `aria-sort="ascending"`) {
			t.Errorf("by %q: the head says the other way", sort)
		}
	}
	if got := w.get(readonly, tenantPath("schedules")+"?sort=timezone"); got.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("an unknown order: %s", got.Status)
	}
}

func TestTheFiltersOfTheScheduleListAreInItsAddress(t *testing.T) {
	w := newWorld(t, nil)
	w.three()
	for query, want := range map[string]string{
		"q=LATE": "b late", "enabled=no": "A off", "enabled=yes": "b late,c soon", "status=success": "A off,b late", "enabled=yes&status=success": "b late",
		"q=&enabled=&status=": "A off,b late,c soon", "q=nothing": "",
	} {
		got := w.get(readonly, tenantPath("schedules")+"?"+query)
		if names := strings.Join(got.names(), ","); names != want {
			t.Errorf("%s: %s, want %s", query, names, want)
		}
	}
	first := w.get(readonly, tenantPath("schedules")+"?limit=1&sort=-name&enabled=yes")
	first.shows(t, "c soon")
	next := regexp.MustCompile(`href="([^"]*)" rel="next"`).FindStringSubmatch(first.body)
	if next == nil {
		t.Fatal("there is no next page")
	}
	to := strings.ReplaceAll(next[1], "&amp;", "&")
	if got := w.get(readonly, to).names(); !slices.Equal(got, []string{"b late"}) {
		t.Errorf("the second page at %s has %q", to, got)
	}
	for _, query := range []string{"enabled=maybe", "status=fine", "limit=0", "limit=x"} {
		if got := w.get(readonly, tenantPath("schedules")+"?"+query); got.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s", query, got.Status)
		}
	}
}

func TestAnEmptyScheduleListSaysWhatToDo(t *testing.T) {
	w := newWorld(t, nil)
	w.get(owner, tenantPath("schedules")).shows(t, "There is no schedule yet.", "Make the first one")
	got := w.get(readonly, tenantPath("schedules"))
	got.shows(t, "There is no schedule yet.", "A manager can make one.")
	got.lacks(t, "schedules/new")
	w.schedule(nil)
	w.get(owner, tenantPath("schedules")+"?q=zzz").shows(t, "No schedule fits these filters.", "Show all schedules")
}

func TestARowSaysWhenItRanAndWhenItRunsInBothZones(t *testing.T) {
	w := newWorld(t, nil)
	s := w.schedule(func(d *backupsched.Draft) { d.Timezone = "America/New_York" })
	run := w.backup(s.ID)
	got := w.get(readonly, tenantPath("schedules"))
	got.shows(t, "Every day at 02:30, America/New_York", "Mon 5 Jan 2026, 02:30 EST", "for you Mon 5 Jan 2026, 07:30 UTC", "in 19 h", "success")
	got.has(t, `href="`+tenantPath("runs", run.ID)+`"`)
	got.lacks(t, "overdue")
	w.clock.Set(s.NextRunAt.Add(10 * time.Minute)) // and nobody dispatched it
	w.get(readonly, tenantPath("schedules")).shows(t, "overdue", "10 min ago")
	w.get(readonly, tenantPath("schedules", s.ID)).shows(t, "A run is overdue")
}

// scheduleForms are the forms of a schedule by the action that they need.
func scheduleForms(id runs.ID) map[runs.Action][]string {
	return map[runs.Action][]string{
		runs.StartAction(runs.KindBackup): {tenantPath("schedules", id, "run"), tenantPath("schedules", id, "retry")},
		runs.ActionScheduleCreate:         {tenantPath("schedules", "new")},
		runs.ActionScheduleUpdate:         {tenantPath("schedules", id, "edit")},
		runs.ActionScheduleEnable:         {tenantPath("schedules", id, "enable")},
		runs.ActionScheduleDisable:        {tenantPath("schedules", id, "disable")},
		runs.ActionScheduleDelete:         {tenantPath("schedules", id, "delete")},
		runs.ActionRetentionConfirm:       {tenantPath("schedules", id, "retention")},
	}
}

// spoiled is a backup that lacks a type, so that it can be retried.
func (w *world) spoiled(schedule runs.ID) runs.Run {
	w.t.Helper()
	check(w.t, w.graph.Inject(graphtest.Fault{Tenant: tenant, Op: graphtest.OpList, Type: "conditionalAccessPolicy", Times: 1, Err: &graph.Error{Kind: graph.KindForbidden}}))
	return w.backup(schedule)
}

func TestTheListSaysAboveWhatWentWrong(t *testing.T) {
	w := newWorld(t, nil)
	late, _, soon := w.three()
	at := tenantPath("schedules")
	w.get(readonly, at).lacks(t, `id="troubles"`)
	fault := graphtest.Fault{Tenant: tenant, Op: graphtest.OpList, Type: "conditionalAccessPolicy", Times: 1, Err: &graph.Error{Kind: graph.KindForbidden}}
	check(t, w.graph.Inject(fault))
	w.backup(late.ID)
	w.clock.Set(soon.NextRunAt.Add(time.Hour))
	w.get(readonly, at).shows(t, "1 schedule overdue , 1 schedule partial .")
	_ = must(w.dispatcher.Tick(t.Context()))(t)
	got := w.get(readonly, at)
	got.shows(t, "1 schedule partial , 1 schedule skipped or missed .")
	for query, want := range map[string]string{"enabled=yes&status=partial": "b late", "enabled=yes&status=skipped": "c soon"} {
		got.has(t, `href="`+at+"?"+strings.ReplaceAll(query, "&", "&amp;")+`"`)
		if names := strings.Join(w.get(readonly, at+"?"+query).names(), ","); names != want {
			t.Errorf("%s leads to %q, want %q", query, names, want)
		}
	}
	must(w.cfg.Scheduler.Disable(t.Context(), tenant, owner, late.ID))(t)
	w.get(readonly, at).lacks(t, "1 schedule partial")
}

func TestARetryIsOfferedWhenTheLastRunHasSomethingToRetry(t *testing.T) {
	w := newWorld(t, nil)
	s := w.schedule(nil)
	offered := func() bool {
		return strings.Contains(w.get(operator, tenantPath("schedules", s.ID)).body, tenantPath("schedules", s.ID, "retry"))
	}
	if offered() {
		t.Error("it has not run yet")
	}
	w.spoiled(s.ID)
	if !offered() {
		t.Error("its last run was partial")
	}
	_, _, err := w.cfg.Scheduler.RunNow(t.Context(), tenant, owner, s.ID)
	check(t, err)
	if offered() {
		t.Error("a run is under way")
	}
	w.drain()
	if offered() {
		t.Error("its last run succeeded")
	}
}

func TestWhatARoleMayNotDoWithSchedulesIsAbsentAndForbidden(t *testing.T) {
	for _, actor := range []runs.Actor{owner, manager, operator, readonly} {
		t.Run(actor.ID, func(t *testing.T) {
			w := newWorld(t, nil)
			on := w.schedule(nil)
			off := w.schedule(func(d *backupsched.Draft) { d.Name, d.Enabled = "Off", false })
			w.spoiled(on.ID)
			seen := w.get(actor, tenantPath("schedules")).body + w.get(actor, tenantPath("schedules", on.ID)).body + w.get(actor, tenantPath("schedules", off.ID)).body
			for action, paths := range scheduleForms(on.ID) {
				allowed := runs.Role(actor.ID).Allows(action)
				for _, path := range paths {
					shown := strings.Contains(seen, `"`+path+`"`) || strings.Contains(seen, `"`+strings.ReplaceAll(path, string(on.ID), string(off.ID))+`"`)
					if action != runs.ActionRetentionConfirm && shown != allowed { // whose plan everybody may see
						t.Errorf("%s: shown %t, allowed %t", path, shown, allowed)
					}
					if got := w.post(actor, path, nil); !allowed && got.StatusCode != http.StatusForbidden {
						t.Errorf("POST %s: %s, want 403", path, got.Status)
					}
				}
			}
			boxes := strings.Contains(seen, `name="ids"`)
			if want := actor != readonly; boxes != want {
				t.Errorf("boxes to choose are shown: %t, want %t", boxes, want)
			}
			for _, action := range []backupsched.BulkAction{backupsched.BulkEnable, backupsched.BulkDelete, backupsched.BulkRunNow} {
				needs := map[backupsched.BulkAction]runs.Action{
					backupsched.BulkEnable: runs.ActionScheduleEnable, backupsched.BulkDelete: runs.ActionScheduleDelete, backupsched.BulkRunNow: runs.StartAction(runs.KindBackup),
				}[action]
				allowed := runs.Role(actor.ID).Allows(needs)
				if shown := strings.Contains(seen, fmt.Sprintf(`<option value="%s"`, action)); shown != allowed {
					t.Errorf("%s for many: shown %t, allowed %t", action, shown, allowed)
				}
				got := w.post(actor, tenantPath("schedules", "bulk"), url.Values{"action": {string(action)}, "ids": {string(off.ID)}})
				if !allowed && got.StatusCode != http.StatusForbidden {
					t.Errorf("%s for many: %s, want 403", action, got.Status)
				}
			}
		})
	}
}

func TestRunNowLeadsToTheRun(t *testing.T) {
	w := newWorld(t, nil)
	s := w.schedule(nil)
	got := w.post(operator, tenantPath("schedules", s.ID, "run"), nil)
	active := must(w.cfg.Starter.Active(t.Context(), tenant, owner))(t)
	got.leads(t, tenantPath("runs", active[0].ID)+"?notice=run_started")
	w.post(operator, tenantPath("schedules", s.ID, "run"), nil).leads(t, tenantPath("runs", active[0].ID)+"?notice=run_reused")
}

func TestRetryingWhatNeverRanIsRefusedInWords(t *testing.T) {
	w := newWorld(t, nil)
	s := w.schedule(nil)
	got := w.post(operator, tenantPath("schedules", s.ID, "retry"), nil)
	if got.StatusCode != http.StatusConflict {
		t.Errorf("got %s", got.Status)
	}
	got.has(t, "The schedule has not run yet; run it now instead.")
}

func TestTurningAScheduleOffLeadsBackToTheListAsItWas(t *testing.T) {
	w := newWorld(t, nil)
	s := w.schedule(nil)
	list := tenantPath("schedules") + "?q=night&sort=-name"
	w.post(manager, tenantPath("schedules", s.ID, "disable"), url.Values{"back": {list}}).leads(t, list+"&notice=schedule_disabled")
	if must(w.cfg.Scheduler.Get(t.Context(), tenant, owner, s.ID))(t).Enabled {
		t.Error("it is still enabled")
	}
	w.post(manager, tenantPath("schedules", s.ID, "enable"), nil).leads(t, tenantPath("schedules", s.ID)+"?notice=schedule_enabled")
	w.post(manager, tenantPath("schedules", s.ID, "enable"), url.Values{"back": {"https://evil.example/"}}).leads(t, "/backups?notice=schedule_enabled")
}

func TestADeletedScheduleSaysSo(t *testing.T) {
	w := newWorld(t, nil)
	s := w.schedule(nil)
	w.backup(s.ID)
	w.get(manager, tenantPath("schedules", s.ID, "delete")).shows(t, "Delete this schedule?", "Its 1 backup set stays")
	w.post(manager, tenantPath("schedules", s.ID, "delete"), nil).leads(t, tenantPath("schedules")+"?notice=schedule_deleted")
	for _, path := range []string{"", "edit", "delete", "retention"} {
		got := w.get(manager, strings.TrimSuffix(tenantPath("schedules", s.ID, path), "/"))
		if got.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", path, got.Status)
		}
		got.has(t, "This schedule has been deleted.", "Its runs and backup sets are still there.")
	}
	w.get(manager, tenantPath("schedules")).shows(t, "There is no schedule yet.")
}

// Of many schedules the troubles are not counted: that would take longer than the list.
func TestALongListOfSchedulesLeadsToThoseInTroubleWithoutCounts(t *testing.T) {
	w := newWorld(t, nil)
	at := tenantPath("schedules")
	w.get(readonly, at).lacks(t, `id="look-for"`)
	w.three()
	w.get(readonly, at).lacks(t, `id="look-for"`)
	for query, shown := range map[string]bool{"?limit=2": true, "?limit=2&sort=-name": true, "?limit=2&enabled=yes": false, "?limit=1&q=o": false, "?limit=1&status=success": false} {
		if got := strings.Contains(w.get(readonly, at+query).body, `id="look-for"`); got != shown {
			t.Errorf("%s: links to what may be wrong: %t, want %t", query, got, shown)
		}
	}
	got := w.get(readonly, at+"?limit=2")
	got.shows(t, "Show enabled schedules: last run failed · last run partial · last run skipped or missed · longest overdue first")
	got.lacks(t, `id="troubles"`)
	for _, query := range []string{"enabled=yes&status=failed", "enabled=yes&status=partial", "enabled=yes&status=skipped", "enabled=yes&sort=next_run_at"} {
		got.has(t, `href="`+at+"?"+strings.ReplaceAll(query, "&", "&amp;")+`"`)
		if got := w.get(readonly, at+"?"+query); got.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", query, got.Status)
		}
	}
	next := regexp.MustCompile(`href="([^"]*)" rel="next"`).FindStringSubmatch(got.body)
	w.get(readonly, strings.ReplaceAll(next[1], "&amp;", "&")).has(t, `id="look-for"`)
}
