package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/cmd/refserver/product"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

func demoCommand(ctx context.Context, args []string, out, errOut io.Writer) int {
	fs := flag.NewFlagSet("demo", flag.ContinueOnError)
	explain(fs, "It plays eleven nights of backups in virtual time and prints what happened.", nil)
	if code, done := parse(fs, args, errOut); done {
		return code
	}
	data, err := os.MkdirTemp("", "tenantbackup-demo-")
	if err != nil {
		return fail(errOut, "demo", err)
	}
	defer os.RemoveAll(data)
	if err := demo(ctx, data, out); err != nil {
		return fail(errOut, "demo", err)
	}
	return exitOK
}

// demoTenant is the one that the demo plays with, and its user.
const demoTenant = graph.TenantID("contoso")

var demoOwner, _ = product.DemoUsers().Person(demoTenant, runs.RoleOwner)

// story is a demo in the middle of being played. Nothing in it waits for real time.
type story struct {
	*app
	clock *clock.Mock
	graph *graphtest.Graph
	queue *stepQueue
	out   io.Writer
	zone  *time.Location
}

// demo plays eleven nights of one tenant around a daylight-saving change and prints them.
func demo(ctx context.Context, data string, out io.Writer) (err error) {
	mock := clock.NewMock()
	mock.Set(time.Date(2026, 3, 25, 12, 0, 0, 0, time.UTC))
	fake, err := graphtest.New(graphtest.Config{Clock: mock})
	if err != nil {
		return err
	}
	if err := fake.AddTenant(demoTenant, graphtest.TenantConfig{Seed: 7, Policies: 40}); err != nil {
		return err
	}
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		return err
	}
	queue := &stepQueue{}
	a, err := open(ctx, options{
		source: source{data: data}, migrate: true, clock: mock, users: product.DemoUsers(), graph: fake, queue: queue,
		retention: retention.Config{MinAge: -1}, // old sets may go at once, so that the story shows it
		random:    func() float64 { return 0 },  // the same story every time
	})
	if err != nil {
		return err
	}
	defer a.close(ctx)
	s := &story{app: a, clock: mock, graph: fake, queue: queue, out: out, zone: zone}
	return s.tell(ctx)
}

func (s *story) tell(ctx context.Context) error {
	schedule, err := s.create(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "\nThe nights\n")
	nights := []struct {
		before string // what happens before the night
		do     func(context.Context) error
		off    bool // the server is switched off over the slot
	}{
		{},
		{},
		{before: "somebody changes policies", do: s.changePolicies},
		{before: "Graph throttles: 429, Retry-After 17.5 s", do: s.throttle},
		{before: "the server is off until noon", off: true},
		{before: "reading Conditional Access is no longer permitted: 403", do: s.forbid},
		{before: "the permission is back", do: func(context.Context) error { s.graph.ClearFaults(); return nil }},
		{},
		{},
	}
	for _, night := range nights {
		if night.before != "" {
			fmt.Fprintf(s.out, "  %s - %s\n", s.local(s.clock.Now()), night.before)
		}
		if night.do != nil {
			if err := night.do(ctx); err != nil {
				return err
			}
		}
		if err := s.night(ctx, schedule.ID, night.off); err != nil {
			return err
		}
	}
	if err := s.showSets(ctx, schedule.ID); err != nil {
		return err
	}
	return s.showChanges(ctx, schedule.ID)
}

func (s *story) create(ctx context.Context) (backupsched.Schedule, error) {
	d := backupsched.NewDraft()
	d.Name, d.RetentionKeepLast = "Nightly", 3
	d.Recurrence = backupsched.Recurrence{Frequency: backupsched.Daily, TimeOfDay: "02:30", Timezone: "Europe/Berlin"}
	d.PolicyTypes = []graph.PolicyType{"settingsCatalogPolicy", "deviceCompliancePolicy", "conditionalAccessPolicy"}
	schedule, warnings, err := s.scheduler.Create(ctx, demoTenant, demoOwner, d)
	if err != nil {
		return schedule, err
	}
	fmt.Fprintf(s.out, "Schedule %q: daily at 02:30 Europe/Berlin, keep the last %d\n", schedule.Name, schedule.RetentionKeepLast)
	for _, w := range warnings {
		fmt.Fprintf(s.out, "  warning: %s\n", w.Message)
	}
	preview, err := s.scheduler.Preview(ctx, demoTenant, demoOwner, d, 5)
	if err != nil {
		return schedule, err
	}
	fmt.Fprintf(s.out, "  next slots:\n")
	for _, slot := range preview.Slots {
		fmt.Fprintf(s.out, "    %s  =  %s\n", s.local(slot), slot.Format("2006-01-02 15:04 MST"))
	}
	return schedule, nil
}

// night moves the clock to the schedule's next slot, dispatches it and works until nothing
// is left to do.
func (s *story) night(ctx context.Context, id runs.ID, off bool) error {
	schedule, err := s.scheduler.Get(ctx, demoTenant, demoOwner, id)
	if err != nil {
		return err
	}
	at := schedule.NextRunAt
	if off {
		at = at.Add(10 * time.Hour)
	}
	s.clock.Set(at)
	if _, err := s.dispatcher.Tick(ctx); err != nil {
		return err
	}
	if err := s.queue.drain(ctx, s.clock, s.runner.Handle); err != nil {
		return err
	}
	latest, err := s.starter.List(ctx, demoTenant, demoOwner,
		runs.RunFilter{ScheduleID: id, Kinds: []runs.Kind{runs.KindBackup}}, runs.PageRequest{Limit: 1})
	if err != nil {
		return err
	}
	return s.showRun(ctx, latest.Items[0])
}

func (s *story) showRun(_ context.Context, r runs.Run) error {
	line := fmt.Sprintf("  %s - %s", s.local(r.ScheduledFor), r.Status)
	if r.ErrorCode != "" {
		line += " " + string(r.ErrorCode)
	}
	if r.Counts.Processed > 0 {
		line += fmt.Sprintf(": %d captured, %d failed, attempt %d", r.Counts.Succeeded, r.Counts.Failed, r.Attempt)
		if took := r.FinishedAt.Sub(r.StartedAt); took > 0 {
			line += fmt.Sprintf(", after waiting %s", took.Round(100*time.Millisecond))
		}
	}
	if r.ErrorMessage != "" {
		line += " (" + r.ErrorMessage + ")"
	}
	_, err := fmt.Fprintln(s.out, line)
	return err
}

func (s *story) changePolicies(context.Context) error {
	changed, err := s.graph.Churn(demoTenant, 5, 1)
	if err == nil && len(changed) == 0 {
		err = fmt.Errorf("the fake Graph changed nothing")
	}
	return err
}

func (s *story) throttle(context.Context) error {
	return s.graph.Inject(graphtest.Fault{
		Tenant: demoTenant, Op: graphtest.OpList, Type: "deviceCompliancePolicy",
		Err: &graph.Error{Kind: graph.KindThrottled}, RetryAfter: "17.5",
	})
}

func (s *story) forbid(context.Context) error {
	return s.graph.Inject(graphtest.Fault{
		Tenant: demoTenant, Op: graphtest.OpList, Type: "conditionalAccessPolicy", Times: -1,
		Err: &graph.Error{Kind: graph.KindForbidden},
	})
}

func (s *story) sets(ctx context.Context, id runs.ID, deleted bool) ([]backupset.BackupSet, error) {
	page, err := s.archive.List(ctx, demoTenant, demoOwner, backupset.SetFilter{ScheduleID: id, Deleted: deleted}, runs.PageRequest{Limit: 50})
	return page.Items, err
}

// showSets prints what retention kept and what it retired, and verifies what it kept.
func (s *story) showSets(ctx context.Context, id runs.ID) error {
	kept, err := s.sets(ctx, id, false)
	if err != nil {
		return err
	}
	retired, err := s.sets(ctx, id, true)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "\nBackup sets: %d kept, %d retired (they can be taken back for 7 days)\n", len(kept), len(retired))
	table := tabwriter.NewWriter(s.out, 2, 4, 2, ' ', 0)
	for _, set := range kept {
		v, err := s.verifier.Verify(ctx, demoTenant, set.ID)
		if err != nil {
			return err
		}
		verdict := fmt.Sprintf("verified: %d policies hash as captured", v.Checked)
		if !v.Sound() {
			return fmt.Errorf("set %s is damaged", set.Name)
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\n", set.Name, set.Status, verdict)
	}
	for _, set := range retired {
		fmt.Fprintf(table, "  %s\t%s\tretired: %s\n", set.Name, set.Status, set.DeletedReason)
	}
	return table.Flush()
}

// showChanges compares the last two complete sets, after more changes.
func (s *story) showChanges(ctx context.Context, id runs.ID) error {
	if _, err := s.graph.Churn(demoTenant, 5, 2); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "\nMore changes, one more night\n")
	if err := s.night(ctx, id, false); err != nil {
		return err
	}
	sets, err := s.sets(ctx, id, false)
	if err != nil {
		return err
	}
	c, err := s.archive.Compare(ctx, demoTenant, demoOwner, sets[1].ID, sets[0].ID)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "\nWhat changed from %q to %q: %d added, %d removed, %d changed, %d unchanged\n",
		sets[1].Name, sets[0].Name, len(c.Added), len(c.Removed), len(c.Changed), c.UnchangedCount)
	for _, p := range c.Changed {
		fmt.Fprintf(s.out, "  %s %q\n", p.Type, p.Name)
		for _, d := range p.Diff {
			fmt.Fprintf(s.out, "    %s %s: %s -> %s\n", d.Op, d.Path, shorten(d.Before), shorten(d.After))
		}
	}
	return nil
}

func shorten(raw []byte) string {
	const limit = 60
	if len(raw) == 0 {
		return "(none)"
	}
	if r := []rune(string(raw)); len(r) > limit {
		return string(r[:limit]) + "..."
	}
	return string(raw)
}

func (s *story) local(at time.Time) string { return at.In(s.zone).Format("Mon 2 Jan 15:04 MST") }
