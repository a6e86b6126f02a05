package backupsched

import (
	"encoding/binary"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const gap = "does not exist"

// The wall times that other ways of computing get wrong, worked out from the zones' changes.
var namedWallTimes = []struct{ zone, wall, want string }{
	{"Europe/Berlin", "2026-03-29 02:30", gap}, // spring: 02:00 to 03:00
	{"Europe/Berlin", "2026-03-29 01:59", "2026-03-29T00:59Z"},
	{"Europe/Berlin", "2026-03-29 03:00", "2026-03-29T01:00Z"},
	{"Europe/Berlin", "2026-10-25 02:30", "2026-10-25T00:30Z"}, // autumn: 02:00-03:00 twice
	{"Europe/Berlin", "2026-10-25 03:00", "2026-10-25T02:00Z"},
	{"Europe/Berlin", "2028-12-31 02:30", "2028-12-31T01:30Z"}, // rule for the far future, leap year
	{"Europe/Berlin", "2024-12-31 23:30", "2024-12-31T22:30Z"},
	{"America/New_York", "2028-12-31 02:30", "2028-12-31T07:30Z"},
	{"America/New_York", "2026-03-08 02:30", gap},
	{"America/New_York", "2026-11-01 01:30", "2026-11-01T05:30Z"},
	{"Australia/Lord_Howe", "2026-10-04 02:15", gap}, // half an hour: 02:00 to 02:30
	{"Australia/Lord_Howe", "2026-10-04 02:30", "2026-10-03T15:30Z"},
	{"Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-04T14:45Z"}, // 01:30-02:00 twice
	{"Antarctica/Troll", "2026-03-29 01:30", gap},                    // two hours: 01:00 to 03:00
	{"Antarctica/Troll", "2026-03-29 02:59", gap},
	{"Antarctica/Troll", "2026-03-29 03:00", "2026-03-29T01:00Z"},
	{"Antarctica/Troll", "2026-10-25 01:30", "2026-10-24T23:30Z"}, // 01:00-03:00 twice
	{"Antarctica/Casey", "2020-10-04 00:00", "2020-10-03T16:00Z"}, // three hours: 00:01 to 03:01
	{"Antarctica/Casey", "2020-10-04 00:01", gap},
	{"Antarctica/Casey", "2020-10-04 03:00", gap},
	{"Antarctica/Casey", "2020-10-04 03:01", "2020-10-03T16:01Z"},
	{"Antarctica/Casey", "2023-03-08 22:30", "2023-03-08T11:30Z"}, // 21:00-24:00 twice
	{"Antarctica/Casey", "2023-03-09 00:00", "2023-03-08T13:00Z"},
	{"Pacific/Apia", "2011-12-29 12:00", "2011-12-29T22:00Z"},
	{"Pacific/Apia", "2011-12-30 00:00", gap}, // the day that never was
	{"Pacific/Apia", "2011-12-30 23:59", gap},
	{"Pacific/Apia", "2011-12-31 00:00", "2011-12-30T10:00Z"},
	{"Pacific/Fakaofo", "2011-12-30 12:00", gap},
	{"America/Santiago", "2026-09-06 00:00", gap}, // no midnight
	{"America/Santiago", "2026-09-06 00:59", gap},
	{"America/Santiago", "2026-09-06 01:00", "2026-09-06T04:00Z"},
	{"America/Santiago", "2026-04-04 23:30", "2026-04-05T02:30Z"}, // set back at midnight: 23:00-24:00 twice
	{"America/Santiago", "2026-04-05 00:00", "2026-04-05T04:00Z"},
	{"America/Havana", "2026-03-08 00:30", gap}, // no midnight
	{"America/Havana", "2026-11-01 00:30", "2026-11-01T04:30Z"},
	{"Asia/Beirut", "2026-03-29 00:00", gap}, // no midnight
	{"Asia/Beirut", "2026-10-24 23:30", "2026-10-24T20:30Z"},
	{"Africa/Cairo", "2026-04-24 00:30", gap}, // no midnight
	{"Africa/Cairo", "2026-10-29 23:30", "2026-10-29T20:30Z"},
	{"Africa/Casablanca", "2026-02-15 02:30", "2026-02-15T01:30Z"}, // Ramadan: an hour back ...
	{"Africa/Casablanca", "2026-03-22 02:30", gap},                 // ... and forward again
	{"America/St_Johns", "2010-11-06 23:30", "2010-11-07T02:00Z"},  // set back at 00:01: 23:01-00:01 twice
	{"America/St_Johns", "2010-11-07 00:00", "2010-11-07T02:30Z"},
	{"America/St_Johns", "2010-11-07 00:01", "2010-11-07T03:31Z"},
	{"America/St_Johns", "2010-03-14 00:01", gap},
	{"America/St_Johns", "2010-03-14 00:00", "2010-03-14T03:30Z"},
	{"Europe/Dublin", "2026-03-29 01:30", gap}, // winter time is the exception in the data
	{"Europe/Dublin", "2026-10-25 01:30", "2026-10-25T00:30Z"},
	{"Atlantic/Azores", "2026-03-29 00:30", gap},
	{"Atlantic/Azores", "2025-10-26 00:30", "2025-10-26T00:30Z"},
	{"America/Scoresbysund", "2026-03-28 23:30", gap}, // the last hour of the day is lost
	{"America/Nuuk", "2026-03-28 23:30", gap},
	{"America/Sao_Paulo", "2018-11-04 00:00", gap},
	{"Africa/Sao_Tome", "2018-01-01 01:30", gap},
	{"Asia/Pyongyang", "2015-08-14 23:45", "2015-08-14T14:45Z"},
	{"Asia/Pyongyang", "2018-05-04 23:45", gap},
	{"America/Caracas", "2016-05-01 02:45", gap},
	{"Pacific/Chatham", "2026-09-27 03:00", gap},
	{"Pacific/Kiritimati", "2026-01-01 00:00", "2025-12-31T10:00Z"},
	{"Asia/Kathmandu", "2026-01-01 00:00", "2025-12-31T18:15Z"},
	{"Etc/GMT+5", "2026-01-01 00:00", "2026-01-01T05:00Z"}, // five hours behind, whatever the sign looks like
	{"UTC", "2026-02-28 23:59", "2026-02-28T23:59Z"},
}

func TestSlotOfAWallTime(t *testing.T) {
	for name, open := range zoneSources {
		t.Run(name, func(t *testing.T) {
			source := open(t)
			for _, tt := range namedWallTimes {
				wall, err := time.Parse("2006-01-02 15:04", tt.wall)
				if err != nil {
					t.Fatal(err)
				}
				// A daily recurrence that is asked two days before comes past the day, or
				// leaves it out.
				p := pattern{source.load(t, tt.zone), int64(wall.Hour()*60 + wall.Minute()), everyDay}
				got := gap
				for slot := wall.AddDate(0, 0, -2); slot.Before(wall.AddDate(0, 0, 2)); {
					if slot, err = p.next(slot); err != nil {
						t.Fatal(err)
					}
					if slot.In(p.loc).Format(time.DateOnly) == wall.Format(time.DateOnly) {
						got = slot.Format("2006-01-02T15:04Z")
						break
					}
				}
				if got != tt.want {
					t.Errorf("%s %s: got %s, want %s", tt.zone, tt.wall, got, tt.want)
				}
			}
		})
	}
}

// robfig/cron never returns from this one.
func TestWeeklyFridayInApiaLeavesOutTheMissingFriday(t *testing.T) {
	r := Recurrence{Frequency: Weekly, TimeOfDay: "09:00", DaysOfWeek: []int{5}, Timezone: "Pacific/Apia"}
	got, err := r.Upcoming(time.Date(2011, 12, 20, 0, 0, 0, 0, time.UTC), 3)
	if err != nil {
		t.Fatal(err)
	}
	want := []time.Time{
		time.Date(2011, 12, 23, 19, 0, 0, 0, time.UTC), // Friday the 23rd, UTC-10
		time.Date(2012, 1, 5, 19, 0, 0, 0, time.UTC),   // Friday the 6th, UTC+14
		time.Date(2012, 1, 12, 19, 0, 0, 0, time.UTC),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestWeeklySlotInAGapWaitsAWeek(t *testing.T) {
	r := Recurrence{Frequency: Weekly, TimeOfDay: "02:30", DaysOfWeek: []int{7}, Timezone: "Europe/Berlin"}
	got, err := r.Next(time.Date(2026, 3, 22, 2, 0, 0, 0, time.UTC))
	if want := time.Date(2026, 4, 5, 0, 30, 0, 0, time.UTC); err != nil || !got.Equal(want) {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

// Between the two readings of 23:30 the answer is tomorrow's, although the local date is
// yesterday's again.
func TestSecondReadingIsNoSlot(t *testing.T) {
	r := Recurrence{Frequency: Daily, TimeOfDay: "23:30", Timezone: "America/St_Johns"}
	for _, after := range []time.Time{
		time.Date(2010, 11, 7, 2, 0, 0, 0, time.UTC),  // the first reading itself
		time.Date(2010, 11, 7, 2, 30, 0, 0, time.UTC), // midnight, before the clocks go back
		time.Date(2010, 11, 7, 2, 31, 0, 0, time.UTC), // 23:01 for the second time
		time.Date(2010, 11, 7, 3, 0, 0, 0, time.UTC),  // the second reading
	} {
		got, err := r.Next(after)
		if want := time.Date(2010, 11, 8, 3, 0, 0, 0, time.UTC); err != nil || !got.Equal(want) {
			t.Errorf("after %s: got %s, %v, want %s", after, got, err, want)
		}
	}
}

// No real zone changes twice within two days, but if one does the rules stay the same. Here
// 23:15 of the 7th is shown for the first time when the 8th has begun already: the clocks
// go from 23:00 of the 7th to 00:00 of the 8th, and ten minutes later to 22:10 of the 7th.
func TestYesterdayCanStillCome(t *testing.T) {
	day := time.Date(2026, 4, 7, 0, 0, 0, 0, time.UTC)
	p := pattern{zoneWith(t, map[time.Time]int32{
		day.Add(23 * time.Hour):                3600,
		day.Add(23*time.Hour + 10*time.Minute): -3600,
	}), 23*60 + 15, everyDay}
	got, err := p.next(day.Add(23*time.Hour + 5*time.Minute)) // 00:05 of the 8th
	if want := day.Add(24*time.Hour + 15*time.Minute); err != nil || !got.Equal(want) {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

// The offset that is in force neither before nor after both changes counts as well.
func TestTimeBetweenTwoChangesOfADayIsFound(t *testing.T) {
	day := time.Date(2026, 4, 7, 0, 0, 0, 0, time.UTC)
	p := pattern{zoneWith(t, map[time.Time]int32{
		day.Add(2 * time.Hour):  3600,
		day.Add(12 * time.Hour): -3600,
	}), 6 * 60, everyDay}
	got, err := p.next(day)
	if want := day.Add(5 * time.Hour); err != nil || !got.Equal(want) {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

// The clocks are steady at the instant that is asked about, and for 27 hours after it.
func TestChangeLateOnTheNextDayIsSeen(t *testing.T) {
	r := Recurrence{Frequency: Weekly, TimeOfDay: "23:30", DaysOfWeek: []int{6}, Timezone: "America/Scoresbysund"}
	got, err := r.Next(time.Date(2026, 3, 27, 12, 0, 0, 0, time.UTC))
	if want := time.Date(2026, 4, 5, 0, 30, 0, 0, time.UTC); err != nil || !got.Equal(want) {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

func TestSearchEndsAfter400Days(t *testing.T) {
	changes := map[time.Time]int32{}
	for friday := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC); friday.Year() < 2029; friday = friday.AddDate(0, 0, 7) {
		changes[friday.Add(2*time.Hour)] = 3600 // no 02:30 on any Friday of three years
		changes[friday.AddDate(0, 0, 3)] = 0
	}
	p := pattern{zoneWith(t, changes), 2*60 + 30, 1 << 5}
	found := time.Date(2029, 1, 5, 2, 30, 0, 0, time.UTC)
	if got, err := p.next(found.AddDate(0, 0, -400)); err != nil || !got.Equal(found) {
		t.Errorf("400 days before: got %s, %v, want %s", got, err, found)
	}
	if got, err := p.next(found.AddDate(0, 0, -401)); !errors.Is(err, ErrNoSlot) {
		t.Errorf("401 days before: got %s, %v, want ErrNoSlot", got, err)
	}
	if got := len(p.gaps(unixYear(2027), unixYear(2028))); got != 53 {
		t.Errorf("%d gaps in 2027, want one for each of its 53 Fridays", got)
	}
}

func TestInstantsOutsideTheCalendarHaveNoSlot(t *testing.T) {
	r := Recurrence{Frequency: Daily, TimeOfDay: "02:30", Timezone: "Europe/Berlin"}
	for _, after := range []time.Time{
		time.Unix(1<<62, 0), time.Unix(-1<<62, 0), time.Unix(1<<63-1, 0), time.Unix(-1<<63, 0),
		time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 12, 0, 0, 0, time.UTC),
	} {
		if got, err := r.Next(after); !errors.Is(err, ErrNoSlot) {
			t.Errorf("after %s: got %s, %v, want ErrNoSlot", after, got, err)
		}
		if gaps, err := r.Gaps(after, 1<<62); err != nil || len(gaps) > 500 {
			t.Errorf("after %s: %d gaps, %v", after, len(gaps), err)
		}
	}
	if got, err := r.Next(time.Time{}); err != nil || got.Year() != 1 {
		t.Errorf("after the zero time: got %s, %v, want a slot in year 1", got, err)
	}
}

// Local time was 44 minutes and 30 seconds behind: 12:00:00 was at 12:44:30 UTC.
func TestSlotInAnOffsetWithSecondsIsTheFirstWholeUTCMinute(t *testing.T) {
	r := Recurrence{Frequency: Daily, TimeOfDay: "12:00", Timezone: "Africa/Monrovia"}
	got, err := r.Next(time.Date(1971, 1, 1, 0, 0, 0, 0, time.UTC))
	if want := time.Date(1971, 1, 1, 12, 45, 0, 0, time.UTC); err != nil || !got.Equal(want) {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

// zoneWith makes a zone that starts at UTC and has the given offsets, in seconds, from the
// given instants on, in the TZif format (RFC 8536, version 1).
func zoneWith(t *testing.T, changes map[time.Time]int32) *time.Location {
	t.Helper()
	at := make([]time.Time, 0, len(changes))
	for instant := range changes {
		at = append(at, instant)
	}
	slices.SortFunc(at, time.Time.Compare)
	offsets := []int32{0}
	var times, types []byte
	for _, instant := range at {
		if !slices.Contains(offsets, changes[instant]) {
			offsets = append(offsets, changes[instant])
		}
		times = binary.BigEndian.AppendUint32(times, uint32(instant.Unix()))
		types = append(types, byte(slices.Index(offsets, changes[instant])))
	}
	data := append([]byte("TZif"), make([]byte, 16)...)
	for _, count := range []int{0, 0, 0, len(at), len(offsets), 4} {
		data = binary.BigEndian.AppendUint32(data, uint32(count))
	}
	data = append(append(data, times...), types...)
	for _, offset := range offsets {
		data = append(binary.BigEndian.AppendUint32(data, uint32(offset)), 0, 0)
	}
	loc, err := time.LoadLocationFromTZData("Test/Made_Up", append(data, "TST\x00"...))
	if err != nil {
		t.Fatal(err)
	}
	return loc
}
