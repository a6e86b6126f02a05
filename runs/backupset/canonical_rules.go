package backupset

import (
	"bytes"

	"github.com/tenantatlas/tenantbackup/graph"
)

// readOuts are properties of the object itself that Graph computes; they are left out for
// every type. Most are refused when written; the others count or report.
var readOuts = []string{
	"id", "version", "isAssigned", "supportsScopeTags",
	"settingCount", "creationSource",
	"newUpdates", "deviceReporting", "lastHeartbeatDateTime", "usedLicenseCount",
	"referencingConfigurationPolicyCount", "payloads", "deployedAppCount", "tokenValue",
}

// readOutPrefixes are families of such properties: when a connector last synchronised,
// and the enrolment codes that are drawn anew all the time.
var readOutPrefixes = []string{"lastSync", "qrCode"}

// meaningful are read-outs that are content for one type: a new version of terms and
// conditions asks every user for acceptance again, and the version of a remediation is
// its author's.
var meaningful = map[graph.PolicyType][]string{
	"termsAndConditions": {"version"},
	"deviceHealthScript": {"version"},
}

// place is where in a policy a value stands, as far as that decides about it.
type place uint8

const (
	elsewhere place = iota
	topLevel

	// Arrays; the element's place follows from arrays.
	scalarSet
	assignmentList
	settingList
	ruleList
	actionList
	messageList
	definitionList
	presentationList
	appList
	omaList
	childList
	policySetItemList
	roleAssignmentList
	combinationList

	// Elements and objects.
	assignment
	setting
	rule // of scheduled actions
	action
	message
	definitionValue
	presentationValue
	app
	policySetItem
	roleAssignment
	combination
	conditions // of a Conditional Access policy
	condition  // one of them: users, applications, locations ...

	numPlaces
)

// array is what is known of the arrays in one place.
type array struct {
	element place

	// set arrays are sorted by the values at the sort paths, then by the whole element.
	set  bool
	sort [][]string

	// identity are the paths whose values name an element in a diff; none means that an
	// element has no name.
	identity [][]string
}

// arrays has a row for every place that is an array; it is never changed.
var arrays = [numPlaces]array{
	scalarSet: {set: true},
	assignmentList: {element: assignment, set: true,
		sort: [][]string{
			{"target", "@odata.type"}, {"target", "groupId"}, {"target", "collectionId"},
			{"target", "deviceAndAppManagementAssignmentFilterId"},
			{"target", "deviceAndAppManagementAssignmentFilterType"},
		},
		identity: [][]string{{"target", "@odata.type"}, {"target", "groupId"}, {"target", "collectionId"}}},
	settingList: {element: setting, set: true,
		sort:     [][]string{{"settingInstance", "settingDefinitionId"}, {"definitionId"}, {"appConfigKey"}},
		identity: [][]string{{"settingInstance", "settingDefinitionId"}, {"definitionId"}, {"appConfigKey"}}},
	ruleList: {element: rule},
	actionList: {element: action, set: true,
		sort:     [][]string{{"actionType"}, {"gracePeriodHours"}, {"notificationTemplateId"}},
		identity: [][]string{{"actionType"}}},
	messageList: {element: message, set: true, sort: [][]string{{"locale"}}, identity: [][]string{{"locale"}}},
	definitionList: {element: definitionValue, set: true,
		sort:     [][]string{{"definition", "id"}, {"definition@odata.bind"}},
		identity: [][]string{{"definition", "id"}, {"definition@odata.bind"}}},
	presentationList: {element: presentationValue, set: true,
		sort:     [][]string{{"presentation", "id"}, {"presentation@odata.bind"}},
		identity: [][]string{{"presentation", "id"}, {"presentation@odata.bind"}}},
	appList: {element: app, identity: [][]string{
		{"mobileAppIdentifier", "bundleId"}, {"mobileAppIdentifier", "packageId"},
		{"mobileAppIdentifier", "windowsAppId"}}},
	omaList:           {identity: [][]string{{"omaUri"}}},
	childList:         {identity: [][]string{{"settingDefinitionId"}}},
	policySetItemList: {element: policySetItem, identity: [][]string{{"payloadId"}}},
	roleAssignmentList: {element: roleAssignment, set: true,
		sort: [][]string{{"displayName"}}, identity: [][]string{{"displayName"}}},
	combinationList: {element: combination, set: true,
		sort: [][]string{{"@odata.type"}}, identity: [][]string{{"@odata.type"}}},
}

// dropsID has the places whose objects get a new id whenever they are written, or one
// that is built from the policy's own.
var dropsID = [numPlaces]bool{
	assignment: true, setting: true, rule: true, action: true,
	message: true, definitionValue: true, presentationValue: true,
	policySetItem: true, roleAssignment: true, combination: true,
}

// dropped tells whether a property is left out of an object in the given place. The rules
// for the top level are the type's.
func dropped(at place, key []byte, rules map[string]bool) bool {
	if len(key) == 0 {
		return false
	}
	if key[0] == '#' {
		return true // a bound action
	}
	if i := bytes.IndexByte(key, '@'); i >= 0 && annotation(key, key[i:]) {
		return true
	}
	switch string(key) {
	case "createdDateTime", "lastModifiedDateTime", "modifiedDateTime", "creationDateTime":
		// Read-outs wherever they stand, unless the type says otherwise for itself.
		out, known := rules[string(key)]
		return at != topLevel || !known || out
	case "id":
		if dropsID[at] {
			return true
		}
	case "sourceId":
		return at == assignment // the policy's own id, or that of a policy set
	case "version":
		if at == app {
			return true // a checksum that changes with the store's entry of the app
		}
	}
	if at != topLevel {
		return false
	}
	if out, known := rules[string(key)]; known {
		return out
	}
	for _, prefix := range readOutPrefixes {
		if len(key) > len(prefix) && string(key[:len(prefix)]) == prefix {
			return true
		}
	}
	return false
}

// policySet is the type whose items Graph says more of than was written.
const policySet graph.PolicyType = "policySet"

// itemReadOuts marks the rules of that type; no property has this name.
const itemReadOuts = "items[]"

// itemReadOut tells whether a property of an item of a policy set is what Graph says of it: how
// its assignment went, and the name of what it stands for, which may be renamed.
func itemReadOut(at place, key []byte, rules map[string]bool) bool {
	if at != policySetItem || !rules[itemReadOuts] {
		return false
	}
	switch string(key) {
	case "status", "errorCode", "displayName":
		return true
	}
	return false
}

// annotation tells whether a key is an OData annotation that says nothing about the
// policy. rest is the key from its first '@'.
func annotation(key, rest []byte) bool {
	if string(key) == "@odata.type" || bytes.HasSuffix(rest, []byte("@odata.bind")) {
		return false
	}
	return bytes.Contains(rest, []byte("@odata.")) || bytes.Contains(rest, []byte("@microsoft.graph."))
}

// childOf returns the place of the value that stands under a key.
func childOf(at place, key []byte) place {
	switch string(key) {
	case "roleScopeTagIds", "roleScopeTags":
		return scalarSet
	case "scheduledActionConfigurations":
		return actionList
	case "omaSettings":
		return omaList
	case "children":
		return childList
	}
	switch at {
	case topLevel:
		switch string(key) {
		case "assignments":
			return assignmentList
		case "settings":
			return settingList
		case "scheduledActionsForRule":
			return ruleList
		case "localizedNotificationMessages":
			return messageList
		case "definitionValues":
			return definitionList
		case "apps":
			return appList
		case "conditions":
			return conditions
		case "items":
			return policySetItemList
		case "roleAssignments":
			return roleAssignmentList
		case "combinationConfigurations":
			return combinationList
		}
	case definitionValue:
		if string(key) == "presentationValues" {
			return presentationList
		}
	case conditions:
		return condition
	case condition:
		if bytes.HasPrefix(key, []byte("include")) || bytes.HasPrefix(key, []byte("exclude")) {
			return scalarSet
		}
	}
	return elsewhere
}
