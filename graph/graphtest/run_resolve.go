package graphtest

import (
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
)

var resolveChecks = []check{
	{"references are looked up by id, by name in any letter case, and by rule", Config{}, resolved},
	{"a kind of reference that cannot be looked up is unsupported", Config{}, unresolvable},
}

func resolved(f *fixture) {
	byName := map[string]int{}
	directory := f.graph.Directory(here)
	for _, have := range directory {
		byName[have.Kind+" "+strings.ToLower(have.Name)]++
	}
	const nothing = "00000000-0000-4000-8000-000000000000"
	var refs []graph.Reference
	type expected struct {
		exists bool
		match  *graph.Reference // nil for none
	}
	var want []expected
	for i, have := range directory {
		if byName[have.Kind+" "+strings.ToLower(have.Name)] > 1 {
			continue
		}
		refs = append(refs,
			have,
			graph.Reference{Kind: have.Kind, ID: nothing, Name: strings.ToUpper(have.Name)},
			graph.Reference{Kind: have.Kind, ID: have.ID, Name: "No such name"},
			graph.Reference{Kind: have.Kind, ID: nothing, Name: have.Name, Rule: "another rule"},
		)
		want = append(want, expected{true, &directory[i]}, expected{false, &directory[i]}, expected{true, nil}, expected{false, nil})
	}
	got, err := f.Resolve(f.Context(), here, refs)
	if err != nil || len(got) != len(refs) || len(refs) == 0 {
		f.Fatalf("%d resolutions of %d references: %v", len(got), len(refs), err)
	}
	for i, r := range got {
		switch w := want[i]; {
		case r.Exists != w.exists:
			f.Errorf("%+v: exists is %v", refs[i], r.Exists)
		case w.match == nil && len(r.Matches) > 0, w.match != nil && (len(r.Matches) != 1 || r.Matches[0] != *w.match):
			f.Errorf("%+v: the matches are %+v", refs[i], r.Matches)
		}
	}
	if got, err := f.Resolve(f.Context(), here, nil); err != nil || len(got) != 0 {
		f.Errorf("nothing to look up: %d resolutions, %v", len(got), err)
	}
}

func unresolvable(f *fixture) {
	_, err := f.Resolve(f.Context(), here, []graph.Reference{{Kind: "noSuchKind", ID: "1", Name: "x"}})
	f.kind("Resolve", err, graph.KindUnsupported)
}
