package graph_test

import (
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
)

// openAPI is as much of Microsoft's description of Graph as the catalogue is held against.
type openAPI struct {
	Paths      map[string]map[string]operation `json:"paths"`
	Components struct {
		Schemas map[string]schema `json:"schemas"`
	} `json:"components"`
}

type operation struct {
	RequestBody struct {
		Content map[string]struct {
			Schema schema `json:"schema"`
		} `json:"content"`
	} `json:"requestBody"`
	Responses map[string]struct {
		Content map[string]struct {
			Schema schema `json:"schema"`
		} `json:"content"`
	} `json:"responses"`
}

type schema struct {
	Ref        string            `json:"$ref"`
	AllOf      []schema          `json:"allOf"`
	Properties map[string]schema `json:"properties"`
}

func microsoft(t *testing.T) *openAPI {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(testenv.Data(t), "graph-openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	api := &openAPI{}
	if err := json.Unmarshal(raw, api); err != nil {
		t.Fatal(err)
	}
	// Names of parameters differ from path to path.
	for path, operations := range api.Paths {
		segments := strings.Split(path, "/")
		for i := range segments {
			if strings.HasPrefix(segments[i], "{") {
				segments[i] = "{id}"
			}
		}
		api.Paths[strings.Join(segments, "/")] = operations
	}
	return api
}

func (a *openAPI) has(method, path string) bool {
	_, ok := a.Paths[path][method]
	return ok
}

// properties are those that a schema describes, of the types that it is made of too.
func (a *openAPI) properties(s schema) []string {
	if s.Ref != "" {
		return a.properties(a.Components.Schemas[strings.TrimPrefix(s.Ref, "#/components/schemas/")])
	}
	var out []string
	for name := range s.Properties {
		out = append(out, name)
	}
	for _, of := range s.AllOf {
		out = append(out, a.properties(of)...)
	}
	return out
}

// body are the properties of what a POST takes.
func (a *openAPI) body(path string) []string {
	return a.properties(a.Paths[path]["post"].RequestBody.Content["application/json"].Schema)
}

// object are the properties of what a GET answers.
func (a *openAPI) object(path string) []string {
	return a.properties(a.Paths[path]["get"].Responses["200"].Content["application/json"].Schema)
}

// Every path, action and property that the catalogue names is in Microsoft's OpenAPI, as far
// as that covers the collection and describes the type.
func TestTheCatalogueNamesWhatMicrosoftsOpenAPIHas(t *testing.T) {
	api := microsoft(t)
	var uncovered []graph.PolicyType
	for _, info := range graph.Catalog.All() {
		collection := "/" + info.Version + info.Path
		switch {
		case !info.Capturable():
			continue
		case len(info.Read.Typed) > 0:
		case !api.has("get", collection):
			uncovered = append(uncovered, info.Key)
			continue
		}
		t.Run(string(info.Key), func(t *testing.T) {
			if len(info.Read.Typed) == 0 {
				api.check(t, info, collection)
			}
			for _, rule := range info.Read.Typed {
				api.check(t, info, "/"+info.Version+rule.Path)
			}
		})
	}
	want := []graph.PolicyType{
		"groupPolicyUploadedDefinitionFile", "reusablePolicySetting", "deviceManagementSettings", "hardwareConfiguration",
		"deviceComplianceScript", "macCustomAttributeScript", "appleUserInitiatedEnrollmentProfile",
		"windowsDriverUpdateProfile", "windowsQualityUpdatePolicy", "authenticationContextClassReference", "mobileAppCategory",
		"cloudPcProvisioningPolicy", "cloudPcUserSettings",
	}
	slices.Sort(want)
	slices.Sort(uncovered)
	if diff := gocmp.Diff(want, uncovered); diff != "" {
		t.Errorf("types whose collection is not in the OpenAPI (-want +got):\n%s", diff)
	}
}

func (a *openAPI) check(t *testing.T, info graph.TypeInfo, collection string) {
	t.Helper()
	item := collection + "/{id}"
	need := func(method, path string) {
		t.Helper()
		if !a.has(method, path) {
			t.Errorf("there is no %s %s", strings.ToUpper(method), path)
		}
	}
	need("get", item)
	have := a.object(item)
	for _, name := range slices.Concat([]string{info.NameProperty}, info.Read.Unlisted) {
		if !slices.Contains(have, name) && name != "largeIcon" { // of the derived types, in this description
			t.Errorf("%s has no property %q, only %q", item, name, have)
		}
	}
	for _, p := range info.Read.Parts {
		if a.covers(item) {
			need("get", item+"/"+p.Path)
		}
		if p.Count != "" && !slices.Contains(have, p.Count) {
			t.Errorf("%s has no property %q", item, p.Count)
		}
		for _, inner := range p.Each {
			need("get", item+"/"+p.Path+"/{id}/"+inner.Path)
		}
	}
	if info.Support != graph.Restorable {
		return
	}
	need("patch", item)
	if info.Write.Default == nil || info.Write.Default.Property != "" {
		need("post", collection)
	}
	action := func(name, key string) {
		t.Helper()
		switch posted := item + "/" + name; {
		case undescribed[info.Path+" "+name]:
		case !a.has("post", posted):
			t.Errorf("there is no POST %s", posted)
		case !slices.Contains(a.body(posted), key):
			t.Errorf("%s takes %q, not %q", posted, a.body(posted), key)
		}
	}
	r := info.Write.Requests
	switch {
	case r.AssignEach:
		need("post", item+"/assignments")
		need("delete", item+"/assignments/{id}")
	case info.Write.Assigned && r.Hook != graph.HookPolicySet:
		action("assign", cmp.Or(r.AssignKey, "assignments"))
	}
	for _, s := range r.Steps {
		switch {
		case s.Action != "":
			action(s.Action, s.Key)
		case s.Link == "" && a.covers(item) && !undescribed[info.Path+" "+s.Part]:
			need("post", item+"/"+s.Part)
			need("delete", item+"/"+s.Part+"/{id}")
		}
	}
	for _, path := range map[graph.Hook][]string{
		graph.HookDefinitionValues: {item + "/updateDefinitionValues"},
		graph.HookIntent:           {item + "/updateSettings", "/beta/deviceManagement/templates/{id}/createInstance"},
		graph.HookPolicySet:        {item + "/update"},
	}[r.Hook] {
		need("post", path)
	}
}

// undescribed are requests that this cut of the OpenAPI leaves out.
var undescribed = map[string]bool{
	"/deviceAppManagement/managedAppPolicies assign":                       true, // is described for one of the platforms
	"/deviceAppManagement/managedAppPolicies targetApps":                   true,
	"/deviceAppManagement/managedAppPolicies protectedAppLockerFiles":      true,
	"/deviceManagement/deviceConfigurations windowsPrivacyAccessControls":  true,
	"/deviceManagement/compliancePolicies setScheduledActions":             true,
	"/deviceAppManagement/targetedManagedAppConfigurations changeSettings": true,
	"/policies/authenticationStrengthPolicies updateAllowedCombinations":   true,
}

// notCaptured are collections below objects that a capture leaves out.
var notCaptured = map[string]string{
	"groupAssignments": "the assignments in an older form",
	"categories":       "the settings of an intent once more, by category",
}

// A capture has every collection that Microsoft's OpenAPI has below an object, but those that
// say the same again.
func TestACaptureHasEveryCollectionOfMicrosoftsOpenAPI(t *testing.T) {
	api := microsoft(t)
	found := 0
	for _, info := range graph.Catalog.All() {
		collections := []string{info.Path}
		for _, rule := range info.Read.Typed {
			collections = append(collections, rule.Path)
		}
		for _, collection := range collections {
			below := "/" + info.Version + collection + "/{id}/"
			for path, operations := range api.Paths {
				name, ok := strings.CutPrefix(path, below)
				if _, reads := operations["get"]; !ok || !reads || strings.Contains(name, "/") || !info.Capturable() {
					continue
				}
				found++
				// The only object of this type is everybody's.
				if info.Key == "windowsHelloForBusiness" && name == "assignments" {
					continue
				}
				if !captured(info, name) && notCaptured[name] == "" {
					t.Errorf("%s: a capture has no %s", info.Key, name)
				}
			}
		}
	}
	if found != 50 {
		t.Errorf("the OpenAPI has %d collections below objects, and had 50", found)
	}
}

// covers tells whether there is anything below an object.
func (a *openAPI) covers(item string) bool {
	for path := range a.Paths {
		if strings.HasPrefix(path, item+"/") {
			return true
		}
	}
	return false
}

// That the announced number is the number of settings is not documented; every real export
// agrees.
func TestRealPoliciesHaveAsManySettingsAsTheyAnnounce(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testenv.Data(t), "real-tenant", "settingsCatalogPolicy", "*.json"))
	if err != nil || len(files) < 30 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		object, err := graph.Policy{Raw: raw}.Decode()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		settings, _ := object["settings"].([]any)
		if object["settingCount"] != json.Number(strconv.Itoa(len(settings))) {
			t.Errorf("%s announces %v settings and has %d", filepath.Base(name), object["settingCount"], len(settings))
		}
	}
}
