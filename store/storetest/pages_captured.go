package storetest

import (
	"cmp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

func setItemPages(f *fixture) list {
	c, other := f.manual(contoso), f.manual(contoso)
	n := 0
	add := func() { n++; c.save(content{t: settings, id: "p" + strconv.Itoa(n), body: "same"}) }
	for range 6 {
		add()
	}
	other.save(content{t: settings, id: "other", body: "x"})
	return list{
		page: func(s runs.Slice) ([]runs.Keyset, error) {
			rows, err := f.store.ListSetItems(f.ctx, contoso, c.set.ID, backupset.SetItemFilter{}, s)
			return keysets(rows, err, func(i backupset.Item) runs.Keyset { return runs.Keyset{ID: i.ID} })
		},
		insert: add,
		before: ascending,
	}
}

func policyPages(f *fixture) list {
	c, other := f.manual(contoso), f.manual(fabrikam)
	n := 0
	add := func() { n++; c.save(content{t: settings, id: "p" + strconv.Itoa(n), body: "same"}) }
	for range 6 {
		add()
	}
	other.save(content{t: settings, id: "other", body: "x"})
	return list{
		page: func(s runs.Slice) ([]runs.Keyset, error) {
			rows, err := f.store.ListPolicies(f.ctx, contoso, backupset.PolicyFilter{}, s)
			return keysets(rows, err, func(p backupset.Policy) runs.Keyset { return runs.Keyset{ID: p.ID} })
		},
		insert: add,
		before: ascending,
	}
}

func versionPages(f *fixture) list {
	n := 0
	add := func() {
		n++
		f.manual(contoso).save(content{t: settings, id: "p", body: strconv.Itoa(n)}, content{t: settings, id: "other", body: strconv.Itoa(n)})
	}
	for range 11 { // numbers of one and of two digits
		add()
	}
	policy := f.policy(contoso, "p").ID
	return list{
		page: func(s runs.Slice) ([]runs.Keyset, error) {
			rows, err := f.store.ListVersions(f.ctx, contoso, policy, s)
			return keysets(rows, err, func(v backupset.PolicyVersion) runs.Keyset { return numberKeyset(int64(v.Number), v.ID) })
		},
		insert: add,
		before: descending,
	}
}

// systemLists names the lists across tenants that go on after an id.
func systemLists() map[string]func(f *fixture) func(after runs.ID, limit int) ([]runs.ID, error) {
	type pages = func(after runs.ID, limit int) ([]runs.ID, error)
	tenants := func(i int) graph.TenantID { return []graph.TenantID{contoso, fabrikam}[i%2] }
	return map[string]func(f *fixture) pages{
		"EnabledSchedules": func(f *fixture) pages {
			for i := range 5 {
				f.schedule(tenants(i))
			}
			return func(after runs.ID, limit int) (ids []runs.ID, err error) {
				rows, err := f.store.EnabledSchedules(f.ctx, after, limit)
				for _, s := range rows {
					ids = append(ids, s.ID)
				}
				return ids, err
			}
		},
		"StrandedRuns": func(f *fixture) pages {
			for i := range 5 {
				f.leased(f.start(f.newRun(tenants(i))), time.Duration(i-3)*time.Hour-time.Second) // one is not over
				f.start(f.newRun(tenants(i)))
			}
			return func(after runs.ID, limit int) (ids []runs.ID, err error) {
				rows, err := f.store.StrandedRuns(f.ctx, runs.Stranded{QueuedBefore: start, After: after, Limit: limit})
				for _, r := range rows {
					ids = append(ids, r.ID)
				}
				return ids, err
			}
		},
		"PurgeableSets": func(f *fixture) pages {
			for i := range 5 {
				f.retire(f.manualSet(tenants(i)), start.Add(-time.Duration(i)*time.Hour))
			}
			return func(after runs.ID, limit int) (ids []runs.ID, err error) {
				rows, err := f.store.PurgeableSets(f.ctx, start.Add(time.Hour), after, limit)
				for _, s := range rows {
					ids = append(ids, s.ID)
				}
				return ids, err
			}
		},
		"OldUploads": func(f *fixture) pages {
			for i := range 5 {
				f.upload(tenants(i))
			}
			return func(after runs.ID, limit int) (ids []runs.ID, err error) {
				rows, err := f.store.OldUploads(f.ctx, start.Add(time.Hour), after, limit)
				for _, u := range rows {
					ids = append(ids, u.ID)
				}
				return ids, err
			}
		},
		"Groups": func(f *fixture) pages {
			for i := range 5 {
				s := f.schedule(tenants(i))
				f.backup(s, start)
				f.backup(s, start.Add(time.Hour)) // a second set makes no second group
			}
			return func(after runs.ID, limit int) (ids []runs.ID, err error) {
				rows, err := f.store.Groups(f.ctx, after, limit)
				for _, g := range rows {
					ids = append(ids, g.ScheduleID)
				}
				return ids, err
			}
		},
	}
}

func systemPages(t *testing.T, page func(after runs.ID, limit int) ([]runs.ID, error)) {
	whole := must(page("", 1000))(t)
	if len(whole) < 5 || !slices.IsSortedFunc(whole, func(a, b runs.ID) int { return cmp.Or(cmp.Compare(a, b), 1) }) {
		t.Fatalf("want at least 5 different ids in order, got %v", whole)
	}
	for limit := 1; limit <= len(whole)+1; limit++ {
		var got []runs.ID
		after := runs.ID("")
		for range 1000 {
			ids := must(page(after, limit))(t)
			if len(ids) > limit {
				t.Fatalf("limit %d: got %d rows", limit, len(ids))
			}
			got = append(got, ids...)
			if len(ids) < limit {
				break
			}
			after = ids[len(ids)-1]
		}
		same(t, "in pages of "+strconv.Itoa(limit), got, whole)
	}
}
