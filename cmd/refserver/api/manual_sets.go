package api

import (
	"context"
	"net/http"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/capture"
)

type newSetBody struct {
	Name               string    `json:"name" maxLength:"200"`
	PolicyTypes        *[]string `json:"policy_types,omitempty" doc:"All policies of these types; or policy_ids, or everything"`
	PolicyIDs          *[]string `json:"policy_ids,omitempty" doc:"These policies of the inventory"`
	Everything         *bool     `json:"everything,omitempty" default:"false" doc:"All policies of all types that can be captured"`
	IncludeFoundations *bool     `json:"include_foundations,omitempty" default:"false" doc:"With policy_types: also what policies refer to"`
}

func (b newSetBody) selection() capture.Selection {
	return capture.Selection{
		PolicyTypes: policyTypes(given(b.PolicyTypes, nil)), PolicyIDs: ids(given(b.PolicyIDs, nil)),
		Everything: given(b.Everything, false), IncludeFoundations: given(b.IncludeFoundations, false),
	}
}

type addPoliciesBody struct {
	PolicyIDs []string `json:"policy_ids" minItems:"1" maxItems:"10000" doc:"Of the inventory"`
}

// ids takes texts of a request for ids. The services look whether they are some.
func ids(list []string) []runs.ID {
	return each(list, func(id string) runs.ID { return runs.ID(id) })
}

// manualSets registers what captures on demand.
func (a *API) manualSets() {
	starting := func(id, path, summary, notes string, kind runs.Kind, target string) route {
		return route{
			id: id, method: http.MethodPost, path: path, summary: summary, status: http.StatusAccepted, also: http.StatusOK,
			notes: startNotes + notes, action: runs.StartAction(kind), target: target,
		}
	}
	add(a, starting("snapshot-policy", "policies/{id}/snapshots", "Capture one policy into a version", " No backup set is made.",
		runs.KindSnapshot, "policy"),
		func(ctx context.Context, c *call, _ *nothing, _ *nothing) (Run, error) {
			return a.start(ctx, c, capture.SnapshotRequest(c.id))
		})
	add(a, starting("create-backup-set", "backup-sets", "Make a backup set by hand",
		" The set is there at once, as backup_set_id of the run says, and is building until the run has filled it.",
		runs.KindSetCreate, "backup_sets"),
		func(ctx context.Context, c *call, _ *nothing, b *newSetBody) (Run, error) {
			return a.start(ctx, c, capture.CreateSetRequest(b.Name, b.selection()))
		})
	add(a, starting("add-policies", "backup-sets/{id}/policies", "Capture policies into a set that was made by hand",
		" Each policy is one item of the run; one that cannot be added, or that the inventory does not have, is a failed one.",
		runs.KindSetAdd, "backup_set"),
		func(ctx context.Context, c *call, _ *nothing, b *addPoliciesBody) (Run, error) {
			return a.start(ctx, c, capture.AddPoliciesRequest(c.id, ids(b.PolicyIDs)))
		})
	add(a, starting("verify-backup-set", "backup-sets/{id}/verify", "Read and hash all that a set holds",
		" Its summary tells what is damaged or missing.", runs.KindSetVerify, "backup_set"),
		func(ctx context.Context, c *call, _ *nothing, _ *nothing) (Run, error) {
			return a.start(ctx, c, capture.VerifySetRequest(c.id))
		})
}

// start starts a run and answers with it.
func (a *API) start(ctx context.Context, c *call, req runs.Request) (Run, error) {
	run, reused, err := a.cfg.Starter.Start(ctx, c.tenant, c.actor, req)
	return a.started(c, run, reused), err
}
