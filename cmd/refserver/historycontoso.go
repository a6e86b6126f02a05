package main

import (
	"context"
	"errors"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/capture"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// The policy types that the stories change.
const (
	catalog    = graph.PolicyType("settingsCatalogPolicy")
	config     = graph.PolicyType("deviceConfiguration")
	compliance = graph.PolicyType("deviceCompliancePolicy")
	access     = graph.PolicyType("conditionalAccessPolicy")
)

var baseline = []graph.PolicyType{catalog, config, compliance, access}

// days tells when things happen in a history.
type days struct{ end time.Time }

// ago is a time of day, UTC, so many days before the last one.
func (d days) ago(days, hour, minute int) time.Time {
	return d.end.Truncate(24*time.Hour).AddDate(0, 0, -days).Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute)
}

// contosoHistory is the month of a tenant where a lot happens.
func contosoHistory(end time.Time) []event {
	d, s := days{end}, staff{"contoso"}
	zone := historyZone(historyStart(end), end)
	night := backupsched.Recurrence{Frequency: backupsched.Daily, TimeOfDay: nightly, Timezone: zone}
	// The nights in which something goes wrong: slots, since one of them does not exist perhaps.
	slot := func(days int) time.Time {
		at, _ := night.Next(d.ago(days, 10, 0)) // the recurrence is valid
		return at
	}
	throttled, off, busy, locked, forbidden := slot(25), slot(21), slot(18), slot(15), slot(12)
	forbiddenToo, _ := night.Next(forbidden)
	mistake := d.ago(8, 8, 0)
	mishap := end.Add(-70 * time.Minute)

	var events []event
	on := func(at time.Time, do act) { events = append(events, event{at: at, tenant: s.tenant, do: do}) }
	edit := func(at time.Time, edit func(*edits) error) {
		events = append(events, event{at: at, tenant: s.tenant, edit: edit})
	}

	on(d.ago(30, 9, 5), s.create(runs.RoleOwner, "baseline", func(d *backupsched.Draft) {
		d.Name, d.Recurrence, d.PolicyTypes, d.RetentionKeepLast = "Nightly baseline", night, baseline, 14
	}))
	on(d.ago(30, 9, 20), s.create(runs.RoleManager, "access", func(d *backupsched.Draft) {
		d.Name, d.PolicyTypes, d.RetentionKeepLast, d.IncludeFoundations = "Conditional Access", []graph.PolicyType{access}, 3, false
		d.Recurrence = backupsched.Recurrence{Frequency: backupsched.Weekly, TimeOfDay: "06:15", DaysOfWeek: []int{1, 4}, Timezone: "America/New_York"}
	}))
	on(d.ago(30, 9, 40), s.create(runs.RoleManager, "apps", func(d *backupsched.Draft) {
		d.Name, d.IncludeFoundations, d.RetentionKeepLast = "Apps and scripts", false, 8
		d.PolicyTypes = []graph.PolicyType{"mobileApp", "appProtectionPolicy", "deviceManagementScript", "deviceShellScript", "deviceHealthScript"}
		d.Recurrence = backupsched.Recurrence{Frequency: backupsched.Weekly, TimeOfDay: "22:00", DaysOfWeek: []int{7}, Timezone: "Asia/Tokyo"}
	}))
	on(d.ago(30, 10, 0), s.create(runs.RoleManager, "pilot", func(d *backupsched.Draft) {
		d.Name, d.PolicyTypes, d.IncludeFoundations = "Pilot: compliance only", []graph.PolicyType{compliance}, false
		d.Recurrence = backupsched.Recurrence{Frequency: backupsched.Daily, TimeOfDay: "21:45", Timezone: "UTC"}
	}))
	on(d.ago(30, 10, 5), s.runNow(runs.RoleOwner, "baseline"))

	edit(d.ago(28, 14, 0), func(e *edits) error { return errors.Join(e.add(catalog, config), e.change(catalog, 3)) })
	on(throttled.Add(-time.Hour), s.fault(graphtest.Fault{Op: graphtest.OpList, Type: config, Err: &graph.Error{Kind: graph.KindThrottled}, RetryAfter: "40"}))
	on(throttled.Add(time.Hour), wellAgain)
	edit(d.ago(23, 11, 0), func(e *edits) error { return errors.Join(e.change(catalog, 10), e.change(compliance, 1)) })
	on(d.ago(23, 15, 0), s.disable(runs.RoleManager, "pilot"))

	// Over a slot of every daily schedule.
	on(off.Add(-12*time.Hour-30*time.Minute), switchOff)
	on(off.Add(12*time.Hour+30*time.Minute), switchOn)

	// Somebody runs the backup just before its slot; Graph has it wait over the slot.
	on(busy.Add(-4*time.Minute), s.fault(graphtest.Fault{Op: graphtest.OpList, Type: config, Err: &graph.Error{Kind: graph.KindThrottled}, RetryAfter: "900"}))
	on(busy.Add(-3*time.Minute), s.runNow(runs.RoleOperator, "baseline"))
	on(busy.Add(time.Hour), wellAgain)

	on(d.ago(17, 16, 0), s.runAndCancel(runs.RoleOperator, runs.RoleManager, "baseline", 55))
	on(d.ago(16, 8, 0), s.update(runs.RoleManager, "apps", backupsched.Patch{TimeOfDay: new("22:30")}))

	on(locked.Add(-time.Hour), s.fault(graphtest.Fault{Times: -1, Err: &graph.Error{Kind: graph.KindUnauthorized}}))
	on(locked.Add(5*time.Hour), wellAgain)
	on(locked.Add(5*time.Hour+10*time.Minute), s.runNow(runs.RoleManager, "baseline"))

	on(forbidden.Add(-time.Hour), s.fault(graphtest.Fault{Op: graphtest.OpList, Type: access, Times: -1, Err: &graph.Error{Kind: graph.KindForbidden}}))
	on(forbiddenToo.Add(7*time.Hour), wellAgain)
	on(forbiddenToo.Add(7*time.Hour+15*time.Minute), s.retry(runs.RoleOperator, "baseline"))

	edit(mistake, func(e *edits) error {
		return errors.Join(
			e.patch(compliance, 3, map[string]any{"passwordRequired": false, "passwordMinimumLength": 4}, "changed by mistake"),
			e.remove(config, 1, "deleted by mistake"))
	})
	on(d.ago(8, 10, 0), s.preview(runs.RoleManager, "mistake", "baseline", mistake, restore.Options{Existing: restore.Overwrite},
		"changed by mistake", "deleted by mistake"))
	events = append(events, event{
		at: d.ago(8, 10, 10), tenant: s.tenant,
		do: s.restore(runs.RoleManager, "mistake", "Changed and deleted by mistake this morning"),
		left: func(e *edits) error {
			return errors.Join(e.putBack("changed by mistake"), e.remake("deleted by mistake"))
		},
	})

	on(d.ago(7, 13, 0), s.start(runs.RoleOperator, "inventory", func(context.Context, *history) (runs.Request, error) {
		return capture.SyncRequest(nil), nil
	}))
	on(d.ago(6, 14, 0), s.start(runs.RoleOperator, "by hand", func(context.Context, *history) (runs.Request, error) {
		return capture.CreateSetRequest("Before the autumn change", capture.Selection{PolicyTypes: []graph.PolicyType{compliance, access}}), nil
	}))
	on(d.ago(6, 14, 20), s.start(runs.RoleOperator, "added", func(ctx context.Context, h *history) (runs.Request, error) {
		ids, err := s.known(ctx, h, catalog, 5)
		return capture.AddPoliciesRequest(h.marks["by hand"], ids), err
	}))
	on(d.ago(6, 14, 30), s.start(runs.RoleOperator, "verified", func(_ context.Context, h *history) (runs.Request, error) {
		return capture.VerifySetRequest(h.marks["by hand"]), nil
	}))
	on(d.ago(6, 15, 0), s.hold(runs.RoleManager, "by hand", "autumn change", "Kept until the change is signed off"))
	edit(d.ago(5, 10, 0), func(e *edits) error {
		return errors.Join(
			e.patch(compliance, 0, map[string]any{"passwordMinimumLength": 14, "storageRequireEncryption": true, "description": "Raised with the autumn change"}, ""),
			e.patch(access, 1, map[string]any{"state": "enabledForReportingButNotEnforced"}, ""),
			e.change(catalog, 7), e.rename(catalog, 12, "Browser hardening, autumn"), e.add(compliance))
	})
	on(d.ago(4, 11, 0), s.start(runs.RoleOperator, "snapshot", func(ctx context.Context, h *history) (runs.Request, error) {
		ids, err := s.known(ctx, h, compliance, 1)
		if err != nil {
			return runs.Request{}, err
		}
		return capture.SnapshotRequest(ids[0]), nil
	}))
	on(d.ago(3, 17, 0), s.readAll)
	edit(d.ago(3, 12, 0), func(e *edits) error { return e.change(catalog, 15) })
	edit(d.ago(2, 12, 0), func(e *edits) error { return errors.Join(e.change(catalog, 20), e.change(config, 4)) })
	on(d.ago(2, 15, 0), s.start(runs.RoleOperator, "drift", func(_ context.Context, h *history) (runs.Request, error) {
		return restore.DriftRequest(h.marks["by hand"], restore.DriftParams{}), nil
	}))
	// One of these lies between the last two nights in every zone.
	for i, at := range []time.Time{d.ago(1, 12, 0), d.ago(1, 18, 0)} {
		edit(at, func(e *edits) error {
			return errors.Join(
				e.patch(compliance, 5+i, map[string]any{"description": "Reviewed by the desktop team", "passwordMinutesOfInactivityBeforeLock": 10}, ""),
				e.change(catalog, 25+i), e.remove(catalog, 30, ""), e.add(config))
		})
	}
	on(d.ago(1, 18, 30), s.runNow(runs.RoleOwner, "apps"))

	edit(mishap, func(e *edits) error {
		return errors.Join(
			e.patch(compliance, 2, map[string]any{"passwordRequired": false, "passwordMinimumLength": 4, "osMinimumVersion": nil}, "weakened"),
			e.remove(catalog, 5, "lost"))
	})
	on(end.Add(-8*time.Minute), s.preview(runs.RoleManager, "ready", "baseline", mishap, restore.Options{Existing: restore.Overwrite}, "weakened", "lost"))

	for day := historyDays - 1; day > 0; day-- {
		events = append(events, event{at: d.ago(day, 4, 40), do: tidy})
	}
	return events
}
