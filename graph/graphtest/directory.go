package graphtest

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
)

// Roles that Conditional Access policies of most tenants name; the ids are Entra's own
// and the same everywhere.
var directoryRoles = []graph.Reference{
	{Kind: "role", ID: "62e90394-69f5-4237-9190-012177145e10", Name: "Global Administrator"},
	{Kind: "role", ID: "194ae4cb-b126-40b2-bd5b-6091b380977d", Name: "Security Administrator"},
	{Kind: "role", ID: "b1be1c3e-b65d-4f19-8427-f6fa0d97feb9", Name: "Conditional Access Administrator"},
}

// firstParty are applications of Microsoft's, whose ids are the same in every tenant.
var firstParty = []graph.Reference{
	{Kind: "application", ID: "0000000a-0000-0000-c000-000000000000", Name: "Microsoft Intune"},
	{Kind: "application", ID: "d4ebce55-015a-49b5-a083-c84d1797ae8c", Name: "Microsoft Intune Enrollment"},
}

func (p *plan) addGroups(n int) {
	rng := rand.New(rand.NewPCG(p.seed, stream("groupReference")))
	for i := range n {
		r := graph.Reference{Kind: "group", ID: guid(rng), Name: fmt.Sprintf("sg-%s-%s-%03d", pick(rng, teams), pick(rng, rings), i)}
		if i%5 == 4 {
			r.Rule = fmt.Sprintf(`(device.deviceOwnership -eq "Company") and (device.displayName -startsWith "%s-")`, pick(rng, sites))
		}
		p.groups = append(p.groups, r)
	}
}

// addUsersAndApps makes the accounts that policies leave out, so that nobody is locked out
// for good, and the applications of the tenant's own.
func (p *plan) addUsersAndApps() {
	rng := rand.New(rand.NewPCG(p.seed, stream("directory")))
	for i := range 4 {
		p.users = append(p.users, graph.Reference{Kind: "user", ID: guid(rng), Name: fmt.Sprintf("Break glass %d", i+1)})
	}
	for _, team := range teams[:6] {
		p.apps = append(p.apps, graph.Reference{Kind: "application", ID: guid(rng), Name: "Portal of " + team})
	}
}

// addDirectory adds objects that a test wants to be there.
func (p *plan) addDirectory(refs []graph.Reference) error {
	for i, r := range refs {
		list := map[string]*[]graph.Reference{"group": &p.groups, "user": &p.users, "application": &p.apps}[r.Kind]
		if list == nil || r.ID == "" {
			return fmt.Errorf("field Directory[%d] needs an ID, and Kind group, user or application", i)
		}
		*list = append(*list, r)
	}
	return nil
}

// directory returns the tenant's objects of a kind, and whether it has that kind at all.
func (p *plan) directory(kind string) ([]graph.Reference, bool) {
	switch kind {
	case "group":
		return p.groups, true
	case "user":
		return p.users, true
	case "application":
		return slices.Concat(firstParty, p.apps), true
	case "role":
		return directoryRoles, true
	}
	return nil, false
}

// Directory returns what the directory of a tenant holds: groups, users, applications and
// roles. It is nil for an unknown tenant.
func (g *Graph) Directory(id graph.TenantID) []graph.Reference {
	tn, err := g.tenantFor(id)
	if err != nil {
		return nil
	}
	return slices.Concat(tn.plan.groups, tn.plan.users, firstParty, tn.plan.apps, directoryRoles)
}
