package backupsched

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestGapsNameTheDayAndTheNextSafeMinute(t *testing.T) {
	const year = 365 * 24 * time.Hour
	at := func(s string) time.Time {
		instant, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return instant
	}
	for _, tt := range []struct {
		name, zone, timeOfDay, after string
		days                         []int
		within                       time.Duration
		want                         []Gap
	}{
		{"two springs", "Europe/Berlin", "02:30", "2026-01-01T00:00:00Z", nil, 2 * year, []Gap{
			{Date{2026, 3, 29}, at("2026-03-29T01:00:00Z"), "03:00", false},
			{Date{2027, 3, 28}, at("2027-03-28T01:00:00Z"), "03:00", false},
		}},
		{"just before the gap", "Europe/Berlin", "01:59", "2026-01-01T00:00:00Z", nil, 2 * year, nil},
		{"just after the gap", "Europe/Berlin", "03:00", "2026-01-01T00:00:00Z", nil, 2 * year, nil},
		{"a zone without changes", "Asia/Kathmandu", "02:30", "2026-01-01T00:00:00Z", nil, 2 * year, nil},
		{"weekly on the day of the change", "Europe/Berlin", "02:30", "2026-01-01T00:00:00Z", []int{7}, year, []Gap{
			{Date{2026, 3, 29}, at("2026-03-29T01:00:00Z"), "03:00", false},
		}},
		{"weekly on another day", "Europe/Berlin", "02:30", "2026-01-01T00:00:00Z", []int{1, 2, 3, 4, 5, 6}, 2 * year, nil},
		{"half an hour", "Australia/Lord_Howe", "02:15", "2026-06-01T00:00:00Z", nil, year, []Gap{
			{Date{2026, 10, 4}, at("2026-10-03T15:30:00Z"), "02:30", false},
		}},
		{"two hours", "Antarctica/Troll", "02:59", "2026-01-01T00:00:00Z", nil, year, []Gap{
			{Date{2026, 3, 29}, at("2026-03-29T01:00:00Z"), "03:00", false},
		}},
		{"three hours, not on the hour", "Antarctica/Casey", "01:00", "2020-09-01T00:00:00Z", nil, 60 * 24 * time.Hour, []Gap{
			{Date{2020, 10, 4}, at("2020-10-03T16:01:00Z"), "03:01", false},
		}},
		{"no midnight", "America/Santiago", "00:00", "2026-06-01T00:00:00Z", nil, year / 2, []Gap{
			{Date{2026, 9, 6}, at("2026-09-06T04:00:00Z"), "01:00", false},
		}},
		{"the last hour of a day", "America/Scoresbysund", "23:30", "2026-01-01T00:00:00Z", nil, year, []Gap{
			{Date{2026, 3, 28}, at("2026-03-29T01:00:00Z"), "", false},
		}},
		{"a whole day", "Pacific/Apia", "09:00", "2011-12-01T00:00:00Z", nil, 60 * 24 * time.Hour, []Gap{
			{Date{2011, 12, 30}, at("2011-12-30T10:00:00Z"), "", true},
		}},
		{"the change at the start is not after it", "Europe/Berlin", "02:30", "2026-03-29T01:00:00Z", nil, time.Hour, nil},
		{"the change at the end is within", "Europe/Berlin", "02:30", "2026-03-29T00:00:00Z", nil, time.Hour, []Gap{
			{Date{2026, 3, 29}, at("2026-03-29T01:00:00Z"), "03:00", false},
		}},
		{"the change right after the end", "Europe/Berlin", "02:30", "2026-03-29T00:00:00Z", nil, time.Hour - time.Second, nil},
		{"backwards", "Europe/Berlin", "02:30", "2026-04-01T00:00:00Z", nil, -year, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := Recurrence{Frequency: Daily, TimeOfDay: tt.timeOfDay, Timezone: tt.zone}
			if tt.days != nil {
				r.Frequency, r.DaysOfWeek = Weekly, tt.days
			}
			got, err := r.Gaps(at(tt.after), tt.within)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// What is offered as safe must be so: moved there, the day has its slot.
func TestNextSafeMinuteHasASlotOnTheDayOfTheGap(t *testing.T) {
	for _, zone := range []string{"Europe/Berlin", "Australia/Lord_Howe", "Antarctica/Troll", "America/Havana", "Africa/Cairo"} {
		for _, timeOfDay := range []string{"00:00", "00:30", "01:30", "02:15", "02:30"} {
			r := Recurrence{Frequency: Daily, TimeOfDay: timeOfDay, Timezone: zone}
			gaps, err := r.Gaps(time.Unix(unixYear(2026), 0), 2*365*24*time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range gaps {
				r.TimeOfDay = g.NextSafe
				slot, err := r.Next(g.At.Add(-1))
				if err != nil || !slot.Equal(g.At) {
					t.Errorf("%s %s: moved to %s the slot is %s, %v, want %s", zone, timeOfDay, g.NextSafe, slot, err, g.At)
				}
			}
		}
	}
}
