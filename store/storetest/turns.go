package storetest

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

func turnPromises() []promise {
	return []promise{
		{"a queued run is told the lanes that running runs of its tenant hold", lanesAreTold},
		{"a queued run is told how many wait before it", aheadIsTold},
		{"a run that is not due is ahead of nobody", notDueIsNotAhead},
		{"a run that needs no lane, or has left the queue, is told of none", noLanesForOthers},
		{"two runs of a tenant never hold one lane", laneIsHeldOnce},
		{"claims at once of one lane let one through", claimsOfALaneAtOnce},
		{"the runs whose turn it is are as many as lanes are free, in the order of turns", waitingRunsInOrder},
		{"only runs that wait for a lane have a turn", onlyWaitingRuns},
		{"a run that is put off has its turn when it is due", turnWhenDue},
		{"stranded runs leave out those that wait for their turn", strandedLeaveOutWaiting},
		{"stranded runs that have no turn to wait for stay", strandedWithoutTurns},
		{"turns of one tenant are nothing to another", turnsAreOfOneTenant},
	}
}

// room returns what a change of the run is told.
func (f *fixture) room(r runs.Run) (room runs.Room) {
	f.Helper()
	_, err := f.store.ChangeRun(f.ctx, r.TenantID, r.ID, func(_ time.Time, _ runs.Run, told runs.Room) (runs.Change, error) {
		room = told
		return runs.Change{}, errRefused
	})
	f.wants("looking at the room", err, errRefused)
	return room
}

// inLane makes a stored run running in a lane.
func (f *fixture) inLane(r runs.Run, lane int) runs.Run {
	f.Helper()
	return f.change(r, func(now time.Time, r *runs.Run) {
		claimed(now, r)
		r.Lane = lane
	})
}

// queued stores a run of a trigger that was created so many minutes after the start.
func (f *fixture) queued(tenant graph.TenantID, trigger runs.Trigger, minutes int) runs.Run {
	f.Helper()
	r := f.newRun(tenant)
	r.Trigger, r.CreatedAt = trigger, start.Add(time.Duration(minutes)*time.Minute)
	return f.start(r)
}

// local stores a queued run that does not use Graph.
func (f *fixture) local(tenant graph.TenantID) runs.Run {
	f.Helper()
	r := f.newRun(tenant)
	r.Kind = runs.KindRetentionApply
	return f.start(r)
}

// putOff makes a queued run due so long after now, on the store's clock.
func (f *fixture) putOff(r runs.Run, d time.Duration) runs.Run {
	f.Helper()
	return f.change(r, func(now time.Time, r *runs.Run) { r.NotBefore = now.Add(d) })
}

// line stores runs of every trigger and returns them in the order of their turns, which is
// neither that of their ids nor that of their creation.
func (f *fixture) line(tenant graph.TenantID) []runs.Run {
	f.Helper()
	late := f.queued(tenant, runs.TriggerSystem, 2)
	scheduled := f.queued(tenant, runs.TriggerSchedule, 1)
	retry := f.queued(tenant, runs.TriggerRetry, 5)
	same1, same2 := f.queued(tenant, runs.TriggerManual, 4), f.queued(tenant, runs.TriggerManual, 4)
	manual := f.queued(tenant, runs.TriggerManual, 3)
	return []runs.Run{manual, same1, same2, retry, scheduled, late}
}

func idsOf(list []runs.Run) (ids []runs.ID) {
	for _, r := range list {
		ids = append(ids, r.ID)
	}
	return ids
}

// turns returns the ids of those whose turn it is.
func (f *fixture) turns(tenant graph.TenantID, lanes int) []runs.ID {
	f.Helper()
	return idsOf(must(f.store.WaitingRuns(f.ctx, tenant, lanes))(f))
}

func lanesAreTold(t *testing.T, f *fixture) {
	r := f.queued(contoso, runs.TriggerManual, 0)
	f.running(contoso) // without a lane
	same(t, "before anybody holds a lane", f.room(r), runs.Room{})
	third := f.inLane(f.queued(contoso, runs.TriggerManual, 1), 3)
	f.inLane(f.queued(contoso, runs.TriggerManual, 1), 1)
	f.inLane(f.queued(contoso, runs.TriggerManual, 1), 62)
	same(t, "with lanes held", f.room(r), runs.Room{Lanes: []int{1, 3, 62}})
	f.change(third, func(_ time.Time, r *runs.Run) { r.Lane = 2 })
	same(t, "after one took another lane", f.room(r), runs.Room{Lanes: []int{1, 2, 62}})
	f.finish(third, runs.StatusSuccess, start)
	same(t, "after one has ended, whatever its lane says", f.room(r), runs.Room{Lanes: []int{1, 62}})
}

func aheadIsTold(t *testing.T, f *fixture) {
	line := f.line(contoso)
	f.local(contoso)
	f.running(contoso)
	f.finish(f.queued(contoso, runs.TriggerManual, 0), runs.StatusCanceled, start)
	for i, r := range line {
		same(t, "told to number "+string(rune('1'+i)), f.room(r), runs.Room{Ahead: i})
	}
}

func notDueIsNotAhead(t *testing.T, f *fixture) {
	first, second := f.queued(contoso, runs.TriggerManual, 0), f.queued(contoso, runs.TriggerManual, 1)
	for _, step := range []struct {
		off  time.Duration
		want int
	}{{time.Hour, 0}, {-time.Hour, 1}} {
		f.putOff(first, step.off)
		same(t, "ahead when the first is put off by "+step.off.String(), f.room(second).Ahead, step.want)
	}
}

func noLanesForOthers(t *testing.T, f *fixture) {
	holder := f.inLane(f.queued(contoso, runs.TriggerManual, 0), 1)
	f.queued(contoso, runs.TriggerManual, 0)
	running := f.inLane(f.queued(contoso, runs.TriggerManual, 0), 2)
	local := f.local(contoso)
	for what, r := range map[string]runs.Run{"one that holds a lane": holder, "one that runs": running, "one that does not use Graph": local} {
		same(t, "told to "+what, f.room(r), runs.Room{})
	}
}

func laneIsHeldOnce(t *testing.T, f *fixture) {
	first, second := f.inLane(f.queued(contoso, runs.TriggerManual, 0), 1), f.queued(contoso, runs.TriggerManual, 1)
	take := func(r runs.Run) error {
		_, err := f.store.ChangeRun(f.ctx, contoso, r.ID, func(now time.Time, r runs.Run, _ runs.Room) (runs.Change, error) {
			claimed(now, &r)
			r.Lane = 1
			return runs.Change{Run: r, Trail: f.trail(contoso, "run.started")}, nil
		})
		return err
	}
	f.nothingWritten("taking a lane that is held", func() { f.wants("taking it", take(second), runs.ErrBusy) })
	f.change(first, func(now time.Time, r *runs.Run) { r.LeaseUntil = now.Add(time.Hour) }) // a heartbeat is no second run
	f.inLane(f.queued(contoso, runs.TriggerManual, 0), 2)
	f.change(first, func(now time.Time, r *runs.Run) { waiting(now, r); r.Lane = 0 })
	f.ok(take(second))
	f.nothingWritten("taking it back", func() { f.wants("taking it back", take(first), runs.ErrBusy) })
}

func claimsOfALaneAtOnce(t *testing.T, f *fixture) {
	var list []runs.Run
	for i := range crowd {
		list = append(list, f.queued(contoso, runs.TriggerManual, i))
	}
	var mu sync.Mutex
	won := 0
	atOnce(crowd, func(i int) {
		_, err := f.store.ChangeRun(f.ctx, contoso, list[i].ID, changing(func(now time.Time, r *runs.Run) {
			claimed(now, r)
			r.Lane = 1
		}))
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err == nil:
			won++
		case !errors.Is(err, runs.ErrBusy):
			t.Errorf("claim: %v", err)
		}
	})
	same(t, "claims that went through", won, 1)
	same(t, "lanes held", f.room(f.queued(contoso, runs.TriggerManual, 0)).Lanes, []int{1})
}

func waitingRunsInOrder(t *testing.T, f *fixture) {
	line := f.line(contoso)
	same(t, "all of them", must(f.store.WaitingRuns(f.ctx, contoso, 62))(t), line)
	for lanes := 1; lanes <= len(line); lanes++ {
		same(t, "as many as there are lanes", f.turns(contoso, lanes), idsOf(line[:lanes]))
	}
	f.inLane(line[0], 1)
	f.inLane(line[4], 3)
	left := slices.Concat(line[1:4], line[5:])
	same(t, "with all lanes held", f.turns(contoso, 2), nil)
	same(t, "with more held than there are now", f.turns(contoso, 1), nil)
	same(t, "with one free", f.turns(contoso, 3), idsOf(left[:1]))
	same(t, "with two free", f.turns(contoso, 4), idsOf(left[:2]))
}

func onlyWaitingRuns(t *testing.T, f *fixture) {
	f.local(contoso)
	f.running(contoso)
	f.finish(f.queued(contoso, runs.TriggerManual, 0), runs.StatusCanceled, start)
	same(t, "turns", f.turns(contoso, 9), nil)
	back := f.change(f.inLane(f.queued(contoso, runs.TriggerSystem, 0), 1), func(now time.Time, r *runs.Run) { waiting(now, r); r.Lane = 0 })
	same(t, "turns after one was given back", f.turns(contoso, 9), []runs.ID{back.ID})
}

func turnWhenDue(t *testing.T, f *fixture) {
	first, second := f.queued(contoso, runs.TriggerManual, 0), f.queued(contoso, runs.TriggerManual, 1)
	f.putOff(first, time.Hour)
	same(t, "while the first is put off", f.turns(contoso, 1), []runs.ID{second.ID})
	f.putOff(first, -time.Hour)
	same(t, "once it is due", f.turns(contoso, 1), []runs.ID{first.ID})
}

// strandedInLine returns the ids of all stranded runs when tenants have so many lanes, read
// in pages of two.
func (f *fixture) strandedInLine(lanes int) (ids []runs.ID) {
	f.Helper()
	q := runs.Stranded{QueuedBefore: start.Add(time.Hour), Lanes: lanes, Limit: 2}
	for {
		page := must(f.store.StrandedRuns(f.ctx, q))(f)
		if len(page) == 0 {
			return ids
		}
		if len(page) > q.Limit {
			f.Fatalf("a page of %d has %d runs", q.Limit, len(page))
		}
		ids = append(ids, idsOf(page)...)
		q.After = ids[len(ids)-1]
	}
}

func sortedIDs(ids ...runs.ID) []runs.ID { return slices.Sorted(slices.Values(ids)) }

func strandedLeaveOutWaiting(t *testing.T, f *fixture) {
	line, other := f.line(contoso), f.line(fabrikam)
	f.inLane(other[2], 1)
	other = slices.Delete(other, 2, 3)
	same(t, "asked without lanes", f.strandedInLine(0), sortedIDs(idsOf(slices.Concat(line, other))...))
	same(t, "with one lane", f.strandedInLine(1), []runs.ID{line[0].ID})
	same(t, "with three", f.strandedInLine(3), sortedIDs(idsOf(slices.Concat(line[:3], other[:2]))...))
	fresh := f.change(line[0], func(_ time.Time, r *runs.Run) { r.UpdatedAt = start.Add(2 * time.Hour) })
	same(t, "while the first in line was changed lately", f.strandedInLine(1), nil)
	f.finish(fresh, runs.StatusCanceled, start)
	same(t, "once it is gone", f.strandedInLine(1), []runs.ID{line[1].ID})
}

func strandedWithoutTurns(t *testing.T, f *fixture) {
	over := f.leased(f.queued(contoso, runs.TriggerManual, 0), -time.Second)
	held := f.change(f.queued(contoso, runs.TriggerManual, 0), func(now time.Time, r *runs.Run) {
		claimed(now, r)
		r.Lane, r.LeaseUntil = 1, now.Add(-time.Second)
	})
	f.queued(contoso, runs.TriggerManual, 0) // waits for the lane
	later := f.queued(contoso, runs.TriggerManual, 1)
	f.change(later, func(now time.Time, r *runs.Run) { r.NotBefore, r.UpdatedAt = now.Add(time.Hour), start })
	local := f.local(contoso)
	same(t, "stranded", f.strandedInLine(1), sortedIDs(over.ID, held.ID, later.ID, local.ID))
}

func turnsAreOfOneTenant(t *testing.T, f *fixture) {
	mine := f.queued(contoso, runs.TriggerSystem, 1)
	f.queued(fabrikam, runs.TriggerManual, 0)
	f.inLane(f.queued(fabrikam, runs.TriggerManual, 0), 1)
	same(t, "room", f.room(mine), runs.Room{})
	same(t, "turns", f.turns(contoso, 1), []runs.ID{mine.ID})
	f.inLane(mine, 1)
}
