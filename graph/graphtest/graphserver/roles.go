package graphserver

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
)

// rolePart is what a role definition keeps its assignments in.
const rolePart = "roleAssignments"

// roleAssignments answers writes of the assignments of all roles.
func (s *Server) roleAssignments(r *request, rest []string) answer {
	to, problem := s.writable(r, "/deviceManagement/roleDefinitions")
	switch {
	case problem != nil:
		return *problem
	case len(rest) == 0 && r.method == http.MethodPost:
		return s.assignRole(r, to)
	case len(rest) != 1:
		return r.methodNotAllowed()
	}
	same := func(e []byte) bool { return textOf(value(members(e), "id")) == rest[0] }
	for _, row := range s.rows(r, to.resource) {
		if slices.ContainsFunc(elements(partOf(row.Policy, part{name: rolePart})), same) {
			to.policy = row.Policy
		}
	}
	if to.policy.ID == "" {
		return r.notFound(rest[0])
	}
	switch r.method {
	case http.MethodDelete:
		return s.edit(r, to, rolePart, func(have []json.RawMessage) ([]json.RawMessage, error) {
			return slices.DeleteFunc(have, func(e json.RawMessage) bool { return same(e) }), nil
		})
	case http.MethodPatch:
		changes, err := s.roleBody(r, &to)
		if err != nil {
			return s.failed(r, complete(err))
		}
		all, err := s.graph.EditList(r.justified(), r.who.tenant, to.policy.Type, to.policy.ID, rolePart,
			func(have []json.RawMessage) ([]json.RawMessage, error) {
				for i := range have {
					if same(have[i]) {
						have[i] = merged(have[i], changes)
					}
				}
				return have, nil
			})
		if err != nil {
			return s.failed(r, err)
		}
		return r.roleAssignment(all[slices.IndexFunc(all, func(e json.RawMessage) bool { return same(e) })])
	}
	return r.methodNotAllowed()
}

// roleAssignment answers with one, without its scope tags, which are a part of it.
func (r *request) roleAssignment(raw []byte) answer {
	return ok200(r, strip(without(raw, "roleScopeTags"), r.metadata, true, ""), "/deviceManagement/roleAssignments/$entity")
}

// assignRole makes an assignment of a role.
func (s *Server) assignRole(r *request, to target) answer {
	element, err := s.roleBody(r, &to)
	if err == nil && to.policy.ID == "" {
		err = refuse(graph.KindInvalid, `property "roleDefinition@odata.bind" is required`)
	}
	if err != nil {
		return s.failed(r, complete(err))
	}
	if value(members(element), "roleScopeTags") == nil {
		element = object(append(members(element), member{"roleScopeTags", []byte("[]")}))
	}
	all, err := s.graph.EditList(r.justified(), r.who.tenant, to.policy.Type, to.policy.ID, rolePart,
		func(have []json.RawMessage) ([]json.RawMessage, error) {
			return append(have, element), nil // its type is that of its collection, so minimal metadata does not name it
		})
	if err != nil {
		return s.failed(r, err)
	}
	a := r.roleAssignment(all[len(all)-1])
	a.status = http.StatusCreated
	return a
}

// roleBody is the body of a write with what its bindings name put into their places. The
// role becomes the object that the write is about.
func (s *Server) roleBody(r *request, to *target) (json.RawMessage, error) {
	if _, problem := r.object(); problem != nil {
		return nil, refuse(graph.KindInvalid, "the body is not a JSON object")
	}
	var out []member
	for _, m := range members(r.body) {
		switch m.key {
		case "id", "roleScopeTags":
			return nil, refuse(graph.KindInvalid, "property \""+m.key+"\" cannot be set")
		case "roleDefinition@odata.bind":
			id, ok := r.bindID(textOf(m.value), "deviceManagement", "roleDefinitions")
			role, known := s.graph.Object(r.who.tenant, "roleDefinition", id)
			if !ok || !known {
				return nil, refuse(graph.KindInvalid, "roleDefinition@odata.bind: there is no such role")
			}
			to.policy = role
			continue
		case "roleScopeTags@odata.bind":
			tags, ok := s.boundTags(r, m.value)
			if !ok {
				return nil, refuse(graph.KindInvalid, "roleScopeTags@odata.bind: there is no such scope tag")
			}
			m = member{"roleScopeTags", tags}
		}
		out = append(out, m)
	}
	return object(out), nil
}

// boundTags are the scope tags that a list of bindings names.
func (s *Server) boundTags(r *request, list []byte) ([]byte, bool) {
	var urls []string
	if json.Unmarshal(list, &urls) != nil {
		return nil, false
	}
	tags := [][]byte{}
	for _, url := range urls {
		id, ok := r.bindID(url, "deviceManagement", "roleScopeTags")
		p, known := s.graph.Object(r.who.tenant, "roleScopeTag", id)
		switch {
		case ok && known:
			tags = append(tags, plain(p.Raw))
		case ok && id == "0":
			tags = append(tags, []byte(`{"@odata.type":"#microsoft.graph.roleScopeTag","id":"0","displayName":"Default","description":"","isBuiltIn":true}`))
		default:
			return nil, false
		}
	}
	return array(tags), true
}
