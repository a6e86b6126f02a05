package api

import (
	"encoding/json"

	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// Comparison is what changed from one backup set to another.
type Comparison struct {
	Added           []PolicyRef     `json:"added"`
	Removed         []PolicyRef     `json:"removed"`
	Changed         []ChangedPolicy `json:"changed"`
	Uncertain       []PolicyRef     `json:"uncertain" doc:"In one set only, while the other could not be captured whole: neither added nor removed for sure"`
	IncompleteTypes []string        `json:"incomplete_types" doc:"The policy types that make policies uncertain"`
	UnchangedCount  int             `json:"unchanged_count"`
}

// PolicyRef names a policy in a comparison.
type PolicyRef struct {
	ID         string `json:"id" format:"uuid" doc:"The inventory's id"`
	PolicyType string `json:"policy_type"`
	ExternalID string `json:"external_id" doc:"Graph's id"`
	Name       string `json:"name"`
}

// ChangedPolicy is a policy whose content differs.
type ChangedPolicy struct {
	Policy PolicyRef `json:"policy"`
	Diff   []Change  `json:"diff"`
}

// Change is one difference between two states of a policy.
type Change struct {
	Path   string          `json:"path" doc:"Keys joined by slashes; elements of arrays by what identifies them, in brackets"`
	Op     string          `json:"op" enum:"add,remove,replace"`
	Before json.RawMessage `json:"before" doc:"Any JSON value with secrets masked and long ones cut; null when added"`
	After  json.RawMessage `json:"after" doc:"As before; null when removed"`
}

func showComparison(c backupset.Comparison) Comparison {
	v := Comparison{
		Added: each(c.Added, showRef), Removed: each(c.Removed, showRef), Uncertain: each(c.Uncertain, showRef),
		IncompleteTypes: []string{}, UnchangedCount: c.UnchangedCount,
		Changed: each(c.Changed, func(p backupset.ChangedPolicy) ChangedPolicy {
			return ChangedPolicy{Policy: showRef(p.PolicyRef), Diff: each(p.Diff, showChange)}
		}),
	}
	for _, t := range c.IncompleteTypes {
		v.IncompleteTypes = append(v.IncompleteTypes, string(t))
	}
	return v
}

func showChange(d backupset.Change) Change {
	return Change{Path: d.Path, Op: string(d.Op), Before: d.Before, After: d.After}
}

func showRef(p backupset.PolicyRef) PolicyRef {
	return PolicyRef{ID: string(p.PolicyID), PolicyType: string(p.Type), ExternalID: p.ExternalID, Name: p.Name}
}
