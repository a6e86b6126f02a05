package backupset_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"pgregory.net/rapid"
)

func TestDiffOfAnUnchangedPolicyIsEmpty(t *testing.T) {
	z := backupset.NewCanonicalizer(testCatalogue())
	rapid.Check(t, func(t *rapid.T) {
		pt, doc := genType.Draw(t, "type"), genPolicyDocument.Draw(t, "doc")
		a, b := genCapture(t, pt, doc, true), genCapture(t, pt, doc, true)
		if changes := diffOf(t, z, a, b); len(changes) > 0 {
			t.Fatalf("%s", changes)
		}
	})
}

// genEdited draws a policy and a second state of it that differs in a few places: changed
// leaves, removed and added members and elements, another order.
func genEdited(t *rapid.T) (before, after *graph.Policy) {
	pt, doc := genType.Draw(t, "type"), genPolicyDocument.Draw(t, "doc")
	edited := edit(t, doc).(map[string]any)
	return genCapture(t, pt, doc, true), genCapture(t, pt, edited, true)
}

func edit(t *rapid.T, v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for _, key := range sortedKeys(v) {
			if rapid.IntRange(0, 12).Draw(t, "remove") > 0 {
				out[key] = edit(t, v[key])
			}
		}
		if rapid.IntRange(0, 12).Draw(t, "add") == 0 {
			out["added"] = genValue(1).Draw(t, "added")
		}
		return out
	case []any:
		out := []any{}
		for _, e := range v {
			switch rapid.IntRange(0, 8).Draw(t, "element") {
			case 0:
			case 1:
				out = append(out, e, e)
			default:
				out = append(out, edit(t, e))
			}
		}
		if len(out) > 1 && rapid.IntRange(0, 4).Draw(t, "move") == 0 {
			out = rapid.Permutation(out).Draw(t, "order")
		}
		return out
	}
	if rapid.IntRange(0, 8).Draw(t, "leaf") == 0 {
		return genScalar.Draw(t, "new leaf")
	}
	return v
}

func TestDiffIsEmptyExactlyWhenTheHashesAreEqual(t *testing.T) {
	z := backupset.NewCanonicalizer(testCatalogue())
	rapid.Check(t, func(t *rapid.T) {
		before, after := genEdited(t)
		equal := hashOf(t, z, before) == hashOf(t, z, after)
		changes := diffOf(t, z, before, after)
		if equal != (len(changes) == 0) {
			t.Fatalf("hashes equal: %v, changes: %s\n%s\n%s", equal, changes, canonical(t, z, before), canonical(t, z, after))
		}
	})
}

func TestChangesAreWellFormed(t *testing.T) {
	z := backupset.NewCanonicalizer(testCatalogue())
	rapid.Check(t, func(t *rapid.T) {
		before, after := genEdited(t)
		for _, c := range diffOf(t, z, before, after) {
			if (c.Before == nil) != (c.Op == backupset.OpAdd) || (c.After == nil) != (c.Op == backupset.OpRemove) || c.Path == "" {
				t.Fatalf("%q %s: %s, %s", c.Path, c.Op, c.Before, c.After)
			}
			if _, err := json.Marshal(c); err != nil {
				t.Fatalf("%s: %v", c.Path, err)
			}
		}
	})
}

// TestNoSecretIsShown puts a canary wherever a secret may stand and looks for it in what
// comes out, whatever else changes around it.
func TestNoSecretIsShown(t *testing.T) {
	z := backupset.NewCanonicalizer(testCatalogue())
	key := rapid.SampledFrom([]string{"password", "preSharedKey", "clientSecret", "PSK", "access_token", "sharedKey", "wifiPassphrase", "secret", "apiTokens", "tokenValue"})
	hide := func(t *rapid.T, doc map[string]any) {
		canary := "canary" + genText.Draw(t, "canary")
		var holder any
		switch rapid.IntRange(0, 4).Draw(t, "kind") {
		case 0:
			holder = map[string]any{key.Draw(t, "key"): canary}
		case 1:
			holder = map[string]any{key.Draw(t, "key"): []any{canary, map[string]any{"a": canary}}}
		case 2:
			holder = map[string]any{"@odata.type": "#microsoft.graph.deviceManagementConfigurationSecretSettingValue", "value": canary}
		case 3:
			holder = map[string]any{"appConfigKey": key.Draw(t, "key"), "appConfigKeyValue": canary}
		default:
			holder = map[string]any{"omaUri": "./x", "isEncrypted": true, "value": canary}
		}
		switch rapid.IntRange(0, 2).Draw(t, "where") {
		case 0:
			doc["held"] = holder
		case 1:
			doc["omaSettings"] = []any{holder}
		default:
			doc["settings"] = []any{map[string]any{"settingInstance": map[string]any{"settingDefinitionId": "s", "simpleSettingValue": holder}}}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		pt, doc := genType.Draw(t, "type"), genPolicyDocument.Draw(t, "doc")
		edited := edit(t, doc).(map[string]any)
		hide(t, doc)
		hide(t, edited)
		text, err := json.Marshal(diffOf(t, z, genCapture(t, pt, doc, true), genCapture(t, pt, edited, true)))
		if err != nil || strings.Contains(string(text), "canary") {
			t.Fatalf("%v: %s", err, text)
		}
	})
}

// TestApplyingTheDiffGivesTheOtherState has nothing but the first state and the diff, and makes
// the second state. What is masked or cut cannot be made, so such draws say nothing.
func TestApplyingTheDiffGivesTheOtherState(t *testing.T) {
	z := backupset.NewCanonicalizer(testCatalogue())
	rapid.Check(t, func(t *rapid.T) {
		before, after := genEdited(t)
		checkApplied(t, z, before, after)
	})
}

func checkApplied(t fataler, z *backupset.Canonicalizer, before, after *graph.Policy) {
	changes := diffOf(t, z, before, after)
	for _, c := range changes {
		if text := string(c.Before) + string(c.After); strings.Contains(text, "[masked]") || strings.Contains(text, "[cut: ") {
			return
		}
	}
	made, err := backupset.ApplyChanges(canonical(t, z, before), changes)
	if err != nil {
		t.Fatal(err, changes)
	}
	got := canonical(t, z, &graph.Policy{Type: after.Type, Raw: made})
	want := canonical(t, z, after)
	if a, b := string(backupset.SettleNamesakes(got)), string(backupset.SettleNamesakes(want)); a != b {
		t.Fatal("made ", a, "\nwant ", b, "\nfrom ", string(canonical(t, z, before)), "\nby   ", changes)
	}
}

// FuzzApplyingTheDiffGivesTheOtherState is the same for any two JSON objects.
func FuzzApplyingTheDiffGivesTheOtherState(f *testing.F) {
	z := backupset.NewCanonicalizer(testCatalogue())
	f.Add([]byte(`{"a":[1,2,3]}`), []byte(`{"a":[2,3,4,1]}`))
	f.Add([]byte(`{"omaSettings":[{"omaUri":"a"},{"omaUri":"b"}]}`), []byte(`{"omaSettings":[{"omaUri":"c"},{"omaUri":"b","v":1},{"omaUri":"a"}]}`))
	f.Add([]byte(`{"settings":[{"definitionId":"a/b"},{"definitionId":"[]~"}]}`), []byte(`{"settings":[{"definitionId":"a/b","v":1.0}]}`))
	f.Fuzz(func(t *testing.T, before, after []byte) {
		a, b := &graph.Policy{Raw: before}, &graph.Policy{Raw: after}
		for _, p := range []*graph.Policy{a, b} {
			if _, err := z.Hash(p); err != nil {
				t.Skip()
			}
		}
		checkApplied(t, z, a, b)
	})
}
