package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// PolicyContent is what was captured of a policy, without its secrets.
type PolicyContent struct {
	ID            string          `json:"id" format:"uuid" doc:"The version's id"`
	PolicyType    string          `json:"policy_type"`
	ExternalID    string          `json:"external_id" doc:"Graph's id"`
	Name          string          `json:"name"`
	SecretsMasked bool            `json:"secrets_masked" doc:"Values of secrets read [masked]; an export by an owner can have them"`
	Warnings      []string        `json:"warnings"`
	Raw           json.RawMessage `json:"raw" doc:"The object as Graph sent it; any JSON value"`
	Parts         []ContentPart   `json:"parts" doc:"What Graph keeps apart from the object, such as settings and assignments"`
}

// ContentPart is a named part of a captured policy.
type ContentPart struct {
	Name string          `json:"name"`
	Raw  json.RawMessage `json:"raw" doc:"Any JSON value"`
}

// VersionComparison is what changed from one version of a policy to another.
type VersionComparison struct {
	Diff []Change `json:"diff"`
}

type versionQuery struct {
	With idParam `query:"with" required:"true" doc:"The version before, of the same policy"`
}

// showContent masks a captured policy.
func showContent(id runs.ID, p graph.Policy) (PolicyContent, error) {
	out := PolicyContent{
		ID: string(id), PolicyType: string(p.Type), ExternalID: p.ID, Name: p.Name,
		Warnings: append([]string{}, p.Warnings...), Parts: []ContentPart{},
	}
	mask := func(raw json.RawMessage) (json.RawMessage, error) {
		masked, some, err := backupset.Mask(raw)
		out.SecretsMasked = out.SecretsMasked || some
		return bytes.TrimPrefix(masked, []byte("\xef\xbb\xbf")), err
	}
	var err error
	if out.Raw, err = mask(p.Raw); err != nil {
		return out, err
	}
	for _, part := range p.Parts {
		raw, err := mask(part.Raw)
		if err != nil {
			return out, err
		}
		out.Parts = append(out.Parts, ContentPart{part.Name, raw})
	}
	return out, nil
}

// versions registers what looks into captured policies.
func (a *API) versions() {
	content := func(ctx context.Context, c *call, id runs.ID) (graph.Policy, error) {
		if !id.Valid() {
			return graph.Policy{}, runs.ErrNotFound
		}
		return a.cfg.Archive.Content(ctx, c.tenant, c.actor, id)
	}
	add(a, route{
		id: "get-policy-version", method: http.MethodGet, path: "policy-versions/{id}", summary: "What was captured of a policy, without its secrets",
		notes:  "Versions of a policy and items of a backup set name it by id and version_id.",
		action: runs.ActionLook, target: "policy_version",
	}, func(ctx context.Context, c *call, _ *nothing, _ *nothing) (PolicyContent, error) {
		p, err := content(ctx, c, c.id)
		if err != nil {
			return PolicyContent{}, err
		}
		return showContent(c.id, p)
	})
	canon := backupset.NewCanonicalizer(a.cfg.Catalogue)
	add(a, route{
		id: "compare-policy-versions", method: http.MethodGet, path: "policy-versions/{id}/compare", summary: "What changed from one version of a policy to this one",
		action: runs.ActionLook, target: "policy_version",
	}, func(ctx context.Context, c *call, q *versionQuery, _ *nothing) (VersionComparison, error) {
		if q.With == "" {
			return VersionComparison{}, runs.Invalid("with", "with_required", "name the version to compare with")
		}
		after, err := content(ctx, c, c.id)
		if err != nil {
			return VersionComparison{}, err
		}
		before, err := content(ctx, c, runs.ID(q.With))
		if err != nil {
			return VersionComparison{}, err
		}
		if before.Type != after.Type || before.ID != after.ID {
			return VersionComparison{}, runs.Invalid("with", "other_policy", "must be a version of the same policy")
		}
		changes, err := canon.Diff(&before, &after)
		return VersionComparison{Diff: each(changes, showChange)}, err
	})
}
