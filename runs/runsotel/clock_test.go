package runsotel_test

import (
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
)

// lateClock is a clock that is known only after those who use it were made.
type lateClock struct{ runs.Clock }

func (c *lateClock) set(clock runs.Clock) { c.Clock = clock }

// Now is the zero time before the clock is set.
func (c *lateClock) Now() time.Time {
	if c.Clock == nil {
		return time.Time{}
	}
	return c.Clock.Now()
}
