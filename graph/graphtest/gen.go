package graphtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// The parts that objects have beside Raw.
const (
	partAssignments      = "assignments"
	partSettings         = "settings"
	partDefinitionValues = "definitionValues"
)

// maker knows how to make the objects of a type.
type maker struct {
	weight int      // share of a tenant's policies in percent; 0 for a foundation
	parts  []string // what Get returns beside Raw
	build  func(*gen)
}

// partNames returns the parts of any type, also of those that are not generated: what the
// catalogue says is beside the object, and assignments, also where a request for the object
// shows them in it.
func partNames(info graph.TypeInfo) []string {
	if m := makerOf(info.Key); m.build != nil {
		return m.parts
	}
	var names []string
	if info.Write.Assigned {
		names = append(names, partAssignments)
	}
	for _, part := range info.Read.Parts {
		if !slices.Contains(names, part.Name) {
			names = append(names, part.Name)
		}
	}
	return names
}

// gen makes one object.
type gen struct {
	writer
	rng   *rand.Rand
	plan  *plan
	info  graph.TypeInfo
	parts []string
	index int
	size  float64 // rank among the objects of its type by size, 0 to 1

	self    string // "deviceManagement/configurationPolicies('...')"
	created time.Time
	out     graph.Policy
}

func (p *plan) make(info graph.TypeInfo, m maker, index int, size float64) graph.Policy {
	g := &gen{
		rng: rand.New(rand.NewPCG(p.seed^stream(info.Key), uint64(index)<<1|1)), plan: p,
		info: info, parts: m.parts, index: index, size: size,
	}
	g.out = graph.Policy{Type: info.Key, ID: p.objectID(info.Key, index), Name: p.name(info.Key, index)}
	g.self = strings.TrimPrefix(info.Path, "/") + "('" + g.out.ID + "')"
	g.created = Epoch.Add(-24*time.Hour - time.Duration(g.rng.Int64N(int64(700*24*time.Hour))/100*100))
	if slices.Contains(m.parts, partAssignments) {
		g.assignments()
	}
	m.build(g)
	g.out.Raw = slices.Clone(g.buf) // the buffer has grown beyond what it holds
	g.out.References = sortedReferences(g.out.References)
	return g.out
}

func (g *gen) root() string { return "https://graph.microsoft.com/" + g.info.Version + "/" }

// open starts the object with the annotations that every object has.
func (g *gen) open(odataType string) {
	g.obj("")
	collection, _, _ := strings.Cut(g.self, "(")
	g.str("@odata.context", g.root()+"$metadata#"+collection+"/$entity")
	if odataType != "" {
		g.out.ODataType = "#microsoft.graph." + odataType
		g.str("@odata.type", g.out.ODataType)
	}
	g.str("@odata.id", g.self)
	g.str("@odata.editLink", g.self)
	g.str("id", g.out.ID)
}

// described writes time stamps, name, description and scope tags.
func (g *gen) described() {
	g.time("createdDateTime", g.created)
	g.time("lastModifiedDateTime", g.modified())
	g.str(g.info.NameProperty, g.out.Name)
	g.description()
	g.tags("roleScopeTagIds")
}

func (g *gen) modified() time.Time {
	return g.created.Add(time.Duration(g.rng.Int64N(int64(Epoch.Sub(g.created))) / 100 * 100))
}

func (g *gen) description() {
	switch g.rng.IntN(4) {
	case 0:
		g.null("description")
	case 1:
		g.str("description", "")
	default:
		g.str("description", fmt.Sprintf("%s for %s at %s.\nOwner: %s, \"%s\" ring",
			pick(g.rng, purposes), pick(g.rng, teams), pick(g.rng, sites), pick(g.rng, teams), pick(g.rng, rings)))
	}
}

// tags writes the scope tags: mostly the built-in one, sometimes one of the tenant's.
func (g *gen) tags(key string) {
	tags := []string{"0"}
	if g.plan.foundations > 0 && g.chance(8) {
		tags = append(tags, g.refer("scopeTag", "roleScopeTag"))
	}
	g.strings(key, tags...)
}

// refer picks one of the tenant's foundations, notes its name, and returns its id. The
// tenant has some.
func (g *gen) refer(kind string, t graph.PolicyType) string {
	i := g.rng.IntN(g.plan.foundations)
	return g.name(graph.Reference{Kind: kind, ID: g.plan.objectID(t, i), Name: g.plan.name(t, i)})
}

func (g *gen) group() string { return g.name(pick(g.rng, g.plan.groups)) }

// chance is true once in n.
func (g *gen) chance(n int) bool { return g.rng.IntN(n) == 0 }

// between draws from a range by the object's rank, evenly.
func (g *gen) between(lo, hi int) int { return lo + int(g.size*float64(hi-lo)) }

// navigation writes the links that full metadata adds for a collection beside the object.
func (g *gen) navigation(names ...string) {
	for _, name := range names {
		g.str(name+"@odata.context", g.root()+"$metadata#"+g.self+"/"+name)
		g.str(name+"@odata.associationLink", g.root()+g.self+"/"+name+"/$ref")
		g.str(name+"@odata.navigationLink", g.root()+g.self+"/"+name)
	}
}

// actions writes the operations that full metadata advertises.
func (g *gen) actions(names ...string) {
	for _, name := range names {
		g.obj("#microsoft.graph." + name)
		g.str("title", "microsoft.graph."+name)
		g.str("target", g.root()+g.self+"/microsoft.graph."+name)
		g.end('}')
	}
}

func (g *gen) part(name string, raw []byte) {
	g.out.Parts = append(g.out.Parts, graph.Part{Name: name, Raw: slices.Clone(json.RawMessage(raw))})
}

// partSize is what the parts weigh so far.
func (g *gen) partSize() int {
	n := 0
	for _, p := range g.out.Parts {
		n += len(p.Raw)
	}
	return n
}

// sortedReferences puts references into one order, each once.
func sortedReferences(refs []graph.Reference) []graph.Reference {
	slices.SortFunc(refs, func(a, b graph.Reference) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
	})
	return slices.Compact(refs)
}
