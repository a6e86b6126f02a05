package restore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// key names an object of a tenant, or an item of a set.
type key struct {
	t  graph.PolicyType
	id string
}

// listing is what the target has of one type.
type listing struct {
	order  []string // ids, in Graph's order
	byID   map[string]graph.Header
	byName map[string][]string // ids by normalised name
	err    error               // why it did not reach its end; nil when it did
}

// target is the live tenant as one attempt sees it. What was listed or looked up once is
// not asked for again.
type target struct {
	reader    graph.Reader
	tenant    graph.TenantID
	catalogue *graph.Catalogue
	check     func(context.Context) error // whether to go on
	fetchSize int

	listings  map[graph.PolicyType]*listing
	directory map[graph.Reference]lookedUp
	kinds     map[string]error // kinds of the directory that the reader cannot look up
}

type lookedUp struct {
	resolution graph.Resolution
	err        error
}

func newTarget(reader graph.Reader, tenant graph.TenantID, c *graph.Catalogue, fetchSize int, check func(context.Context) error) *target {
	return &target{
		reader: graph.WriteBlocked(reader), tenant: tenant, catalogue: c, check: check, fetchSize: fetchSize,
		listings: map[graph.PolicyType]*listing{}, directory: map[graph.Reference]lookedUp{}, kinds: map[string]error{},
	}
}

// normalised is a name as it is compared: without regard to letter case and to the space
// around and between words.
func normalised(name string) string {
	return strings.ToLower(strings.Join(strings.Fields(name), " "))
}

// list returns what the target has of a type. The error ends the attempt; whatever else
// kept the listing from its end is in it.
func (g *target) list(ctx context.Context, t graph.PolicyType) (*listing, error) {
	if l, ok := g.listings[t]; ok {
		return l, nil
	}
	const tries = 3 // of a listing whose failure neither waiting nor a permission explains
	for try := 1; ; try++ {
		l := &listing{byID: map[string]graph.Header{}, byName: map[string][]string{}}
		l.err = g.reader.List(ctx, g.tenant, t, func(p graph.Page) error {
			for _, h := range p.Headers {
				l.add(h)
			}
			return g.check(ctx)
		})
		if runs.EndsAttempt(ctx, l.err) {
			return nil, fmt.Errorf("restore: listing %s: %w", t, l.err)
		}
		switch kind := graph.KindOf(l.err); {
		case l.err == nil, kind == graph.KindForbidden, kind == graph.KindUnsupported, kind == graph.KindNotFound, try == tries:
			g.listings[t] = l
			return l, nil
		}
	}
}

func (l *listing) add(h graph.Header) {
	if _, twice := l.byID[h.ID]; twice || h.ID == "" || !utf8.ValidString(h.ID) || strings.ContainsRune(h.ID, 0) {
		return
	}
	l.byID[h.ID] = h
	l.order = append(l.order, h.ID)
	if name := normalised(h.Name); name != "" {
		l.byName[name] = append(l.byName[name], h.ID)
	}
}

// fetched is an object as it was read, or why it was not.
type fetched struct {
	policy *graph.Policy
	err    error
}

// fetch reads objects of a listed type into have. The error ends the attempt.
func (g *target) fetch(ctx context.Context, t graph.PolicyType, ids []string, have map[string]fetched) error {
	var missing []string
	for _, id := range ids {
		if _, ok := have[id]; ok {
			continue
		}
		if h := g.listings[t].byID[id]; h.Policy != nil {
			have[id] = fetched{policy: h.Policy}
			continue
		}
		have[id] = fetched{err: errNotAsked}
		missing = append(missing, id)
	}
	for len(missing) > 0 {
		n := min(g.fetchSize, len(missing))
		if err := g.check(ctx); err != nil {
			return err
		}
		if err := g.fetchChunk(ctx, t, missing[:n], have); err != nil {
			return err
		}
		missing = missing[n:]
	}
	return nil
}

var (
	errNotAsked    = errors.New("restore: not fetched")
	errOtherPolicy = errors.New("restore: Graph's client answered with another policy than it was asked for")
)

// fetchChunk reads some objects in one call. When the call as a whole fails for a reason that
// may lie in a single one, each is read by itself: one bad object never stops the rest.
func (g *target) fetchChunk(ctx context.Context, t graph.PolicyType, ids []string, have map[string]fetched) error {
	results, err := g.reader.Get(ctx, g.tenant, t, ids)
	if runs.EndsAttempt(ctx, err) {
		return err
	}
	done := 0
	for i, r := range results {
		if i >= len(ids) || r.ID != ids[i] {
			err = errOtherPolicy
			break
		}
		if runs.EndsAttempt(ctx, r.Err) {
			return r.Err
		}
		done++
		switch {
		case r.Err != nil:
			have[r.ID] = fetched{err: r.Err}
		case r.Policy.ID != r.ID || r.Policy.Type != t:
			have[r.ID] = fetched{err: errOtherPolicy}
		default:
			have[r.ID] = fetched{policy: &r.Policy}
		}
	}
	rest := ids[done:]
	if len(rest) == 0 {
		return nil
	}
	if err == nil {
		err = fmt.Errorf("restore: Graph's client answered %d of %d policies", len(results), len(ids))
	}
	if len(ids) == 1 || graph.KindOf(err) == graph.KindForbidden {
		for _, id := range rest {
			have[id] = fetched{err: err}
		}
		return nil
	}
	for i := range rest {
		if err := g.fetchChunk(ctx, t, rest[i:i+1], have); err != nil {
			return err
		}
	}
	return nil
}

// lookUp asks the directory for references that it was not asked for yet. The error ends
// the attempt.
func (g *target) lookUp(ctx context.Context, refs []graph.Reference) error {
	const size = 100
	byKind := map[string][]graph.Reference{}
	for _, ref := range refs {
		if _, known := g.directory[ref]; !known {
			g.directory[ref] = lookedUp{err: errNotAsked}
			byKind[ref.Kind] = append(byKind[ref.Kind], ref)
		}
	}
	for kind, list := range byKind {
		for len(list) > 0 {
			n := min(size, len(list))
			chunk := list[:n]
			list = list[n:]
			var found []graph.Resolution
			err := g.kinds[kind]
			if err == nil {
				found, err = g.reader.Resolve(ctx, g.tenant, chunk)
				if runs.EndsAttempt(ctx, err) {
					return fmt.Errorf("restore: looking up references: %w", err)
				}
				if k := graph.KindOf(err); k == graph.KindUnsupported || k == graph.KindForbidden {
					g.kinds[kind] = err
				}
			}
			for i, ref := range chunk {
				switch {
				case err != nil:
					g.directory[ref] = lookedUp{err: err}
				case i < len(found):
					g.directory[ref] = lookedUp{resolution: found[i]}
				}
			}
		}
	}
	return nil
}
