package graphserver

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
)

// directoryKind is a collection of the directory.
type directoryKind struct {
	kind       string // of the references that the Graph has
	odataType  string // empty where getByIds does not know it
	alternate  string // a key beside the id
	permission graph.Permission
	members    func(graph.Reference) []member // besides id and displayName
}

const directoryReader = "Directory.Read.All"

// directoryKinds are the collections of the directory that policies refer to, by path.
var directoryKinds = map[string]directoryKind{
	"/groups": {
		kind: "group", odataType: "#microsoft.graph.group", members: groupMembers,
		permission: graph.Permission{"GroupMember.Read.All", "Group.Read.All", directoryReader},
	},
	"/users": {
		kind: "user", odataType: "#microsoft.graph.user", members: userMembers,
		permission: graph.Permission{"User.Read.All", "User.ReadBasic.All", directoryReader},
	},
	"/servicePrincipals": {
		kind: "application", odataType: "#microsoft.graph.servicePrincipal", alternate: "appId", members: principalMembers,
		permission: graph.Permission{"Application.Read.All", directoryReader},
	},
	"/roleManagement/directory/roleDefinitions": {
		kind: "role", members: roleMembers,
		permission: graph.Permission{"RoleManagement.Read.Directory", "RoleManagement.Read.All", directoryReader},
	},
	"/directoryRoleTemplates": {
		kind: "role", odataType: "#microsoft.graph.directoryRoleTemplate", members: templateMembers,
		permission: graph.Permission{"RoleManagement.Read.Directory", directoryReader},
	},
}

func groupMembers(ref graph.Reference) []member {
	kinds, rule, state := "[]", "null", "null"
	if ref.Rule != "" {
		kinds, rule, state = `["DynamicMembership"]`, string(quote(ref.Rule)), `"On"`
	}
	return []member{
		{"description", []byte("null")}, {"groupTypes", []byte(kinds)}, {"mailEnabled", []byte("false")},
		{"mailNickname", quote(strings.ReplaceAll(strings.ToLower(ref.Name), " ", "-"))}, {"membershipRule", []byte(rule)},
		{"membershipRuleProcessingState", []byte(state)}, {"securityEnabled", []byte("true")},
	}
}

func userMembers(ref graph.Reference) []member {
	name := strings.ReplaceAll(strings.ToLower(ref.Name), " ", ".") + "@contoso.example"
	return []member{{"mail", []byte("null")}, {"userPrincipalName", quote(name)}}
}

// principalMembers: references to applications have the client id, the same in every tenant.
func principalMembers(ref graph.Reference) []member {
	return []member{{"appId", quote(ref.ID)}, {"appDisplayName", quote(ref.Name)}, {"servicePrincipalType", quote("Application")}}
}

func roleMembers(ref graph.Reference) []member {
	return []member{{"description", quote(ref.Name)}, {"isBuiltIn", []byte("true")}, {"isEnabled", []byte("true")}, {"templateId", quote(ref.ID)}}
}

func templateMembers(ref graph.Reference) []member {
	return []member{{"deletedDateTime", []byte("null")}, {"description", quote(ref.Name)}}
}

// objects are what a tenant has of a kind, as documents.
func (s *Server) objects(r *request, d directoryKind) [][]byte {
	var out [][]byte
	for _, ref := range s.graph.Directory(r.who.tenant) {
		if ref.Kind != d.kind {
			continue
		}
		id := ref.ID
		if d.alternate == "appId" {
			id = principalID(r.who.tenant, ref.ID)
		}
		list := []member{{"id", quote(id)}, {"displayName", quote(ref.Name)}}
		if d.odataType != "" {
			list = append([]member{{"@odata.type", quote(d.odataType)}}, list...)
		}
		out = append(out, object(append(list, d.members(ref)...)))
	}
	return out
}

// principalID is the id that an application's principal has in a tenant. It differs from the
// application's and between tenants.
func principalID(tenant graph.TenantID, app string) string {
	h := sha256.Sum256([]byte(string(tenant) + " " + app))
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

// directory answers for groups, users, applications and roles.
func (s *Server) directory(r *request) (answer, bool) {
	segments := r.segments
	if slices.Equal(segments, []string{"directoryObjects", "getByIds"}) || slices.Equal(segments, []string{"directoryObjects", "microsoft.graph.getByIds"}) {
		return s.getByIDs(r), true
	}
	last := segments[len(segments)-1]
	for _, rest := range [][]string{nil, {last}} {
		path := "/" + strings.Join(segments[:len(segments)-len(rest)], "/")
		name, key, keyed := strings.Cut(path, "(")
		d, ok := directoryKinds[name]
		if !ok || keyed && len(rest) > 0 {
			continue
		}
		property := "id"
		if keyed { // an alternate key: "/servicePrincipals(appId='...')"
			property, key, _ = strings.Cut(strings.TrimSuffix(key, ")"), "=")
			rest = []string{strings.ReplaceAll(strings.Trim(key, "'"), "''", "'")}
		}
		if a := s.permitted(r, [][]graph.Permission{{d.permission}}); a != nil {
			return *a, true
		}
		switch {
		case r.method != http.MethodGet:
			return r.methodNotAllowed(), true
		case property != "id" && property != d.alternate:
			return r.badRequest("The key '%s' is not one of the collection.", property), true
		case len(rest) == 0:
			return s.directoryPage(r, path, s.objects(r, d)), true
		}
		return s.directoryObject(r, d, name, property, rest[0]), true
	}
	return answer{}, false
}

func (s *Server) directoryObject(r *request, d directoryKind, path, property, id string) answer {
	if !guid.MatchString(strings.ToLower(id)) {
		return r.fail(http.StatusBadRequest, "Request_BadRequest", "Invalid object identifier '"+id+"'.")
	}
	for _, doc := range s.objects(r, d) {
		if strings.EqualFold(textOf(value(members(doc), property)), id) {
			return ok200(r, r.selected(doc), path+"/$entity")
		}
	}
	return r.fail(http.StatusNotFound, "Request_ResourceNotFound", "Resource '"+id+"' does not exist or one of its queried reference-property objects are not present.")
}

// selected is a document with the properties that were asked for.
func (r *request) selected(doc []byte) []byte {
	var sh shape
	if text := r.query.Get("$select"); text != "" {
		sh.fields = strings.Split(strings.ReplaceAll(text, " ", ""), ",")
	}
	list := members(doc)
	if sh.fields != nil && !slices.Contains(sh.fields, "id") {
		list = slices.DeleteFunc(list, func(m member) bool { return m.key == "id" }) // unlike Intune, the directory takes it literally
	}
	return strip(object(selected(list, sh)), r.metadata, false, "")
}

// directoryPage answers with a page of documents that are compared without regard to case.
func (s *Server) directoryPage(r *request, path string, docs [][]byte) answer {
	if text := r.query.Get("$filter"); text != "" {
		matches, err := parseFolded(text)
		if err != nil {
			return r.fail(http.StatusBadRequest, "Request_UnsupportedQuery", "Unsupported or invalid query filter clause specified: "+err.Error()+".")
		}
		docs = slices.DeleteFunc(docs, func(doc []byte) bool { return !matches(graph.Policy{Raw: doc}) })
	}
	for i := range docs {
		docs[i] = r.selected(docs[i])
	}
	return s.listPart(r, part{name: "value"}, array(docs), path, shape{})
}

// getByIDs answers with the objects of any kind that have one of the ids.
func (s *Server) getByIDs(r *request) answer {
	if a := s.permitted(r, [][]graph.Permission{{{directoryReader}}}); a != nil {
		return *a
	}
	if r.method != http.MethodPost {
		return r.methodNotAllowed()
	}
	if a := r.wantJSON(); a != nil {
		return *a
	}
	body, problem := r.parameters("getByIds", "ids", "types")
	if problem != nil {
		return *problem
	}
	var ids, types []string
	if json.Unmarshal(orNull(body["ids"]), &ids) != nil || json.Unmarshal(orNull(body["types"]), &types) != nil || ids == nil {
		return r.badRequest("The parameter 'ids' is not a collection of ids.")
	}
	if len(ids) > 1000 {
		return r.fail(http.StatusBadRequest, "Request_BadRequest", "Too many object identifiers specified. The maximum is 1000.")
	}
	page := page{context: "directoryObjects"}
	for _, path := range []string{"/groups", "/users", "/servicePrincipals", "/directoryRoleTemplates"} {
		d := directoryKinds[path]
		short := strings.TrimPrefix(d.odataType, "#microsoft.graph.")
		if types != nil && !slices.Contains(types, short) && !slices.Contains(types, "directoryObject") {
			continue
		}
		for _, doc := range s.objects(r, d) {
			if slices.Contains(ids, textOf(value(members(doc), "id"))) {
				page.rows = append(page.rows, strip(doc, r.metadata, true, ""))
			}
		}
	}
	return s.page(r, page)
}
