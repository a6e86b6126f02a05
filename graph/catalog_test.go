package graph_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
)

// every lists the keys that other programs rely on: a key may be added, never renamed.
var every = []graph.PolicyType{
	"deviceConfiguration", "softwareUpdateRing", "settingsCatalogPolicy", "endpointSecurityPolicy",
	"deviceCompliancePolicy", "compliancePolicyV2", "deviceComplianceScript", "deviceManagementScript",
	"deviceShellScript", "macCustomAttributeScript", "deviceHealthScript", "groupPolicyConfiguration",
	"groupPolicyUploadedDefinitionFile", "endpointSecurityIntent", "reusablePolicySetting",
	"enrollmentRestriction", "windowsEnrollmentStatusPage", "windowsHelloForBusiness",
	"coManagementAuthority", "windowsAutopilotDeploymentProfile", "appleUserInitiatedEnrollmentProfile",
	"appProtectionPolicy", "targetedManagedAppConfiguration", "mobileAppConfiguration", "mobileApp",
	"policySet", "windowsFeatureUpdateProfile", "windowsQualityUpdateProfile",
	"windowsDriverUpdateProfile", "windowsQualityUpdatePolicy", "intuneBrandingProfile",
	"deviceManagementSettings", "hardwareConfiguration", "conditionalAccessPolicy",

	"roleScopeTag", "assignmentFilter", "roleDefinition", "notificationMessageTemplate",
	"termsAndConditions", "deviceCategory", "namedLocation", "authenticationStrengthPolicy",
	"authenticationContextClassReference", "termsOfUseAgreement", "mobileAppCategory",
	"groupReference", "applicationReference", "cloudPcProvisioningPolicy", "cloudPcUserSettings",
}

func lookup(t *testing.T, key graph.PolicyType) graph.TypeInfo {
	t.Helper()
	info, ok := graph.Catalog.Lookup(key)
	if !ok {
		t.Fatalf("the catalogue has no type %q", key)
	}
	return info
}

func keys(infos []graph.TypeInfo) []graph.PolicyType {
	var out []graph.PolicyType
	for _, i := range infos {
		out = append(out, i.Key)
	}
	return out
}

func TestCatalogHoldsEveryKey(t *testing.T) {
	got := keys(graph.Catalog.All())
	want := slices.Clone(every)
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys of the catalogue (-want +got):\n%s", diff)
	}
}

func TestCatalogRowsAreUsable(t *testing.T) {
	if _, err := graph.NewCatalogue(graph.Catalog.All()...); err != nil {
		t.Fatal(err)
	}
	for _, info := range graph.Catalog.All() {
		if info.DisplayName == "" || info.Platform == "" || info.RestoreOrder <= 0 {
			t.Errorf("%s: a row needs display name, platform and restore order: %+v", info.Key, info)
		}
		if (info.NameProperty == "") != (info.Key == "deviceManagementSettings") {
			t.Errorf("%s: name property %q; only the singleton has none", info.Key, info.NameProperty)
		}
		if info.Support != graph.Restorable && info.Note == "" {
			t.Errorf("%s is %s and does not say why", info.Key, info.Support)
		}
		if info.ViewOf != "" {
			if of := lookup(t, info.ViewOf); !of.Capturable() || info.Capturable() {
				t.Errorf("%s is a view of %s: only the latter may be captured", info.Key, of.Key)
			}
		}
	}
}

func TestCatalogSupport(t *testing.T) {
	want := map[graph.PolicyType]graph.Support{
		"endpointSecurityPolicy":            graph.LookupOnly, // or its policies would be captured twice
		"termsOfUseAgreement":               graph.LookupOnly,
		"groupReference":                    graph.LookupOnly,
		"applicationReference":              graph.LookupOnly,
		"groupPolicyUploadedDefinitionFile": graph.ReportOnly,
	}
	for _, key := range every {
		level, ok := want[key]
		if !ok {
			level = graph.Restorable
		}
		if got := lookup(t, key).Support; got != level {
			t.Errorf("%s is %s, want %s", key, got, level)
		}
	}
}

func TestCatalogFoundations(t *testing.T) {
	want := []graph.PolicyType{
		"assignmentFilter", "authenticationContextClassReference", "authenticationStrengthPolicy",
		"deviceCategory", "mobileAppCategory", "namedLocation", "notificationMessageTemplate",
		"roleDefinition", "roleScopeTag", "termsAndConditions",
	}
	got := keys(graph.Catalog.Foundations())
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("foundations that can be captured (-want +got):\n%s", diff)
	}
}

// A row of these lists is the whole object. Of every other type the list leaves out
// assignments, settings or content, and a capture from it alone would lose them.
func TestCatalogListCompleteTypesHaveNothingBesideTheRow(t *testing.T) {
	want := []graph.PolicyType{
		"assignmentFilter", "authenticationContextClassReference", "conditionalAccessPolicy",
		"deviceCategory", "deviceManagementSettings", "mobileAppCategory", "namedLocation",
	}
	var got []graph.PolicyType
	for _, info := range graph.Catalog.All() {
		if info.ListComplete {
			got = append(got, info.Key)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("types whose list is complete (-want +got):\n%s", diff)
	}
}

// v1.0 has no collection for most Intune types and loses scope tags and filters of the
// rest; directory types are stable on v1.0.
func TestCatalogVersionFollowsTheType(t *testing.T) {
	for _, info := range graph.Catalog.All() {
		want := "beta"
		if info.Platform == "entra" || info.Key == "mobileAppCategory" || strings.HasPrefix(string(info.Key), "cloudPc") {
			want = "v1.0"
		}
		if info.Version != want {
			t.Errorf("%s is read from %s, want %s", info.Key, info.Version, want)
		}
	}
}

func TestCatalogRestoreOrderFollowsReferences(t *testing.T) {
	const rest = "every other type"
	steps := [][]graph.PolicyType{ // each step refers to the ones before it
		{"roleScopeTag"},
		{"assignmentFilter"},
		{"roleDefinition"},
		{"notificationMessageTemplate"},
		{"groupPolicyUploadedDefinitionFile", "authenticationStrengthPolicy"},
		{"authenticationContextClassReference"},
		{"namedLocation"},
		{"mobileApp"},
		{"reusablePolicySetting"},
		{"deviceComplianceScript"},
		{rest},
		{"policySet"},
	}
	free := map[graph.PolicyType]bool{ // made before the apps that carry them, or never restored
		"mobileAppCategory": true, "termsOfUseAgreement": true, "groupReference": true, "applicationReference": true,
	}
	named := map[graph.PolicyType]bool{}
	for _, step := range steps {
		for _, key := range step {
			named[key] = true
		}
	}
	highest := 0
	for _, step := range steps {
		if step[0] == rest {
			step = nil
			for _, key := range every {
				if !named[key] && !free[key] {
					step = append(step, key)
				}
			}
		}
		next := highest
		for _, key := range step {
			order := lookup(t, key).RestoreOrder
			if order <= highest {
				t.Errorf("%s is restored at %d, which is not after %d", key, order, highest)
			}
			next = max(next, order)
		}
		highest = next
	}
	for _, before := range []graph.PolicyType{"namedLocation", "authenticationStrengthPolicy", "authenticationContextClassReference", "deviceCompliancePolicy"} {
		if lookup(t, before).RestoreOrder >= lookup(t, "conditionalAccessPolicy").RestoreOrder {
			t.Errorf("Conditional Access refers to %s, which is restored later", before)
		}
	}
	if lookup(t, "mobileAppCategory").RestoreOrder >= lookup(t, "mobileApp").RestoreOrder {
		t.Error("apps carry categories, so categories come first")
	}
}

func own(key graph.PolicyType) graph.TypeInfo {
	return graph.TypeInfo{Key: key, Path: "/own/things", Version: "v1.0", Support: graph.Restorable, Volatile: []string{"seen"}}
}

func TestWithAddsTypesAndLeavesTheReceiverAlone(t *testing.T) {
	before := graph.Catalog.All()
	wider, err := graph.Catalog.With(own("ownThing"))
	if err != nil {
		t.Fatal(err)
	}
	if info, ok := wider.Lookup("ownThing"); !ok || info.Path != "/own/things" {
		t.Errorf("the added type is %+v, %v", info, ok)
	}
	if _, ok := graph.Catalog.Lookup("ownThing"); ok {
		t.Error("With changed the built-in catalogue")
	}
	if diff := cmp.Diff(before, graph.Catalog.All()); diff != "" {
		t.Errorf("With changed the built-in catalogue:\n%s", diff)
	}
}

func TestWithRefusesWhatWouldChangeTheMeaningOfAType(t *testing.T) {
	bad := func(change func(*graph.TypeInfo)) []graph.TypeInfo {
		info := own("ownThing")
		change(&info)
		return []graph.TypeInfo{info}
	}
	for name, types := range map[string][]graph.TypeInfo{
		"a built-in key":   {own("roleScopeTag")},
		"a key twice":      {own("ownThing"), own("ownThing")},
		"no key":           bad(func(i *graph.TypeInfo) { i.Key = "" }),
		"no path":          bad(func(i *graph.TypeInfo) { i.Path = "" }),
		"a relative path":  bad(func(i *graph.TypeInfo) { i.Path = "own/things" }),
		"no version":       bad(func(i *graph.TypeInfo) { i.Version = "" }),
		"unknown version":  bad(func(i *graph.TypeInfo) { i.Version = "v2" }),
		"unknown support":  bad(func(i *graph.TypeInfo) { i.Support = "maybe" }),
		"no support level": bad(func(i *graph.TypeInfo) { i.Support = "" }),
	} {
		t.Run(name, func(t *testing.T) {
			if c, err := graph.Catalog.With(types...); err == nil || c != nil {
				t.Errorf("With returned %v, %v; want an error", c, err)
			}
		})
	}
}

func TestCatalogueCannotBeChangedFromOutside(t *testing.T) {
	given := own("ownThing")
	c, err := graph.NewCatalogue(given)
	if err != nil {
		t.Fatal(err)
	}
	given.Volatile[0] = "changed"
	c.All()[0].Volatile[0] = "changed"
	info, _ := c.Lookup("ownThing")
	info.Volatile[0] = "changed"
	if info, _ := c.Lookup("ownThing"); info.Volatile[0] != "seen" {
		t.Errorf("Volatile is now %q", info.Volatile)
	}
}

func TestZeroCatalogueIsEmpty(t *testing.T) {
	var c graph.Catalogue
	if _, ok := c.Lookup("roleScopeTag"); ok || len(c.All()) != 0 {
		t.Error("the zero catalogue holds types")
	}
}
