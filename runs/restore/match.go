package restore

import (
	"context"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// The match rule, in its order:
//
//  1. The object of the captured id, in the tenant that the set's ids are of; else the one that an
//     earlier restore made of it or found for it.
//  2. The one object of the same name, "@odata.type" and [graph.WriteRules] MatchBy that is
//     not itself the object of another item of the set.
//  3. Several such objects, or several items that could be the one: ambiguous, nothing is done.
//  4. None: it is made. A listing that did not reach its end never says none.
//
// Objects that every tenant has are matched with the target's own instead of by name, and
// never made. Deleted Conditional Access policies are not brought back: an app may not.

// sides is a policy in both forms.
type sides struct {
	policy *graph.Policy
	canon  []byte
}

func (e *engine) sidesOf(p *graph.Policy) (sides, error) {
	canon, err := e.canon.Append(nil, p)
	return sides{p, canon}, err
}

// match is what the rule says.
type match struct {
	live   *sides      // nil for none
	reason runs.Reason // why the item is blocked
	err    error       // what kept from finding out
}

// sameKind tells whether two objects of a type could be one: a type name that is missing on
// either side says nothing.
func sameKind(a, b sides) bool {
	x, y := odataType(a), odataType(b)
	return x == "" || y == "" || x == y
}

func odataType(s sides) string {
	if s.policy.ODataType != "" {
		return s.policy.ODataType
	}
	return textOf(backupset.Lookup(s.canon, "@odata.type"))
}

// byID returns the id of the object that rule 1 names, "" for none.
func (m *mapper) byID(item backupset.Item) string {
	l := m.target.listings[item.Type]
	if _, ok := l.byID[item.ExternalID]; ok && m.sameID(item.ExternalID) {
		return item.ExternalID
	}
	return m.restored(key{item.Type, item.ExternalID})
}

// alike returns the ids of the objects that may be the captured one, but for the original.
func (m *mapper) alike(info *facts, item backupset.Item, captured sides) []string {
	l := m.target.listings[item.Type]
	ids := l.byName[normalised(item.Name)]
	if info.isDefault(captured.canon) {
		ids = l.order
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		h := l.byID[id]
		if h.ODataType != "" && captured.policy.ODataType != "" && h.ODataType != captured.policy.ODataType {
			return true
		}
		if holder, held := m.holder(key{item.Type, id}); held && holder.ID != item.ID {
			return true
		}
		_, other := m.source.items[key{item.Type, id}]
		return other && m.sameID(id) // it is that item's, or the original, which rule 1 refused
	})
}

// choose applies the rule to the objects that may be the captured one. live are those that
// were read.
func (e *engine) choose(ctx context.Context, m *mapper, info *facts, item backupset.Item, captured sides, live map[string]fetched) match {
	own := info.signature(captured.canon)
	var found *sides
	for _, id := range m.alike(info, item, captured) {
		f := live[id]
		switch {
		case graph.KindOf(f.err) == graph.KindNotFound:
			continue // deleted since it was listed
		case f.err != nil:
			return match{reason: runs.ReasonOf(f.err), err: f.err}
		}
		s, err := e.sidesOf(f.policy)
		if err != nil {
			return match{reason: runs.ReasonInvalidPayload, err: err}
		}
		if !sameKind(s, captured) || info.signature(s.canon) != own {
			continue
		}
		if found != nil {
			return match{reason: runs.ReasonAmbiguousMatch}
		}
		found = &s
	}
	if l := m.target.listings[item.Type]; l.err != nil { // there may be more, or one at all
		return match{reason: runs.ReasonOf(l.err), err: l.err}
	}
	if found == nil {
		return match{}
	}
	rival, err := e.rival(ctx, m, info, item, captured, own)
	switch {
	case err != nil:
		return match{reason: runs.ReasonInternal, err: err}
	case rival:
		return match{reason: runs.ReasonAmbiguousMatch}
	}
	return match{live: found}
}

// rival tells whether another item of the set, without an object of its own, could be the
// same one just as well.
func (e *engine) rival(ctx context.Context, m *mapper, info *facts, item backupset.Item, captured sides, own string) (bool, error) {
	names := m.source.byName[key{item.Type, normalised(item.Name)}]
	if info.isDefault(captured.canon) {
		return false, nil // there is one of a kind in every tenant
	}
	for _, other := range names {
		if other.ID == item.ID || m.byID(other) != "" {
			continue
		}
		p, err := e.captured(ctx, m.source.tenant, other.VersionID)
		if err != nil {
			return false, err
		}
		s, err := e.sidesOf(&p)
		if err != nil {
			continue // it is blocked itself
		}
		if sameKind(s, captured) && info.signature(s.canon) == own {
			return true, nil
		}
	}
	return false, nil
}
