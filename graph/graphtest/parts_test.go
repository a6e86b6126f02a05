package graphtest

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
)

// What is stored for an object is what the catalogue says a client captures.
func TestObjectsHaveThePartsOfTheCatalogue(t *testing.T) {
	generated := maps.Clone(makers)
	maps.Copy(generated, rareMakers)
	for key, m := range generated {
		info, ok := graph.Catalog.Lookup(key)
		if !ok {
			t.Errorf("%s is generated and not in the catalogue", key)
		}
		var want []string
		if info.Write.Assigned && info.Read.ItemQuery == "$expand=assignments" { // in no other way
			want = append(want, partAssignments)
		}
		for _, part := range info.Read.Parts {
			want = append(want, part.Name)
		}
		got := slices.Clone(m.parts)
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-catalogue +generated):\n%s", key, diff)
		}
	}
}
