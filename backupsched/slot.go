package backupsched

import (
	"fmt"
	"math"
	"time"
)

const (
	secondsPerDay = 24 * 60 * 60

	// horizonDays bounds the search for a slot, see ErrNoSlot.
	horizonDays = 400

	// reach is further than a zone is ever from UTC, plus the largest change (24 h, at
	// the date line), so the instants wall-reach and wall+reach lie safely on either side
	// of every instant at which a clock may show wall.
	reach = 27 * 60 * 60

	// The first and last second that RFC 3339 can write.
	minUnix = -62135596800 // 0001-01-01T00:00:00Z
	maxUnix = 253402300799 // 9999-12-31T23:59:59Z
)

// weekdays is a set of ISO days: bit 1 is Monday, bit 7 is Sunday.
type weekdays uint8

const everyDay weekdays = 0b1111_1110

func (w weekdays) has(isoDay int) bool { return w&(1<<isoDay) != 0 }

// A localDay counts civil days since 1970-01-01. A day and a time of day make a wall time,
// written as the Unix second at which UTC shows them; so walls can be added to and compared
// without a calendar.
type localDay int64

// wall returns the wall time of this day at the given minute after midnight.
func (d localDay) wall(minute int64) int64 { return int64(d)*secondsPerDay + minute*60 }

// isoDay returns 1 for Monday to 7 for Sunday; 1970-01-01 was a Thursday.
func (d localDay) isoDay() int { return int(floorMod(int64(d)+3, 7)) + 1 }

// dayOf returns the day of a wall time.
func dayOf(wall int64) localDay {
	return localDay((wall - floorMod(wall, secondsPerDay)) / secondsPerDay)
}

// date returns the civil date. It converts in UTC, where days have no gaps.
func (d localDay) date() Date {
	y, m, day := time.Unix(int64(d)*secondsPerDay, 0).UTC().Date()
	return Date{Year: y, Month: m, Day: day}
}

// pattern is a checked Recurrence.
type pattern struct {
	loc    *time.Location
	minute int64 // after local midnight
	days   weekdays
}

// next returns the first slot strictly after the given instant.
func (p pattern) next(after time.Time) (time.Time, error) {
	t := after.Unix() // rounds down, so slot > t is the same as slot after `after`
	if t < minUnix || t > maxUnix {
		return time.Time{}, fmt.Errorf("%w: after is not in the years 1 to 9999", ErrNoSlot)
	}
	offset, steady := steadyOffset(p.loc, t)
	if !steady {
		offset = offsetAt(p.loc, t)
	}
	today := dayOf(t + offset)
	first := today
	if steady {
		// The usual case, and all that a daily recurrence needs then: clocks that are
		// not touched show every minute once in 24 hours.
		for day := today; day <= today+1; day++ {
			u := ceilMinute(day.wall(p.minute) - offset)
			if u > t && u < t+reach && u <= maxUnix && p.days.has(day.isoDay()) {
				return time.Unix(u, 0).UTC(), nil
			}
		}
	} else {
		first-- // yesterday can still come: clocks set back over midnight repeat its end
	}
	for day := first; day <= today+horizonDays; day++ {
		if !p.days.has(day.isoDay()) {
			continue
		}
		u, ok := firstReading(p.loc, day.wall(p.minute))
		if ok && u > maxUnix {
			break
		}
		if ok && u > t {
			return time.Unix(u, 0).UTC(), nil
		}
	}
	return time.Time{}, ErrNoSlot
}

// firstReading returns the first whole UTC minute, as a Unix second, at which the clocks of
// loc show the minute of wall, and false if they never do.
//
// An instant u shows wall exactly if u + offset(u) = wall. So every answer is wall minus an
// offset that is in force around it, and a candidate is right exactly if its own offset is
// the one it was made with. That needs no walk over minutes, and neither of two things of
// package time that look made for it: time.Date picks a reading by the side of Greenwich
// and answers for times that do not exist, and Time.ZoneBounds is wrong on 31 December of
// leap years under a zone's rule for the far future (https://go.dev/issue/81583).
func firstReading(loc *time.Location, wall int64) (int64, bool) {
	if offset, ok := steadyOffset(loc, wall); ok {
		return ceilMinute(wall - offset), true
	}
	before, after := offsetAt(loc, wall-reach), offsetAt(loc, wall+reach)
	first := int64(math.MaxInt64)
	for _, offset := range [...]int64{
		before, after, offsetAt(loc, wall-before), offsetAt(loc, wall-after),
	} {
		if u := ceilMinute(wall - offset); u < first && offsetAt(loc, u) == offset {
			first = u
		}
	}
	return first, first != math.MaxInt64
}

// steadyOffset returns the offset in force from reach before Unix second u to reach after
// it, and false if it changes in between. Both ends being equal proves that, because no
// zone changes there and back so quickly: the shortest stay since 2000 is almost 7 days (a
// test watches the zone data).
func steadyOffset(loc *time.Location, u int64) (int64, bool) {
	before := offsetAt(loc, u-reach)
	return before, before == offsetAt(loc, u+reach)
}

// offsetAt returns how many seconds the clocks of loc are ahead of UTC at Unix second u.
func offsetAt(loc *time.Location, u int64) int64 {
	_, offset := time.Unix(u, 0).In(loc).Zone()
	return int64(offset)
}

// dayAt returns the local day at Unix second u.
func dayAt(loc *time.Location, u int64) localDay { return dayOf(u + offsetAt(loc, u)) }

// ceilMinute rounds up to a whole minute. Only offsets with seconds need it, such as
// Monrovia's before 1972: the first whole UTC minute within the local minute is the slot.
func ceilMinute(u int64) int64 { return u + floorMod(-u, 60) }

// floorMod is a modulo b for b > 0, never negative, unlike Go's %.
func floorMod(a, b int64) int64 {
	m := a % b
	if m < 0 {
		m += b
	}
	return m
}
