package runs

import "time"

// Clock is the only source of time in this module. benbjohnson/clock's New() and *Mock
// fit as they are. Implementations are safe for concurrent use.
type Clock interface {
	// Now returns the present time, in any zone.
	Now() time.Time
	// After returns a channel that receives the time once the duration has passed. It is
	// never closed, and one that nobody reads any more does no harm.
	After(time.Duration) <-chan time.Time
}

// SystemClock is the clock of the machine: the default wherever a Config leaves its
// Clock nil.
type SystemClock struct{}

// Now returns the machine's time.
func (SystemClock) Now() time.Time { return time.Now() }

// After waits on the machine's monotonic clock.
func (SystemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

var _ Clock = SystemClock{}
