package bunstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// A change of a run is tried without locks first, with two messages instead of seven or
// eight: one reads all that the decision rests on, at one moment, and one writes, if nothing
// of it has changed since. The updates name the checksums that were read and the audit log's
// head the number, so that a decision is never stored about a row that is another by now.
// That the time is a message older than the write takes nothing away: what was over then is
// over now, as long as the row is the same.
//
// Whatever is not as usual (others were first, a set must be closed) goes the other way, in
// a transaction with locks, where callers wait in line instead of trying again and again.

// runView is what the decision about a run rests on.
type runView struct {
	at        ts
	run       runRow
	room      room
	head      last
	hash      link // of the head
	setStatus text
	schedule  scheduleRow // of a backup that is running
	found     bool
	notice    notificationRow // about the run
	scheduled bool
	noticed   bool
}

// tryChange is ChangeRun without locks; done is false when it has to be done with them.
func (d postgresDialect) tryChange(ctx context.Context, s *Store, tenant graph.TenantID, id runs.ID, change runs.ChangeFunc) (out runs.Run, done bool, err error) {
	if err := s.ready(ctx); err != nil {
		return out, true, err
	}
	// A deadline ends the wait for an answer, and then nobody knows whether the message took
	// effect. What has no COMMIT yet did not, so who has a deadline goes the other way.
	// Its statements are judged by the database's clock.
	if _, has := ctx.Deadline(); has || s.ownClock || !s.plans.works.Load() || s.plans.locks {
		return out, false, nil
	}
	for range triesWithoutLocks {
		out, err = d.changeOnce(ctx, s, tenant, id, change)
		if !d.met(err) {
			break
		}
	}
	if errors.Is(err, errUnusual) || d.met(err) || aboutStatement(err) { // the server has said that the message took no effect
		return runs.Run{}, false, nil
	}
	return out, true, err
}

// triesWithoutLocks: of 64 workers in a thousand tenants one in twenty finds that another one
// has written to the tenant's audit log. Hardly one does twice.
const triesWithoutLocks = 2

// met tells whether somebody else was first.
func (d postgresDialect) met(err error) bool {
	return sqlState(err) == divisionByZero || d.again(err)
}

// errUnusual is for a change that takes more than a message.
var errUnusual = errors.New("the change takes a transaction")

func (d postgresDialect) changeOnce(ctx context.Context, s *Store, tenant graph.TenantID, id runs.ID, change runs.ChangeFunc) (out runs.Run, err error) {
	v, err := d.viewRun(ctx, s, tenant, uidOf(id))
	if err != nil {
		return out, s.explain(ctx, err)
	}
	switch {
	case !v.found:
		return out, notFound("run")
	case v.run.BatchID != "":
		return out, errUnusual // the others of the batch count
	}
	changed, trail, err := decide(tenant, v.at.time(), &v.run, v.room, change)
	if err != nil {
		return out, err
	}
	t := &tx{s: s, now: v.at.time(), tally: map[string]int64{}, message: &script{s: s, of: tenant}}
	if err := t.putChange(ctx, &v, &changed, trail); err != nil {
		return out, err
	}
	if len(t.message.steps) > 0 {
		if err := t.message.exec(ctx); err != nil {
			return out, d.explain(ctx, fmt.Errorf("store: writing: %w", err))
		}
	}
	return changed.run(), nil
}

// putChange writes the script of a change, or is errUnusual.
func (t *tx) putChange(ctx context.Context, v *runView, changed *runRow, trail runs.Trail) error {
	ended := runs.Status(changed.Status).Terminal()
	switch {
	case ended && changed.BackupSetID != v.run.BackupSetID,
		ended && v.setStatus == text(backupset.Building), // it must be closed
		changed.endsBackup() && (!v.scheduled || changed.ScheduleID != v.run.ScheduleID):
		return errUnusual
	}
	if err := update(ctx, t, &v.run, changed); err != nil {
		return err
	}
	if len(t.message.steps) == 0 && (len(trail.Audit) > 0 || len(trail.Notifications) > 0) {
		return errUnusual // only a lock keeps a run as it is that is not written
	}
	if changed.endsBackup() {
		noted := v.schedule
		noted.noteRun(changed)
		if err := update(ctx, t, &v.schedule, &noted); err != nil {
			return err
		}
	}
	if v.noticed { // its place is taken
		for i, n := range trail.Notifications {
			if n.ID != v.notice.ID.id() {
				continue
			}
			next, err := notificationRowOf(graph.TenantID(changed.TenantID), n)
			if err == nil {
				err = update(ctx, t, &v.notice, &next)
			}
			if err != nil {
				return err
			}
			trail.Notifications = slices.Delete(slices.Clone(trail.Notifications), i, i+1)
			break
		}
	}
	if err := t.trail(graph.TenantID(changed.TenantID), trail); err != nil {
		return err
	}
	return t.putTrail(changed.TenantID, v.head, v.hash)
}

// putTrail numbers the entries after the head of the audit log, which it moves if it is
// still there: so numbers have no gaps, and whoever was late reads again what came before.
func (t *tx) putTrail(tenant ident, head last, hash link) error {
	plans := t.s.plans
	end := headRow{TenantID: tenant, Seq: head.num, Hash: hash}
	rows, err := t.chain(map[graph.TenantID]*headRow{graph.TenantID(tenant): &end})
	switch {
	case err != nil:
		return err
	case len(rows) == 0:
	case head.set:
		t.message.add(plans.moveHead, &end.Seq, &end.Hash, &tenant, &head.num)
	default:
		t.message.add(plans.firstHead, &tenant, &end.Seq, &end.Hash)
	}
	for i := range rows {
		t.putRow(plans.insertEntry, &rows[i])
	}
	for i := range t.notices {
		t.putRow(plans.insertNotice, &t.notices[i])
	}
	for _, name := range slices.Sorted(maps.Keys(t.tally)) {
		table, n := optional{name, true}, num(t.tally[name])
		t.message.add(plans.tally, &table, &n)
	}
	return nil
}

func (t *tx) putRow(insert string, r row) {
	def, values := r.table(), r.columns()
	var sum num
	sum, t.scratch = def.sum(values, t.scratch)
	t.message.add(insert, append(values, &sum)...)
	t.tally[def.name]++
}

// viewRun reads what belongs to a run that shall be changed.
func (d postgresDialect) viewRun(ctx context.Context, s *Store, tenant graph.TenantID, id uid) (v runView, err error) {
	name := ident(tenant)
	c := script{s: s, of: tenant}
	c.add(s.plans.view, &name, &id)
	rows, err := c.query(ctx, s.write)
	if err != nil {
		return v, fmt.Errorf("store: reading runs: %w", err)
	}
	defer rows.Close()
	var running, waiting, lanes, ahead, scheduleSum, noticeSum num
	scan := s.newScanner(&v.run, []column{&v.at, &running, &waiting, &lanes, &ahead, &v.head, &v.hash, &v.setStatus})
	schedule, notice := v.schedule.columns(), v.notice.columns()
	for _, c := range append(schedule, &scheduleSum) {
		scan.dest = append(scan.dest, joined{c, &v.scheduled})
	}
	for _, c := range append(notice, &noticeSum) {
		scan.dest = append(scan.dest, joined{c, &v.noticed})
	}
	for rows.Next() {
		v.found = true
		if err := scan.row(rows); err != nil {
			return v, fmt.Errorf("store: reading runs: %w", err)
		}
		if v.scheduled {
			if err := checkSum(&v.schedule, schedule, scheduleSum, &scan.scratch); err != nil {
				return v, fmt.Errorf("store: reading schedules: %w", err)
			}
		}
		if v.noticed {
			if err := checkSum(&v.notice, notice, noticeSum, &scan.scratch); err != nil {
				return v, fmt.Errorf("store: reading notifications: %w", err)
			}
		}
		v.room = roomOf(int(running), int(waiting), uint64(lanes), int(ahead))
	}
	return v, rows.Err()
}

// joined scans a column of a row that may be missing: then all its columns are NULL, also
// those that never are.
type joined struct {
	column
	present *bool
}

func (j joined) Scan(src any) error {
	*j.present = *j.present || src != nil
	if !*j.present {
		return nil
	}
	return j.scanPostgres(src)
}

// last is the number of the last entry of an audit log that has some.
type last struct {
	num
	set bool
}

func (l *last) scanPostgres(src any) error {
	if l.set = src != nil; !l.set {
		return nil
	}
	return l.num.scanPostgres(src)
}

// viewText asks for a runView. What the status makes pointless is not looked for.
func viewText() string {
	local := make([]string, 0, 1)
	for _, kind := range runs.LocalKinds() {
		local = append(local, quoteText(string(kind)))
	}
	others := strings.NewReplacer("(?, ?, ?)", "(me.turn, me.created_at, me.id)", "(?)", "("+strings.Join(local, ", ")+")", "?", "clock_timestamp()")
	return `SELECT ` + runsTable.selectList() + `, clock_timestamp(), o.running, o.waiting, o.lanes, o.ahead, h.seq, h.hash, b.status, ` +
		strings.ReplaceAll(schedulesTable.selectList(), `t."`, `s."`) + `, ` + strings.ReplaceAll(notificationsTable.selectList(), `t."`, `n."`) + `
		FROM {runs} AS t
		LEFT JOIN {audit_heads} AS h ON h.tenant_id = t.tenant_id
		LEFT JOIN {backup_sets} AS b ON b.tenant_id = t.tenant_id AND b.id = t.backup_set_id
		LEFT JOIN {schedules} AS s ON t.status = 'running' AND t.kind = 'backup' AND s.tenant_id = t.tenant_id AND s.id = t.schedule_id
		LEFT JOIN {notifications} AS n ON t."trigger" IN ('manual', 'retry') AND n.tenant_id = t.tenant_id AND n.id = t.id
		CROSS JOIN LATERAL (SELECT t.status, t.kind, t.tenant_id, t.id, t.schedule_id, t.created_at, ` + turn + ` AS turn) AS me
		CROSS JOIN LATERAL (SELECT
				count(CASE WHEN t.schedule_id = me.schedule_id AND me.kind = 'backup' AND t.kind = 'backup' AND t.status = 'running' THEN 1 END) AS running,
				count(CASE WHEN t.schedule_id = me.schedule_id AND me.kind = 'backup' AND t.kind = 'backup' AND t.status = 'queued' AND t.attempt > 0 THEN 1 END) AS waiting,
				CAST(coalesce(sum(CASE WHEN t.lane > 0 THEN CAST(1 AS bigint) << CAST(t.lane - 1 AS int) END), 0) AS bigint) AS lanes,
				count(CASE WHEN ` + others.Replace(waits) + ` AND ` + others.Replace(before) + ` THEN 1 END) AS ahead
			FROM {runs} AS t WHERE me.status = 'queued' AND me.kind NOT IN (` + strings.Join(local, ", ") + `)
				AND t.tenant_id = me.tenant_id AND t.status IN ('queued', 'running') AND t.id <> me.id) AS o
		WHERE t.tenant_id = ? AND t.id = ?`
}
