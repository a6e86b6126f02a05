package graphtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
)

// Add generates one more policy of a type and returns it. It refuses types that are not
// generated, and those that a tenant has once.
func (g *Graph) Add(id graph.TenantID, t graph.PolicyType) (graph.Policy, error) {
	tn, err := g.tenantFor(id)
	if err != nil {
		return graph.Policy{}, err
	}
	info, ok := g.catalogue.Lookup(t)
	m := makerOf(t)
	if !ok || m.build == nil || once(t) {
		return graph.Policy{}, fmt.Errorf("graphtest: Add: no more policies of type %q are generated; use Put", t)
	}
	tn.mu.Lock()
	defer tn.mu.Unlock()
	tn.serial++
	p := tn.plan.make(info, m, addedIndex+int(tn.serial), rand.New(rand.NewPCG(tn.plan.seed, tn.serial)).Float64())
	if err := tn.insert(info, &object{policy: p}); err != nil {
		return graph.Policy{}, fmt.Errorf("graphtest: Add: %w", err)
	}
	return p, nil
}

// Put adds a policy with the bytes given, or replaces the one that has its type and id.
// Raw and the parts must be JSON.
func (g *Graph) Put(id graph.TenantID, p graph.Policy) error {
	tn, err := g.tenantFor(id)
	if err != nil {
		return err
	}
	info, ok := g.catalogue.Lookup(p.Type)
	switch {
	case !ok || !info.Capturable():
		return fmt.Errorf("graphtest: Put: type %q cannot be captured, so nobody would see it", p.Type)
	case p.ID == "":
		return errors.New("graphtest: Put: the policy's ID is required")
	case !isObject(p.Raw):
		return errors.New("graphtest: Put: the policy's Raw is not a JSON object")
	}
	for i, part := range p.Parts {
		if !json.Valid(part.Raw) {
			return fmt.Errorf("graphtest: Put: part %q is not JSON", part.Name)
		}
		if slices.ContainsFunc(p.Parts[:i], func(q graph.Part) bool { return q.Name == part.Name }) {
			return fmt.Errorf("graphtest: Put: part %q is given twice", part.Name)
		}
	}
	tn.mu.Lock()
	defer tn.mu.Unlock()
	c := tn.collection(info)
	o := &object{policy: p}
	if old, ok := c.byID[p.ID]; ok {
		o.place = old.place
	} else {
		c.order = append(c.order, p.ID)
		o.place = tn.newPlace()
	}
	c.byID[p.ID] = o
	return nil
}

// Delete removes a policy.
func (g *Graph) Delete(id graph.TenantID, t graph.PolicyType, object string) error {
	return g.edit(id, t, object, func(tn *tenant, _ graph.Policy, _ graph.TypeInfo) (graph.Policy, bool) {
		return graph.Policy{}, false
	})
}

// Rename gives a policy another name.
func (g *Graph) Rename(id graph.TenantID, t graph.PolicyType, object, name string) error {
	return g.edit(id, t, object, func(tn *tenant, p graph.Policy, info graph.TypeInfo) (graph.Policy, bool) {
		p = tn.stamp(p, info, g.clock.Now())
		if info.NameProperty != "" {
			p.Raw = withProperty(p.Raw, info.NameProperty, quote(name))
			p.Name = name
		}
		return p, true
	})
}

// Change gives one setting of one policy another value, as [Graph.Churn] does.
func (g *Graph) Change(id graph.TenantID, t graph.PolicyType, object string, seed uint64) error {
	return g.edit(id, t, object, func(tn *tenant, p graph.Policy, info graph.TypeInfo) (graph.Policy, bool) {
		return tn.alter(p, info, rand.New(rand.NewPCG(seed, 0xbeef)), g.clock.Now()), true
	})
}

// edit replaces an object with what change returns, or removes it when that is false.
func (g *Graph) edit(id graph.TenantID, t graph.PolicyType, object string,
	change func(*tenant, graph.Policy, graph.TypeInfo) (graph.Policy, bool),
) error {
	tn, err := g.tenantFor(id)
	if err != nil {
		return err
	}
	tn.mu.Lock()
	defer tn.mu.Unlock()
	o, info, ok := tn.find(t, object)
	if !ok {
		return fmt.Errorf("graphtest: tenant %s has no %s %s", id, t, object)
	}
	if p, keep := change(tn, o.policy, info); keep {
		tn.replace(o, p)
		return nil
	}
	tn.remove(t, object)
	return nil
}

// Object returns what a tenant holds under an id, without a call: no fault, no count.
func (g *Graph) Object(id graph.TenantID, t graph.PolicyType, object string) (graph.Policy, bool) {
	tn, err := g.tenantFor(id)
	if err != nil {
		return graph.Policy{}, false
	}
	tn.mu.RLock()
	defer tn.mu.RUnlock()
	o, _, ok := tn.find(t, object)
	if !ok {
		return graph.Policy{}, false
	}
	return o.policy, true
}

// Snapshot returns everything that a tenant holds, without a call; nil for an unknown
// tenant. The map is the caller's, the bytes never change.
func (g *Graph) Snapshot(id graph.TenantID) map[Key]graph.Policy {
	tn, err := g.tenantFor(id)
	if err != nil {
		return nil
	}
	tn.mu.RLock()
	defer tn.mu.RUnlock()
	out := map[Key]graph.Policy{}
	for _, k := range tn.keys() {
		out[k] = tn.types[k.Type].byID[k.ID].policy
	}
	return out
}

// Groups returns the groups that a tenant's policies are assigned to.
func (g *Graph) Groups(id graph.TenantID) []graph.Reference {
	tn, err := g.tenantFor(id)
	if err != nil {
		return nil
	}
	return slices.Clone(tn.plan.groups)
}

func isObject(raw []byte) bool {
	return json.Valid(raw) && bytes.HasPrefix(bytes.TrimLeft(raw, " \t\r\n"), []byte("{"))
}

func compareKeys(a, b Key) int {
	if c := strings.Compare(string(a.Type), string(b.Type)); c != 0 {
		return c
	}
	return strings.Compare(a.ID, b.ID)
}
