package main

import (
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
)

// historyZones change their clocks at different times of the year. At 02:30 one of them loses
// or doubles a night in most months.
var historyZones = []string{
	"Europe/Berlin", "America/New_York", "Australia/Sydney", "Pacific/Auckland", "America/Santiago", "Asia/Jerusalem", "Africa/Cairo",
}

// historyZone picks the zone of the nightly schedule: one that loses the slot of a night between
// two times, else one that changes its clocks at all, else the first, whose next change shows
// in the warnings and previews of the schedule.
func historyZone(from, to time.Time) string {
	for _, name := range historyZones {
		r := backupsched.Recurrence{Frequency: backupsched.Daily, TimeOfDay: nightly, Timezone: name}
		if gaps, err := r.Gaps(from, to.Sub(from)); err == nil && len(gaps) > 0 {
			return name
		}
	}
	for _, name := range historyZones {
		if zone, err := time.LoadLocation(name); err == nil && offset(from, zone) != offset(to, zone) {
			return name
		}
	}
	return historyZones[0]
}

func offset(at time.Time, zone *time.Location) int {
	_, seconds := at.In(zone).Zone()
	return seconds
}
