package graph

import "context"

// WriteRules say what writing an object of a type takes.
type WriteRules struct {
	// Strip are properties that no write takes, beside [CommonStrip].
	Strip []string

	// StripUpdate are properties that are fixed once the object exists.
	StripUpdate []string

	// MatchBy are properties that, besides its name and "@odata.type", tell whether an
	// object of another id is the same policy.
	MatchBy []string

	// Default finds the objects that every tenant has: they are changed, never created.
	Default *DefaultRule

	// Assigned tells that objects have assignments, which Assign writes. AssignmentFields
	// are the fields of an assignment that it takes beside "target".
	Assigned         bool
	AssignmentFields []string
}

// DefaultRule finds default objects: those whose property is one of the values, given as
// JSON. Without a property, every object of the type is one.
type DefaultRule struct {
	Property string
	Values   []string
}

// RefRule says where ids of other objects stand in an object or one of its parts.
type RefRule struct {
	// Path leads from the object, or from the part of the same name, to the value: keys
	// joined by dots, "[]" behind the key of an array for each of its elements, and "**" for
	// any depth: "conditions.locations.includeLocations[]", "assignments[].target.groupId".
	Path string

	// Type is the policy type that the ids belong to, or Kind the kind of [Reference] when
	// they are objects of the directory.
	Type PolicyType
	Kind string
}

// commonStrip is what no write takes, whatever the type.
// It is the union of what the known tools that write policies back leave out.
var commonStrip = []string{
	"id", "createdDateTime", "lastModifiedDateTime", "modifiedDateTime", "creationDateTime",
	"version", "isAssigned", "assignments", "supportsScopeTags",
}

// CommonStrip returns the properties that no write takes, whatever the type.
func CommonStrip() []string { return append([]string(nil), commonStrip...) }

type justificationKey struct{}

// WithJustification gives writes made with the context the reason that Graph demands where
// changes need the approval of several administrators. It is sent as it is.
func WithJustification(ctx context.Context, reason string) context.Context {
	return context.WithValue(ctx, justificationKey{}, reason)
}

// Justification returns the reason given by [WithJustification], or "".
func Justification(ctx context.Context) string {
	reason, _ := ctx.Value(justificationKey{}).(string)
	return reason
}
