package main

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/cmd/refserver/pages"
	"github.com/tenantatlas/tenantbackup/cmd/refserver/product"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// cardCounts is how far the card of a tenant counts: a thousand schedules would be a page of
// their own, and "50 or more" asks for the same deed.
const cardCounts = 50

// overdueAfter is how long a slot may be due before it is called overdue: the grace of the
// dispatcher, after which it records the slot as missed.
const overdueAfter = 2 * time.Minute

// troubles are the ends of a schedule's last run that a card tells of, the worst first.
var troubles = []struct {
	status runs.Status
	word   string
	tone   product.Tone
}{
	{runs.StatusFailed, "failed", product.Bad},
	{runs.StatusPartial, "partial", product.Warn},
	{runs.StatusSkipped, "skipped or missed", product.Warn},
	{runs.StatusCanceled, "canceled", product.Warn},
}

// card is what the home page of the product tells of a tenant's backups: whether anything went
// wrong last night, and where. Each line is one query for a few rows.
func (a *app) card(ctx context.Context, tenant graph.TenantID, actor runs.Actor) ([]product.Fact, error) {
	base := pages.DefaultPrefix + "/" + url.PathEscape(string(tenant))
	on := true
	schedules := func(f backupsched.Filter) ([]backupsched.Schedule, string, error) {
		found, err := a.scheduler.List(ctx, tenant, actor, f, runs.PageRequest{Limit: cardCounts})
		return found.Items, counted(len(found.Items), found.NextCursor != "", "schedule"), err
	}

	// The next one first: where nobody dispatches, nothing fails any more either.
	enabled, count, err := schedules(backupsched.Filter{Enabled: &on, Sort: backupsched.SortNextRun})
	if err != nil {
		return nil, err
	}
	var facts []product.Fact
	late := 0
	for _, s := range enabled {
		if !s.NextRunAt.IsZero() && a.clock.Now().Sub(s.NextRunAt) > overdueAfter {
			late++
		}
	}
	if late > 0 {
		facts = append(facts, product.Fact{
			Tone: product.Bad, Text: "Overdue: " + counted(late, late == cardCounts, "schedule"), At: enabled[0].NextRunAt, Link: base + "/schedules?enabled=yes&sort=next_run_at",
		})
	}
	for _, t := range troubles {
		list, n, err := schedules(backupsched.Filter{Enabled: &on, Status: t.status, Sort: backupsched.SortLastRunDown})
		if err != nil {
			return nil, err
		}
		if len(list) > 0 {
			facts = append(facts, product.Fact{
				Tone: t.tone, Text: "Last run " + t.word + ": " + n, At: list[0].LastRunAt, Link: base + "/schedules?enabled=yes&status=" + string(t.status),
			})
		}
	}
	switch {
	case len(enabled) == 0:
		facts = append(facts, product.Fact{Tone: product.Warn, Text: "No schedule is enabled: nothing is backed up by itself", Link: base + "/schedules"})
	case len(facts) == 0:
		facts = append(facts, product.Fact{Tone: product.Good, Text: "Nothing went wrong last time", Link: base + "/schedules"})
	}
	if len(enabled) > 0 {
		facts = append(facts, product.Fact{Tone: product.Quiet, Text: "Enabled: " + count, Link: base + "/schedules?enabled=yes"})
	}
	return a.cardOfRuns(ctx, tenant, actor, base, facts)
}

// cardOfRuns adds which backup ended last, what runs, and what nobody has read.
func (a *app) cardOfRuns(ctx context.Context, tenant graph.TenantID, actor runs.Actor, base string, facts []product.Fact) ([]product.Fact, error) {
	last, err := a.starter.List(ctx, tenant, actor, runs.RunFilter{
		Kinds: []runs.Kind{runs.KindBackup}, Statuses: []runs.Status{runs.StatusSuccess, runs.StatusPartial},
	}, runs.PageRequest{Limit: 1})
	if err != nil {
		return nil, err
	}
	for _, r := range last.Items {
		facts = append(facts, product.Fact{Tone: product.Quiet, Text: "Last backup: " + string(r.Status), At: r.FinishedAt, Link: base + "/runs/" + string(r.ID)})
	}
	if len(last.Items) == 0 {
		facts = append(facts, product.Fact{Tone: product.Quiet, Text: "No backup yet"})
	}
	now, err := a.starter.List(ctx, tenant, actor, runs.RunFilter{Statuses: []runs.Status{runs.StatusQueued, runs.StatusRunning}}, runs.PageRequest{Limit: cardCounts})
	if err != nil {
		return nil, err
	}
	if n := len(now.Items); n > 0 {
		facts = append(facts, product.Fact{
			Tone: product.Busy, Text: "Under way: " + counted(n, now.NextCursor != "", "run"), Link: base + "/runs?status=queued&status=running",
		})
	}
	unread, err := a.starter.Unread(ctx, tenant, actor)
	if err != nil {
		return nil, err
	}
	if unread > 0 {
		facts = append(facts, product.Fact{Tone: product.Quiet, Text: counted(unread, false, "notification") + " to read", Link: base + "/notifications?unread=yes"})
	}
	return facts, nil
}

// counted is a number of things; more tells that there may be others.
func counted(n int, more bool, what string) string {
	text := fmt.Sprint(n)
	if more {
		text += " or more"
	}
	if n != 1 {
		what += "s"
	}
	return text + " " + what
}
