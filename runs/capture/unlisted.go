package capture

import (
	"context"
	"fmt"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// A listing ends where a page links to no other. When Graph leaves a link out, the rest of the
// collection looks deleted, and nothing in the listing tells. So policies that were there are
// read by their ids before they are called gone: only Graph's answer that there is none says so.
// What was never seen before cannot be missed this way, as in the first capture of a tenant.

// askedAtOnce is how many batches of policies are asked for in one call. A client sends several
// at once, so that a mass deletion costs no more than a capture of the same policies did.
const askedAtOnce = 4

// unread is a policy that is not in a listing and of which Graph did not tell whether it exists.
type unread struct {
	id, name string
	err      error
}

// confirm finds out about the policies that a listing lacks although it reached its end: those
// that the inventory has as live, and the given ones, ids with names. When it finds some that
// exist, the type is listed once more: objects move between pages while others are deleted. Then
// what is still missing makes the listing incomplete. Found policies are added to the headers.
// The error ends the attempt.
func (e *Executor) confirm(ctx context.Context, a *runs.Attempt, t graph.PolicyType, l *listing, names map[string]string) error {
	if l.err != nil {
		return nil
	}
	missing, err := e.missing(ctx, a, t, *l, names)
	if err != nil {
		return err
	}
	var found []graph.Header
	for part := range slices.Chunk(missing, askedAtOnce*e.cfg.FetchSize) {
		if err := a.Check(ctx); err != nil {
			return err
		}
		exist, err := e.ask(ctx, a, t, part, l)
		if err != nil {
			return err
		}
		found = append(found, exist...)
	}
	l.asked = len(l.unread) == 0
	if len(found) == 0 {
		if !l.asked {
			l.err = l.unknown()
		}
		return nil
	}
	again, err := e.list(ctx, a, t)
	if err != nil {
		return err
	}
	l.add(again.headers)
	lacks := l.add(found)
	switch {
	case lacks > 0:
		l.err = &graph.Error{
			Op: "list " + string(t), Kind: graph.KindIncomplete,
			Err: fmt.Errorf("the listing lacks %d policies that Graph has by their ids; others that were never captured may be missing", lacks),
		}
	case again.err != nil:
		l.err = again.err
	case !l.asked:
		l.err = l.unknown()
	default:
		l.pages = again.pages
	}
	return nil
}

// unknown is the error of a listing that may lack something.
func (l *listing) unknown() error {
	return fmt.Errorf("policies are not in the listing, and whether they exist cannot be told: %w", l.unread[0].err)
}

// missing returns the policies that were there and are not in a listing.
func (e *Executor) missing(ctx context.Context, a *runs.Attempt, t graph.PolicyType, l listing, names map[string]string) ([]graph.Header, error) {
	seen := make(map[string]bool, len(l.headers))
	for _, h := range l.headers {
		seen[h.ID] = true
	}
	var out []graph.Header
	add := func(id, name string) {
		if !seen[id] {
			seen[id] = true
			out = append(out, graph.Header{ID: id, Name: name})
		}
	}
	live := false
	filter, slice := backupset.PolicyFilter{Type: t, Gone: &live}, runs.Slice{Limit: readPage}
	for {
		list, err := e.cfg.Store.ListPolicies(ctx, a.Tenant(), filter, slice)
		if err != nil {
			return nil, fmt.Errorf("capture: reading the inventory of %s: %w", t, err)
		}
		for _, p := range list {
			if !p.LastSeenAt.IsZero() { // known from a file only: nobody says that it was there
				add(p.ExternalID, p.Name)
			}
			slice.After = runs.Keyset{ID: p.ID}
		}
		if len(list) <= readPage {
			break
		}
	}
	for id, name := range names {
		add(id, name)
	}
	return out, nil
}

// ask reads some policies by id. It returns those that exist, and notes those that cannot be
// told in the listing. The error ends the attempt.
func (e *Executor) ask(ctx context.Context, a *runs.Attempt, t graph.PolicyType, list []graph.Header, l *listing) ([]graph.Header, error) {
	ids := make([]string, len(list))
	for i, h := range list {
		ids[i] = h.ID
	}
	results, err := e.get(ctx, a.Tenant(), t, ids)
	if err == nil && len(results) < len(ids) {
		err = errTooFew(results, ids)
	}
	if runs.EndsAttempt(ctx, err) {
		return nil, err
	}
	info, _ := e.cfg.Catalogue.Lookup(t)
	rules := info.Read.LeftOut
	var found []graph.Header
	for i, r := range results {
		switch {
		case r.Err == nil && (r.Policy.ID != r.ID || r.Policy.Type != t):
			l.unread = append(l.unread, unread{r.ID, list[i].Name, errOtherPolicy})
		case r.Err == nil && leftOut(rules, r.Policy): // it has left the listing, and the type's scope
		case r.Err == nil:
			found = append(found, graph.Header{ID: r.ID, Name: r.Policy.Name, ODataType: r.Policy.ODataType})
		case runs.EndsAttempt(ctx, r.Err):
			return nil, r.Err
		case graph.KindOf(r.Err) != graph.KindNotFound:
			l.unread = append(l.unread, unread{r.ID, list[i].Name, r.Err})
		}
	}
	rest := list[len(results):]
	if len(list) == 1 || graph.KindOf(err) == graph.KindForbidden {
		for _, h := range rest {
			l.unread = append(l.unread, unread{h.ID, h.Name, err})
		}
		return found, nil
	}
	for i := range rest { // one that makes the whole call fail must not speak for the others
		exist, err := e.ask(ctx, a, t, rest[i:i+1], l)
		if err != nil {
			return nil, err
		}
		found = append(found, exist...)
	}
	return found, nil
}

// leftOut tells whether the type's listing leaves an object out on purpose.
func leftOut(rules []graph.DefaultRule, p graph.Policy) bool {
	object, err := p.Decode()
	return err == nil && len(rules) > 0 && !slices.ContainsFunc(rules, func(r graph.DefaultRule) bool { return !r.Applies(object) })
}

// add puts policies into the listing that are not in it, and returns how many those are.
func (l *listing) add(headers []graph.Header) (added int) {
	seen := make(map[string]bool, len(l.headers))
	for _, h := range l.headers {
		seen[h.ID] = true
	}
	for _, h := range headers {
		if !seen[h.ID] {
			seen[h.ID] = true
			l.headers = append(l.headers, h)
			added++
		}
	}
	return added
}
