package backupset_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"pgregory.net/rapid"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// genCapture draws a policy, with some of its collections as parts.
func genCapture(t *rapid.T, pt graph.PolicyType, doc map[string]any, noise bool) *graph.Policy {
	p := &graph.Policy{Type: pt, ID: genText.Draw(t, "id")}
	rest := maps.Clone(doc)
	for _, key := range sortedKeys(doc) {
		if rapid.IntRange(0, 4).Draw(t, "part") == 0 {
			p.Parts = append(p.Parts, graph.Part{Name: key, Raw: renderedPart(t, key, doc[key], noise)})
			if rapid.Bool().Draw(t, "inline too") {
				rest[key] = "superseded"
			} else {
				delete(rest, key)
			}
		}
	}
	p.Raw = rendered(t, rest, noise)
	return p
}

func TestCanonicalAgreesWithReference(t *testing.T) {
	c := testCatalogue()
	z := backupset.NewCanonicalizer(c)
	rapid.Check(t, func(t *rapid.T) {
		p := genCapture(t, genType.Draw(t, "type"), genPolicyDocument.Draw(t, "doc"), false)
		want, err := referenceForm(c, p)
		if err != nil {
			t.Fatal(err)
		}
		got, err := z.Append(nil, p)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Fatalf("raw %s\nparts %s\n(-reference +got) %s", p.Raw, p.Parts, diff)
		}
	})
}

func TestUnchangedPolicyKeepsItsHash(t *testing.T) {
	z := backupset.NewCanonicalizer(testCatalogue())
	rapid.Check(t, func(t *rapid.T) {
		pt, doc := genType.Draw(t, "type"), genPolicyDocument.Draw(t, "doc")
		a, b := genCapture(t, pt, doc, true), genCapture(t, pt, doc, true)
		if hashOf(t, z, a) != hashOf(t, z, b) {
			t.Fatalf("two captures of one policy differ:\n%s\n%s\n%s\n%s", a.Raw, a.Parts, b.Raw, b.Parts)
		}
	})
}

func TestCanonicalFormIsAFixedPoint(t *testing.T) {
	z := backupset.NewCanonicalizer(testCatalogue())
	rapid.Check(t, func(t *rapid.T) {
		p := genCapture(t, genType.Draw(t, "type"), genPolicyDocument.Draw(t, "doc"), true)
		once := canonical(t, z, p)
		twice := canonical(t, z, &graph.Policy{Type: p.Type, Raw: once})
		if diff := cmp.Diff(string(once), string(twice)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestEveryKeptLeafCounts(t *testing.T) {
	z := backupset.NewCanonicalizer(testCatalogue())
	rapid.Check(t, func(t *rapid.T) {
		pt := genType.Draw(t, "type")
		p := genCapture(t, pt, genPolicyDocument.Draw(t, "doc"), true)
		kept, err := referenceDecode(canonical(t, z, p))
		if err != nil {
			t.Fatal(err)
		}
		leaves := countLeaves(kept)
		if leaves == 0 {
			t.Skip("no leaf")
		}
		n := rapid.IntRange(0, leaves-1).Draw(t, "leaf")
		mutated := genCapture(t, pt, mutate(kept, &n).(map[string]any), true)
		if hashOf(t, z, p) == hashOf(t, z, mutated) {
			t.Fatalf("a change of a kept value is not seen:\n%s\n%s", canonical(t, z, p), canonical(t, z, mutated))
		}
	})
}

func countLeaves(v any) int {
	n := 0
	switch v := v.(type) {
	case map[string]any:
		for _, e := range v {
			n += countLeaves(e)
		}
	case []any:
		for _, e := range v {
			n += countLeaves(e)
		}
	default:
		return 1
	}
	return n
}

// mutate returns v with its n-th leaf changed.
func mutate(v any, n *int) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for _, key := range sortedKeys(v) {
			out[key] = mutate(v[key], n)
		}
		return out
	case []any:
		out := []any{}
		for _, e := range v {
			out = append(out, mutate(e, n))
		}
		return out
	}
	*n--
	if *n != -1 {
		return v
	}
	switch v := v.(type) {
	case string:
		return v + "x"
	case bool:
		return !v
	case json.Number:
		if v == "7" {
			return json.Number("7.0")
		}
		return json.Number("7")
	default:
		return ""
	}
}

type fataler interface {
	Helper()
	Fatal(args ...any)
}

func hashOf(t fataler, z *backupset.Canonicalizer, p *graph.Policy) backupset.Hash {
	t.Helper()
	h, err := z.Hash(p)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func canonical(t fataler, z *backupset.Canonicalizer, p *graph.Policy) []byte {
	t.Helper()
	out, err := z.Append(nil, p)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
