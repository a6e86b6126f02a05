package graphserver_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
)

// A check that cannot fail is none: each case spoils an answer that is as described.
func TestTheComparisonWithTheDescriptionNotices(t *testing.T) {
	api := readOpenAPI(t)
	w := with(t, graphtest.Config{}, graphserver.Config{})
	for name, c := range map[string]struct {
		path, in string // what is spoilt
		spoil    func(object)
		want     string
	}{
		"another kind of value":   {"/beta/deviceManagement/configurationPolicies", "", func(o object) { o["settingCount"] = "5" }, "settingCount: a string, want integer"},
		"half a number":           {"/beta/deviceManagement/configurationPolicies", "", func(o object) { o["settingCount"] = 1.5 }, "is not whole"},
		"a number out of range":   {"/beta/deviceManagement/configurationPolicies", "", func(o object) { o["settingCount"] = 1 << 40 }, "out of range"},
		"null":                    {"/beta/deviceManagement/configurationPolicies", "", func(o object) { o["isAssigned"] = nil }, "isAssigned: null, and not nullable"},
		"no date":                 {"/beta/deviceManagement/configurationPolicies", "", func(o object) { o["createdDateTime"] = "yesterday" }, "does not match"},
		"an object for a list":    {"/beta/deviceManagement/configurationPolicies", "", func(o object) { o["roleScopeTagIds"] = object{} }, "an object, want array"},
		"a list of numbers":       {"/beta/deviceManagement/configurationPolicies", "", func(o object) { o["roleScopeTagIds"] = []any{0} }, "roleScopeTagIds[0]: a number, want string"},
		"a property that is not":  {"/beta/deviceManagement/configurationPolicies", "", func(o object) { o["colour"] = "red" }, "unknown deviceManagementConfigurationPolicy colour"},
		"one of beta in v1.0":     {"/v1.0/deviceManagement/deviceCategories", "", func(o object) { o["roleScopeTagIds"] = []any{} }, "unknown deviceCategory roleScopeTagIds"},
		"a value that is not":     {"/beta/deviceManagement/assignmentFilters", "", func(o object) { o["platform"] = "toaster" }, `"toaster" is none of`},
		"one in an object inside": {"/v1.0/identity/conditionalAccess/policies", "conditions", func(o object) { o["clientAppTypes"] = []any{"toaster"} }, `"toaster" is none of`},
		"one in a property":       {"/v1.0/identity/conditionalAccess/policies", "", func(o object) { o["conditions"] = object{"users": 7} }, "conditions.users: a number"},
		"no base64":               {"/beta/deviceManagement/deviceManagementScripts", "", func(o object) { o["scriptContent"] = "*" }, "is not base64"},
		"an expanded collection":  {"/beta/deviceManagement/configurationPolicies", "", func(o object) { o["settings"] = []any{object{"id": 5}} }, "settings[0].id: a number"},
	} {
		t.Run(name, func(t *testing.T) {
			o := anyOf(t, w.ask("GET", c.path, "", "Accept", "application/json;odata.metadata=full").body)
			row := o["value"].([]any)[0].(object)
			delete(o, "@odata.nextLink")
			x := newWitness(api)
			exchange := func() []string {
				doc := reply{status: 200, body: raw(t, o)}
				x.sees("GET", c.path, "", doc)
				out := slices.Collect(maps.Keys(x.problems))
				for u := range x.unknown {
					_, rest, _ := strings.Cut(u, " ")
					if undescribed[u] == "" {
						out = append(out, "unknown "+rest)
					}
				}
				return out
			}
			if found := exchange(); len(found) > 0 {
				t.Fatalf("unspoilt: %v", found)
			}
			if c.in != "" {
				row = row[c.in].(object)
			}
			c.spoil(row)
			if found := exchange(); !slices.ContainsFunc(found, func(p string) bool { return strings.Contains(p, c.want) }) {
				t.Errorf("found %v, want %s", found, c.want)
			}
		})
	}
	x := newWitness(api)
	x.sees("POST", "/beta/deviceManagement/deviceConfigurations/1/assign", `{"assignments":5}`, reply{status: 418})
	x.sees("POST", "/beta/deviceAppManagement/mobileApps/1/assign", `{"assignments":[]}`, reply{status: 204, body: []byte("{}")})
	if len(x.statuses) != 1 || len(x.problems) != 2 {
		t.Errorf("statuses %v, problems %v", x.statuses, x.problems)
	}
}
