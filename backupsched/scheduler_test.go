package backupsched_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
)

func ptr[T any](v T) *T { return &v }

func codesOf(t *testing.T, err error) map[string]string {
	t.Helper()
	var invalid *runs.InvalidError
	if !errors.As(err, &invalid) || !errors.Is(err, runs.ErrInvalid) {
		t.Fatalf("error is %v, want *InvalidError", err)
	}
	codes := map[string]string{}
	for _, f := range invalid.Fields {
		codes[f.Field] = f.Code
	}
	return codes
}

func TestADraftIsRefusedWithACodePerField(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	const secret = "rejected-value-5f3a"
	for _, tt := range []struct {
		name string
		edit func(*backupsched.Draft)
		want map[string]string
	}{
		{"no name", func(d *backupsched.Draft) { d.Name = "  " }, map[string]string{"name": "name_required"}},
		{"a name of 256 characters", func(d *backupsched.Draft) { d.Name = strings.Repeat("ü", 256) }, map[string]string{"name": "name_too_long"}},
		{"a name with a control character", func(d *backupsched.Draft) { d.Name = "a\x00b" }, map[string]string{"name": "name_invalid"}},
		{"a name that is not UTF-8", func(d *backupsched.Draft) { d.Name = "\xff" }, map[string]string{"name": "name_invalid"}},
		{"an empty timezone", func(d *backupsched.Draft) { d.Timezone = "" }, map[string]string{"timezone": "timezone_required"}},
		{"the machine's timezone", func(d *backupsched.Draft) { d.Timezone = "Local" }, map[string]string{"timezone": "timezone_unknown"}},
		{"the Factory timezone", func(d *backupsched.Draft) { d.Timezone = "Factory" }, map[string]string{"timezone": "timezone_unknown"}},
		{"a timezone in odd case", func(d *backupsched.Draft) { d.Timezone = "europe/berlin" }, map[string]string{"timezone": "timezone_unknown"}},
		{"a path as timezone", func(d *backupsched.Draft) { d.Timezone = "../etc/passwd" }, map[string]string{"timezone": "timezone_unknown"}},
		{"hourly", func(d *backupsched.Draft) { d.Frequency = secret }, map[string]string{"frequency": "frequency_invalid"}},
		{"25 o'clock", func(d *backupsched.Draft) { d.TimeOfDay = "25:00" }, map[string]string{"time_of_day": "time_of_day_invalid"}},
		{"weekly without days", func(d *backupsched.Draft) { d.Frequency = backupsched.Weekly }, map[string]string{"days_of_week": "days_of_week_required"}},
		{"day 0", func(d *backupsched.Draft) { d.Frequency, d.DaysOfWeek = backupsched.Weekly, []int{0} }, map[string]string{"days_of_week": "days_of_week_range"}},
		{"a day twice", func(d *backupsched.Draft) { d.Frequency, d.DaysOfWeek = backupsched.Weekly, []int{3, 3} }, map[string]string{"days_of_week": "days_of_week_duplicate"}},
		{"no policy type", func(d *backupsched.Draft) { d.PolicyTypes = nil }, map[string]string{"policy_types": "policy_types_required"}},
		{"an unknown policy type", func(d *backupsched.Draft) { d.PolicyTypes = append(d.PolicyTypes[:1:1], secret) }, map[string]string{"policy_types[1]": "policy_type_unknown"}},
		{"a type seen through another", func(d *backupsched.Draft) { d.PolicyTypes = []graph.PolicyType{"endpointSecurityPolicy"} }, map[string]string{"policy_types[0]": "policy_type_not_capturable"}},
		{"a policy type twice", func(d *backupsched.Draft) {
			d.PolicyTypes = []graph.PolicyType{"deviceConfiguration", "deviceConfiguration"}
		}, map[string]string{"policy_types[1]": "policy_type_duplicate"}},
		{"keep none", func(d *backupsched.Draft) { d.RetentionKeepLast = 0 }, map[string]string{"retention_keep_last": "retention_keep_last_range"}},
		{"everything at once", func(d *backupsched.Draft) { *d = backupsched.Draft{} }, map[string]string{
			"name": "name_required", "timezone": "timezone_required", "frequency": "frequency_invalid",
			"time_of_day": "time_of_day_invalid", "policy_types": "policy_types_required", "retention_keep_last": "retention_keep_last_range",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := backupsched.NewDraft()
			d.Name, d.PolicyTypes = "Nightly", rig.Types
			d.Recurrence = backupsched.Recurrence{Frequency: backupsched.Daily, TimeOfDay: "02:30", Timezone: "UTC"}
			tt.edit(&d)
			_, _, err := r.Scheduler.Create(t.Context(), rig.Tenant, rig.Owner, d)
			if diff := cmp.Diff(tt.want, codesOf(t, err)); diff != "" {
				t.Errorf("codes (-want +got):\n%s", diff)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the error repeats the refused value: %v", err)
			}
		})
	}
	if list, err := r.Scheduler.List(t.Context(), rig.Tenant, rig.Owner, backupsched.Filter{}, runs.PageRequest{}); err != nil || len(list.Items) != 0 {
		t.Errorf("%d schedules were saved, error %v", len(list.Items), err)
	}
}

func TestASlotInAGapIsWarnedAboutWithTheNextSafeMinute(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	d := backupsched.NewDraft()
	d.Name, d.PolicyTypes = "Sundays", rig.Types
	d.Recurrence = backupsched.Recurrence{Frequency: backupsched.Weekly, DaysOfWeek: []int{7}, TimeOfDay: "02:30", Timezone: "Europe/Berlin"}
	_, warnings, err := r.Scheduler.Create(t.Context(), rig.Tenant, rig.Owner, d)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range warnings {
		got = append(got, fmt.Sprint(w.Code, " ", w.Field, " ", w.Gap.Date, " ", w.Gap.NextSafe))
	}
	if diff := cmp.Diff([]string{"slot_in_gap time_of_day 2026-03-29 03:00", "slot_in_gap time_of_day 2027-03-28 03:00"}, got); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	if !strings.Contains(warnings[0].Message, "14 days") {
		t.Errorf("the warning does not tell how long there is no backup: %s", warnings[0].Message)
	}
}

func TestEveryMethodAsksTheAuthorizerAndRecordsARefusal(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	s := r.Schedule(nil)
	ctx := t.Context()
	calls := map[string]func(a runs.Actor) error{
		"create": func(a runs.Actor) error {
			_, _, err := r.Scheduler.Create(ctx, rig.Tenant, a, backupsched.Draft{})
			return err
		},
		"update": func(a runs.Actor) error {
			_, _, err := r.Scheduler.Update(ctx, rig.Tenant, a, s.ID, backupsched.Patch{})
			return err
		},
		"delete": func(a runs.Actor) error { return r.Scheduler.Delete(ctx, rig.Tenant, a, s.ID, "") },
		"get":    func(a runs.Actor) error { _, err := r.Scheduler.Get(ctx, rig.Tenant, a, s.ID); return err },
		"list": func(a runs.Actor) error {
			_, err := r.Scheduler.List(ctx, rig.Tenant, a, backupsched.Filter{}, runs.PageRequest{})
			return err
		},
		"enable":  func(a runs.Actor) error { _, err := r.Scheduler.Enable(ctx, rig.Tenant, a, s.ID); return err },
		"disable": func(a runs.Actor) error { _, err := r.Scheduler.Disable(ctx, rig.Tenant, a, s.ID); return err },
		"run now": func(a runs.Actor) error { _, _, err := r.Scheduler.RunNow(ctx, rig.Tenant, a, s.ID); return err },
		"retry":   func(a runs.Actor) error { _, _, err := r.Scheduler.Retry(ctx, rig.Tenant, a, s.ID); return err },
		"preview": func(a runs.Actor) error {
			_, err := r.Scheduler.Preview(ctx, rig.Tenant, a, backupsched.Draft{}, 5)
			return err
		},
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			for _, a := range []runs.Actor{rig.Stranger, {}, runs.SystemActor} {
				before := len(r.Audit())
				if err := call(a); !errors.Is(err, runs.ErrForbidden) {
					t.Errorf("%q gets %v, want ErrForbidden", a.ID, err)
				}
				added := r.Audit()[before:]
				if a == rig.Stranger && (len(added) != 1 || added[0].Action != "access.denied") {
					t.Errorf("the refusal leaves %v in the audit log", added)
				}
			}
		})
	}
}

func TestAnotherTenantsScheduleIsNotFound(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	for _, id := range []runs.ID{"0198d1c2-0000-7000-8000-000000000001", "", "'; DROP TABLE", runs.ID(strings.Repeat("x", 1<<16))} {
		if _, err := r.Scheduler.Get(t.Context(), rig.Tenant, rig.Owner, id); !errors.Is(err, runs.ErrNotFound) {
			t.Errorf("Get of %.20q: %v, want ErrNotFound", id, err)
		}
	}
}

func TestSavingComputesTheNextRunFromNowAndNeverCatchesUp(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	s := r.Schedule(nil)
	r.Clock.Set(s.NextRunAt.Add(5 * 24 * time.Hour))
	updated, _, err := r.Scheduler.Update(t.Context(), rig.Tenant, rig.Owner, s.ID, backupsched.Patch{TimeOfDay: ptr("03:15")})
	if err != nil {
		t.Fatal(err)
	}
	if want := time.Date(2026, 1, 10, 2, 15, 0, 0, time.UTC); !updated.NextRunAt.Equal(want) {
		t.Errorf("next run %s, want %s", updated.NextRunAt, want)
	}
	if report := tick(t, r.Dispatcher); report.Due != 0 {
		t.Errorf("the edited schedule fires at once: %+v", report)
	}
}

func TestAPatchChangesOnlyWhatItNames(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	s := r.Schedule(func(d *backupsched.Draft) { d.Frequency, d.DaysOfWeek = backupsched.Weekly, []int{1, 4} })
	got, _, err := r.Scheduler.Update(t.Context(), rig.Tenant, rig.Owner, s.ID, backupsched.Patch{Name: ptr(" Renamed "), Frequency: ptr(backupsched.Daily)})
	if err != nil {
		t.Fatal(err)
	}
	want := s
	want.Name, want.Frequency, want.DaysOfWeek = "Renamed", backupsched.Daily, nil
	want.NextRunAt, want.UpdatedAt = got.NextRunAt, got.UpdatedAt
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	stored, err := r.Scheduler.Get(t.Context(), rig.Tenant, rig.Owner, s.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, stored); diff != "" {
		t.Errorf("what is stored is something else (-answered +stored):\n%s", diff)
	}
}

func TestADeletedScheduleLeavesATombstone(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	s := r.Schedule(nil)
	if err := r.Scheduler.Delete(t.Context(), rig.Tenant, rig.Owner, s.ID, ""); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"get":     second(r.Scheduler.Get(t.Context(), rig.Tenant, rig.Owner, s.ID)),
		"enable":  second(r.Scheduler.Enable(t.Context(), rig.Tenant, rig.Owner, s.ID)),
		"delete":  r.Scheduler.Delete(t.Context(), rig.Tenant, rig.Owner, s.ID, ""),
		"run now": third(r.Scheduler.RunNow(t.Context(), rig.Tenant, rig.Owner, s.ID)),
		"update":  third(r.Scheduler.Update(t.Context(), rig.Tenant, rig.Owner, s.ID, backupsched.Patch{})),
	} {
		if !errors.Is(err, runs.ErrDeleted) {
			t.Errorf("%s of a deleted schedule: %v, want ErrDeleted", name, err)
		}
	}
	if list, err := r.Scheduler.List(t.Context(), rig.Tenant, rig.Owner, backupsched.Filter{}, runs.PageRequest{}); err != nil || len(list.Items) != 0 {
		t.Errorf("it is still listed: %d, error %v", len(list.Items), err)
	}
}

func second[T any](_ T, err error) error        { return err }
func third[T, U any](_ T, _ U, err error) error { return err }

func TestListsSearchFilterAndPage(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	for i := range 7 {
		r.Schedule(func(d *backupsched.Draft) {
			d.Name, d.Enabled = fmt.Sprintf("Plan %c", 'g'-i), i%2 == 0
			if i == 3 {
				d.Name = "100% Über_Plan"
			}
		})
	}
	names := func(f backupsched.Filter, limit int) (got []string) {
		for page := (runs.PageRequest{Limit: limit}); ; {
			list, err := r.Scheduler.List(t.Context(), rig.Tenant, rig.Reader, f, page)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range list.Items {
				got = append(got, s.Name)
			}
			if page.Cursor = list.NextCursor; page.Cursor == "" {
				return got
			}
		}
	}
	all := []string{"100% Über_Plan", "Plan a", "Plan b", "Plan c", "Plan e", "Plan f", "Plan g"}
	for limit := 1; limit <= 8; limit++ {
		if diff := cmp.Diff(all, names(backupsched.Filter{}, limit)); diff != "" {
			t.Errorf("pages of %d (-want +got):\n%s", limit, diff)
		}
	}
	for _, tt := range []struct {
		filter backupsched.Filter
		want   []string
	}{
		{backupsched.Filter{Search: "PLAN F"}, []string{"Plan f"}},
		{backupsched.Filter{Search: "0%"}, []string{"100% Über_Plan"}},
		{backupsched.Filter{Search: "_"}, []string{"100% Über_Plan"}},
		{backupsched.Filter{Enabled: ptr(false)}, []string{"100% Über_Plan", "Plan b", "Plan f"}},
		{backupsched.Filter{Status: runs.StatusFailed}, nil},
	} {
		if diff := cmp.Diff(tt.want, names(tt.filter, 3)); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tt.filter, diff)
		}
	}
	if _, err := r.Scheduler.List(t.Context(), rig.Tenant, rig.Reader, backupsched.Filter{WithDeleted: true}, runs.PageRequest{}); !errors.Is(err, runs.ErrInvalid) {
		t.Errorf("deleted ones without ids: %v", err)
	}
}

func TestSchedulesAreListedInTheOrderThatWasAskedFor(t *testing.T) {
	r := rig.New(t, rig.Options{})
	late := r.Schedule(func(d *backupsched.Draft) { d.Name, d.TimeOfDay = "b late", "23:00" })
	off := r.Schedule(func(d *backupsched.Draft) { d.Name, d.Enabled = "a off", false })
	soon := r.Schedule(func(d *backupsched.Draft) { d.Name, d.TimeOfDay = "C soon", "14:30" })
	for _, s := range []backupsched.Schedule{off, late} {
		r.Backup(s.ID)
		r.Clock.Add(time.Minute)
	}
	for sort, want := range map[backupsched.Sort][]runs.ID{
		"":                          {off.ID, late.ID, soon.ID},
		backupsched.SortName:        {off.ID, late.ID, soon.ID},
		backupsched.SortNameDown:    {soon.ID, late.ID, off.ID},
		backupsched.SortNextRun:     {soon.ID, late.ID, off.ID},
		backupsched.SortNextRunDown: {off.ID, late.ID, soon.ID},
		backupsched.SortLastRun:     {soon.ID, off.ID, late.ID},
		backupsched.SortLastRunDown: {late.ID, off.ID, soon.ID},
	} {
		for limit := 1; limit <= 4; limit++ {
			var got []runs.ID
			for page := (runs.PageRequest{Limit: limit}); ; {
				list, err := r.Scheduler.List(t.Context(), rig.Tenant, rig.Reader, backupsched.Filter{Sort: sort}, page)
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range list.Items {
					got = append(got, s.ID)
				}
				if page.Cursor = list.NextCursor; page.Cursor == "" {
					break
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("by %q in pages of %d (-want +got):\n%s", sort, limit, diff)
			}
		}
	}
	_, err := r.Scheduler.List(t.Context(), rig.Tenant, rig.Reader, backupsched.Filter{Sort: "timezone"}, runs.PageRequest{})
	if got := codesOf(t, err); got["sort"] != "sort_unknown" {
		t.Errorf("codes %v, want that of sort", got)
	}
}

func TestRunNowTwiceIsOneRun(t *testing.T) {
	r := rig.New(t, rig.Options{})
	s := r.Schedule(nil)
	first, reused, err := r.Scheduler.RunNow(t.Context(), rig.Tenant, rig.Operator, s.ID)
	if err != nil || reused {
		t.Fatalf("reused %v, error %v", reused, err)
	}
	again, reused, err := r.Scheduler.RunNow(t.Context(), rig.Tenant, rig.Owner, s.ID)
	if err != nil || !reused || again.ID != first.ID {
		t.Errorf("again: %s, reused %v, error %v; want %s", again.ID, reused, err, first.ID)
	}
}

func TestRetryCoversOnlyWhatFailed(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: 60})
	s := r.Schedule(nil)
	failOnce(t, r)
	first := r.Backup(s.ID)
	if first.Status != runs.StatusPartial {
		t.Fatalf("the first run is %s, want partial", first.Status)
	}
	r.Graph.ClearFaults()
	r.Graph.ResetCounts()
	retry, _, err := r.Scheduler.Retry(t.Context(), rig.Tenant, rig.Operator, s.ID)
	if err != nil {
		t.Fatal(err)
	}
	r.Drain()
	got := r.Run(retry.ID)
	if got.Status != runs.StatusSuccess || got.RetryOf != first.ID || got.Trigger != runs.TriggerRetry {
		t.Errorf("the retry is %+v", got)
	}
	want := len(r.SetItems(got.BackupSetID))
	if want != first.Counts.Total || got.Counts.Succeeded != want {
		t.Errorf("the retry's set holds %d of %d policies", want, first.Counts.Total)
	}
	fetched := 0
	for key := range r.Graph.Snapshot(rig.Tenant) {
		fetched += r.Graph.Fetched(rig.Tenant, key.Type, key.ID)
	}
	if fetched != 1 {
		t.Errorf("%d policies were fetched again, want the one that failed", fetched)
	}
	_, _, err = r.Scheduler.Retry(t.Context(), rig.Tenant, rig.Operator, s.ID)
	var conflict *runs.ConflictError
	if !errors.As(err, &conflict) || conflict.Code != "nothing_to_retry" {
		t.Errorf("retrying a success: %v, want nothing_to_retry", err)
	}
}

func TestLoweringRetentionNeedsAConfirmedPlanWhenSetsWouldGo(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: 10, Retention: retention.Config{MinAge: -1}})
	s := r.Schedule(func(d *backupsched.Draft) { d.RetentionKeepLast = 10 })
	for range 6 {
		r.Clock.Add(time.Hour)
		if run := r.Backup(s.ID); run.Status != runs.StatusSuccess {
			t.Fatalf("the backup is %s", run.Status)
		}
	}
	lower := func(token string) error {
		_, _, err := r.Scheduler.Update(t.Context(), rig.Tenant, rig.Owner, s.ID, backupsched.Patch{RetentionKeepLast: ptr(1), ConfirmPlan: token})
		return err
	}
	for _, token := range []string{"", "made up"} {
		if err := lower(token); !errors.Is(err, runs.ErrConflict) {
			t.Errorf("lowering with token %q: %v, want ErrConflict", token, err)
		}
	}
	plan, err := r.Retention.Preview(t.Context(), rig.Tenant, rig.Owner, s.ID, retention.Proposal{KeepLast: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := lower(plan.Token); err != nil {
		t.Fatal(err)
	}
	r.Drain()
	group, err := r.Store.ListGroup(t.Context(), rig.Tenant, s.ID)
	if err != nil || len(group) != 1 {
		t.Errorf("%d sets stay (error %v), want the newest", len(group), err)
	}
}

func TestDeletingAScheduleKeepsItsBackups(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: 10})
	s := r.Schedule(nil)
	run := r.Backup(s.ID)
	if err := r.Scheduler.Delete(t.Context(), rig.Tenant, rig.Owner, s.ID, ""); err != nil {
		t.Fatal(err)
	}
	r.Clock.Add(1000 * 24 * time.Hour)
	if _, err := r.Retention.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.Drain()
	if set := r.Set(run); set.Deleted() {
		t.Error("the backup set of a deleted schedule is gone")
	}
}
