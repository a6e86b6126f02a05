package main

import (
	"sync"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
)

// storyClock is the clock of a history: it stands until somebody moves it, and never goes
// back. A mock of the clock package would do, but it sleeps a millisecond at each move, and a
// history makes thousands.
type storyClock struct {
	mu  sync.Mutex
	now time.Time
}

// Now implements [runs.Clock].
func (c *storyClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// After implements [runs.Clock]. The channel stays silent: what waits in a history waits in
// its queue, and nobody takes a lease away that is not renewed.
func (c *storyClock) After(time.Duration) <-chan time.Time { return make(chan time.Time) }

// advance lets time pass.
func (c *storyClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// reach moves the clock to a time, unless it is later already.
func (c *storyClock) reach(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at.After(c.now) {
		c.now = at
	}
}

var _ runs.Clock = (*storyClock)(nil)
