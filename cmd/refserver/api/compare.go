package api

import (
	"encoding/json"

	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// Comparison is what changed from one backup set to another.
type Comparison struct {
	Added          []PolicyRef       `json:"added"`
	Removed        []PolicyRef       `json:"removed"`
	Changed        []ChangedPolicy   `json:"changed"`
	Uncertain      []UncertainPolicy `json:"uncertain" doc:"In one set only, while the other was asked for the type and could not be captured whole: neither added nor removed for sure"`
	Gaps           []ComparisonGap   `json:"gaps" doc:"Why policies that are in one set only are neither added nor removed, by type"`
	UnchangedCount int               `json:"unchanged_count"`
}

// UncertainPolicy is a policy that one set may have missed.
type UncertainPolicy struct {
	PolicyRef
	MissingFrom string `json:"missing_from" format:"uuid" doc:"The backup set that may have missed it"`
}

// ComparisonGap is a policy type that one of the sets does not speak for.
type ComparisonGap struct {
	BackupSetID string `json:"backup_set_id" format:"uuid" doc:"The set that does not tell"`
	PolicyType  string `json:"policy_type"`
	Reason      string `json:"reason" enum:"not_asked,selected,not_reached,forbidden,incomplete,failed" doc:"not_asked: the set was never asked for the type; selected: only for single policies of it. Policies that only the other set has are in no list then. Else they are uncertain: the run ended before the type, Graph refused it, it could not be listed to the end, or policies of it failed"`
	Policies    int    `json:"policies" doc:"How many policies of the type only the other set has"`
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
	return Comparison{
		Added: each(c.Added, showRef), Removed: each(c.Removed, showRef), UnchangedCount: c.UnchangedCount,
		Uncertain: each(c.Uncertain, func(p backupset.UncertainPolicy) UncertainPolicy {
			return UncertainPolicy{PolicyRef: showRef(p.PolicyRef), MissingFrom: string(p.MissingFrom)}
		}),
		Gaps: each(c.Gaps, func(g backupset.Gap) ComparisonGap {
			return ComparisonGap{BackupSetID: string(g.Set), PolicyType: string(g.Type), Reason: string(g.Reason), Policies: g.Policies}
		}),
		Changed: each(c.Changed, func(p backupset.ChangedPolicy) ChangedPolicy {
			return ChangedPolicy{Policy: showRef(p.PolicyRef), Diff: each(p.Diff, showChange)}
		}),
	}
}

func showChange(d backupset.Change) Change {
	return Change{Path: d.Path, Op: string(d.Op), Before: d.Before, After: d.After}
}

func showRef(p backupset.PolicyRef) PolicyRef {
	return PolicyRef{ID: string(p.PolicyID), PolicyType: string(p.Type), ExternalID: p.ExternalID, Name: p.Name}
}
