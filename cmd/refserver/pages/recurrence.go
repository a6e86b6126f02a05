package pages

import (
	"strings"

	"github.com/tenantatlas/tenantbackup/backupsched"
)

// weekdays are the short names of ISO 8601 days, from 1.
var weekdays = [...]string{"", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}

// recurrenceSentence says when a schedule runs: "Every Mon, Wed at 02:30, Europe/Berlin".
func recurrenceSentence(r backupsched.Recurrence) string {
	days := "day"
	if r.Frequency == backupsched.Weekly {
		var names []string
		for day := 1; day < len(weekdays); day++ {
			for _, d := range r.DaysOfWeek {
				if d == day {
					names = append(names, weekdays[day])
				}
			}
		}
		days = strings.Join(names, ", ")
	}
	return "Every " + days + " at " + r.TimeOfDay + ", " + r.Timezone
}
