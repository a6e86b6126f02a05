package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
)

// Policy is one row of a tenant's inventory.
type Policy struct {
	ID               string     `json:"id" format:"uuid"`
	PolicyType       string     `json:"policy_type"`
	ExternalID       string     `json:"external_id" doc:"Graph's id"`
	Name             string     `json:"name"`
	LastSeenAt       *time.Time `json:"last_seen_at"`
	GoneSince        *time.Time `json:"gone_since" doc:"null while it exists"`
	CurrentVersionID *string    `json:"current_version_id" format:"uuid" doc:"null before the first capture"`
}

// PolicyVersion is one distinct content of a policy.
type PolicyVersion struct {
	ID         string    `json:"id" format:"uuid"`
	Number     int       `json:"number"`
	Hash       string    `json:"hash" doc:"SHA-256 of the canonical form"`
	CapturedAt time.Time `json:"captured_at" doc:"First capture"`
	RunID      *string   `json:"run_id" format:"uuid"`
}

type policyQuery struct {
	Paging
	PolicyType string    `query:"policy_type"`
	Search     string    `query:"search" doc:"Part of the name"`
	Gone       flagParam `query:"gone" doc:"true: only those that exist no more; false: only those that do"`
}

type syncBody struct {
	PolicyTypes *[]string `json:"policy_types,omitempty" doc:"Left out or empty: every type that can be captured"`
}

func showPolicy(p backupset.Policy) Policy {
	return Policy{
		ID: string(p.ID), PolicyType: string(p.Type), ExternalID: p.ExternalID, Name: p.Name,
		LastSeenAt: instant(p.LastSeenAt), GoneSince: instant(p.GoneSince), CurrentVersionID: text(p.CurrentVersionID),
	}
}

func showVersion(v backupset.PolicyVersion) PolicyVersion {
	return PolicyVersion{ID: string(v.ID), Number: v.Number, Hash: v.Hash.String(), CapturedAt: v.CapturedAt.UTC(), RunID: text(v.RunID)}
}

func (a *API) policies() {
	archive := a.cfg.Archive
	add(a, route{
		id: "list-policies", method: http.MethodGet, path: "policies", summary: "The tenant's inventory", action: runs.ActionLook, target: "policies",
	}, func(ctx context.Context, c *call, q *policyQuery, _ *nothing) (List[Policy], error) {
		var bad runs.InvalidError
		page := q.request(&bad)
		filter := backupset.PolicyFilter{Type: graph.PolicyType(q.PolicyType), Search: q.Search, Gone: q.Gone.value(&bad, "gone")}
		if err := bad.Err(); err != nil {
			return List[Policy]{}, err
		}
		list, err := archive.Policies(ctx, c.tenant, c.actor, filter, page)
		return listOf(list, showPolicy), err
	})
	add(a, route{
		id: "sync-policies", method: http.MethodPost, path: "policies/sync", summary: "List policies into the inventory", optional: true,
		status: http.StatusAccepted, also: http.StatusOK, notes: startNotes,
		action: runs.StartAction(runs.KindPolicySync), target: "policies",
	}, func(ctx context.Context, c *call, _ *nothing, b *syncBody) (Run, error) {
		types := policyTypes(given(b.PolicyTypes, nil))
		if err := a.checkTypes(types); err != nil {
			return Run{}, err
		}
		run, reused, err := a.cfg.Starter.Start(ctx, c.tenant, c.actor, capture.SyncRequest(types))
		return a.started(c, run, reused), err
	})
	add(a, route{
		id: "get-policy", method: http.MethodGet, path: "policies/{id}", summary: "One policy of the inventory", action: runs.ActionLook, target: "policy",
	}, func(ctx context.Context, c *call, _ *nothing, _ *nothing) (Policy, error) {
		p, err := archive.Policy(ctx, c.tenant, c.actor, c.id)
		return showPolicy(p), err
	})
	add(a, route{
		id: "list-policy-versions", method: http.MethodGet, path: "policies/{id}/versions", summary: "The distinct contents of a policy, newest first",
		action: runs.ActionLook, target: "policy",
	}, func(ctx context.Context, c *call, q *Paging, _ *nothing) (List[PolicyVersion], error) {
		var bad runs.InvalidError
		page := q.request(&bad)
		if err := bad.Err(); err != nil {
			return List[PolicyVersion]{}, err
		}
		list, err := archive.Versions(ctx, c.tenant, c.actor, c.id, page)
		return listOf(list, showVersion), err
	})
}

// checkTypes refuses types that a run could do nothing with, with the codes that a
// schedule's types have.
func (a *API) checkTypes(types []graph.PolicyType) error {
	var bad runs.InvalidError
	for i, t := range types {
		info, known := a.cfg.Catalogue.Lookup(t)
		switch {
		case !known:
			bad.Add(index("policy_types", i), "policy_type_unknown", "is not in the catalogue of policy types, where names look like settingsCatalogPolicy")
		case !info.Capturable():
			bad.Add(index("policy_types", i), "policy_type_not_capturable", "cannot be captured by itself")
		case slices.Contains(types[:i], t):
			bad.Add(index("policy_types", i), "policy_type_duplicate", "is named twice")
		}
	}
	return bad.Err()
}
