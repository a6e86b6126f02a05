package retention

import (
	"cmp"
	"slices"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// Plan decides for every set whether it stays, and why. It is pure: it changes neither
// sets nor anything else, and the same sets, in any order and mixed from any number of
// schedules, get the same decisions. The decisions come in the order of the sets.
//
// A group is the sets of one schedule, ordered by (ScheduledFor, ID). Sets that are
// manual, building, deleted, held or dated in the future are kept and not counted: a set
// that is held does not take the place of another one, so releasing it brings the group
// back to what it would have been. Of the others
//
//   - the newest KeepLast complete ones stay;
//   - of the partial ones, at most the newest KeepLast that are newer than the
//     KeepLast-th complete one stay. While there are fewer complete ones than that, every
//     partial one counts as newer; so partial sets never push a complete one out, and a
//     schedule that only ever makes partial ones does not grow for ever;
//   - what is in use or younger than MinAge stays, wherever it stands in the order.
//
// When the newest set of a group, complete or partial, has less than half the items of
// the one before, all that was counted stays with [ReasonShrunk]: good old backups are not
// given up for new ones that lost something. A policy that is empty or invalid keeps
// everything.
func Plan(sets []backupset.BackupSet, p Policy, now time.Time) []Decision {
	type key struct {
		tenant   graph.TenantID
		schedule runs.ID
	}
	groups := map[key]*group{}
	decisions := make([]Decision, len(sets))
	for i, s := range sets {
		if s.ScheduleID == "" {
			decisions[i] = Decision{SetID: s.ID, Keep: true, Reason: ReasonManual}
			continue
		}
		k := key{s.TenantID, s.ScheduleID}
		if groups[k] == nil {
			groups[k] = &group{sets: sets, now: now}
		}
		groups[k].members = append(groups[k].members, i)
	}
	for _, g := range groups {
		g.sort()
		g.decide(p, decisions)
		if !p.keepsAll() && g.shrunk() {
			g.pause(decisions)
		}
	}
	return decisions
}

// group is the sets of one schedule: members are indexes into sets, newest first once sorted.
type group struct {
	sets    []backupset.BackupSet
	members []int
	now     time.Time
}

func (g *group) sort() {
	slices.SortStableFunc(g.members, func(a, b int) int { return byOrder(&g.sets[b], &g.sets[a]) })
}

// byOrder compares sets by the order of their group.
func byOrder(a, b *backupset.BackupSet) int {
	return cmp.Or(a.ScheduledFor.Compare(b.ScheduledFor), cmp.Compare(a.ID, b.ID))
}

// decide fills in the decisions of the group's sets.
func (g *group) decide(p Policy, decisions []Decision) {
	complete, partial := 0, 0 // counted so far, from the newest on
	hasComplete := g.hasComplete()
	for _, i := range g.members {
		s := &g.sets[i]
		keep, reason := true, uncounted(s, g.now)
		switch {
		case reason != "":
		case p.keepsAll():
			reason = ReasonNoPolicy
		default:
			// Fewer than KeepLast complete ones are newer: the set is itself one of the
			// newest KeepLast, or a partial one newer than the KeepLast-th.
			recent := complete < p.KeepLast
			if s.Status == backupset.Complete {
				keep, reason = recent, ReasonLast
				complete++
			} else {
				keep, reason = recent && partial < p.KeepLast, ReasonPartial
				partial++
				if !hasComplete {
					reason = ReasonNoComplete
				}
			}
			if !keep {
				keep, reason = lateMercy(s, p, g.now)
			}
		}
		decisions[i] = Decision{SetID: s.ID, Keep: keep, Reason: reason}
	}
}

// lateMercy decides about a counted set that its place in the order does not keep.
func lateMercy(s *backupset.BackupSet, p Policy, now time.Time) (keep bool, reason string) {
	switch {
	case s.InUse:
		return true, ReasonInUse
	case now.Sub(s.CreatedAt) < p.MinAge:
		return true, ReasonYoung
	case s.Status == backupset.Complete:
		return false, ReasonBeyond
	}
	return false, ReasonPartialStale
}

// uncounted says why a schedule's set is kept without being counted, "" when it counts.
func uncounted(s *backupset.BackupSet, now time.Time) string {
	switch {
	case s.Deleted():
		return ReasonDeleted
	case s.Status == backupset.Building:
		return ReasonBuilding
	case s.Status != backupset.Complete && s.Status != backupset.Partial:
		return ReasonUnknownStatus
	case s.ScheduledFor.After(now) || s.CreatedAt.After(now):
		return ReasonFuture
	case len(s.Holds) > 0:
		return ReasonHeld
	}
	return ""
}

// hasComplete tells whether any set that is not deleted is complete, counted or not.
func (g *group) hasComplete() bool {
	return slices.ContainsFunc(g.members, func(i int) bool {
		return g.sets[i].Status == backupset.Complete && !g.sets[i].Deleted()
	})
}

// shrunk tells whether the newest set has less than half the items of the one before.
// Held sets are looked at as well: a hold says nothing about how much was captured.
func (g *group) shrunk() bool {
	newest := -1
	for _, i := range g.members {
		if r := uncounted(&g.sets[i], g.now); r != "" && r != ReasonHeld {
			continue
		}
		if newest < 0 {
			newest = i
			continue
		}
		items, before := g.sets[newest].ItemsCount, g.sets[i].ItemsCount
		return items < before-items // 2*items < before, without overflow
	}
	return false
}

// pause keeps everything that was counted.
func (g *group) pause(decisions []Decision) {
	for _, i := range g.members {
		if uncounted(&g.sets[i], g.now) == "" {
			decisions[i].Keep, decisions[i].Reason = true, ReasonShrunk
		}
	}
}
