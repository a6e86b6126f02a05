package msgraph

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
)

// List implements [graph.Reader]. A page without a link to another is the last one: Graph does
// not tell an end in any other way, nor how many objects there are.
func (c *Client) List(ctx context.Context, tenant graph.TenantID, t graph.PolicyType, page func(graph.Page) error) error {
	info, err := c.captured(graph.OpList, t)
	if err != nil {
		return err
	}
	r := reading{c: c, tenant: tenant, info: info, op: graph.OpList}
	take := func(rows []json.RawMessage) error {
		headers, err := r.headers(ctx, rows)
		if err != nil {
			return err
		}
		return page(graph.Page{Headers: headers})
	}
	first := r.call(info.Path, info.Read.ListQuery)
	if !info.Read.Singleton {
		return c.pages(ctx, tenant, first, take)
	}
	body, err := c.do(ctx, tenant, first)
	if err != nil {
		return err
	}
	return take([]json.RawMessage{body})
}

// captured returns the facts about a type that is captured.
func (c *Client) captured(op graph.Op, t graph.PolicyType) (graph.TypeInfo, error) {
	info, ok := c.cfg.Catalogue.Lookup(t)
	if !ok || !info.Capturable() {
		return info, &graph.Error{Op: string(op) + " " + string(t), Kind: graph.KindUnsupported}
	}
	return info, nil
}

// reading is a call that reads objects of a type.
type reading struct {
	c      *Client
	tenant graph.TenantID
	info   graph.TypeInfo
	op     graph.Op
}

// call is a request of the type's, for a path below its version.
func (r reading) call(path, query string) call {
	return call{
		op: r.op, t: r.info.Key, workload: r.info.Workload, method: "GET",
		version: r.info.Version, path: path, query: query, minimal: r.info.Read.MinimalMetadata,
	}
}

func (r reading) fail(kind graph.Kind, why string) error {
	return &graph.Error{Op: string(r.op) + " " + string(r.info.Key), Kind: kind, Err: errors.New(why)}
}

// headers makes a page out of rows. A row that cannot be read is an error: one that was left
// out would look like a deletion.
func (r reading) headers(ctx context.Context, rows []json.RawMessage) ([]graph.Header, error) {
	headers := make([]graph.Header, 0, len(rows))
	var whole []*graph.Policy
	for _, row := range rows {
		o, mine, err := r.object(row)
		if err != nil {
			return nil, err
		}
		if !mine {
			continue
		}
		h := graph.Header{ID: o.id, Name: o.name, ODataType: o.odataType}
		if r.listed() && !cut(row) {
			p := r.policy(o)
			h.Policy = &p
			whole = append(whole, &p)
		}
		if len(r.info.Read.Typed) > 0 {
			r.c.memory(r.tenant).keepType(r.info.Key, o.id, o.odataType)
		}
		headers = append(headers, h)
	}
	return headers, r.references(ctx, whole)
}

// listed tells whether a row of the listing is the whole capture.
func (r reading) listed() bool {
	return r.info.ListComplete && len(r.info.Read.Parts) == 0 && !r.info.Read.Masked
}

// object is an object as Graph sent it.
type object struct {
	id, name, odataType string
	raw                 json.RawMessage
	fields              map[string]json.RawMessage
}

// object reads an object; mine is false when it is of another policy type, which shares the
// collection with this one.
func (r reading) object(raw json.RawMessage) (o object, mine bool, err error) {
	var ok bool
	if o.fields, ok = fields(raw); !ok {
		return o, false, r.fail(graph.KindIncomplete, "the answer has something else in the place of an object")
	}
	o.raw = raw
	o.odataType = text(o.fields["@odata.type"])
	o.name = text(o.fields[r.info.NameProperty])
	if o.id = text(o.fields["id"]); r.info.Read.Singleton {
		o.id = string(r.info.Key)
	}
	if o.id == "" {
		return o, false, r.fail(graph.KindIncomplete, "the answer has an object without an id")
	}
	mine, err = r.mine(o.odataType)
	return o, mine, err
}

// mine tells whether objects of an "@odata.type" are of this policy type.
func (r reading) mine(odataType string) (bool, error) {
	rules := r.info.Read
	switch {
	case odataType == "" && (len(rules.Only) > 0 || len(rules.Typed) > 0):
		return false, r.fail(graph.KindIncomplete, "the answer has an object that does not say of which type it is")
	case slices.Contains(rules.Except, odataType),
		len(rules.Only) > 0 && !slices.Contains(rules.Only, odataType):
		return false, nil
	case len(rules.Typed) > 0:
		_, ok := rules.Typed[odataType]
		return ok, nil
	}
	return true, nil
}

// policy is the capture of an object without its parts.
func (r reading) policy(o object) graph.Policy {
	return graph.Policy{Type: r.info.Key, ID: o.id, Name: o.name, ODataType: o.odataType, Raw: o.raw}
}
