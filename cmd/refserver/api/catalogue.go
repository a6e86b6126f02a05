package api

import (
	"context"
	"net/http"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// PolicyType is one type of the catalogue.
type PolicyType struct {
	Key         string  `json:"key" doc:"What policy_type and policy_types name"`
	DisplayName string  `json:"display_name"`
	Platform    string  `json:"platform" doc:"all, entra, or names such as windows, joined by a comma and a space"`
	Support     string  `json:"support" enum:"restorable,report_only,lookup_only" doc:"report_only: captured, not restored; lookup_only: never captured for itself"`
	Foundation  bool    `json:"foundation" doc:"Other policies refer to it: captured when foundations are included"`
	Note        *string `json:"note"`
}

func showType(t graph.TypeInfo) PolicyType {
	return PolicyType{
		Key: string(t.Key), DisplayName: t.DisplayName, Platform: t.Platform, Support: string(t.Support), Foundation: t.Foundation,
		Note: text(t.Note),
	}
}

// catalogue registers what there is to choose from. It is the same for every tenant.
func (a *API) catalogue() {
	add(a, route{
		id: "list-policy-types", method: http.MethodGet, path: "policy-types", summary: "The catalogue of policy types, as one page",
		action: runs.ActionLook, target: "policy_types",
	}, func(context.Context, *call, *nothing, *nothing) (List[PolicyType], error) {
		return List[PolicyType]{Items: each(a.cfg.Catalogue.All(), showType)}, nil
	})
}
