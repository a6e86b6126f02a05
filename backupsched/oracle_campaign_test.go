package backupsched

import (
	"flag"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	campaign     = flag.Bool("campaign", false, "check every offset change of 2000 to 2040 and 200 days of every zone, minute by minute")
	campaignSeed = flag.Uint64("campaign-seed", 1, "seed of the random choices in the checks against the brute-force oracle")
)

// sample is what a run looks at in one zone.
type sample struct {
	rng      *rand.Rand
	from, to int64 // the stretch of years, Unix seconds
	step     int64 // between probes for changes
	changes  int   // of the stretch, at most
	days     int   // random ones
	stride   int   // between minutes of a day
}

// newSample takes everything in a campaign. Otherwise it takes three years of each zone, and
// in every second zone one change, one day and some minutes: the same for the same seed.
func newSample(zone string) *sample {
	h := fnv.New64a()
	h.Write([]byte(zone))
	s := &sample{rng: rand.New(rand.NewPCG(*campaignSeed, h.Sum64()))}
	if *campaign {
		s.from, s.to, s.step = unixYear(2000), unixYear(2041), 3*60*60
		s.changes, s.days, s.stride = 1<<30, 200, 1
		return s
	}
	year := 2000 + s.rng.IntN(39)
	s.from, s.to, s.step = unixYear(year), unixYear(year+3), 12*60*60
	s.stride = 13
	if s.rng.IntN(2) == 0 {
		s.changes, s.days = 1, 1
	}
	return s
}

func unixYear(year int) int64 { return time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).Unix() }

// forEachZone runs a check for every zone of an edition; names with the same data, which
// IANA calls links, are checked once.
func forEachZone(t *testing.T, source zoneSource, check func(zone string, loc *time.Location, s *sample)) {
	t.Helper()
	seen := map[string]bool{}
	names, missing := 0, 0
	for _, zone := range allZoneNames() {
		data, err := source.read(zone)
		if err != nil {
			missing++ // systems may leave out names of old
			continue
		}
		names++
		if !seen[string(data)] {
			seen[string(data)] = true
			check(zone, source.load(t, zone), newSample(zone))
		}
	}
	if missing > len(allZoneNames())/2 {
		t.Errorf("%s: %d of %d zones have no data", source.name, missing, len(allZoneNames()))
	}
	t.Logf("%s: %d names (%d without data), %d distinct zones, seed %d, campaign %t",
		source.name, names, missing, len(seen), *campaignSeed, *campaign)
}

// A slot is what somebody finds who watches the clocks of the zone minute by minute.
func TestRecurrenceAgreesWithAWalkOverMinutes(t *testing.T) {
	for name, open := range zoneSources {
		t.Run(name, func(t *testing.T) {
			var changes, days, minutes int
			forEachZone(t, open(t), func(zone string, loc *time.Location, s *sample) {
				c := &comparison{t: t, zone: zone, loc: loc, sample: s}
				found := offsetChanges(loc, s.from, s.to, s.step)
				s.rng.Shuffle(len(found), func(i, j int) { found[i], found[j] = found[j], found[i] })
				for _, at := range found[:min(len(found), s.changes)] {
					c.around(civilDay(time.Unix(at, 0).In(loc)), 2, 8)
					changes++
				}
				for range s.days {
					c.around((s.from+s.rng.Int64N(s.to-s.from))/86400, 0, 1)
					days++
				}
				minutes += c.minutes
			})
			t.Logf("%d changes, %d random days, %d wall minutes compared", changes, days, minutes)
		})
	}
}

// comparison checks one zone against the oracle.
type comparison struct {
	t       *testing.T
	zone    string
	loc     *time.Location
	sample  *sample
	minutes int // wall minutes compared
	failed  int
}

// around compares the local days from `each` before the given one to `each` after it. It
// walks the days from `walk` before to `walk` after, more than the compared ones, so that a
// day without a slot has neighbours and a weekly recurrence its weeks before and after.
func (c *comparison) around(day int64, each, walk int) {
	r := readDays(c.loc, day-int64(walk), 2*walk+1)
	for minute := c.sample.rng.IntN(c.sample.stride); minute < 24*60 && c.failed < 5; minute += c.sample.stride {
		c.minutes += 2*each + 1
		c.chain(r.slots(walk-each-1, walk+each+1, minute, 1, 2, 3, 4, 5, 6, 7), minute, everyDay)
		isoDay := r.weekday[walk-each+c.sample.rng.IntN(2*each+1)]
		c.chain(r.slots(0, 2*walk, minute, isoDay), minute, 1<<isoDay)
		c.gaps(r, walk-each, walk+each, minute)
	}
}

// chain follows the slots of a recurrence from one to the next, and asks again from an
// instant in between.
func (c *comparison) chain(want []int64, minute int, days weekdays) {
	if len(want) == 0 {
		return
	}
	p := pattern{loc: c.loc, minute: int64(minute), days: days}
	after := want[0] - 1
	for _, slot := range want {
		for _, t := range []int64{after, after + c.sample.rng.Int64N(slot-after)} {
			got, err := p.next(time.Unix(t, 999_999_999))
			if err != nil || got.Unix() != slot {
				c.errorf("minute %d of days %b after %s: got %s, %v, want %s", minute, days,
					time.Unix(t, 0).UTC(), got, err, time.Unix(slot, 0).UTC())
			}
		}
		after = slot
	}
}

// gaps compares the i-th to the j-th day on which the minute does not exist.
func (c *comparison) gaps(r *readings, i, j, minute int) {
	var want, got []Gap
	for k := i; k <= j; k++ {
		if g, missing := r.gap(k, minute); missing {
			want = append(want, g)
		}
	}
	if len(want) == 0 && minute%60 != 0 {
		return // that there is none, the chain has shown already
	}
	p := pattern{loc: c.loc, minute: int64(minute), days: everyDay}
	first, last := r.firstDay+int64(i), r.firstDay+int64(j)
	for _, g := range p.gaps(first*86400-reach, (last+1)*86400+reach) {
		// The search is by instants, this list by days.
		date := time.Date(g.Date.Year, g.Date.Month, g.Date.Day, 0, 0, 0, 0, time.UTC)
		if day := civilDay(date); day >= first && day <= last {
			got = append(got, g)
		}
	}
	if !slices.Equal(want, got) {
		c.errorf("gaps of minute %d: %s", minute, cmp.Diff(want, got))
	}
}

func (c *comparison) errorf(format string, args ...any) {
	c.t.Helper()
	c.failed++
	c.t.Errorf(c.zone+": "+format, args...)
}
