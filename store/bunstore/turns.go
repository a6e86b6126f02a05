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
	var running, waiting, ahead int
	var lanes int64
	for rows.Next() {
		if err := rows.Scan(&running, &waiting, &lanes, &ahead); err != nil {
			return room, err
		}
	}
	return roomOf(running, waiting, uint64(lanes), ahead), rows.Err()
}

// roomOf makes a room of counts and of the lanes that are taken, which are bits.
func roomOf(running, waiting int, lanes uint64, ahead int) room {
	r := room{Room: runs.Room{Busy: running > 0 || waiting > 0, Ahead: ahead}, running: running > 0}
	for ; lanes != 0; lanes &= lanes - 1 {
		r.Lanes = append(r.Lanes, bits.TrailingZeros64(lanes)+1)
	}
	return r
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
	err = s.lookOften(ctx, tenant, func(q querier) error {
		// The end of a run must not fail, and its job come again for ever, because of another
		// run that is damaged. The sweep reports that one.
		rows, _, err := findSound[runRow](ctx, s, q, s.dialect.using("runs_key")+"WHERE t.tenant_id = ? AND t.status IN ('queued', 'running') AND "+
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
	lost := where("t.status IN ('queued', 'running') AND t.status = 'running' AND t.lease_until < ?", s.dialect.nowArg(s))
	list, err := s.stranded(ctx, lost, q.After, q)
	if err != nil {
		return nil, err
	}
	found := len(list)
	for after := q.After; len(list)-found < q.Limit; {
		queued := where("t.status IN ('queued', 'running') AND t.status = 'queued' AND t.updated_at <= ?", tsOf(q.QueuedBefore))
		part, err := s.stranded(ctx, queued, after, q)
		if err != nil {
			return nil, err
		}
		early, err := s.waitFor(ctx, part, q.Lanes)
		if err != nil {
			return nil, err
		}
		for _, r := range part {
			after = r.ID
			if !early[uidOf(r.ID)] {
				list = append(list, r)
			}
		}
		if len(part) < q.Limit {
			break
		}
	}
	slices.SortFunc(list, func(a, b runs.Run) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return list[:min(len(list), max(q.Limit, 0))], nil
}

// stranded returns a page of runs in the order of their ids.
func (s *Store) stranded(ctx context.Context, c *conditions, after runs.ID, q runs.Stranded) (list []runs.Run, err error) {
	if after != "" {
		c.and("t.id > ?", uidOf(after))
	}
	var rows []runRow
	var damaged []runs.DamagedRow
	err = s.look(ctx, everybody, func(from querier) error {
		rows, damaged, err = findSoundN[runRow](ctx, s, from, q.Limit, c.clause+" ORDER BY t.id", "", c.args...)
		return err
	})
	for i := range rows {
		list = append(list, rows[i].run())
	}
	for _, d := range s.judged(ctx, damaged) {
		if q.Damaged != nil {
			q.Damaged(d)
		}
	}
	return list, err
}

// waitFor tells which of the runs, given in the order of their ids, wait for one of so many
// lanes. The lines of their tenants are counted off once: to ask for each run who comes before
// it would take the square of a line.
func (s *Store) waitFor(ctx context.Context, list []runs.Run, lanes int) (map[uid]bool, error) {
	early := map[uid]bool{}
	if lanes < 1 || len(list) == 0 {
		return early, nil
	}
	first, last := uidOf(list[0].ID), uidOf(list[len(list)-1].ID)
	var tenants []ident
	for _, r := range list {
		tenants = append(tenants, ident(r.TenantID))
	}
	slices.Sort(tenants)
	for part := range slices.Chunk(slices.Compact(tenants), maxInList) {
		err := s.look(ctx, everybody, func(q querier) error {
			rows, err := q.QueryContext(ctx, s.sql(`SELECT w.id FROM (SELECT t.id, t.tenant_id,
					row_number() OVER (PARTITION BY t.tenant_id ORDER BY `+turn+`, t.created_at, t.id) AS place
				FROM {runs} AS t `+s.dialect.using("runs_key")+`WHERE t.tenant_id IN (?) AND t.status IN ('queued', 'running') AND `+waits+`) AS w
				WHERE w.place > ? - (SELECT count(*) FROM {runs} AS l WHERE l.tenant_id = w.tenant_id AND l.status = 'running' AND l.lane > 0)
					AND w.id BETWEEN ? AND ?`), valuesOf(part), localKinds(), s.dialect.nowArg(s), lanes, first, last)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				var id uid
				if err := rows.Scan(s.dialect.dest(&id)); err != nil {
					return err
				}
				early[id] = true
			}
			return rows.Err()
		})
		if err != nil {
			return nil, fmt.Errorf("store: looking at whose turn it is: %w", err)
		}
	}
	return early, nil
}
