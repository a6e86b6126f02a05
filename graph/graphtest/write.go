package graphtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// Create implements [graph.Writer]. It gives the object a new id and time stamps, keeps
// the rest of the body as it is, and stores settings as the part that [Graph.Get] returns
// them in. Assignments in the body are ignored, as Graph ignores them.
func (g *Graph) Create(ctx context.Context, id graph.TenantID, t graph.PolicyType, body json.RawMessage) (string, error) {
	var made string
	err := g.write(ctx, Call{Tenant: id, Op: OpCreate, Type: t}, func(tn *tenant, info graph.TypeInfo) error {
		p, err := tn.created(info, body, g.clock.Now())
		if err != nil {
			return g.fail(OpCreate, t, graph.KindInvalid, err)
		}
		made = p.ID
		return tn.insert(info, &object{policy: p})
	})
	if err != nil {
		return "", err
	}
	return made, nil
}

// Update implements [graph.Writer]: every property of the body replaces the object's.
func (g *Graph) Update(ctx context.Context, id graph.TenantID, t graph.PolicyType, object string, body json.RawMessage) error {
	return g.write(ctx, Call{Tenant: id, Op: OpUpdate, Type: t, IDs: []string{object}}, func(tn *tenant, info graph.TypeInfo) error {
		o, _, ok := tn.find(t, object)
		switch {
		case !ok:
			return g.fail(OpUpdate, t, graph.KindNotFound, nil)
		case !isObject(body):
			return g.fail(OpUpdate, t, graph.KindInvalid, errors.New("the body is not a JSON object"))
		}
		p := tn.stamp(o.policy, info, g.clock.Now())
		p.Parts = slices.Clone(p.Parts)
		body, parts := splitParts(t, body)
		for _, part := range parts {
			p = withPart(p, part)
		}
		for _, s := range properties(body) {
			if s.key != "id" {
				p.Raw = withProperty(p.Raw, s.key, body[s.start:s.end])
			}
		}
		p = announce(p, parts)
		name, err := nameOf(info, p.Raw)
		if err != nil {
			return g.fail(OpUpdate, t, graph.KindInvalid, err)
		}
		p.Name = name
		tn.replace(o, p)
		return nil
	})
}

// Assign implements [graph.Writer]. A group that the tenant does not have is invalid, and
// so are assignments of a type that has none.
func (g *Graph) Assign(ctx context.Context, id graph.TenantID, t graph.PolicyType, object string, assignments []json.RawMessage) error {
	return g.write(ctx, Call{Tenant: id, Op: OpAssign, Type: t, IDs: []string{object}}, func(tn *tenant, info graph.TypeInfo) error {
		o, _, ok := tn.find(t, object)
		switch {
		case !ok:
			return g.fail(OpAssign, t, graph.KindNotFound, nil)
		case !slices.Contains(partNames(t), partAssignments):
			return g.fail(OpAssign, t, graph.KindInvalid, errors.New("objects of this type are not assigned"))
		}
		part, refs, err := tn.assigned(object, assignments)
		if err != nil {
			return g.fail(OpAssign, t, graph.KindInvalid, err)
		}
		p := withPart(tn.stamp(o.policy, info, g.clock.Now()), part)
		p.References = sortedReferences(refs)
		tn.replace(o, p)
		return nil
	})
}

// write runs the common part of a write around what it does.
func (g *Graph) write(ctx context.Context, c Call, do func(*tenant, graph.TypeInfo) error) error {
	f, err := g.enter(ctx, c)
	if err != nil {
		return err
	}
	tn, info, err := g.reach(c.Tenant, c.Op, c.Type)
	if err != nil {
		return err
	}
	tn.mu.Lock()
	defer tn.mu.Unlock()
	if err := do(tn, info); err != nil {
		return err
	}
	if f.Applied {
		return g.faultError(f, c)
	}
	return nil
}

// created makes the policy that Graph would keep for a body.
func (tn *tenant) created(info graph.TypeInfo, body []byte, now time.Time) (graph.Policy, error) {
	if !isObject(body) {
		return graph.Policy{}, errors.New("the body is not a JSON object")
	}
	raw, parts := splitParts(info.Key, body)
	tn.serial++
	tn.changes++
	p := graph.Policy{Type: info.Key, ID: tn.plan.objectID(info.Key, addedIndex+int(tn.serial)), Parts: parts}
	at := quote(timestamp(now.UTC().Add(time.Duration(tn.changes) * 100 * time.Nanosecond)))
	modified := "lastModifiedDateTime"
	if info.Platform == "entra" {
		modified = "modifiedDateTime"
	}
	raw = withProperty(raw, modified, at)
	raw = withProperty(raw, "createdDateTime", at)
	p.Raw = withProperty(raw, "id", quote(p.ID))
	p = announce(p, parts)
	for _, name := range partNames(info.Key) {
		if !slices.ContainsFunc(p.Parts, func(q graph.Part) bool { return q.Name == name }) {
			p.Parts = append(p.Parts, graph.Part{Name: name, Raw: json.RawMessage("[]")})
		}
	}
	if s, ok := property(p.Raw, "@odata.type"); ok && json.Unmarshal(p.Raw[s.start:s.end], &p.ODataType) != nil {
		return graph.Policy{}, errors.New(`property "@odata.type" is not a string`)
	}
	var err error
	p.Name, err = nameOf(info, p.Raw)
	return p, err
}

func nameOf(info graph.TypeInfo, raw []byte) (string, error) {
	if info.NameProperty == "" {
		return "", nil
	}
	var name string
	if s, ok := property(raw, info.NameProperty); !ok || json.Unmarshal(raw[s.start:s.end], &name) != nil || name == "" {
		return "", fmt.Errorf("property %q is required", info.NameProperty)
	}
	return name, nil
}

// splitParts takes out of a body what Get returns as parts. Inline assignments are
// dropped: only Assign makes them.
func splitParts(t graph.PolicyType, body []byte) ([]byte, []graph.Part) {
	body, _ = withoutProperty(body, partAssignments)
	var parts []graph.Part
	for _, name := range partNames(t) {
		var value []byte
		if body, value = withoutProperty(body, name); value != nil {
			parts = append(parts, graph.Part{Name: name, Raw: slices.Clone(value)})
		}
	}
	return body, parts
}

// announce keeps settingCount equal to the number of settings.
func announce(p graph.Policy, parts []graph.Part) graph.Policy {
	for _, part := range parts {
		var settings []json.RawMessage
		if part.Name == partSettings && json.Unmarshal(part.Raw, &settings) == nil {
			p.Raw = withProperty(p.Raw, "settingCount", strconv.AppendInt(nil, int64(len(settings)), 10))
		}
	}
	return p
}

// withPart returns p with a part added or replaced; p itself keeps its parts.
func withPart(p graph.Policy, part graph.Part) graph.Policy {
	p.Parts = slices.Clone(p.Parts)
	i := slices.IndexFunc(p.Parts, func(q graph.Part) bool { return q.Name == part.Name })
	if i < 0 {
		p.Parts = append(p.Parts, part)
	} else {
		p.Parts[i] = part
	}
	return p
}

// assigned makes the part for a list of assignments.
func (tn *tenant) assigned(object string, assignments []json.RawMessage) (graph.Part, []graph.Reference, error) {
	w := &writer{}
	var refs []graph.Reference
	w.arr("")
	for i, a := range assignments {
		var in struct{ Target json.RawMessage }
		var target struct {
			Type  string `json:"@odata.type"`
			Group string `json:"groupId"`
		}
		if json.Unmarshal(a, &in) != nil || !isObject(in.Target) || json.Unmarshal(in.Target, &target) != nil {
			return graph.Part{}, nil, fmt.Errorf("assignment %d has no target", i)
		}
		if target.Group != "" {
			at := slices.IndexFunc(tn.plan.groups, func(r graph.Reference) bool { return r.ID == target.Group })
			if at < 0 {
				return graph.Part{}, nil, fmt.Errorf("assignment %d: the tenant has no such group", i)
			}
			refs = append(refs, tn.plan.groups[at])
		}
		raw, _ := withoutProperty(a, "id")
		raw = withProperty(raw, "id", quote(object+"_"+assignmentSuffix(target.Type, target.Group)))
		w.raw("", raw)
	}
	w.end(']')
	return graph.Part{Name: partAssignments, Raw: w.buf}, refs, nil
}
