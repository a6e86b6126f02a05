package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// campaign breaks the store in all ways and asks for a way to break every promise. It
// compiles the program once for each, which takes some minutes:
//
//	go test ./examples/ownstore -run Broken -campaign -timeout 40m -v
var campaign = flag.Bool("campaign", false, "break the store in all known ways, not in two")

// mutant is one way to break the store: one snippet of its source is another.
type mutant struct {
	promise  string // which has to notice, as role/sentence
	file     string
	old, new string
}

// TestSuiteNoticesABrokenStore holds the suite to its own rule: a check that cannot fail is
// no check.
func TestSuiteNoticesABrokenStore(t *testing.T) {
	mutants := slices.Concat(scheduleMutants, runMutants, turnMutants, setMutants, operationMutants)
	for _, m := range mutants {
		source, err := os.ReadFile(m.file)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(source, []byte(m.old)); n != 1 {
			t.Errorf("%s has %q %d times, want once; bring the table up to date", m.file, m.old, n)
		}
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("the go command is needed to compile broken stores: ", err)
	}
	chosen := mutants
	if !*campaign {
		chosen = []mutant{mutants[0], mutants[len(mutants)-1]}
	}
	noticed := map[string]bool{}
	for _, m := range chosen {
		t.Run(m.promise, func(t *testing.T) {
			failed := m.run(t)
			if !slices.Contains(failed, spelled(m.promise)) {
				t.Errorf("with %q for %q the suite fails at %q, but not there", m.new, m.old, failed)
			}
			for _, promise := range failed {
				noticed[promise] = true
			}
		})
	}
	if !*campaign {
		return
	}
	for _, promise := range outcomes(t, os.Args[0], "PASS") {
		if !noticed[promise] {
			t.Errorf("no broken store fails at %q; add a way to break it", promise)
		}
	}
	t.Logf("%d broken stores, %d promises that one of them fails", len(chosen), len(slices.Collect(maps.Keys(noticed))))
}

// run compiles the program with the snippet replaced and returns the promises it fails.
func (m mutant) run(t *testing.T) []string {
	t.Helper()
	source, err := os.ReadFile(m.file)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	broken, program := filepath.Join(dir, "broken.go"), filepath.Join(dir, "broken.test")
	write := func(path string, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(broken, bytes.Replace(source, []byte(m.old), []byte(m.new), 1))
	original, err := filepath.Abs(m.file)
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {original: broken}})
	if err != nil {
		t.Fatal(err)
	}
	write(filepath.Join(dir, "overlay.json"), overlay)
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-vet=off", "-overlay", filepath.Join(dir, "overlay.json"), "-o", program, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("compiling the broken store: %v\n%s", err, out)
	}
	return outcomes(t, program, "FAIL")
}

// outcomes runs the suite of a compiled test and returns the promises that ended so.
func outcomes(t *testing.T, program, outcome string) []string {
	t.Helper()
	out, _ := exec.CommandContext(t.Context(), program, "-test.run=^TestMemory", "-test.v", "-test.timeout=60s").CombinedOutput()
	lines := regexp.MustCompile(`(?m)^ +--- `+outcome+`: TestMemory\w+/(\w+/.*) \([\d.]+s\)$`).FindAllSubmatch(out, -1)
	var promises []string
	for _, line := range lines {
		promises = append(promises, string(line[1]))
	}
	if len(promises) == 0 {
		t.Logf("no promise ended with %s: %s", outcome, bytes.TrimSpace(out[max(0, len(out)-2000):]))
	}
	return promises
}

// spelled is a promise as go test spells it.
func spelled(promise string) string { return strings.ReplaceAll(promise, " ", "_") }
