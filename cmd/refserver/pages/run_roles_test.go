package pages_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/cmd/refserver/pages"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/runs"
)

func TestWhoMayCancelSeesTheButtonAndOthersGet403(t *testing.T) {
	for _, c := range []struct {
		startedBy, who runs.Actor
		may            bool
	}{
		{owner, owner, true}, {owner, manager, true}, {owner, operator, false}, {owner, readonly, false},
		{operator, operator, true}, {operator, manager, true}, {operator, readonly, false},
	} {
		w := newWorld(t, nil)
		run := must2(w.cfg.Scheduler.RunNow(t.Context(), tenant, c.startedBy, w.schedule(nil).ID))(t)
		path := tenantPath("runs", run.ID)
		if shown := strings.Contains(w.get(c.who, path).body, path+"/cancel"); shown != c.may {
			t.Errorf("%s on a run of %s: the button is shown: %t", c.who.ID, c.startedBy.ID, shown)
		}
		want := http.StatusForbidden
		if c.may {
			want = http.StatusSeeOther
		}
		if got := w.post(c.who, path+"/cancel", nil); got.StatusCode != want {
			t.Errorf("%s cancels a run of %s: %s", c.who.ID, c.startedBy.ID, got.Status)
		}
		if ended := w.run(run.ID).Status == runs.StatusCanceled; ended != c.may {
			t.Errorf("%s on a run of %s: it is canceled: %t", c.who.ID, c.startedBy.ID, ended)
		}
	}
}

func TestWhoMayRetrySeesTheButtonAndOthersGet403(t *testing.T) {
	w := newWorld(t, nil)
	s := w.schedule(nil)
	check(t, w.graph.Inject(graphtest.Fault{Tenant: tenant, Op: graphtest.OpList, Err: &graph.Error{Kind: graph.KindUnauthorized}}))
	failed, good := w.backup(s.ID), w.backup(s.ID)
	path := tenantPath("runs", failed.ID)
	for who, may := range map[runs.Actor]bool{owner: true, manager: true, operator: true, readonly: false} {
		if shown := strings.Contains(w.get(who, path).body, path+"/retry"); shown != may {
			t.Errorf("%s: the button is shown: %t", who.ID, shown)
		}
		if strings.Contains(w.get(who, tenantPath("runs", good.ID)).body, "/retry") {
			t.Errorf("%s: what succeeded can be retried", who.ID)
		}
	}
	if got := w.post(readonly, path+"/retry", nil); got.StatusCode != http.StatusForbidden {
		t.Errorf("readonly retries: %s", got.Status)
	}
	got := w.post(operator, path+"/retry", nil)
	list := must(w.cfg.Starter.List(t.Context(), tenant, owner, runs.RunFilter{Triggers: []runs.Trigger{runs.TriggerRetry}}, runs.PageRequest{}))(t).Items
	if len(list) != 1 || list[0].RetryOf != failed.ID || got.Header.Get("Location") != tenantPath("runs", list[0].ID)+"?notice=run_started" {
		t.Errorf("operator retries: %s to %q, %d retries", got.Status, got.Header.Get("Location"), len(list))
	}
	if got := w.post(operator, tenantPath("runs", good.ID)+"/retry", nil); got.StatusCode != http.StatusConflict {
		t.Errorf("retrying what succeeded: %s", got.Status)
	}
}

func TestNobodyReadsTheNotificationsOfOthers(t *testing.T) {
	w := newWorld(t, nil)
	w.backup(w.schedule(nil).ID)
	n := must(w.cfg.Starter.Notifications(t.Context(), tenant, owner, true, runs.PageRequest{}))(t).Items[0]
	for _, path := range []string{tenantPath("notifications", n.ID, "open"), tenantPath("notifications", "read")} {
		if got := w.post(manager, path, url.Values{"id": {string(n.ID)}}); got.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s", path, got.Status)
		}
	}
	if got := w.post(owner, tenantPath("notifications", "read"), url.Values{"id": {string(n.ID)}, "back": {"//evil.example"}}); got.StatusCode != http.StatusSeeOther || !strings.HasPrefix(got.Header.Get("Location"), tenantPath("notifications")+"?") {
		t.Errorf("marking as read leads to %q", got.Header.Get("Location"))
	}
}

func TestNamesOfScheduleAndPolicyAreShownAsText(t *testing.T) {
	w := newWorld(t, nil)
	const hostile = `"><img src=x onerror=1>`
	s := w.schedule(func(d *backupsched.Draft) { d.Name = hostile })
	p := must(w.graph.Add(tenant, "deviceConfiguration"))(t)
	check(t, w.graph.Rename(tenant, p.Type, p.ID, hostile))
	run := w.backup(s.ID)
	for _, path := range []string{tenantPath("runs"), tenantPath("runs", run.ID), tenantPath("audit"), tenantPath("notifications"), tenantPath("settings")} {
		got := w.get(owner, path)
		if strings.Contains(got.body, "<img") {
			t.Errorf("%s has the name as an element", path)
		}
		if path != tenantPath("notifications") && path != tenantPath("settings") && !strings.Contains(got.body, "&lt;img src=x") {
			t.Errorf("%s lacks the name", path)
		}
	}
}

func TestTheRunListIsFilteredByWhatTheAddressSays(t *testing.T) {
	w := newWorld(t, nil)
	s := w.schedule(nil)
	run := w.backup(s.ID)
	day := start.Format(time.DateOnly)
	for query, found := range map[string]bool{
		"?kind=backup": true, "?kind=restore.execute": false, "?status=success&status=failed": true, "?status=failed": false,
		"?trigger=manual": true, "?trigger=schedule": false, "?schedule=" + string(s.ID): true, "?schedule=" + string(w.schedule(nil).ID): false,
		"?from=" + day + "&to=" + day: true, "?from=2026-01-05": false, "?to=2026-01-03": false,
	} {
		got := w.get(readonly, tenantPath("runs")+query)
		if shown := strings.Contains(got.body, tenantPath("runs", run.ID)); got.StatusCode != http.StatusOK || shown != found {
			t.Errorf("%s: %s, the run is shown: %t", query, got.Status, shown)
		}
	}
	for _, query := range []string{"?from=yesterday", "?to=2026-02-31", "?schedule=x", "?schedule=" + unknownID} {
		w.shows(w.get(readonly, tenantPath("runs")+query), http.StatusUnprocessableEntity, `aria-invalid="true"`)
	}
}

func TestAListCanBeFilteredByADeletedSchedule(t *testing.T) {
	w := newWorld(t, nil)
	s := w.schedule(nil)
	w.backup(s.ID)
	check(t, w.cfg.Scheduler.Delete(t.Context(), tenant, owner, s.ID, ""))
	for _, list := range []string{"runs", "sets"} {
		got := w.get(readonly, tenantPath(list)+"?schedule="+string(s.ID))
		got.shows(t, `selected>Nightly (deleted)</option>`)
		if n := strings.Count(got.body, `scope="row"`); n != 1 {
			t.Errorf("%s: %d rows", list, n)
		}
		for _, id := range []string{"x", unknownID} {
			w.shows(w.get(readonly, tenantPath(list)+"?schedule="+id), http.StatusUnprocessableEntity, `aria-describedby="schedule-error"`, "Show all")
		}
	}
}

func TestADayOfTheFilterIsADayOfTheViewer(t *testing.T) {
	w := newWorld(t, nil)
	w.clock.Set(time.Date(2026, 1, 6, 23, 30, 0, 0, time.UTC)) // the 7th in Berlin
	run := w.backup(w.schedule(nil).ID)
	for zone, day := range map[string]string{"UTC": "2026-01-06", "Europe/Berlin": "2026-01-07"} {
		if got := w.getIn(zone, readonly, tenantPath("runs")+"?from="+day+"&to="+day); !strings.Contains(got.body, tenantPath("runs", run.ID)) {
			t.Errorf("%s: the run is not shown on %s", zone, day)
		}
	}
}

func TestAProblemOfTheSignInIsAPageThatSaysWhatToDo(t *testing.T) {
	for kind, want := range map[graph.Kind]string{
		graph.KindUnauthorized: "The app cannot sign in to this tenant.", graph.KindUnavailable: "did not work this time", graph.KindUnsupported: "does not tell its permissions",
	} {
		w := newWorld(t, func(c *pages.Config) { c.Permissions = brokenPermissions{kind} })
		got := w.get(readonly, tenantPath("permissions"))
		w.shows(got, http.StatusBadGateway, want)
		if strings.Contains(got.body, "canary") {
			t.Error("the page shows the error itself")
		}
	}
}

type brokenPermissions struct{ kind graph.Kind }

// Permissions implements graph.PermissionReader.
func (b brokenPermissions) Permissions(context.Context, graph.TenantID) ([]string, error) {
	return nil, &graph.Error{Op: "token", Kind: b.kind, Code: "canary"}
}

func TestThePermissionsPageNamesWhatIsNotGranted(t *testing.T) {
	w := newWorld(t, nil)
	check(t, w.graph.Grant(tenant, "DeviceManagementConfiguration.Read.All"))
	w.shows(w.get(readonly, tenantPath("permissions")), http.StatusOK, "cannot be backed up", "DeviceManagementApps.Read", "not permitted", "possible")
}

func TestTheCheckOfTheAuditLogTakesTheHeadOfAnEarlierOne(t *testing.T) {
	w := newWorld(t, nil)
	w.schedule(nil)
	_, rest, _ := strings.Cut(w.post(readonly, tenantPath("audit", "verify"), nil).body, `<code class="head">`)
	head, _, _ := strings.Cut(rest, "<")
	w.schedule(func(d *backupsched.Draft) { d.Name = "Second" })
	w.shows(w.post(readonly, tenantPath("audit", "verify"), url.Values{"head": {head}}), http.StatusOK, "it goes on from the head that you gave")
	forged := head[:len(head)-4] + "0000"
	w.shows(w.post(readonly, tenantPath("audit", "verify"), url.Values{"head": {forged}}), http.StatusOK, "The log is not as it was written", "does not agree with the end that was noted")
	w.shows(w.post(readonly, tenantPath("audit", "verify"), url.Values{"head": {"what?"}}), http.StatusUnprocessableEntity, `id="head-error"`)
}

func TestARefusalNamesTheRolesThatMay(t *testing.T) {
	w := newWorld(t, nil)
	s := w.schedule(nil)
	queued := must2(w.cfg.Scheduler.RunNow(t.Context(), tenant, owner, s.ID))(t)
	missing := "01980000-0000-7000-8000-00000000aaaa"
	for _, tt := range []struct {
		as   runs.Actor
		path string
		want string
	}{
		{readonly, tenantPath("schedules", s.ID, "run"), "It needs the role operator, manager or owner."},
		{operator, tenantPath("schedules", s.ID, "edit"), "It needs the role manager or owner."},
		{operator, tenantPath("schedules", missing, "edit"), "It needs the role manager or owner."}, // which tells nothing about what exists
		{operator, tenantPath("runs", queued.ID, "cancel"), "It needs the role manager or owner."},
		{operator, tenantPath("sets", "import"), "It needs the role manager or owner."},
		{owner, tenantPath("schedules", missing, "run"), "Your role does not allow this, or there is nothing at this address in this tenant."},
	} {
		got := w.post(tt.as, tt.path, nil)
		if got.StatusCode != http.StatusForbidden {
			t.Errorf("%s, %s: %s, want 403", tt.as.ID, tt.path, got.Status)
		}
		got.has(t, tt.want, "What your role may do", `href="`+tenantPath("settings")+`"`)
	}
	w.get(operator, tenantPath("schedules", "new")).has(t, "Not allowed", "It needs the role manager or owner.")
	got := w.get(stranger, tenantPath("schedules"))
	got.has(t, "Not allowed, or not there")
	got.lacks(t, "It needs the role")
}
