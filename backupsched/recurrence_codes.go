package backupsched

import "github.com/tenantatlas/tenantbackup/runs"

// The codes of refused fields. Programs compare them, so they are only ever added to.
const (
	codeTimezoneRequired    = "timezone_required"
	codeTimezoneUnknown     = "timezone_unknown"
	codeTimezoneUnavailable = "timezone_unavailable"
	codeFrequencyInvalid    = "frequency_invalid"
	codeTimeInvalid         = "time_of_day_invalid"
	codeDaysRequired        = "days_of_week_required"
	codeDaysRange           = "days_of_week_range"
	codeDaysDuplicate       = "days_of_week_duplicate"
	codeDaysNotAllowed      = "days_of_week_not_allowed"
)

// recurrenceMessage tells a person what to do about a code. The texts are fixed, so a
// refused value cannot come back in one.
func recurrenceMessage(code string) string {
	switch code {
	case codeTimezoneRequired:
		return "give an IANA time zone, such as Europe/Berlin or UTC"
	case codeTimezoneUnknown:
		return "give an IANA time zone in its exact spelling, such as Europe/Berlin; Local and Factory are not accepted"
	case codeTimezoneUnavailable:
		return "this machine has no data for the time zone: install the system's zone data or import time/tzdata in the program"
	case codeFrequencyInvalid:
		return "give daily or weekly"
	case codeTimeInvalid:
		return "give a local time as HH:MM, from 00:00 to 23:59"
	case codeDaysRequired:
		return "name at least one day for a weekly schedule, 1 (Monday) to 7 (Sunday)"
	case codeDaysRange:
		return "give days as numbers from 1 (Monday) to 7 (Sunday)"
	case codeDaysDuplicate:
		return "name each day once"
	case codeDaysNotAllowed:
		return "leave the days empty for a daily schedule, or make it weekly"
	}
	return "give a valid value"
}

// invalidRecurrence builds the error of a refused recurrence; an empty code means that the
// field is in order. Fields come in the order in which a form shows them.
func invalidRecurrence(zone, frequency, timeOfDay, days string) error {
	e := &runs.InvalidError{}
	for _, f := range [...]struct{ field, code string }{
		{"timezone", zone}, {"frequency", frequency}, {"time_of_day", timeOfDay}, {"days_of_week", days},
	} {
		if f.code != "" {
			e.Add(f.field, f.code, recurrenceMessage(f.code))
		}
	}
	return e.Err()
}
