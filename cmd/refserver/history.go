package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tenantatlas/tenantbackup/cmd/refserver/product"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/runs"
)

// The history that an empty database starts with: thirty days of the demo tenants, played
// with the engine itself on a clock of its own, so that every row is one that really came
// about. What happens is in contosoHistory and fabrikamHistory.

const (
	historyDays = 30
	nightly     = "02:30"

	// historyGap is left between the history and the present, to which the dispatcher
	// catches up by itself: it takes slots that are not older than its grace.
	historyGap = 90 * time.Second

	// historyConns is enough for one who does one thing after the other.
	historyConns = 4
)

// event is something that happens in a history besides what the clock brings about.
type event struct {
	at     time.Time
	tenant graph.TenantID

	// edit changes policies behind the product's back, as administrators do.
	edit func(*edits) error

	// do is what people do with the product, and what goes wrong around it.
	do func(context.Context, *history) error

	// left is what do leaves in Graph. It stands in for do where Graph is brought into the
	// state that the history has left it in and nothing is played.
	left func(*edits) error
}

// history is one in the middle of being played.
type history struct {
	*app
	clock   *storyClock
	graph   *graphtest.Graph
	queue   *stepQueue
	tenants []graph.TenantID // the others are left alone
	end     time.Time
	off     bool // the server is switched off

	edits  *edits
	marks  map[string]runs.ID         // what events remember for later ones
	onItem func(graphtest.Call) error // is told of every object that is read
	failed error                      // what it said first
}

// recount fills the database with a history up to now, of those demo tenants that never had a
// schedule.
func (a *app) recount(ctx context.Context, src source) error {
	tenants, err := a.withoutSchedules(ctx)
	if err != nil || len(tenants) == 0 {
		return err
	}
	began := a.clock.Now()
	a.log.InfoContext(ctx, "playing thirty days of history, so that there is something to see", "tenants", tenants)
	if _, err := playHistory(ctx, src, began, tenants); ctx.Err() != nil {
		return fmt.Errorf("stopped while the history was played, which is not whole now; begin with another database, or remove this one: %w", err)
	} else if err != nil {
		return fmt.Errorf("the database could not be given a history; begin with another one, or with -demo=false: %w", err)
	}
	a.log.InfoContext(ctx, "played", "took", a.clock.Now().Sub(began).Round(time.Millisecond).String())
	return nil
}

// playHistory fills a database with the history of some tenants, up to now, and returns the
// Graph that it was played with, as it is then.
func playHistory(ctx context.Context, src source, now time.Time, tenants []graph.TenantID) (_ *graphtest.Graph, err error) {
	end := now.UTC().Add(-historyGap).Truncate(time.Second)
	clock := &storyClock{now: historyStart(end)}
	fake, err := demoGraph(clock, demoSeed, demoPolicies)
	if err != nil {
		return nil, err
	}
	src.past, src.conns = true, historyConns
	queue := &stepQueue{}
	random := rand.New(rand.NewPCG(demoSeed, 1))
	a, err := open(ctx, options{
		source: src, migrate: true, clock: clock, users: product.DemoUsers(), graph: fake, queue: queue, worker: "refserver", random: random.Float64,
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.close(ctx)) }()
	h := &history{app: a, clock: clock, graph: fake, queue: queue, tenants: tenants, end: end, edits: newEdits(fake), marks: map[string]runs.ID{}}
	fake.OnCall(h.takeTime(random))
	return fake, h.play(ctx, historyEvents(end))
}

// historyStart is the midnight with which a history begins.
func historyStart(end time.Time) time.Time {
	return end.Truncate(24*time.Hour).AddDate(0, 0, -historyDays)
}

// historyEvents are all that happens, in order.
func historyEvents(end time.Time) []event {
	events := slices.Concat(contosoHistory(end), fabrikamHistory(end))
	slices.SortStableFunc(events, func(a, b event) int { return a.at.Compare(b.at) })
	return events
}

// takeTime lets every call of Graph take a while, and shows those for objects to who waits for
// one.
func (h *history) takeTime(random *rand.Rand) func(context.Context, graphtest.Call) {
	takes := map[graphtest.Op]int{graphtest.OpPage: 260, graphtest.OpItem: 45, graphtest.OpCreate: 700, graphtest.OpUpdate: 500, graphtest.OpResolve: 180}
	return func(_ context.Context, c graphtest.Call) {
		ms := takes[c.Op]
		h.clock.advance(time.Duration(ms/2+random.IntN(ms+1)) * time.Millisecond)
		if h.onItem != nil && c.Op == graphtest.OpItem {
			h.failed = errors.Join(h.failed, h.onItem(c))
		}
	}
}

// play lets everything happen in its order: events, slots, and runs when they are due.
func (h *history) play(ctx context.Context, events []event) error {
	for {
		due, job := h.queue.earliest()
		slot, err := h.nextSlot(ctx)
		if err != nil {
			return err
		}
		switch {
		case job && !due.After(h.clock.Now()):
			err = h.work(ctx)
		case len(events) > 0 && !after(events[0].at, slot) && !(job && due.Before(events[0].at)):
			err = h.happen(ctx, events[0])
			events = events[1:]
		case !slot.IsZero() && !slot.After(h.end) && !(job && due.Before(slot)):
			h.clock.reach(slot)
			_, err = h.dispatcher.Tick(ctx)
		case job && !due.After(h.end):
			h.clock.reach(due)
		default:
			return h.failed
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
	}
}

// after tells whether at is after a slot, if there is one.
func after(at, slot time.Time) bool { return !slot.IsZero() && at.After(slot) }

// nextSlot is when the dispatcher finds something to do; zero for never, as while the server is
// off.
func (h *history) nextSlot(ctx context.Context) (time.Time, error) {
	if h.off {
		return time.Time{}, nil
	}
	schedules, err := h.db.EnabledSchedules(ctx, "", 100)
	var next time.Time
	for _, s := range schedules {
		if slices.Contains(h.tenants, s.TenantID) && !s.NextRunAt.IsZero() && (next.IsZero() || s.NextRunAt.Before(next)) {
			next = s.NextRunAt
		}
	}
	return next, err
}

// work does one job, which took a moment to be brought.
func (h *history) work(ctx context.Context) error {
	job, ok := h.queue.take()
	if !ok {
		return nil
	}
	h.clock.advance(400 * time.Millisecond)
	return h.runner.Handle(ctx, job)
}

// happen lets one event happen. What people do not do in a tenant that is left alone, policies
// do all the same.
func (h *history) happen(ctx context.Context, e event) error {
	h.clock.reach(e.at)
	var err error
	if e.edit != nil {
		err = e.edit(h.edits.of(e.tenant))
	}
	switch {
	case err != nil || e.do == nil:
	case e.tenant == "" || slices.Contains(h.tenants, e.tenant):
		err = e.do(ctx, h)
	case e.left != nil:
		err = e.left(h.edits.of(e.tenant))
	}
	if err != nil {
		return fmt.Errorf("the history of %s at %s: %w", cmp.Or(e.tenant, "all"), e.at.Format(time.RFC3339), err)
	}
	return nil
}

// withoutSchedules are the demo tenants that never had a schedule.
func (a *app) withoutSchedules(ctx context.Context) (empty []graph.TenantID, err error) {
	for _, tenant := range product.TenantIDs() {
		log, err := a.db.ListAudit(ctx, tenant, runs.AuditFilter{Actions: []string{"schedule.created"}}, runs.Slice{Limit: 1})
		if err != nil {
			return nil, err
		}
		if len(log) == 0 {
			empty = append(empty, tenant)
		}
	}
	return empty, nil
}
