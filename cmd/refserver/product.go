package main

import (
	"context"
	"net/http"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// This file is the pretend product: its tenants, its users and their roles. A real host
// has all of this already and passes it in as functions.

// demoTenants are the customers of the pretend product.
var demoTenants = []graph.TenantID{"contoso", "fabrikam"}

var demoRoles = []runs.Role{runs.RoleOwner, runs.RoleManager, runs.RoleOperator, runs.RoleReadonly}

// user is a person who may sign in.
type user struct {
	actor runs.Actor
	roles map[graph.TenantID]runs.Role
}

// directory knows the users by token and by id. It does not change once it is made.
type directory struct {
	byToken map[string]user
	byID    map[string]user
}

// demoDirectory has one user per role and tenant, with the token demo-<role>-<tenant>, and
// a stranger who may sign in but has no role anywhere.
func demoDirectory() directory {
	d := directory{byToken: map[string]user{}, byID: map[string]user{}}
	add := func(token, name string, roles map[graph.TenantID]runs.Role) {
		u := user{actor: runs.Actor{ID: strings.TrimPrefix(token, "demo-"), Name: name}, roles: roles}
		d.byToken[token], d.byID[u.actor.ID] = u, u
	}
	for _, tenant := range demoTenants {
		for _, role := range demoRoles {
			add("demo-"+string(role)+"-"+string(tenant), string(role)+" of "+string(tenant), map[graph.TenantID]runs.Role{tenant: role})
		}
	}
	add("demo-stranger", "stranger", nil)
	return d
}

// noDirectory knows nobody: demo tokens are not accepted off loopback.
func noDirectory() directory { return directory{} }

// principal finds out who sent a request.
func (d directory) principal(r *http.Request) (runs.Actor, bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") { // the case of a scheme has no meaning (RFC 9110, 11.1)
		return runs.Actor{}, false
	}
	u, ok := d.byToken[token]
	return u.actor, ok
}

// roleOf is what the default authoriser asks.
func (d directory) roleOf(_ context.Context, tenant graph.TenantID, actor runs.Actor) (runs.Role, error) {
	return d.byID[actor.ID].roles[tenant], nil
}

// access tells whether a user has any business in a tenant.
func (d directory) access(ctx context.Context, tenant graph.TenantID, actor runs.Actor) (bool, error) {
	role, err := d.roleOf(ctx, tenant, actor)
	return role != runs.RoleNone, err
}
