package backupset_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenantatlas/tenantbackup/graph"
)

// The flag may be shared with other files of this test binary.
func init() {
	if flag.Lookup("update") == nil {
		flag.Bool("update", false, "rewrite the golden files")
	}
}

// readFixture reads a policy: its type, its raw object and its parts, whose bytes stay as
// they are in the file.
func readFixture(t testing.TB, path string) *graph.Policy {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		Type  graph.PolicyType
		Raw   json.RawMessage
		Parts map[string]json.RawMessage
	}
	if err := json.Unmarshal(raw, &f); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	p := &graph.Policy{Type: f.Type, Raw: f.Raw}
	for _, name := range sortedKeys(f.Parts) {
		p.Parts = append(p.Parts, graph.Part{Name: name, Raw: f.Parts[name]})
	}
	return p
}

// fixtures reads every policy that matches a pattern below testdata.
func fixtures(t testing.TB, pattern string) map[string]*graph.Policy {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", filepath.FromSlash(pattern)))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no fixture matches %s: %v", pattern, err)
	}
	out := make(map[string]*graph.Policy, len(paths))
	for _, path := range paths {
		out[path] = readFixture(t, path)
	}
	return out
}

// golden compares got with a file, or writes the file when -update is given.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}
