package bunstore

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/uptrace/bun"
)

// tallyRow says how many rows a table has, so that a row which vanishes is missed even
// where nothing refers to it.
type tallyRow struct {
	Name text
	Rows num
}

var talliesTable = &table{name: "tallies", columns: []string{"name", "rows"}, key: 1}

func (*tallyRow) table() *table       { return talliesTable }
func (r *tallyRow) columns() []column { return []column{&r.Name, &r.Rows} }

// writeTallies adds what the transaction added and removed. Tallies are locked last and in
// the order of their names, so that writers wait for each other briefly and never in a ring.
func (t *tx) writeTallies(ctx context.Context) error {
	tally := t.tally
	t.tally = map[string]int64{} // the tallies are not counted themselves
	maps.DeleteFunc(tally, func(_ string, n int64) bool { return n == 0 })
	if len(tally) == 0 {
		return nil
	}
	names := slices.Sorted(maps.Keys(tally))
	rows, err := find[tallyRow](ctx, t.s, t, "WHERE t.name IN (?)", bun.List(names))
	if err != nil {
		return err
	}
	stored := map[string]tallyRow{}
	for _, r := range rows {
		stored[string(r.Name)] = r
	}
	for _, name := range names {
		old, found := stored[name]
		if !found {
			return fmt.Errorf("store: %w: the tally of %s is missing; run a check of the store", backupset.ErrDamaged, name)
		}
		changed := old
		changed.Rows += num(tally[name])
		if err := update(ctx, t, &old, &changed); err != nil {
			return err
		}
	}
	return nil
}

func (sqliteDialect) tallies(ctx context.Context, c *checker) (map[string]num, error) {
	var r tallyRow
	tallies := map[string]num{}
	_, err := c.table(ctx, &r, func() { tallies[string(r.Name)] = r.Rows })
	return tallies, err
}

func (sqliteDialect) tallyBooks(name string, rows num, known bool) string {
	tally := tallyRow{Name: text(name), Rows: rows}
	sum, _ := talliesTable.sum(tally.columns(), nil)
	if known {
		return fmt.Sprintf("UPDATE {tallies} SET rows = %d, row_sum = %d WHERE name = '%s';\n", rows, sum, name)
	}
	return fmt.Sprintf("INSERT INTO {tallies} (\"name\", \"rows\", \"row_sum\") VALUES ('%s', %d, %d);\n", name, rows, sum)
}
