package restore

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// verdict is what became of a reference.
type verdict int

const (
	refKept       verdict = iota // the id means the same in the target
	refMapped                    // another id means the same there
	refPending                   // this very restore makes the object
	refMissing                   // the target has nothing that it could mean
	refAmbiguous                 // the target has several such objects
	refUnreadable                // it could not be found out
)

// reference is an id that a policy of the backup refers to.
type reference struct {
	key             // its type, empty for an object of the directory, and the id
	kind     string // of the directory
	assigned bool   // stands in an assignment
	name     string // as captured, if it was
	rule     string // a group's membership rule
}

// String names the reference for people.
func (r reference) String() string {
	what := r.kind
	if what == "" {
		what = string(r.t)
	}
	if r.name != "" {
		return fmt.Sprintf("%s %q", what, r.name)
	}
	return what + " " + r.id
}

// directory is the reference as the reader's Resolve takes it.
func (r reference) directory() graph.Reference {
	return graph.Reference{Kind: r.kind, ID: r.id, Name: r.name, Rule: r.rule}
}

// mapping is what a reference means in the target.
type mapping struct {
	id      string // in the target; the reference's own where there is none to say
	verdict verdict
	reason  runs.Reason // of refUnreadable
}

// outcome is what a restore does, or did, with an item of the set.
type outcome struct {
	action   Action
	targetID string // the object in the target, empty while there is none
}

// sourceSet is the set that is restored, as far as references need it.
type sourceSet struct {
	tenant   graph.TenantID // that has the set
	origin   graph.TenantID // whose ids it has
	imported bool           // and that is another one, as far as is known
	items    map[key]backupset.Item
	byName   map[key][]backupset.Item // by type and normalised name
	selected map[key]bool
}

// newSourceSet begins with a set of a tenant. origin is that of [PreviewParams].
func newSourceSet(tenant, origin graph.TenantID) *sourceSet {
	return &sourceSet{tenant: tenant, origin: cmp.Or(origin, tenant), imported: origin != "", items: map[key]backupset.Item{}, byName: map[key][]backupset.Item{}, selected: map[key]bool{}}
}

func (s *sourceSet) add(item backupset.Item, selected bool) {
	k := key{item.Type, item.ExternalID}
	s.items[k] = item
	if selected {
		s.selected[k] = true
	}
	named := key{item.Type, normalised(item.Name)}
	s.byName[named] = append(s.byName[named], item)
}

// mapper says what references mean in the target. It asks nobody: the types that references
// belong to are listed, and the directory was looked up, before.
type mapper struct {
	source   *sourceSet
	target   *target
	options  Options
	outcomes map[key]outcome // of the items that have been decided
	history  *history        // what earlier restores did
}

// across tells whether the ids of the set are another tenant's: they mean nothing in the target.
func (m *mapper) across() bool { return m.source.origin != m.target.tenant }

// sameID tells whether an id of the set that the target has, too, is of the same object there. A
// file may come from this very tenant without anybody knowing, and no two tenants have a GUID in
// common but of what Microsoft built in. Scope tags are numbered in each tenant.
func (m *mapper) sameID(id string) bool {
	return !m.across() || m.source.imported && isGUID(id)
}

const noID = "00000000-0000-0000-0000-000000000000"

// literal tells whether a value that stands where ids do is none: it means the same everywhere.
func literal(r reference) bool {
	return r.id == "" || r.id == noID || r.t == "" && !isGUID(r.id)
}

func isGUID(id string) bool { return runs.ID(strings.ToLower(id)).Valid() }

// find returns what a reference means in the target.
func (m *mapper) find(r reference) mapping {
	if literal(r) {
		return mapping{id: r.id}
	}
	if r.t == "" {
		return m.findInDirectory(r)
	}
	l := m.target.listings[r.t]
	if l == nil {
		return mapping{id: r.id, verdict: refUnreadable, reason: runs.ReasonInternal}
	}
	item, inSet := m.source.items[r.key]
	if r.name == "" {
		r.name = item.Name
	}
	if h, ok := l.byID[r.id]; ok {
		// Ids of another tenant are the target's too only for what Microsoft built in.
		if m.sameID(r.id) || r.name == "" && isGUID(r.id) || r.name != "" && normalised(h.Name) == normalised(r.name) {
			return mapping{id: r.id}
		}
	}
	done, decided := m.outcomes[r.key]
	if decided && done.targetID != "" {
		return mapping{id: done.targetID, verdict: refMapped}
	}
	if id := m.restored(r.key); id != "" && !decided {
		return mapping{id: id, verdict: refMapped}
	}
	if r.name != "" && l.err == nil {
		switch ids := l.byName[normalised(r.name)]; {
		case len(ids) > 1:
			return mapping{id: r.id, verdict: refAmbiguous}
		case len(ids) == 1:
			return mapping{id: ids[0], verdict: refMapped}
		}
	}
	if inSet && m.source.selected[r.key] && (!decided || done.action == Create) {
		return mapping{id: r.id, verdict: refPending}
	}
	if l.err != nil {
		return mapping{id: r.id, verdict: refUnreadable, reason: runs.ReasonOf(l.err)}
	}
	return mapping{id: r.id, verdict: refMissing}
}

// findInDirectory maps users, groups, roles and applications.
func (m *mapper) findInDirectory(r reference) mapping {
	answer, asked := m.target.directory[r.directory()]
	if !asked {
		answer.err = errNotAsked
	}
	if answer.err != nil {
		switch {
		case graph.KindOf(answer.err) != graph.KindUnsupported:
			return mapping{id: r.id, verdict: refUnreadable, reason: runs.ReasonOf(answer.err)}
		case !m.across(), r.kind == "role", r.kind == "application":
			return mapping{id: r.id} // the ids of roles and of most applications are the same everywhere
		}
		return mapping{id: r.id, verdict: refMissing}
	}
	if answer.resolution.Exists {
		return mapping{id: r.id}
	}
	if r.name == "" || r.assigned && m.options.Assignments == OriginalAssignments {
		return mapping{id: r.id, verdict: refMissing}
	}
	switch found := answer.resolution.Matches; {
	case len(found) > 1:
		return mapping{id: r.id, verdict: refAmbiguous}
	case len(found) == 1:
		return mapping{id: found[0].ID, verdict: refMapped}
	}
	return mapping{id: r.id, verdict: refMissing}
}
