package graphtest

import "time"

// Clock is where a [Graph] takes the time from: for the time stamps of changed objects,
// for Retry-After dates, and to wait out the delay of a [Fault]. Clock and Mock of
// github.com/benbjohnson/clock fit as they are.
type Clock interface {
	// Now returns the present time.
	Now() time.Time
	// After returns a channel that receives the time once the duration has passed.
	After(d time.Duration) <-chan time.Time
}

// Epoch is the time of a [Graph] without a clock, and the time before which every
// generated object was last modified.
var Epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// stopped is the clock of a Graph that was given none. Nothing ever waits on it, since
// Inject refuses delays then.
type stopped struct{}

func (stopped) Now() time.Time { return Epoch }

func (stopped) After(time.Duration) <-chan time.Time {
	c := make(chan time.Time, 1)
	c <- Epoch
	return c
}
