package graph

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// validate names the field of the rules that cannot be followed.
func (r ReadRules) validate(field string, listComplete bool) error {
	if listComplete {
		for _, more := range []struct {
			field string
			given bool
		}{{"ItemQuery", r.ItemQuery != ""}, {"Typed", len(r.Typed) > 0}, {"Unlisted", len(r.Unlisted) > 0}, {"Masked", r.Masked}, {"Parts", len(r.Parts) > 0}} {
			if more.given {
				return fmt.Errorf("%s.%s asks for more than the list, which ListComplete says is all", field, more.field)
			}
		}
	}
	if r.Singleton && (r.ListQuery != "" || len(r.Only)+len(r.Except)+len(r.Typed)+len(r.Unlisted) > 0) {
		return fmt.Errorf("%s.Singleton: there is no list to have ListQuery, Only, Except, Typed or Unlisted", field)
	}
	if err := validateQuery(field+".ListQuery", r.ListQuery); err != nil {
		return err
	}
	for i, rule := range r.LeftOut {
		if r.ListQuery == "" || rule.Property == "" {
			return fmt.Errorf("%s.LeftOut[%d]: needs a ListQuery that leaves objects out, and a Property", field, i)
		}
	}
	if err := validateQuery(field+".ItemQuery", r.ItemQuery); err != nil {
		return err
	}
	if err := r.validateKinds(field); err != nil {
		return err
	}
	if err := validateNames(field+".Unlisted", r.Unlisted); err != nil {
		return err
	}
	return validateParts(field+".Parts", r.Parts)
}

// validateKinds checks what tells the objects of the type from others.
func (r ReadRules) validateKinds(field string) error {
	if len(r.Typed) > 0 && len(r.Only)+len(r.Except) > 0 {
		return fmt.Errorf("%s.Typed says already of which types objects are: leave out Only and Except", field)
	}
	for kind, rule := range r.Typed {
		at := fmt.Sprintf("%s.Typed[%q]", field, kind)
		if err := validateKind(at, kind); err != nil {
			return err
		}
		if err := validateCollection(at+".Path", rule.Path); err != nil {
			return err
		}
		if err := validateQuery(at+".ItemQuery", rule.ItemQuery); err != nil {
			return err
		}
	}
	for _, list := range []struct {
		field string
		kinds []string
	}{{"Only", r.Only}, {"Except", r.Except}} {
		for i, kind := range list.kinds {
			at := fmt.Sprintf("%s.%s[%d]", field, list.field, i)
			if err := validateKind(at, kind); err != nil {
				return err
			}
			if slices.Contains(list.kinds[:i], kind) {
				return fmt.Errorf("%s: %q is given twice", at, kind)
			}
			if list.field == "Except" && slices.Contains(r.Only, kind) {
				return fmt.Errorf("%s: %q is in Only too", at, kind)
			}
		}
	}
	return nil
}

func validateParts(field string, parts []PartRule) error {
	for i, p := range parts {
		at := fmt.Sprintf("%s[%d]", field, i)
		if p.Name == "" || strings.ContainsAny(p.Name, ".[]@#/ ") {
			return fmt.Errorf("%s.Name: %q is not the name of a property", at, p.Name)
		}
		if slices.ContainsFunc(parts[:i], func(q PartRule) bool { return q.Name == p.Name }) {
			return fmt.Errorf("%s.Name: %q is given twice", at, p.Name)
		}
		if err := validateSegments(at+".Path", p.Path); err != nil {
			return err
		}
		if err := validateQuery(at+".Query", p.Query); err != nil {
			return err
		}
		if strings.ContainsAny(p.Count, ".[]@#/ ") {
			return fmt.Errorf("%s.Count: %q is not the name of a property", at, p.Count)
		}
		if p.ByID != "" {
			if err := validateCollection(at+".ByID", p.ByID); err != nil {
				return err
			}
		} else if p.ByIDQuery != "" {
			return fmt.Errorf("%s.ByIDQuery needs ByID", at)
		}
		if err := validateQuery(at+".ByIDQuery", p.ByIDQuery); err != nil {
			return err
		}
		if err := validateParts(at+".Each", p.Each); err != nil {
			return err
		}
	}
	return nil
}

// validate names the field of the rules that cannot be followed by a type with the other
// rules.
func (r RequestRules) validate(field string, t TypeInfo) error {
	switch {
	case (r.UpdatePath == "") != (r.Envelope == ""):
		return fmt.Errorf("%s.UpdatePath and Envelope are given together", field)
	case r.UpdatePath != "" && !t.Read.Singleton:
		return fmt.Errorf("%s.UpdatePath is for a type with Read.Singleton", field)
	case r.Put && !t.Write.Replaces:
		return fmt.Errorf("%s.Put needs Replaces", field)
	case r.Put && r.Upsert:
		return fmt.Errorf("%s.Put and Upsert exclude each other", field)
	case len(r.First) > 0 && len(r.Later) > 0:
		return fmt.Errorf("%s.First and Later exclude each other", field)
	case r.AssignKey != "" && (!t.Write.Assigned || r.AssignEach):
		return fmt.Errorf("%s.AssignKey needs Assigned, without AssignEach", field)
	case r.AssignEach && !t.Write.Assigned:
		return fmt.Errorf("%s.AssignEach needs Assigned", field)
	case !slices.Contains([]Hook{"", HookDefinitionValues, HookIntent, HookPolicySet, HookRoleAssignments, HookAccess}, r.Hook):
		return fmt.Errorf("%s.Hook: %q is not one of the hooks", field, r.Hook)
	}
	if r.UpdatePath != "" {
		if err := validateCollection(field+".UpdatePath", r.UpdatePath); err != nil {
			return err
		}
	}
	for name, names := range map[string][]string{
		"Envelope": {cmp.Or(r.Envelope, "x")}, "AssignKey": {cmp.Or(r.AssignKey, "x")}, "First": r.First, "Later": r.Later,
	} {
		if err := validateNames(field+"."+name, names); err != nil {
			return err
		}
	}
	for i, s := range r.Steps {
		at := fmt.Sprintf("%s.Steps[%d]", field, i)
		if slices.ContainsFunc(r.Steps[:i], func(q StepRule) bool { return q.Part == s.Part }) {
			return fmt.Errorf("%s.Part: %q is given twice", at, s.Part)
		}
		if err := s.validate(at); err != nil {
			return err
		}
	}
	return nil
}

func (s StepRule) validate(field string) error {
	switch {
	case s.Part == "assignments":
		return fmt.Errorf(`%s.Part: "assignments" are written by assigning`, field)
	case (s.Action == "") != (s.Key == ""):
		return fmt.Errorf("%s.Action and Key are given together", field)
	case s.Action == "" && len(s.With) > 0:
		return fmt.Errorf("%s.With needs Action", field)
	case s.Action != "" && (s.Match != "" || s.Link != ""):
		return fmt.Errorf("%s.Match and Link are for a collection, without Action", field)
	case s.Match != "" && s.Link != "":
		return fmt.Errorf("%s.Match and Link exclude each other", field)
	}
	if s.Link != "" {
		if err := validateCollection(field+".Link", s.Link); err != nil {
			return err
		}
	}
	for name, names := range map[string][]string{
		"Part": {s.Part}, "Action": {cmp.Or(s.Action, "x")}, "Key": {cmp.Or(s.Key, "x")}, "Match": {cmp.Or(s.Match, "x")}, "With": s.With,
	} {
		if err := validateNames(field+"."+name, names); err != nil {
			return err
		}
	}
	return nil
}

func (w Workload) validate() error {
	switch w {
	case WorkloadIntune, WorkloadAccess, WorkloadDirectory:
		return nil
	}
	return errors.New("field Workload is WorkloadIntune, WorkloadAccess or WorkloadDirectory, or empty")
}

func (p Permissions) validate(field string) error {
	for _, list := range []struct {
		field string
		all   []Permission
	}{{"Read", p.Read}, {"Secrets", p.Secrets}, {"Write", p.Write}} {
		for i, any := range list.all {
			if len(any) == 0 {
				return fmt.Errorf("%s.%s[%d] names no permission", field, list.field, i)
			}
			for _, name := range any {
				if !strings.Contains(name, ".") || strings.ContainsFunc(name, notInName) {
					return fmt.Errorf("%s.%s[%d]: %q is not the name of a permission", field, list.field, i, name)
				}
			}
		}
	}
	return nil
}

func notInName(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '-'
}

func validateNames(field string, names []string) error {
	for i, name := range names {
		if name == "" || strings.ContainsAny(name, ".[]@#/ ") {
			return fmt.Errorf("%s[%d]: %q is not the name of a property", field, i, name)
		}
		if slices.Contains(names[:i], name) {
			return fmt.Errorf("%s[%d]: %q is given twice", field, i, name)
		}
	}
	return nil
}

func validateKind(field, kind string) error {
	if name, ok := strings.CutPrefix(kind, "#"); !ok || !strings.Contains(name, ".") || strings.ContainsFunc(name, notInName) {
		return fmt.Errorf(`%s: %q is not an "@odata.type", such as "#microsoft.graph.ipNamedLocation"`, field, kind)
	}
	return nil
}

func validateCollection(field, path string) error {
	rest, ok := strings.CutPrefix(path, "/")
	if !ok {
		return fmt.Errorf("%s: %q does not start with a slash", field, path)
	}
	return validateSegments(field, rest)
}

// validateSegments checks a path whose every segment is a name, so that nothing put behind it
// can lead elsewhere.
func validateSegments(field, path string) error {
	for segment := range strings.SplitSeq(path, "/") {
		if strings.Trim(segment, ".") == "" || strings.ContainsFunc(segment, notInName) {
			return fmt.Errorf("%s: %q is not a path of names joined by slashes", field, path)
		}
	}
	return nil
}

// validateQuery checks that a query can stand in a URL as it is.
func validateQuery(field, query string) error {
	if _, err := url.ParseQuery(query); err != nil || strings.HasPrefix(query, "?") || strings.ContainsFunc(query, func(r rune) bool {
		return r <= ' ' || r > '~' || r == '#' || r == '"'
	}) {
		return fmt.Errorf("%s: %q is not the query of a URL, escaped and without a question mark", field, query)
	}
	return nil
}
