package graphtest

import (
	"bytes"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
)

var getChecks = []check{
	{"results come in the order of the ids, one for each", Config{}, orderOfResults},
	{"an object that was deleted is not found, and the others are there", Config{}, deletedSince},
	{"an object that cannot be read fails alone", Config{}, itemFails},
	{"a type without permission is forbidden, and others are not", Config{}, forbidden},
	{"a type that is not known, or is looked up only, is unsupported", Config{}, unsupported},
	{"a tenant that the client cannot sign in to is unauthorized", Config{}, unauthorized},
	{"bytes that were handed out never change", Config{}, bytesStay},
}

func orderOfResults(f *fixture) {
	for _, t := range []graph.PolicyType{many, whole, scriptType, "conditionalAccessPolicy"} {
		ids := f.idsOf(t)
		slices.Reverse(ids)
		ids = append(ids, ids[0], "00000000-0000-4000-8000-000000000000", ids[1%len(ids)])
		results, err := f.Get(f.Context(), here, t, ids)
		if err != nil || len(results) != len(ids) {
			f.Errorf("%s: %d results for %d ids, %v", t, len(results), len(ids), err)
			continue
		}
		for i, r := range results {
			switch p, exists := f.truth(here, t)[ids[i]]; {
			case r.ID != ids[i]:
				f.Errorf("result %d is of %s; want %s", i, r.ID, ids[i])
			case !exists:
				f.kind("Get of an unknown id", r.Err, graph.KindNotFound)
			case r.Err != nil:
				f.Errorf("%s %s: %v", t, r.ID, r.Err)
			case r.Policy.ID != ids[i], len(p.Warnings) == 0 && f.content(r.Policy) != f.content(p):
				f.Errorf("result %d of %s holds another object", i, t)
			}
		}
	}
}

func deletedSince(f *fixture) {
	for _, t := range []graph.PolicyType{many, plain} {
		ids := f.idsOf(t)
		gone := ids[len(ids)/2]
		headers, _ := f.list(here, t)
		if len(headers) != len(ids) {
			f.Errorf("the listing has %d of %d %s", len(headers), len(ids), t)
		}
		f.ok(f.graph.Delete(here, t, gone))
		f.single(t, ids, gone, graph.KindNotFound)
	}
}

func itemFails(f *fixture) {
	ids := f.idsOf(many)
	bad := ids[2]
	f.wrong(Fault{Tenant: here, Op: OpItem, Type: many, ID: bad, Times: -1, Err: &graph.Error{Kind: graph.KindInvalid}})
	f.single(many, ids, bad, graph.KindInvalid)
}

// single checks that one object fails by itself and all others are fetched.
func (f *fixture) single(t graph.PolicyType, ids []string, bad string, want graph.Kind) {
	f.Helper()
	results, err := f.Get(f.Context(), here, t, ids)
	if err != nil || len(results) != len(ids) {
		f.Errorf("Get of %d %s, one of which cannot be read: %d results, %v", len(ids), t, len(results), err)
		return
	}
	for i, r := range results {
		switch {
		case ids[i] == bad:
			f.kind("the one that cannot be read", r.Err, want)
		case r.Err != nil:
			f.Errorf("another one than the one that cannot be read: %v", r.Err)
		}
	}
}

func forbidden(f *fixture) {
	info, _ := f.graph.catalogue.Lookup("conditionalAccessPolicy")
	var granted []string
	for _, all := range info.Permissions.Read {
		for _, p := range all {
			granted = append(granted, string(p))
		}
	}
	f.ok(f.graph.Grant(here, granted...))
	f.Client = f.make() // signs in with what it is granted now
	err := f.List(f.Context(), here, many, func(graph.Page) error { return nil })
	f.kind("List without permission", err, graph.KindForbidden)
	results, err := f.Get(f.Context(), here, many, f.idsOf(many)[:1])
	if err == nil && len(results) == 1 {
		err = results[0].Err
	}
	f.kind("Get without permission", err, graph.KindForbidden)
	headers, _ := f.list(here, "conditionalAccessPolicy")
	if want := len(f.idsOf("conditionalAccessPolicy")); len(headers) != want {
		f.Errorf("of the type that is permitted the listing has %d of %d", len(headers), want)
	}
}

func unsupported(f *fixture) {
	types := []graph.PolicyType{unknown}
	for _, info := range f.graph.catalogue.All() {
		if !info.Capturable() {
			types = append(types, info.Key)
		}
	}
	for _, t := range types {
		f.kind("List of "+string(t), f.List(f.Context(), here, t, func(graph.Page) error { return nil }), graph.KindUnsupported)
		_, err := f.Get(f.Context(), here, t, []string{"1"})
		f.kind("Get of "+string(t), err, graph.KindUnsupported)
		_, err = f.Create(f.Context(), here, t, []byte(`{"displayName":"x"}`))
		f.kind("Create of "+string(t), err, graph.KindUnsupported)
		f.kind("Update of "+string(t), f.Update(f.Context(), here, t, "1", []byte(`{"displayName":"x"}`)), graph.KindUnsupported)
		f.kind("Assign of "+string(t), f.Assign(f.Context(), here, t, "1", nil), graph.KindUnsupported)
	}
}

func unauthorized(f *fixture) {
	const nobody = "nobody"
	f.kind("List", f.List(f.Context(), nobody, many, func(graph.Page) error { return nil }), graph.KindUnauthorized)
	_, err := f.Get(f.Context(), nobody, many, []string{"1"})
	f.kind("Get", err, graph.KindUnauthorized)
	_, err = f.Resolve(f.Context(), nobody, []graph.Reference{{Kind: "group", ID: "1", Name: "x"}})
	f.kind("Resolve", err, graph.KindUnauthorized)
}

func bytesStay(f *fixture) {
	for _, t := range []graph.PolicyType{many, whole, scriptType} {
		got, err := f.capture(f.Context(), here, t)
		f.ok(err)
		before := map[string][]byte{}
		for id, p := range got {
			before[id] = allBytes(p)
		}
		for id := range got {
			f.ok(f.graph.Change(here, t, id, 1))
		}
		again, err := f.capture(f.Context(), here, t)
		f.ok(err)
		f.same(again, f.truth(here, t))
		for id, p := range got {
			if !bytes.Equal(allBytes(p), before[id]) {
				f.Errorf("the bytes of %s %s changed after they were handed out", t, id)
			}
		}
	}
}

// allBytes is a copy of everything that a policy holds.
func allBytes(p graph.Policy) []byte {
	out := bytes.Clone(p.Raw)
	for _, part := range p.Parts {
		out = append(append(out, part.Name...), part.Raw...)
	}
	return out
}
