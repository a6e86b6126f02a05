package msgraph

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
)

// hook writes the part that the type's hook is for.
func (w writing) hook(ctx context.Context, id, at string, wanted []json.RawMessage, made bool) error {
	switch w.rules().Hook {
	case graph.HookDefinitionValues:
		return w.definitionValues(ctx, at, wanted, made)
	case graph.HookIntent:
		return w.intentSettings(ctx, at, wanted)
	case graph.HookPolicySet:
		return w.policySetItems(ctx, at, wanted)
	case graph.HookRoleAssignments:
		return w.roleAssignments(ctx, id, wanted, made)
	}
	return nil
}

// tidyAccess leaves out of a Conditional Access policy what Graph shows and does not take.
func tidyAccess(object document) {
	if session, ok := fields(object["sessionControls"]); ok {
		if string(bytes.TrimSpace(session["disableResilienceDefaults"])) == "false" {
			delete(session, "disableResilienceDefaults")
		}
		says := false
		for key := range session {
			says = says || !strings.HasPrefix(key, "@") && document(session).has(key)
		}
		object["sessionControls"] = json.RawMessage("null")
		if says {
			object["sessionControls"] = document(session).json()
		}
	}
	grant, ok := fields(object["grantControls"])
	if !ok || !document(grant).has("authenticationStrength") {
		return
	}
	strength, _ := fields(grant["authenticationStrength"])
	grant["authenticationStrength"] = document(strength).only("id").json()
	object["grantControls"] = document(grant).json()
}

// instance is the request that makes an intent of its template.
func (w writing) instance(object document) (string, document, error) {
	template := text(object["templateId"])
	if template == "" {
		return "", nil, w.fail(graph.KindInvalid, `property "templateId" is required: an intent is made of a template`)
	}
	body := object.only("displayName", "description", "roleScopeTagIds")
	body["settingsDelta"] = json.RawMessage("[]")
	if object.has("settings") {
		body["settingsDelta"] = object["settings"]
	}
	return "/deviceManagement/templates/" + escape(template) + "/createInstance", body, nil
}

// intentSettings changes the settings of an intent. Graph cannot remove one, so one that is not
// wanted is set to nothing.
func (w writing) intentSettings(ctx context.Context, at string, wanted []json.RawMessage) error {
	live, err := w.rows(ctx, at+"/settings", "")
	if err != nil {
		return err
	}
	ids := map[string]string{}
	left := map[string]document{}
	for _, l := range live {
		have, _ := fields(l)
		definition := text(have["definitionId"])
		ids[definition], left[definition] = text(have["id"]), have
	}
	var settings []json.RawMessage
	for _, e := range wanted {
		setting, ok := fields(e)
		if !ok {
			continue
		}
		definition := text(setting["definitionId"])
		delete(left, definition)
		delete(setting, "id")
		if id := ids[definition]; id != "" {
			setting["id"] = quoted(id)
		}
		settings = append(settings, document(setting).json())
	}
	for _, have := range left {
		if text(have["valueJson"]) == "null" {
			continue
		}
		nothing := have.only("@odata.type", "id", "definitionId")
		nothing["valueJson"] = quoted("null")
		settings = append(settings, nothing.json())
	}
	if len(settings) == 0 {
		return nil
	}
	return w.act(ctx, at+"/updateSettings", document{"settings": array(settings)})
}

// policySetItems changes the items of a policy set.
func (w writing) policySetItems(ctx context.Context, at string, wanted []json.RawMessage) error {
	body, err := w.c.do(ctx, w.tenant, w.call(at, "$expand=items"))
	if err != nil {
		return err
	}
	object, _ := fields(body)
	if object["items"] == nil {
		return w.fail(graph.KindIncomplete, "the answer lacks items, which the request expands")
	}
	live := collection{rows: elements(object["items"])}
	if next := "items" + nextLink; document(object).has(next) {
		err := w.c.continued(ctx, w.tenant, w.call(at, ""), text(object[next]), func(page []json.RawMessage) error {
			live.add(page)
			return nil
		})
		if err != nil {
			return err
		}
	}
	plan := compare(live.rows, wanted, "payloadId")
	var changed, removed []json.RawMessage
	for id, e := range plan.change {
		item, _ := fields(e)
		item["id"] = quoted(id)
		changed = append(changed, document(item).json())
	}
	for _, id := range plan.remove {
		removed = append(removed, quoted(id))
	}
	if len(plan.add)+len(changed)+len(removed) == 0 {
		return nil
	}
	r := w.request(http.MethodPost, at+"/update", document{
		"addedPolicySetItems": array(plan.add), "updatedPolicySetItems": array(changed), "deletedPolicySetItems": array(removed),
	}.json())
	r.create, r.bare = true, true
	_, err = w.c.do(ctx, w.tenant, r)
	return err
}

const (
	roleAssignments = "/deviceManagement/roleAssignments"
	roleDefinitions = "/deviceManagement/roleDefinitions"
	roleScopeTags   = "/deviceManagement/roleScopeTags"
)

// roleAssignments gives a role the wanted assignments and no others.
func (w writing) roleAssignments(ctx context.Context, role string, wanted []json.RawMessage, made bool) error {
	var live []json.RawMessage
	if !made {
		results, err := w.c.Get(ctx, w.tenant, w.info.Key, []string{role})
		if err == nil {
			err = results[0].Err
		}
		if err != nil {
			return err
		}
		for _, part := range results[0].Policy.Parts {
			if part.Name == "roleAssignments" {
				live = elements(part.Raw)
			}
		}
	}
	w.partOf = escape(role)
	plan := compare(live, wanted, "displayName")
	for _, e := range plan.add {
		body := w.bound(e)
		body["roleDefinition@odata.bind"] = quoted(w.binding(roleDefinitions, role))
		if err := w.post(ctx, roleAssignments, body.json()); err != nil {
			return err
		}
	}
	for id, e := range plan.change {
		if _, err := w.c.do(ctx, w.tenant, w.request(http.MethodPatch, roleAssignments+"/"+escape(id), w.bound(e).json())); err != nil {
			return err
		}
	}
	return w.remove(ctx, roleAssignments, "", plan.remove)
}

// bound is an assignment of a role that names its scope tags by URL.
func (w writing) bound(e json.RawMessage) document {
	object, _ := fields(e)
	d := document(object)
	urls := []json.RawMessage{}
	for _, tag := range elements(d["roleScopeTags"]) {
		if id := idOf(tag); id != "" {
			urls = append(urls, quoted(w.binding(roleScopeTags, id)))
		}
	}
	d = d.without("id", "roleScopeTags")
	if len(urls) > 0 {
		d["roleScopeTags@odata.bind"] = array(urls)
	}
	return d
}
