package msgraph

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// ownForms are bodies of types that are written in several requests or by actions.
var ownForms = map[graph.PolicyType]string{
	"groupPolicyConfiguration": `{"displayName":"x","definitionValues":[{"enabled":true,"definition":{"id":"d","policyType":"admxIngested","displayName":"n"},` +
		`"presentationValues":[{"value":"v","presentation":{"id":"p","label":"l"}}]}]}`,
	"endpointSecurityIntent":              `{"displayName":"x","templateId":"1","settings":[{"definitionId":"a","valueJson":"1"}]}`,
	"policySet":                           `{"displayName":"x","items":[{"payloadId":"a"}]}`,
	"roleDefinition":                      `{"displayName":"x","roleAssignments":[{"displayName":"a","members":["g"],"roleScopeTags":[{"id":"3"}]}]}`,
	"notificationMessageTemplate":         `{"displayName":"x","description":"y","localizedNotificationMessages":[{"locale":"en-us","isDefault":true}]}`,
	"mobileApp":                           `{"@odata.type":"#microsoft.graph.webApp","displayName":"x","categories":[{"id":"c"}]}`,
	"conditionalAccessPolicy":             `{"displayName":"x","grantControls":{"authenticationStrength":{"id":"s"}},"sessionControls":{"":1}}`,
	"authenticationContextClassReference": `{"id":"1","displayName":"x"}`,
	"intuneBrandingProfile":               `{"profileName":"x","displayName":"y"}`,
	"appProtectionPolicy":                 `{"@odata.type":"#microsoft.graph.iosManagedAppProtection","displayName":"x","apps":[]}`,
}

// Whatever is answered to every request of a write, nothing panics or goes on without end, what
// was refused or cut off is no success, and only a create leaves anybody in doubt.
func FuzzAnyAnswerToEveryWrite(f *testing.F) {
	for _, body := range []string{
		``, `{}`, `null`, `[]`, `{"value":[]}`, `{"id":"1","value":[{"id":"1"},{"id":"2","locale":"en-us","displayName":"a"}],"items":[{"id":"i","payloadId":"a"},{"id":"j"}]}`,
		`{"id":"1","value":[{"id":"1","definition":{"id":"d"},"definitionId":"a","target":{}}],"items":[],"roleAssignments":[]}`, `{"id":"1","items":[],"items@odata.nextLink":7}`,
		`{"id":"1","items":[],"items@odata.nextLink":"https://evil.example/beta/x"}`, `{"id":1,"items":null,"value":[null,7,"x",[]]}`, `{"id":"1","value":[{"id":""},{"id":"a/../b"}]}`, intune,
	} {
		for _, status := range []int{200, 201, 204, 302, 400, 401, 403, 404, 409, 429, 500, 503} {
			f.Add(status, body, status == 500)
		}
		f.Add(200, body, true)
	}
	f.Fuzz(func(t *testing.T, status int, body string, cut bool) {
		if status < 100 || status > 999 {
			return // net/http answers no such thing
		}
		server := &inBatches{fuzzed{status: status, header: http.Header{}, body: []byte(body), broken: cut}}
		clock := newSkipping(time.Hour)
		c, err := New(Config{Tokens: always, BaseURL: "https://graph.example", HTTP: &http.Client{Transport: server}, Clock: clock, Timeout: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		good := status/100 == 2 && !cut
		for key, object := range ownForms {
			id, err := c.Create(t.Context(), tenant, key, json.RawMessage(object))
			if err == nil && (!good || id == "") {
				t.Errorf("Create of %s: %d %q is a success", key, status, body)
			}
			checkError(t, err, id == "")
			err = c.Update(t.Context(), tenant, key, "1", json.RawMessage(strings.Replace(object, `"templateId":"1",`, "", 1)))
			if err == nil && !good {
				t.Errorf("Update of %s: %d %q is a success", key, status, body)
			}
			checkError(t, err, false)
		}
		for _, key := range []graph.PolicyType{"windowsAutopilotDeploymentProfile", "policySet", "mobileApp"} {
			err := c.Assign(t.Context(), tenant, key, "1", []json.RawMessage{json.RawMessage(`{"target":{"groupId":"g"}}`)})
			if err == nil && !good {
				t.Errorf("Assign of %s: %d %q is a success", key, status, body)
			}
			checkError(t, err, false)
		}
		if server.foreign.Load() > 0 {
			t.Errorf("%d requests went elsewhere", server.foreign.Load())
		}
	})
}
