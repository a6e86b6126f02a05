package backupsched

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
)

// Sort is the order of a list of schedules: by one column, then by id. An order with a minus
// is the exact reverse of the one without.
type Sort string

// The orders. An order that is not listed here is refused; the zero value is [SortName].
const (
	SortName        Sort = "name" // in lower case
	SortNameDown    Sort = "-name"
	SortNextRun     Sort = "next_run_at" // a schedule without a next run comes after all others
	SortNextRunDown Sort = "-next_run_at"
	SortLastRun     Sort = "last_run_at" // a schedule that never ran comes before all others
	SortLastRunDown Sort = "-last_run_at"
)

// Sorts returns all orders.
func Sorts() []Sort {
	return []Sort{SortName, SortNameDown, SortNextRun, SortNextRunDown, SortLastRun, SortLastRunDown}
}

// Validate names the field "sort" if the order is not one of [Sorts]. The zero value is fine.
func (s Sort) Validate() error {
	if s == "" || slices.Contains(Sorts(), s) {
		return nil
	}
	return runs.Invalid("sort", "sort_unknown", "must be name, next_run_at or last_run_at, with a minus before it for the reverse")
}

// Down tells whether the order is one with a minus.
func (s Sort) Down() bool { return strings.HasPrefix(string(s), "-") }

// Up is the order without the minus.
func (s Sort) Up() Sort {
	if s == "" {
		return SortName
	}
	return Sort(strings.TrimPrefix(string(s), "-"))
}

// Keyset is the position of a schedule in this order, as stores are given it. Its Key is the
// name in lower case, or the time in microseconds since 1970 UTC: [math.MaxInt64] where there
// is no next run, [math.MinInt64] where there was no last one.
func (s Sort) Keyset(x Schedule) runs.Keyset {
	k := runs.Keyset{Key: strings.ToLower(x.Name), ID: x.ID}
	switch s.Up() {
	case SortNextRun:
		k.Key = microKey(x.NextRunAt, math.MaxInt64)
	case SortLastRun:
		k.Key = microKey(x.LastRunAt, math.MinInt64)
	}
	return k
}

func microKey(at time.Time, none int64) string {
	if at.IsZero() {
		return strconv.FormatInt(none, 10)
	}
	return strconv.FormatInt(at.UnixMicro(), 10)
}
