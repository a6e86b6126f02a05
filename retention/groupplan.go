package retention

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// Pause says why an automatic apply stops.
type Pause string

// The pauses.
const (
	NotPaused    Pause = ""
	PausedHalf   Pause = "more_than_half" // a person may confirm it, see [Retention.Apply]
	PausedShrunk Pause = "set_shrunk"     // goes on with the next set that did not shrink again
)

// PlannedSet is a set and what becomes of it.
type PlannedSet struct {
	Set backupset.BackupSet
	Decision

	counted bool
}

// GroupPlan is what a KeepLast means for the sets of one schedule at one moment.
type GroupPlan struct {
	ScheduleID runs.ID
	KeepLast   int
	Deleting   bool         // the plan of deleting the schedule: it keeps every set
	Sets       []PlannedSet // not deleted ones, oldest first; their Types may be missing
	Kept       int
	Dropped    int

	// Paused says why the engine would not do it by itself. The decisions are those that
	// the policy asks for once the pause is over.
	Paused Pause

	// Token stands for exactly these drops: it changes when any other set would go. Empty
	// when none would.
	Token string

	// NeedsConfirmation tells that a change to this plan must bring Token.
	NeedsConfirmation bool

	counted, countedDropped int // of the class that the half is taken of
	class                   backupset.Status
}

// drops returns the ids of the sets that the plan drops, oldest first.
func (p *GroupPlan) drops() []runs.ID {
	ids := make([]runs.ID, 0, p.Dropped)
	for _, s := range p.Sets {
		if !s.Keep {
			ids = append(ids, s.Set.ID)
		}
	}
	return ids
}

// planGroup plans the sets of one schedule. only, when not nil, names the sets that may be
// dropped at most.
func (r *Retention) planGroup(tenant graph.TenantID, schedule runs.ID, keepLast int, deleting bool,
	sets []backupset.BackupSet, at time.Time, only map[runs.ID]bool) GroupPlan {
	policy := Policy{KeepLast: keepLast, MinAge: r.cfg.MinAge}
	if deleting {
		policy = Policy{}
	}
	g := &group{sets: sets, now: at, members: make([]int, len(sets))}
	for i := range sets {
		g.members[i] = i
	}
	g.sort()
	decisions := make([]Decision, len(sets))
	g.decide(policy, decisions)

	p := GroupPlan{ScheduleID: schedule, KeepLast: keepLast, Deleting: deleting, Sets: make([]PlannedSet, 0, len(sets))}
	for _, i := range slices.Backward(g.members) { // oldest first
		d := decisions[i]
		switch {
		case deleting && d.Reason == ReasonNoPolicy:
			d.Reason = ReasonScheduleDeleted
		case !d.Keep && only != nil && !only[d.SetID]:
			d.Keep, d.Reason = true, ReasonNotPlanned
		}
		p.Sets = append(p.Sets, PlannedSet{Set: sets[i], Decision: d, counted: uncounted(&sets[i], at) == ""})
		if d.Keep {
			p.Kept++
		} else {
			p.Dropped++
		}
	}
	p.countHalf()
	switch {
	case !policy.keepsAll() && g.shrunk():
		p.Paused = PausedShrunk
	case p.countedDropped > p.counted-p.countedDropped:
		p.Paused = PausedHalf
	}
	if p.Dropped > 0 {
		p.Token = planToken(tenant, schedule, keepLast, deleting, p.drops())
		p.NeedsConfirmation = true
	}
	return p
}

// countHalf counts what "more than half of a group" is taken of: the complete sets, or the
// partial ones where no complete set counts. Taken of both, the stop would be for ever on
// ordinary operation: with KeepLast 1, a partial backup between two complete ones makes
// three sets of which two must go.
func (p *GroupPlan) countHalf() {
	for _, class := range []backupset.Status{backupset.Complete, backupset.Partial} {
		p.class, p.counted, p.countedDropped = class, 0, 0
		for i := range p.Sets {
			s := &p.Sets[i]
			if s.Set.Status != class || !s.counted {
				continue
			}
			p.counted++
			if !s.Keep {
				p.countedDropped++
			}
		}
		if p.counted > 0 {
			return
		}
	}
}

// planToken is a digest over what a plan would do. Every field is written with its length,
// so that no two plans are written alike.
func planToken(tenant graph.TenantID, schedule runs.ID, keepLast int, deleting bool, drop []runs.ID) string {
	sorted := slices.Clone(drop)
	slices.Sort(sorted)
	h := sha256.New()
	field := func(s string) { fmt.Fprintf(h, "%d:%s,", len(s), s) }
	field("tenantbackup retention plan 1")
	field(string(tenant))
	field(string(schedule))
	field(strconv.Itoa(keepLast))
	field(strconv.FormatBool(deleting))
	for _, id := range sorted {
		field(string(id))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Proposal is a change of a schedule whose plan a person wants to see.
type Proposal struct {
	KeepLast int  // 0 means the schedule's own
	Delete   bool // delete the schedule; KeepLast has no meaning then
}

// Preview shows what a change of the schedule would drop now, and the token that confirms
// it. The zero Proposal shows what the schedule's own KeepLast drops, for [Retention.Apply].
// It needs [runs.ActionLook], since it changes nothing. A schedule that is deleted is
// [runs.ErrDeleted].
func (r *Retention) Preview(ctx context.Context, tenant graph.TenantID, actor runs.Actor, schedule runs.ID, want Proposal) (GroupPlan, error) {
	if err := r.guard.Allow(ctx, tenant, actor, runs.ActionLook, scheduleTarget(schedule)); err != nil {
		return GroupPlan{}, err
	}
	return r.present(ctx, tenant, schedule, want)
}

// present plans the proposal against the present sets.
func (r *Retention) present(ctx context.Context, tenant graph.TenantID, id runs.ID, want Proposal) (GroupPlan, error) {
	s, err := r.schedule(ctx, tenant, id)
	if err != nil {
		return GroupPlan{}, err
	}
	switch {
	case want.Delete, want.KeepLast == 0:
		want.KeepLast = s.RetentionKeepLast
	case want.KeepLast < 0:
		return GroupPlan{}, keepLastError()
	}
	sets, err := r.store.ListGroup(ctx, tenant, id)
	if err != nil {
		return GroupPlan{}, fmt.Errorf("retention: listing the sets of a schedule: %w", err)
	}
	return r.planGroup(tenant, id, want.KeepLast, want.Delete, sets, r.now(), nil), nil
}

func keepLastError() error {
	return runs.Invalid("retention_keep_last", codeKeepLastRange, "must be at least 1")
}

func scheduleTarget(id runs.ID) runs.Target { return runs.Target{Type: "schedule", ID: id} }
