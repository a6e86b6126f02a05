package backupsched

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
)

// Observer is told what a [Dispatcher] does. The rules of [runs.Observer] hold here too:
// fields may be nil, functions return at once, and a panic is logged.
type Observer struct {
	// Tick is called when a tick begins. The tick gets the returned context, which derives
	// from ctx; nil means ctx. The returned function, unless nil, is called once when the
	// tick is over.
	Tick func(ctx context.Context, t TickStart) (context.Context, func(TickEnd))
}

// TickStart is a tick that begins.
type TickStart struct {
	At time.Time // the time that the tick judges by
}

// TickEnd is what a tick did.
type TickEnd struct {
	Report Report
	Lags   []Lag // of the slots that became queued runs
	Failed bool  // it did not get to its end; what Report counts is stored
}

// Lag is how late slots were dispatched.
type Lag struct {
	Slots int           // how many had this lag
	Lag   time.Duration // from the slot until its run was stored
}

// slot notes what was planned for a schedule; a later plan of the same chunk replaces it.
func (p *planStats) slot(id runs.ID, at time.Time) {
	if !p.watched {
		return
	}
	if p.slots == nil {
		p.slots = map[runs.ID]time.Time{}
	}
	p.slots[id] = at
}

// lags sums up the chunk's slots, the latest first, at the moment when their runs are stored.
func (p *planStats) lags(stored time.Time) (list []Lag) {
	counts := map[time.Duration]int{}
	for _, at := range p.slots {
		counts[max(0, stored.Sub(at))]++
	}
	for lag, n := range counts {
		list = append(list, Lag{Slots: n, Lag: lag})
	}
	slices.SortFunc(list, func(a, b Lag) int { return cmp.Compare(b.Lag, a.Lag) })
	return list
}
