package main

import (
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
)

// clockOfTests runs like the clock of the machine, from startAt on.
type clockOfTests struct{ runs.SystemClock }

var startAt string // RFC 3339; the linker sets it

var ahead = func() time.Duration {
	at, err := time.Parse(time.RFC3339, startAt)
	if err != nil {
		panic(err)
	}
	return time.Until(at)
}()

func (c clockOfTests) Now() time.Time { return c.SystemClock.Now().Add(ahead) }
