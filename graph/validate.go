package graph

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// validate names the field of the rules that cannot be followed.
func (w WriteRules) validate(field string) error {
	for _, list := range []struct {
		field  string
		paths  []string
		keep   bool // may keep with "!"
		single bool // one value, so no arrays
	}{
		{"Strip", w.Strip, true, false},
		{"StripUpdate", w.StripUpdate, false, false},
		{"MatchBy", w.MatchBy, false, true},
	} {
		for i, path := range list.paths {
			if err := validatePath(path, list.keep, list.single); err != nil {
				return fmt.Errorf("%s.%s[%d]: %w", field, list.field, i, err)
			}
			if slices.Contains(list.paths[:i], path) {
				return fmt.Errorf("%s.%s[%d]: %q is given twice", field, list.field, i, path)
			}
		}
	}
	if err := w.Default.validate(field + ".Default"); err != nil {
		return err
	}
	if err := w.BuiltIn.validate(field + ".BuiltIn"); err != nil {
		return err
	}
	for i, key := range w.AssignmentFields {
		switch {
		case !w.Assigned:
			return fmt.Errorf("%s.AssignmentFields needs Assigned", field)
		case key == "" || key == "target" || key == "id":
			return fmt.Errorf("%s.AssignmentFields[%d]: %q is not a field beside the target", field, i, key)
		}
	}
	return nil
}

func validatePath(path string, keep, single bool) error {
	if kept, ok := strings.CutPrefix(path, "!"); ok && keep {
		if !slices.Contains(commonStrip, kept) {
			return fmt.Errorf("%q keeps nothing: only what CommonStrip names can be kept", path)
		}
		return nil
	}
	steps, err := parsePath(path)
	if err != nil {
		return err
	}
	if single && slices.ContainsFunc(steps, func(s step) bool { return s.each || s.deep }) {
		return fmt.Errorf("%q leads to more than one value", path)
	}
	return nil
}

func (r *DefaultRule) validate(field string) error {
	switch {
	case r == nil:
		return nil
	case r.Property == "" && len(r.Values) > 0:
		return fmt.Errorf("%s.Values needs Property", field)
	case r.Property != "" && len(r.Values) == 0:
		return fmt.Errorf("%s.Values is required beside Property", field)
	}
	for i, v := range r.Values {
		var scalar any
		switch err := json.Unmarshal([]byte(v), &scalar); scalar.(type) {
		case string, float64, bool:
			if err == nil {
				continue
			}
		}
		return fmt.Errorf("%s.Values[%d]: %q is not a JSON string, number or boolean", field, i, v)
	}
	return nil
}

func (r RefRule) validate(field string) error {
	if _, err := parsePath(r.Path); err != nil {
		return fmt.Errorf("%s.Path: %w", field, err)
	}
	if (r.Type == "") == (r.Kind == "") {
		return fmt.Errorf("%s.Type: give either Type or Kind", field)
	}
	return nil
}
