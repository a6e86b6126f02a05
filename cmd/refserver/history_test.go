package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/cmd/refserver/product"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// everyRun are all runs of a tenant, newest first.
func (p past) everyRun(t testing.TB, s staff) (all []runs.Run) {
	t.Helper()
	page := runs.PageRequest{Limit: runs.MaxPageSize}
	for {
		list, err := p.starter.List(t.Context(), s.tenant, s.person(runs.RoleReadonly), runs.RunFilter{}, page)
		if err != nil {
			t.Fatal(err)
		}
		if all = append(all, list.Items...); list.NextCursor == "" {
			return all
		}
		page.Cursor = list.NextCursor
	}
}

// schedules are those of a tenant by name.
func (p past) schedules(t testing.TB, s staff) map[string]backupsched.Schedule {
	t.Helper()
	list, err := p.scheduler.List(t.Context(), s.tenant, s.person(runs.RoleReadonly), backupsched.Filter{}, runs.PageRequest{})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]backupsched.Schedule{}
	for _, schedule := range list.Items {
		out[schedule.Name] = schedule
	}
	return out
}

// told is a history as a text, without what differs each time (ids).
func (p past) told(t testing.TB, tenants ...graph.TenantID) string {
	t.Helper()
	var b strings.Builder
	for _, tenant := range tenants {
		s := staff{tenant}
		names := map[runs.ID]string{}
		for _, schedule := range p.schedules(t, s) {
			names[schedule.ID] = schedule.Name
		}
		for _, r := range slices.Backward(p.everyRun(t, s)) {
			fmt.Fprintf(&b, "%s %s %s by %s", tenant, r.CreatedAt.Format(time.DateTime), r.Kind, r.Actor.ID)
			if r.ScheduleID != "" {
				fmt.Fprintf(&b, " of %q", names[r.ScheduleID])
			}
			fmt.Fprintf(&b, ": %s", r.Status)
			if r.ErrorCode != "" {
				fmt.Fprintf(&b, " %s", r.ErrorCode)
			}
			fmt.Fprintf(&b, ", attempt %d, %d of %d, %d failed\n", r.Attempt, r.Counts.Processed, r.Counts.Total, r.Counts.Failed)
		}
	}
	return b.String()
}

func TestTheHistoryIsTheSameForTheSameTime(t *testing.T) {
	golden(t, "history.golden", openHistory(t).told(t, product.TenantIDs()...))
}

func TestTheHistoryHasARunOfEveryEnd(t *testing.T) { openHistory(t).checkEnds(t) }

func (p past) checkEnds(t *testing.T) {
	for _, want := range []struct {
		what   string
		tenant graph.TenantID
		is     func(runs.Run) bool
	}{
		{"a night that went well", "contoso", func(r runs.Run) bool {
			return r.Trigger == runs.TriggerSchedule && r.Status == runs.StatusSuccess && r.Attempt == 1
		}},
		{"a night with a type that may not be read", "contoso", func(r runs.Run) bool {
			return r.Status == runs.StatusPartial && r.ErrorCode == runs.CodeGraphForbidden && r.Counts.Failed > 0 && r.Counts.Succeeded > 50
		}},
		{"the retry of a partial run, by a person", "contoso", func(r runs.Run) bool {
			return r.Trigger == runs.TriggerRetry && r.RetryOf != "" && r.Actor.ID == "operator-contoso" && r.Status == runs.StatusSuccess
		}},
		{"a night in which nobody could sign in", "contoso", func(r runs.Run) bool {
			return r.Status == runs.StatusFailed && r.ErrorCode == runs.CodeGraphUnauthorized
		}},
		{"a night in which Graph was away for long", "fabrikam", func(r runs.Run) bool {
			return r.Status == runs.StatusFailed && r.ErrorCode == runs.CodeGraphUnavailable && r.Attempt > 3 && r.FinishedAt.Sub(r.StartedAt) > time.Minute
		}},
		{"a throttled night", "contoso", func(r runs.Run) bool {
			return r.Trigger == runs.TriggerSchedule && r.Status == runs.StatusSuccess && r.Attempt > 1
		}},
		{"a slot during another run", "contoso", func(r runs.Run) bool {
			return r.Status == runs.StatusSkipped && r.ErrorCode == runs.CodeScheduleBusy
		}},
		{"a slot while the server was off", "contoso", missed},
		{"a slot while the server was off", "fabrikam", missed},
		{"a run that somebody else canceled", "contoso", func(r runs.Run) bool {
			return r.Status == runs.StatusCanceled && r.CanceledBy.ID == "manager-contoso" && r.Actor.ID != r.CanceledBy.ID && r.Counts.Processed > 0
		}},
	} {
		if !slices.ContainsFunc(p.everyRun(t, staff{want.tenant}), want.is) {
			t.Errorf("%s has no %s", want.tenant, want.what)
		}
	}
	for _, tenant := range product.TenantIDs() {
		well, all := 0, 0
		for _, r := range p.everyRun(t, staff{tenant}) {
			if r.Kind == runs.KindBackup {
				if all++; r.Status == runs.StatusSuccess {
					well++
				}
			}
			if !r.Status.Terminal() || r.CreatedAt.After(p.now) || r.FinishedAt.After(p.now) || r.FinishedAt.Before(r.StartedAt) {
				t.Errorf("%s: %s of %s is %s, from %s to %s", tenant, r.Kind, r.CreatedAt, r.Status, r.StartedAt, r.FinishedAt)
			}
		}
		if all < 35 || well*10 < all*8 || well == all {
			t.Errorf("%s: %d of %d backups went well; mostly, but not all", tenant, well, all)
		}
	}
}

func missed(r runs.Run) bool {
	var summary runs.MissedSummary
	return r.ErrorCode == runs.CodeMissedSlot && r.Status == runs.StatusSkipped && json.Unmarshal(r.Summary, &summary) == nil && summary.Count > 0
}

func TestPeopleHaveDoneEverythingInTheHistory(t *testing.T) {
	p, did := openHistory(t), map[string]bool{}
	for _, tenant := range product.TenantIDs() {
		for _, r := range p.everyRun(t, staff{tenant}) {
			if r.Trigger == runs.TriggerManual && r.Status == runs.StatusSuccess {
				did[r.Actor.ID+" "+string(r.Kind)] = true
			}
		}
	}
	for _, want := range []string{
		"owner-contoso backup", "manager-contoso backup", "operator-contoso backup", "operator-fabrikam backup",
		"operator-contoso policy.sync", "operator-contoso policy.capture_snapshot", "operator-contoso backup_set.create",
		"operator-contoso backup_set.add_policies", "operator-contoso backup_set.verify", "operator-contoso drift.report",
		"manager-contoso restore.preview", "manager-contoso restore.execute",
	} {
		if !did[want] {
			t.Errorf("nobody did %s", want)
		}
	}
}

func TestTheSchedulesOfTheHistoryDifferInEverything(t *testing.T) {
	p, zones, seen := openHistory(t), map[string]bool{}, map[string]bool{}
	for _, tenant := range product.TenantIDs() {
		schedules := p.schedules(t, staff{tenant})
		if len(schedules) < 3 {
			t.Errorf("%s has %d schedules, want several", tenant, len(schedules))
		}
		for _, s := range schedules {
			zones[s.Timezone] = true
			seen[string(s.Frequency)] = true
			seen[fmt.Sprint("enabled ", s.Enabled)] = true
			seen[fmt.Sprint("foundations ", s.IncludeFoundations)] = true
			if s.Enabled && !s.NextRunAt.After(historyNow) {
				t.Errorf("%s: %q is overdue since %s", tenant, s.Name, s.NextRunAt)
			}
		}
	}
	want := map[string]bool{"daily": true, "weekly": true, "enabled true": true, "enabled false": true, "foundations true": true, "foundations false": true}
	if diff := cmp.Diff(want, seen); diff != "" || len(zones) < 3 {
		t.Errorf("the zones are %v; (-want +got):\n%s", zones, diff)
	}
}

func TestANightOfTheHistoryDidNotExist(t *testing.T) {
	p, s := openHistory(t), staff{"contoso"}
	schedule := p.schedules(t, s)["Nightly baseline"]
	gaps, err := schedule.Gaps(historyStart(historyNow), historyDays*24*time.Hour)
	if err != nil || len(gaps) != 1 || gaps[0].Date.String() != "2026-03-29" {
		t.Fatalf("the gaps are %v, error %v", gaps, err)
	}
	berlin, err := time.LoadLocation(schedule.Timezone)
	if err != nil {
		t.Fatal(err)
	}
	nights := map[string]bool{}
	for _, r := range p.everyRun(t, s) {
		if r.ScheduleID == schedule.ID && !r.ScheduledFor.IsZero() {
			nights[r.ScheduledFor.In(berlin).Format("2006-01-02 15:04")] = true
		}
	}
	for day := time.Date(2026, 3, 12, 2, 30, 0, 0, time.UTC); day.Before(historyNow); day = day.AddDate(0, 0, 1) {
		at := day.Format("2006-01-02 15:04")
		if exists := at != "2026-03-29 02:30"; nights[at] != exists {
			t.Errorf("a run of %s: %v, want %v", at, nights[at], exists)
		}
	}
}

func TestWhoStartedSomethingLatelyHasUnreadNotifications(t *testing.T) {
	p := openHistory(t)
	for _, s := range []staff{{"contoso"}, {"fabrikam"}} {
		for role, want := range map[runs.Role]bool{
			runs.RoleOwner: s.tenant == "contoso", runs.RoleManager: s.tenant == "contoso", runs.RoleOperator: true, runs.RoleReadonly: false,
		} {
			unread, err := p.starter.Unread(t.Context(), s.tenant, s.person(role))
			if err != nil || (unread > 0) != want {
				t.Errorf("%s of %s has %d unread notifications, want some: %v; error %v", role, s.tenant, unread, want, err)
			}
			all, err := p.starter.Notifications(t.Context(), s.tenant, s.person(role), false, runs.PageRequest{})
			if err != nil || want && len(all.Items) == unread {
				t.Errorf("%s of %s has read none of %d notifications; error %v", role, s.tenant, unread, err)
			}
		}
	}
}
