package retention_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

func asInvalid(err error, target **runs.InvalidError) bool { return errors.As(err, target) }

// drawSets draws sets of two schedules and manual ones, in any order. Few days, so that
// slots coincide. steady gives all of them the same number of items, so that no group is
// paused for having shrunk.
func drawSets(t *rapid.T, steady bool) []backupset.BackupSet {
	list := make([]backupset.BackupSet, rapid.IntRange(0, 24).Draw(t, "sets"))
	for i := range list {
		s := backupset.BackupSet{
			ID: runs.ID(fmt.Sprintf("set-%02d", i)), TenantID: tenant, ItemsCount: 100,
			ScheduleID: rapid.SampledFrom([]runs.ID{"A", "A", "A", "B", ""}).Draw(t, "schedule"),
			Status: rapid.SampledFrom([]backupset.Status{
				backupset.Complete, backupset.Complete, backupset.Complete, backupset.Partial, backupset.Partial, backupset.Building,
			}).Draw(t, "status"),
			ScheduledFor: dayAt(rapid.IntRange(20, 33).Draw(t, "day"), 2),
		}
		s.CreatedAt = s.ScheduledFor
		if !steady {
			s.ItemsCount = rapid.SampledFrom([]int{0, 1, 2, 49, 50, 99, 100}).Draw(t, "items")
		}
		switch rapid.IntRange(0, 9).Draw(t, "special") {
		case 0:
			s.Holds = []backupset.Hold{{Name: "audit"}}
		case 1:
			s.InUse = true
		case 2:
			s.DeletedAt = planNow
		case 3:
			s.CreatedAt = dayAt(rapid.IntRange(30, 33).Draw(t, "created"), 2)
		case 4:
			s.ScheduledFor, s.CreatedAt = dayAt(rapid.IntRange(32, 33).Draw(t, "ahead"), 2), dayAt(25, 2)
		}
		list[i] = s
	}
	return list
}

func drawPolicy(t *rapid.T) retention.Policy {
	return retention.Policy{
		KeepLast: rapid.SampledFrom([]int{0, 1, 1, 2, 3, 5, math.MaxInt}).Draw(t, "keep"),
		MinAge:   rapid.SampledFrom([]time.Duration{0, time.Hour, 48 * time.Hour, math.MaxInt64}).Draw(t, "min_age"),
	}
}

func future(s backupset.BackupSet) bool {
	return s.ScheduledFor.After(planNow) || s.CreatedAt.After(planNow)
}

// counted is what rules R1, R4 and R5 leave of a group.
func counted(s backupset.BackupSet) bool {
	return s.ScheduleID != "" && !s.Deleted() && s.Status != backupset.Building && !future(s) && len(s.Holds) == 0
}

func newer(a, b backupset.BackupSet) bool {
	if a.ScheduledFor.Equal(b.ScheduledFor) {
		return a.ID > b.ID
	}
	return a.ScheduledFor.After(b.ScheduledFor)
}

// kept returns what Plan keeps, by id.
func kept(list []backupset.BackupSet, p retention.Policy) map[runs.ID]bool {
	keep := map[runs.ID]bool{}
	for _, d := range retention.Plan(list, p, planNow) {
		keep[d.SetID] = d.Keep
	}
	return keep
}

// without returns the sets for which leave is false.
func without(list []backupset.BackupSet, leave func(backupset.BackupSet) bool) []backupset.BackupSet {
	return slices.DeleteFunc(slices.Clone(list), leave)
}

func TestR1AGroupIsOneScheduleAndNothingElseIsCountedOrTouched(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list, p := drawSets(t, true), drawPolicy(t)
		all := kept(list, p)
		for _, s := range list {
			if (s.ScheduleID == "" || len(s.Holds) > 0) && !all[s.ID] {
				t.Errorf("%s is manual or held and goes", s.ID)
			}
		}
		for _, schedule := range []runs.ID{"A", "B"} {
			alone := without(list, func(s backupset.BackupSet) bool { return s.ScheduleID != schedule || len(s.Holds) > 0 })
			for id, keep := range kept(alone, p) {
				if all[id] != keep {
					t.Errorf("%s: kept %v among others and held ones, %v without them", id, all[id], keep)
				}
			}
		}
		renamed := slices.Clone(list)
		for i := range renamed {
			renamed[i].Name = "the same name"
		}
		if diff := cmp.Diff(all, kept(renamed, p)); diff != "" {
			t.Errorf("a name changed the plan:\n%s", diff)
		}
	})
}

func TestR2TheNewestCompleteOnesStayAndPartialOnesAreCountedApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := drawSets(t, true)
		n := rapid.IntRange(1, 5).Draw(t, "keep")
		keep := kept(list, retention.Policy{KeepLast: n})
		for _, s := range list {
			if !counted(s) || s.InUse {
				continue
			}
			complete, partial := 0, 0 // that are newer
			for _, o := range list {
				if o.ScheduleID == s.ScheduleID && counted(o) && newer(o, s) {
					if o.Status == backupset.Complete {
						complete++
					} else {
						partial++
					}
				}
			}
			want := complete < n && (s.Status == backupset.Complete || partial < n)
			if keep[s.ID] != want {
				t.Errorf("%s %s: kept %v, want %v: %d complete and %d partial ones are newer, keep %d",
					s.ID, s.Status, keep[s.ID], want, complete, partial, n)
			}
		}
	})
}

func TestR3NoPlanLeavesAGroupWithoutACompleteSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := drawSets(t, false)
		p := drawPolicy(t)
		p.KeepLast += rapid.SampledFrom([]int{0, 0, -7}).Draw(t, "wrong")
		keep := kept(list, p)
		before, after := map[runs.ID]int{}, map[runs.ID]int{}
		for _, s := range list {
			if s.Status == backupset.Complete && !s.Deleted() {
				before[s.ScheduleID]++
				if keep[s.ID] {
					after[s.ScheduleID]++
				}
			}
		}
		for schedule := range before {
			if after[schedule] == 0 {
				t.Errorf("schedule %q had %d complete sets and keeps none", schedule, before[schedule])
			}
		}
	})
}

func TestR4TheOrderIsBySlotAndIDAndTheFutureDoesNotCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list, p := drawSets(t, true), drawPolicy(t)
		all := kept(list, p)
		if diff := cmp.Diff(all, kept(rapid.Permutation(list).Draw(t, "order"), p)); diff != "" {
			t.Errorf("the order of the sets changed the plan:\n%s", diff)
		}
		for _, s := range list {
			if future(s) && !all[s.ID] {
				t.Errorf("%s is dated in the future and goes", s.ID)
			}
		}
		for id, keep := range kept(without(list, future), p) {
			if all[id] != keep {
				t.Errorf("%s: kept %v with future sets, %v without", id, all[id], keep)
			}
		}
	})
}

func TestR5HeldYoungUsedAndBuildingSetsStay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list, p := drawSets(t, true), drawPolicy(t)
		keep := kept(list, p)
		for _, s := range list {
			young := planNow.Sub(s.CreatedAt) < p.MinAge
			if (len(s.Holds) > 0 || young || s.InUse || s.Status == backupset.Building) && !keep[s.ID] {
				t.Errorf("%s goes: holds %d, young %v, in use %v, %s", s.ID, len(s.Holds), young, s.InUse, s.Status)
			}
		}
	})
}

func TestR6PlanIsPureAndGivesAReasonForEverySet(t *testing.T) {
	dropping := map[string]bool{retention.ReasonBeyond: true, retention.ReasonPartialStale: true}
	rapid.Check(t, func(t *rapid.T) {
		list, p := drawSets(t, false), drawPolicy(t)
		before := slices.Clone(list)
		first := retention.Plan(list, p, planNow)
		if diff := cmp.Diff(before, list); diff != "" {
			t.Errorf("Plan changed its input:\n%s", diff)
		}
		if diff := cmp.Diff(first, retention.Plan(list, p, planNow)); diff != "" {
			t.Errorf("the same question has two answers:\n%s", diff)
		}
		for i, d := range first {
			if d.SetID != list[i].ID {
				t.Errorf("decision %d is about %s, want %s", i, d.SetID, list[i].ID)
			}
			if d.Reason == "" || dropping[d.Reason] == d.Keep {
				t.Errorf("%s: keep %v for the reason %q", d.SetID, d.Keep, d.Reason)
			}
		}
	})
}

func TestR10ASecondPlanAfterTheFirstDropsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list, p := drawSets(t, false), drawPolicy(t)
		keep := kept(list, p)
		rest := without(list, func(s backupset.BackupSet) bool { return !keep[s.ID] })
		for id, k := range kept(rest, p) {
			if !k {
				t.Errorf("%s goes at the second time", id)
			}
		}
	})
}

func TestR12AGroupWhoseNewestSetShrankLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list, p := drawSets(t, false), drawPolicy(t)
		p.KeepLast = max(p.KeepLast, 1)
		decisions := retention.Plan(list, p, planNow)
		for _, schedule := range []runs.ID{"A", "B"} {
			group := without(list, func(s backupset.BackupSet) bool {
				return s.ScheduleID != schedule || s.Deleted() || s.Status == backupset.Building || future(s)
			})
			slices.SortFunc(group, func(a, b backupset.BackupSet) int {
				if newer(a, b) {
					return -1
				}
				return 1
			})
			shrunk := len(group) > 1 && 2*group[0].ItemsCount < group[1].ItemsCount
			for i, d := range decisions {
				if list[i].ScheduleID != schedule || !counted(list[i]) {
					continue
				}
				if said := d.Reason == retention.ReasonShrunk; said != shrunk || shrunk && !d.Keep {
					t.Errorf("%s: shrunk %v, decided keep %v for %s", d.SetID, shrunk, d.Keep, d.Reason)
				}
			}
		}
	})
}
