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
)

// fabrikamHistory is the month of a tenant that is looked after from afar.
func fabrikamHistory(end time.Time) []event {
	d, s := days{end}, staff{"fabrikam"}
	var events []event
	on := func(at time.Time, do act) { events = append(events, event{at: at, tenant: s.tenant, do: do}) }
	edit := func(at time.Time, edit func(*edits) error) {
		events = append(events, event{at: at, tenant: s.tenant, edit: edit})
	}

	on(d.ago(30, 13, 0), s.create(runs.RoleOwner, "daily", func(d *backupsched.Draft) {
		d.Name, d.PolicyTypes, d.IncludeFoundations, d.RetentionKeepLast = "Daily", []graph.PolicyType{config, compliance, access}, false, 5
		d.Recurrence = backupsched.Recurrence{Frequency: backupsched.Daily, TimeOfDay: "22:00", Timezone: "America/New_York"}
	}))
	on(d.ago(30, 13, 10), s.create(runs.RoleManager, "weekend", func(d *backupsched.Draft) {
		policies, _ := graphtest.GeneratedTypes()
		d.Name, d.PolicyTypes, d.RetentionKeepLast = "Weekend, everything", policies, 12
		d.Recurrence = backupsched.Recurrence{Frequency: backupsched.Weekly, TimeOfDay: "23:30", DaysOfWeek: []int{6}, Timezone: "Asia/Kolkata"}
	}))
	on(d.ago(30, 13, 20), s.create(runs.RoleManager, "kiosks", func(d *backupsched.Draft) {
		d.Name, d.PolicyTypes, d.IncludeFoundations = "Kiosks", []graph.PolicyType{config, "windowsAutopilotDeploymentProfile"}, false
		d.Recurrence = backupsched.Recurrence{Frequency: backupsched.Weekly, TimeOfDay: "05:30", DaysOfWeek: []int{3}, Timezone: "UTC"}
	}))

	edit(d.ago(26, 9, 0), func(e *edits) error { return errors.Join(e.change(catalog, 1), e.add(config)) })
	on(d.ago(23, 14, 0), s.fault(graphtest.Fault{Op: graphtest.OpList, Type: config, Times: -1, Err: &graph.Error{Kind: graph.KindForbidden}}))
	on(d.ago(22, 9, 0), wellAgain)
	on(d.ago(22, 10, 0), s.retry(runs.RoleManager, "daily"))

	// Graph is away over a night, and gives up in the end.
	on(d.ago(19, 8, 0), s.fault(graphtest.Fault{Times: -1, Err: &graph.Error{Kind: graph.KindUnavailable}}))
	on(d.ago(18, 8, 0), wellAgain)
	on(d.ago(16, 15, 0), s.runNow(runs.RoleOperator, "daily"))
	edit(d.ago(13, 9, 0), func(e *edits) error {
		return errors.Join(e.change(catalog, 8), e.patch(access, 0, map[string]any{"state": "disabled"}, ""), e.remove(config, 1, ""))
	})
	on(d.ago(11, 12, 0), s.disable(runs.RoleManager, "kiosks"))

	on(d.ago(7, 10, 0), s.fault(graphtest.Fault{Op: graphtest.OpList, Type: access, Times: 2, Err: &graph.Error{Kind: graph.KindThrottled}, RetryAfter: "90"}))
	on(d.ago(6, 9, 0), wellAgain)
	on(d.ago(5, 15, 0), s.start(runs.RoleOperator, "audit", func(context.Context, *history) (runs.Request, error) {
		return capture.CreateSetRequest("For the yearly audit", capture.Selection{PolicyTypes: []graph.PolicyType{compliance, access}, IncludeFoundations: true}), nil
	}))
	on(d.ago(3, 17, 5), s.readAll)
	for i, at := range []time.Time{d.ago(2, 9, 0), d.ago(1, 9, 0)} {
		edit(at, func(e *edits) error {
			return errors.Join(e.change(config, 3+i), e.patch(compliance, i, map[string]any{"passwordMinimumLength": 12, "description": "After the audit"}, ""))
		})
	}
	// The history ends with something to look into: a type that may no longer be read.
	on(d.ago(1, 13, 0), s.fault(graphtest.Fault{Op: graphtest.OpList, Type: access, Times: -1, Err: &graph.Error{Kind: graph.KindForbidden}}))
	on(d.ago(1, 14, 0), s.runNow(runs.RoleOperator, "daily"))
	return events
}
