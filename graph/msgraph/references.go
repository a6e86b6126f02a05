package msgraph

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
)

// references gives policies the names of what they refer to, as a restore elsewhere needs
// them. What Graph refuses to show is left out with a warning; what is gone has no name.
func (r reading) references(ctx context.Context, policies []*graph.Policy) error {
	if len(policies) == 0 || len(r.info.Refs) == 0 {
		return nil
	}
	targets := make([][]target, len(policies))
	wanted := map[target]bool{}
	for i, p := range policies {
		targets[i] = targetsOf(r.info, p)
		for _, t := range targets[i] {
			wanted[t] = true
		}
	}
	l := &lookup{reading: r, found: map[target]known{}, refused: map[string]bool{}}
	if err := l.look(ctx, slices.Collect(maps.Keys(wanted))); err != nil {
		return err
	}
	for i, p := range policies {
		for _, t := range targets[i] {
			if k := l.found[t]; k.name != "" {
				p.References = append(p.References, graph.Reference{Kind: t.kind, ID: t.id, Name: k.name, Rule: k.rule})
			} else if l.refused[t.kind] && !slices.Contains(p.Warnings, graph.WarningNamesMissing) {
				p.Warnings = append(p.Warnings, graph.WarningNamesMissing)
			}
		}
		slices.SortFunc(p.References, func(a, b graph.Reference) int {
			return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
		})
	}
	return nil
}

// target is what a policy refers to.
type target struct {
	kind string // of the reference
	t    graph.PolicyType
	id   string
}

// targetsOf returns what a policy refers to, each once. Only what the rules can find something
// in is decoded: settings, which are most of a policy, hardly ever hold ids.
func targetsOf(info graph.TypeInfo, p *graph.Policy) []target {
	values, ok := fields(p.Raw)
	if !ok {
		return nil
	}
	for _, part := range p.Parts {
		values[part.Name] = part.Raw
	}
	object := map[string]any{}
	var out []target
	for _, rule := range info.Refs {
		key := rule.Path[:strings.IndexAny(rule.Path+".", ".[")]
		if key == "**" {
			object, _ = p.Decode()
		} else if _, done := object[key]; !done {
			if rule.In != "" && !bytes.Contains(values[key], []byte(strings.TrimPrefix(rule.In, "#"))) {
				continue
			}
			var v any
			if json.Unmarshal(values[key], &v) != nil {
				continue
			}
			object[key] = v
		}
		rule.Rewrite(object, func(id string) string {
			if t := (target{rule.ReferenceKind(), rule.Type, id}); !slices.Contains(out, t) {
				out = append(out, t)
			}
			return id
		})
	}
	return out
}

// lookup finds out the names of targets.
type lookup struct {
	reading
	found   map[target]known
	refused map[string]bool // kinds that Graph does not show
}

// look looks up what is not known yet. Others who look in the same tenant wait, and find in
// the memory what they wanted too.
func (l *lookup) look(ctx context.Context, wanted []target) error {
	m := l.c.memory(l.tenant)
	if l.recall(m, wanted) == nil {
		return nil
	}
	done, err := m.look(ctx)
	if err != nil {
		return err
	}
	defer done()
	unknown := l.recall(m, wanted)
	fresh := map[target]known{}
	denied := map[string]bool{}
	batches := map[[2]string][]request{} // a batch is of one version and workload
	add := func(r request) {
		key := [2]string{r.call.version, string(r.call.workload)}
		batches[key] = append(batches[key], r)
	}
	listed := map[string]bool{}
	for _, t := range unknown {
		take := func(k known, err error) {
			switch kind := graph.KindOf(err); kind {
			case "", graph.KindNotFound, graph.KindInvalid: // an id that Graph does not take is nobody's
				fresh[t] = k
			case graph.KindForbidden:
				denied[t.kind] = true
				l.refused[t.kind] = true
			default:
				l.refused[t.kind] = true // this time
			}
		}
		switch info, ok := l.c.cfg.Catalogue.Lookup(t.t); {
		case t.t == "":
			if d, ok := directory[t.kind]; ok {
				add(d.byID(l, t.id, take))
			}
		case !ok || !info.Capturable() || info.NameProperty == "" || info.Read.Singleton:
			// Nobody can look it up.
		case !info.Foundation:
			add(l.oneOf(info, t.id, take))
		case !listed[t.kind]:
			listed[t.kind] = true
			if err := l.listing(ctx, info, t.kind, unknown, fresh, denied); err != nil {
				return err
			}
		}
	}
	for _, requests := range batches {
		if err := l.send(ctx, requests); err != nil {
			return err
		}
	}
	m.lock()
	maps.Copy(m.names, fresh)
	maps.Copy(m.denied, denied)
	m.mu.Unlock()
	maps.Copy(l.found, fresh)
	return nil
}

// recall fills in what is known and returns the rest.
func (l *lookup) recall(m *memory, wanted []target) (unknown []target) {
	m.lock()
	defer m.mu.Unlock()
	for _, t := range wanted {
		if k, ok := m.names[t]; ok {
			l.found[t] = k
		} else if m.denied[t.kind] {
			l.refused[t.kind] = true
		} else {
			unknown = append(unknown, t)
		}
	}
	slices.SortFunc(unknown, func(a, b target) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.id, b.id))
	})
	return unknown
}

// other is a request for objects of another type than the one that is being read, without the
// annotations that only full metadata has.
func (l *lookup) other(info graph.TypeInfo, path, query string) call {
	return call{
		op: l.op, t: l.info.Key, workload: info.Workload, method: "GET",
		version: info.Version, path: path, query: query, minimal: true,
	}
}

// oneOf asks for one object of a policy type.
func (l *lookup) oneOf(info graph.TypeInfo, id string, take func(known, error)) request {
	of := reading{c: l.c, tenant: l.tenant, info: info, op: l.op}
	return request{l.other(info, info.Path+"/"+escape(id), "$select=id,"+info.NameProperty), func(body []byte, err error) {
		if err != nil {
			take(known{}, err)
			return
		}
		o, mine, err := of.object(body)
		if err != nil || !mine { // of a type that shares the collection
			o.name = ""
		}
		take(known{name: o.name}, nil)
	}}
}

// listing reads the names of all objects of a foundation type, of which there are few.
func (l *lookup) listing(ctx context.Context, info graph.TypeInfo, kind string, unknown []target, fresh map[target]known, denied map[string]bool) error {
	of := reading{c: l.c, tenant: l.tenant, info: info, op: l.op}
	names := map[string]string{}
	err := l.c.pages(ctx, l.tenant, l.other(info, info.Path, info.Read.ListQuery), func(rows []json.RawMessage) error {
		for _, row := range rows {
			if o, mine, err := of.object(row); err == nil && mine {
				names[strings.ToLower(o.id)] = o.name
			}
		}
		return nil
	})
	if err := whole(ctx, err); err != nil {
		return err
	}
	if err != nil {
		l.refused[kind] = true
		denied[kind] = graph.KindOf(err) == graph.KindForbidden
		return nil
	}
	for _, t := range unknown {
		if t.kind == kind {
			fresh[t] = known{name: names[strings.ToLower(t.id)]}
		}
	}
	return nil
}
