package msgraph_test

import (
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
)

// faulty is a world of one type in which something goes wrong.
func faulty(t *testing.T, key graph.PolicyType, fault string, o graphserver.FaultOptions) *world {
	t.Helper()
	w := worldOf(t, graphtest.Config{}, graphtest.TenantConfig{Seed: 7, Policies: 30, Foundations: 4, Types: []graph.PolicyType{key}}, readOnly)
	if err := w.server.Fault(fault, o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if left := w.server.Unfired(); len(left) > 0 {
			t.Errorf("faults that did not happen: %v", left)
		}
	})
	return w
}

func TestSettingsThatGraphCutsOnceAreReadAgain(t *testing.T) {
	w := faulty(t, "settingsCatalogPolicy", "settings-short", graphserver.FaultOptions{Times: 3})
	w.check(t, "settingsCatalogPolicy", w.capture(t, "settingsCatalogPolicy"))
}

func TestSettingsThatGraphCutsAreNeverAPolicy(t *testing.T) {
	w := faulty(t, "settingsCatalogPolicy", "settings-short", graphserver.FaultOptions{Times: -1})
	var ids []string
	for id := range w.truth("settingsCatalogPolicy") {
		ids = append(ids, id)
	}
	results, err := w.Get(t.Context(), contoso, "settingsCatalogPolicy", ids)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		wantKind(t, r.Err, graph.KindIncomplete)
	}
}

func TestExpandedCollectionsThatGraphCutsAreReadToTheirEnd(t *testing.T) {
	for _, key := range []graph.PolicyType{"appProtectionPolicy", "targetedManagedAppConfiguration"} {
		w := faulty(t, key, "expand-cut", graphserver.FaultOptions{Times: -1})
		w.check(t, key, w.capture(t, key))
	}
}

func TestAnObjectThatIsGoneSinceTheListingIsTheOnlyOneMissing(t *testing.T) {
	w := worldOf(t, graphtest.Config{}, graphtest.TenantConfig{Seed: 7, Policies: 30, Types: []graph.PolicyType{"deviceManagementScript"}}, readOnly)
	var ids []string
	for id := range w.truth("deviceManagementScript") {
		ids = append(ids, id)
	}
	if err := w.server.Fault("gone", graphserver.FaultOptions{Path: "/deviceManagement/deviceManagementScripts/" + ids[3], Times: -1}); err != nil {
		t.Fatal(err)
	}
	results, err := w.Get(t.Context(), contoso, "deviceManagementScript", ids)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		want := graph.Kind("")
		if i == 3 {
			want = graph.KindNotFound
		}
		wantKind(t, r.Err, want)
	}
}

func TestNamesThatAnAppMayNotReadAreMissingAndNothingElse(t *testing.T) {
	w := worldOf(t, graphtest.Config{}, graphtest.TenantConfig{Seed: 7, Policies: 60}, readOnly[:8]) // none of the directory
	got := w.capture(t, "conditionalAccessPolicy")
	for id, p := range w.truth("conditionalAccessPolicy") {
		q := got[id]
		if w.hash(t, p) != w.hash(t, q) || len(q.Warnings) != 1 || q.Warnings[0] != graph.WarningNamesMissing {
			t.Errorf("%s: warnings %v, or another hash", id, q.Warnings)
		}
		for _, r := range q.References {
			if r.Kind != "namedLocation" && r.Kind != "authenticationStrength" {
				t.Errorf("%s: a name of kind %s", id, r.Kind)
			}
		}
	}
}
