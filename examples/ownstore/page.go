package main

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
)

// page sorts rows by their keysets and returns those after the slice's position, one more
// than its limit when there are more.
func page[T any](rows []T, s runs.Slice, at func(T) runs.Keyset, order func(a, b runs.Keyset) int) []T {
	slices.SortFunc(rows, func(a, b T) int { return order(at(a), at(b)) })
	if !s.After.IsZero() {
		rows = slices.DeleteFunc(rows, func(row T) bool { return order(at(row), s.After) <= 0 })
	}
	return rows[:min(len(rows), s.Limit+1)]
}

// byText orders ascending by key and id.
func byText(a, b runs.Keyset) int {
	return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.ID, b.ID))
}

// newestFirst orders descending by a number in the key, then by id.
func newestFirst(a, b runs.Keyset) int { return -byNumber(a, b) }

// byNumber orders ascending by a number in the key, then by id.
func byNumber(a, b runs.Keyset) int {
	x, _ := strconv.ParseInt(a.Key, 10, 64)
	y, _ := strconv.ParseInt(b.Key, 10, 64)
	return cmp.Or(cmp.Compare(x, y), cmp.Compare(a.ID, b.ID))
}

func timeKey(at time.Time, id runs.ID) runs.Keyset { return numberKey(at.UnixMicro(), id) }

func numberKey(n int64, id runs.ID) runs.Keyset {
	return runs.Keyset{Key: strconv.FormatInt(n, 10), ID: id}
}

func idKey(id runs.ID) runs.Keyset { return runs.Keyset{ID: id} }

// following sorts rows by id and returns at most limit of those after an id.
func following[T any](rows []T, after runs.ID, limit int, id func(T) runs.ID) []T {
	rows = slices.DeleteFunc(rows, func(row T) bool { return id(row) <= after })
	slices.SortFunc(rows, func(a, b T) int { return cmp.Compare(id(a), id(b)) })
	return rows[:min(len(rows), limit)]
}

// contains tells whether part occurs in text, without regard to case.
func contains(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}

// among tells whether a filter's list names v. An empty list names everything.
func among[T comparable](list []T, v T) bool { return len(list) == 0 || slices.Contains(list, v) }

// is tells whether a filter's value is v. The zero value is everything.
func is[T comparable](want, v T) bool {
	var everything T
	return want == everything || want == v
}
