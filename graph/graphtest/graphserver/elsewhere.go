package graphserver

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
)

// elsewhere answers for paths outside the known collections: the directory, and actions that
// belong to none of them. It reports false for a path that it does not know.
func (s *Server) elsewhere(r *request) (answer, bool) {
	at, n := r.segments, len(r.segments)
	under := func(prefix ...string) bool { return n >= len(prefix) && slices.Equal(at[:len(prefix)], prefix) }
	if under("identity", "conditionalAccess", "deletedItems") && n > 3 {
		return s.deleted(r, at[3], at[4:]), true
	}
	if under("deviceManagement") && r.version == "beta" {
		switch {
		case n == 1 && r.method == http.MethodPatch:
			return s.patchTenant(r), true
		case n == 4 && at[1] == "templates" && r.method == http.MethodPost && (at[3] == "createInstance" || at[3] == "microsoft.graph.createInstance"):
			return s.createInstance(r, at[2]), true
		case n > 1 && at[1] == "operationApprovalRequests":
			return s.approvals(r, at[2:]), true
		case n > 1 && at[1] == "groupPolicyDefinitions":
			return s.definitions(r, at[2:]), true
		}
	}
	if under("deviceManagement", "roleAssignments") && r.method != http.MethodGet {
		return s.roleAssignments(r, at[2:]), true
	}
	return s.directory(r)
}

// writable is the collection at a path as a target for writes, or why the token may not.
func (s *Server) writable(r *request, path string) (target, *answer) {
	res := s.resources[path]
	if res == nil {
		a := r.noSegment(r.segments[len(r.segments)-1])
		return target{}, &a
	}
	if a := s.permitted(r, s.needs(res, r.method)); a != nil {
		return target{}, a
	}
	return target{resource: res, rule: writes[path]}, r.wantJSON()
}

// patchTenant changes the settings of the tenant as a whole.
func (s *Server) patchTenant(r *request) answer {
	const t = graph.PolicyType("deviceManagementSettings")
	to, problem := s.writable(r, "/deviceManagement/settings")
	if problem != nil {
		return *problem
	}
	body, problem := r.object()
	if problem != nil {
		return *problem
	}
	var settings map[string]json.RawMessage
	if json.Unmarshal(orNull(body["settings"]), &settings) != nil || len(body) != 1 || len(settings) == 0 {
		return r.refusal(http.StatusBadRequest, "BadRequest", "Only the settings can be changed here.")
	}
	rows, _ := s.graph.Rows(r.who.tenant, t) // the tenant was found with the token
	id := string(t)
	if len(rows) > 0 {
		id = rows[0].Policy.ID
	} else if err := s.graph.Put(r.who.tenant, graph.Policy{Type: t, ID: id, Raw: json.RawMessage(`{}`)}); err != nil {
		return s.failed(r, err)
	}
	if err := s.graph.Update(r.justified(), r.who.tenant, t, id, body["settings"]); err != nil {
		return s.failed(r, err)
	}
	return ok200(r, object([]member{{"settings", s.singleton(r, place{resource: to.resource}, shape{}).body}}), "/deviceManagement/$entity")
}

var guid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// detectionTemplate is that of endpoint detection and response, whose onboarding package
// nobody can give.
const detectionTemplate = "e44c2ca3-2f9a-400a-a113-6cc88efd773d"

// createInstance makes an intent from a template.
func (s *Server) createInstance(r *request, template string) answer {
	to, problem := s.writable(r, "/deviceManagement/intents")
	if problem != nil {
		return *problem
	}
	body, problem := r.parameters("createInstance", "displayName", "description", "settingsDelta", "roleScopeTagIds")
	if problem != nil {
		return *problem
	}
	settings, problem := r.list(body, "settingsDelta")
	switch {
	case problem != nil:
		return *problem
	case !guid.MatchString(template):
		return r.notFound(template)
	case template == detectionTemplate:
		return r.refusal(http.StatusBadRequest, "BadRequest", "Invalid Reference id.")
	}
	for i := range settings {
		settings[i] = withValue(without(settings[i], "id"))
	}
	intent := []member{{"@odata.type", quote("#microsoft.graph.deviceManagementIntent")}, {"templateId", quote(template)}, {"settings", array(bytesOf(settings))}}
	for _, key := range []string{"displayName", "description", "roleScopeTagIds"} {
		if body[key] != nil {
			intent = append(intent, member{key, body[key]})
		}
	}
	to.rule.created = http.StatusOK
	return s.created(r, to, "endpointSecurityIntent", object(intent))
}
