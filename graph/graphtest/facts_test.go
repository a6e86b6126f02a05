package graphtest_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
)

// unseen are the places that rules of the catalogue name and that no generated object has.
// Every other place occurs, so that a misspelt one is noticed.
var unseen = []string{
	"appProtectionPolicy exemptAppLockerFiles",            // Windows Information Protection
	"mobileApp committedContentVersion", "mobileApp size", // packaged apps
	"mobileApp categories[].id",

	"conditionalAccessPolicy grantControls.authenticationStrength.createdDateTime", // in exports of some tools only
	"conditionalAccessPolicy grantControls.authenticationStrength.modifiedDateTime",
	"conditionalAccessPolicy grantControls.authenticationStrength.combinationConfigurations",
	"conditionalAccessPolicy grantControls.termsOfUse[]",
	"conditionalAccessPolicy conditions.deviceStates", // of beta
	"conditionalAccessPolicy conditions.users.includeGroups[]",
	"conditionalAccessPolicy conditions.users.excludeRoles[]",
	"conditionalAccessPolicy conditions.clientApplications.includeServicePrincipals[]",
	"conditionalAccessPolicy conditions.clientApplications.excludeServicePrincipals[]",
	"conditionalAccessPolicy conditions.applications.includeAuthenticationContextClassReferences[]",
	"deviceCompliancePolicy deviceCompliancePolicyScript.deviceComplianceScriptId",
	"deviceCompliancePolicy scheduledActionsForRule[].scheduledActionConfigurations[].notificationMessageCCList[]",
	"compliancePolicyV2 scheduledActionsForRule[].scheduledActionConfigurations[].notificationMessageCCList[]",
	"compliancePolicyV2 settings[].**.value", "settingsCatalogPolicy settings[].**.value", // reusable settings
	"roleDefinition permissions", "roleDefinition roleAssignments[].roleScopeTags[].id",
}

func expected(key string) bool {
	return !slices.ContainsFunc(unseen, func(u string) bool { return u == key || strings.HasSuffix(u, " ") && strings.HasPrefix(key, u) })
}

// places lists what the rules of a type name, and notes in seen which of it an object has.
func places(info graph.TypeInfo, object map[string]any, seen map[string]bool) {
	mark := func(path string, found bool) {
		key := string(info.Key) + " " + path
		seen[key] = seen[key] || found
	}
	for _, r := range info.Refs {
		found := false
		r.Fixed = nil // what it names stands where an id may stand
		r.Rewrite(object, func(id string) string { found = true; return id })
		mark(r.Path, found)
	}
	for _, path := range info.Write.MatchBy {
		var v any = object
		for _, key := range strings.Split(path, ".") {
			in, _ := v.(map[string]any)
			v = in[key]
		}
		mark(path, v != nil)
	}
	for _, r := range []*graph.DefaultRule{info.Write.Default, info.Write.BuiltIn} {
		if r != nil && r.Property != "" {
			_, found := object[r.Property]
			mark(r.Property, found)
		}
	}
	stripped := info.StripReadOnly(object, true)
	for _, path := range slices.Concat(info.Write.Strip, info.Write.StripUpdate) {
		if !strings.HasPrefix(path, "!") {
			mark(path, slices.Contains(stripped, path))
		}
	}
}

func TestEveryPlaceThatTheCatalogueNamesOccurs(t *testing.T) {
	seen := map[string]bool{}
	policies, _ := graphtest.GeneratedTypes()
	g := withTenant(t, graphtest.Config{}, graphtest.TenantConfig{Seed: 1, Policies: 900, Types: append(policies, graphtest.RareTypes()...)})
	for key, p := range g.Snapshot(tenant) {
		info, _ := graph.Catalog.Lookup(key.Type)
		object, err := p.Decode()
		if err != nil {
			t.Fatal(err)
		}
		places(info, object, seen)
	}
	for _, info := range graph.Catalog.All() {
		places(info, map[string]any{}, seen) // types without any object
	}
	for key, found := range seen {
		switch {
		case !found && expected(key):
			t.Errorf("no object has %s: is it misspelt?", key)
		case found && !expected(key):
			t.Errorf("%s is listed as unseen and occurs", key)
		}
	}
	for _, u := range unseen {
		if _, ok := seen[u]; !ok && !strings.HasSuffix(u, " ") {
			t.Errorf("unseen lists %s, which no rule names", u)
		}
	}
}

// The same against real exports and Microsoft's own samples: what these types have there is
// what the rules name.
func TestThePlacesThatTheCatalogueNamesOccurInRealData(t *testing.T) {
	dir := testenv.Data(t)
	seen := map[string]bool{}
	files, err := filepath.Glob(filepath.Join(dir, "real-tenant", "*", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d exports, %v", len(files), err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		info, _ := graph.Catalog.Lookup(graph.PolicyType(filepath.Base(filepath.Dir(file))))
		object, err := graph.Policy{Raw: raw}.Decode()
		if err != nil {
			t.Fatal(err)
		}
		places(info, object, seen)
	}
	for _, typ := range []graph.PolicyType{"policySet", "intuneBrandingProfile", "reusablePolicySetting", "assignmentFilter", "roleDefinition", "roleScopeTag"} {
		for _, object := range sampled(t, filepath.Join(dir, "graph-samples", string(typ)+".json")) {
			info, _ := graph.Catalog.Lookup(typ)
			places(info, object, seen)
		}
	}
	for _, key := range []string{
		"conditionalAccessPolicy templateId", "conditionalAccessPolicy deletedDateTime", "conditionalAccessPolicy conditions.deviceStates",
		"conditionalAccessPolicy conditions.users.excludeGroups[]", "conditionalAccessPolicy conditions.users.includeRoles[]",
		"conditionalAccessPolicy conditions.locations.excludeLocations[]", "conditionalAccessPolicy grantControls.authenticationStrength.allowedCombinations",
		"conditionalAccessPolicy conditions.applications.excludeApplications[]",
		"namedLocation deletedDateTime", "namedLocation @odata.type",
		"settingsCatalogPolicy settingCount", "settingsCatalogPolicy templateReference.templateDisplayVersion", "settingsCatalogPolicy templateReference.templateId",
		"deviceCompliancePolicy scheduledActionsForRule[].scheduledActionConfigurations[].id",
		"softwareUpdateRing qualityUpdatesPauseStartDate", "softwareUpdateRing featureUpdatesWillBeRolledBack",
		"windowsDriverUpdateProfile approvalType", "windowsDriverUpdateProfile inventorySyncStatus", "appProtectionPolicy deployedAppCount",
		"policySet status", "policySet errorCode", "policySet items[].itemType", "policySet roleScopeTags[]",
		"intuneBrandingProfile isDefaultProfile", "intuneBrandingProfile disableClientTelemetry", "reusablePolicySetting referencingConfigurationPolicyCount",
		"assignmentFilter platform", "assignmentFilter roleScopeTags[]", "roleDefinition isBuiltIn", "roleScopeTag isBuiltIn",
	} {
		if found, named := seen[key]; !found {
			t.Errorf("%s does not occur (a rule names it: %v)", key, named)
		}
	}
}

// sampled reads the objects of Microsoft's samples of a type, with what its collections of
// children hold under their names.
func sampled(t *testing.T, file string) []map[string]any {
	t.Helper()
	type sample struct{ Body map[string]any }
	var doc struct {
		List, Get []sample
		Children  map[string][]sample
	}
	raw, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(raw, &doc)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	var out []map[string]any
	for _, s := range slices.Concat(doc.List, doc.Get) {
		rows, ok := s.Body["value"].([]any)
		if !ok {
			rows = []any{s.Body["value"]}
		}
		for _, row := range rows {
			object, ok := row.(map[string]any)
			if !ok {
				continue
			}
			for name, children := range doc.Children {
				object[name] = children[0].Body["value"]
			}
			out = append(out, object)
		}
	}
	return out
}
