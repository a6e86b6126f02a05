package graphtest

import (
	"errors"
	"slices"
	"sync"

	"github.com/tenantatlas/tenantbackup/graph"
)

var listChecks = []check{
	{"every object of every type is captured as the tenant holds it", Config{}, everyType},
	{"a listing goes on to the last of many pages", Config{PageSize: 2}, allPages},
	{"an empty page in the middle is not the end", Config{PageSize: 2, EmptyMiddlePage: true}, allPages},
	{"an object on two pages does no harm", Config{PageSize: 2, OverlapPages: true}, allPages},
	{"an empty collection is no error", Config{}, emptyCollection},
	{"an error of the receiver ends the listing and comes back as it is", Config{PageSize: 2}, receiverFails},
	{"a listing that breaks off is an error", Config{PageSize: 2}, brokenListing},
	{"tenants are kept apart", Config{}, tenantsApart},
	{"many read at once", Config{}, manyAtOnce},
}

func everyType(f *fixture) {
	for _, t := range f.types() {
		got, err := f.capture(f.Context(), here, t)
		f.ok(err)
		f.same(got, f.truth(here, t))
	}
}

func allPages(f *fixture) {
	for _, t := range []graph.PolicyType{many, whole, scriptType} {
		truth := f.truth(here, t)
		headers, pages := f.list(here, t)
		if pages < 2 {
			f.Errorf("%d %s came in %d pages, though the tenant has pages of 2; page must be called for each", len(truth), t, pages)
		}
		seen := map[string]bool{}
		for _, h := range headers {
			p, ok := truth[h.ID]
			if !ok || h.Name != p.Name || h.ODataType != p.ODataType {
				f.Errorf("the listing has %s %s %q %q, which the tenant does not have", t, h.ID, h.Name, h.ODataType)
			}
			seen[h.ID] = true
		}
		if len(seen) != len(truth) {
			f.Errorf("the listing has %d of %d %s", len(seen), len(truth), t)
		}
		got, err := f.capture(f.Context(), here, t)
		f.ok(err)
		f.same(got, truth)
	}
}

func emptyCollection(f *fixture) {
	for _, id := range f.idsOf(plain) {
		f.ok(f.graph.Delete(here, plain, id))
	}
	if headers, _ := f.list(here, plain); len(headers) != 0 {
		f.Errorf("the listing has %d objects, the tenant none", len(headers))
	}
	if results, err := f.Get(f.Context(), here, many, nil); err != nil || len(results) != 0 {
		f.Errorf("Get of nothing: %d results, %v", len(results), err)
	}
}

func receiverFails(f *fixture) {
	stop, pages := errors.New("enough"), 0
	err := f.List(f.Context(), here, many, func(graph.Page) error {
		pages++
		return stop
	})
	if err != stop || pages != 1 {
		f.Errorf("the error is %v after %d pages; want the receiver's own after the first", err, pages)
	}
}

func brokenListing(f *fixture) {
	f.wrong(Fault{Tenant: here, Op: OpList, Type: many, TruncateAfterPages: 2, Times: -1})
	n := 0
	err := f.List(f.Context(), here, many, func(p graph.Page) error { n += len(p.Headers); return nil })
	if err == nil {
		f.Errorf("a listing that broke off after %d of %d objects is a success", n, len(f.idsOf(many)))
		return
	}
	f.kind("List", err, graph.KindIncomplete)
}

func tenantsApart(f *fixture) {
	for _, id := range []graph.TenantID{here, there, here} {
		for _, t := range []graph.PolicyType{many, whole} {
			got, err := f.capture(f.Context(), id, t)
			f.ok(err)
			f.same(got, f.truth(id, t))
		}
	}
}

func manyAtOnce(f *fixture) {
	type capture struct {
		id   graph.TenantID
		t    graph.PolicyType
		got  map[string]graph.Policy
		err  error
		done sync.WaitGroup
	}
	var all []*capture
	for _, t := range f.types() {
		for _, id := range []graph.TenantID{here, there, here} {
			c := &capture{id: id, t: t}
			all = append(all, c)
			c.done.Go(func() { c.got, c.err = f.capture(f.Context(), c.id, c.t) })
		}
	}
	for _, c := range slices.Backward(all) {
		c.done.Wait()
		if c.err != nil {
			f.Errorf("%s: %v", c.t, c.err)
			continue
		}
		f.same(c.got, f.truth(c.id, c.t))
	}
}
