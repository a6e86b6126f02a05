package graphtest

import (
	"context"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// List implements [graph.Reader]. It lists the objects that are there when it is called:
// one that is deleted while pages are being read is still listed, and [Graph.Get] answers
// not_found for it, as Graph does.
func (g *Graph) List(ctx context.Context, id graph.TenantID, t graph.PolicyType, page func(graph.Page) error) error {
	broken, err := g.enter(ctx, Call{Tenant: id, Op: OpList, Type: t})
	if err != nil {
		return err
	}
	tn, info, err := g.reach(id, OpList, t)
	if err != nil {
		return err
	}
	pages := g.paginate(tn.headers(info, g.clock.Now()))
	for i, p := range pages {
		if broken.TruncateAfterPages > 0 && i >= broken.TruncateAfterPages {
			break
		}
		if _, err := g.enter(ctx, Call{Tenant: id, Op: OpPage, Type: t, Page: i + 1}); err != nil {
			return err
		}
		if err := page(graph.Page{Headers: p}); err != nil {
			return err
		}
	}
	if broken.TruncateAfterPages > 0 && !broken.Unnoticed {
		return g.faultError(broken, Call{Tenant: id, Op: OpList, Type: t})
	}
	return ctx.Err()
}

func (tn *tenant) headers(info graph.TypeInfo, now time.Time) []graph.Header {
	tn.mu.RLock()
	defer tn.mu.RUnlock()
	c := tn.types[info.Key]
	if c == nil {
		return nil
	}
	out := make([]graph.Header, 0, len(c.order))
	for _, id := range c.order {
		o := c.byID[id]
		if o.visible.After(now) {
			continue
		}
		h := graph.Header{ID: id, Name: o.policy.Name, ODataType: o.policy.ODataType}
		if info.ListComplete && !o.incomplete {
			p := o.at(now) // a copy, so that no reader can change the stored one
			h.Policy = &p
		}
		out = append(out, h)
	}
	return out
}

// paginate cuts rows into pages. There is at least one, for an empty collection answers
// with an empty page.
func (g *Graph) paginate(rows []graph.Header) [][]graph.Header {
	size := g.cfg.PageSize
	pages := [][]graph.Header{rows[:min(size, len(rows)):min(size, len(rows))]}
	for at := size; at < len(rows); at += size {
		if at == size && g.cfg.EmptyMiddlePage {
			pages = append(pages, nil)
		}
		from, to := at, min(at+size, len(rows))
		if g.cfg.OverlapPages {
			from--
		}
		pages = append(pages, rows[from:to:to])
	}
	return pages
}

// Get implements [graph.Reader].
func (g *Graph) Get(ctx context.Context, id graph.TenantID, t graph.PolicyType, ids []string) ([]graph.Result, error) {
	if _, err := g.enter(ctx, Call{Tenant: id, Op: OpGet, Type: t, IDs: ids}); err != nil {
		return nil, err
	}
	tn, _, err := g.reach(id, OpGet, t)
	if err != nil {
		return nil, err
	}
	out := make([]graph.Result, 0, len(ids))
	defer func() { g.calls.fetched(id, t, out) }()
	for i, want := range ids {
		f, err := g.enter(ctx, Call{Tenant: id, Op: OpItem, Type: t, IDs: ids[i : i+1 : i+1]})
		if ctx.Err() != nil {
			return out, ctx.Err()
		}
		if err != nil && f.FailCall {
			return out, err
		}
		r := graph.Result{ID: want, Err: err}
		if err == nil {
			r.Policy, r.Err = g.policy(tn, t, want)
		}
		out = append(out, r)
	}
	return out, nil
}

func (g *Graph) policy(tn *tenant, t graph.PolicyType, id string) (graph.Policy, error) {
	tn.mu.RLock()
	defer tn.mu.RUnlock()
	o, _, ok := tn.find(t, id)
	now := g.clock.Now()
	switch {
	case !ok || o.visible.After(now):
		return graph.Policy{}, g.fail(OpGet, t, graph.KindNotFound, nil)
	case o.incomplete:
		return graph.Policy{}, g.fail(OpGet, t, graph.KindIncomplete, nil)
	}
	return o.at(now), nil
}
