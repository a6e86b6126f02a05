package product

import (
	"context"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// Tenant is a customer of the product, as one user sees it.
type Tenant struct {
	ID   graph.TenantID
	Name string    // for people
	Role runs.Role // of the user in it
}

// user is a person who may sign in.
type user struct {
	actor runs.Actor
	roles map[graph.TenantID]runs.Role
	hash  tokenHash // nil for demo users
}

// Users are the people who may sign in. They do not change once they are made, and are safe
// for concurrent use. A nil *Users has nobody.
type Users struct {
	list   []user // in the order in which people see them
	byID   map[string]int
	tokens map[string]int // of the demo users
}

// add takes in a user; ids are unique.
func (u *Users) add(x user) {
	if u.byID == nil {
		u.byID = map[string]int{}
	}
	u.byID[x.actor.ID] = len(u.list)
	u.list = append(u.list, x)
}

// find returns the user of an id.
func (u *Users) find(id string) (user, bool) {
	if u == nil {
		return user{}, false
	}
	i, ok := u.byID[id]
	if !ok {
		return user{}, false
	}
	return u.list[i], true
}

// RoleOf returns the role of an actor in a tenant, [runs.RoleNone] for none. It is what
// [runs.RoleAuthorizer] asks, and never fails.
func (u *Users) RoleOf(_ context.Context, tenant graph.TenantID, actor runs.Actor) (runs.Role, error) {
	x, _ := u.find(actor.ID)
	return x.roles[tenant], nil
}

// Person returns somebody who has a role in a tenant among the demo users, to make demo data as;
// false for users that are real.
func (u *Users) Person(tenant graph.TenantID, role runs.Role) (runs.Actor, bool) {
	if u.Demo() {
		for _, x := range u.list {
			if x.roles[tenant] == role && role != runs.RoleNone {
				return x.actor, true
			}
		}
	}
	return runs.Actor{}, false
}

// Demo tells whether these are the made-up users, whom anybody may sign in as.
func (u *Users) Demo() bool { return u != nil && len(u.tokens) > 0 }

// tenantsOf lists where a user has a role, in the order of the product.
func (u *Users) tenantsOf(actor runs.Actor) []Tenant {
	x, _ := u.find(actor.ID)
	var list []Tenant
	for _, t := range tenants() {
		if role := x.roles[t.ID]; role != runs.RoleNone {
			list = append(list, Tenant{ID: t.ID, Name: t.Name, Role: role})
		}
	}
	return list
}

// tenants are the customers of the pretend product.
func tenants() []Tenant {
	return []Tenant{{ID: "contoso", Name: "Contoso"}, {ID: "fabrikam", Name: "Fabrikam"}}
}

// TenantIDs lists the tenants of the pretend product.
func TenantIDs() []graph.TenantID {
	var ids []graph.TenantID
	for _, t := range tenants() {
		ids = append(ids, t.ID)
	}
	return ids
}

// HasTenant tells whether the pretend product has a tenant.
func HasTenant(id graph.TenantID) bool { return slices.Contains(TenantIDs(), id) }

// allRoles are the roles, the strongest first.
func allRoles() []runs.Role {
	return []runs.Role{runs.RoleOwner, runs.RoleManager, runs.RoleOperator, runs.RoleReadonly}
}

// DemoUsers are a user per role and tenant, with the id ROLE-TENANT and the token
// demo-ROLE-TENANT, an engineer (demo-engineer) who owns all tenants, as somebody does who
// restores from one into another, and a stranger who may sign in but has no role anywhere. Since
// everybody knows the tokens, they are for a server on loopback only; see [Config.Loopback].
func DemoUsers() *Users {
	u := &Users{tokens: map[string]int{}}
	add := func(id, name string, roles map[graph.TenantID]runs.Role) {
		u.tokens["demo-"+id] = len(u.list)
		u.add(user{actor: runs.Actor{ID: id, Name: name}, roles: roles})
	}
	for _, tenant := range TenantIDs() {
		for _, role := range allRoles() {
			add(string(role)+"-"+string(tenant), string(role)+" of "+string(tenant), map[graph.TenantID]runs.Role{tenant: role})
		}
	}
	everywhere := map[graph.TenantID]runs.Role{}
	for _, tenant := range TenantIDs() {
		everywhere[tenant] = runs.RoleOwner
	}
	add("engineer", "engineer of the MSP", everywhere)
	add("stranger", "stranger", nil)
	return u
}
