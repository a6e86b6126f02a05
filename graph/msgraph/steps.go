package msgraph

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
)

// tries is how often a collection is read and completed before it counts as failed, when
// answers to its writes are lost.
const tries = 3

// steps writes what Graph takes in requests of its own. made tells that the object is new, so
// that its collections are empty.
func (w writing) steps(ctx context.Context, id, at string, object document, made bool) error {
	var open error
	for _, s := range w.rules().Steps {
		if !object.has(s.Part) {
			continue
		}
		err := w.step(ctx, at, s, object, made)
		if stops(err) {
			return err
		}
		open = either(err, open)
	}
	part := hooked(w.rules().Hook)
	if !object.has(part) {
		return open
	}
	return either(w.again(ctx, func(first bool) error {
		return w.hook(ctx, id, at, elements(object[part]), made && first)
	}), open)
}

// again repeats something that begins with a look at what is there, while nobody knows what
// became of it.
func (w writing) again(ctx context.Context, do func(first bool) error) error {
	var err error
	for i := range tries {
		if err = do(i == 0); graph.KindOf(err) != graph.KindAmbiguous || ctx.Err() != nil {
			return err
		}
	}
	return err
}

func (w writing) step(ctx context.Context, at string, s graph.StepRule, object document, made bool) error {
	switch {
	case s.Action != "":
		body := object.only(s.With...)
		body[s.Key] = object[s.Part]
		return w.act(ctx, at+"/"+s.Action, body)
	case s.Link != "":
		return w.links(ctx, at+"/"+s.Part, s.Link, elements(object[s.Part]), made)
	}
	return w.collection(ctx, at+"/"+s.Part, elements(object[s.Part]), s.Match, made)
}

// rows are the elements of a collection as they are now. One that stands on two pages counts
// once: its second row would look like one that is not wanted, and be deleted.
func (w writing) rows(ctx context.Context, path, query string) ([]json.RawMessage, error) {
	var all collection
	err := w.c.pages(ctx, w.tenant, w.call(path, query), func(page []json.RawMessage) error {
		all.add(page)
		return nil
	})
	return all.rows, err
}

// collection makes a collection hold the wanted elements and no others. Those that agree in
// the property match are changed; without one, an element that differs is another one. What is
// missing is added, in its order, before what is too much is deleted, exclusions last.
func (w writing) collection(ctx context.Context, path string, wanted []json.RawMessage, match string, empty bool) error {
	return w.again(ctx, func(first bool) error {
		var live []json.RawMessage
		if !empty || !first {
			var err error
			if live, err = w.rows(ctx, path, ""); err != nil {
				return err
			}
		}
		slices.SortStableFunc(live, func(a, b json.RawMessage) int { return exclusion(a) - exclusion(b) })
		plan := compare(live, wanted, match)
		for _, e := range plan.add {
			if err := w.post(ctx, path, e); err != nil {
				return err
			}
		}
		for id, e := range plan.change {
			if _, err := w.c.do(ctx, w.tenant, w.request(http.MethodPatch, path+"/"+escape(id), e)); err != nil {
				return err
			}
		}
		return w.remove(ctx, path, "", plan.remove)
	})
}

// post adds an element to a collection. A second one would be another element.
func (w writing) post(ctx context.Context, path string, e json.RawMessage) error {
	r := w.request(http.MethodPost, path, e)
	r.create, r.bare = true, true
	_, err := w.c.do(ctx, w.tenant, r)
	return err
}

// remove deletes elements by their ids. One that is gone already is what was asked for.
func (w writing) remove(ctx context.Context, path, suffix string, ids []string) error {
	for _, id := range ids {
		_, err := w.c.do(ctx, w.tenant, w.request(http.MethodDelete, path+"/"+escape(id)+suffix, nil))
		if err != nil && graph.KindOf(err) != graph.KindNotFound {
			return err
		}
	}
	return nil
}

// difference is what makes a collection as it shall be.
type difference struct {
	add    []json.RawMessage
	change map[string]json.RawMessage // by id
	remove []string                   // ids
}

// compare finds what is missing, what differs and what is too much.
func compare(live, wanted []json.RawMessage, match string) difference {
	d := difference{change: map[string]json.RawMessage{}}
	used := make([]bool, len(live))
	for _, e := range wanted {
		want, ok := fields(e)
		if !ok {
			continue // Graph would not take it either, and the catalogue's rules made the body
		}
		e = document(want).without("id").json()
		at := -1
		for i, l := range live {
			if used[i] {
				continue
			}
			there, _ := fields(l)
			if match != "" && sameMatch(match, text(there[match]), text(want[match])) || match == "" && covers(decoded(l), decoded(e)) {
				at = i
				break
			}
		}
		switch {
		case at < 0:
			d.add = append(d.add, e)
			continue
		default:
			// What identifies an element is fixed.
			if rest := document(want).without("id", match).json(); !covers(decoded(live[at]), decoded(rest)) {
				d.change[idOf(live[at])] = rest
			}
		}
		used[at] = true
	}
	for i, l := range live {
		if id := idOf(l); !used[i] && id != "" {
			d.remove = append(d.remove, id)
		}
	}
	return d
}

// sameMatch tells whether two elements are the same one by what identifies them. Graph answers
// "en-us" where "en-US" was written, and takes no second message of a locale.
func sameMatch(property, a, b string) bool {
	return a == b || property == "locale" && strings.EqualFold(a, b)
}

// links makes an object refer to the wanted objects of another collection and to no others.
func (w writing) links(ctx context.Context, path, to string, wanted []json.RawMessage, empty bool) error {
	return w.again(ctx, func(first bool) error {
		var live []json.RawMessage
		if !empty || !first {
			var err error
			if live, err = w.rows(ctx, path, "$select=id"); err != nil {
				return err
			}
		}
		left := map[string]bool{}
		for _, l := range live {
			left[idOf(l)] = true
		}
		for _, e := range wanted {
			id := idOf(e)
			if id == "" || left[id] {
				delete(left, id)
				continue
			}
			link := document{"@odata.id": quoted(w.c.root.String() + "/" + w.info.Version + to + "/" + escape(id))}
			if err := w.post(ctx, path+"/$ref", link.json()); err != nil {
				return err
			}
		}
		var ids []string
		for id := range left {
			ids = append(ids, id)
		}
		return w.remove(ctx, path, "/$ref", ids)
	})
}
