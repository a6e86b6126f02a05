package graphserver_test

import (
	"encoding/json"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
)

// below are the paths of writes, below an object or its collection.
var below = []string{
	"", "/assign", "/assignments", "/scheduleActionsForRules", "/setScheduledActions", "/setPriority", "/targetApps", "/update",
	"/updateAllowedCombinations", "/updateDefinitionValues", "/updateSettings", "/windowsPrivacyAccessControls", "/definitionValues",
	"/localizedNotificationMessages", "/combinationConfigurations", "/protectedAppLockerFiles", "/categories/$ref", "/roleAssignments",
}

// elsewhereWritten are the paths of writes that are below no collection.
var elsewhereWritten = []string{
	"/beta/deviceManagement", "/beta/deviceManagement/templates/" + stable + "/createInstance", "/beta/deviceManagement/roleAssignments",
	"/v1.0/directoryObjects/getByIds", "/beta/deviceAppManagement/windowsManagedAppProtections", "/beta/deviceAppManagement/windowsInformationProtectionPolicies",
}

// FuzzWrites sends anything to objects that there are. There is always an answer in JSON, and
// what the tenant holds stays JSON.
func FuzzWrites(f *testing.F) {
	for i, body := range []string{
		`{"displayName":"x","name":"x","assignments":[{"target":{"@odata.type":"#microsoft.graph.allDevicesAssignmentTarget"}}]}`,
		`{"deviceManagementScriptAssignments":[{"target":null}]}`, `{"settings":[]}`, `{"settings":{"a":1}}`, `{"priority":"x"}`, `{"apps":[{"mobileAppIdentifier":5}]}`,
		`{"added":[{"definition@odata.bind":"","presentationValues":[5]}],"updated":[{"presentationValues":5}],"deletedIds":[1]}`,
		`{"settings":[{"definitionId":5,"valueJson":"{"}]}`, `{"locale":5,"isDefault":true}`, `{"items":5,"addedPolicySetItems":[{"a":[]}]}`,
		`{"settingsDelta":[{"valueJson":5}],"displayName":"x"}`, `{"ids":["x"]}`, `{"@odata.type":["#microsoft.graph.x"],"displayName":"x"}`,
		`{"roleDefinition@odata.bind":"x('","roleScopeTags@odata.bind":["y"]}`, `{"localizedNotificationMessages":null,"scheduledActionsForRule":[null]}`,
		`{"scheduledActions":[{"scheduledActionConfigurations":[5]}]}`, `[]`, `null`, ` {"a":1} `, `{"@odata.id":"('"}`, "\xef\xbb\xbf{}",
	} {
		for j := range below {
			f.Add(uint8(i*7+j), uint8(j), uint8(j%4), body)
		}
	}
	types := graph.Catalog.All()
	w := withEverything(f)
	f.Fuzz(func(t *testing.T, kind, where, method uint8, body string) {
		w := w.in(t)
		info := types[int(kind)%len(types)]
		rows, err := w.graph.Rows(tenant, info.Key)
		if err != nil {
			t.Fatal(err)
		}
		target := elsewhereWritten[int(where)%len(elsewhereWritten)]
		how := []string{"POST", "PATCH", "PUT", "DELETE"}[method%4]
		if len(rows) > 0 {
			p := rows[int(where)%len(rows)].Policy
			target = collection(p)
			if how != "POST" || below[int(where)%len(below)] != "" {
				target += "/" + p.ID + below[int(where)%len(below)]
			}
			if how == "DELETE" && len(rows) < 2 {
				return // the next one needs it
			}
		}
		r := w.ask(how, target, body, "Content-Type", "application/json", "Accept", "application/json;odata.metadata=full")
		if r.status < 200 || r.status > 599 || len(r.body) > 0 && !json.Valid(r.body) {
			t.Errorf("%s %s: %d %s", how, target, r.status, r.brief())
		}
		rows, _ = w.graph.Rows(tenant, info.Key)
		for _, row := range rows {
			if _, err := row.Policy.Decode(); err != nil {
				t.Fatalf("%s %s has broken %s: %v", how, target, row.Policy.ID, err)
			}
		}
	})
}
