package storetest

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/store"
)

// list is one paged list of contoso with something in it.
type list struct {
	page   func(runs.Slice) ([]runs.Keyset, error) // the keysets of the rows, which name them
	insert func()                                  // adds one row
	before func(a, b runs.Keyset) bool             // the documented order
}

// listRows names the lists by their method, and by a further word where one has several orders.
// A method of the store that takes a runs.Slice and has no row fails the suite.
func listRows() map[string]func(f *fixture) list {
	rows := map[string]func(f *fixture) list{
		"ListSchedules":     schedulePages,
		"ListRuns":          runPages,
		"ListItems":         itemPages,
		"ListAudit":         auditPages,
		"ListNotifications": notificationPages,
		"ListSets":          setPages,
		"ListSetItems":      setItemPages,
		"ListPolicies":      policyPages,
		"ListVersions":      versionPages,
		"ListPreviewItems":  previewItemPages,
		"ListSteps":         stepPages,
	}
	maps.Copy(rows, sortedRows())
	return rows
}

func pagePromises() []promise {
	list := []promise{{"every list in pages has a row in the suite", func(t *testing.T, _ *fixture) {
		slice := reflect.TypeFor[runs.Slice]()
		want := methods(func(m reflect.Type) bool {
			return slices.Contains(parameters(m), slice)
		})
		got := sortedKeys(listRows())
		for i := range got {
			got[i], _, _ = strings.Cut(got[i], " ")
		}
		same(t, "rows", slices.Compact(got), want)
	}}}
	for _, name := range sortedKeys(systemLists()) {
		row := systemLists()[name]
		list = append(list, promise{name + " is read to its end in pages of any size", func(t *testing.T, f *fixture) { systemPages(t, row(f)) }})
	}
	return list
}

// listRoles has a role for each list, because its promises look at the same rows.
func listRoles() []role {
	var roles []role
	for _, name := range sortedKeys(listRows()) {
		var filled *list
		on := func(f *fixture) list {
			if filled == nil {
				l := listRows()[name](f)
				filled = &l
			}
			return *filled
		}
		roles = append(roles, role{name: name, shared: true, promises: []promise{
			{"every row comes once and in order in pages of any size", func(t *testing.T, f *fixture) { pagesOfAnySize(t, on(f)) }},
			{"one row more than the limit comes when there are more", func(t *testing.T, f *fixture) { oneRowMore(t, on(f)) }},
			{"every row that was there comes when rows are added meanwhile", func(t *testing.T, f *fixture) { pagesUnderInserts(t, on(f)) }},
		}})
	}
	return roles
}

// methods returns the names of the store's methods that pass.
func methods(pass func(reflect.Type) bool) []string {
	var names []string
	for m := range reflect.TypeFor[store.Store]().Methods() {
		if pass(m.Type) {
			names = append(names, m.Name)
		}
	}
	slices.Sort(names)
	return names
}

func parameters(m reflect.Type) []reflect.Type { return slices.Collect(m.Ins()) }

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// walk reads a list from its start to its end, with the cursors that callers use.
func walk(t *testing.T, l list, limit int, between func()) []runs.Keyset {
	t.Helper()
	var rows []runs.Keyset
	request := runs.PageRequest{Limit: limit}
	for range 1000 {
		slice := must(request.Slice())(t)
		got := must(l.page(slice))(t)
		if len(got) > limit+1 {
			t.Fatalf("page of %d: got %d rows, want at most one more than the limit", limit, len(got))
		}
		page := runs.NewPage(got, limit, func(k runs.Keyset) runs.Keyset { return k })
		rows = append(rows, page.Items...)
		if page.NextCursor == "" {
			return rows
		}
		request.Cursor = page.NextCursor
		between()
	}
	t.Fatal("the list has no end")
	return nil
}

func pagesOfAnySize(t *testing.T, l list) {
	whole := must(l.page(all))(t)
	if len(whole) < 5 {
		t.Fatalf("rows in the list: got %d, want at least 5", len(whole))
	}
	if !slices.IsSortedFunc(whole, func(a, b runs.Keyset) int {
		if l.before(a, b) {
			return -1
		}
		return 1
	}) {
		t.Errorf("order: got %v", whole)
	}
	for _, limit := range []int{1, 2, 3, len(whole) - 1, len(whole), len(whole) + 1, runs.MaxPageSize} {
		same(t, "in pages of "+strconv.Itoa(limit), walk(t, l, limit, func() {}), whole)
	}
}

func oneRowMore(t *testing.T, l list) {
	n := len(must(l.page(all))(t))
	for limit, want := range map[int]int{1: 2, n - 1: n, n: n, n + 1: n} {
		if got := len(must(l.page(runs.Slice{Limit: limit}))(t)); got != want {
			t.Errorf("%d rows with limit %d: got %d, want %d", n, limit, got, want)
		}
	}
}

func pagesUnderInserts(t *testing.T, l list) {
	before := must(l.page(all))(t)
	inserts := 0
	seen := walk(t, l, 1, func() {
		if inserts++; inserts < 10 {
			l.insert()
		}
	})
	times := map[runs.Keyset]int{}
	for _, k := range seen {
		times[k]++
		if times[k] > 1 {
			t.Errorf("row %v came %d times", k, times[k])
		}
	}
	for _, k := range before {
		if times[k] == 0 {
			t.Errorf("row %v was there from the start and did not come", k)
		}
	}
}

// keysets turns the rows of a list into their positions.
func keysets[T any](rows []T, err error, at func(T) runs.Keyset) ([]runs.Keyset, error) {
	list := make([]runs.Keyset, 0, len(rows))
	for _, row := range rows {
		list = append(list, at(row))
	}
	return list, err
}

// The orders that the roles document.
func ascending(a, b runs.Keyset) bool {
	return strings.Compare(a.Key, b.Key) < 0 || a.Key == b.Key && a.ID < b.ID
}

func descending(a, b runs.Keyset) bool {
	x, _ := strconv.ParseInt(a.Key, 10, 64)
	y, _ := strconv.ParseInt(b.Key, 10, 64)
	return x > y || x == y && a.ID > b.ID
}

func timeKeyset(at time.Time, id runs.ID) runs.Keyset {
	return runs.Keyset{Key: strconv.FormatInt(at.UnixMicro(), 10), ID: id}
}

func numberKeyset(n int64, id runs.ID) runs.Keyset {
	return runs.Keyset{Key: strconv.FormatInt(n, 10), ID: id}
}

// moments are times of rows: out of order, two equal, one before the others of 10 digits.
func moments() []time.Time {
	return []time.Time{start.Add(time.Hour), start, start, start.Add(time.Microsecond), time.Unix(9, 0).UTC(), start.Add(-time.Hour)}
}

// inserted returns the time of a row that is added while a list is read: now at its start,
// now at its end.
func inserted(n *int) time.Time {
	*n++
	return start.Add(time.Duration(1-*n%2*2) * time.Duration(*n) * 24 * time.Hour)
}

func schedulePages(f *fixture) list {
	for _, name := range []string{"b", "A", "ä", "a", "C", "1", "a"} {
		f.create(f.newSchedule(contoso, name))
	}
	f.schedule(fabrikam)
	names := []string{"Z", "0", "aa"}
	return list{
		page: func(s runs.Slice) ([]runs.Keyset, error) {
			rows, err := f.store.ListSchedules(f.ctx, contoso, backupsched.Filter{}, s)
			return keysets(rows, err, func(s backupsched.Schedule) runs.Keyset {
				return runs.Keyset{Key: strings.ToLower(s.Name), ID: s.ID}
			})
		},
		insert: func() { f.create(f.newSchedule(contoso, names[0])); names = append(names[1:], names[0]) },
		before: ascending,
	}
}

func runPages(f *fixture) list {
	n := 0
	add := func(tenant graph.TenantID, at time.Time) {
		r := f.newRun(tenant)
		r.CreatedAt = at
		f.start(r)
	}
	for _, at := range moments() {
		add(contoso, at)
		add(fabrikam, at)
	}
	return list{
		page: func(s runs.Slice) ([]runs.Keyset, error) {
			rows, err := f.store.ListRuns(f.ctx, contoso, runs.RunFilter{}, s)
			return keysets(rows, err, func(r runs.Run) runs.Keyset { return timeKeyset(r.CreatedAt, r.ID) })
		},
		insert: func() { add(contoso, inserted(&n)) },
		before: descending,
	}
}

func itemPages(f *fixture) list {
	r := f.running(contoso)
	add := func(id runs.ID) {
		item := f.newItem("policy "+string(id), runs.ItemSuccess)
		item.ID = id
		f.saveItems(r, item)
	}
	for _, n := range []int64{900, 300, 500, 100, 700} {
		add(numbered(n))
	}
	f.saveItems(f.running(contoso), f.newItem("p", runs.ItemSuccess))
	next := int64(0)
	return list{
		page: func(s runs.Slice) ([]runs.Keyset, error) {
			rows, err := f.store.ListItems(f.ctx, contoso, r.ID, runs.ItemFilter{}, s)
			return keysets(rows, err, func(i runs.Item) runs.Keyset { return runs.Keyset{ID: i.ID} })
		},
		insert: func() { next += 150; add(numbered(next)) },
		before: ascending,
	}
}

func auditPages(f *fixture) list {
	add := func() { f.ok(f.store.AppendAudit(f.ctx, contoso, f.entry(contoso, "x"))) }
	for range 12 { // numbers of one and of two digits
		add()
	}
	f.ok(f.store.AppendAudit(f.ctx, fabrikam, f.entry(fabrikam, "x")))
	return list{
		page: func(s runs.Slice) ([]runs.Keyset, error) {
			rows, err := f.store.ListAudit(f.ctx, contoso, runs.AuditFilter{}, s)
			return keysets(rows, err, func(e runs.AuditEntry) runs.Keyset { return numberKeyset(e.Seq, e.ID) })
		},
		insert: add,
		before: descending,
	}
}

func notificationPages(f *fixture) list {
	n := 0
	for _, at := range moments() {
		other := f.notice(at)
		other.Recipient = bob.ID
		f.notify(f.notice(at), other)
	}
	return list{
		page: func(s runs.Slice) ([]runs.Keyset, error) {
			rows, err := f.store.ListNotifications(f.ctx, contoso, ada.ID, false, s)
			return keysets(rows, err, func(n runs.Notification) runs.Keyset { return timeKeyset(n.CreatedAt, n.ID) })
		},
		insert: func() { f.notify(f.notice(inserted(&n))) },
		before: descending,
	}
}

func setPages(f *fixture) list {
	n := 0
	add := func(tenant graph.TenantID, at time.Time) {
		r := f.newRun(tenant)
		r.CreatedAt = at
		f.capture(r)
	}
	for _, at := range moments() {
		add(contoso, at)
	}
	add(fabrikam, start)
	return list{
		page: func(s runs.Slice) ([]runs.Keyset, error) {
			rows, err := f.store.ListSets(f.ctx, contoso, backupset.SetFilter{}, s)
			return keysets(rows, err, func(s backupset.BackupSet) runs.Keyset { return timeKeyset(s.CreatedAt, s.ID) })
		},
		insert: func() { add(contoso, inserted(&n)) },
		before: descending,
	}
}
