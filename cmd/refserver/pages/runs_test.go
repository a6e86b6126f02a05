package pages_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/runs"
)

func TestTheRunListShowsWhatRan(t *testing.T) {
	w := newWorld(t, nil)
	run := w.backup(w.schedule(nil).ID)
	got := w.get(readonly, tenantPath("runs"))
	w.shows(got, http.StatusOK, "Backup", "Nightly", "success", "by hand, <bdi>Olivia Owner</bdi>", tenantPath("runs", run.ID), tenantPath("schedules", run.Target.ID))
	got = w.get(readonly, tenantPath("runs", run.ID))
	w.shows(got, http.StatusOK, "Queued by <bdi>Olivia Owner</bdi>", "Attempt 1 began", "Ended: success", tenantPath("sets", run.BackupSetID))
}

func TestARunOfAScheduleHasItsTimesInBothZones(t *testing.T) {
	w := newWorld(t, nil)
	s := w.schedule(func(d *backupsched.Draft) { d.Timezone = "America/New_York" })
	w.clock.Set(s.NextRunAt)
	must(w.dispatcher.Tick(t.Context()))(t)
	w.drain()
	due := must(w.cfg.Starter.List(t.Context(), tenant, owner, runs.RunFilter{ScheduleID: s.ID}, runs.PageRequest{}))(t).Items[0]
	at := tenantPath("runs", due.ID)
	w.getIn("Europe/Berlin", readonly, at).shows(t, "Due Mon 5 Jan 2026, 08:30 CET in the schedule's zone Mon 5 Jan 2026, 02:30 EST Began Mon 5 Jan 2026, 08:30 CET in the schedule's zone Mon 5 Jan 2026, 02:30 EST Took")
	for _, zone := range []string{"America/New_York", "America/Toronto"} {
		got := w.getIn(zone, readonly, at)
		got.shows(t, "Due Mon 5 Jan 2026, 02:30 EST Began Mon 5 Jan 2026, 02:30 EST Took")
		got.lacks(t, "in the schedule's zone")
	}
	check(t, w.cfg.Scheduler.Delete(t.Context(), tenant, owner, s.ID, ""))
	w.getIn("Europe/Berlin", readonly, at).shows(t, "Due Mon 5 Jan 2026, 08:30 CET Began")
	w.getIn("Europe/Berlin", readonly, tenantPath("runs", w.byHand("Set").RunID)).lacks(t, "in the schedule's zone")
}

// shows fails unless a page has a status and holds all of some texts.
func (w *world) shows(got response, status int, want ...string) {
	w.t.Helper()
	if got.StatusCode != status {
		w.t.Fatalf("got %s, want %d\n%s", got.Status, status, got.body)
	}
	for _, s := range want {
		if !strings.Contains(got.body, s) {
			w.t.Errorf("the page lacks %q", s)
		}
	}
}

func TestATypeThatCouldNotBeReadIsNoPolicyThatFailed(t *testing.T) {
	w := newWorld(t, nil)
	check(t, w.graph.Inject(graphtest.Fault{Tenant: tenant, Op: graphtest.OpList, Type: "conditionalAccessPolicy", Times: 1, Err: &graph.Error{Kind: graph.KindForbidden}}))
	run := w.backup(w.schedule(nil).ID)
	if run.Counts.Failed != 1 {
		t.Fatalf("counts %+v, want one item for the type", run.Counts)
	}
	for _, at := range []string{tenantPath("runs"), tenantPath("runs", run.ID)} {
		got := w.get(readonly, at)
		got.shows(t, fmt.Sprintf("%d policies, 1 policy type could not be read", run.Counts.Succeeded))
		got.lacks(t, "1 failed")
	}
	w.get(readonly, tenantPath("schedules", run.ScheduleID)).shows(t, "1 type not read")
}

// TestTheAccountOfATypeThatCouldNotBeReadDoesNotSayThatNothingFailed, on the page of the run and on
// that of its set.
func TestTheAccountOfATypeThatCouldNotBeReadDoesNotSayThatNothingFailed(t *testing.T) {
	row := regexp.MustCompile(`(?s)Conditional Access policies.*?</tr>`)
	for name, tt := range map[string]struct {
		kind     graph.Kind
		run, set string
	}{
		"forbidden":      {graph.KindForbidden, "not read 0 all 0 not permitted a permission or licence is missing", "not read 0 all 0"},
		"not to its end": {graph.KindInvalid, "at least 0 0 not all read 0 not to its end refused, or not what this type promises", "at least 0 0 not all read 0"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			check(t, w.graph.Inject(graphtest.Fault{Tenant: tenant, Op: graphtest.OpList, Type: "conditionalAccessPolicy", Times: -1, Err: &graph.Error{Kind: tt.kind}}))
			run := w.backup(w.schedule(nil).ID)
			for at, want := range map[string]string{tenantPath("runs", run.ID): tt.run, tenantPath("sets", run.BackupSetID): tt.set} {
				_, table, _ := strings.Cut(w.get(readonly, at).body, "<table")
				if got := text("<main><p>" + row.FindString(table)); !strings.Contains(got, want) {
					t.Errorf("%s says %q, want %q", at, got, want)
				}
			}
		})
	}
}

func TestWhoStartedARunIsToldOfItAndReadsItOnce(t *testing.T) {
	w := newWorld(t, nil)
	run := w.backup(w.schedule(nil).ID)
	got := w.get(owner, tenantPath("notifications")+"?unread=yes")
	w.shows(got, http.StatusOK, "View run", "Mark all on this page read", "success")
	for _, n := range must(w.cfg.Starter.Notifications(t.Context(), tenant, owner, true, runs.PageRequest{}))(t).Items {
		opened := w.post(owner, tenantPath("notifications", n.ID, "open"), nil)
		if to := opened.Header.Get("Location"); opened.StatusCode != http.StatusSeeOther || to != tenantPath("runs", run.ID) {
			t.Errorf("opening: %s to %q", opened.Status, to)
		}
	}
	w.shows(w.get(owner, tenantPath("notifications")+"?unread=yes"), http.StatusOK, "You have read everything")
	w.shows(w.get(operator, tenantPath("notifications")), http.StatusOK, "Nothing to tell you yet")
}

// TestWhatHappenedSinceThePageWasShownStaysUnread: "mark all as read" of an old page is about what
// that page said.
func TestWhatHappenedSinceThePageWasShownStaysUnread(t *testing.T) {
	w := newWorld(t, nil)
	w.backup(w.schedule(nil).ID)
	n := must(w.cfg.Starter.Notifications(t.Context(), tenant, owner, true, runs.PageRequest{}))(t).Items[0]
	shown := string(n.ID) + " " + n.CreatedAt.Format(time.RFC3339Nano)
	w.shows(w.get(owner, tenantPath("notifications")), http.StatusOK, shown)
	for _, tt := range []struct {
		seen string
		left int
	}{
		{string(n.ID) + " " + n.CreatedAt.Add(-time.Second).Format(time.RFC3339Nano), 1},
		{shown, 0},
	} {
		w.post(owner, tenantPath("notifications", "read"), url.Values{"id": {tt.seen}})
		if unread := must(w.cfg.Starter.Unread(t.Context(), tenant, owner))(t); unread != tt.left {
			t.Errorf("with %q: %d unread, want %d", tt.seen, unread, tt.left)
		}
	}
}

func TestANotificationNamesWhatItIsAbout(t *testing.T) {
	w := newWorld(t, nil)
	run := w.backup(w.schedule(nil).ID)
	_, _, err := w.cfg.Starter.Start(t.Context(), tenant, owner, runs.Request{Kind: runs.KindSetVerify, Key: "verify", Target: runs.Target{Type: "backup_set", ID: run.BackupSetID}})
	check(t, err)
	w.drain()
	w.get(owner, tenantPath("notifications")).shows(t, "Backup: Nightly new", "Verification: Nightly, Sun 4 Jan 2026, 12:00 UTC new")
}

func TestTheAuditLogTellsWhoDidWhat(t *testing.T) {
	w := newWorld(t, nil)
	run := w.backup(w.schedule(nil).ID)
	w.shows(w.get(readonly, tenantPath("audit")), http.StatusOK, "Olivia Owner", "created a schedule", "run.started", tenantPath("runs", run.ID))
	check(t, w.cfg.Scheduler.Delete(t.Context(), tenant, owner, run.ScheduleID, ""))
	got := w.get(readonly, tenantPath("audit")+"?action=schedule.deleted")
	w.shows(got, http.StatusOK, "deleted a schedule", `·</span> <bdi>Nightly</bdi>`)
	w.shows(w.post(readonly, tenantPath("audit", "verify"), nil), http.StatusOK, "The log is as it was written", "Head to keep elsewhere")
}

// Whoever asks for a run and the worker that begins it write entries of the same action.
func TestTheAuditLogTellsTheStepsOfARunApart(t *testing.T) {
	w := newWorld(t, nil)
	failed := w.failedRun(w.schedule(nil).ID)
	again := must2(w.cfg.Starter.Retry(t.Context(), tenant, owner, failed))(t)
	w.drain()
	did := regexp.MustCompile(`<td role="cell" data-label="Who" class="name"><a [^>]*><bdi>([^<]*)</bdi></a></td>\s*<th scope="row" role="rowheader" class="did">([^<]*)`)
	for id, want := range map[runs.ID][]string{
		failed:   {"Olivia Owner queued a run: Backup", "the engine began a run: Backup", "the engine put off a run to its next attempt: Backup", "the engine began attempt 2 of a run: Backup", "the engine ended a run: Backup"},
		again.ID: {"Olivia Owner retried a run: Backup", "the engine began a run: Backup", "the engine made a backup set", "the engine ended a run: Backup"},
	} {
		var got []string
		for _, m := range did.FindAllStringSubmatch(w.get(readonly, tenantPath("audit")+"?id="+string(id)).body, -1) {
			got = append([]string{m[1] + " " + strings.TrimSpace(m[2])}, got...)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
}

func TestTheSettingsSayWhatARoleMayDo(t *testing.T) {
	w := newWorld(t, nil)
	w.shows(w.get(readonly, tenantPath("settings")), http.StatusOK, "Rita Reader", "Delete")
	// The numbers add up, and are those of the page of permissions.
	words := " known: (\\d+) can be backed up; (\\d+) only looked up for their names \\(([^)]*)\\); (\\d+) not read by themselves \\(([^)]*)\\)"
	m := regexp.MustCompile("(\\d+)" + words).FindStringSubmatch(w.get(readonly, tenantPath("settings")).body)
	if m == nil {
		t.Fatal("the settings do not say how many types there are of each sort")
	}
	number := func(s string) int { return must(strconv.Atoi(s))(t) }
	if number(m[1]) != number(m[2])+number(m[3])+number(m[5]) || number(m[3]) != len(strings.Split(m[4], ", ")) || number(m[5]) != len(strings.Split(m[6], ", ")) {
		t.Errorf("the numbers do not add up: %s", m[0])
	}
	w.shows(w.get(readonly, tenantPath("permissions")), http.StatusOK,
		fmt.Sprintf("%d types: %s that are backed up, and %s whose names are looked up (%s)", number(m[2])+number(m[3]), m[2], m[3], m[4]))
	got := w.post(readonly, tenantPath("settings", "zone"), url.Values{"zone": {"Europe/Berlin"}})
	if got.StatusCode != http.StatusSeeOther || !strings.Contains(got.Header.Get("Set-Cookie"), "Europe/Berlin") {
		t.Errorf("%s, cookie %q", got.Status, got.Header.Get("Set-Cookie"))
	}
	w.shows(w.post(readonly, tenantPath("settings", "zone"), url.Values{"zone": {"Local"}}), http.StatusUnprocessableEntity, `id="zone-error"`)
}

func TestThePermissionsSayWhatIsMissing(t *testing.T) {
	w := newWorld(t, nil)
	w.shows(w.get(readonly, tenantPath("permissions")), http.StatusOK, "Permissions of the app", " that are backed up, and 2 whose names are looked up (Enterprise applications, Groups)")
}
