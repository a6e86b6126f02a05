package msgraph

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/tenantatlas/tenantbackup/graph"
)

// request is one of a batch, and who takes its answer.
type request struct {
	call call
	take func(body []byte, err error)
}

// send makes requests in batches. The error is one of the call as a whole; then some answers
// are missing.
func (r reading) send(ctx context.Context, requests []request) error {
	if len(requests) == 0 {
		return ctx.Err()
	}
	calls := make([]call, len(requests))
	for i := range requests {
		calls[i] = requests[i].call
	}
	replies, err := r.c.batch(ctx, r.tenant, calls)
	if err != nil {
		return err
	}
	for i, reply := range replies {
		if err := whole(ctx, reply.err); err != nil {
			return err
		}
		requests[i].take(reply.body, reply.err)
	}
	return nil
}

// whole returns an error that speaks for more than the request that has it: of the caller's
// context, of the token, or of a limit.
func whole(ctx context.Context, err error) error {
	switch kind := graph.KindOf(err); {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case kind == graph.KindThrottled, kind == graph.KindUnauthorized:
		return err
	}
	return nil
}

// collection is a part on its way: the rows of a collection beside the object.
type collection struct {
	name  string
	rule  graph.PartRule
	first call // of its first page; for an expanded one of the object
	value json.RawMessage
	rows  []json.RawMessage
	next  string // where it goes on
	doubt string // what does not fit together, see flaw
	err   error
}

// label names the collection in errors, unless the name was in an answer.
func (p *collection) label() string {
	return cmp.Or(p.rule.Name, "an expanded collection")
}

// json is the part: the bytes as they came, or the elements of all pages joined.
func (p *collection) json() json.RawMessage {
	if p.value != nil {
		return p.value
	}
	return array(p.rows)
}

// take receives the first page.
func (p *collection) take(r interface {
	fail(graph.Kind, string) error
}) func([]byte, error) {
	return func(body []byte, err error) {
		if p.err = err; err != nil {
			return
		}
		page, ok := fields(body)
		if ok {
			ok = p.begin(page["value"], linkOf(page))
		}
		if !ok {
			p.err = r.fail(graph.KindIncomplete, "the answer has something else in the place of the collection "+p.label())
		}
	}
}

func (p *collection) begin(value, next json.RawMessage) bool {
	if len(value) == 0 || value[0] != '[' {
		return false
	}
	p.value, p.rows = value, elements(value)
	p.next = text(next)
	return next == nil || p.next != "" || string(next) == "null"
}

// flaw says what is wrong with the elements: each is an object and has what its request expands.
func (p *collection) flaw() string {
	query := p.rule.Query
	if p.rule.ByID != "" {
		query = p.rule.ByIDQuery
	}
	for _, row := range p.rows {
		if !isObject(row) {
			return p.label() + " has an element that is no object"
		}
		if name := lacking(row, query); name != "" {
			return "an element of " + p.label() + " lacks " + name + ", which the request expands"
		}
	}
	return p.doubt
}

// expanded returns the collections that Graph has put into the object and cut. What the
// object has whole stays a property of it.
func (it *item) expanded(g *group) []*collection {
	if it.err != nil {
		return nil
	}
	var out []*collection
	for key, next := range it.object.fields {
		name, ok := strings.CutSuffix(key, nextLink)
		if !ok || it.has(name) { // a part of its own
			continue
		}
		p := &collection{name: name, first: g.call(it.path, it.query)}
		for _, e := range expands(it.query) {
			if e.name == name {
				p.rule.Query = e.options
			}
		}
		if name == "" || !p.begin(it.object.fields[name], next) {
			it.err = g.fail(graph.KindIncomplete, "the answer has a link to a next page of something that is no collection")
			return nil
		}
		it.parts = append(it.parts, p)
		out = append(out, p)
	}
	return out
}

// complete follows collections to their end, and reads what belongs to their elements.
func (g *group) complete(ctx context.Context, parts []*collection) error {
	if err := g.follow(ctx, parts); err != nil {
		return err
	}
	if err := g.byID(ctx, parts); err != nil {
		return err
	}
	return g.each(ctx, parts)
}

// follow reads the pages after the first.
func (g *group) follow(ctx context.Context, parts []*collection) error {
	var (
		wg      sync.WaitGroup
		running = make(chan struct{}, groupSize)
	)
	for _, p := range parts {
		if p.err != nil || p.next == "" {
			continue
		}
		running <- struct{}{}
		wg.Go(func() {
			defer func() { <-running }()
			p.err = g.c.continued(ctx, g.tenant, p.first, p.next, func(rows []json.RawMessage) error {
				p.add(rows)
				return nil
			})
			p.next = ""
		})
	}
	wg.Wait()
	for _, p := range parts {
		if err := whole(ctx, p.err); err != nil {
			return err
		}
	}
	return nil
}

// add appends a page. An element that stands on two pages, as happens when elements are made
// or deleted meanwhile, counts once: as it came last.
func (p *collection) add(rows []json.RawMessage) {
	at := map[string]int{}
	for i, row := range p.rows {
		if id := idOf(row); id != "" {
			at[id] = i
		}
	}
	p.value = nil
	for _, row := range rows {
		if i, twice := at[idOf(row)]; twice {
			p.rows[i] = row
			continue
		}
		p.rows = append(p.rows, row)
	}
}

// idOf is the id of an object; of several the last one counts, as everywhere else.
func idOf(row []byte) (id string) {
	for key, m := range members(row) {
		if key == "id" {
			id = text(row[m.value.start:m.value.end])
		}
	}
	return id
}

// byID reads elements once more by their ids, where rows leave something out.
func (g *group) byID(ctx context.Context, parts []*collection) error {
	var requests []request
	for _, p := range parts {
		if p.err != nil || p.rule.ByID == "" {
			continue
		}
		for i, row := range p.rows {
			id := idOf(row)
			if id == "" {
				p.err = g.fail(graph.KindIncomplete, "the collection "+p.label()+" has an element without an id")
				break
			}
			p.value = nil
			requests = append(requests, request{g.call(p.rule.ByID+"/"+escape(id), p.rule.ByIDQuery), func(body []byte, err error) {
				switch o, ok := fields(body); {
				case err != nil:
					p.err = err
				case !ok || !sameID(text(o["id"]), id):
					p.err = g.fail(graph.KindIncomplete, "the answer has something else in the place of an element of "+p.label())
				default:
					p.rows[i] = body
				}
			}})
		}
	}
	return g.send(ctx, requests)
}

// each reads what belongs to every element and puts it into them.
func (g *group) each(ctx context.Context, parts []*collection) error {
	type inner struct {
		collection
		of *collection
		at int
	}
	var all []*inner
	var requests []request
	for _, p := range parts {
		if p.err != nil || len(p.rule.Each) == 0 {
			continue
		}
		for i, row := range p.rows {
			id := idOf(row)
			if id == "" {
				p.err = g.fail(graph.KindIncomplete, "the collection "+p.label()+" has an element without an id")
				break
			}
			for _, rule := range p.rule.Each {
				in := &inner{of: p, at: i}
				in.collection = collection{name: rule.Name, rule: rule, first: g.call(p.first.path+"/"+escape(id)+"/"+rule.Path, rule.Query)}
				all = append(all, in)
				requests = append(requests, request{in.first, in.take(g)})
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	if err := g.send(ctx, requests); err != nil {
		return err
	}
	collections := make([]*collection, len(all))
	for i, in := range all {
		collections[i] = &in.collection
	}
	if err := g.complete(ctx, collections); err != nil {
		return err
	}
	for _, in := range all {
		if in.err != nil {
			in.of.err = in.err
			continue
		}
		in.of.doubt = cmp.Or(in.of.doubt, in.flaw())
		in.of.value = nil
		in.of.rows[in.at] = withMember(in.of.rows[in.at], in.name, in.json())
	}
	return nil
}

// check decides whether what was read of an object is all of it.
func (it *item) check(g *group) {
	if it.err != nil {
		return
	}
	doubt := func(why string) { it.doubted = g.fail(graph.KindIncomplete, why) }
	for _, p := range it.parts {
		flaw := ""
		if p.err == nil {
			flaw = p.flaw()
		}
		switch {
		case graph.KindOf(p.err) == graph.KindNotFound:
			doubt("Graph has the object but not its " + p.label()) // or it was deleted just now
		case p.err != nil:
			it.err = p.err
			return
		case flaw != "":
			doubt(flaw)
		case cut(p.json()):
			doubt("elements of " + p.label() + " hold collections that go on elsewhere")
		case p.rule.Count != "":
			count := it.object.fields[p.rule.Count]
			if n, err := strconv.Atoi(string(count)); len(count) > 0 && string(count) != "null" && (err != nil || n != len(p.rows)) {
				doubt("Graph sent " + strconv.Itoa(len(p.rows)) + " elements of " + p.label() + " and announces another number in " + p.rule.Count)
			}
		}
	}
	for key, value := range it.object.fields {
		if !strings.HasSuffix(key, nextLink) && !it.has(key) && cut(value) {
			doubt("the object holds a collection that goes on elsewhere")
		}
	}
	if name := lacking(it.object.raw, it.query); name != "" {
		doubt("the object lacks " + name + ", which the request expands")
	}
}

// has tells whether a part of the name was read.
func (it *item) has(name string) bool {
	for _, p := range it.parts {
		if p.name == name {
			return true
		}
	}
	return false
}

// escape makes an id a step of a path. Apostrophes and brackets would mean something to OData.
func escape(id string) string { return odataEscapes.Replace(url.PathEscape(id)) }

var odataEscapes = strings.NewReplacer("'", "%27", "(", "%28", ")", "%29")

// noID tells whether something is no id: in a path it would lead to something else than an object.
func noID(id string) bool { return id == "" || id == "." || id == ".." }

// sameID tells whether two ids are the same one: Graph does not always keep the letter case.
func sameID(a, b string) bool { return strings.EqualFold(a, b) }
