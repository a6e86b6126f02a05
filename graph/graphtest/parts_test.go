package graphtest

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
)

// What is stored for an object is what the catalogue says a client captures.
func TestObjectsHaveThePartsOfTheCatalogue(t *testing.T) {
	for key, m := range makers {
		info, ok := graph.Catalog.Lookup(key)
		if !ok {
			t.Errorf("%s is generated and not in the catalogue", key)
		}
		var want []string
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
