package graphserver

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
)

// refuse is an error of the Graph with a text.
func refuse(kind graph.Kind, text string) error {
	return &graph.Error{Kind: kind, Err: errors.New(text)}
}

// added makes the last element of a list the answer to its creation.
func (s *Server) added(r *request, to target, list string, all []json.RawMessage, err error) answer {
	if err != nil {
		return s.failed(r, err)
	}
	p, _ := findPart(to.parts, list)
	last := strip(within(all[len(all)-1], part{single: true, parts: p.parts}, nil), r.metadata, p.derived, list)
	a := ok200(r, last, to.path+"('"+to.policy.ID+"')/"+list+"/$entity")
	a.status = http.StatusCreated
	return a
}

// assignOne adds an assignment to those that are there.
func (s *Server) assignOne(r *request, to target) answer {
	if _, problem := r.object(); problem != nil {
		return *problem
	}
	element := json.RawMessage(typed(r.body, to.rule.assign.each))
	all, err := s.graph.EditList(r.justified(), r.who.tenant, to.policy.Type, to.policy.ID, "assignments",
		func(have []json.RawMessage) ([]json.RawMessage, error) {
			if slices.ContainsFunc(have, func(e json.RawMessage) bool { return targetOf(e) == targetOf(element) }) {
				return nil, refuse(graph.KindConflict, "an assignment to this target exists already")
			}
			return append(have, element), nil
		})
	return s.added(r, to, "assignments", all, err)
}

// targetOf tells targets of assignments apart.
func targetOf(assignment json.RawMessage) string {
	var a struct {
		Target struct {
			Type  string `json:"@odata.type"`
			Group string `json:"groupId"`
		} `json:"target"`
	}
	_ = json.Unmarshal(assignment, &a) // another form is refused with the rest
	return a.Target.Type + " " + a.Target.Group
}

// add makes an element of a list.
func (s *Server) add(r *request, to target, list string) answer {
	if _, problem := r.object(); problem != nil {
		return *problem
	}
	element, err := json.RawMessage(typed(r.body, to.rule.lists[list])), error(nil)
	switch {
	case value(members(element), "id") != nil:
		err = refuse(graph.KindInvalid, `property "id" is read-only`)
	case list == "definitionValues":
		element, err = s.bound(r, element)
	}
	if err != nil {
		return s.failed(r, complete(err))
	}
	all, err := s.graph.EditList(r.justified(), r.who.tenant, to.policy.Type, to.policy.ID, list,
		func(have []json.RawMessage) ([]json.RawMessage, error) {
			if list == "localizedNotificationMessages" {
				return withMessage(have, element)
			}
			return append(have, element), nil
		})
	return s.added(r, to, list, all, err)
}

// complete fills in what an error lacks that no Graph has seen.
func complete(err error) error {
	var e *graph.Error
	if errors.As(err, &e) && e.StatusCode == 0 {
		e.StatusCode, e.Code = http.StatusBadRequest, "BadRequest"
	}
	return err
}

// withMessage adds a message to a template: one for each locale, and at most one default.
func withMessage(have []json.RawMessage, message json.RawMessage) ([]json.RawMessage, error) {
	locale := strings.ToLower(textOf(value(members(message), "locale")))
	if locale == "" {
		return nil, refuse(graph.KindInvalid, `property "locale" is required`)
	}
	for i, other := range have {
		if strings.ToLower(textOf(value(members(other), "locale"))) == locale {
			return nil, refuse(graph.KindConflict, "the template has a message for this locale already")
		}
		if string(value(members(message), "isDefault")) == "true" {
			have[i] = merged(other, json.RawMessage(`{"isDefault":false}`))
		}
	}
	return append(have, message), nil
}

// textOf is a JSON string, "" for anything else.
func textOf(raw []byte) string {
	var s string
	_ = json.Unmarshal(orNull(raw), &s)
	return s
}

// element answers a PATCH or DELETE of an element.
func (s *Server) element(r *request, to target, list, id string) answer {
	_, listed := to.rule.lists[list]
	each := list == "assignments" && to.rule.assign.each != "" && r.method == http.MethodDelete
	if !listed && !each {
		return r.methodNotAllowed()
	}
	if r.method == http.MethodDelete {
		return s.edit(r, to, list, func(have []json.RawMessage) ([]json.RawMessage, error) {
			i := slices.IndexFunc(have, func(e json.RawMessage) bool { return textOf(value(members(e), "id")) == id })
			if i < 0 {
				return nil, missing
			}
			if string(value(members(have[i]), "isDefault")) == "true" {
				return nil, refuse(graph.KindInvalid, "the default message cannot be deleted")
			}
			return slices.Delete(have, i, i+1), nil
		})
	}
	return s.patchElement(r, to, list, id)
}

func (s *Server) patchElement(r *request, to target, list, id string) answer {
	body, problem := r.object()
	if problem != nil {
		return *problem
	}
	changes, err := json.RawMessage(r.body), error(nil)
	switch {
	case body["id"] != nil || body["locale"] != nil:
		err = refuse(graph.KindInvalid, "what identifies the element cannot be changed")
	case list == "definitionValues":
		changes, err = s.rebound(r, changes)
	}
	if err != nil {
		return s.failed(r, complete(err))
	}
	found := 0
	all, err := s.graph.EditList(r.justified(), r.who.tenant, to.policy.Type, to.policy.ID, list,
		func(have []json.RawMessage) ([]json.RawMessage, error) {
			found = slices.IndexFunc(have, func(e json.RawMessage) bool { return textOf(value(members(e), "id")) == id })
			if found < 0 {
				return nil, missing
			}
			for i := range have {
				if i != found && string(body["isDefault"]) == "true" {
					have[i] = merged(have[i], json.RawMessage(`{"isDefault":false}`))
				}
			}
			have[found] = merged(have[found], changes)
			return have, nil
		})
	if err != nil {
		return s.failed(r, err)
	}
	if to.rule.silent {
		return answer{status: http.StatusNoContent}
	}
	a := s.added(r, to, list, all[:found+1], nil)
	a.status = http.StatusOK
	return a
}

// category adds an app to a category, or takes it out.
func (s *Server) category(r *request, to target, rest []string) answer {
	switch {
	case len(rest) == 0 && r.method == http.MethodPost:
		var ref struct {
			ID string `json:"@odata.id"`
		}
		_ = json.Unmarshal(r.body, &ref) // anything else has no id
		id, ok := r.bindID(ref.ID, "deviceAppManagement", "mobileAppCategories")
		p, known := s.graph.Object(r.who.tenant, "mobileAppCategory", id)
		if !ok || !known {
			return r.refusal(http.StatusBadRequest, "BadRequest", "The category does not exist.")
		}
		return s.edit(r, to, "categories", func(have []json.RawMessage) ([]json.RawMessage, error) {
			return append(have, plain(p.Raw)), nil
		})
	case len(rest) == 1 && r.method == http.MethodDelete:
		return s.edit(r, to, "categories", func(have []json.RawMessage) ([]json.RawMessage, error) {
			i := slices.IndexFunc(have, func(e json.RawMessage) bool { return textOf(value(members(e), "id")) == rest[0] })
			if i < 0 {
				return nil, missing
			}
			return slices.Delete(have, i, i+1), nil
		})
	}
	return r.methodNotAllowed()
}

// bindID is the id in a reference by URL: to the server as it was called, or relative to it.
func (r *request) bindID(url string, collection ...string) (string, bool) {
	rest := url
	for _, root := range []string{r.base + "/" + r.version, r.base + "/beta", r.base + "/v1.0"} {
		rest = strings.TrimPrefix(rest, root)
	}
	if strings.Contains(rest, "://") {
		return "", false // of another cloud
	}
	var segments []string
	for _, piece := range strings.Split(strings.Trim(rest, "/"), "/") {
		name, key := splitKey(piece)
		segments = append(segments, name)
		if key != "" {
			segments = append(segments, key)
		}
	}
	n := len(segments) - 1
	if n < 1 || !slices.Equal(segments[:n], collection) {
		return "", false
	}
	return segments[n], true
}

// revised is a list after an action that changes, deletes and adds elements at once. One that
// it names and that is not there is missing.
func revised(have, updated []json.RawMessage, deleted []string, added []json.RawMessage) ([]json.RawMessage, error) {
	at := func(id string) int {
		return slices.IndexFunc(have, func(e json.RawMessage) bool { return textOf(value(members(e), "id")) == id })
	}
	for _, u := range updated {
		i := at(textOf(value(members(u), "id")))
		if i < 0 {
			return nil, missing
		}
		have[i] = merged(have[i], u)
	}
	for _, id := range deleted {
		i := at(id)
		if i < 0 {
			return nil, missing
		}
		have = slices.Delete(have, i, i+1)
	}
	return append(have, added...), nil
}
