package graphtest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// Remove deletes an object as a client's request: it can fail by a fault and counts as
// [OpDelete]. It refuses, as invalid, objects that every tenant has and Microsoft's.
func (g *Graph) Remove(ctx context.Context, id graph.TenantID, t graph.PolicyType, object string) error {
	return g.write(ctx, Call{Tenant: id, Op: OpDelete, Type: t, IDs: []string{object}}, func(w *writing) error {
		o, _, ok := w.tenant.find(t, object)
		if !ok {
			return &refusal{graph.KindNotFound, nil}
		}
		have, err := o.policy.Decode()
		if err != nil || w.info.Write.Default.Applies(have) || w.info.Write.BuiltIn.Applies(have) {
			return invalid("the object is there in every tenant and cannot be deleted")
		}
		w.tenant.remove(t, object)
		return nil
	}, &object)
}

func (tn *tenant) remove(t graph.PolicyType, object string) {
	c := tn.types[t]
	delete(c.byID, object)
	c.order = slices.DeleteFunc(slices.Clone(c.order), func(s string) bool { return s == object })
}

// Prioritize gives an object another priority, from 1, and moves those that have it and
// lower ones down by one. It counts and fails as [OpUpdate]. It refuses, as invalid, types
// without priorities, and the default object, whose priority is 0.
func (g *Graph) Prioritize(ctx context.Context, id graph.TenantID, t graph.PolicyType, object string, priority int) error {
	return g.write(ctx, Call{Tenant: id, Op: OpUpdate, Type: t, IDs: []string{object}}, func(w *writing) error {
		o, _, ok := w.tenant.find(t, object)
		if !ok {
			return &refusal{graph.KindNotFound, nil}
		}
		was, ok := priorityOf(o.policy)
		if !ok || was == 0 || priority < 1 {
			return invalid(fmt.Sprintf("priority %d cannot be set", priority))
		}
		if was == priority {
			return nil
		}
		for _, other := range w.tenant.types[t].byID {
			if n, ok := priorityOf(other.policy); ok && n >= priority && other != o {
				w.tenant.replace(other, withPriority(other.policy, n+1))
			}
		}
		w.tenant.replace(o, withPriority(w.tenant.stamp(o.policy, w.info, w.now), priority))
		return nil
	}, &object)
}

func priorityOf(p graph.Policy) (int, bool) {
	s, ok := property(p.Raw, "priority")
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(string(p.Raw[s.start:s.end]))
	return n, err == nil
}

func withPriority(p graph.Policy, n int) graph.Policy {
	p.Raw = withProperty(p.Raw, "priority", strconv.AppendInt(nil, int64(n), 10))
	return p
}

// Hide keeps an object from readers until a time on the clock, as [Config.CreateLag] does
// with all new ones. An object that is not there stays so.
func (g *Graph) Hide(id graph.TenantID, t graph.PolicyType, object string, until time.Time) {
	tn, err := g.tenantFor(id)
	if err != nil {
		return
	}
	tn.mu.Lock()
	defer tn.mu.Unlock()
	if o, _, ok := tn.find(t, object); ok {
		hidden := *o
		hidden.visible = until
		tn.types[t].byID[object] = &hidden
	}
}
