package runs

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// RetryPolicy says how often and how long to wait after an attempt that failed for a
// reason that waiting may help. A zero field takes its default.
type RetryPolicy struct {
	// MaxStalls is how many attempts in a row may end without one new item before the run
	// fails. Attempts that got on are not counted: a throttled run that still captures is
	// not given up. Defaults to 8.
	MaxStalls int

	// MaxUnknown is the same for errors of unknown kind. Defaults to 3.
	MaxUnknown int

	// Base is the first backoff window, doubled with every stall. Defaults to 5 s.
	Base time.Duration

	// Max bounds the window. Defaults to 15 min.
	Max time.Duration

	// MaxRetryAfter bounds how long a Retry-After is honoured, since a wrong header must
	// not park a run for ever. Defaults to 1 h.
	MaxRetryAfter time.Duration

	// Deadline bounds the whole run from its first claim: when another attempt would start
	// later than this, the run fails with TIMEOUT. A single attempt that lasts longer is
	// ended. Defaults to 24 h.
	Deadline time.Duration
}

func (p RetryPolicy) withDefaults() RetryPolicy {
	p.MaxStalls = cmp.Or(p.MaxStalls, 8)
	p.MaxUnknown = cmp.Or(p.MaxUnknown, 3)
	p.Base = cmp.Or(p.Base, 5*time.Second)
	p.Max = cmp.Or(p.Max, 15*time.Minute)
	p.MaxRetryAfter = cmp.Or(p.MaxRetryAfter, time.Hour)
	p.Deadline = cmp.Or(p.Deadline, 24*time.Hour)
	return p
}

func (p RetryPolicy) validate() error {
	var bad InvalidError
	for _, f := range []struct {
		name string
		neg  bool
	}{
		{"retry.max_stalls", p.MaxStalls < 0}, {"retry.max_unknown", p.MaxUnknown < 0}, {"retry.base", p.Base < 0},
		{"retry.max", p.Max < 0}, {"retry.max_retry_after", p.MaxRetryAfter < 0}, {"retry.deadline", p.Deadline < 0},
	} {
		if f.neg {
			bad.Add(f.name, "negative", "must not be negative; 0 takes the default")
		}
	}
	return bad.Err()
}

// Delay returns how long to wait before the next attempt: exponential with full jitter
// (the window doubles, the wait is uniform in it), never less than Retry-After. stalls
// counts from 1; random is uniform in [0, 1). The result is never negative and never
// overflows, whatever the number of stalls.
//
// Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
func (p RetryPolicy) Delay(stalls int, retryAfter time.Duration, random float64) time.Duration {
	p = p.withDefaults()
	window := min(p.Base, p.Max)
	for range max(0, stalls-1) {
		if window >= p.Max/2 {
			window = p.Max
			break
		}
		window *= 2
	}
	jitter := time.Duration(float64(window) * min(max(random, 0), 1))
	wait := min(max(retryAfter, 0), p.MaxRetryAfter)
	if wait > 0 {
		// Spread what was told the same time, but never come back early.
		return wait + min(jitter, p.Base)
	}
	return jitter
}

// verdict is what becomes of an attempt.
type verdict struct {
	status   Status // queued: wait and try again
	giveBack bool   // stop of the process: queued, the attempt is not counted
	code     Code
	delay    time.Duration
}

// judge decides what an executor's error means. stalls is the number of attempts without
// progress including this one, 0 when this one got on.
func (p RetryPolicy) judge(err error, stalls int, random float64) verdict {
	switch {
	case errors.Is(err, ErrStopping):
		return verdict{status: StatusQueued, giveBack: true}
	case errors.Is(err, ErrCanceled):
		return verdict{status: StatusCanceled, code: CodeCanceled}
	}
	kind, code := graph.KindOf(err), CodeOf(err)
	if errors.Is(err, context.DeadlineExceeded) {
		kind, code = graph.KindTimeout, CodeTimeout
	}
	limit := p.MaxStalls
	switch {
	case kind == graph.KindUnauthorized, kind == graph.KindForbidden, errors.Is(err, ErrInvalid):
		return verdict{status: StatusFailed, code: code}
	case errors.Is(err, errWorkerLost):
		code = CodeWorkerLost // a deploy or a crash is no fault of the run
	case errors.Is(err, ErrUnavailable): // nor is an outage of the database
	case !kind.Retryable():
		limit = p.MaxUnknown
	}
	if stalls >= limit {
		return verdict{status: StatusFailed, code: code}
	}
	return verdict{status: StatusQueued, code: code, delay: p.Delay(stalls, graph.RetryAfterOf(err), random)}
}
