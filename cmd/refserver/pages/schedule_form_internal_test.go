package pages

import (
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
)

func TestTheTimeThatANewScheduleIsOfferedExistsInEveryNight(t *testing.T) {
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, zone := range []string{
		"Europe/Berlin", "Europe/London", "Europe/Athens", "Atlantic/Azores", "America/New_York", "America/St_Johns", "America/Santiago", "America/Havana",
		"Africa/Cairo", "Africa/Casablanca", "Asia/Jerusalem", "Asia/Beirut", "Australia/Sydney", "Australia/Lord_Howe", "Pacific/Auckland", "Pacific/Chatham",
	} {
		r := backupsched.Recurrence{Frequency: backupsched.Daily, TimeOfDay: proposedTime, Timezone: zone}
		gaps, err := r.Gaps(from, 3*366*24*time.Hour)
		if err != nil || len(gaps) > 0 {
			t.Errorf("%s: %v, %v", zone, gaps, err)
		}
	}
}
