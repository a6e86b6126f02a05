package msgraph

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/tenantatlas/tenantbackup/graph"
)

// gate lets the calls to one workload of one tenant through: one after the other in the order in
// which they came, as fast as the rate allows, and none while Graph wants quiet.
type gate struct {
	clock   Clock
	maxWait time.Duration

	turn   chan struct{} // held by the first in line, who alone takes tokens of the buckets
	slots  chan struct{} // held by calls under way; nil when any number may be
	all    *rate.Limiter // nil when there is no bound
	writes *rate.Limiter // nil when there is no bound

	users int // guarded by the mutex of gates

	mu     sync.Mutex
	fence  time.Time     // nobody passes before
	fenced chan struct{} // closed when fence changes
}

func newGate(clock Clock, l Limit, maxWait time.Duration) *gate {
	g := &gate{clock: clock, maxWait: maxWait, turn: make(chan struct{}, 1), fenced: make(chan struct{})}
	if l.AtOnce > 0 {
		g.slots = make(chan struct{}, l.AtOnce)
	}
	g.all, g.writes = bucket(l.Rate, l.Burst), bucket(l.WriteRate, l.WriteBurst)
	return g
}

// bucket is a token bucket that begins full, nil when there is no bound.
func bucket(perSecond float64, burst int) *rate.Limiter {
	if perSecond < 0 || burst < 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(perSecond), burst)
}

// enter waits until a call may go that counts cost requests, and takes a slot for it, which exit
// gives back. Nothing stays taken when it fails: with ctx's error, or with graph.KindThrottled
// when the gate stays closed for longer than a call waits.
func (g *gate) enter(ctx context.Context, cost int, write bool) error {
	select {
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		open, err := g.opened(ctx)
		if err != nil {
			return err
		}
		if g.slots != nil {
			select {
			case g.slots <- struct{}{}:
			case <-open:
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		ok, err := g.paced(ctx, open, cost, write)
		if ok {
			return nil
		}
		g.exit()
		if err != nil {
			return err
		}
	}
}

// exit gives the slot of a call back.
func (g *gate) exit() {
	if g.slots != nil {
		<-g.slots
	}
}

// opened waits until there is no fence. The channel is closed when there is a new one.
func (g *gate) opened(ctx context.Context) (<-chan struct{}, error) {
	for {
		g.mu.Lock()
		left, changed := g.fence.Sub(g.clock.Now()), g.fenced
		g.mu.Unlock()
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case left <= 0:
			return changed, nil
		case left > g.maxWait:
			return nil, &graph.Error{Kind: graph.KindThrottled, RetryAfter: left, Err: errFenced}
		}
		select {
		case <-g.clock.After(left):
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// paced takes the tokens of a call, and waits until there are enough. It reports false, and has
// taken none, when a fence came up or ctx ended meanwhile.
func (g *gate) paced(ctx context.Context, fenced <-chan struct{}, cost int, write bool) (bool, error) {
	for {
		wait := g.take(cost, write)
		if wait <= 0 {
			return true, nil
		}
		select {
		case <-g.clock.After(wait):
		case <-fenced:
			return false, nil
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// take takes the tokens of a call if there are enough, or returns when there will be. Whoever has
// the turn is the only one who takes, so nobody is faster meanwhile.
func (g *gate) take(cost int, write bool) (wait time.Duration) {
	now := g.clock.Now()
	buckets := []*rate.Limiter{g.all}
	if write {
		buckets = append(buckets, g.writes)
	}
	var taken []*rate.Reservation
	for _, b := range buckets {
		if b != nil {
			r := b.ReserveN(now, min(cost, b.Burst()))
			taken, wait = append(taken, r), max(wait, r.DelayFrom(now))
		}
	}
	if wait > 0 {
		for _, r := range taken {
			r.CancelAt(now)
		}
	}
	return wait
}

var errFenced = errors.New("nothing was sent: an earlier answer asked for a pause")

// maxFence is how long a gate stays closed at most, since a wrong header must not close it for
// ever.
const maxFence = time.Hour

// close keeps everybody out for a while, also those who wait already. A fence never gets
// shorter.
func (g *gate) close(wait time.Duration) {
	until := g.clock.Now().Add(min(wait, maxFence))
	g.mu.Lock()
	defer g.mu.Unlock()
	if until.After(g.fence) {
		g.fence = until
		close(g.fenced)
		g.fenced = make(chan struct{})
	}
}

// until is the end of the last fence.
func (g *gate) until() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.fence
}

// rested tells whether a new gate would be the same.
func (g *gate) rested(now time.Time) bool {
	full := func(b *rate.Limiter) bool { return b == nil || b.TokensAt(now) >= float64(b.Burst()) }
	g.mu.Lock()
	defer g.mu.Unlock()
	return !now.Before(g.fence) && full(g.all) && full(g.writes)
}
