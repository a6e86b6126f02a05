package graph

import (
	"context"
	"slices"
)

// WriteRules say what writing an object of a type takes. Where they name properties, a path
// leads to one: keys joined by dots, with "[]" behind the key of an array for each of its
// elements, as in "scheduledActionsForRule[].id". It leads from the object in which its
// parts stand under their names, as [Policy.Decode] puts it together.
type WriteRules struct {
	// Polymorphic tells that objects of several "@odata.type"s share the collection, so that
	// Graph refuses a body without one.
	Polymorphic bool

	// Replaces tells that an update replaces the whole object, so that a property which its
	// body leaves out goes back to its default. Of other types it stays as it is.
	Replaces bool

	// Strip are paths that no write takes, beside [CommonStrip]. "!name" keeps a property that
	// is stripped otherwise.
	Strip []string

	// StripUpdate are paths that are fixed once the object exists.
	StripUpdate []string

	// MatchBy are paths, without arrays, whose values tell, besides its name and
	// "@odata.type", whether an object of another id is the same policy:
	// "templateReference.templateId".
	MatchBy []string

	// Default finds the objects that every tenant has: they are changed, never created, and
	// not assigned.
	Default *DefaultRule

	// BuiltIn finds the objects that are Microsoft's: no write takes them.
	BuiltIn *DefaultRule

	// Assigned tells that objects have assignments, which Assign writes. AssignmentFields
	// are the fields of an assignment that it takes beside "target".
	Assigned         bool
	AssignmentFields []string

	// AssignWhen finds the objects that Graph has finished, where it goes on with them after
	// they were written and takes no assignments before. Nil means at once.
	AssignWhen *DefaultRule

	// Requests are how a write is sent.
	Requests RequestRules
}

// DefaultRule finds objects that are special: those whose property is one of the values,
// given as JSON. Without a property, every object of the type is one.
type DefaultRule struct {
	Property string // a key of the object, not a path
	Values   []string
}

// RefRule says where ids of other objects stand in an object or one of its parts. An empty
// string or null in that place is no id.
type RefRule struct {
	// Path leads from the object, in which its parts stand under their names, to the value:
	// keys joined by dots, "[]" behind the key of an array for each of its elements, and "**"
	// for any depth: "conditions.locations.includeLocations[]",
	// "assignments[].target.groupId", "settings[].**.value".
	Path string

	// Type is the policy type that the ids belong to, or Kind the kind of [Reference] when
	// they are objects of the directory.
	Type PolicyType
	Kind string

	// In is the "@odata.type" that the object around the value has; in others it is no id.
	// Empty means any.
	In string

	// Fixed are values that mean the same in every tenant, such as "All", and ids of what
	// Microsoft builds in. They are never mapped and never missing.
	Fixed []string
}

// commonStrip is what no write takes, whatever the type.
// It is the union of what the known tools that write policies back leave out.
var commonStrip = []string{
	"id", "createdDateTime", "lastModifiedDateTime", "modifiedDateTime", "creationDateTime",
	"version", "isAssigned", "assignments", "supportsScopeTags",
}

// CommonStrip returns the properties that no write takes, whatever the type. Beside them, a
// body has no OData annotations but "@odata.type" and "...@odata.bind", and no actions (keys
// that begin with "#"), at any depth.
func CommonStrip() []string { return slices.Clone(commonStrip) }

type justificationKey struct{}

// WithJustification gives writes made with the context the reason that those read who have to
// approve changes, where Multi Admin Approval is on. It is any text; of a long one the end may be
// left out.
func WithJustification(ctx context.Context, reason string) context.Context {
	return context.WithValue(ctx, justificationKey{}, reason)
}

// Justification returns the reason given by [WithJustification], or "".
func Justification(ctx context.Context) string {
	reason, _ := ctx.Value(justificationKey{}).(string)
	return reason
}

func (w WriteRules) clone() WriteRules {
	w.Strip = slices.Clone(w.Strip)
	w.StripUpdate = slices.Clone(w.StripUpdate)
	w.MatchBy = slices.Clone(w.MatchBy)
	w.AssignmentFields = slices.Clone(w.AssignmentFields)
	w.Default = w.Default.clone()
	w.BuiltIn = w.BuiltIn.clone()
	w.AssignWhen = w.AssignWhen.clone()
	w.Requests = w.Requests.clone()
	return w
}

func (r *DefaultRule) clone() *DefaultRule {
	if r == nil {
		return nil
	}
	return &DefaultRule{Property: r.Property, Values: slices.Clone(r.Values)}
}

func cloneRefs(refs []RefRule) []RefRule {
	refs = slices.Clone(refs)
	for i := range refs {
		refs[i].Fixed = slices.Clone(refs[i].Fixed)
	}
	return refs
}
