package backupset_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

func diffOf(t fataler, z *backupset.Canonicalizer, before, after *graph.Policy) []backupset.Change {
	t.Helper()
	changes, err := z.Diff(before, after)
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

func TestDiffOfFixtures(t *testing.T) {
	z := backupset.NewCanonicalizer(graph.Catalog)
	paths, err := filepath.Glob("testdata/diff/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no fixture: %v", err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var f struct {
				Type          graph.PolicyType
				Before, After struct {
					Raw   json.RawMessage
					Parts map[string]json.RawMessage
				}
			}
			if err := json.Unmarshal(raw, &f); err != nil {
				t.Fatal(err)
			}
			before := policy(f.Type, string(f.Before.Raw))
			for _, name := range sortedKeys(f.Before.Parts) {
				before.Parts = append(before.Parts, graph.Part{Name: name, Raw: f.Before.Parts[name]})
			}
			after := policy(f.Type, string(f.After.Raw))
			for _, name := range sortedKeys(f.After.Parts) {
				after.Parts = append(after.Parts, graph.Part{Name: name, Raw: f.After.Parts[name]})
			}
			var b bytes.Buffer
			for _, c := range diffOf(t, z, before, after) {
				fmt.Fprintf(&b, "%-7s %s\n", c.Op, c.Path)
				if c.Before != nil {
					fmt.Fprintf(&b, "  -  %s\n", c.Before)
				}
				if c.After != nil {
					fmt.Fprintf(&b, "  +  %s\n", c.After)
				}
			}
			if strings.Contains(b.String(), "canary") {
				t.Errorf("a secret is shown:\n%s", &b)
			}
			golden(t, strings.TrimSuffix(path, ".json")+".golden", b.Bytes())
		})
	}
}

func TestAReplacedGroupIsNotAChangedGroup(t *testing.T) {
	z := backupset.NewCanonicalizer(graph.Catalog)
	target := func(group string) string {
		return `{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"` + group + `"}}`
	}
	before := policy("x", `{}`, "assignments", "["+target("g1")+","+target("g2")+"]")
	after := policy("x", `{}`, "assignments", "["+target("g3")+","+target("g2")+"]")
	var got []string
	for _, c := range diffOf(t, z, before, after) {
		got = append(got, string(c.Op)+" "+c.Path)
	}
	want := []string{"remove assignments[groupAssignmentTarget:g1]", "add assignments[groupAssignmentTarget:g3]"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestDiffAlignsPlainArrays(t *testing.T) {
	z := backupset.NewCanonicalizer(nil)
	tests := map[string]struct {
		before, after string
		want          []string
	}{
		"insert":       {`[1,2,3]`, `[1,9,2,3]`, []string{"add a[1]  9"}},
		"remove":       {`[1,2,3]`, `[1,3]`, []string{"remove a[1] 2 "}},
		"replace":      {`[1,2,3]`, `[1,9,3]`, []string{"replace a[1] 2 9"}},
		"move":         {`[1,2,3]`, `[3,1,2]`, []string{"add a[0]  3", "remove a[2] 3 "}},
		"both ends":    {`[1,2,3]`, `[0,1,2]`, []string{"add a[0]  0", "remove a[2] 3 "}},
		"from empty":   {`[]`, `[1]`, []string{"add a[0]  1"}},
		"exact number": {`[9007199254740993]`, `[9007199254740992]`, []string{"replace a[0] 9007199254740993 9007199254740992"}},
		"other type":   {`[]`, `{}`, []string{"replace a [] {}"}},
		"nested":       {`[[1],[2]]`, `[[1],[3]]`, []string{"replace a[1][0] 2 3"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, c := range diffOf(t, z, policy("x", `{"a":`+tt.before+`}`), policy("x", `{"a":`+tt.after+`}`)) {
				got = append(got, fmt.Sprintf("%s %s %s %s", c.Op, c.Path, c.Before, c.After))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestLongValuesAreCut(t *testing.T) {
	z := backupset.NewCanonicalizer(nil)
	tests := map[string]string{
		"text":   `"` + strings.Repeat("é", 5000) + `%s"`,
		"object": `{"` + strings.Repeat("é", 5000) + `":"%s"}`,
	}
	for shift := range 8 { // so that the cut would fall into every place of an escape sequence
		tests[fmt.Sprintf("escapes, shifted by %d", shift)] = `"` + strings.Repeat("x", shift) + strings.Repeat(`\u0001\"`, 1000) + `%s"`
	}
	for name, long := range tests {
		t.Run(name, func(t *testing.T) {
			before := policy("x", `{"a":`+fmt.Sprintf(long, "1")+`,"b":0}`)
			after := policy("x", `{"a":[`+fmt.Sprintf(long, "2")+`],"b":0}`)
			changes := diffOf(t, z, before, after)
			if len(changes) != 1 {
				t.Fatalf("%d changes", len(changes))
			}
			for _, v := range []json.RawMessage{changes[0].Before, changes[0].After} {
				var s string
				if err := json.Unmarshal(v, &s); err != nil || len(v) > 10<<10 || !strings.Contains(s, "[cut: ") || strings.Contains(s, "\uFFFD") {
					t.Errorf("%v, %d bytes: ...%s", err, len(v), v[max(0, len(v)-80):])
				}
			}
		})
	}
}

func TestLongValuesThatDifferAtTheEndLookDifferent(t *testing.T) {
	z := backupset.NewCanonicalizer(nil)
	script := strings.Repeat("A", 20000)
	changes := diffOf(t, z, policy("x", `{"scriptContent":"`+script+`1"}`), policy("x", `{"scriptContent":"`+script+`2"}`))
	if len(changes) != 1 || bytes.Equal(changes[0].Before, changes[0].After) {
		t.Errorf("%d changes, equal values", len(changes))
	}
}

func TestDiffErrors(t *testing.T) {
	z := backupset.NewCanonicalizer(nil)
	good, bad := policy("x", `{}`), policy("x", `{`)
	if _, err := z.Diff(bad, good); !errors.Is(err, backupset.ErrMalformed) || !strings.HasPrefix(err.Error(), "before: ") {
		t.Errorf("before: %v", err)
	}
	if _, err := z.Diff(good, nil); !errors.Is(err, backupset.ErrMalformed) || !strings.HasPrefix(err.Error(), "after: ") {
		t.Errorf("after: %v", err)
	}
	if _, err := z.Diff(good, policy("y", `{}`)); err == nil {
		t.Error("policies of two types were compared")
	}
}

func TestDiffOfHugeArraysEnds(t *testing.T) {
	z := backupset.NewCanonicalizer(nil)
	list := func(name string, n, offset int) string {
		elements := make([]string, n)
		for i := range elements {
			elements[i] = fmt.Sprint(i*2 + offset)
		}
		return `{"` + name + `":[` + strings.Join(elements, ",") + `]}`
	}
	for _, name := range []string{"a", "roleScopeTagIds", "omaSettings", "settings"} {
		if n := len(diffOf(t, z, policy("x", list(name, 10000, 0)), policy("x", list(name, 10000, 1)))); n < 10000 {
			t.Errorf("%s: %d changes", name, n)
		}
	}
	same := `{"settings":[` + strings.Repeat(`{"definitionId":"s","a":1},`, 6000) + `{}]}`
	other := `{"settings":[` + strings.Repeat(`{"definitionId":"s","a":2},`, 6000) + `{}]}`
	if n := len(diffOf(t, z, policy("x", same), policy("x", other))); n != 6000 {
		t.Errorf("namesakes: %d changes", n)
	}
}
