package msgraph

import (
	"context"
	"slices"
	"sync"

	"github.com/tenantatlas/tenantbackup/graph"
)

const (
	// groupSize is how many objects are captured together. Their requests fill whole
	// batches, and an object is captured from answers that came at nearly the same time.
	groupSize = 20

	// parallelGroups is how many groups are under way at once. The gate bounds the requests.
	parallelGroups = 4

	// listInstead is the number of objects from which on they are read with their
	// collection, when rows are whole captures: Conditional Access grants one request a
	// second, and each item of a batch counts.
	listInstead = 4
)

// Get implements [graph.Reader]. It reads the objects and what Graph keeps beside them in
// batches.
func (c *Client) Get(ctx context.Context, tenant graph.TenantID, t graph.PolicyType, ids []string) ([]graph.Result, error) {
	info, err := c.captured(graph.OpGet, t)
	if err != nil {
		return nil, err
	}
	r := reading{c: c, tenant: tenant, info: info, op: graph.OpGet}
	found := map[string]*graph.Policy{}
	if r.listed() && !info.Read.Singleton && len(ids) >= listInstead {
		if found, err = r.list(ctx, ids); err != nil {
			return nil, err
		}
	}
	rest := make([]string, 0, len(ids))
	for _, id := range ids {
		if found[id] == nil {
			rest = append(rest, id)
		}
	}
	read, err := r.groups(ctx, rest)
	results := make([]graph.Result, 0, len(ids))
	for _, id := range ids {
		switch p := found[id]; {
		case p != nil:
			results = append(results, graph.Result{ID: id, Policy: *p})
		case len(read) == 0: // the call has failed before it came to this one
			return results, err
		default:
			results, read = append(results, read[0]), read[1:]
		}
	}
	return results, err
}

// list finds objects in the listing of their collection. One that is not in it may still be
// there: what was made a moment ago can be missing.
func (r reading) list(ctx context.Context, ids []string) (map[string]*graph.Policy, error) {
	found := make(map[string]*graph.Policy, len(ids))
	for _, id := range ids {
		found[id] = nil
	}
	err := r.c.List(ctx, r.tenant, r.info.Key, func(p graph.Page) error {
		for _, h := range p.Headers {
			if _, wanted := found[h.ID]; wanted {
				found[h.ID] = h.Policy
			}
		}
		return nil
	})
	return found, err
}

// groups reads objects in groups, several at once. With an error come the results up to the
// first group that has failed.
func (r reading) groups(ctx context.Context, ids []string) ([]graph.Result, error) {
	var (
		running = make(chan struct{}, parallelGroups)
		wg      sync.WaitGroup
		groups  []*group
	)
	for chunk := range slices.Chunk(ids, groupSize) {
		g := &group{reading: r}
		for _, id := range chunk {
			g.items = append(g.items, &item{id: id})
		}
		groups = append(groups, g)
	}
	// A group that fails stops those after it: their results would be lost.
	contexts, stop := make([]context.Context, len(groups)), make([]context.CancelFunc, len(groups))
	inner := ctx
	for i := range groups {
		inner, stop[i] = context.WithCancel(inner)
		defer stop[i]()
		contexts[i] = inner
	}
	for i, g := range groups {
		running <- struct{}{}
		wg.Go(func() {
			defer func() { <-running }()
			if g.err = contexts[i].Err(); g.err == nil {
				g.err = g.read(contexts[i])
			}
			if g.err != nil && i+1 < len(groups) {
				stop[i+1]()
			}
		})
	}
	wg.Wait()
	results := make([]graph.Result, 0, len(ids))
	for _, g := range groups {
		if g.err != nil {
			if ctx.Err() != nil {
				return results, ctx.Err()
			}
			return results, g.err
		}
		for _, it := range g.items {
			results = append(results, graph.Result{ID: it.id, Policy: it.policy, Err: it.err})
		}
	}
	return results, nil
}

// group is some objects that are read together.
type group struct {
	reading
	items []*item
	err   error // of the call as a whole
}

// item is an object on its way.
type item struct {
	id      string
	path    string // below the version, of the object
	query   string
	object  object
	parts   []*collection
	policy  graph.Policy
	err     error
	doubted error // what does not fit together, as it does when the object changes meanwhile
}

// read captures the objects. An error is one of the call as a whole.
func (g *group) read(ctx context.Context) error {
	if err := g.find(ctx); err != nil {
		return err
	}
	if err := g.capture(ctx, g.items); err != nil {
		return err
	}
	var doubted []*item
	for _, it := range g.items {
		if it.err == nil && it.doubted != nil {
			doubted = append(doubted, it)
		}
	}
	if err := g.capture(ctx, doubted); err != nil {
		return err
	}
	for _, it := range g.items {
		if it.err == nil {
			it.err = it.doubted
		}
		if it.err != nil {
			continue
		}
		it.policy = g.policy(it.object)
		for _, part := range it.parts {
			it.policy.Parts = append(it.policy.Parts, graph.Part{Name: part.name, Raw: part.json()})
		}
	}
	if err := g.secrets(ctx, g.items); err != nil {
		return err
	}
	var captured []*graph.Policy
	for _, it := range g.items {
		if it.err == nil {
			captured = append(captured, &it.policy)
		}
	}
	return g.references(ctx, captured)
}

// find finds out where the objects are read. That of a typed one follows from its
// "@odata.type", which the listing has told or the collection of all of them knows.
func (g *group) find(ctx context.Context) error {
	var requests []request
	for _, it := range g.items {
		it.path, it.query = g.info.Path, g.info.Read.ItemQuery
		switch {
		case noID(it.id):
			it.err = g.fail(graph.KindNotFound, "no object has this id")
			continue
		case !g.info.Read.Singleton:
			it.path += "/" + escape(it.id)
		case it.id != string(g.info.Key):
			it.err = g.fail(graph.KindNotFound, "a singleton's id is the key of its type")
		}
		if len(g.info.Read.Typed) == 0 {
			continue
		}
		if kind := g.c.memory(g.tenant).typeOf(g.info.Key, it.id); kind != "" {
			g.typed(it, kind)
			continue
		}
		requests = append(requests, request{g.call(it.path, "$select=id"), func(body []byte, err error) {
			if it.err = err; err != nil {
				return
			}
			var o object
			if o, _, it.err = g.object(body); it.err == nil {
				g.typed(it, o.odataType)
			}
		}})
	}
	return g.send(ctx, requests)
}

func (g *group) typed(it *item, odataType string) {
	rule, ok := g.info.Read.Typed[odataType]
	if !ok {
		it.err = g.fail(graph.KindNotFound, "the object is of another policy type")
		return
	}
	it.path, it.query = rule.Path+"/"+escape(it.id), rule.ItemQuery
}

// capture reads objects and their parts.
func (g *group) capture(ctx context.Context, items []*item) error {
	var requests []request
	var parts []*collection
	for _, it := range items {
		if it.err != nil {
			continue
		}
		it.doubted, it.parts = nil, nil
		requests = append(requests, request{g.call(it.path, it.query), it.take(g)})
		for _, rule := range g.info.Read.Parts {
			part := &collection{name: rule.Name, rule: rule, first: g.call(it.path+"/"+rule.Path, rule.Query)}
			it.parts = append(it.parts, part)
			parts = append(parts, part)
			requests = append(requests, request{part.first, part.take(g)})
		}
	}
	if err := g.send(ctx, requests); err != nil {
		return err
	}
	for _, it := range items {
		parts = append(parts, it.expanded(g)...)
	}
	if err := g.complete(ctx, parts); err != nil {
		return err
	}
	for _, it := range items {
		it.check(g)
	}
	return nil
}

// take receives the object.
func (it *item) take(g *group) func([]byte, error) {
	return func(body []byte, err error) {
		var mine bool
		if err == nil {
			it.object, mine, err = g.object(body)
		}
		switch {
		case err != nil:
		case !mine:
			err = g.fail(graph.KindNotFound, "the object is of another policy type")
		case !sameID(it.object.id, it.id):
			err = g.fail(graph.KindIncomplete, "the answer has another object than the one asked for")
		}
		it.object.id = it.id // as the caller writes it
		it.err = err
	}
}
