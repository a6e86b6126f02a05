package bunstore

import (
	"cmp"
	"context"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// Conditions of partial indexes, as these have them.
const (
	isActive  = "t.status IN ('queued', 'running')"
	isEnded   = "t.status <> 'queued' AND t.status <> 'running'"
	isOfBatch = "t.batch_id IS NOT NULL"
)

// lookup is a part of a list that one index gives in its order, or with few to sort.
type lookup struct {
	index string // empty for that of the whole list
	cond  string // which makes the index one that answers
	args  []any
	few   bool // rows, which SQLite is to sort: it would else read the whole list in order
}

// runLookups are the parts of the list that a filter wants. A filter that one run in a thousand
// fits would else read the thousand for each that it shows.
func (sqliteDialect) runLookups(f runs.RunFilter) []lookup {
	if len(f.IDs) > 0 { // by their key
		return []lookup{{few: true}}
	}
	if f.BatchID != "" {
		return []lookup{{index: "runs_batch", cond: isOfBatch}}
	}
	active, ended := split(f.Statuses)
	var list []lookup
	if active {
		list = append(list, lookup{index: "runs_key", cond: isActive})
	}
	uncommon := len(f.Statuses) > 0 && !slices.Contains(f.Statuses, runs.StatusSuccess) && !slices.Contains(f.Statuses, runs.StatusSkipped)
	switch {
	case active && len(ended) == 0 && len(f.Statuses) > 0:
		return list
	case f.ScheduleID != "":
		return append(list, lookup{index: "runs_schedule", cond: isEnded})
	case !uncommon && len(f.Kinds) > 0 && !slices.Contains(f.Kinds, runs.KindBackup):
		return lookupEach("runs_kind", "t.kind <> 'backup' AND t.kind = ?", f.Kinds)
	case !uncommon && len(f.Triggers) > 0 && !slices.Contains(f.Triggers, runs.TriggerSchedule):
		return lookupEach("runs_trigger", `t."trigger" <> 'schedule' AND t."trigger" = ?`, f.Triggers)
	case len(ended) > 0:
		return append(list, lookupEach("runs_ended", isEnded+" AND t.status = ?", ended)...)
	}
	return []lookup{{}}
}

// runLookups leave the choice to the planner, which knows how many of the runs are active.
func (postgresDialect) runLookups(f runs.RunFilter) []lookup {
	if len(f.IDs) > 0 {
		return []lookup{{}}
	}
	if f.BatchID != "" {
		return []lookup{{cond: isOfBatch}}
	}
	if active, ended := split(f.Statuses); active && len(ended) == 0 && len(f.Statuses) > 0 {
		return []lookup{{cond: isActive}}
	}
	return []lookup{{}}
}

// split tells whether active runs are wanted, and which ended ones: none of them when all are.
func split(statuses []runs.Status) (active bool, ended []runs.Status) {
	for _, s := range statuses {
		if s.Active() {
			active = true
		} else {
			ended = append(ended, s)
		}
	}
	return active || len(statuses) == 0, ended
}

// maxLookups is how many values are looked up one by one. So many are not rare any more.
const maxLookups = 20

// lookupEach looks each value up by itself, or for all at once in the whole list when they are
// too many.
func lookupEach[T ~string](index, cond string, values []T) (list []lookup) {
	values = slices.Compact(slices.Sorted(slices.Values(values)))
	if len(values) > maxLookups {
		return []lookup{{}}
	}
	for _, v := range values {
		list = append(list, lookup{index: index, cond: cond, args: []any{text(v)}})
	}
	return list
}

// ListRuns implements [runs.RunStore].
func (s *Store) ListRuns(ctx context.Context, tenant graph.TenantID, filter runs.RunFilter, slice runs.Slice) ([]runs.Run, error) {
	var list []runs.Run
	// Active runs are the first: one that ends meanwhile is found twice and not never.
	for _, l := range s.dialect.runLookups(filter) {
		c, err := l.where(s.dialect, tenant, filter, slice)
		if err != nil {
			return nil, err
		}
		order := "t.created_at DESC, t.id DESC"
		if l.few {
			order = "+" + order
		}
		part, err := s.runs(ctx, tenant, c.tail(order, slice), c.args...)
		if err != nil {
			return nil, err
		}
		list = append(list, part...)
	}
	return merged(list, func(a, b runs.Run) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.ID, a.ID))
	}, slice), nil
}

// merged orders what lookups found one after the other, leaves out what one found again, and keeps
// as many as one of them finds.
func merged[T any](found []T, compare func(a, b T) int, slice runs.Slice) []T {
	slices.SortStableFunc(found, compare)
	found = slices.CompactFunc(found, func(a, b T) bool { return compare(a, b) == 0 })
	return found[:min(len(found), most(slice))]
}

// in makes the index of the part the one that answers for a tenant.
func (l lookup) in(d sqlDialect, tenant graph.TenantID) *conditions {
	c := where("t.tenant_id = ?", ident(tenant))
	if l.index != "" {
		c.clause = d.using(l.index) + c.clause
	}
	if l.cond != "" {
		c.and(l.cond, l.args...)
	}
	return c
}

// where is the whole filter, with what makes the index of the part answer.
func (l lookup) where(d sqlDialect, tenant graph.TenantID, filter runs.RunFilter, slice runs.Slice) (*conditions, error) {
	c := l.in(d, tenant)
	andIDs(c, "t.id", filter.IDs)
	andIn(c, "t.kind", filter.Kinds)
	andIn(c, "t.status", filter.Statuses)
	andIn(c, `t."trigger"`, filter.Triggers)
	if len(filter.ExceptSuccessOf) > 0 {
		c.and("NOT (t.status = ? AND t.kind IN (?))", text(runs.StatusSuccess), valuesOf(texts(filter.ExceptSuccessOf)))
	}
	if filter.ScheduleID != "" {
		c.and("t.schedule_id = ?", uidOf(filter.ScheduleID))
	}
	if filter.BatchID != "" {
		c.and("t.batch_id = ?", uidOf(filter.BatchID))
	}
	if !filter.From.IsZero() {
		c.and("t.created_at >= ?", tsOf(filter.From))
	}
	if !filter.To.IsZero() {
		c.and("t.created_at < ?", tsOf(filter.To))
	}
	return c, c.afterTime(slice.After)
}
