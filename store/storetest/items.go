package storetest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
)

func itemPromises() []promise {
	return []promise{
		{"saved items come back as they were given and the run counts them", savedItemsComeBack},
		{"a later item of a policy replaces one that failed or was skipped", laterItemReplaces},
		{"a success is never replaced", successIsNeverReplaced},
		{"items of one call for one policy count once", itemsOfOneCallCountOnce},
		{"an item without a policy speaks for its type", itemWithoutPolicy},
		{"a total is stored when it is not negative", totalIsStored},
		{"counts equal the stored items when many save at once", countsEqualItems},
		{"a lease that has run out still writes until somebody takes the run", leaseThatRanOutStillWrites},
		{"items are found by status and type", itemsAreFound},
		{"items of another run are another run's", itemsOfAnotherRun},
	}
}

// saveItems saves items under the run's lease without a total.
func (f *fixture) saveItems(r runs.Run, items ...runs.Item) runs.Run {
	f.Helper()
	return must(f.store.SaveItems(f.ctx, r.TenantID, r.Lease(), items, -1))(f)
}

// countsMatch fails the test unless the run's counts are those of its stored items.
func (f *fixture) countsMatch(r runs.Run) {
	f.Helper()
	got := f.get(r).Counts
	want := runs.Counts{Total: got.Total}
	for _, item := range f.items(r.TenantID, r.ID) {
		want.Processed++
		switch item.Status {
		case runs.ItemSuccess:
			want.Succeeded++
		case runs.ItemFailed:
			want.Failed++
		case runs.ItemSkipped:
			want.Skipped++
		}
	}
	same(f, "counts against stored items", got, want)
}

func savedItemsComeBack(t *testing.T, f *fixture) {
	r := f.running(contoso)
	want := []runs.Item{f.newItem("p1", runs.ItemSuccess), f.newItem("p2", runs.ItemFailed), f.newItem("p3", runs.ItemSkipped)}
	want[0].TargetID, want[0].Attempt = "object", 4
	got := f.saveItems(r, want...)
	same(t, "items", f.items(contoso, r.ID), want)
	same(t, "counts returned", got.Counts, runs.Counts{Processed: 3, Succeeded: 1, Failed: 1, Skipped: 1})
	same(t, "run returned and run stored", f.get(r), got)
	f.countsMatch(r)
}

func laterItemReplaces(t *testing.T, f *fixture) {
	r := f.running(contoso)
	f.saveItems(r, f.newItem("p1", runs.ItemFailed), f.newItem("p2", runs.ItemSkipped))
	first, second := f.newItem("p1", runs.ItemSuccess), f.newItem("p2", runs.ItemFailed)
	first.Attempt, second.Attempt = 2, 2
	first.Name = "renamed"
	got := f.saveItems(r, first, second)
	same(t, "counts", got.Counts, runs.Counts{Processed: 2, Succeeded: 1, Failed: 1})
	items := f.items(contoso, r.ID)
	if len(items) != 2 {
		t.Fatalf("items: got %+v, want 2", items)
	}
	for _, want := range []runs.Item{first, second} {
		for _, item := range items {
			if item.PolicyID == want.PolicyID {
				item.ID = want.ID // whether a row keeps its id is the store's choice
				same(t, "item "+want.PolicyID, item, want)
			}
		}
	}
	f.countsMatch(r)
}

func successIsNeverReplaced(t *testing.T, f *fixture) {
	r := f.running(contoso)
	success := f.newItem("p1", runs.ItemSuccess)
	f.saveItems(r, success)
	for _, status := range []runs.ItemStatus{runs.ItemFailed, runs.ItemSkipped, runs.ItemSuccess} {
		later := f.newItem("p1", status)
		later.Attempt, later.Name = 2, "later"
		got := f.saveItems(r, later)
		same(t, "item after "+string(status), f.items(contoso, r.ID), []runs.Item{success})
		same(t, "counts after "+string(status), got.Counts, runs.Counts{Processed: 1, Succeeded: 1})
	}
}

func itemsOfOneCallCountOnce(t *testing.T, f *fixture) {
	r := f.running(contoso)
	failed, success, last := f.newItem("p1", runs.ItemFailed), f.newItem("p1", runs.ItemSuccess), f.newItem("p1", runs.ItemSkipped)
	got := f.saveItems(r, failed, success, last)
	items := f.items(contoso, r.ID)
	if len(items) != 1 || items[0].Status != runs.ItemSuccess {
		t.Errorf("items: got %+v, want the success", items)
	}
	same(t, "counts", got.Counts, runs.Counts{Processed: 1, Succeeded: 1})
}

func itemWithoutPolicy(t *testing.T, f *fixture) {
	r := f.running(contoso)
	whole, other := f.newItem("", runs.ItemFailed), f.newItem("", runs.ItemFailed)
	other.PolicyType = scripts
	f.saveItems(r, whole, other, f.newItem("p1", runs.ItemSuccess))
	again := f.newItem("", runs.ItemSkipped)
	got := f.saveItems(r, again)
	same(t, "counts", got.Counts, runs.Counts{Processed: 3, Succeeded: 1, Failed: 1, Skipped: 1})
	f.countsMatch(r)
}

func totalIsStored(t *testing.T, f *fixture) {
	r := f.running(contoso)
	for _, step := range []struct{ total, want int }{{-1, 0}, {7, 7}, {-1, 7}, {9, 9}, {0, 0}} {
		got := must(f.store.SaveItems(f.ctx, contoso, r.Lease(), nil, step.total))(t)
		if got.Counts.Total != step.want || f.get(r).Counts.Total != step.want {
			t.Errorf("after total %d: returned %d, stored %d, want %d", step.total, got.Counts.Total, f.get(r).Counts.Total, step.want)
		}
	}
}

func countsEqualItems(t *testing.T, f *fixture) {
	r := f.running(contoso)
	policies := []string{"p1", "p2", "p3", "p4", "p5"}
	statuses := []runs.ItemStatus{runs.ItemFailed, runs.ItemSuccess, runs.ItemSkipped}
	var mu sync.Mutex
	var failed error
	atOnce(crowd, func(i int) {
		for j, p := range policies {
			_, err := f.store.SaveItems(f.ctx, contoso, r.Lease(), []runs.Item{f.newItem(p, statuses[(i+j)%3])}, -1)
			mu.Lock()
			failed = errors.Join(failed, err)
			mu.Unlock()
		}
	})
	f.ok(failed)
	f.countsMatch(r)
	if got := f.get(r).Counts; got.Processed != len(policies) || got.Succeeded != len(policies) {
		t.Errorf("counts: got %+v, want %d processed, all succeeded", got, len(policies))
	}
}

func leaseThatRanOutStillWrites(t *testing.T, f *fixture) {
	r := f.running(contoso)
	f.change(r, func(_ time.Time, r *runs.Run) { r.LeaseUntil = start.AddDate(-1, 0, 0) })
	f.saveItems(r, f.newItem("p1", runs.ItemSuccess))
}

func itemsAreFound(t *testing.T, f *fixture) {
	r := f.running(contoso)
	a, b, c := f.newItem("p1", runs.ItemSuccess), f.newItem("p2", runs.ItemFailed), f.newItem("p3", runs.ItemFailed)
	c.PolicyType = scripts
	f.saveItems(r, a, b, c)
	for what, q := range map[string]struct {
		filter runs.ItemFilter
		want   []runs.Item
	}{
		"status":   {runs.ItemFilter{Statuses: []runs.ItemStatus{runs.ItemFailed}}, []runs.Item{b, c}},
		"statuses": {runs.ItemFilter{Statuses: []runs.ItemStatus{runs.ItemSuccess, runs.ItemSkipped}}, []runs.Item{a}},
		"type":     {runs.ItemFilter{PolicyType: scripts}, []runs.Item{c}},
		"together": {runs.ItemFilter{PolicyType: scripts, Statuses: []runs.ItemStatus{runs.ItemSuccess}}, nil},
	} {
		same(t, what, must(f.store.ListItems(f.ctx, contoso, r.ID, q.filter, all))(t), q.want)
	}
}

func itemsOfAnotherRun(t *testing.T, f *fixture) {
	first, second := f.running(contoso), f.running(contoso)
	a, b := f.newItem("p1", runs.ItemSuccess), f.newItem("p1", runs.ItemFailed)
	f.saveItems(first, a)
	f.saveItems(second, b)
	same(t, "items of the first", f.items(contoso, first.ID), []runs.Item{a})
	same(t, "items of the second", f.items(contoso, second.ID), []runs.Item{b})
}
