package bunstore

import (
	"cmp"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/runs"
)

// A run that ends between two lookups is found by both.
func TestWhatSeveralLookupsFoundIsOneListInOrder(t *testing.T) {
	type one struct {
		at   int
		from string
	}
	compare := func(a, b one) int { return cmp.Compare(b.at, a.at) }
	for _, tt := range []struct {
		name        string
		found, want []one
	}{
		{"nothing", nil, nil},
		{"in order", []one{{3, "a"}, {2, "a"}, {1, "b"}}, []one{{3, "a"}, {2, "a"}, {1, "b"}}},
		{"mixed", []one{{2, "a"}, {3, "b"}, {1, "b"}}, []one{{3, "b"}, {2, "a"}, {1, "b"}}},
		{"found twice, as it was first", []one{{3, "a"}, {1, "a"}, {3, "b"}, {2, "b"}}, []one{{3, "a"}, {2, "b"}, {1, "a"}}},
		{"more than one more than the limit", []one{{4, "a"}, {2, "a"}, {5, "b"}, {3, "b"}}, []one{{5, "b"}, {4, "a"}, {3, "b"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := merged(tt.found, compare, runs.Slice{Limit: 2})
			if d := gocmp.Diff(tt.want, got, gocmp.AllowUnexported(one{})); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}
