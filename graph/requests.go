package graph

import (
	"maps"
	"slices"
)

// Workload names the part of Graph that answers for a type: each has limits of its own.
type Workload string

// The workloads.
const (
	WorkloadIntune    Workload = "intune"
	WorkloadAccess    Workload = "conditional_access" // Conditional Access policies and named locations
	WorkloadDirectory Workload = "directory"          // groups, applications and the rest of Entra
)

// Permission is a demand that any one of the named application permissions meets:
// "DeviceManagementConfiguration.Read.All", "DeviceManagementConfiguration.ReadWrite.All".
type Permission []string

// Permissions are what an app needs for a type. Every one of a list is needed.
type Permissions struct {
	Read    []Permission
	Secrets []Permission // beside Read, for values that are masked otherwise
	Write   []Permission // beside Read
}

// ReadRules say which requests make a complete capture of an object. A query is given as it
// stands in a URL, escaped and without "?".
type ReadRules struct {
	ListQuery string // of the listing: "$filter=isBuiltIn%20eq%20false"

	// LeftOut find, all of them together, the objects that ListQuery leaves out although they are
	// there, where an object may become or cease to be one. Such an object is not missing in
	// a listing.
	LeftOut []DefaultRule

	// ItemQuery is that of the request for one object by its id: "$expand=items". What it
	// expands is a property of the answer; where Graph cuts it, the whole becomes a part.
	ItemQuery string

	// Only and Except are the "@odata.type"s of the rows that are of this type and that are
	// not, where several types share a collection. Empty means all and none.
	Only, Except []string

	// Singleton tells that Path answers with one object instead of a collection. It has no
	// id, so the key of the type stands for it.
	Singleton bool

	// Typed are the collections in which an object of an "@odata.type" is read by its id and
	// written. Objects of other types are not of this policy type.
	Typed map[string]TypedRule

	// Unlisted are properties that rows of the listing have as null.
	Unlisted []string

	// MinimalMetadata asks for the annotations that Graph sends anyway, for collections that
	// fail when asked for all of them.
	MinimalMetadata bool

	// Masked tells that objects may have OMA settings whose values have to be asked for one
	// by one.
	Masked bool

	// Parts are what Graph keeps beside the object, each read by a request of its own.
	Parts []PartRule
}

// TypedRule is a collection of objects of one "@odata.type", which another one lists.
type TypedRule struct {
	Path      string // below the version: "/deviceAppManagement/iosManagedAppProtections"
	ItemQuery string // takes the place of the type's
}

// PartRule says how one part is read.
type PartRule struct {
	Name  string // of the part, and of the property that it fills
	Path  string // below the object: "settings"
	Query string // "$top=1000"

	// Count is the property of the object that announces the number of elements.
	Count string

	// ByID is the collection below the version in which every element is read once more by
	// its id, for rows that leave something out; what it answers stands for the row.
	// ByIDQuery is that request's query.
	ByID, ByIDQuery string

	// Each are read for every element, below Path and the element's id, and put into it.
	Each []PartRule
}

// RequestRules say which requests write an object. Their zero value is POST to the
// collection, PATCH of the object, and POST of {"assignments": [...]} to its action assign.
type RequestRules struct {
	Put bool // an update is a PUT of the whole object

	// Upsert tells that ids are chosen: a create is a PATCH of the object, as an update is.
	Upsert bool

	// UpdatePath and Envelope are those of a singleton: a PATCH of UpdatePath with the object
	// as the property Envelope.
	UpdatePath, Envelope string

	// First are the only properties that a create takes, and Later are some that it does not
	// take. What is left out follows in an update.
	First, Later []string

	// AssignKey is the property of the body of assign. Defaults to "assignments".
	AssignKey string

	// AssignEach tells that assignments are a collection below the object: each is posted,
	// and one that is not wanted any more is deleted.
	AssignEach bool

	// Steps are written in requests of their own, in this order, after the object. The body
	// of an update never has them.
	Steps []StepRule

	// Hook is what no rule says, empty for none.
	Hook Hook
}

// StepRule says how something is written after the object that it belongs to.
type StepRule struct {
	Part string // the part or property

	// Created tells that the body of a create takes it, so the step follows updates only.
	Created bool

	// Action is the name of a function of the object, which is posted {Key: the whole value},
	// and beside it the object's properties named by With. Without an action the value is a
	// collection below the object: each element is posted, and one that is not wanted any more
	// is deleted. Elements that agree in the property Match are changed instead.
	Action, Key string
	With        []string
	Match       string

	// Link is the collection of the elements, when they are objects for themselves that the
	// object only refers to: "/deviceAppManagement/mobileAppCategories".
	Link string
}

// Hook names code of a client for what no rule says.
type Hook string

// The hooks.
const (
	// HookDefinitionValues writes settings of administrative templates, which name their
	// definition and presentations by URL: all changes in one call of updateDefinitionValues.
	HookDefinitionValues Hook = "definitionValues"

	// HookIntent makes an object of a template (createInstance of
	// /deviceManagement/templates/{templateId}), and changes its settings with updateSettings.
	HookIntent Hook = "intent"

	// HookPolicySet changes items and assignments with the action update.
	HookPolicySet Hook = "policySet"

	// HookRoleAssignments writes the assignments of a role to
	// /deviceManagement/roleAssignments, which name role and scope tags by URL.
	HookRoleAssignments Hook = "roleAssignments"

	// HookAccess leaves out of a Conditional Access policy what Graph shows and does not take:
	// session controls that say nothing, and the copy of an authentication strength.
	HookAccess Hook = "conditionalAccess"
)

func (r ReadRules) clone() ReadRules {
	r.Only, r.Except, r.Unlisted = slices.Clone(r.Only), slices.Clone(r.Except), slices.Clone(r.Unlisted)
	r.Typed = maps.Clone(r.Typed)
	r.LeftOut = slices.Clone(r.LeftOut)
	for i := range r.LeftOut {
		r.LeftOut[i].Values = slices.Clone(r.LeftOut[i].Values)
	}
	r.Parts = cloneParts(r.Parts)
	return r
}

func cloneParts(parts []PartRule) []PartRule {
	parts = slices.Clone(parts)
	for i := range parts {
		parts[i].Each = cloneParts(parts[i].Each)
	}
	return parts
}

func (p Permissions) clone() Permissions {
	for _, list := range []*[]Permission{&p.Read, &p.Secrets, &p.Write} {
		*list = slices.Clone(*list)
		for i := range *list {
			(*list)[i] = slices.Clone((*list)[i])
		}
	}
	return p
}

func (r RequestRules) clone() RequestRules {
	r.First, r.Later = slices.Clone(r.First), slices.Clone(r.Later)
	r.Steps = slices.Clone(r.Steps)
	for i := range r.Steps {
		r.Steps[i].With = slices.Clone(r.Steps[i].With)
	}
	return r
}
