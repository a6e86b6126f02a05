package graphserver_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
)

// annotations are the keys of all annotations and actions in a document, each once.
func annotations(t testing.TB, doc []byte) []string {
	t.Helper()
	var out []string
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for key, inner := range v {
				if strings.ContainsAny(key, "@#") {
					out = append(out, key)
				}
				walk(inner)
			}
		case []any:
			for _, inner := range v {
				walk(inner)
			}
		}
	}
	walk(unordered(t, doc))
	slices.Sort(out)
	return slices.Compact(out)
}

func TestMetadataIsAsMuchAsWasAskedFor(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	configuration := w.one("deviceConfiguration", func(p graph.Policy) bool { return len(p.Warnings) > 0 })
	script := w.one("deviceManagementScript", nil)
	for target, c := range map[string]struct{ minimal, none []string }{
		"/beta/deviceManagement/deviceConfigurations?$top=2":                                                          {[]string{"@odata.context", "@odata.nextLink", "@odata.type"}, []string{"@odata.nextLink"}},
		"/beta/deviceManagement/deviceConfigurations/" + configuration.ID:                                             {[]string{"@odata.context", "@odata.type"}, nil},
		"/beta/deviceManagement/deviceManagementScripts/" + script.ID:                                                 {[]string{"@odata.context"}, nil},
		"/beta/deviceManagement/roleScopeTags?$top=4":                                                                 {[]string{"@odata.context"}, nil},
		"/beta/deviceManagement/configurationPolicies/" + w.one("settingsCatalogPolicy", nil).ID + "/settings?$top=1": {[]string{"@odata.context", "@odata.count", "@odata.nextLink", "@odata.type"}, []string{"@odata.count", "@odata.nextLink"}},
	} {
		for accept, want := range map[string][]string{
			"":                 c.minimal,
			"application/json": c.minimal,
			"application/json;odata.metadata=minimal": c.minimal,
			"application/json; odata.metadata=none":   c.none,
		} {
			r := w.ask("GET", target, "", "Accept", accept)
			if got := annotations(t, r.body); !slices.Equal(got, want) {
				t.Errorf("%s, %q: %v, want %v", target, accept, got, want)
			}
			if level, _, _ := strings.Cut(strings.TrimPrefix(r.header.Get("Content-Type"), "application/json;odata.metadata="), ";"); level != "none" && level != "minimal" {
				t.Errorf("%s, %q: Content-Type %s", target, accept, r.header.Get("Content-Type"))
			}
		}
		full := w.ask("GET", target, "", "Accept", "application/json;odata.metadata=full")
		if got := annotations(t, full.body); len(got) < 4 {
			t.Errorf("%s: full metadata has %v", target, got)
		}
	}
}

func TestMinimalMetadataNamesDerivedTypesOnly(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	policy := w.one("settingsCatalogPolicy", func(p graph.Policy) bool { return len(part(p, "assignments")) > 100 })
	types := func(target string) []string {
		var out []string
		var walk func(v any)
		walk = func(v any) {
			switch v := v.(type) {
			case map[string]any:
				if kind, ok := v["@odata.type"].(string); ok {
					out = append(out, strings.TrimPrefix(kind, "#microsoft.graph."))
				}
				for _, inner := range v {
					walk(inner)
				}
			case []any:
				for _, inner := range v {
					walk(inner)
				}
			}
		}
		walk(unordered(t, w.ask("GET", target, "").body))
		return out
	}
	for target, c := range map[string]struct{ has, lacks string }{
		catalog + "/" + policy.ID + "/settings?$top=1000":                                         {"deviceManagementConfigurationChoiceSettingInstance", "deviceManagementConfigurationSetting"},
		catalog + "/" + policy.ID + "?$expand=settings,assignments":                               {"deviceManagementConfigurationChoiceSettingInstance", "deviceManagementConfigurationSetting"},
		catalog + "/" + policy.ID + "/assignments":                                                {"AssignmentTarget", "deviceManagementConfigurationPolicyAssignment"},
		"/beta/deviceManagement/intents/" + w.one("endpointSecurityIntent", nil).ID + "/settings": {"deviceManagementBooleanSettingInstance", "deviceManagementIntent"},
		"/v1.0/identity/conditionalAccess/policies":                                               {"", "conditionalAccessConditionSet"},
		"/v1.0/identity/conditionalAccess/namedLocations":                                         {"NamedLocation", ""},
		"/beta/deviceManagement/deviceEnrollmentConfigurations":                                   {"deviceEnrollmentPlatformRestrictionConfiguration", "deviceEnrollmentPlatformRestriction"},
		"/beta/deviceManagement/deviceCompliancePolicies?$expand=scheduledActionsForRule":         {"CompliancePolicy", "deviceComplianceScheduledActionForRule"},
	} {
		got := types(target)
		if !slices.ContainsFunc(got, func(kind string) bool { return strings.Contains(kind, c.has) }) && c.has != "" {
			t.Errorf("%s names no %s", target, c.has)
		}
		if slices.Contains(got, c.lacks) {
			t.Errorf("%s names %s, which is the declared type", target, c.lacks)
		}
	}
}

func TestOldVersionLeavesOutWhatItDoesNotKnow(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	for path, keys := range map[string][]string{
		"/deviceManagement/deviceConfigurations":           {"roleScopeTagIds", "supportsScopeTags"},
		"/deviceManagement/deviceCompliancePolicies":       {"roleScopeTagIds"},
		"/deviceManagement/deviceEnrollmentConfigurations": {"roleScopeTagIds", "deviceEnrollmentConfigurationType"},
		"/deviceAppManagement/mobileApps":                  {"isAssigned", "uploadState"},
	} {
		beta, old := w.get("/beta" + path)["value"], w.get("/v1.0" + path)["value"]
		for _, key := range keys {
			if !hasKey(t, beta, key) || hasKey(t, old, key) {
				t.Errorf("%s: %s is in beta %v, in v1.0 %v", path, key, hasKey(t, beta, key), hasKey(t, old, key))
			}
		}
	}
}

func hasKey(t testing.TB, rows json.RawMessage, key string) bool {
	t.Helper()
	var all []map[string]json.RawMessage
	if err := json.Unmarshal(rows, &all); err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(all, func(row map[string]json.RawMessage) bool { return row[key] != nil })
}
