package graphtest

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// Create implements [graph.Writer]. It gives the object a new id, time stamps and what else
// Graph fills in, keeps the rest of the body as it is, and stores settings and the like as
// the parts that [Graph.Get] returns them in.
//
// It refuses what Graph refuses, as invalid: properties that no write takes, a body without
// "@odata.type" where several types share a collection, references to what the tenant does
// not have, objects that every tenant has already, and a compliance policy without a block
// action. Names may be taken.
func (g *Graph) Create(ctx context.Context, id graph.TenantID, t graph.PolicyType, body json.RawMessage) (string, error) {
	var made string
	err := g.write(ctx, Call{Tenant: id, Op: OpCreate, Type: t}, func(w *writing) error {
		decoded, err := w.accepted(body, nil)
		if err != nil {
			return err
		}
		p, err := w.created(decoded, body)
		if err != nil {
			return err
		}
		if err := w.tenant.insert(w.info, &object{policy: p, visible: w.visibleFrom(), published: w.publishedFrom()}); err != nil {
			return &refusal{graph.KindConflict, err}
		}
		made = p.ID
		return nil
	}, &made, body)
	if err != nil {
		return "", err
	}
	return made, nil
}

// Update implements [graph.Writer]: every property of the body replaces the object's. Where
// the catalogue says that an update replaces the whole object, what the body leaves out is
// gone. It refuses what [Graph.Create] refuses, and what is fixed once the object exists.
func (g *Graph) Update(ctx context.Context, id graph.TenantID, t graph.PolicyType, object string, body json.RawMessage) error {
	return g.update(ctx, id, t, object, body, false)
}

// Patch is an Update that keeps what the body leaves out, whatever the catalogue says.
func (g *Graph) Patch(ctx context.Context, id graph.TenantID, t graph.PolicyType, object string, body json.RawMessage) error {
	return g.update(ctx, id, t, object, body, true)
}

func (g *Graph) update(ctx context.Context, id graph.TenantID, t graph.PolicyType, object string, body json.RawMessage, keep bool) error {
	return g.write(ctx, Call{Tenant: id, Op: OpUpdate, Type: t, IDs: []string{object}}, func(w *writing) error {
		o, _, ok := w.tenant.find(t, object)
		if !ok {
			return &refusal{graph.KindNotFound, nil}
		}
		if _, err := w.accepted(body, &o.policy); err != nil {
			return err
		}
		p := w.tenant.stamp(o.policy, w.info, w.now)
		body, parts := splitParts(w.info, body)
		replaces := w.info.Write.Replaces && !keep
		for _, name := range partNames(w.info) {
			if replaces && name != partAssignments {
				p = withPart(p, graph.Part{Name: name, Raw: json.RawMessage("[]")})
			}
		}
		for _, part := range parts {
			p = withPart(p, part)
		}
		if replaces {
			p.Raw = w.replaced(p.Raw, body)
		} else {
			for _, s := range properties(body) {
				p.Raw = withProperty(p.Raw, s.key, body[s.start:s.end])
			}
		}
		p, err := w.finished(p)
		if err != nil {
			return err
		}
		w.tenant.replace(o, p)
		return nil
	}, &object, body)
}

// Assign implements [graph.Writer]. It refuses, as invalid, groups and filters that the
// tenant does not have, fields that the type's assignments do not have, and assignments of
// default objects and of types that have none.
func (g *Graph) Assign(ctx context.Context, id graph.TenantID, t graph.PolicyType, object string, assignments []json.RawMessage) error {
	return g.write(ctx, Call{Tenant: id, Op: OpAssign, Type: t, IDs: []string{object}}, func(w *writing) error {
		o, _, ok := w.tenant.find(t, object)
		if !ok {
			return &refusal{graph.KindNotFound, nil}
		}
		if o.published.After(w.now) {
			return invalid("the app is not published yet and takes no assignments")
		}
		part, err := w.assigned(&o.policy, assignments)
		if err != nil {
			return err
		}
		p := markAssigned(withPart(w.tenant.stamp(o.policy, w.info, w.now), part), len(assignments) > 0)
		if p, err = w.finished(p); err != nil {
			return err
		}
		w.tenant.replace(o, p)
		return nil
	}, &object, assignments...)
}

// markAssigned sets the read-out of an object that tells whether it is assigned.
func markAssigned(p graph.Policy, assigned bool) graph.Policy {
	if s, ok := property(p.Raw, "isAssigned"); ok {
		p.Raw = replaced(p.Raw, s, strconv.AppendBool(nil, assigned))
	}
	return p
}

// writing is one write under way. The tenant is locked.
type writing struct {
	graph  *Graph
	tenant *tenant
	info   graph.TypeInfo
	now    time.Time
}

// refusal is an answer of Graph's; write makes an error of it.
type refusal struct {
	kind  graph.Kind
	cause error
}

// Error describes the refusal.
func (r *refusal) Error() string { return string(r.kind) }

func invalid(text string) error { return &refusal{graph.KindInvalid, errors.New(text)} }

// write runs the common part of a write around what it does to an object, whose id is known
// afterwards at the latest. The content tells it from other writes of the object.
func (g *Graph) write(ctx context.Context, c Call, do func(*writing) error, object *string, content ...json.RawMessage) (err error) {
	done := false
	defer func() { g.calls.wrote(c.Tenant, Write{Op: c.Op, Key: Key{c.Type, *object}, Done: done}) }()
	f, err := g.enter(ctx, c)
	if err != nil {
		return err
	}
	tn, info, err := g.reach(c.Tenant, c.Op, c.Type)
	if err != nil {
		return err
	}
	settle, err := g.held(ctx, c, content)
	if err != nil {
		return err
	}
	defer func() { settle(done) }()
	tn.mu.Lock()
	defer tn.mu.Unlock()
	if err := do(&writing{g, tn, info, g.clock.Now()}); err != nil {
		var r *refusal
		var e *graph.Error
		switch {
		case errors.As(err, &r):
			return g.fail(c.Op, c.Type, r.kind, r.cause)
		case errors.As(err, &e):
			return complete(*e, c.Op, c.Type)
		}
		return g.fail(c.Op, c.Type, graph.KindInternal, err)
	}
	done = true
	if f.Applied {
		return g.faultError(f, c)
	}
	return nil
}
