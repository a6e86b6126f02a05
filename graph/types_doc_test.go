package graph_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
)

var updateDoc = flag.Bool("update", false, "write docs/graph-types.md and docs/graph-permissions.md")

// docs/graph-types.md is the catalogue as a person reads it.
func TestTheDocumentOfTypesIsTheCatalogue(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Policy types\n\nThe built-in catalogue, `graph.Catalog`, written by `go test ./graph -run Document -update`. " +
		"A schedule may name every type that is not `lookup_only`; foundations are what other policies refer to, and come with `include_foundations`.\n\n" +
		counted() + "\n\n" +
		"| key | name | platform | Graph path | support | foundation | note |\n|---|---|---|---|---|---|---|\n")
	for _, info := range graph.Catalog.All() {
		foundation := ""
		if info.Foundation {
			foundation = "yes"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | `%s%s` | `%s` | %s | %s |\n",
			info.Key, info.DisplayName, info.Platform, info.Version, info.Path, info.Support, foundation, info.Note)
	}
	writeReading(&b)
	b.WriteString("\n## Writing\n\nWhat a write of each type leaves out beside " + codes(graph.CommonStrip()) +
		" (`!` keeps one of these), which objects are changed but never created or are not written at all, and what objects refer to.\n\n" +
		"| key | left out | fixed once it exists | told apart by | not created or not written | assigned | refers to |\n|---|---|---|---|---|---|---|\n")
	for _, info := range graph.Catalog.All() {
		if info.Support == graph.Restorable {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s | %s |\n", info.Key, codes(info.Write.Strip), codes(info.Write.StripUpdate),
				codes(append(polymorphic(info), info.Write.MatchBy...)), special(info.Write), assigned(info.Write), references(info.Refs))
		}
	}
	writeRequests(&b)
	isDocument(t, "../docs/graph-types.md", b.String())
}

// counted says how many types there are and why people meet three numbers of them.
func counted() string {
	all, captured, asked := graph.Catalog.All(), 0, 0
	for _, info := range all {
		if info.Capturable() {
			captured++
		}
	}
	if access, err := graph.Preflight(graph.Catalog, nil, nil); err == nil {
		asked = len(access)
	}
	return fmt.Sprintf("There are %d types. %d are backed up; these are offered where types are chosen. %d are held against permissions: those, and %d that give "+
		"names to what policies refer to. The other %d are in the catalogue to say why they are not backed up by themselves.",
		len(all), captured, asked, asked-captured, len(all)-asked)
}

// isDocument holds a file against what the catalogue says.
func isDocument(t *testing.T, path, want string) {
	t.Helper()
	if *updateDoc {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run with -update to write it", err)
	}
	if diff := gocmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s is not the catalogue; run with -update (-want +got):\n%s", path, diff)
	}
}

func codes(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return "`" + strings.Join(words, "`, `") + "`"
}

func polymorphic(info graph.TypeInfo) []string {
	if info.Write.Polymorphic {
		return []string{"@odata.type"}
	}
	return nil
}

func special(w graph.WriteRules) string {
	var out []string
	for _, r := range []struct {
		rule *graph.DefaultRule
		what string
	}{{w.Default, "not created"}, {w.BuiltIn, "not written"}} {
		switch {
		case r.rule == nil:
		case r.rule.Property == "":
			out = append(out, r.what)
		default:
			out = append(out, fmt.Sprintf("%s: `%s` %s", r.what, r.rule.Property, strings.Join(r.rule.Values, ", ")))
		}
	}
	return strings.Join(out, "; ")
}

func assigned(w graph.WriteRules) string {
	if !w.Assigned {
		return "no"
	}
	return strings.TrimSuffix("yes "+codes(w.AssignmentFields), " ")
}

func references(refs []graph.RefRule) string {
	var to []string
	for _, r := range refs {
		if what := cmp.Or(r.Kind, string(r.Type)); !slices.Contains(to, what) {
			to = append(to, what)
		}
	}
	slices.Sort(to)
	return strings.Join(to, ", ")
}
