package msgraph

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
)

// Create implements [graph.Writer]. Where Graph takes an object in several requests and one
// after the first fails, the id of the object, which exists by then, comes with the error;
// [Client.Update] with the same body completes it.
func (c *Client) Create(ctx context.Context, tenant graph.TenantID, t graph.PolicyType, body json.RawMessage) (string, error) {
	w, object, err := c.writing(graph.OpCreate, tenant, t, body)
	if err != nil {
		return "", err
	}
	switch {
	case w.info.Read.Singleton:
		return "", w.fail(graph.KindInvalid, "every tenant has one and it is never created; update it")
	case w.rules().Upsert:
		id := text(object["id"])
		if id == "" {
			return "", w.fail(graph.KindInvalid, "the body needs an id, which the administrator chooses for this type")
		}
		err := w.update(ctx, id, object)
		switch graph.KindOf(err) {
		case graph.KindUnauthorized, graph.KindForbidden, graph.KindNotFound, graph.KindConflict, graph.KindInvalid, graph.KindApprovalRequired:
			id = "" // refused: there is no such object
		}
		return id, err
	}
	first, err := w.creation(object)
	if err != nil {
		return "", err
	}
	answer, err := w.c.do(ctx, tenant, first)
	if err != nil {
		return "", err
	}
	id := idOf(answer)
	if id == "" {
		return "", first.fail(graph.KindAmbiguous, errors.New("the answer does not say which object was made; look before you make it again"))
	}
	w.keepType(id, object)
	return id, repeatable(w.finish(ctx, id, object))
}

// Update implements [graph.Writer]. It may be repeated after any error.
func (c *Client) Update(ctx context.Context, tenant graph.TenantID, t graph.PolicyType, id string, body json.RawMessage) error {
	w, object, err := c.writing(graph.OpUpdate, tenant, t, body)
	if err != nil {
		return err
	}
	return repeatable(w.update(ctx, id, object))
}

// Assign implements [graph.Writer]. It may be repeated after any error.
func (c *Client) Assign(ctx context.Context, tenant graph.TenantID, t graph.PolicyType, id string, assignments []json.RawMessage) error {
	w, object, err := c.writing(graph.OpAssign, tenant, t, json.RawMessage("{}"))
	if err != nil {
		return err
	}
	if !w.info.Write.Assigned {
		return w.fail(graph.KindInvalid, "objects of this type have no assignments")
	}
	at, err := w.place(ctx, id, object)
	if err != nil {
		return err
	}
	rules := w.rules()
	switch {
	case rules.AssignEach:
		// In this order nobody loses the policy or gets it for a moment.
		assignments = slices.Clone(assignments)
		slices.SortStableFunc(assignments, func(a, b json.RawMessage) int { return exclusion(b) - exclusion(a) })
		err = w.collection(ctx, at+"/assignments", assignments, "", false)
	case rules.Hook == graph.HookPolicySet:
		err = w.act(ctx, at+"/update", document{"assignments": array(assignments)})
	default:
		err = w.act(ctx, at+"/assign", document{cmp.Or(rules.AssignKey, "assignments"): array(assignments)})
	}
	return repeatable(err)
}

// exclusion is 1 for an assignment that excludes a group, else 0.
func exclusion(assignment json.RawMessage) int {
	a, _ := fields(assignment)
	target, _ := fields(a["target"])
	if text(target["@odata.type"]) == "#microsoft.graph.exclusionGroupAssignmentTarget" {
		return 1
	}
	return 0
}

// repeatable is an error of a write that reads what is there before it adds to it: that nobody
// knows whether it happened does not matter to the next try.
func repeatable(err error) error {
	var e *graph.Error
	if !errors.As(err, &e) || e.Kind != graph.KindAmbiguous || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	known := *e
	known.Kind = graph.KindUnavailable
	return &known
}

// writing is a call that writes objects of a type.
type writing struct {
	reading
	partOf string // see call
}

func (c *Client) writing(op graph.Op, tenant graph.TenantID, t graph.PolicyType, body json.RawMessage) (writing, document, error) {
	info, err := c.captured(op, t)
	if err == nil && info.Support != graph.Restorable {
		err = &graph.Error{Op: string(op) + " " + string(t), Kind: graph.KindUnsupported, Err: errors.New("the catalogue says that Graph takes no writes of this type")}
	}
	w := writing{reading: reading{c: c, tenant: tenant, info: info, op: op}}
	if err != nil {
		return w, nil, err
	}
	object, ok := fields(body)
	if !ok || !json.Valid(body) {
		return w, nil, w.fail(graph.KindInvalid, "the body is not a JSON object")
	}
	w.bind(object)
	if w.rules().Hook == graph.HookAccess {
		tidyAccess(object)
	}
	return w, object, nil
}

func (w writing) rules() graph.RequestRules { return w.info.Write.Requests }

// request is a write below the type's version.
func (w writing) request(method, path string, body []byte) call {
	r := w.call(path, "")
	r.method, r.body, r.partOf = method, body, w.partOf
	return r
}

// act posts a document to an action, which puts the object into a state.
func (w writing) act(ctx context.Context, path string, d document) error {
	_, err := w.c.do(ctx, w.tenant, w.request(http.MethodPost, path, d.json()))
	return err
}

// creation is the request that makes an object.
func (w writing) creation(object document) (call, error) {
	rules := w.rules()
	path, body := w.info.Path, object.without(w.created(false)...)
	if kinds := w.info.Read.Typed; len(kinds) > 0 {
		kind, ok := kinds[text(object["@odata.type"])]
		if !ok {
			return call{}, w.fail(graph.KindInvalid, `property "@odata.type" does not name a type that can be created`)
		}
		path = kind.Path
	}
	if rules.Hook == graph.HookIntent {
		var err error
		if path, body, err = w.instance(object); err != nil {
			return call{}, err
		}
	}
	if len(rules.First) > 0 {
		body = body.only(append(rules.First, "@odata.type")...)
	}
	r := w.request(http.MethodPost, path, body.without(rules.Later...).json())
	r.create = true
	return r, nil
}

// created are the parts that a create takes in its body (or not), of those that are written by
// steps.
func (w writing) created(taken bool) (names []string) {
	for _, s := range w.rules().Steps {
		if s.Created == taken {
			names = append(names, s.Part)
		}
	}
	if part := hooked(w.rules().Hook); part != "" && (w.rules().Hook == graph.HookPolicySet || w.rules().Hook == graph.HookIntent) == taken {
		names = append(names, part)
	}
	return names
}

// hooked is the part that a hook writes, empty for none.
func hooked(h graph.Hook) string {
	return map[graph.Hook]string{
		graph.HookDefinitionValues: "definitionValues", graph.HookIntent: "settings",
		graph.HookPolicySet: "items", graph.HookRoleAssignments: "roleAssignments",
	}[h]
}

// finish writes what a create does not take.
func (w writing) finish(ctx context.Context, id string, object document) error {
	rules := w.rules()
	at, err := w.place(ctx, id, object)
	if err != nil {
		return err
	}
	rest := document{}
	if len(rules.First) > 0 {
		rest = object.without(append(rules.First, "@odata.type")...)
	} else if len(rules.Later) > 0 {
		rest = object.only(rules.Later...)
	}
	if rest = rest.without(w.stepped()...); len(rest) > 0 {
		if kind, ok := object["@odata.type"]; ok {
			rest["@odata.type"] = kind
		}
		if _, err = w.c.do(ctx, w.tenant, w.request(http.MethodPatch, at, rest.json())); stops(err) {
			return err
		}
	}
	return either(w.steps(ctx, id, at, object.without(w.created(true)...), true), err)
}

// stepped are the properties that steps and hooks write.
func (w writing) stepped() []string { return append(w.created(true), w.created(false)...) }

// update changes an object.
func (w writing) update(ctx context.Context, id string, object document) error {
	rules := w.rules()
	if w.info.Read.Singleton {
		if id != string(w.info.Key) {
			return w.fail(graph.KindNotFound, "a singleton's id is the key of its type")
		}
		_, err := w.c.do(ctx, w.tenant, w.request(http.MethodPatch, rules.UpdatePath, document{rules.Envelope: object.json()}.json()))
		return err
	}
	at, err := w.place(ctx, id, object)
	if err != nil {
		return err
	}
	method := http.MethodPatch
	if rules.Put {
		method = http.MethodPut
	}
	body := object.without(append(w.stepped(), "id")...)
	if len(body.without("@odata.type")) > 0 {
		if _, err = w.c.do(ctx, w.tenant, w.request(method, at, body.json())); stops(err) {
			return err
		}
	}
	return either(w.steps(ctx, id, at, object, false), err)
}

// place is the path of an object. That of a typed one follows from its "@odata.type".
func (w writing) place(ctx context.Context, id string, object document) (string, error) {
	if noID(id) {
		return "", w.fail(graph.KindInvalid, "the id of the object is required")
	}
	kinds := w.info.Read.Typed
	if len(kinds) == 0 {
		return w.info.Path + "/" + escape(id), nil
	}
	kind := cmp.Or(text(object["@odata.type"]), w.c.memory(w.tenant).typeOf(w.info.Key, id))
	if kind == "" {
		body, err := w.c.do(ctx, w.tenant, w.call(w.info.Path+"/"+escape(id), "$select=id"))
		if err != nil {
			return "", err
		}
		o, _, err := w.object(body)
		if err != nil {
			return "", err
		}
		kind = o.odataType
	}
	rule, ok := kinds[kind]
	if !ok {
		return "", w.fail(graph.KindNotFound, "the object is of another policy type")
	}
	return rule.Path + "/" + escape(id), nil
}

func (w writing) keepType(id string, object document) {
	if len(w.info.Read.Typed) > 0 {
		w.c.memory(w.tenant).keepType(w.info.Key, id, text(object["@odata.type"]))
	}
}
