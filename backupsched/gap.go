package backupsched

import (
	"fmt"
	"time"
)

// Date is a day of the calendar, in no particular zone.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// String returns the date as YYYY-MM-DD.
func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day) }

// Gap is a day on which a [Recurrence] has no slot, because the clocks of its zone are set
// forward over its time of day.
type Gap struct {
	// Date is the local day without a slot.
	Date Date
	// At is the instant at which the clocks are set forward, in UTC.
	At time.Time
	// NextSafe is the first local time of that day after the gap, as "HH:MM": a time of
	// day that does exist then. It is empty if nothing of the day is left after the gap.
	NextSafe string
	// WholeDay tells that no minute of the day exists, as at a move of the date line.
	WholeDay bool
}

// Gaps returns the days without a slot, in order, whose clock change falls after the given
// instant and not later than `within` after it. A zone has few: none, or about one a year
// for a time of day within the hour that is lost. The error is that of
// [Recurrence.Validate].
//
// A gap costs a daily recurrence one backup and a weekly one a whole week, which is worth a
// warning when somebody saves it.
func (r Recurrence) Gaps(after time.Time, within time.Duration) ([]Gap, error) {
	p, err := r.pattern()
	if err != nil {
		return nil, err
	}
	from := min(max(after.Unix(), minUnix), maxUnix)
	to := min(max(after.Add(within).Unix(), minUnix), maxUnix)
	return p.gaps(from, to), nil
}

// gaps returns the gaps whose change falls into from (excluded) to to (included).
func (p pattern) gaps(from, to int64) []Gap {
	var gaps []Gap
	for day := dayAt(p.loc, from) - 1; day <= dayAt(p.loc, to)+1; day++ {
		wall := day.wall(p.minute)
		if !p.days.has(day.isoDay()) {
			continue
		}
		if _, ok := firstReading(p.loc, wall); ok {
			continue
		}
		if at := jumpOver(p.loc, wall); at > from && at <= to {
			gaps = append(gaps, gapOn(p.loc, day, at))
		}
	}
	return gaps
}

// gapOn describes the gap of that day made by the change at Unix second at.
func gapOn(loc *time.Location, day localDay, at int64) Gap {
	g := Gap{Date: day.date(), At: time.Unix(at, 0).UTC()}
	resume := ceilMinute(at)
	if dayAt(loc, resume) == day {
		minute := floorMod(resume+offsetAt(loc, resume), secondsPerDay) / 60
		g.NextSafe = fmt.Sprintf("%02d:%02d", minute/60, minute%60)
	}
	g.WholeDay = dayAt(loc, at-1) < day && dayAt(loc, resume) > day
	return g
}

// jumpOver returns the Unix second at which the clocks of loc are set forward over a wall
// time that they never show: the first second of those around it that shows a later one.
func jumpOver(loc *time.Location, wall int64) int64 {
	early, late := wall-reach, wall+reach
	for late-early > 1 {
		mid := early + (late-early)/2
		if mid+offsetAt(loc, mid) > wall {
			late = mid
		} else {
			early = mid
		}
	}
	return late
}
