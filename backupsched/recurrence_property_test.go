package backupsched

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tenantatlas/tenantbackup/runs"
)

// drawRecurrence makes a valid recurrence in any zone.
func drawRecurrence(t *rapid.T) Recurrence {
	r := Recurrence{
		Frequency: rapid.SampledFrom([]Frequency{Daily, Weekly}).Draw(t, "frequency"),
		TimeOfDay: fmt.Sprintf("%02d:%02d", rapid.IntRange(0, 23).Draw(t, "hour"), rapid.IntRange(0, 59).Draw(t, "minute")),
		Timezone:  rapid.SampledFrom(allZoneNames()).Draw(t, "timezone"),
	}
	if r.Frequency == Weekly {
		r.DaysOfWeek = rapid.SliceOfNDistinct(rapid.IntRange(1, 7), 1, 7, rapid.ID[int]).Draw(t, "days")
	}
	return r
}

// drawInstant makes an instant of the years 2000 to 2060, to the nanosecond.
func drawInstant(t *rapid.T) time.Time {
	return time.Unix(rapid.Int64Range(unixYear(2000), unixYear(2061)).Draw(t, "second"),
		rapid.Int64Range(0, 999_999_999).Draw(t, "nanosecond"))
}

func TestSlotProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkSlot(t, drawRecurrence(t), drawInstant(t))
	})
}

// checkSlot asserts what holds for the first slot after any instant.
func checkSlot(t interface {
	Helper()
	Fatalf(string, ...any)
}, r Recurrence, after time.Time) {
	t.Helper()
	slot, err := r.Next(after)
	if err != nil {
		t.Fatalf("%v after %s: %v", r, after, err)
	}
	if !slot.After(after) {
		t.Fatalf("%v after %s: %s is not after it", r, after, slot)
	}
	if slot.Location() != time.UTC || slot.Unix()%60 != 0 || slot.Nanosecond() != 0 {
		t.Fatalf("%v after %s: %s is not a UTC minute", r, after, slot)
	}
	loc, err := time.LoadLocation(r.Timezone)
	if err != nil {
		t.Fatalf("%v", err)
	}
	if got := slot.In(loc).Format("15:04"); got != r.TimeOfDay {
		t.Fatalf("%v after %s: the clocks show %s", r, after, got)
	}
	if weekday := (int(slot.In(loc).Weekday())+6)%7 + 1; r.Frequency == Weekly {
		found := false
		for _, d := range r.DaysOfWeek {
			found = found || d == weekday
		}
		if !found {
			t.Fatalf("%v after %s: %s is on day %d", r, after, slot, weekday)
		}
	}
	if again, err := r.Next(slot.Add(-1)); err != nil || again != slot {
		t.Fatalf("%v just before %s: got %s, %v", r, slot, again, err)
	}
	if between, err := r.Next(after.Add(slot.Sub(after) / 2)); err != nil || between != slot {
		t.Fatalf("%v halfway from %s to %s: got %s, %v", r, after, slot, between, err)
	}
	if later, err := r.Next(slot); err != nil || !later.After(slot) {
		t.Fatalf("%v: the slot after %s is %s, %v", r, slot, later, err)
	}
}

func TestUpcomingIsNextRepeated(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, after, n := drawRecurrence(t), drawInstant(t), rapid.IntRange(0, 20).Draw(t, "n")
		slots, err := r.Upcoming(after, n)
		if err != nil || len(slots) != n {
			t.Fatalf("%d slots, %v, want %d", len(slots), err, n)
		}
		for i, slot := range slots {
			want, err := r.Next(after)
			if err != nil || slot != want {
				t.Fatalf("slot %d: got %s, want %s, %v", i, slot, want, err)
			}
			after = slot
		}
	})
}

// FuzzRecurrence takes any input: what is refused is refused by every method in the same
// way, and what is accepted has slots.
func FuzzRecurrence(f *testing.F) {
	f.Add("daily", "02:30", []byte(nil), "Europe/Berlin", int64(1774746000))
	f.Add("weekly", "09:00", []byte{5}, "Pacific/Apia", int64(1325000000))
	f.Add("weekly", "00:00", []byte{7, 1}, "America/Santiago", int64(1788652800))
	f.Add("weekly", "24:00", []byte{0, 8}, "Local", int64(0))
	f.Add("", "", []byte{}, "../etc/passwd", int64(-1<<63))
	f.Fuzz(func(t *testing.T, frequency, timeOfDay string, days []byte, timezone string, after int64) {
		r := Recurrence{Frequency: Frequency(frequency), TimeOfDay: timeOfDay, Timezone: timezone}
		for _, d := range days {
			r.DaysOfWeek = append(r.DaysOfWeek, int(int8(d)))
		}
		err := r.Validate()
		_, nextErr := r.Next(time.Unix(after, 0))
		if err != nil {
			if !errors.Is(err, runs.ErrInvalid) || nextErr == nil || nextErr.Error() != err.Error() {
				t.Fatalf("Validate: %v, Next: %v", err, nextErr)
			}
			return
		}
		if after < unixYear(1970) || after > unixYear(9990) {
			return // the calendar's ends have a test of their own; old zones moved for days
		}
		checkSlot(t, r, time.Unix(after, 0))
	})
}
