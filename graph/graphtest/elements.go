package graphtest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/tenantatlas/tenantbackup/graph"
)

// EditList changes a list that belongs to an object and whose elements Graph writes by
// requests of their own: the part or property of that name. edit is given the elements as
// they are, in order, and returns those that shall be; ones without an id get one. EditList
// returns the list as it is then.
//
// It is one write of a client: assignments count and fail as [OpAssign], other lists as
// [OpUpdate]. New and changed elements are refused where [Graph.Assign] or [Graph.Update]
// refuse them. An error of edit's that is a *[graph.Error] is returned with what is missing
// filled in. edit runs with the tenant locked, and so calls no method of the Graph.
func (g *Graph) EditList(ctx context.Context, id graph.TenantID, t graph.PolicyType, object, list string,
	edit func(elements []json.RawMessage) ([]json.RawMessage, error),
) (elements []json.RawMessage, err error) {
	op := OpUpdate
	if list == partAssignments {
		op = OpAssign
	}
	err = g.write(ctx, Call{Tenant: id, Op: op, Type: t, IDs: []string{object}}, func(w *writing) error {
		o, _, ok := w.tenant.find(t, object)
		if !ok {
			return &refusal{graph.KindNotFound, nil}
		}
		have := elementsOf(o.policy, list)
		want, err := edit(slices.Clone(have))
		if err != nil {
			return err
		}
		if want, err = w.elements(&o.policy, list, have, want); err != nil {
			return err
		}
		p := withList(w.info, w.tenant.stamp(o.policy, w.info, w.now), list, want)
		if list == partAssignments {
			p = markAssigned(p, len(want) > 0)
		}
		if p, err = w.finished(p); err != nil {
			return err
		}
		w.tenant.replace(o, p)
		elements = elementsOf(p, list)
		return nil
	}, &object)
	return elements, err
}

// elements checks what is new or changed in a list, and completes it.
func (w *writing) elements(p *graph.Policy, list string, have, want []json.RawMessage) ([]json.RawMessage, error) {
	if err := w.special(nil, p); err != nil {
		return nil, err
	}
	out := make([]json.RawMessage, len(want))
	for i, e := range want {
		out[i] = e
		if slices.ContainsFunc(have, func(h json.RawMessage) bool { return string(h) == string(e) }) {
			continue
		}
		if list == partAssignments {
			made, err := w.assigned(p, want[i:i+1])
			if err != nil {
				return nil, err
			}
			out[i] = elementsOf(graph.Policy{Raw: []byte(`{}`), Parts: []graph.Part{made}}, list)[0]
			continue
		}
		object, err := graph.Policy{Raw: e}.Decode()
		if err != nil {
			return nil, invalid(fmt.Sprintf("an element of %q is not a JSON object", list))
		}
		if _, err := w.references(map[string]any{list: []any{object}}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// elementsOf returns the elements of a part or property, none when it is no list.
func elementsOf(p graph.Policy, list string) []json.RawMessage {
	raw := []byte("null")
	if i := slices.IndexFunc(p.Parts, func(part graph.Part) bool { return part.Name == list }); i >= 0 {
		raw = p.Parts[i].Raw
	} else if s, ok := property(p.Raw, list); ok {
		raw = p.Raw[s.start:s.end]
	}
	if raw[0] != '[' {
		return nil
	}
	var out []json.RawMessage
	for _, s := range properties(raw) {
		out = append(out, slices.Clone(json.RawMessage(raw[s.start:s.end])))
	}
	return out
}

// withList returns p with a list replaced, which stays a part or property as it was.
func withList(info graph.TypeInfo, p graph.Policy, list string, elements []json.RawMessage) graph.Policy {
	raw := array(elements)
	if slices.Contains(partNames(info), list) || slices.ContainsFunc(p.Parts, func(q graph.Part) bool { return q.Name == list }) {
		return withPart(p, graph.Part{Name: list, Raw: raw})
	}
	p.Raw = withProperty(p.Raw, list, raw)
	return p
}

func array(elements []json.RawMessage) []byte {
	w := &writer{}
	w.arr("")
	for _, e := range elements {
		w.raw("", e)
	}
	w.end(']')
	return w.buf
}

// listsWithIDs are the lists whose elements have ids, and lists in these elements.
var listsWithIDs = map[string]string{
	partSettings: "", partDefinitionValues: "presentationValues", "scheduledActionsForRule": "scheduledActionConfigurations",
	"apps": "", "items": "", "roleAssignments": "", "localizedNotificationMessages": "", "combinationConfigurations": "", "protectedAppLockerFiles": "",
}

// identified gives an id to every element that should have one and does not.
func (w *writing) identified(p graph.Policy) graph.Policy {
	for list, inner := range listsWithIDs {
		if elements := elementsOf(p, list); w.identify(p, list, inner, elements) {
			p = withList(w.info, p, list, elements)
		}
	}
	return p
}

// identify tells whether it had to change an element.
func (w *writing) identify(p graph.Policy, list, inner string, elements []json.RawMessage) bool {
	changed := false
	for i, e := range elements {
		if e[0] != '{' {
			continue
		}
		if _, ok := property(e, "id"); !ok {
			e, changed = withProperty(e, "id", quote(w.elementID(p, list, i, e))), true
		}
		if inner != "" {
			wrapped := graph.Policy{Raw: e}
			if below := elementsOf(wrapped, inner); w.identify(p, inner, "", below) {
				e, changed = withProperty(e, inner, array(below)), true
			}
		}
		elements[i] = e
	}
	return changed
}

// elementID makes the id of a new element, as Graph does.
func (w *writing) elementID(p graph.Policy, list string, index int, element []byte) string {
	object, _ := graph.Policy{Raw: element}.Decode()
	switch {
	case list == partSettings && p.Type != "endpointSecurityIntent":
		return strconv.Itoa(index)
	case list == "localizedNotificationMessages":
		locale, _ := object["locale"].(string)
		return p.ID + "_" + locale
	case list == "apps":
		app, _ := object["mobileAppIdentifier"].(map[string]any)
		for key, platform := range map[string]string{"bundleId": ".ios", "packageId": ".android"} {
			if name, _ := app[key].(string); name != "" {
				return name + platform
			}
		}
	}
	w.tenant.elements++
	return stableGUID(fmt.Sprintf("%s %s %d", p.ID, list, w.tenant.elements))
}
