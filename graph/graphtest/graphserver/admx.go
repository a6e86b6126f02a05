package graphserver

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
)

const definitionsPath = "/deviceManagement/groupPolicyDefinitions"

// updateDefinitionValues changes what an administrative template sets, all at once.
func (s *Server) updateDefinitionValues(r *request, to target) answer {
	body, problem := r.parameters("updateDefinitionValues", "added", "updated", "deletedIds")
	if problem != nil {
		return *problem
	}
	added, problem := r.list(body, "added")
	if problem != nil {
		return *problem
	}
	updated, problem := r.list(body, "updated")
	if problem != nil {
		return *problem
	}
	var deleted []string
	if json.Unmarshal(orNull(body["deletedIds"]), &deleted) != nil {
		return r.badRequest("The parameter 'deletedIds' is not a collection of ids.")
	}
	var err error
	for i := range added {
		if added[i], err = s.bound(r, typed(without(added[i], "id"), to.rule.lists["definitionValues"])); err != nil {
			return s.failed(r, complete(err))
		}
	}
	for i := range updated {
		if updated[i], err = s.rebound(r, updated[i]); err != nil {
			return s.failed(r, complete(err))
		}
	}
	return s.edit(r, to, "definitionValues", func(have []json.RawMessage) ([]json.RawMessage, error) {
		return revised(have, updated, deleted, added)
	})
}

// bound is a new definition value with the definition that it names, as Graph shows it.
func (s *Server) bound(r *request, element json.RawMessage) (json.RawMessage, error) {
	if value(members(element), "definition@odata.bind") == nil {
		return nil, refuse(graph.KindInvalid, `property "definition@odata.bind" is required`)
	}
	element, err := s.rebound(r, element)
	if err != nil {
		return nil, err
	}
	now := quote(r.now.UTC().Format("2006-01-02T15:04:05.0000000Z"))
	list := members(element)
	for _, fill := range []member{
		{"configurationType", quote("policy")}, {"createdDateTime", now}, {"lastModifiedDateTime", now}, {"presentationValues", []byte("[]")},
	} {
		if value(list, fill.key) == nil {
			list = append(list, fill)
		}
	}
	return object(list), nil
}

// rebound puts the definitions and presentations that bindings name into their places.
func (s *Server) rebound(r *request, element json.RawMessage) (json.RawMessage, error) {
	var out []member
	for _, m := range members(element) {
		switch m.key {
		case "definition":
			return nil, refuse(graph.KindInvalid, `property "definition" is bound, not given`)
		case "definition@odata.bind":
			d, ok := s.definition(r, textOf(m.value))
			if !ok {
				return nil, refuse(graph.KindInvalid, "definition@odata.bind: there is no such definition")
			}
			m = member{"definition", d.Raw}
		case "presentationValues":
			values, err := s.presented(r, m.value)
			if err != nil {
				return nil, err
			}
			m.value = values
		}
		out = append(out, m)
	}
	return object(out), nil
}

func (s *Server) definition(r *request, url string) (graphtest.Definition, bool) {
	id, ok := r.bindID(url, "deviceManagement", "groupPolicyDefinitions")
	if !ok {
		return graphtest.Definition{}, false
	}
	return s.definitionByID(id)
}

func (s *Server) definitionByID(id string) (graphtest.Definition, bool) {
	all := s.graph.Definitions()
	i, ok := slices.BinarySearchFunc(all, id, func(d graphtest.Definition, id string) int { return strings.Compare(d.ID, id) })
	if !ok {
		return graphtest.Definition{}, false
	}
	return all[i], true
}

// presented binds the values of a definition to its fields.
func (s *Server) presented(r *request, values []byte) ([]byte, error) {
	if len(values) == 0 || values[0] != '[' {
		return nil, refuse(graph.KindInvalid, "presentationValues is a collection")
	}
	all := elements(values)
	for i, v := range all {
		if len(v) == 0 || v[0] != '{' {
			return nil, refuse(graph.KindInvalid, "presentationValues is a collection of objects")
		}
		list := members(v)
		url := textOf(value(list, "presentation@odata.bind"))
		definition, field, _ := strings.Cut(url, "/presentations")
		d, ok := s.definition(r, definition)
		_, key := splitKey("presentations" + field)
		if key == "" {
			key = strings.Trim(field, "/")
		}
		j := slices.IndexFunc(d.Presentations, func(p json.RawMessage) bool { return textOf(value(members(p), "id")) == key })
		if !ok || j < 0 || value(list, "@odata.type") == nil {
			return nil, refuse(graph.KindInvalid, "presentation@odata.bind: the definition has no such presentation, or the value has no type")
		}
		list = members(without(v, "presentation@odata.bind"))
		all[i] = object(append(list, member{"presentation", d.Presentations[j]}))
	}
	return array(all), nil
}

// definitions answers for the settings that administrative templates can have.
func (s *Server) definitions(r *request, rest []string) answer {
	if a := s.permitted(r, s.needs(s.resources["/deviceManagement/groupPolicyConfigurations"], r.method)); a != nil {
		return *a
	}
	if r.method != http.MethodGet {
		return r.methodNotAllowed()
	}
	if len(rest) == 0 {
		all := s.graph.Definitions()
		docs := make([][]byte, len(all))
		for i, d := range all {
			docs[i] = d.Raw
		}
		return s.directoryPage(r, definitionsPath, docs)
	}
	d, ok := s.definitionByID(rest[0])
	switch {
	case !ok:
		return r.notFound(rest[0])
	case len(rest) == 1:
		return ok200(r, strip(d.Raw, r.metadata, false, ""), definitionsPath+"/$entity")
	case rest[1] == "presentations" && len(rest) == 2:
		return s.listPart(r, part{name: "presentations", derived: true}, array(bytesOf(d.Presentations)), definitionsPath+"('"+d.ID+"')/presentations", shape{})
	}
	return r.noSegment(rest[len(rest)-1])
}
