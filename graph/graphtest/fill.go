package graphtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// filled is what Graph adds to an object where a body leaves it out: read-outs, and the
// defaults of what no write takes.
var filled = map[graph.PolicyType][]struct {
	path  []string
	value string
}{
	"deviceConfiguration": {{at("version"), "1"}, {at("supportsScopeTags"), "true"}},
	"softwareUpdateRing": {
		{at("version"), "1"}, {at("supportsScopeTags"), "true"},
		{at("qualityUpdatesPauseStartDate"), "null"}, {at("featureUpdatesPauseStartDate"), "null"},
		{at("qualityUpdatesWillBeRolledBack"), "null"}, {at("featureUpdatesWillBeRolledBack"), "null"},
	},
	"settingsCatalogPolicy": {
		{at("creationSource"), "null"}, {at("isAssigned"), "false"}, {at("description"), "null"},
		{at("templateReference", "templateDisplayName"), "null"}, {at("templateReference", "templateDisplayVersion"), "null"},
	},
	"deviceCompliancePolicy":   {{at("version"), "1"}},
	"compliancePolicyV2":       {{at("creationSource"), "null"}, {at("isAssigned"), "false"}},
	"groupPolicyConfiguration": {{at("policyConfigurationIngestionType"), `"builtIn"`}},
	"endpointSecurityIntent":   {{at("isAssigned"), "false"}, {at("isMigratingToConfigurationPolicy"), "false"}},
	"deviceComplianceScript":   {{at("version"), `"1.0"`}},
	"deviceHealthScript": {
		{at("version"), `"1.0"`}, {at("isGlobalScript"), "false"}, {at("highestAvailableVersion"), "null"}, {at("deviceHealthScriptType"), `"deviceHealthScript"`},
	},
	"enrollmentRestriction":           {{at("version"), "1"}},
	"windowsEnrollmentStatusPage":     {{at("version"), "1"}},
	"appProtectionPolicy":             {{at("version"), `"\"1\""`}, {at("isAssigned"), "false"}, {at("deployedAppCount"), "0"}},
	"targetedManagedAppConfiguration": {{at("version"), `"\"1\""`}, {at("isAssigned"), "false"}, {at("deployedAppCount"), "0"}},
	"mobileAppConfiguration":          {{at("version"), "1"}},
	"mobileApp": {
		{at("isAssigned"), "false"}, {at("isFeatured"), "false"}, {at("uploadState"), "1"}, {at("publishingState"), `"published"`},
		{at("categories"), "[]"}, {at("dependentAppCount"), "0"}, {at("supersedingAppCount"), "0"}, {at("supersededAppCount"), "0"},
	},
	"reusablePolicySetting":        {{at("version"), "1"}, {at("referencingConfigurationPolicyCount"), "0"}},
	"cloudPcProvisioningPolicy":    {{at("alternateResourceUrl"), "null"}, {at("cloudPcGroupDisplayName"), "null"}},
	"policySet":                    {{at("status"), `"success"`}, {at("errorCode"), `"noError"`}},
	"intuneBrandingProfile":        {{at("isDefaultProfile"), "false"}, {at("disableClientTelemetry"), "false"}},
	"windowsFeatureUpdateProfile":  {{at("deployableContentDisplayName"), "null"}, {at("endOfSupportDate"), "null"}},
	"windowsQualityUpdateProfile":  {{at("releaseDateDisplayName"), "null"}, {at("deployableContentDisplayName"), "null"}},
	"windowsDriverUpdateProfile":   {{at("newUpdates"), "0"}, {at("deviceReporting"), "null"}, {at("inventorySyncStatus"), "null"}},
	"conditionalAccessPolicy":      {{at("templateId"), "null"}, {at("deletedDateTime"), "null"}},
	"roleScopeTag":                 {{at("isBuiltIn"), "false"}},
	"assignmentFilter":             {{at("payloads"), "[]"}},
	"roleDefinition":               {{at("isBuiltIn"), "false"}, {at("isBuiltInRoleDefinition"), "false"}},
	"namedLocation":                {{at("deletedDateTime"), "null"}},
	"authenticationStrengthPolicy": {{at("policyType"), `"custom"`}, {at("requirementsSatisfied"), `"mfa"`}},
}

// unstamped are the types whose objects have no time stamps, and unborn those that only say
// when they were changed.
var (
	unstamped = []graph.PolicyType{"deviceCategory", "roleScopeTag", "roleDefinition", "authenticationContextClassReference", "deviceManagementSettings", "cloudPcProvisioningPolicy"}
	unborn    = []graph.PolicyType{"endpointSecurityIntent", "notificationMessageTemplate", "mobileAppCategory"}
)

func at(path ...string) []string { return path }

// created makes the policy that Graph would keep for a body.
func (w *writing) created(object map[string]any, body []byte) (graph.Policy, error) {
	raw, parts := splitParts(w.info, body)
	tn := w.tenant
	tn.serial++
	tn.changes++
	p := graph.Policy{Type: w.info.Key, ID: tn.plan.objectID(w.info.Key, addedIndex+int(tn.serial)), Parts: parts}
	if id, ok := object["id"].(string); ok { // of a type whose ids are chosen
		p.ID = id
	}
	p.ODataType, _ = object["@odata.type"].(string)
	stamp := quote(timestamp(w.now.UTC().Add(time.Duration(tn.changes) * 100 * time.Nanosecond)))
	modified := "lastModifiedDateTime"
	if w.info.Platform == "entra" {
		modified = "modifiedDateTime"
	}
	if !slices.Contains(unstamped, w.info.Key) {
		raw = withProperty(raw, modified, stamp)
		if !slices.Contains(unborn, w.info.Key) {
			raw = withProperty(raw, "createdDateTime", stamp)
		}
	}
	raw = withProperty(raw, "id", quote(p.ID))
	if w.prioritized() {
		raw = withProperty(raw, "priority", w.priority(object))
	}
	p.Raw = w.fill(raw)
	for _, name := range partNames(w.info) {
		if !slices.ContainsFunc(p.Parts, func(q graph.Part) bool { return q.Name == name }) {
			p.Parts = append(p.Parts, graph.Part{Name: name, Raw: json.RawMessage("[]")})
		}
	}
	return w.finished(p)
}

// prioritized tells whether the objects of the type have an order.
func (w *writing) prioritized() bool {
	return slices.ContainsFunc(w.info.Write.Requests.Steps, func(s graph.StepRule) bool { return s.Part == "priority" })
}

// priority is the one that was asked for, or the next lower one when it is taken.
func (w *writing) priority(object map[string]any) []byte {
	taken, lowest := map[int]bool{}, 0
	for _, o := range w.tenant.collection(w.info).byID {
		if s, ok := property(o.policy.Raw, "priority"); ok {
			n, _ := strconv.Atoi(string(o.policy.Raw[s.start:s.end]))
			taken[n], lowest = true, max(lowest, n)
		}
	}
	asked, _ := object["priority"].(json.Number)
	n, err := strconv.Atoi(asked.String())
	if err != nil || n < 1 || taken[n] {
		n = lowest + 1
	}
	return strconv.AppendInt(nil, int64(n), 10)
}

// fill adds what a new object has besides its body.
func (w *writing) fill(raw []byte) []byte {
	for _, f := range filled[w.info.Key] {
		if f.path[0] != "deployedAppCount" || !bytes.Contains(raw, []byte("InformationProtectionPolicy")) { // for no apps
			raw = withDefault(raw, f.path, []byte(f.value))
		}
	}
	for _, rule := range w.info.Refs {
		if key, ok := strings.CutSuffix(rule.Path, "[]"); ok && rule.Type == "roleScopeTag" && !strings.Contains(key, ".") {
			raw = withDefault(raw, []string{key}, []byte(`["0"]`))
		}
	}
	return raw
}

// withDefault sets a property that is missing, unless what should hold it is missing too.
func withDefault(raw []byte, path []string, value []byte) []byte {
	s, ok := property(raw, path[0])
	switch {
	case len(path) == 1 && !ok:
		return withProperty(raw, path[0], value)
	case len(path) > 1 && ok && raw[s.start] == '{':
		return replaced(raw, s, withDefault(raw[s.start:s.end], path[1:], value))
	}
	return raw
}

// replaced is an object after an update that replaces the whole.
func (w *writing) replaced(old, body []byte) []byte {
	for _, key := range []string{"isAssigned", "lastModifiedDateTime", "createdDateTime", "id"} {
		if s, ok := property(old, key); ok {
			body = withProperty(body, key, old[s.start:s.end])
		}
	}
	return w.fill(body)
}

// finished brings everything up to date that follows from the rest of an object.
func (w *writing) finished(p graph.Policy) (graph.Policy, error) {
	p = w.identified(p)
	object, err := p.Decode()
	if err != nil {
		return graph.Policy{}, err
	}
	for _, f := range filled[w.info.Key] {
		if len(f.path) > 1 { // what was around it has been replaced as a whole
			p.Raw = withDefault(p.Raw, f.path, []byte(f.value))
		}
	}
	switch w.info.Key {
	case "settingsCatalogPolicy", "compliancePolicyV2":
		settings, _ := object[partSettings].([]any)
		p.Raw = withProperty(p.Raw, "settingCount", strconv.AppendInt(nil, int64(len(settings)), 10))
		if template, _ := object["templateReference"].(map[string]any); template["templateId"] != "" && template["templateId"] != nil {
			s, _ := property(p.Raw, "templateReference")
			named := withProperty(p.Raw[s.start:s.end], "templateDisplayName", quote(templateName))
			p.Raw = replaced(p.Raw, s, withProperty(named, "templateDisplayVersion", quote(templateVersion)))
		}
	case "notificationMessageTemplate":
		messages, _ := object["localizedNotificationMessages"].([]any)
		for _, m := range messages {
			message, _ := m.(map[string]any)
			if locale, ok := message["locale"].(string); ok && message["isDefault"] == true {
				p.Raw = withProperty(p.Raw, "defaultLocale", quote(locale))
			}
		}
	case "conditionalAccessPolicy":
		p.Raw = w.withStrength(p.Raw, object)
	}
	p.References, _ = w.references(object) // what is gone since has no name
	if w.info.Key == "policySet" {
		p.Raw = w.withItems(p)
	}
	p.Name, err = nameOf(w.info, p.Raw)
	return p, err
}

// withStrength shows the authentication strength that a policy demands as it is.
func (w *writing) withStrength(raw []byte, object map[string]any) []byte {
	controls, _ := object["grantControls"].(map[string]any)
	strength, _ := controls["authenticationStrength"].(map[string]any)
	id, _ := strength["id"].(string)
	o, _, ok := w.tenant.find("authenticationStrengthPolicy", id)
	if !ok {
		return raw
	}
	s, _ := property(raw, "grantControls")
	return replaced(raw, s, withProperty(raw[s.start:s.end], "authenticationStrength", embeddedStrength(o.policy.Raw)))
}

// withItems shows what a policy set is made of with the names that its parts have.
func (w *writing) withItems(p graph.Policy) []byte {
	list := elementsOf(p, "items")
	for i, item := range list {
		var have struct {
			Kind    string `json:"@odata.type"`
			Payload string `json:"payloadId"`
		}
		_ = json.Unmarshal(item, &have) // another form has no name
		name := ""
		for _, r := range p.References {
			if r.ID == have.Payload {
				name = r.Name
			}
		}
		stamp := quote(timestamp(w.now.UTC()))
		for _, f := range []struct {
			key   string
			value []byte
		}{
			{"guidedDeploymentTags", []byte("[]")}, {"createdDateTime", stamp}, {"lastModifiedDateTime", stamp},
			{"itemType", quote(strings.TrimSuffix(have.Kind, "PolicySetItem"))}, {"displayName", quote(name)},
			{"status", quote("success")}, {"errorCode", quote("noError")},
		} {
			item = withDefault(item, []string{f.key}, f.value)
		}
		list[i] = item
	}
	if len(list) == 0 {
		return p.Raw
	}
	return withProperty(p.Raw, "items", array(list))
}

func nameOf(info graph.TypeInfo, raw []byte) (string, error) {
	if info.NameProperty == "" {
		return "", nil
	}
	var name string
	if s, ok := property(raw, info.NameProperty); !ok || json.Unmarshal(raw[s.start:s.end], &name) != nil || name == "" {
		return "", invalid(fmt.Sprintf("property %q is required", info.NameProperty))
	}
	return name, nil
}

// splitParts takes out of a body what Get returns as parts.
func splitParts(info graph.TypeInfo, body []byte) ([]byte, []graph.Part) {
	var parts []graph.Part
	for _, name := range partNames(info) {
		var value []byte
		if body, value = withoutProperty(body, name); value != nil {
			parts = append(parts, graph.Part{Name: name, Raw: slices.Clone(value)})
		}
	}
	return body, parts
}

// withPart returns p with a part added or replaced; p itself keeps its parts.
func withPart(p graph.Policy, part graph.Part) graph.Policy {
	p.Parts = slices.Clone(p.Parts)
	i := slices.IndexFunc(p.Parts, func(q graph.Part) bool { return q.Name == part.Name })
	if i < 0 {
		p.Parts = append(p.Parts, part)
	} else {
		p.Parts[i] = part
	}
	return p
}
