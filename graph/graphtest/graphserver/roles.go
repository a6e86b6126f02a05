package graphserver

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
)

// rolePart is what a role definition keeps its assignments in.
const rolePart = "roleAssignments"

// roleAssignment is one and the role that it is of.
type roleAssignment struct {
	role graph.Policy
	raw  json.RawMessage
}

func (s *Server) allRoleAssignments(r *request) []roleAssignment {
	var out []roleAssignment
	for _, row := range s.rows(r, s.resources["/deviceManagement/roleDefinitions"]) {
		for _, raw := range elements(partOf(row.Policy, part{name: rolePart})) {
			out = append(out, roleAssignment{row.Policy, raw})
		}
	}
	return out
}

// roleAssignments answers for the assignments of all roles.
func (s *Server) roleAssignments(r *request, rest []string) answer {
	to, problem := s.writable(r, "/deviceManagement/roleDefinitions")
	switch {
	case problem != nil:
		return *problem
	case len(rest) == 0 && r.method == http.MethodPost:
		return s.assignRole(r, to)
	case len(rest) == 0 && r.method == http.MethodGet:
		var docs [][]byte
		for _, a := range s.allRoleAssignments(r) {
			docs = append(docs, roleRow(a.raw))
		}
		return s.listPart(r, part{name: rolePart, derived: true}, array(docs), "/deviceManagement/roleAssignments", shape{})
	case len(rest) != 1:
		return r.methodNotAllowed()
	}
	all := s.allRoleAssignments(r)
	i := slices.IndexFunc(all, func(a roleAssignment) bool { return textOf(value(members(a.raw), "id")) == rest[0] })
	if i < 0 {
		return r.notFound(rest[0])
	}
	to.policy = all[i].role
	same := func(e json.RawMessage) bool { return textOf(value(members(e), "id")) == rest[0] }
	switch r.method {
	case http.MethodGet:
		return s.showRoleAssignment(r, all[i].raw)
	case http.MethodDelete:
		return s.edit(r, to, rolePart, func(have []json.RawMessage) ([]json.RawMessage, error) {
			return slices.DeleteFunc(have, same), nil
		})
	case http.MethodPatch:
		changes, err := s.roleBody(r, &to)
		if err != nil {
			return s.failed(r, complete(err))
		}
		a := s.edit(r, to, rolePart, func(have []json.RawMessage) ([]json.RawMessage, error) {
			for i := range have {
				if same(have[i]) {
					have[i] = merged(have[i], changes)
				}
			}
			return have, nil
		})
		if a.status != http.StatusNoContent {
			return a
		}
		role, _ := s.graph.Object(r.who.tenant, to.policy.Type, to.policy.ID)
		return s.showRoleAssignment(r, elementByID(partOf(role, part{name: rolePart}), rest[0]))
	}
	return r.methodNotAllowed()
}

// roleTags is how a request asks for the scope tags of a role's assignment, which are no
// property of the declared type.
const roleTags = "microsoft.graph.deviceAndAppManagementRoleAssignment/roleScopeTags"

// showRoleAssignment answers with one, and its scope tags when they are asked for.
func (s *Server) showRoleAssignment(r *request, raw []byte) answer {
	expand := r.query.Get("$expand")
	if expand != "" && expand != roleTags {
		return r.badRequest("Parsing OData Select and Expand failed: Could not find a property named '%s'.", expand)
	}
	if tags := value(members(raw), "roleScopeTags"); expand == "" {
		raw = without(raw, "roleScopeTags")
	} else if tags == nil {
		raw = object(append(members(raw), member{"roleScopeTags", []byte("[]")}))
	}
	return ok200(r, strip(raw, r.metadata, true, ""), "/deviceManagement/roleAssignments/$entity")
}

// roleRow is a role's assignment in a listing, which does not say who has the role.
func roleRow(raw []byte) []byte { return without(raw, "members", "roleScopeTags") }

// assignRole makes an assignment of a role.
func (s *Server) assignRole(r *request, to target) answer {
	element, err := s.roleBody(r, &to)
	if err == nil && to.policy.ID == "" {
		err = refuse(graph.KindInvalid, `property "roleDefinition@odata.bind" is required`)
	}
	if err != nil {
		return s.failed(r, complete(err))
	}
	all, err := s.graph.EditList(r.justified(), r.who.tenant, to.policy.Type, to.policy.ID, rolePart,
		func(have []json.RawMessage) ([]json.RawMessage, error) {
			return append(have, typed(element, "#microsoft.graph.deviceAndAppManagementRoleAssignment")), nil
		})
	if err != nil {
		return s.failed(r, err)
	}
	a := s.showRoleAssignment(r, all[len(all)-1])
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
		case "id", "roleDefinition", "roleScopeTags":
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
