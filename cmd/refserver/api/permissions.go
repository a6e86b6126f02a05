package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// Permissions is what the app may do in the tenant.
type Permissions struct {
	Granted []string `json:"granted" doc:"Application permissions in the app's token, sorted. A token is kept for about an hour, or a day where Entra gives such, so a new one shows later"`
	List[TypeAccess]
}

// TypeAccess is what the app may do with one policy type.
type TypeAccess struct {
	PolicyType  string              `json:"policy_type"`
	DisplayName string              `json:"display_name"`
	Support     string              `json:"support" enum:"restorable,report_only,lookup_only" doc:"lookup_only: read for the names of what policies refer to"`
	Backup      bool                `json:"backup" doc:"Can be read; a backup records the type as forbidden otherwise and goes on"`
	Secrets     bool                `json:"secrets" doc:"Nothing is masked in what is read"`
	Restore     bool                `json:"restore" doc:"Can be restored"`
	Missing     []MissingPermission `json:"missing"`
}

// MissingPermission is a permission that the app was not granted.
type MissingPermission struct {
	NeededFor string   `json:"needed_for" enum:"backup,secrets,restore"`
	AnyOf     []string `json:"any_of" doc:"One of these has to be granted"`
}

func showAccess(a graph.Access) TypeAccess {
	out := TypeAccess{
		PolicyType: string(a.Info.Key), DisplayName: a.Info.DisplayName, Support: string(a.Info.Support),
		Backup: a.Reads(), Secrets: a.ReadsSecrets(), Restore: a.Writes(), Missing: []MissingPermission{},
	}
	add := func(purpose string, demands []graph.Permission) {
		for _, anyOf := range demands {
			out.Missing = append(out.Missing, MissingPermission{purpose, slices.Clone(anyOf)})
		}
	}
	add("backup", a.Missing.Read)
	add("secrets", a.Missing.Secrets)
	add("restore", a.Missing.Write)
	return out
}

// permissions registers what is known before a run of what it will not get.
func (a *API) permissions() {
	add(a, route{
		id: "get-permissions", method: http.MethodGet, path: "permissions", summary: "What the app was granted in the tenant, and what it lacks for which policy type",
		notes:  "Reads the app's token, for which it may sign in; Graph is not called. All policy types, as one page.",
		action: runs.ActionLook, target: "permissions", upstream: true,
	}, func(ctx context.Context, c *call, _ *nothing, _ *nothing) (Permissions, error) {
		bounded, stop := context.WithTimeout(ctx, a.cfg.SignInTimeout)
		defer stop()
		granted, err := a.cfg.Permissions.Permissions(bounded, c.tenant)
		if err != nil && bounded.Err() != nil && ctx.Err() == nil {
			err = &graph.Error{Op: "permissions", Kind: graph.KindTimeout, Err: err}
		}
		if err != nil {
			return Permissions{}, err
		}
		list, err := graph.Preflight(a.cfg.Catalogue, granted, nil)
		granted = slices.Sorted(slices.Values(granted))
		return Permissions{Granted: append([]string{}, slices.Compact(granted)...), List: List[TypeAccess]{Items: each(list, showAccess)}}, err
	})
}

// signInProblem tells why there was no token to read.
func signInProblem(e *graph.Error) *Problem {
	switch {
	case e.Kind.Retryable():
		return newProblem(http.StatusServiceUnavailable, "graph_unavailable", "the sign-in to Microsoft Graph did not work this time: "+runs.Redact(e.Error())).again(e.RetryAfter)
	case e.Kind == graph.KindUnauthorized:
		return newProblem(http.StatusBadGateway, "graph_unauthorized", "the app cannot sign in to this tenant: "+runs.Redact(e.Error()))
	case e.Kind == graph.KindUnsupported:
		return newProblem(http.StatusBadGateway, "permissions_unknown", "the app's token does not tell its permissions; look at them in Entra")
	}
	return internal()
}
