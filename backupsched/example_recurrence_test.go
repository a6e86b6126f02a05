package backupsched_test

import (
	"fmt"
	"time"
	_ "time/tzdata"

	"github.com/tenantatlas/tenantbackup/backupsched"
)

func ExampleRecurrence_Upcoming() {
	r := backupsched.Recurrence{
		Frequency:  backupsched.Weekly,
		TimeOfDay:  "22:00",
		DaysOfWeek: []int{1, 5}, // Monday and Friday
		Timezone:   "America/New_York",
	}
	slots, err := r.Upcoming(time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC), 3)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, slot := range slots {
		fmt.Println(slot.Format("2006-01-02 15:04 MST"))
	}
	// Output:
	// 2026-07-04 02:00 UTC
	// 2026-07-07 02:00 UTC
	// 2026-07-11 02:00 UTC
}

// In Berlin there is no 02:30 on 29 March 2026: the clocks go from 02:00 to 03:00. That day
// is left out.
func ExampleRecurrence_Next_gap() {
	r := backupsched.Recurrence{Frequency: backupsched.Daily, TimeOfDay: "02:30", Timezone: "Europe/Berlin"}
	slot := time.Date(2026, 3, 27, 12, 0, 0, 0, time.UTC)
	for range 3 {
		var err error
		if slot, err = r.Next(slot); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(slot.Format(time.RFC3339))
	}
	// Output:
	// 2026-03-28T01:30:00Z
	// 2026-03-30T00:30:00Z
	// 2026-03-31T00:30:00Z
}

// On 25 October 2026 the clocks in Berlin show 02:30 twice, at 00:30 and at 01:30 UTC. The
// first counts.
func ExampleRecurrence_Next_overlap() {
	r := backupsched.Recurrence{Frequency: backupsched.Daily, TimeOfDay: "02:30", Timezone: "Europe/Berlin"}
	slot := time.Date(2026, 10, 24, 12, 0, 0, 0, time.UTC)
	for range 2 {
		var err error
		if slot, err = r.Next(slot); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(slot.Format(time.RFC3339))
	}
	// Output:
	// 2026-10-25T00:30:00Z
	// 2026-10-26T01:30:00Z
}

// A form that saves a schedule can warn about the days that will be left out.
func ExampleRecurrence_Gaps() {
	r := backupsched.Recurrence{
		Frequency:  backupsched.Weekly,
		TimeOfDay:  "02:30",
		DaysOfWeek: []int{7},
		Timezone:   "Europe/Berlin",
	}
	gaps, err := r.Gaps(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 365*24*time.Hour)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, g := range gaps {
		fmt.Printf("no %s on %s, %s exists\n", r.TimeOfDay, g.Date, g.NextSafe)
	}
	// Output:
	// no 02:30 on 2026-03-29, 03:00 exists
}

func ExampleRecurrence_Validate() {
	err := backupsched.Recurrence{
		Frequency: backupsched.Weekly,
		TimeOfDay: "02:30",
		Timezone:  "europe/berlin",
	}.Validate()
	fmt.Println(err)
	// Output:
	// invalid: timezone: give an IANA time zone in its exact spelling, such as Europe/Berlin; Local and Factory are not accepted (timezone_unknown); days_of_week: name at least one day for a weekly schedule, 1 (Monday) to 7 (Sunday) (days_of_week_required)
}
