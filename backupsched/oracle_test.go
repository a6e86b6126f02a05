package backupsched

import (
	"slices"
	"time"
)

const never = int64(-1 << 62) // a local minute that no instant shows

// readings is what the clocks of a zone show, found without any arithmetic on offsets: it
// walks UTC minute by minute, asks for the calendar fields of each, and notes the first
// instant that shows each local minute of some days.
type readings struct {
	firstDay int64   // days since 1970-01-01
	at       []int64 // first instant of each local minute, or never
	weekday  []int   // ISO weekday of each day
}

// readDays walks the given local days and a margin of 30 hours on either side, which is
// more than any zone's distance from UTC and any change.
func readDays(loc *time.Location, firstDay int64, days int) *readings {
	const margin = 30 * 60 * 60
	r := &readings{firstDay: firstDay, at: make([]int64, days*24*60), weekday: make([]int, days)}
	for i := range r.at {
		r.at[i] = never
	}
	for i := range r.weekday {
		sundayIs0 := int(time.Unix((firstDay+int64(i))*86400, 0).UTC().Weekday())
		r.weekday[i] = (sundayIs0+6)%7 + 1
	}
	end := (firstDay+int64(days))*86400 + margin
	for u := firstDay*86400 - margin; u < end; u += 60 {
		local := time.Unix(u, 0).In(loc)
		hour, minute, _ := local.Clock()
		if i := (civilDay(local)-firstDay)*24*60 + int64(hour*60+minute); i >= 0 && i < int64(len(r.at)) && r.at[i] == never {
			r.at[i] = u
		}
	}
	return r
}

// slots returns the instants at which a recurrence at that minute of the given weekdays is
// due on the i-th to the j-th day, in order.
func (r *readings) slots(i, j, minute int, isoDays ...int) []int64 {
	var slots []int64
	for ; i <= j; i++ {
		if u := r.at[i*24*60+minute]; u != never && slices.Contains(isoDays, r.weekday[i]) {
			slots = append(slots, u)
		}
	}
	return slots
}

// gap returns the gap of that minute on the i-th day, and false if the minute exists.
func (r *readings) gap(i, minute int) (Gap, bool) {
	day := r.at[i*24*60 : (i+1)*24*60]
	if day[minute] != never {
		return Gap{}, false
	}
	y, m, d := time.Unix((r.firstDay+int64(i))*86400, 0).UTC().Date()
	g := Gap{Date: Date{y, m, d}, WholeDay: true}
	for _, u := range day {
		g.WholeDay = g.WholeDay && u == never
	}
	for later, u := range r.at[i*24*60+minute:] {
		if u == never {
			continue
		}
		g.At = time.Unix(u, 0).UTC()
		if safe := minute + later; safe < 24*60 {
			g.NextSafe = time.Unix(int64(safe)*60, 0).UTC().Format("15:04")
		}
		return g, true
	}
	panic("the walk ends within a gap")
}

// civilDay counts the days from 1970-01-01 to the date that a local time shows.
func civilDay(local time.Time) int64 {
	y, m, d := local.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400
}

// offsetChanges returns the instants at which the offset of a zone changes, by bisection
// between probes that are step apart.
func offsetChanges(loc *time.Location, from, to, step int64) []int64 {
	offset := func(u int64) int {
		_, seconds := time.Unix(u, 0).In(loc).Zone()
		return seconds
	}
	var changes []int64
	for u := from; u < to; u += step {
		before := offset(u)
		if offset(u+step) == before {
			continue
		}
		low, high := u, u+step
		for high-low > 1 {
			if mid := low + (high-low)/2; offset(mid) == before {
				low = mid
			} else {
				high = mid
			}
		}
		changes = append(changes, high)
	}
	return changes
}
