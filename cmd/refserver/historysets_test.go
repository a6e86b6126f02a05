package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// setsOf are the sets of a schedule, newest first; of no schedule all.
func (p past) setsOf(t testing.TB, s staff, f backupset.SetFilter) []backupset.BackupSet {
	t.Helper()
	page, err := p.archive.List(t.Context(), s.tenant, s.person(runs.RoleReadonly), f, runs.PageRequest{Limit: runs.MaxPageSize})
	if err != nil {
		t.Fatal(err)
	}
	return page.Items
}

// newestRun is the newest run of a kind.
func (p past) newestRun(t testing.TB, s staff, kind runs.Kind) runs.Run {
	t.Helper()
	for _, run := range p.everyRun(t, s) {
		if run.Kind == kind {
			return run
		}
	}
	t.Fatalf("%s has no run of kind %s", s.tenant, kind)
	return runs.Run{}
}

func TestRetentionHasRetiredSetsInTheHistory(t *testing.T) {
	p := openHistory(t)
	for tenant, names := range map[graph.TenantID][]string{"contoso": {"Nightly baseline", "Conditional Access"}, "fabrikam": {"Daily"}} {
		s := staff{tenant}
		for _, name := range names {
			schedule := p.schedules(t, s)[name]
			kept := p.setsOf(t, s, backupset.SetFilter{ScheduleID: schedule.ID, Statuses: []backupset.Status{backupset.Complete}})
			if len(kept) != schedule.RetentionKeepLast {
				t.Errorf("%q has %d complete sets, want %d", name, len(kept), schedule.RetentionKeepLast)
			}
			if retired := p.setsOf(t, s, backupset.SetFilter{ScheduleID: schedule.ID, Deleted: true}); len(retired) == 0 {
				t.Errorf("%q has no retired sets that could be taken back", name)
			}
		}
	}
}

// lastNights compares the last two sets of the nightly schedule.
func (p past) lastNights(t *testing.T) backupset.Comparison {
	t.Helper()
	s := staff{"contoso"}
	sets := p.setsOf(t, s, backupset.SetFilter{ScheduleID: p.schedules(t, s)["Nightly baseline"].ID})
	c, err := p.archive.Compare(t.Context(), s.tenant, s.person(runs.RoleReadonly), sets[1].ID, sets[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTheLastNightsOfTheHistoryDiffer(t *testing.T) {
	c := openHistory(t).lastNights(t)
	readable := false
	for _, policy := range c.Changed {
		for _, change := range policy.Diff {
			readable = readable || policy.Type == compliance && change.Path == "passwordMinutesOfInactivityBeforeLock" && len(change.After) > 0
		}
	}
	if len(c.Added) == 0 || len(c.Removed) == 0 || len(c.Changed) < 3 || c.UnchangedCount < 90 || !readable {
		t.Errorf("%d added, %d removed, %d changed, %d unchanged, one readable: %v", len(c.Added), len(c.Removed), len(c.Changed), c.UnchangedCount, readable)
	}
}

func TestTheManualSetOfTheHistoryIsHeldAndVerified(t *testing.T) {
	p, s := openHistory(t), staff{"contoso"}
	for _, set := range p.setsOf(t, s, backupset.SetFilter{}) {
		if set.Name != "Before the autumn change" {
			continue
		}
		got := fmt.Sprint(set.Status, " ", set.Revision, " ", len(set.Holds) == 1 && set.Holds[0].Reason != "" && set.Holds[0].By == s.person(runs.RoleManager), " ", set.LastVerifiedAt.IsZero())
		if want := "complete 2 true false"; got != want {
			t.Errorf("status, revision, held, never verified: %s, want %s", got, want)
		}
		return
	}
	t.Error("there is no such set")
}

func TestTheDriftReportOfTheHistoryShowsTheAutumnChange(t *testing.T) {
	p, s := openHistory(t), staff{"contoso"}
	d, err := p.restores.Drift(t.Context(), s.tenant, s.person(runs.RoleReadonly), p.newestRun(t, s, runs.KindDriftReport).ID)
	if err != nil || len(d.Changed) < 2 || len(d.Added) == 0 || d.UnchangedCount == 0 {
		t.Errorf("%d changed, %d added, %d unchanged, error %v", len(d.Changed), len(d.Added), d.UnchangedCount, err)
	}
}

func TestThePreviewAtTheEndOfTheHistoryCanBeExecuted(t *testing.T) { openHistory(t).checkPreview(t) }

func (p past) checkPreview(t *testing.T) {
	s := staff{"contoso"}
	preview := p.newestRun(t, s, runs.KindRestorePreview)
	items, err := p.restores.Items(t.Context(), s.tenant, s.person(runs.RoleReadonly), preview.ID, restore.Filter{}, runs.PageRequest{})
	if err != nil {
		t.Fatal(err)
	}
	actions := map[restore.Action]int{}
	for _, item := range items.Items {
		actions[item.Action]++
	}
	if diff := cmp.Diff(map[restore.Action]int{restore.Change: 1, restore.Create: 1}, actions); diff != "" {
		t.Errorf("the preview (-want +got):\n%s", diff)
	}
	p.clock.Add(30 * time.Minute) // for people who look around first
	run, _, err := p.starter.Start(t.Context(), s.tenant, s.person(runs.RoleManager), restore.ExecuteRequest(preview.ID, "They were lost", false))
	if err != nil {
		t.Fatal(err)
	}
	if run = p.finished(t, s, run.ID); run.Status != runs.StatusSuccess || run.Counts.Succeeded != 2 {
		t.Errorf("the restore is %s %s with %+v", run.Status, run.ErrorMessage, run.Counts)
	}
}
