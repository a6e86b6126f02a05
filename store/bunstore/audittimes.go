package bunstore

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// The times of a log grow with its numbers, but for clocks that differ or are set back. Be late the
// most by which an entry is older than one with a lower number. Then
//   - what is older than To has a lower number than every entry of To + late or later, and
//   - what is not older than From has a higher number than every entry older than From - late,
//
// for it or that entry would be late by more. So a filter by time is one by numbers too, which each
// index of the log has in order. What is late up to some number stays so, since what is written is
// never changed: the store keeps it.

// timesRead is what is known of the times of a log. Times are microseconds since 1970.
type timesRead struct {
	seq          int64 // the last entry that was looked at
	at           ts    // of that entry
	latest, late int64 // of all up to it
}

// next looks at the entry that follows.
func (r *timesRead) next(seq int64, at ts) {
	r.seq, r.at = seq, at
	if at.set { // what has no time is in none
		micro := min(max(at.micro, firstTime), lastTime)
		r.latest = max(r.latest, micro)
		r.late = max(r.late, r.latest-micro)
	}
}

// firstTime and lastTime bound what is compared, so that each difference can be told and each sum written.
var firstTime, lastTime = time.Time{}.UnixMicro(), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC).UnixMicro()

// plus is a later time, unset if it is out of bounds.
func (t ts) plus(micro int64) ts {
	t.micro += micro
	t.set = t.set && t.micro > firstTime && t.micro < lastTime
	return t
}

// auditTimes is what a store knows of the times of its logs. It is safe for concurrent use.
type auditTimes struct {
	mu   sync.Mutex
	logs map[graph.TenantID]timesRead
}

// maxTimesRead is how many logs are known at once. With one more all are read again.
const maxTimesRead = 10_000

func (a *auditTimes) get(tenant graph.TenantID) timesRead {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.logs[tenant]
}

// set keeps what was read. Who has read less than another only lets the difference be read again.
func (a *auditTimes) set(tenant graph.TenantID, r timesRead) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, known := a.logs[tenant]; !known && len(a.logs) >= maxTimesRead || a.logs == nil {
		a.logs = map[graph.TenantID]timesRead{}
	}
	a.logs[tenant] = r
}

// readTimes looks at the entries that a log was given since it was looked at last. What was read
// before an error is kept.
func (s *Store) readTimes(ctx context.Context, q querier, tenant graph.TenantID) (timesRead, error) {
	read := s.times.get(tenant)
	same, err := s.readOn(ctx, q, tenant, &read)
	if err == nil && !same { // an older database was put in the place of this one
		read = timesRead{}
		_, err = s.readOn(ctx, q, tenant, &read)
	}
	s.times.set(tenant, read)
	return read, err
}

// readOn reads from the entry on that was the last, and tells whether that is still the same.
func (s *Store) readOn(ctx context.Context, q querier, tenant graph.TenantID, read *timesRead) (same bool, err error) {
	rows, err := q.QueryContext(ctx, s.sql(`SELECT t.seq, t."at" FROM {audit_log} AS t WHERE t.tenant_id = ? AND t.seq >= ? ORDER BY t.seq`), ident(tenant), read.seq)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	same = read.seq == 0
	for known := read.seq > 0; rows.Next(); known = false {
		var seq num
		var at ts
		if err := auditTable.scan(rows, s.dialect.dest(&seq), s.dialect.dest(&at)); err != nil {
			return false, err
		}
		if known && (int64(seq) != read.seq || at != read.at) {
			return false, nil
		}
		read.next(int64(seq), at)
		same = true
	}
	return same, rows.Err()
}

// numbers are those of a part of a log, without its bounds.
type numbers struct{ after, before int64 }

// timeNumbers are those of the entries of a time that the log has now.
func (s *Store) timeNumbers(ctx context.Context, tenant graph.TenantID, from, to time.Time) (n numbers, err error) {
	var read timesRead
	err = s.look(ctx, auditScope(tenant), func(q querier) (err error) {
		read, err = s.readTimes(ctx, q, tenant)
		return err
	})
	if err != nil {
		return n, fmt.Errorf("store: reading the times of %s: %w", auditTable.name, err)
	}
	n = numbers{before: read.seq + 1}
	bound := func(cond string, at ts, order string) (query string, args []any) {
		c := lookup{index: auditAt}.in(s.dialect, tenant)
		c.and(cond, at)
		c.and("t.seq <= ?", read.seq) // later ones may be late by more
		return "SELECT t.seq FROM {audit_log} AS t " + c.clause + " ORDER BY " + order + " LIMIT 1", c.args
	}
	last, args := bound(`t."at" < ?`, tsOf(from).plus(-read.late), `t."at" DESC, t.seq DESC`)
	first, more := bound(`t."at" >= ?`, tsOf(to).plus(read.late), `t."at", t.seq`)
	err = s.look(ctx, auditScope(tenant), func(q querier) error {
		rows, err := q.QueryContext(ctx, s.sql("SELECT coalesce(("+last+"), ?), coalesce(("+first+"), ?)"), slices.Concat(args, []any{n.after}, more, []any{n.before})...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := rows.Scan(&n.after, &n.before); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	if err != nil {
		return n, fmt.Errorf("store: reading the times of %s: %w", auditTable.name, err)
	}
	return n, nil
}
