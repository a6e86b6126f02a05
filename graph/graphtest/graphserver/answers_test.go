package graphserver_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
)

// witness holds what went over the wire against Microsoft's description.
type witness struct {
	api      *openAPI
	problems map[string]bool
	unknown  map[string]bool
	statuses map[string]bool
	used     map[string]bool // "GET path"
}

func newWitness(api *openAPI) *witness {
	return &witness{api, map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}}
}

func (x *witness) sees(method, target, body string, r reply) {
	path, ok := x.api.match(target)
	op, known := x.api.Paths[path][strings.ToLower(method)]
	if !ok || !known {
		return
	}
	x.used[method+" "+path] = true
	documented, ok := op.Responses[fmt.Sprint(r.status)]
	if silent := op.Responses["200"]; r.status == 204 && silent.Content == nil {
		ok = len(op.Responses) > 0 // the description has 200 for every 2XX
	}
	if !ok {
		x.statuses[fmt.Sprintf("%s %s %d", method, path, r.status)] = true
	}
	if asked := op.RequestBody.Content["application/json"].Schema; asked != nil && body != "" {
		x.check(method+" "+path+" request", path, asked, []byte(body))
	}
	if len(r.body) == 0 || r.status >= 400 {
		return
	}
	if s := documented.Content["application/json"].Schema; s != nil {
		x.check(method+" "+path, path, s, r.body)
	} else if len(op.Responses) > 0 && ok {
		x.problems[method+" "+path+" has a body, and none is described"] = true
	}
}

func (x *witness) check(what, path string, s *schema, doc []byte) {
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		x.problems[what+": "+err.Error()] = true
		return
	}
	v := newValidator(x.api, path)
	v.check(s, value, "")
	for _, p := range v.problems {
		x.problems[what+" "+p] = true
	}
	version, _, _ := strings.Cut(path[1:], "/")
	for u := range v.unknown {
		x.unknown[version+" "+u] = true
	}
}

// instances are addresses for a path of the description: with every key filled in by what
// the collection before it holds, up to two of each kind. lists are those that were read.
func (w *world) instances(path string, lists map[string][]object) []string {
	addresses := []string{""}
	for _, piece := range strings.Split(strings.TrimPrefix(path, "/"), "/") {
		var next []string
		for _, a := range addresses {
			if !strings.HasPrefix(piece, "{") {
				next = append(next, a+"/"+piece)
				continue
			}
			rows, read := lists[a]
			if !read {
				if r := w.ask("GET", a+"?$top=1000", ""); r.status == 200 {
					rows = elementsOf(w.t, decode(w.t, r.body)["value"])
				}
				lists[a] = rows
			}
			kinds := map[string]int{}
			for _, row := range rows {
				kind := fmt.Sprint(row["@odata.type"])
				if kinds[kind]++; kinds[kind] <= 2 {
					next = append(next, a+"/"+fmt.Sprint(row["id"]))
				}
			}
		}
		addresses = next
	}
	return addresses
}

// deviating are answers whose status is not the described one.
var deviating = map[string]string{
	"POST /beta/deviceManagement/roleScopeTags 200":                "what the service was seen to answer",
	"POST /beta/deviceManagement/roleDefinitions 200":              "what the service was seen to answer",
	"POST /beta/deviceManagement/notificationMessageTemplates 200": "what the service was seen to answer",

	"PATCH /v1.0/identity/conditionalAccess/policies/{conditionalAccessPolicy-id} 204":          "as its documentation says",
	"PATCH /v1.0/identity/conditionalAccess/namedLocations/{namedLocation-id} 204":              "as its documentation says",
	"PATCH /v1.0/policies/authenticationStrengthPolicies/{authenticationStrengthPolicy-id} 204": "as its documentation says",
}

// undescribed are properties that the description of January 2025 does not have.
var undescribed = map[string]string{
	"beta conditionalAccessPolicy deletedDateTime":                               "newer",
	"v1.0 conditionalAccessPolicy deletedDateTime":                               "newer",
	"beta conditionalAccessPolicy templateId":                                    "described for v1.0",
	"v1.0 conditionalAccessConditionSet authenticationFlows":                     "described for beta",
	"v1.0 conditionalAccessSessionControls secureSignInSession":                  "described for beta",
	"beta deviceManagementConfigurationPolicy disableEntraGroupPolicyAssignment": "newer",
}

// unasked are described paths below objects that the tenant does not have, and why.
var unasked = map[string]string{
	"/templates/":        "no policy type",
	"/groupAssignments/": "superseded by assignments",
	"/intents/{deviceManagementIntent-id}/categories/":                     "settings are read below the intent",
	"/roleDefinitions/{roleDefinition-id}/roleAssignments/":                "read by their id in a collection of their own",
	"/windowsManagedAppProtections/{windowsManagedAppProtection-id}/apps/": "the only policy has no apps",
}

func TestAnswersAreAsMicrosoftDescribesThem(t *testing.T) {
	x := newWitness(readOpenAPI(t))
	w := withEverything(t)
	w.sees = x.sees
	var copies []graph.Policy
	for _, info := range graph.Catalog.All() {
		if info.Support == graph.Restorable && info.Key != "deviceManagementSettings" && info.Key != "windowsHelloForBusiness" {
			copies = append(copies, w.remade(info, w.copyable(info.Key)))
		}
	}
	group := object{"target": object{"@odata.type": "#microsoft.graph.groupAssignmentTarget", "groupId": w.graph.Groups(tenant)[1].ID}}
	for _, p := range w.stored("appProtectionPolicy") {
		if strings.Contains(p.ODataType, "indows") {
			w.assigned(p, []any{group})
		}
	}
	app, category := w.copyable("mobileApp"), w.copyable("mobileAppCategory")
	w.send(204, "POST", collection(app)+"/"+app.ID+"/categories/$ref", object{"@odata.id": "http://graph.test/beta/deviceAppManagement/mobileAppCategories/" + category.ID})
	lists := map[string][]object{}
	for _, path := range slices.Sorted(maps.Keys(x.api.Paths)) {
		if _, ok := x.api.Paths[path]["get"]; !ok {
			continue
		}
		for _, address := range w.instances(path, lists) {
			for _, level := range []string{"full", "minimal"} {
				w.ask("GET", address, "", "Accept", "application/json;odata.metadata="+level)
			}
		}
	}
	for _, p := range copies {
		info, _ := graph.Catalog.Lookup(p.Type)
		change := object{info.NameProperty: "Other"}
		if p.ODataType != "" {
			change["@odata.type"] = p.ODataType
		}
		body, _ := json.Marshal(change)
		w.ask("PATCH", collection(p)+"/"+p.ID, string(body), "Content-Type", "application/json")
		if p.Type == "windowsAutopilotDeploymentProfile" { // nobody may be assigned
			w.ask("DELETE", collection(p)+"/"+p.ID+"/assignments/"+elementsOf(t, part(p, "assignments"))[0]["id"].(string), "")
		}
		w.ask("DELETE", collection(p)+"/"+p.ID, "")
	}

	for _, p := range slices.Sorted(maps.Keys(x.problems)) {
		t.Error(p)
	}
	compareKeys(t, "property that is not described", x.unknown, undescribed)
	compareKeys(t, "status that is not described", x.statuses, deviating)
	unused := map[string]bool{}
	for path, methods := range x.api.Paths {
		if _, ok := methods["get"]; !ok || x.used["GET "+path] {
			continue
		}
		why := path
		for piece := range unasked {
			if strings.Contains(path, piece) {
				why = piece
			}
		}
		unused[why] = true
	}
	compareKeys(t, "path that was not asked", unused, unasked)
	t.Logf("%d described requests were made", len(x.used))
	if len(x.used) < 330 {
		t.Errorf("only %d of the described requests were made", len(x.used))
	}
}

// compareKeys wants what was found to be what is known, and what is known to be found.
func compareKeys(t *testing.T, what string, found map[string]bool, known map[string]string) {
	t.Helper()
	for _, key := range slices.Sorted(maps.Keys(found)) {
		if _, ok := known[key]; !ok {
			t.Errorf("%s: %s", what, key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(known)) {
		if !found[key] {
			t.Errorf("no %s any more: %s", what, key)
		}
	}
}
