package backupsched

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/runs"
)

func TestRecurrenceIsRefusedByField(t *testing.T) {
	daily := func(change func(*Recurrence)) Recurrence {
		r := Recurrence{Frequency: Daily, TimeOfDay: "02:30", Timezone: "Europe/Berlin"}
		change(&r)
		return r
	}
	weekly := func(days ...int) Recurrence {
		return Recurrence{Frequency: Weekly, TimeOfDay: "02:30", Timezone: "Europe/Berlin", DaysOfWeek: days}
	}
	timeOfDay := func(s string) Recurrence { return daily(func(r *Recurrence) { r.TimeOfDay = s }) }
	timezone := func(s string) Recurrence { return daily(func(r *Recurrence) { r.Timezone = s }) }
	frequency := func(f Frequency) Recurrence { return daily(func(r *Recurrence) { r.Frequency = f }) }

	for _, tt := range []struct {
		name string
		r    Recurrence
		want []string // "field code"
	}{
		{"daily", timeOfDay("00:00"), nil},
		{"daily, last minute", timeOfDay("23:59"), nil},
		{"daily, days empty but not nil", daily(func(r *Recurrence) { r.DaysOfWeek = []int{} }), nil},
		{"weekly", weekly(1), nil},
		{"weekly, every day in any order", weekly(7, 1, 3, 2, 5, 4, 6), nil},

		{"no timezone", timezone(""), []string{"timezone timezone_required"}},
		{"local timezone", timezone("Local"), []string{"timezone timezone_unknown"}},
		{"unknown timezone", timezone("Canary/Rejected"), []string{"timezone timezone_unknown"}},

		{"no frequency", frequency(""), []string{"frequency frequency_invalid"}},
		{"frequency in capitals", frequency("Daily"), []string{"frequency frequency_invalid"}},
		{"unknown frequency", frequency("canary"), []string{"frequency frequency_invalid"}},

		{"no time", timeOfDay(""), []string{"time_of_day time_of_day_invalid"}},
		{"one-digit hour", timeOfDay("2:30"), []string{"time_of_day time_of_day_invalid"}},
		{"one-digit minute", timeOfDay("02:3"), []string{"time_of_day time_of_day_invalid"}},
		{"seconds", timeOfDay("02:30:00"), []string{"time_of_day time_of_day_invalid"}},
		{"24:00", timeOfDay("24:00"), []string{"time_of_day time_of_day_invalid"}},
		{"minute 60", timeOfDay("23:60"), []string{"time_of_day time_of_day_invalid"}},
		{"minus", timeOfDay("-1:30"), []string{"time_of_day time_of_day_invalid"}},
		{"plus in the minutes", timeOfDay("01:+3"), []string{"time_of_day time_of_day_invalid"}},
		{"dot", timeOfDay("02.30"), []string{"time_of_day time_of_day_invalid"}},
		{"space", timeOfDay(" 2:30"), []string{"time_of_day time_of_day_invalid"}},
		{"digits that are not ASCII", timeOfDay("٢:30"), []string{"time_of_day time_of_day_invalid"}},
		{"words", timeOfDay("canary"), []string{"time_of_day time_of_day_invalid"}},

		{"weekly without days", weekly(), []string{"days_of_week days_of_week_required"}},
		{"day 0", weekly(0), []string{"days_of_week days_of_week_range"}},
		{"day 8", weekly(1, 8), []string{"days_of_week days_of_week_range"}},
		{"day -1", weekly(-1), []string{"days_of_week days_of_week_range"}},
		{"day 65, which wraps to a valid bit", weekly(65), []string{"days_of_week days_of_week_range"}},
		{"huge day", weekly(8888424242), []string{"days_of_week days_of_week_range"}},
		{"day named twice", weekly(5, 1, 5), []string{"days_of_week days_of_week_duplicate"}},
		{"daily with days", daily(func(r *Recurrence) { r.DaysOfWeek = []int{1} }), []string{"days_of_week days_of_week_not_allowed"}},

		{"nothing", Recurrence{}, []string{
			"timezone timezone_required", "frequency frequency_invalid", "time_of_day time_of_day_invalid"}},
		{"everything wrong", Recurrence{Frequency: "canary", TimeOfDay: "canary", DaysOfWeek: []int{9}, Timezone: "canary"}, []string{
			"timezone timezone_unknown", "frequency frequency_invalid", "time_of_day time_of_day_invalid",
			"days_of_week days_of_week_range"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.r.Validate()
			if diff := cmp.Diff(tt.want, refusals(t, err)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if (err != nil) != errors.Is(err, runs.ErrInvalid) {
				t.Errorf("%v is not ErrInvalid", err)
			}
			if err != nil && (strings.Contains(strings.ToLower(err.Error()), "canary") || strings.Contains(err.Error(), "4242")) {
				t.Errorf("the message repeats the refused value: %v", err)
			}
			_, nextErr := tt.r.Next(time.Unix(0, 0))
			_, upcomingErr := tt.r.Upcoming(time.Unix(0, 0), 1)
			_, gapsErr := tt.r.Gaps(time.Unix(0, 0), time.Hour)
			for _, other := range []error{nextErr, upcomingErr, gapsErr} {
				if diff := cmp.Diff(err, other); diff != "" {
					t.Errorf("Validate and another method differ:\n%s", diff)
				}
			}
		})
	}
}

// refusals lists the fields of an error with their codes.
func refusals(t *testing.T, err error) []string {
	t.Helper()
	var invalid *runs.InvalidError
	if err != nil && !errors.As(err, &invalid) {
		t.Fatalf("%T is not a *runs.InvalidError", err)
	}
	if invalid == nil {
		return nil
	}
	var list []string
	for _, f := range invalid.Fields {
		if f.Message == "" {
			t.Errorf("%s %s has no message", f.Field, f.Code)
		}
		list = append(list, f.Field+" "+f.Code)
	}
	return list
}

func TestEveryCodeHasItsOwnMessage(t *testing.T) {
	fallback := recurrenceMessage("no such code")
	seen := []string{fallback}
	for _, code := range []string{
		codeTimezoneRequired, codeTimezoneUnknown, codeTimezoneUnavailable, codeFrequencyInvalid, codeTimeInvalid,
		codeDaysRequired, codeDaysRange, codeDaysDuplicate, codeDaysNotAllowed,
	} {
		message := recurrenceMessage(code)
		if slices.Contains(seen, message) {
			t.Errorf("%s: %q is another code's message", code, message)
		}
		seen = append(seen, message)
	}
}

func TestNextIsStrictlyAfterAndInUTC(t *testing.T) {
	r := Recurrence{Frequency: Daily, TimeOfDay: "02:30", Timezone: "Europe/Berlin"}
	slot := time.Date(2026, 7, 1, 0, 30, 0, 0, time.UTC)
	for _, tt := range []struct {
		name        string
		after, want time.Time
	}{
		{"a nanosecond before", slot.Add(-1), slot},
		{"the slot itself", slot, slot.AddDate(0, 0, 1)},
		{"a nanosecond later", slot.Add(1), slot.AddDate(0, 0, 1)},
		{"given in another zone", slot.Add(-1).In(time.FixedZone("", -7*3600)), slot},
	} {
		got, err := r.Next(tt.after)
		if err != nil || got != tt.want { // == compares the location too
			t.Errorf("%s: got %v, %v, want %v", tt.name, got, err, tt.want)
		}
	}
}

func TestUpcomingReturnsAsManyAsAskedFor(t *testing.T) {
	r := Recurrence{Frequency: Weekly, TimeOfDay: "22:00", DaysOfWeek: []int{5, 1}, Timezone: "UTC"}
	after := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	got, err := r.Upcoming(after, 3)
	if err != nil {
		t.Fatal(err)
	}
	want := []time.Time{after.Add(46 * time.Hour), after.Add(118 * time.Hour), after.Add(214 * time.Hour)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, n := range []int{0, MaxUpcoming} {
		if got, err := r.Upcoming(after, n); err != nil || len(got) != n {
			t.Errorf("n = %d: got %d slots, %v", n, len(got), err)
		}
	}
	for _, n := range []int{-1, MaxUpcoming + 1, int(^uint(0) >> 1)} {
		_, err := r.Upcoming(after, n)
		if diff := cmp.Diff([]string{"n n_range"}, refusals(t, err)); diff != "" {
			t.Errorf("n = %d: -want +got:\n%s", n, diff)
		}
	}
}

func TestNextDoesNotAllocate(t *testing.T) {
	for _, r := range []Recurrence{
		{Frequency: Daily, TimeOfDay: "02:30", Timezone: "UTC"},
		{Frequency: Daily, TimeOfDay: "02:30", Timezone: "Europe/Berlin"},
		{Frequency: Weekly, TimeOfDay: "02:30", DaysOfWeek: []int{6, 7}, Timezone: "Australia/Lord_Howe"},
	} {
		after := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		allocs := testing.AllocsPerRun(300, func() { // comes past the changes of the year
			var err error
			if after, err = r.Next(after); err != nil {
				t.Fatal(err)
			}
		})
		if allocs != 0 {
			t.Errorf("%v: %v allocations", r, allocs)
		}
	}
}
