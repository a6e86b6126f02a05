package backupset_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
)

// referenceForm is the canonical form written for clarity instead of speed: decode with
// encoding/json, drop, sort, write. It shares nothing with the code under test. Input
// with duplicate keys or lone surrogates is not its business: encoding/json mends those.
func referenceForm(c *graph.Catalogue, p *graph.Policy) (string, error) {
	object, err := referenceDecode(p.Raw)
	if err != nil {
		return "", err
	}
	top, ok := object.(map[string]any)
	if !ok {
		return "", fmt.Errorf("not an object")
	}
	for _, part := range p.Parts {
		v, err := referenceDecode(part.Raw)
		if err != nil {
			return "", err
		}
		top[part.Name] = v
	}
	info, _ := c.Lookup(p.Type)
	for name := range top {
		if referenceTopVolatile(p.Type, info.Volatile, name) {
			delete(top, name)
		}
	}
	if items, ok := top["items"].([]any); ok && p.Type == "policySet" {
		for _, item := range items {
			if item, ok := item.(map[string]any); ok {
				delete(item, "displayName")
				delete(item, "status")
				delete(item, "errorCode")
			}
		}
	}
	return referenceText(referenceClean(referenceRoot, top)), nil
}

func referenceDecode(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(raw, []byte("\uFEFF"))))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("trailing data")
	}
	return v, nil
}

func referenceTopVolatile(t graph.PolicyType, volatile []string, name string) bool {
	if slices.Contains(volatile, "!"+name) {
		return false
	}
	if slices.Contains(volatile, name) {
		return true
	}
	if name == "version" {
		return t != "termsAndConditions" && t != "deviceHealthScript"
	}
	if len(name) > 8 && name[:8] == "lastSync" || len(name) > 6 && name[:6] == "qrCode" {
		return true
	}
	return strings.Contains(" id isAssigned supportsScopeTags settingCount creationSource newUpdates deviceReporting"+
		" lastHeartbeatDateTime usedLicenseCount referencingConfigurationPolicyCount payloads deployedAppCount tokenValue"+
		" createdDateTime lastModifiedDateTime modifiedDateTime creationDateTime ", " "+name+" ")
}

// referenceElement gives, by the path of an object, the keys that are left out there.
// A path is the keys from the root, an array's with "[]" behind.
var referenceElement = map[string][]string{
	"assignments[]":                           {"id", "sourceId"},
	"settings[]":                              {"id"},
	"scheduledActionsForRule[]":               {"id"},
	"localizedNotificationMessages[]":         {"id"},
	"definitionValues[]":                      {"id"},
	"definitionValues[].presentationValues[]": {"id"},
	"items[]":                     {"id"},
	"roleAssignments[]":           {"id"},
	"combinationConfigurations[]": {"id"},
	"apps[]":                      {"version"},
	"anywhere.scheduledActionConfigurations[]": {"id"},
}

// referenceSets gives, by the path of an array that is a set, what it is sorted by.
var referenceSets = map[string][]string{
	"assignments[]": {"target.@odata.type", "target.groupId", "target.collectionId",
		"target.deviceAndAppManagementAssignmentFilterId", "target.deviceAndAppManagementAssignmentFilterType"},
	"settings[]":                               {"settingInstance.settingDefinitionId", "definitionId", "appConfigKey"},
	"localizedNotificationMessages[]":          {"locale"},
	"roleAssignments[]":                        {"displayName"},
	"combinationConfigurations[]":              {"@odata.type"},
	"definitionValues[]":                       {"definition.id", "definition@odata.bind"},
	"definitionValues[].presentationValues[]":  {"presentation.id", "presentation@odata.bind"},
	"anywhere.scheduledActionConfigurations[]": {"actionType", "gracePeriodHours", "notificationTemplateId"},
	"anywhere.roleScopeTagIds[]":               {},
	"anywhere.roleScopeTags[]":                 {},
}

// referenceRoot is the path of the whole document.
const referenceRoot = "$"

// referencePlace reduces a path to how the tables name it.
func referencePlace(path string) string {
	last := path[strings.LastIndexByte(path, '\x00')+1:]
	for _, name := range []string{"scheduledActionConfigurations[]", "roleScopeTagIds[]", "roleScopeTags[]"} {
		if last == name {
			return "anywhere." + name
		}
	}
	return strings.ReplaceAll(strings.TrimPrefix(path, referenceRoot+"\x00"), "\x00", ".")
}

// referenceIsSet tells whether the array at a path is a set, and by what it is sorted.
func referenceIsSet(path string) ([]string, bool) {
	if by, ok := referenceSets[referencePlace(path)]; ok {
		return by, true
	}
	keys := strings.Split(path, "\x00")[1:]
	special := []string{"roleScopeTagIds", "roleScopeTags", "scheduledActionConfigurations", "omaSettings", "children"}
	if len(keys) == 3 && keys[0] == "conditions" && !strings.HasSuffix(keys[1], "[]") && !slices.Contains(special, keys[1]) &&
		(strings.HasPrefix(keys[2], "include") || strings.HasPrefix(keys[2], "exclude")) && !strings.HasSuffix(keys[2], "[][]") {
		return nil, true
	}
	return nil, false
}

func referenceNoise(key string) bool {
	if strings.HasPrefix(key, "#") {
		return true
	}
	if key == "@odata.type" || strings.HasSuffix(key, "@odata.bind") {
		return false
	}
	return strings.Contains(key, "@odata.") || strings.Contains(key, "@microsoft.graph.")
}

func referenceClean(path string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, value := range v {
			if referenceNoise(key) || slices.Contains(referenceElement[referencePlace(path)], key) {
				continue
			}
			if path != referenceRoot && slices.Contains([]string{"createdDateTime", "lastModifiedDateTime", "modifiedDateTime", "creationDateTime"}, key) {
				continue
			}
			out[key] = referenceClean(path+"\x00"+key, value)
		}
		return out
	case []any:
		out := []any{}
		for _, element := range v {
			out = append(out, referenceClean(path+"[]", element))
		}
		if by, ok := referenceIsSet(path + "[]"); ok {
			slices.SortFunc(out, func(a, b any) int {
				for _, field := range by {
					if c := strings.Compare(referenceField(a, field), referenceField(b, field)); c != 0 {
						return c
					}
				}
				return strings.Compare(referenceText(a), referenceText(b))
			})
		}
		return out
	}
	return v
}

func referenceField(v any, field string) string {
	names := []string{field}
	if !strings.Contains(field, "@odata.bind") {
		names = strings.SplitN(field, ".", 2)
	}
	for _, name := range names {
		object, _ := v.(map[string]any)
		value, ok := object[name]
		if !ok {
			return ""
		}
		v = value
	}
	return referenceText(v)
}

func referenceText(v any) string {
	switch v := v.(type) {
	case map[string]any:
		var members []string
		byKey := map[string]string{}
		for key, value := range v {
			text := referenceString(key)
			bare := text[1 : len(text)-1]
			members = append(members, bare)
			byKey[bare] = text + ":" + referenceText(value)
		}
		slices.Sort(members)
		for i, bare := range members {
			members[i] = byKey[bare]
		}
		return "{" + strings.Join(members, ",") + "}"
	case []any:
		var elements []string
		for _, e := range v {
			elements = append(elements, referenceText(e))
		}
		return "[" + strings.Join(elements, ",") + "]"
	case string:
		return referenceString(v)
	case json.Number:
		return v.String()
	case nil:
		return "null"
	default:
		return fmt.Sprint(v) // true or false
	}
}

func referenceString(s string) string {
	var pairs []string
	for c := range 0x20 {
		pairs = append(pairs, string(rune(c)), fmt.Sprintf(`\u%04x`, c))
	}
	for c, escape := range map[string]string{"\b": `\b`, "\f": `\f`, "\n": `\n`, "\r": `\r`, "\t": `\t`} {
		pairs[2*int(c[0])+1] = escape
	}
	pairs = append(pairs, `"`, `\"`, `\`, `\\`)
	return `"` + strings.NewReplacer(pairs...).Replace(s) + `"`
}
