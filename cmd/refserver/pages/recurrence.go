package pages

import (
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/backupsched"
)

// weekdays are the short names of ISO 8601 days, from 1.
var weekdays = [...]string{"", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}

// recurrenceSentence says when a schedule runs: "Every Mon, Wed at 02:30, Europe/Berlin".
func recurrenceSentence(r backupsched.Recurrence) string {
	days := "day"
	if r.Frequency == backupsched.Weekly {
		days = dayWords(r.DaysOfWeek)
	}
	return "Every " + days + " at " + r.TimeOfDay + ", " + r.Timezone
}

// dayWords are days of the week by their short names.
func dayWords(days []int) string {
	var names []string
	for n := 1; n < len(weekdays); n++ {
		if slices.Contains(days, n) {
			names = append(names, weekdays[n])
		}
	}
	return strings.Join(names, ", ")
}
