package bunstore

import (
	"math"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/runs"
)

// sortSchedules adds the condition that a row comes after a keyset, and returns the order.
//
// There is no index for the times: a tenant's schedules are found by those of the names and then
// sorted. They are few, and each further index would cost every dispatch and every backup.
func (c *conditions) sortSchedules(sort backupsched.Sort, after runs.Keyset) (order string, err error) {
	way, beyond := "", ">"
	if sort.Down() {
		way, beyond = " DESC", "<"
	}
	column, none := "", int64(0)
	switch sort.Up() {
	case backupsched.SortNextRun:
		column, none = "t.next_run_at", math.MaxInt64
	case backupsched.SortLastRun:
		column, none = "t.last_run_at", math.MinInt64
	default:
		if !after.IsZero() {
			c.and("(t.name_key, t.id) "+beyond+" (?, ?)", optional{after.Key, true}, uidOf(after.ID))
		}
		return "t.name_key" + way + ", t.id" + way, nil
	}
	// Databases differ in where NULL is sorted, so that is said.
	noneLast := (none > 0) != sort.Down()
	order = column + " IS NOT NULL, " + column + way + ", t.id" + way
	if noneLast {
		order = column + " IS NULL, " + column + way + ", t.id" + way
	}
	if after.IsZero() {
		return order, nil
	}
	micro, err := position(after)
	if err != nil {
		return "", err
	}
	id, later := uidOf(after.ID), "("+column+", t.id) "+beyond+" (?, ?)"
	switch at := (ts{micro: micro, set: true}); {
	case micro == none && noneLast:
		c.and(column+" IS NULL AND t.id "+beyond+" ?", id)
	case micro == none:
		c.and("("+column+" IS NOT NULL OR t.id "+beyond+" ?)", id)
	case noneLast:
		c.and("("+column+" IS NULL OR "+later+")", at, id)
	default:
		c.and(later, at, id)
	}
	return order, nil
}
