package bunstore

import (
	"context"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/uptrace/bun"
)

// maxLanes is how many lanes a tenant can have: they are read as the bits of one number.
const maxLanes = 62

// room is what a tenant's other runs leave to one that is queued.
type room struct {
	runs.Room
	running bool // another backup of the schedule
}

// room looks at the tenant's other active runs for one that is queued.
func (s *Store) room(ctx context.Context, q querier, r *runRow, now time.Time) (room room, err error) {
	if r.Status != text(runs.StatusQueued) || !runs.Kind(r.Kind).UsesGraph() {
		return room, nil
	}
	schedule := uid("") // equal to nothing
	if r.Kind == text(runs.KindBackup) {
		schedule = r.ScheduleID
	}
	rows, err := q.QueryContext(ctx, s.sql(`SELECT
			count(CASE WHEN t.schedule_id = ? AND t.kind = 'backup' AND t.status = 'running' THEN 1 END),
			count(CASE WHEN t.schedule_id = ? AND t.kind = 'backup' AND t.status = 'queued' AND t.attempt > 0 THEN 1 END),
			CAST(coalesce(sum(CASE WHEN t.lane > 0 THEN CAST(1 AS bigint) << CAST(t.lane - 1 AS int) END), 0) AS bigint),
			count(CASE WHEN `+waits+` AND `+before+` THEN 1 END)
		FROM {runs} AS t `+s.dialect.using("runs_key")+`WHERE t.tenant_id = ? AND t.status IN ('queued', 'running') AND t.id <> ?`),
		schedule, schedule, localKinds(), tsOf(now), turnOf(r), r.CreatedAt, r.ID, r.TenantID, r.ID)
	if err != nil {
		return room, err
	}
	defer rows.Close()
	var running, waiting int
	var taken int64
	for rows.Next() {
		if err := rows.Scan(&running, &waiting, &taken, &room.Ahead); err != nil {
			return room, err
		}
	}
	room.running, room.Busy = running > 0, running > 0 || waiting > 0
	for left := uint64(taken); left != 0; left &= left - 1 {
		room.Lanes = append(room.Lanes, bits.TrailingZeros64(left)+1)
	}
	return room, rows.Err()
}

// The order of turns. Interactive triggers come first.
const (
	waits  = `t.status = 'queued' AND t.kind NOT IN (?) AND (t.not_before IS NULL OR t.not_before <= ?)`
	turn   = `CASE WHEN t."trigger" IN ('manual', 'retry') THEN 0 ELSE 1 END`
	before = `(` + turn + `, t.created_at, t.id) < (?, ?, ?)`
)

// turnOf is the first part of a run's place in the order of turns.
func turnOf(r *runRow) int {
	if runs.Trigger(r.Trigger).Interactive() {
		return 0
	}
	return 1
}

func localKinds() any { return bun.List(runs.LocalKinds()) }

// WaitingRuns implements [runs.RunStore].
func (s *Store) WaitingRuns(ctx context.Context, tenant graph.TenantID, lanes int) (list []runs.Run, err error) {
	if lanes < 1 || lanes > maxLanes {
		return nil, runs.Invalid("lanes", "lanes_range", fmt.Sprintf("must be between 1 and %d", maxLanes))
	}
	err = s.look(ctx, tenant, func(q querier) error {
		rows, err := find[runRow](ctx, s, q, s.dialect.using("runs_key")+"WHERE t.tenant_id = ? AND t.status IN ('queued', 'running') AND "+
			waits+" ORDER BY "+turn+", t.created_at, t.id"+s.sql(` LIMIT (SELECT CASE WHEN count(*) < ? THEN ? - count(*) ELSE 0 END
				FROM {runs} AS l WHERE l.tenant_id = ? AND l.status = 'running' AND l.lane > 0)`),
			ident(tenant), localKinds(), s.dialect.nowArg(s), lanes, lanes, ident(tenant))
		for i := range rows {
			list = append(list, rows[i].run())
		}
		return err
	})
	return list, err
}

// StrandedRuns implements [runs.SystemStore].
func (s *Store) StrandedRuns(ctx context.Context, q runs.Stranded) ([]runs.Run, error) {
	var list []runs.Run
	for _, c := range []*conditions{ // one by one, since each has a range of the index
		where("t.status IN ('queued', 'running') AND t.status = 'running' AND t.lease_until < ?", s.dialect.nowArg(s)),
		where("t.status IN ('queued', 'running') AND t.status = 'queued' AND t.updated_at <= ?", tsOf(q.QueuedBefore)),
	} {
		if q.After != "" {
			c.and("t.id > ?", uidOf(q.After))
		}
		if q.Lanes > 0 {
			c.and(s.sql(turnHasCome), localKinds(), s.dialect.nowArg(s), q.Lanes, localKinds(), s.dialect.nowArg(s), q.Lanes)
		}
		part, err := s.runs(ctx, everybody, c.clause+" ORDER BY t.id"+limit(q.Limit), c.args...)
		if err != nil {
			return nil, err
		}
		list = append(list, part...)
	}
	slices.SortFunc(list, func(a, b runs.Run) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return list[:min(len(list), max(q.Limit, 0))], nil
}

// turnHasCome leaves out the runs that wait for a lane. The lanes are counted first: while
// they are all taken, nobody needs to know who comes before whom.
const turnHasCome = `(NOT (t.status = 'queued' AND t.kind NOT IN (?) AND (t.not_before IS NULL OR t.not_before <= ?))
	OR (SELECT count(*) FROM {runs} AS l WHERE l.tenant_id = t.tenant_id AND l.status = 'running' AND l.lane > 0) < ?
	AND (SELECT count(*) FROM {runs} AS o WHERE o.tenant_id = t.tenant_id
		AND (o.status = 'running' AND o.lane > 0 OR o.status = 'queued' AND o.kind NOT IN (?) AND (o.not_before IS NULL OR o.not_before <= ?)
			AND (CASE WHEN o."trigger" IN ('manual', 'retry') THEN 0 ELSE 1 END, o.created_at, o.id)
				< (CASE WHEN t."trigger" IN ('manual', 'retry') THEN 0 ELSE 1 END, t.created_at, t.id))
		AND o.status IN ('queued', 'running')) < ?)`
