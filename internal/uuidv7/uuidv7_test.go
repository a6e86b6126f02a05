package uuidv7

import (
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// at returns a clock that stands at the given millisecond.
func at(millis int64) func() time.Time {
	return func() time.Time { return time.UnixMilli(millis) }
}

func TestLayoutFollowsTheRFC(t *testing.T) {
	// The time of the example in RFC 9562, appendix A.6.
	const millis, prefix = 0x017F22E279B0, "017f22e2-79b0-7"
	g := NewGenerator(at(millis))
	for range 1000 {
		s := g.New()
		if s[:len(prefix)] != prefix {
			t.Fatalf("id %s does not begin with %s", s, prefix)
		}
		id, err := Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		if id[6]>>4 != 7 {
			t.Errorf("id %s: version %d, want 7", s, id[6]>>4)
		}
		if id[8]>>6 != 0b10 {
			t.Errorf("id %s: variant %02b, want 10", s, id[8]>>6)
		}
		if got := Time(id); !got.Equal(time.UnixMilli(millis)) || got.Location() != time.UTC {
			t.Errorf("Time(%s) = %s, want 2022-02-22T19:22:22Z", s, got)
		}
	}
}

func TestIDsAreOrderedAndUniqueWhateverTheClockDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		steps := rapid.SliceOfN(rapid.SampledFrom([]int64{0, 0, 0, 1, 2, 1000, -1, -5, -86_400_000}), 1, 200).Draw(t, "steps")
		now := rapid.Int64Range(0, 4_000_000_000_000).Draw(t, "start")
		latest := int64(0)
		g := NewGenerator(func() time.Time { return time.UnixMilli(now) })
		last := ""
		for i, step := range steps {
			now += step
			latest = max(latest, now)
			s := g.New()
			if s <= last {
				t.Fatalf("step %d: %s after %s", i, s, last)
			}
			last = s
			id, err := Parse(s)
			if err != nil {
				t.Fatal(err)
			}
			if got := Time(id).UnixMilli(); got != latest {
				t.Fatalf("step %d: id carries %d ms, want the latest time seen, %d", i, got, latest)
			}
		}
	})
}

func TestAFullCounterBorrowsFromTheNextMillisecond(t *testing.T) {
	g := NewGenerator(at(1000))
	g.New()
	g.counter = 1<<counterBits - 2
	last := g.next()
	if got := Time(last).UnixMilli(); got != 1000 || g.counter != 1<<counterBits-1 {
		t.Fatalf("time %d ms, counter %d: want the last number of millisecond 1000", got, g.counter)
	}
	next := g.next()
	if got := Time(next).UnixMilli(); got != 1001 {
		t.Errorf("time %d ms, want 1001", got)
	}
	if slices.Compare(next[:], last[:]) <= 0 {
		t.Errorf("%x does not follow %x", next, last)
	}
}

func TestTimesOutsideTheFormatAreClamped(t *testing.T) {
	for _, c := range []struct{ now, want int64 }{{-1, 0}, {1 << 50, maxMillis}} {
		if got := Time(NewGenerator(at(c.now)).next()).UnixMilli(); got != c.want {
			t.Errorf("clock at %d ms: id carries %d, want %d", c.now, got, c.want)
		}
	}
}

func TestGeneratorsDifferOnTheSameClock(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := NewGenerator(at(5)).New()
		if seen[id] {
			t.Fatalf("%s was made twice", id)
		}
		seen[id] = true
	}
}

// Every bit but version, variant, the guard of the counter and the time must be seen in
// both states.
func TestRandomBitsVary(t *testing.T) {
	var ones, zeros [16]byte
	for range 200 {
		id := NewGenerator(at(0)).next()
		for i, b := range id {
			ones[i] |= b
			zeros[i] |= ^b
		}
	}
	fixed := [16]byte{0: 0xff, 1: 0xff, 2: 0xff, 3: 0xff, 4: 0xff, 5: 0xff, 6: 0xf8, 8: 0xc0}
	for i := range ones {
		if both := ones[i] & zeros[i]; both != ^fixed[i] {
			t.Errorf("byte %d: bits seen in both states %08b, want %08b", i, both, ^fixed[i])
		}
	}
}

func TestConcurrentUseMakesNoIDTwice(t *testing.T) {
	const workers, each = 8, 2000
	g := NewGenerator(at(77))
	var wg sync.WaitGroup
	made := make([][]string, workers)
	for w := range workers {
		wg.Go(func() {
			for range each {
				made[w] = append(made[w], g.New())
			}
		})
	}
	wg.Wait()
	all := slices.Concat(made...)
	slices.Sort(all)
	if n := len(slices.Compact(all)); n != workers*each {
		t.Errorf("%d different ids of %d", n, workers*each)
	}
	for w, ids := range made {
		if !slices.IsSorted(ids) {
			t.Errorf("worker %d: ids out of order", w)
		}
	}
}

func BenchmarkNew(b *testing.B) {
	g := NewGenerator(time.Now)
	b.ReportAllocs()
	for b.Loop() {
		g.New()
	}
}

func BenchmarkNewParallel(b *testing.B) {
	g := NewGenerator(time.Now)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			g.New()
		}
	})
}
