package backupset_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// FuzzCanonical: nothing panics; what has a canonical form is JSON by the standard
// library's judgement too, agrees with the reference, and its form is a fixed point with
// an empty diff.
func FuzzCanonical(f *testing.F) {
	for _, p := range fixtures(f, "canonical/*.json") {
		part := []byte("[]")
		if len(p.Parts) > 0 {
			part = p.Parts[0].Raw
		}
		f.Add([]byte(p.Raw), part, string(p.Type))
	}
	f.Add([]byte(`{"a":"\ud83d\ude00\u0000","a@odata.type":1e5,"roleScopeTagIds":[[],{},null,1]}`), []byte(`[{"id":1}]`), "custom")
	f.Add([]byte("\uFEFF{\"conditions\":{\"users\":{\"includeUsers\":[2,1]}}}"), []byte(`{}`), "x")
	catalogue := testCatalogue()
	z := backupset.NewCanonicalizer(catalogue)
	f.Fuzz(func(t *testing.T, raw, part []byte, pt string) {
		p := &graph.Policy{Type: graph.PolicyType(pt), Raw: raw, Parts: []graph.Part{{Name: "settings", Raw: part}}}
		once, err := z.Append(nil, p)
		if err != nil {
			return
		}
		if !json.Valid(bytes.TrimPrefix(raw, []byte("\uFEFF"))) || !json.Valid(once) {
			t.Fatalf("not JSON: %q to %q", raw, once)
		}
		if want, err := referenceForm(catalogue, p); err != nil || want != string(once) {
			t.Fatalf("reference %q, %v; got %q", want, err, once)
		}
		again := &graph.Policy{Type: p.Type, Raw: once}
		if twice := canonical(t, z, again); !bytes.Equal(once, twice) {
			t.Fatalf("no fixed point: %q, then %q", once, twice)
		}
		if hashOf(t, z, p) != hashOf(t, z, again) {
			t.Fatal("the hashes differ")
		}
		if changes, err := z.Diff(p, again); err != nil || len(changes) > 0 {
			t.Fatalf("diff %v, %v", changes, err)
		}
	})
}
