package msgraph_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/msgraph"
)

// recorder answers requests from a table by "METHOD path" and keeps what writes it got.
type recorder struct {
	*msgraph.Client
	mu     sync.Mutex
	writes []string // "METHOD path body"
}

// record makes a recorder. An answer is a body, or a status; writes that have none are done.
func record(t *testing.T, answers map[string]any) *recorder {
	t.Helper()
	r := &recorder{}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		at := req.Method + " " + req.URL.Path
		if req.Method != http.MethodGet {
			body, _ := io.ReadAll(req.Body)
			r.mu.Lock()
			r.writes = append(r.writes, strings.TrimSpace(at+" "+strings.ReplaceAll(string(body), "http://"+req.Host, "ROOT")))
			r.mu.Unlock()
		}
		switch a := answers[at].(type) {
		case string:
			_, _ = io.WriteString(rw, strings.ReplaceAll(a, "ROOT", "http://"+req.Host))
		case int:
			rw.WriteHeader(a)
		default:
			if req.Method == http.MethodGet {
				rw.WriteHeader(http.StatusNotFound)
				return
			}
			rw.WriteHeader(http.StatusNoContent)
		}
	}))
	t.Cleanup(server.Close)
	c, err := msgraph.New(msgraph.Config{BaseURL: server.URL, Tokens: token("a.b.c"), Limits: unlimited, Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	r.Client = c
	return r
}

// wrote compares the writes with what they should be.
func (r *recorder) wrote(t *testing.T, want ...string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if diff := cmp.Diff(want, r.writes); diff != "" {
		t.Errorf("requests: %s", diff)
	}
}

func done(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const management = "/beta/deviceManagement/"

// Graph answers "en-us" where "en-US" was written, and takes no second message of a locale.
func TestAMessageIsTheOneOfItsLocaleInAnyLetterCase(t *testing.T) {
	const at = management + "notificationMessageTemplates/n1"
	r := record(t, map[string]any{
		"GET " + at + "/localizedNotificationMessages": `{"value":[{"id":"n1_en-us","locale":"en-us","subject":"Hi"},{"id":"n1_de-de","locale":"de-de","subject":"Hallo"}]}`,
	})
	done(t, r.Update(t.Context(), contoso, "notificationMessageTemplate", "n1",
		json.RawMessage(`{"localizedNotificationMessages":[{"locale":"en-US","subject":"Hello"},{"locale":"de-DE","subject":"Hallo"}]}`)))
	r.wrote(t, `PATCH `+at+`/localizedNotificationMessages/n1_en-us {"subject":"Hello"}`)
}

func TestAnIntentIsMadeOfItsTemplate(t *testing.T) {
	r := record(t, map[string]any{
		"POST " + management + "templates/tpl/createInstance": `{"id":"i1"}`,
		"GET " + management + "intents/i1/settings":           `{"value":[{"id":"s1","definitionId":"a","valueJson":"1"},{"id":"s2","definitionId":"b","valueJson":"2","@odata.type":"#x"}]}`,
	})
	id, err := r.Create(t.Context(), contoso, "endpointSecurityIntent",
		json.RawMessage(`{"displayName":"Disks","templateId":"tpl","settings":[{"definitionId":"a","valueJson":"1"}]}`))
	done(t, err)
	done(t, r.Update(t.Context(), contoso, "endpointSecurityIntent", id,
		json.RawMessage(`{"displayName":"Disks","settings":[{"definitionId":"a","valueJson":"3"},{"definitionId":"c","valueJson":"4"}]}`)))
	r.wrote(t,
		`POST `+management+`templates/tpl/createInstance {"displayName":"Disks","settingsDelta":[{"definitionId":"a","valueJson":"1"}]}`,
		`PATCH `+management+`intents/i1 {"displayName":"Disks"}`,
		`POST `+management+`intents/i1/updateSettings {"settings":[{"definitionId":"a","id":"s1","valueJson":"3"},{"definitionId":"c","valueJson":"4"},`+
			`{"@odata.type":"#x","definitionId":"b","id":"s2","valueJson":"null"}]}`,
	)
}

func TestAssignmentsOneByOneLeaveNobodyOutAndLetNobodyIn(t *testing.T) {
	const at = management + "windowsAutopilotDeploymentProfiles/w1/assignments"
	const in, out = `{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":`, `{"@odata.type":"#microsoft.graph.exclusionGroupAssignmentTarget","groupId":`
	r := record(t, map[string]any{"GET " + at: `{"value":[{"id":"a","target":` + out + `"old-out"}},{"id":"b","target":` + in + `"old-in"}},{"id":"c","target":` + in + `"both"}}]}`})
	done(t, r.Assign(t.Context(), contoso, "windowsAutopilotDeploymentProfile", "w1", []json.RawMessage{
		json.RawMessage(`{"target":` + in + `"new-in"}}`), json.RawMessage(`{"target":` + in + `"both"}}`), json.RawMessage(`{"target":` + out + `"new-out"}}`),
	}))
	r.wrote(t,
		`POST `+at+` {"target":`+out+`"new-out"}}`,
		`POST `+at+` {"target":`+in+`"new-in"}}`,
		`DELETE `+at+`/b`,
		`DELETE `+at+`/a`,
	)
}

func TestAPolicySetChangesItsItemsAndAssignmentsByOneAction(t *testing.T) {
	const at = "/beta/deviceAppManagement/policySets"
	r := record(t, map[string]any{
		"POST " + at:        `{"id":"p1"}`,
		"GET " + at + "/p1": `{"id":"p1","items":[{"id":"i1","payloadId":"a","intent":"x"},{"id":"i2","payloadId":"b"}]}`,
	})
	_, err := r.Create(t.Context(), contoso, "policySet", json.RawMessage(`{"displayName":"Start","items":[{"payloadId":"a"}]}`))
	done(t, err)
	done(t, r.Update(t.Context(), contoso, "policySet", "p1", json.RawMessage(`{"displayName":"Start","items":[{"payloadId":"a","intent":"y"},{"payloadId":"c"}]}`)))
	done(t, r.Assign(t.Context(), contoso, "policySet", "p1", nil))
	r.wrote(t,
		`POST `+at+` {"displayName":"Start","items":[{"payloadId":"a"}]}`,
		`PATCH `+at+`/p1 {"displayName":"Start"}`,
		`POST `+at+`/p1/update {"addedPolicySetItems":[{"payloadId":"c"}],"deletedPolicySetItems":["i2"],"updatedPolicySetItems":[{"id":"i1","intent":"y"}]}`,
		`POST `+at+`/p1/update {"assignments":[]}`,
	)
}

func TestARoleAssignmentNamesRoleAndScopeTagsByURL(t *testing.T) {
	r := record(t, map[string]any{
		"POST " + management + "roleDefinitions": `{"id":"r1"}`,
		"POST " + management + "roleAssignments": `{"id":"a1"}`,
	})
	_, err := r.Create(t.Context(), contoso, "roleDefinition", json.RawMessage(
		`{"displayName":"Helpdesk","roleAssignments":[{"displayName":"Berlin","members":["g1"],"roleScopeTags":[{"id":"3"}]}]}`))
	done(t, err)
	r.wrote(t,
		`POST `+management+`roleDefinitions {"displayName":"Helpdesk"}`,
		`POST `+management+`roleAssignments {"displayName":"Berlin","members":["g1"],"roleDefinition@odata.bind":"ROOT/beta/deviceManagement/roleDefinitions('r1')",`+
			`"roleScopeTags@odata.bind":["ROOT/beta/deviceManagement/roleScopeTags('3')"]}`,
	)
}

func TestSettingsOfAnImportedFileAreFoundByTheirNames(t *testing.T) {
	const body = `{"displayName":"Chrome","definitionValues":[{"enabled":true,"definition":{"id":"old","displayName":"Home","categoryPath":"\\Chrome",` +
		`"classType":"user","policyType":"admxIngested"},"presentationValues":[{"@odata.type":"#text","value":"x","presentation":{"id":"op","label":"URL"}}]}]}`
	answers := map[string]any{
		"POST " + management + "groupPolicyConfigurations": `{"id":"c1"}`,
		"GET " + management + "groupPolicyDefinitions": `{"value":[{"id":"other","displayName":"Home","categoryPath":"\\Edge","classType":"user"},` +
			`{"id":"new","displayName":"Home","categoryPath":"\\Chrome","classType":"user"}]}`,
		"GET " + management + "groupPolicyDefinitions/new/presentations": `{"value":[{"id":"x","label":"Other"},{"id":"np","label":"URL"}]}`,
	}
	r := record(t, answers)
	_, err := r.Create(t.Context(), contoso, "groupPolicyConfiguration", json.RawMessage(body))
	done(t, err)
	r.wrote(t,
		`POST `+management+`groupPolicyConfigurations {"displayName":"Chrome"}`,
		`POST `+management+`groupPolicyConfigurations/c1/updateDefinitionValues {"added":[{"definition@odata.bind":"ROOT/beta/deviceManagement/groupPolicyDefinitions('new')","enabled":true,`+
			`"presentationValues":[{"@odata.type":"#text","presentation@odata.bind":"ROOT/beta/deviceManagement/groupPolicyDefinitions('new')/presentations('np')","value":"x"}]}],"deletedIds":[],"updated":[]}`,
	)
	answers["GET "+management+"groupPolicyDefinitions"] = `{"value":[]}`
	id, err := record(t, answers).Create(t.Context(), contoso, "groupPolicyConfiguration", json.RawMessage(body))
	wantKind(t, err, graph.KindInvalid)
	if id != "c1" {
		t.Errorf("the object that was made before is %q", id)
	}
}

// Two fields may have one label. What has no counterpart is never written into the field of
// another.
func TestFieldsOfAnImportedFileAreFoundByLabelAndPlaceOrNotAtAll(t *testing.T) {
	value := func(label string) string {
		return `{"@odata.type":"#text","value":"x","presentation":{"id":"old","label":"` + label + `"}}`
	}
	for name, c := range map[string]struct {
		captured, there []string // labels
		want            []string // of there, by place; nil for a refusal
	}{
		"two of one label":          {[]string{"URL", "", "URL"}, []string{"", "URL", "URL"}, []string{"1", "0", "2"}},
		"a label that is gone":      {[]string{"Old"}, []string{"New"}, nil},
		"one of two is not there":   {[]string{"URL", "URL"}, []string{"URL", "Other"}, nil},
		"one of two that may be it": {[]string{"URL"}, []string{"URL", "URL"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var values, presentations []string
			for _, label := range c.captured {
				values = append(values, value(label))
			}
			for i, label := range c.there {
				presentations = append(presentations, fmt.Sprintf(`{"id":"%d","label":%q}`, i, label))
			}
			r := record(t, map[string]any{
				"GET " + management + "groupPolicyConfigurations/c1/definitionValues": `{"value":[]}`,
				"GET " + management + "groupPolicyDefinitions":                        `{"value":[{"id":"new","displayName":"Home"}]}`,
				"GET " + management + "groupPolicyDefinitions/new/presentations":      `{"value":[` + strings.Join(presentations, ",") + `]}`,
			})
			err := r.Update(t.Context(), contoso, "groupPolicyConfiguration", "c1", json.RawMessage(
				`{"definitionValues":[{"definition":{"id":"old","displayName":"Home","policyType":"admxIngested"},"presentationValues":[`+strings.Join(values, ",")+`]}]}`))
			if c.want == nil {
				wantKind(t, err, graph.KindInvalid)
				r.wrote(t)
				return
			}
			done(t, err)
			var got []string
			for _, m := range regexp.MustCompile(`presentations\('(\d)'\)`).FindAllStringSubmatch(strings.Join(r.writes, ""), -1) {
				got = append(got, m[1])
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAnObjectThatIsMadeInPartsComesWithItsIDWhenOneFails(t *testing.T) {
	const at = management + "notificationMessageTemplates"
	body := json.RawMessage(`{"displayName":"Mail","localizedNotificationMessages":[{"locale":"en-us","isDefault":true}]}`)
	r := record(t, map[string]any{
		"POST " + at: `{"id":"n1"}`,
		"GET " + at + "/n1/localizedNotificationMessages":  `{"value":[]}`,
		"POST " + at + "/n1/localizedNotificationMessages": 504,
	})
	id, err := r.Create(t.Context(), contoso, "notificationMessageTemplate", body)
	wantKind(t, err, graph.KindUnavailable) // not ambiguous: the object is known
	if id != "n1" {
		t.Errorf("id %q", id)
	}
	r = record(t, map[string]any{"POST " + at: 504})
	id, err = r.Create(t.Context(), contoso, "notificationMessageTemplate", body)
	wantKind(t, err, graph.KindAmbiguous)
	if id != "" {
		t.Errorf("id %q of an object that nobody knows", id)
	}
	r.wrote(t, `POST `+at+` {"displayName":"Mail"}`)
}

func TestWritesThatHaveTheirOwnForm(t *testing.T) {
	const access = "/v1.0/identity/conditionalAccess/"
	for name, c := range map[string]struct {
		answers map[string]any
		write   func(r *recorder) error
		want    []string
	}{
		"a singleton": {nil, func(r *recorder) error {
			return r.Update(t.Context(), contoso, "deviceManagementSettings", "deviceManagementSettings", json.RawMessage(`{"secureByDefault":true}`))
		}, []string{`PATCH /beta/deviceManagement {"settings":{"secureByDefault":true}}`}},
		"an id that is chosen": {nil, func(r *recorder) error {
			_, err := r.Create(t.Context(), contoso, "authenticationContextClassReference", json.RawMessage(`{"id":"c7","displayName":"Payroll"}`))
			return err
		}, []string{`PATCH ` + access + `authenticationContextClassReferences/c7 {"displayName":"Payroll"}`}},
		"branding": {map[string]any{"POST " + management + "intuneBrandingProfiles": `{"id":"b1"}`}, func(r *recorder) error {
			_, err := r.Create(t.Context(), contoso, "intuneBrandingProfile", json.RawMessage(`{"profileName":"Blue","displayName":"Contoso"}`))
			return err
		}, []string{`POST ` + management + `intuneBrandingProfiles {"profileName":"Blue"}`, `PATCH ` + management + `intuneBrandingProfiles/b1 {"displayName":"Contoso"}`}},
		"categories of an app": {map[string]any{
			"GET /beta/deviceAppManagement/mobileApps/a1/categories": `{"value":[{"id":"c1"},{"id":"c2"}]}`,
		}, func(r *recorder) error {
			return r.Update(t.Context(), contoso, "mobileApp", "a1", json.RawMessage(`{"categories":[{"id":"c2"},{"id":"c3"}]}`))
		}, []string{
			`POST /beta/deviceAppManagement/mobileApps/a1/categories/$ref {"@odata.id":"ROOT/beta/deviceAppManagement/mobileAppCategories/c3"}`,
			`DELETE /beta/deviceAppManagement/mobileApps/a1/categories/c1/$ref`,
		}},
		"assignments one by one": {map[string]any{
			"GET " + management + "windowsAutopilotDeploymentProfiles/w1/assignments": `{"value":[{"id":"x","target":{"groupId":"g1"}},{"id":"y","target":{"groupId":"g2"}}]}`,
		}, func(r *recorder) error {
			return r.Assign(t.Context(), contoso, "windowsAutopilotDeploymentProfile", "w1",
				[]json.RawMessage{json.RawMessage(`{"target":{"groupId":"g2"}}`), json.RawMessage(`{"target":{"groupId":"g3"}}`)})
		}, []string{
			`POST ` + management + `windowsAutopilotDeploymentProfiles/w1/assignments {"target":{"groupId":"g3"}}`,
			`DELETE ` + management + `windowsAutopilotDeploymentProfiles/w1/assignments/x`,
		}},
		"Conditional Access": {nil, func(r *recorder) error {
			return r.Update(t.Context(), contoso, "conditionalAccessPolicy", "p", json.RawMessage(
				`{"displayName":"A","grantControls":{"operator":"OR","authenticationStrength":{"id":"s","displayName":"MFA"}},"sessionControls":{"disableResilienceDefaults":false,"persistentBrowser":null}}`))
		}, []string{`PATCH ` + access + `policies/p {"displayName":"A","grantControls":{"authenticationStrength":{"id":"s"},"operator":"OR"},"sessionControls":null}`}},
		"Conditional Access with a property without a name": {nil, func(r *recorder) error {
			return r.Update(t.Context(), contoso, "conditionalAccessPolicy", "p", json.RawMessage(`{"sessionControls":{"":true}}`))
		}, []string{`PATCH ` + access + `policies/p {"sessionControls":{"":true}}`}},
		"a binding of another cloud": {map[string]any{"POST " + management + "deviceCategories": `{"id":"d"}`}, func(r *recorder) error {
			_, err := r.Create(t.Context(), contoso, "deviceCategory", json.RawMessage(`{"displayName":"A","x@odata.bind":"https://graph.microsoft.us/beta/things('1')"}`))
			return err
		}, []string{`POST ` + management + `deviceCategories {"displayName":"A","x@odata.bind":"ROOT/beta/things('1')"}`}},
	} {
		t.Run(name, func(t *testing.T) {
			r := record(t, c.answers)
			done(t, c.write(r))
			r.wrote(t, c.want...)
		})
	}
}

func TestWritesThatMakeNoSenseAreRefusedWithoutARequest(t *testing.T) {
	r := record(t, nil)
	object := json.RawMessage(`{}`)
	create := func(key graph.PolicyType, body string) error {
		_, err := r.Create(t.Context(), contoso, key, json.RawMessage(body))
		return err
	}
	for name, c := range map[string]struct {
		err  error
		want graph.Kind
	}{
		"a type that is only reported":  {create("groupPolicyUploadedDefinitionFile", `{}`), graph.KindUnsupported},
		"an unknown type":               {create("alien", `{}`), graph.KindUnsupported},
		"no JSON":                       {create("deviceCategory", `{"displayName":`), graph.KindInvalid},
		"no object":                     {create("deviceCategory", `[]`), graph.KindInvalid},
		"a second singleton":            {create("deviceManagementSettings", `{}`), graph.KindInvalid},
		"a chosen id that is not there": {create("authenticationContextClassReference", `{}`), graph.KindInvalid},
		"an intent without a template":  {create("endpointSecurityIntent", `{}`), graph.KindInvalid},
		"a type that nobody has":        {create("appProtectionPolicy", `{"@odata.type":"#microsoft.graph.defaultManagedAppProtection"}`), graph.KindInvalid},
		"no id":                         {r.Update(t.Context(), contoso, "deviceCategory", "", object), graph.KindInvalid},
		"an id that leads out":          {r.Update(t.Context(), contoso, "deviceCategory", "..", object), graph.KindInvalid},
		"one to be assigned":            {r.Assign(t.Context(), contoso, "deviceConfiguration", ".", nil), graph.KindInvalid},
		"assignments of what has none":  {r.Assign(t.Context(), contoso, "deviceCategory", "d", nil), graph.KindInvalid},
	} {
		t.Run(name, func(t *testing.T) { wantKind(t, c.err, c.want) })
	}
	r.wrote(t)
}

// Collections grow by pages, and an element that is made or deleted meanwhile moves others to
// the next one.
func TestWhatIsThereIsReadFromEveryPageAndNotTwice(t *testing.T) {
	const profile, set = management + "windowsAutopilotDeploymentProfiles/w1", "/beta/deviceAppManagement/policySets/p1"
	r := record(t, map[string]any{
		"GET " + profile + "/assignments":      `{"value":[{"id":"x","target":{"groupId":"g1"}},{"id":"y","target":{"groupId":"g2"}}],"@odata.nextLink":"ROOT` + profile + `/assignments/more"}`,
		"GET " + profile + "/assignments/more": `{"value":[{"id":"y","target":{"groupId":"g2"}},{"id":"z","target":{"groupId":"g3"}}]}`,
		"GET " + set:                           `{"id":"p1","items":[{"id":"i1","payloadId":"a"}],"items@odata.nextLink":"ROOT` + set + `/items"}`,
		"GET " + set + "/items":                `{"value":[{"id":"i1","payloadId":"a"},{"id":"i2","payloadId":"b"},{"id":"i3","payloadId":"c"}]}`,
	})
	var targets []json.RawMessage
	for _, group := range []string{"g1", "g2", "g3"} {
		targets = append(targets, json.RawMessage(`{"target":{"groupId":"`+group+`"}}`))
	}
	done(t, r.Assign(t.Context(), contoso, "windowsAutopilotDeploymentProfile", "w1", targets))
	done(t, r.Update(t.Context(), contoso, "policySet", "p1", json.RawMessage(`{"items":[{"payloadId":"a"},{"payloadId":"b"}]}`)))
	r.wrote(t, `POST `+set+`/update {"addedPolicySetItems":[],"deletedPolicySetItems":["i3"],"updatedPolicySetItems":[]}`)
}

// Of what Graph does not show nobody knows that it is not there.
func TestNothingIsWrittenBesideWhatGraphDoesNotShow(t *testing.T) {
	const set, template = "/beta/deviceAppManagement/policySets/p1", management + "groupPolicyConfigurations/c1"
	r := record(t, map[string]any{
		"GET " + set:                            `{"id":"p1"}`,
		"GET " + template + "/definitionValues": `{"value":[{"id":"v1","enabled":true}]}`,
	})
	wantKind(t, r.Update(t.Context(), contoso, "policySet", "p1", json.RawMessage(`{"items":[{"payloadId":"a"}]}`)), graph.KindIncomplete)
	wantKind(t, r.Update(t.Context(), contoso, "groupPolicyConfiguration", "c1",
		json.RawMessage(`{"definitionValues":[{"enabled":true,"definition":{"id":"d1"}}]}`)), graph.KindIncomplete)
	r.wrote(t)
}

// A collection that cannot be read is not an empty one.
func TestNothingIsWrittenWhenWhatIsThereCannotBeRead(t *testing.T) {
	for at, write := range map[string]func(r *recorder) error{
		management + "windowsAutopilotDeploymentProfiles/w1/assignments": func(r *recorder) error {
			return r.Assign(t.Context(), contoso, "windowsAutopilotDeploymentProfile", "w1", []json.RawMessage{json.RawMessage(`{"target":{"groupId":"g"}}`)})
		},
		management + "groupPolicyConfigurations/c1/definitionValues": func(r *recorder) error {
			return r.Update(t.Context(), contoso, "groupPolicyConfiguration", "c1", json.RawMessage(`{"definitionValues":[{"definition":{"id":"d"}}]}`))
		},
		management + "intents/i1/settings": func(r *recorder) error {
			return r.Update(t.Context(), contoso, "endpointSecurityIntent", "i1", json.RawMessage(`{"settings":[{"definitionId":"a","valueJson":"1"}]}`))
		},
		management + "notificationMessageTemplates/n1/localizedNotificationMessages": func(r *recorder) error {
			return r.Update(t.Context(), contoso, "notificationMessageTemplate", "n1", json.RawMessage(`{"localizedNotificationMessages":[{"locale":"en-us"}]}`))
		},
		"/beta/deviceAppManagement/mobileApps/a1/categories": func(r *recorder) error {
			return r.Update(t.Context(), contoso, "mobileApp", "a1", json.RawMessage(`{"categories":[{"id":"c"}]}`))
		},
		"/beta/deviceAppManagement/policySets/p1": func(r *recorder) error {
			return r.Update(t.Context(), contoso, "policySet", "p1", json.RawMessage(`{"items":[{"payloadId":"a"}]}`))
		},
		management + "roleDefinitions/r1": func(r *recorder) error {
			return r.Update(t.Context(), contoso, "roleDefinition", "r1", json.RawMessage(`{"roleAssignments":[{"displayName":"a"}]}`))
		},
	} {
		for status, want := range map[int]graph.Kind{403: graph.KindForbidden, 500: graph.KindUnavailable} {
			t.Run(at, func(t *testing.T) {
				r := record(t, map[string]any{"GET " + at: status, "POST /beta/$batch": status})
				wantKind(t, write(r), want)
				r.mu.Lock()
				defer r.mu.Unlock()
				for _, w := range r.writes {
					if !strings.HasPrefix(w, "POST /beta/$batch ") { // which only reads
						t.Errorf("%d: wrote %s", status, w)
					}
				}
			})
		}
	}
}

func TestAChosenIDThatGraphRefusesNamesNoObject(t *testing.T) {
	for status, want := range map[int]string{403: "", 400: "", 504: "c7"} {
		r := record(t, map[string]any{"PATCH /v1.0/identity/conditionalAccess/authenticationContextClassReferences/c7": status})
		id, err := r.Create(t.Context(), contoso, "authenticationContextClassReference", json.RawMessage(`{"id":"c7","displayName":"Payroll"}`))
		if err == nil || id != want {
			t.Errorf("%d: id %q, %v", status, id, err)
		}
	}
}

// A proxy before Graph has a path of its own, which stands in a binding once, whoever wrote it.
func TestABindingLeadsToTheConfiguredRootOnce(t *testing.T) {
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = r.URL.Path + " " + strings.ReplaceAll(string(body), "http://"+r.Host, "HOST")
		_, _ = io.WriteString(w, `{"id":"d"}`)
	}))
	t.Cleanup(server.Close)
	for base, want := range map[string]string{"": "HOST", "/proxy/graph": "HOST/proxy/graph", "/beta": "HOST/beta"} {
		c, err := msgraph.New(msgraph.Config{BaseURL: server.URL + base, Tokens: token("a.b.c"), Limits: unlimited, Attempts: 1})
		if err != nil {
			t.Fatal(err)
		}
		for _, root := range []string{server.URL + base, "https://graph.microsoft.us", "https://elsewhere.example/other/proxy"} {
			for _, version := range []string{"/beta", "/v1.0", "/beta/v1.0", "/v1.0/beta"} {
				body := `{"displayName":"A","x@odata.bind":"` + root + version + `/things('1')"}`
				if _, err := c.Create(t.Context(), contoso, "deviceCategory", json.RawMessage(body)); err != nil {
					t.Fatal(err)
				}
				if want := base + `/beta/deviceManagement/deviceCategories {"displayName":"A","x@odata.bind":"` + want + version + `/things('1')"}`; got != want {
					t.Errorf("a binding below %s is written as %s, want %s", root, got, want)
				}
			}
		}
	}
}
