package fleet

import (
	"sync/atomic"
	"time"
)

// skewed is the machine's clock, wrong by so much.
type skewed time.Duration

func (s skewed) Now() time.Time                         { return time.Now().Add(time.Duration(s)) }
func (s skewed) After(d time.Duration) <-chan time.Time { return time.After(d) }

// shown shows the time that the parent of a process has told it last.
type shown struct {
	skew time.Duration
	at   atomic.Int64
}

func (s *shown) show(at time.Time)                    { s.at.Store(at.Add(s.skew).UnixMicro()) }
func (s *shown) Now() time.Time                       { return time.UnixMicro(s.at.Load()).UTC() }
func (*shown) After(d time.Duration) <-chan time.Time { return time.After(d) }

// fast is a clock that began at a moment and runs so many times as fast as the machine's.
type fast struct {
	began, shows time.Time
	times        int
}

func (f fast) Now() time.Time { return f.shows.Add(time.Since(f.began) * time.Duration(f.times)) }
func (f fast) After(d time.Duration) <-chan time.Time {
	return time.After(d / time.Duration(f.times))
}
