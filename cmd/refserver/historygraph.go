package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
)

// edits change the policies of a tenant. They depend on nothing but its seed and the edits
// before, so that they can be done again without the product.
type edits struct {
	graph  *graphtest.Graph
	tenant graph.TenantID
	kept   map[string]graph.Policy // policies as they were, for putting them back
}

func newEdits(g *graphtest.Graph) *edits { return &edits{graph: g, kept: map[string]graph.Policy{}} }

// of are edits of a tenant.
func (e *edits) of(tenant graph.TenantID) *edits { return &edits{e.graph, tenant, e.kept} }

// leaveAsHistory brings a Graph with the demo tenants into the state that a history leaves it
// in: the same objects with the same content under the same ids, whenever that was. Every
// process does so when it starts, so that what it reads fits what is in the database.
func leaveAsHistory(g *graphtest.Graph) error {
	e := newEdits(g)
	for _, event := range historyEvents(time.Unix(0, 0)) {
		for _, edit := range []func(*edits) error{event.edit, event.left} {
			if edit == nil {
				continue
			}
			if err := edit(e.of(event.tenant)); err != nil {
				return fmt.Errorf("the history of %s: %w", event.tenant, err)
			}
		}
	}
	return nil
}

// nth is the n-th policy of a type, in the order of listings, from 0.
func (e *edits) nth(t graph.PolicyType, n int) (graph.Policy, error) {
	rows, err := e.graph.Rows(e.tenant, t)
	if err != nil {
		return graph.Policy{}, err
	}
	if n >= len(rows) {
		return graph.Policy{}, fmt.Errorf("%s has %d of %s, not %d", e.tenant, len(rows), t, n+1)
	}
	return rows[n].Policy, nil
}

// patch gives properties of a policy other values, and keeps it as it was under a name.
func (e *edits) patch(t graph.PolicyType, n int, properties map[string]any, keepAs string) error {
	p, err := e.nth(t, n)
	if err != nil {
		return err
	}
	e.kept[keepAs] = p
	properties["@odata.type"] = p.ODataType
	body, err := json.Marshal(properties)
	if err != nil {
		return err
	}
	return e.graph.Patch(context.Background(), e.tenant, t, p.ID, body)
}

// change gives one setting of a policy another value.
func (e *edits) change(t graph.PolicyType, n int) error {
	p, err := e.nth(t, n)
	if err != nil {
		return err
	}
	return e.graph.Change(e.tenant, t, p.ID, demoSeed)
}

// remove deletes a policy, and keeps it under a name.
func (e *edits) remove(t graph.PolicyType, n int, keepAs string) error {
	p, err := e.nth(t, n)
	if err != nil {
		return err
	}
	e.kept[keepAs] = p
	return e.graph.Delete(e.tenant, t, p.ID)
}

func (e *edits) rename(t graph.PolicyType, n int, name string) error {
	p, err := e.nth(t, n)
	if err != nil {
		return err
	}
	return e.graph.Rename(e.tenant, t, p.ID, name)
}

func (e *edits) add(types ...graph.PolicyType) error {
	for _, t := range types {
		if _, err := e.graph.Add(e.tenant, t); err != nil {
			return err
		}
	}
	return nil
}

// putBack does what a restore does with a policy that exists.
func (e *edits) putBack(name string) error {
	p, body, err := e.body(name, true)
	if err != nil {
		return err
	}
	return e.graph.Update(context.Background(), e.tenant, p.Type, p.ID, body)
}

// remake does what a restore does with one that is gone. It gets the id that it got then.
func (e *edits) remake(name string) error {
	p, body, err := e.body(name, false)
	if err != nil {
		return err
	}
	_, err = e.graph.Create(context.Background(), e.tenant, p.Type, body)
	return err
}

// body is what is written of a kept policy, without its assignments.
func (e *edits) body(name string, update bool) (graph.Policy, json.RawMessage, error) {
	p, ok := e.kept[name]
	if !ok {
		return p, nil, fmt.Errorf("no policy was kept as %q", name)
	}
	object, err := p.Decode()
	if err != nil {
		return p, nil, err
	}
	info, _ := graph.Catalog.Lookup(p.Type)
	info.StripReadOnly(object, update)
	delete(object, "assignments")
	body, err := json.Marshal(object)
	return p, body, err
}
