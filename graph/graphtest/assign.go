package graphtest

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
)

// targetFields are the fields of a target that people choose.
var targetFields = []string{
	"@odata.type", "groupId", "collectionId", "deviceAndAppManagementAssignmentFilterId", "deviceAndAppManagementAssignmentFilterType",
}

// assigned makes the part for a list of assignments.
func (w *writing) assigned(p *graph.Policy, assignments []json.RawMessage) (graph.Part, error) {
	have, err := p.Decode()
	switch {
	case err != nil || !w.info.Write.Assigned:
		return graph.Part{}, invalid("objects of this type are not assigned")
	case w.info.Write.Default.Applies(have) || w.info.Write.BuiltIn.Applies(have):
		return graph.Part{}, invalid("default objects are for everybody and cannot be assigned")
	}
	out := &writer{}
	out.arr("")
	for i, raw := range assignments {
		a, err := graph.Policy{Raw: raw}.Decode()
		target, _ := a["target"].(map[string]any)
		kind, _ := target["@odata.type"].(string)
		if err != nil || kind == "" {
			return graph.Part{}, invalid(fmt.Sprintf("assignment %d has no target with a type", i))
		}
		for key := range a {
			if key != "target" && key != "@odata.type" && !slices.Contains(w.info.Write.AssignmentFields, key) {
				return graph.Part{}, invalid(fmt.Sprintf("assignment %d: property %q is not one of an assignment to make", i, key))
			}
		}
		for key := range target {
			if !slices.Contains(targetFields, key) {
				return graph.Part{}, invalid(fmt.Sprintf("assignment %d: property %q is not one of a target", i, key))
			}
		}
		if _, err := w.references(map[string]any{partAssignments: []any{a}}); err != nil {
			return graph.Part{}, err
		}
		group, _ := target["groupId"].(string)
		out.raw("", w.assignment(p.ID, kind, group, raw))
	}
	out.end(']')
	return graph.Part{Name: partAssignments, Raw: out.buf}, nil
}

// assignment is an assignment as Get shows it.
func (w *writing) assignment(object, kind, group string, raw []byte) []byte {
	s, _ := property(raw, "target")
	target := raw[s.start:s.end]
	for key, none := range map[string]string{
		"deviceAndAppManagementAssignmentFilterId": noFilter, "deviceAndAppManagementAssignmentFilterType": "none",
	} {
		if s, ok := property(target, key); w.filtered() && (!ok || string(target[s.start:s.end]) == "null") {
			target = withProperty(target, key, quote(none))
		}
	}
	raw = replaced(raw, s, target)
	if _, ok := property(raw, "@odata.type"); !ok {
		raw = withProperty(raw, "@odata.type", quote("#microsoft.graph."+assignmentType(w.info.Key)))
	}
	if dated(w.info.Key) {
		raw = withProperty(raw, "lastModifiedDateTime", quote(timestamp(w.now.UTC())))
	}
	if sourced(w.info.Key) {
		raw = withProperty(raw, "sourceId", quote(object))
		raw = withProperty(raw, "source", quote("direct"))
	}
	return withProperty(raw, "id", quote(object+"_"+assignmentSuffix(kind, group)))
}

// filtered tells whether the type's assignments take filters.
func (w *writing) filtered() bool {
	return slices.ContainsFunc(w.info.Refs, func(r graph.RefRule) bool {
		return r.Path == "assignments[].target.deviceAndAppManagementAssignmentFilterId"
	})
}
