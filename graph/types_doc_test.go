package graph_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
)

var updateDoc = flag.Bool("update", false, "write docs/graph-types.md")

// docs/graph-types.md is the catalogue as a person reads it.
func TestTheDocumentOfTypesIsTheCatalogue(t *testing.T) {
	const path = "../docs/graph-types.md"
	var b strings.Builder
	b.WriteString("# Policy types\n\nThe built-in catalogue, `graph.Catalog`, written by `go test ./graph -run Document -update`. " +
		"A schedule may name every type that is not `lookup_only`; foundations are what other policies refer to, and come with `include_foundations`.\n\n" +
		"| key | name | platform | Graph path | support | foundation | note |\n|---|---|---|---|---|---|---|\n")
	for _, info := range graph.Catalog.All() {
		foundation := ""
		if info.Foundation {
			foundation = "yes"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | `%s%s` | `%s` | %s | %s |\n",
			info.Key, info.DisplayName, info.Platform, info.Version, info.Path, info.Support, foundation, info.Note)
	}
	if *updateDoc {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run with -update to write it", err)
	}
	if diff := cmp.Diff(b.String(), string(got)); diff != "" {
		t.Errorf("docs/graph-types.md is not the catalogue; run with -update (-want +got):\n%s", diff)
	}
}
