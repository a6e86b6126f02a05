package graph

import (
	"errors"
	"fmt"
	"slices"
)

// Support says what this module can do with a type.
type Support string

// The levels of support.
const (
	Restorable Support = "restorable"  // captured and restored
	ReportOnly Support = "report_only" // captured, but Graph offers no way to write it back
	LookupOnly Support = "lookup_only" // read to give names to ids or seen through another type; never captured for itself
)

// TypeInfo is one row of the catalogue: the facts about a policy type.
type TypeInfo struct {
	Key          PolicyType
	DisplayName  string      // as the admin centre calls it
	Platform     string      // "all", or "windows", "ios" ... separated by ", "; "entra" for directory types
	Path         string      // collection path below the version, "/deviceManagement/configurationPolicies"
	Version      string      // "beta" or "v1.0": a property of the type, since v1.0 lacks or truncates most Intune types
	NameProperty string      // the property that holds the display name; empty for a singleton
	Foundation   bool        // other policies refer to it: captured when a schedule includes foundations
	Support      Support     // what can be done with it
	RestoreOrder int         // lower is restored first; what others refer to comes before them
	ListComplete bool        // a row of the list is the whole capture, no call per object is needed
	ViewOf       PolicyType  // the type that captures these objects, when this one only shows a part of it
	Volatile     []string    // properties that change without anyone changing the policy, beside the common ones
	Read         ReadRules   // what reading takes
	Workload     Workload    // whose limits count; empty in a type that is added means: as the path says
	Permissions  Permissions // what an app needs
	Write        WriteRules  // what writing takes
	Refs         []RefRule   // where the ids of other objects stand
	Note         string      // a sentence for people: a limit, or why it is look-up only
}

// Capturable tells whether a schedule may name the type.
func (t TypeInfo) Capturable() bool { return t.Support != LookupOnly }

// Catalogue is an immutable table of policy types, safe for concurrent use. The zero
// value is empty.
type Catalogue struct {
	byKey map[PolicyType]TypeInfo
	order []PolicyType
}

// NewCatalogue makes a catalogue of the given types, kept in the given order. It refuses
// a type without key, path or version, a key that is given twice, an unknown level of
// support, and rules for reading, writing or references that cannot be followed.
func NewCatalogue(types ...TypeInfo) (*Catalogue, error) {
	return (&Catalogue{}).With(types...)
}

// With returns a catalogue that also holds the given types. A type whose key exists
// already is refused, so that an embedder never changes the meaning of a built-in one
// by accident. The receiver stays as it is.
func (c *Catalogue) With(types ...TypeInfo) (*Catalogue, error) {
	out := &Catalogue{byKey: make(map[PolicyType]TypeInfo, len(c.byKey)+len(types)), order: slices.Clone(c.order)}
	for k, v := range c.byKey {
		out.byKey[k] = v
	}
	for i, t := range types {
		if t.Workload == "" {
			t.Workload = workload(t)
		}
		if err := t.validate(); err != nil {
			return nil, fmt.Errorf("graph: catalogue type %d (%q): %w", i, t.Key, err)
		}
		if _, ok := out.byKey[t.Key]; ok {
			return nil, fmt.Errorf("graph: catalogue type %d: key %q exists already; choose another key", i, t.Key)
		}
		out.byKey[t.Key] = t.clone()
		out.order = append(out.order, t.Key)
	}
	for _, t := range types {
		if of, ok := out.byKey[t.ViewOf]; t.ViewOf != "" && (!ok || !of.Capturable() || t.Capturable()) {
			return nil, fmt.Errorf("graph: catalogue type %q: field ViewOf: a view is LookupOnly, and of a type that can be captured", t.Key)
		}
	}
	return out, nil
}

func (t TypeInfo) validate() error {
	switch {
	case t.Key == "":
		return errors.New("field Key is required")
	case t.Version != "beta" && t.Version != "v1.0":
		return errors.New(`field Version is "beta" or "v1.0"`)
	case t.Support != Restorable && t.Support != ReportOnly && t.Support != LookupOnly:
		return errors.New("field Support is Restorable, ReportOnly or LookupOnly")
	}
	for _, check := range []func() error{
		func() error { return validateCollection("field Path", t.Path) },
		func() error { return t.Read.validate("field Read", t.ListComplete) },
		t.Workload.validate,
		func() error { return t.Permissions.validate("field Permissions") },
		func() error { return t.Write.validate("field Write") },
		func() error { return t.Write.Requests.validate("field Write.Requests", t) },
	} {
		if err := check(); err != nil {
			return err
		}
	}
	for i, r := range t.Refs {
		if err := r.validate(fmt.Sprintf("field Refs[%d]", i)); err != nil {
			return err
		}
	}
	return nil
}

// Lookup returns the facts about a type. The value is the caller's.
func (c *Catalogue) Lookup(t PolicyType) (TypeInfo, bool) {
	info, ok := c.byKey[t]
	return info.clone(), ok
}

func (t TypeInfo) clone() TypeInfo {
	t.Volatile = slices.Clone(t.Volatile)
	t.Read = t.Read.clone()
	t.Permissions = t.Permissions.clone()
	t.Write = t.Write.clone()
	t.Refs = cloneRefs(t.Refs)
	return t
}

// All returns every type in catalogue order. The slice is the caller's.
func (c *Catalogue) All() []TypeInfo {
	return c.selectTypes(func(TypeInfo) bool { return true })
}

// Foundations returns the types that other policies refer to and that can be captured.
func (c *Catalogue) Foundations() []TypeInfo {
	return c.selectTypes(func(t TypeInfo) bool { return t.Foundation && t.Capturable() })
}

func (c *Catalogue) selectTypes(keep func(TypeInfo) bool) []TypeInfo {
	out := make([]TypeInfo, 0, len(c.order))
	for _, k := range c.order {
		if t, _ := c.Lookup(k); keep(t) {
			out = append(out, t)
		}
	}
	return out
}
