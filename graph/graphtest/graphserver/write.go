package graphserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// target is what a write is about.
type target struct {
	*resource
	rule   writing
	policy graph.Policy // the object; empty for a creation
}

// write answers POST, PATCH, PUT and DELETE below a known collection.
func (s *Server) write(r *request, at place) answer {
	to, problem := s.writable(r, at.resource.path)
	if problem != nil {
		return *problem
	}
	if len(at.rest) == 0 {
		if r.method == http.MethodPost {
			return s.create(r, to)
		}
		return r.methodNotAllowed()
	}
	var ok bool
	if to.policy, ok = s.object(r, at.resource, at.rest[0]); !ok {
		if to.rule.upsert && r.method == http.MethodPatch && len(at.rest) == 1 {
			return s.upsert(r, to, at.rest[0])
		}
		return r.notFound(at.rest[0])
	}
	switch rest := at.rest[1:]; {
	case len(rest) == 0 && r.method == http.MethodPatch, len(rest) == 0 && r.method == http.MethodPut && to.rule.put:
		return s.update(r, to)
	case len(rest) == 0 && r.method == http.MethodDelete:
		return s.remove(r, to)
	case len(rest) == 1 && r.method == http.MethodPost:
		return s.post(r, to, strings.TrimPrefix(rest[0], "microsoft.graph."))
	case len(rest) == 2 && r.method == http.MethodPost && rest[0] == "microsoft.graph.managedDeviceMobileAppConfiguration" && rest[1] == "assign":
		return s.assign(r, to)
	case len(rest) > 1 && rest[0] == "categories" && rest[len(rest)-1] == "$ref":
		return s.category(r, to, rest[1:len(rest)-1])
	case len(rest) == 2 && (r.method == http.MethodPatch || r.method == http.MethodDelete):
		return s.element(r, to, rest[0], rest[1])
	}
	return r.methodNotAllowed()
}

// bareType is the name of a type as the documentation writes it, without "#".
var bareType = regexp.MustCompile(`"@odata\.type"\s*:\s*"microsoft\.graph\.`)

// wantJSON refuses a body of another kind, and completes the names of types in it.
func (r *request) wantJSON() *answer {
	r.body = bareType.ReplaceAll(r.body, []byte(`"@odata.type":"#microsoft.graph.`))
	kind, _, _ := mime.ParseMediaType(r.header.Get("Content-Type"))
	if len(r.body) == 0 || r.method == http.MethodDelete || kind == "application/json" {
		return nil
	}
	a := r.fail(http.StatusUnsupportedMediaType, "BadRequest", "A supported MIME type could not be found that matches the content type of the request.")
	return &a
}

// object finds an object to write, also one that no reader sees yet.
func (s *Server) object(r *request, res *resource, id string) (graph.Policy, bool) {
	for _, t := range res.types {
		if p, ok := s.graph.Object(r.who.tenant, t, id); ok && (res.only == "" || p.ODataType == res.only) {
			return p, true
		}
	}
	return graph.Policy{}, false
}

// body is the JSON object that a request came with.
func (r *request) object() (map[string]json.RawMessage, *answer) {
	var out map[string]json.RawMessage
	if err := json.Unmarshal(r.body, &out); err != nil || out == nil {
		a := r.badRequest("Empty Payload. JSON content expected.")
		return nil, &a
	}
	return out, nil
}

// refuses is the answer to a body with a property that the request does not take.
func (r *request) refuses(body map[string]json.RawMessage, forbidden func(key string) bool) *answer {
	for _, key := range slices.Sorted(maps.Keys(body)) {
		if forbidden(property(key)) {
			a := r.refusal(http.StatusBadRequest, "BadRequest", "The property '"+property(key)+"' cannot be set by this request.")
			return &a
		}
	}
	return nil
}

// create answers a POST to a collection.
func (s *Server) create(r *request, to target) answer {
	body, problem := r.object()
	switch {
	case problem != nil:
		return *problem
	case to.singleton || to.rule.noCreate != "":
		return r.refusal(http.StatusBadRequest, "BadRequest", to.rule.noCreate)
	}
	t, problem := to.kind(r, body)
	if problem != nil {
		return *problem
	}
	if a := r.refuses(body, func(key string) bool {
		return slices.Contains(to.rule.later, key) || r.version == "v1.0" && to.lacks(key) ||
			to.rule.first != nil && key != "" && !slices.Contains(to.rule.first, key)
	}); a != nil {
		return *a
	}
	doc := r.body
	if to.only != "" { // the collection says it
		body["@odata.type"] = quote(to.only)
		doc, _ = json.Marshal(body) // was JSON before
	}
	return s.created(r, to, t, doc)
}

// kind is the type of a new object.
func (to target) kind(r *request, body map[string]json.RawMessage) (graph.PolicyType, *answer) {
	var named string
	_ = json.Unmarshal(body["@odata.type"], &named) // another kind of value is refused with the rest of the body
	short := strings.TrimPrefix(named, "#microsoft.graph.")
	switch {
	case to.only != "" && named != "" && named != to.only:
		a := r.badRequest("A type named '%s' could not be resolved by the model for this collection.", named)
		return "", &a
	case to.derived && named == "" && to.only == "":
		a := r.badRequest("Cannot create an abstract class.")
		return "", &a
	case len(to.types) == 1:
		return to.types[0], nil
	}
	t, known := typeOf[short]
	if !known && slices.Contains(to.types, "deviceConfiguration") {
		t, known = "deviceConfiguration", true
	}
	if !known || !slices.Contains(to.types, t) {
		a := r.badRequest("A type named '%s' could not be resolved by the model for this collection.", named)
		return "", &a
	}
	return t, nil
}

// created makes an object and answers with it.
func (s *Server) created(r *request, to target, t graph.PolicyType, doc []byte) answer {
	id, err := s.graph.Create(r.justified(), r.who.tenant, t, doc)
	if err != nil {
		return s.failed(r, err)
	}
	if f, _, ok := s.due(r, onWritten, func(name string) bool { return name == visibleLater }); ok {
		if f.Wait == 0 {
			f.Wait = 2 * time.Second
		}
		s.graph.Hide(r.who.tenant, t, id, r.now.Add(f.Wait))
	}
	status := to.rule.created
	if status == 0 {
		status = http.StatusCreated
	}
	a := s.show(r, to.resource, t, id)
	a.status = status
	return a.with("Location", fmt.Sprintf("%s/%s%s('%s')", r.base, r.version, to.path, id))
}

// show answers with an object as it is now.
func (s *Server) show(r *request, res *resource, t graph.PolicyType, id string) answer {
	p, ok := s.graph.Object(r.who.tenant, t, id)
	if !ok { // deleted meanwhile
		return r.notFound(id)
	}
	return ok200(r, s.render(r, res, p, shape{}, false), res.path+"/$entity")
}

// upsert makes an object with the id that a PATCH is about.
func (s *Server) upsert(r *request, to target, id string) answer {
	body, problem := r.object()
	if problem != nil {
		return *problem
	}
	body["id"] = quote(id)
	doc, _ := json.Marshal(body) // was JSON before
	if _, err := s.graph.Create(r.justified(), r.who.tenant, to.types[0], doc); err != nil {
		return s.failed(r, err)
	}
	return answer{status: http.StatusNoContent}
}

// update answers a PATCH or PUT of an object.
func (s *Server) update(r *request, to target) answer {
	body, problem := r.object()
	if problem != nil {
		return *problem
	}
	patch := r.method == http.MethodPatch
	if a := r.refuses(body, func(key string) bool {
		return patch && slices.Contains(to.rule.immutable, key) || r.version == "v1.0" && to.lacks(key)
	}); a != nil {
		return *a
	}
	doc := r.body
	if to.only != "" && body["@odata.type"] == nil {
		body["@odata.type"] = quote(to.only)
		doc, _ = json.Marshal(body) // was JSON before
	}
	change := s.graph.Update
	if patch {
		change = s.graph.Patch
	}
	if err := change(r.justified(), r.who.tenant, to.policy.Type, to.policy.ID, doc); err != nil {
		return s.failed(r, err)
	}
	if !patch || to.rule.silent {
		return answer{status: http.StatusNoContent}
	}
	return s.show(r, to.resource, to.policy.Type, to.policy.ID)
}

// remove answers a DELETE of an object.
func (s *Server) remove(r *request, to target) answer {
	if list := partOf(to.policy, assignments); to.rule.unassign && len(elements(list)) > 0 {
		return r.refusal(http.StatusBadRequest, "BadRequest", "The profile is assigned and cannot be deleted.")
	}
	if err := s.graph.Remove(r.justified(), r.who.tenant, to.policy.Type, to.policy.ID); err != nil {
		return s.failed(r, err)
	}
	if to.rule.keeps {
		s.bin.put(r, to)
	}
	return answer{status: http.StatusNoContent}
}

// written is what a write that was done ends with.
func (s *Server) written(r *request, a answer) answer {
	if a.status >= 300 || a.lost {
		return a
	}
	f, _, ok := s.due(r, onWritten, func(name string) bool { return name == lateError || name == acceptedOnly })
	if !ok {
		return a
	}
	if f.Name == acceptedOnly {
		a = answer{status: http.StatusAccepted}
		if f.RetryAfter != "" {
			a = a.with("Retry-After", f.RetryAfter)
		}
		return a
	}
	if f.Status == 0 {
		f.Status = http.StatusGatewayTimeout
	}
	return r.fail(f.Status, errorCode(f.Status), strings.TrimSpace("The service could not answer. "+f.Message))
}

// failed is the answer to a write that the Graph did not take.
func (s *Server) failed(r *request, err error) answer {
	var e *graph.Error
	switch {
	case !errors.As(err, &e):
		return r.fail(http.StatusInternalServerError, "InternalServerError", "The request was interrupted.")
	case e.Kind == graph.KindAmbiguous:
		return answer{lost: true}
	case e.Kind == graph.KindNotFound:
		return r.notFound(r.segments[len(r.segments)-1])
	case e.Kind == graph.KindApprovalRequired:
		return r.heldBack(e)
	}
	text := "The request could not be processed."
	if e.Err != nil {
		text = e.Err.Error()
	}
	a := r.refusal(e.StatusCode, e.Code, text)
	if e.RetryAfter > 0 {
		a = a.with("Retry-After", seconds(e.RetryAfter))
	}
	return a
}

// refusal is an error in the form of the part of Graph that answers.
func (r *request) refusal(status int, code, text string) answer {
	if workload(r.segments) == graph.WorkloadIntune {
		return r.nested(status, code, text)
	}
	return r.fail(status, code, text)
}
