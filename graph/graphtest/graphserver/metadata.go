package graphserver

import "strings"

// derivedIn are the properties whose values are of a type derived from the declared one, so
// that minimal metadata names it.
var derivedIn = map[string]bool{
	"settingInstance": true, "children": true, "simpleSettingValue": true, "simpleSettingCollectionValue": true,
	"target": true, "settings": true, "runSchedule": true, "omaSettings": true, "mobileAppIdentifier": true,
	"ipRanges": true, "items": true, "presentation": true, "presentationValues": true, "roleAssignments": true,
	"combinationConfigurations": true, "largeIcon": false, "detectionRules": true, "rules": true, "requirementRules": true,
	"appConnectorEndpoints": true, "rootCertificate": true, "values": true, "scheduledInstallDays": false,
}

// exactly are types that stand in those properties and are not derived.
var exactly = map[string]bool{`"#microsoft.graph.deviceManagementConfigurationSetting"`: true}

// strip leaves out the annotations that a level of metadata does not have. The document is
// the value of a property, or a whole object, which is of a derived type or not.
func strip(doc []byte, level metadata, derived bool, within string) []byte {
	if level == full || len(doc) == 0 {
		return doc
	}
	switch doc[0] {
	case '{':
		all := members(doc)
		out := all[:0]
		for _, m := range all {
			if keep(m, level, derived) {
				m.value = strip(m.value, level, derivedIn[m.key], m.key)
				out = append(out, m)
			}
		}
		return object(out)
	case '[':
		all := elements(doc)
		for i := range all {
			all[i] = strip(all[i], level, derived, within)
		}
		return array(all)
	}
	return doc
}

func keep(m member, level metadata, derived bool) bool {
	switch {
	case strings.HasPrefix(m.key, "#"):
		return false
	case !strings.Contains(m.key, "@odata."):
		return true
	case strings.HasSuffix(m.key, "@odata.nextLink"):
		return true
	}
	return level == minimal && m.key == "@odata.type" && derived && !exactly[string(m.value)]
}
