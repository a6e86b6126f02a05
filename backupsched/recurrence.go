package backupsched

import (
	"errors"
	"fmt"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
)

// Frequency says how often a [Recurrence] falls due.
type Frequency string

// The frequencies. A frequency that is not listed here is refused.
const (
	Daily  Frequency = "daily"  // every local day
	Weekly Frequency = "weekly" // on the local days named by DaysOfWeek
)

// Recurrence is a rule for when something falls due: a wall-clock time in a time zone,
// every day or on some days of the week. It is a plain value: copy it, compare its fields,
// use it from many goroutines.
//
// The instants at which it falls due are its slots. A slot is a whole UTC minute, found by
// three rules:
//
//   - The slot of a local day is the UTC minute at which the zone's clocks show TimeOfDay.
//   - A day on which they never show it, because they are set forward over it, has no slot.
//   - On a day on which they show it twice, because they are set back, the first counts.
//
// docs/time.md shows what the rules mean for gaps, overlaps and unusual zones.
type Recurrence struct {
	// Frequency is Daily or Weekly.
	Frequency Frequency
	// TimeOfDay is the local time, 24 hours, two digits each: "00:00" to "23:59".
	TimeOfDay string
	// DaysOfWeek are the local days of a Weekly recurrence as ISO 8601 numbers, 1 for
	// Monday to 7 for Sunday, at least one, none twice, in any order. It must be empty
	// for a Daily one.
	DaysOfWeek []int
	// Timezone is an IANA name in its published spelling, such as "Europe/Berlin".
	// There is no default: "" and "Local" would mean another zone on another machine.
	Timezone string
}

// MaxUpcoming is the most slots that one call of [Recurrence.Upcoming] returns: 27 years
// of a daily recurrence.
const MaxUpcoming = 10_000

// ErrNoSlot says that a recurrence has no slot in the 400 days after the given instant, or
// none in the years 1 to 9999. No zone of the IANA data has such a hole; the limit keeps
// faulty zone data from turning a search into an endless loop.
var ErrNoSlot = errors.New("backupsched: the recurrence has no slot within 400 days")

// Validate returns nil, or a *[runs.InvalidError] with one entry for each field at fault.
// It never repeats the refused value. The codes by field, a list that only grows:
//
//   - timezone: timezone_required, timezone_unknown, timezone_unavailable (a known name
//     for which neither the machine nor the program has zone data)
//   - frequency: frequency_invalid
//   - time_of_day: time_of_day_invalid
//   - days_of_week: days_of_week_required, days_of_week_range, days_of_week_duplicate,
//     days_of_week_not_allowed
func (r Recurrence) Validate() error {
	_, err := r.pattern()
	return err
}

// Next returns the first slot strictly after the given instant, in UTC. A recurrence that
// is not valid gives the error of [Recurrence.Validate]; see [ErrNoSlot] for the other one.
// Once the zone has been loaded it neither allocates nor waits for a lock.
func (r Recurrence) Next(after time.Time) (time.Time, error) {
	p, err := r.pattern()
	if err != nil {
		return time.Time{}, err
	}
	return p.next(after)
}

// Upcoming returns the first n slots strictly after the given instant, in order, in UTC.
// n is 0 to [MaxUpcoming]; another n is refused with code n_range. The errors are those of
// [Recurrence.Next].
func (r Recurrence) Upcoming(after time.Time, n int) ([]time.Time, error) {
	p, err := r.pattern()
	if err != nil {
		return nil, err
	}
	if n < 0 || n > MaxUpcoming {
		return nil, runs.Invalid("n", "n_range", fmt.Sprintf("ask for 0 to %d slots", MaxUpcoming))
	}
	slots := make([]time.Time, n)
	for i := range slots {
		if slots[i], err = p.next(after); err != nil {
			return nil, err
		}
		after = slots[i]
	}
	return slots, nil
}

// pattern checks every field and returns the form that slots are computed from. Only a
// refusal allocates.
func (r Recurrence) pattern() (pattern, error) {
	loc, zoneCode := location(r.Timezone)
	minute, timeCode := parseTimeOfDay(r.TimeOfDay)
	days, daysCode := daySet(r.DaysOfWeek)
	var freqCode string
	switch {
	case r.Frequency == Daily && len(r.DaysOfWeek) > 0:
		daysCode = codeDaysNotAllowed
	case r.Frequency == Daily:
		days = everyDay
	case r.Frequency == Weekly && len(r.DaysOfWeek) == 0:
		daysCode = codeDaysRequired
	case r.Frequency != Weekly:
		freqCode = codeFrequencyInvalid
	}
	if zoneCode != "" || freqCode != "" || timeCode != "" || daysCode != "" {
		return pattern{}, invalidRecurrence(zoneCode, freqCode, timeCode, daysCode)
	}
	return pattern{loc: loc, minute: minute, days: days}, nil
}

// parseTimeOfDay reads "HH:MM" as minutes after midnight, or returns a code. time.Parse
// would accept one-digit hours.
func parseTimeOfDay(s string) (minute int64, code string) {
	if len(s) != 5 || s[2] != ':' {
		return 0, codeTimeInvalid
	}
	for _, i := range [...]int{0, 1, 3, 4} {
		if s[i] < '0' || s[i] > '9' {
			return 0, codeTimeInvalid
		}
	}
	h, m := int64(s[0]-'0')*10+int64(s[1]-'0'), int64(s[3]-'0')*10+int64(s[4]-'0')
	if h > 23 || m > 59 {
		return 0, codeTimeInvalid
	}
	return h*60 + m, ""
}

// daySet turns ISO days into a set, or returns a code.
func daySet(days []int) (weekdays, string) {
	var set weekdays
	for _, d := range days {
		if d < 1 || d > 7 {
			return 0, codeDaysRange
		}
		if set.has(d) {
			return 0, codeDaysDuplicate
		}
		set |= 1 << d
	}
	return set, ""
}
