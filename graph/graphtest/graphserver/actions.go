package graphserver

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"github.com/tenantatlas/tenantbackup/graph"
)

// post answers a POST below an object: an action, or a new element of a list.
func (s *Server) post(r *request, to target, name string) answer {
	switch _, listed := to.rule.lists[name]; {
	case name == "assign" && to.rule.assign.key != "":
		return s.assign(r, to)
	case name == "assignments" && to.rule.assign.each != "":
		return s.assignOne(r, to)
	case slices.Contains(to.rule.actions, name):
		return s.act(r, to, name)
	case listed:
		return s.add(r, to, name)
	}
	if _, ok := findPart(to.parts, name); ok {
		return r.methodNotAllowed()
	}
	return r.noSegment(name)
}

// act does what an action other than assign is for.
func (s *Server) act(r *request, to target, name string) answer {
	switch name {
	case "changeSettings":
		return s.replaceList(r, to, name, "settings", "settings")
	case "scheduleActionsForRules":
		return s.replaceList(r, to, name, "deviceComplianceScheduledActionForRules", "scheduledActionsForRule")
	case "setScheduledActions":
		return s.replaceList(r, to, name, "scheduledActions", "scheduledActionsForRule")
	case "setPriority":
		return s.setPriority(r, to)
	case "targetApps":
		return s.targetApps(r, to)
	case "update":
		return s.updatePolicySet(r, to)
	case "updateAllowedCombinations":
		return s.updateAllowedCombinations(r, to)
	case "updateDefinitionValues":
		return s.updateDefinitionValues(r, to)
	case "windowsPrivacyAccessControls":
		body, problem := r.parameters(name, name)
		if problem != nil {
			return *problem
		}
		return s.change(r, to, member{"privacyAccessControls", orNull(body[name])})
	default:
		return s.updateSettings(r, to)
	}
}

// parameters reads the body of an action, which has no others than those.
func (r *request) parameters(action string, known ...string) (map[string]json.RawMessage, *answer) {
	body, problem := r.object()
	if problem != nil {
		return nil, problem
	}
	for key := range body {
		if !slices.Contains(known, key) {
			a := r.badRequest("The parameter '%s' in the request payload is not a valid parameter for the operation '%s'.", key, action)
			return nil, &a
		}
	}
	return body, nil
}

// list reads a parameter that is a collection of objects. It is nil when it was not given.
func (r *request) list(body map[string]json.RawMessage, key string) ([]json.RawMessage, *answer) {
	var out []json.RawMessage
	err := json.Unmarshal(orNull(body[key]), &out)
	for i := range out {
		var o map[string]json.RawMessage
		if json.Unmarshal(out[i], &o) != nil || o == nil {
			err = strconv.ErrSyntax
		}
	}
	if err != nil {
		a := r.badRequest("The parameter '%s' is not a collection of objects.", key)
		return nil, &a
	}
	return out, nil
}

func orNull(raw []byte) []byte {
	if raw == nil {
		return []byte("null")
	}
	return raw
}

// assign replaces the whole list of an object's assignments.
func (s *Server) assign(r *request, to target) answer {
	key := to.rule.assign.key
	body, problem := r.parameters("assign", key)
	if problem != nil {
		return *problem
	}
	wanted, problem := r.list(body, key)
	switch {
	case problem != nil:
		return *problem
	case wanted == nil:
		return r.badRequest("The parameter '%s' is required.", key)
	}
	if err := s.graph.Assign(r.justified(), r.who.tenant, to.policy.Type, to.policy.ID, wanted); err != nil {
		return s.failed(r, err)
	}
	if !to.rule.assign.answer {
		return answer{status: http.StatusNoContent}
	}
	p, _ := s.graph.Object(r.who.tenant, to.policy.Type, to.policy.ID)
	page := page{context: to.path + "('" + p.ID + "')/assignments"}
	for _, e := range elements(partOf(p, assignments)) {
		page.rows = append(page.rows, strip(e, r.metadata, false, "assignments"))
	}
	return s.page(r, page)
}

// change is an update of some properties, in the words of the Graph; actions end with it.
func (s *Server) change(r *request, to target, list ...member) answer {
	if to.policy.ODataType != "" {
		list = append([]member{{"@odata.type", quote(to.policy.ODataType)}}, list...)
	}
	if err := s.graph.Patch(r.justified(), r.who.tenant, to.policy.Type, to.policy.ID, object(list)); err != nil {
		return s.failed(r, err)
	}
	return answer{status: http.StatusNoContent}
}

// replaceList replaces a list with the parameter of an action.
func (s *Server) replaceList(r *request, to target, name, parameter, list string) answer {
	body, problem := r.parameters(name, parameter)
	if problem != nil {
		return *problem
	}
	elements, problem := r.list(body, parameter)
	if problem != nil {
		return *problem
	}
	return s.change(r, to, member{list, array(bytesOf(elements))})
}

func bytesOf(list []json.RawMessage) [][]byte {
	out := make([][]byte, len(list))
	for i := range list {
		out[i] = list[i]
	}
	return out
}

// setPriority moves an enrollment configuration.
func (s *Server) setPriority(r *request, to target) answer {
	body, problem := r.parameters("setPriority", "priority")
	if problem != nil {
		return *problem
	}
	n, err := strconv.Atoi(string(body["priority"]))
	if err != nil {
		return r.badRequest("The parameter 'priority' is not a number.")
	}
	if err := s.graph.Prioritize(r.justified(), r.who.tenant, to.policy.Type, to.policy.ID, n); err != nil {
		return s.failed(r, err)
	}
	return answer{status: http.StatusNoContent}
}

// targetApps replaces the apps that a policy is for.
func (s *Server) targetApps(r *request, to target) answer {
	known := []string{"apps", "appGroupType"}
	if to.only == "#microsoft.graph.windowsManagedAppProtection" {
		known = known[:1]
	}
	body, problem := r.parameters("targetApps", known...)
	if problem != nil {
		return *problem
	}
	apps, problem := r.list(body, "apps")
	if problem != nil {
		return *problem
	}
	for i := range apps {
		if apps[i] = typed(apps[i], "#microsoft.graph.managedMobileApp"); value(members(apps[i]), "mobileAppIdentifier") == nil {
			return r.refusal(http.StatusBadRequest, "BadRequest", "An app has no mobileAppIdentifier.")
		}
	}
	list := []member{{"apps", array(bytesOf(apps))}}
	if group := body["appGroupType"]; group != nil {
		list = append(list, member{"appGroupType", group})
	}
	return s.change(r, to, list...)
}

// typed is an object with its "@odata.type", which Graph knows from the place.
func typed(doc []byte, name string) []byte {
	list := members(doc)
	if name == "" || value(list, "@odata.type") != nil {
		return doc
	}
	return object(append([]member{{"@odata.type", quote(name)}}, list...))
}

// updateAllowedCombinations replaces the methods that an authentication strength allows.
func (s *Server) updateAllowedCombinations(r *request, to target) answer {
	body, problem := r.parameters("updateAllowedCombinations", "allowedCombinations")
	if problem != nil {
		return *problem
	}
	var wanted []string
	if err := json.Unmarshal(orNull(body["allowedCombinations"]), &wanted); err != nil || len(wanted) == 0 {
		return r.badRequest("The parameter 'allowedCombinations' is not a collection of combinations.")
	}
	before := value(members(plain(to.policy.Raw)), "allowedCombinations")
	if a := s.change(r, to, member{"allowedCombinations", body["allowedCombinations"]}); a.status != http.StatusNoContent {
		return a
	}
	return ok200(r, object([]member{
		{"additionalInformation", []byte("null")}, {"conditionalAccessReferences", []byte("[]")},
		{"currentCombinations", body["allowedCombinations"]}, {"previousCombinations", orNull(before)},
	}), "microsoft.graph.updateAllowedCombinationsResult")
}

// updateSettings gives some settings of an intent other values.
func (s *Server) updateSettings(r *request, to target) answer {
	body, problem := r.parameters("updateSettings", "settings")
	if problem != nil {
		return *problem
	}
	wanted, problem := r.list(body, "settings")
	if problem != nil {
		return *problem
	}
	return s.edit(r, to, "settings", func(have []json.RawMessage) ([]json.RawMessage, error) {
		for _, e := range wanted {
			e = withValue(e)
			same := func(h json.RawMessage) bool {
				return string(value(members(h), "definitionId")) == string(value(members(e), "definitionId"))
			}
			if i := slices.IndexFunc(have, same); i >= 0 {
				have[i] = merged(have[i], e)
			} else {
				have = append(have, without(e, "id"))
			}
		}
		return have, nil
	})
}

// withValue gives a setting the value that its JSON text says.
func withValue(setting json.RawMessage) json.RawMessage {
	list := members(setting)
	var text string
	if json.Unmarshal(orNull(value(list, "valueJson")), &text) != nil || !json.Valid([]byte(text)) || value(list, "value") != nil {
		return setting
	}
	return object(append(list, member{"value", []byte(text)}))
}

// merged is an object with the properties of another one, which win, but for its id.
func merged(doc, changes json.RawMessage) json.RawMessage {
	list := members(doc)
	for _, c := range members(changes) {
		i := slices.IndexFunc(list, func(m member) bool { return m.key == c.key })
		switch {
		case c.key == "id":
		case i < 0:
			list = append(list, c)
		default:
			list[i].value = c.value
		}
	}
	return object(list)
}

// without is an object without some properties.
func without(doc []byte, keys ...string) []byte {
	return object(slices.DeleteFunc(members(doc), func(m member) bool { return slices.Contains(keys, m.key) }))
}

// edit changes a list of an object and answers with nothing.
func (s *Server) edit(r *request, to target, list string, change func([]json.RawMessage) ([]json.RawMessage, error)) answer {
	if _, err := s.graph.EditList(r.justified(), r.who.tenant, to.policy.Type, to.policy.ID, list, change); err != nil {
		return s.failed(r, err)
	}
	return answer{status: http.StatusNoContent}
}

var missing = &graph.Error{Kind: graph.KindNotFound}
