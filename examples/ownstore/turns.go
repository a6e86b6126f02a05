package main

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// room is what the tenant's other runs leave to one that is queued, and what became of those of
// its batch.
func (m *Memory) room(r runs.Run, now time.Time) (room runs.Room) {
	if r.BatchID != "" {
		room.Batch = map[runs.Status]int{}
		for _, o := range m.runs.where(r.TenantID, func(o runs.Run) bool { return o.BatchID == r.BatchID && o.ID != r.ID }) {
			room.Batch[o.Status]++
		}
	}
	if r.Status != runs.StatusQueued {
		return room
	}
	room.Busy = len(m.siblings(r, func(o runs.Run) bool { return o.Status == runs.StatusRunning || o.Attempt >= 1 })) > 0
	if r.Kind.UsesGraph() {
		room.Lanes, room.Ahead = m.lanes(r.TenantID), m.ahead(r, now)
	}
	return room
}

// siblings are the other active runs of the run's schedule that pass.
func (m *Memory) siblings(r runs.Run, pass func(runs.Run) bool) []runs.Run {
	return m.runs.where(r.TenantID, func(o runs.Run) bool {
		return o.ScheduleID != "" && o.ScheduleID == r.ScheduleID && o.ID != r.ID && o.Status.Active() && pass(o)
	})
}

// runsBeside tells whether another run of the run's schedule is running.
func (m *Memory) runsBeside(r runs.Run) bool {
	return len(m.siblings(r, func(o runs.Run) bool { return o.Status == runs.StatusRunning })) > 0
}

// laneHeld tells whether another run of the tenant holds the lane.
func (m *Memory) laneHeld(r runs.Run, lane int) bool {
	return lane > 0 && len(m.runs.where(r.TenantID, func(o runs.Run) bool {
		return o.Status == runs.StatusRunning && o.Lane == lane && o.ID != r.ID
	})) > 0
}

// lanes are those that the tenant's running runs hold.
func (m *Memory) lanes(tenant graph.TenantID) (held []int) {
	for _, r := range m.runs.where(tenant, func(r runs.Run) bool { return r.Status == runs.StatusRunning && r.Lane > 0 }) {
		held = append(held, r.Lane)
	}
	slices.Sort(held)
	return held
}

// waits tells whether a run needs nothing but a lane.
func waits(r runs.Run, now time.Time) bool {
	return r.Status == runs.StatusQueued && r.Kind.UsesGraph() && !r.NotBefore.After(now)
}

// byTurn orders runs that wait: somebody who looks on comes first, then who came first.
func byTurn(a, b runs.Run) int {
	class := func(r runs.Run) int {
		if r.Trigger.Interactive() {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(class(a), class(b)), a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
}

// ahead counts the runs that wait and come before this one.
func (m *Memory) ahead(r runs.Run, now time.Time) int {
	return len(m.runs.where(r.TenantID, func(o runs.Run) bool { return waits(o, now) && byTurn(o, r) < 0 }))
}

// hasTurn tells whether a run that waits would get one of so many lanes.
func (m *Memory) hasTurn(r runs.Run, now time.Time, lanes int) bool {
	return len(m.lanes(r.TenantID))+m.ahead(r, now) < lanes
}

// WaitingRuns implements [runs.RunStore].
func (m *Memory) WaitingRuns(ctx context.Context, tenant graph.TenantID, lanes int) ([]runs.Run, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	now := m.now()
	list := m.runs.where(tenant, func(r runs.Run) bool { return waits(r, now) && m.hasTurn(r, now, lanes) })
	slices.SortFunc(list, byTurn)
	return list, nil
}
