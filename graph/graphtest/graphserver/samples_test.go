package graphserver_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
)

// sample is what Microsoft's documentation shows of a type.
type sample struct {
	Type, Version, Collection string
	List                      []struct{ Body struct{ Value []object } }
	Children                  map[string][]struct{ Body struct{ Value []object } }
}

func readSamples(t *testing.T) []sample {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(testenv.Data(t), "graph-samples", "*.json"))
	if err != nil || len(files) < 30 {
		t.Fatalf("%d samples, %v", len(files), err)
	}
	var out []sample
	for _, file := range files {
		if filepath.Base(file) == "index.json" {
			continue
		}
		doc, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var s sample
		if err := json.Unmarshal(doc, &s); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		out = append(out, s)
	}
	return out
}

// policyType is the type of the catalogue that a sample's object is of.
func (s sample) policyType(o object) graph.PolicyType {
	kind := strings.TrimPrefix(fmt.Sprint(o["@odata.type"]), "#microsoft.graph.")
	switch {
	case strings.HasPrefix(kind, "windowsUpdateForBusiness"):
		return "softwareUpdateRing"
	case kind == "windows10EnrollmentCompletionPageConfiguration":
		return "windowsEnrollmentStatusPage"
	case kind == "deviceEnrollmentWindowsHelloForBusinessConfiguration":
		return "windowsHelloForBusiness"
	case s.Collection == "deviceManagement/deviceEnrollmentConfigurations":
		return "enrollmentRestriction"
	case strings.Contains(kind, "ManagedAppProtection"), strings.Contains(kind, "InformationProtection"):
		return "appProtectionPolicy"
	}
	for _, info := range graph.Catalog.All() {
		if info.Path == "/"+s.Collection && info.ViewOf == "" {
			return info.Key
		}
	}
	return ""
}

// placeholders are properties whose sample values stand for ids that a tenant has.
var placeholders = map[string]any{
	"roleScopeTagIds": []any{"0"}, "roleScopeTags": []any{"0"}, "notificationTemplateId": "", "notificationMessageCCList": []any{},
	"targetedMobileApps": []any{}, "selectedMobileAppIds": []any{}, "payloadId": "", "templateId": stable, "priority": 3,
	"id": nil, "includeRoles": []any{}, "excludeRoles": []any{}, "includeGroups": []any{}, "excludeGroups": []any{},
	"excludeUsers": []any{}, "includeUsers": []any{"All"}, "includeApplications": []any{"All"}, "excludeApplications": []any{},
	"includeLocations": []any{"All"}, "excludeLocations": []any{}, "termsOfUse": []any{}, "secretReferenceValueId": nil,
}

// notShown are properties of samples that copies do not have, and why.
var notShown = map[string]string{
	"enrollmentRestriction windowsMobileRestriction": "not taken any more",
	"mobileApp committedContentVersion":              "comes with the content",
	"mobileApp size":                                 "comes with the content",
}

const stable = "11111111-0000-4000-8000-000000000000"

func fillIn(v any) {
	switch v := v.(type) {
	case object:
		for key, inner := range v {
			if with, ok := placeholders[key]; ok {
				v[key] = with
				if key == "id" {
					delete(v, key)
				}
				continue
			}
			fillIn(inner)
		}
	case []any:
		for _, inner := range v {
			fillIn(inner)
		}
	}
}

func TestSamplesOfTheDocumentationAreTaken(t *testing.T) {
	w := withEverything(t)
	for _, s := range readSamples(t) {
		for _, list := range s.List {
			for i, o := range list.Body.Value {
				typ := s.policyType(o)
				if typ == "windowsHelloForBusiness" { // every tenant has the one it has
					continue
				}
				t.Run(fmt.Sprintf("%s %s %d", s.Type, o["@odata.type"], i), func(t *testing.T) {
					w := w.in(t)
					names := keys(o)
					for _, part := range []string{"settings", "apps", "items", "scheduledActionsForRule", "localizedNotificationMessages"} {
						for _, child := range s.Children[part] {
							var inline []any
							for _, e := range child.Body.Value {
								inline = append(inline, e)
							}
							o[part] = inline
						}
					}
					fillIn(o)
					if rules, ok := o["scheduledActionsForRule"].([]any); ok { // the sample's rule has no actions
						rules[0].(object)["scheduledActionConfigurations"] = []any{object{"actionType": "block", "gracePeriodHours": 12}}
					}
					if typ == "groupPolicyConfiguration" { // values of the sample are of no definition
						o["definitionValues"] = []any{}
					}
					p := graph.Policy{Type: typ, Raw: raw(t, o)}
					p.ODataType, _ = o["@odata.type"].(string)
					id := w.made(p)
					made, _ := w.graph.Object(tenant, typ, id)
					got := w.get(strings.Replace(collection(made), "/beta/", "/"+s.Version+"/", 1) + "/" + id)
					for _, name := range names {
						if _, ok := got[name]; !ok && notShown[string(typ)+" "+name] == "" {
							t.Errorf("the answer has no %s", name)
						}
					}
				})
			}
		}
	}
}

// bare is what the documentation shows and generated objects do not have, and why.
var bare = map[string]string{
	"/v1.0/deviceManagement/deviceConfigurations *":              "the restrictions of Windows and iOS are a selection of several hundred",
	"/beta/deviceManagement/deviceManagementScripts runSchedule": "not in the description of January 2025",

	"/beta/deviceManagement/intents/categories #microsoft.graph.deviceManagementIntentSettingCategory": "settings are read below the intent",
	"/v1.0/deviceManagement/roleDefinitions #microsoft.graph.roleDefinition":                           "roles have the derived type",

	"/beta/deviceAppManagement/policySets/items #microsoft.graph.policySetItem":                                                      "items have derived types",
	"/v1.0/deviceAppManagement/mobileAppConfigurations #microsoft.graph.iosMobileAppConfiguration":                                   notGenerated,
	"/v1.0/deviceAppManagement/mobileApps #microsoft.graph.mobileApp":                                                                notGenerated,
	"/v1.0/deviceAppManagement/mobileApps #microsoft.graph.win32LobApp":                                                              notGenerated,
	"/v1.0/deviceAppManagement/windowsInformationProtectionPolicies #microsoft.graph.windowsInformationProtectionPolicy":             notGenerated,
	"/v1.0/deviceAppManagement/windowsInformationProtectionPolicies/assignments #microsoft.graph.targetedManagedAppPolicyAssignment": notGenerated,
	"/v1.0/deviceManagement/deviceCompliancePolicies #microsoft.graph.androidWorkProfileCompliancePolicy":                            notGenerated,
	"/v1.0/deviceManagement/deviceCompliancePolicies #microsoft.graph.iosCompliancePolicy":                                           notGenerated,
	"/v1.0/deviceManagement/deviceConfigurations #microsoft.graph.androidGeneralDeviceConfiguration":                                 notGenerated,
	"/v1.0/deviceManagement/deviceConfigurations #microsoft.graph.macOSCustomConfiguration":                                          notGenerated,
	"/v1.0/deviceManagement/deviceEnrollmentConfigurations #microsoft.graph.deviceEnrollmentLimitConfiguration":                      notGenerated,
}

const notGenerated = "no tenant is filled with such objects; that they can be made is tested"

// shown compares samples with objects and notes what these lack. It returns how many
// properties it has compared.
func shown(at string, samples, rows []object, missing map[string]bool) (compared int) {
	for _, o := range samples {
		have := map[string]bool{}
		for _, row := range rows {
			if kind := row["@odata.type"]; kind == o["@odata.type"] || kind == nil || o["@odata.type"] == nil {
				for _, key := range keys(row) {
					have[key] = true
				}
			}
		}
		kind := fmt.Sprint(o["@odata.type"])
		selection := kind == "#microsoft.graph.windows10GeneralConfiguration" || kind == "#microsoft.graph.iosGeneralDeviceConfiguration"
		if len(have) == 0 {
			missing[at+" "+kind] = true
			continue
		}
		for _, key := range keys(o) {
			compared++
			switch {
			case have[key] || key == "@odata.type":
			case selection:
				missing[at+" *"] = true
			default:
				missing[at+" "+key] = true
			}
		}
	}
	return compared
}

// A generated object has every property that the documentation shows for its type.
func TestGeneratedObjectsHaveThePropertiesOfTheSamples(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{PageSize: 500})
	const large = graph.TenantID("22222222-0000-4000-8000-000000000000") // has every kind that is generated
	types, _ := graphtest.GeneratedTypes()
	if err := w.graph.AddTenant(large, graphtest.TenantConfig{Seed: 1, Policies: 600, Types: append(types, graphtest.RareTypes()...)}); err != nil {
		t.Fatal(err)
	}
	w.token = graphserver.Token(large, graphserver.TokenOptions{})
	rowsAt := func(address string) (out []object) {
		for _, row := range flat(w.all(address)) {
			out = append(out, anyOf(t, row))
		}
		return out
	}
	missing, compared := map[string]bool{}, 0
	for _, s := range readSamples(t) {
		at := "/" + s.Version + "/" + s.Collection
		rows := rowsAt(at)
		for _, list := range s.List {
			compared += shown(at, list.Body.Value, rows, missing)
		}
		for part, children := range s.Children {
			var below []object
			for _, row := range rows {
				one := at + "/" + row["id"].(string) + "/"
				outer, inner, nested := strings.Cut(part, "/")
				switch {
				case part == "categories": // of intents, which no policy type needs
				case !nested:
					below = append(below, rowsAt(one+part)...)
				default:
					for _, e := range rowsAt(one + outer) {
						below = append(below, rowsAt(one+outer+"/"+e["id"].(string)+"/"+inner)...)
					}
				}
				if len(below) > 50 {
					break
				}
			}
			for _, child := range children {
				compared += shown(at+"/"+part, child.Body.Value, below, missing)
			}
		}
	}
	compareKeys(t, "property that is not generated", missing, bare)
	if compared < 850 {
		t.Errorf("only %d properties were compared", compared)
	}
}

func TestTheComparisonWithSamplesNotices(t *testing.T) {
	missing := map[string]bool{}
	rows := []object{{"@odata.type": "#a", "x": 1}, {"@odata.type": "#b", "y": 1}}
	shown("at", []object{{"@odata.type": "#a", "x": 2, "y": 2}, {"@odata.type": "#c"}}, rows, missing)
	if !missing["at y"] || !missing["at #c"] || len(missing) != 2 {
		t.Errorf("missing %v", missing)
	}
}

func keys(o object) (out []string) {
	for key := range o {
		out = append(out, key)
	}
	slices.Sort(out)
	return out
}
