package backupset

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// PolicyRef names a policy in a comparison.
type PolicyRef struct {
	PolicyID   runs.ID
	Type       graph.PolicyType
	ExternalID string
	Name       string
}

// ChangedPolicy is a policy whose content differs between two sets.
type ChangedPolicy struct {
	PolicyRef
	Diff []Change
}

// UncertainPolicy is a policy that is in one of two sets, while the other one was asked for its
// type and has not all of it.
type UncertainPolicy struct {
	PolicyRef
	MissingFrom runs.ID // the set that may have missed it
}

// Comparison is what changed from one set to another.
type Comparison struct {
	From, To runs.ID
	Added    []PolicyRef
	Removed  []PolicyRef
	Changed  []ChangedPolicy

	// Uncertain policies are in one set only, and the other set cannot tell whether the
	// policy existed, because its capture of the type was not whole.
	Uncertain []UncertainPolicy

	// Gaps say why policies that are in one set only are neither added nor removed, by type.
	// Policies of a gap whose reason is not [GapReason.Asked] are in none of the lists: the
	// other set never was to have them.
	Gaps []Gap

	UnchangedCount int
}

type policyKey struct {
	t  graph.PolicyType
	id string
}

// Compare tells what changed from set `from` to set `to` of a tenant. A failure never looks
// like a deletion: a policy counts as removed (or added) only where the other set's capture
// of its type is exhaustive. Nor does a type that a set was never asked for.
func (a *Archive) Compare(ctx context.Context, tenant graph.TenantID, actor runs.Actor, from, to runs.ID) (Comparison, error) {
	if err := a.look(ctx, tenant, actor, "backup_set", from); err != nil {
		return Comparison{}, err
	}
	if !to.Valid() {
		return Comparison{}, runs.ErrNotFound
	}
	c, items, err := a.sides(ctx, tenant, from, to)
	if err != nil {
		return Comparison{}, err
	}
	if err := a.changed(ctx, tenant, &c, items[0], items[1]); err != nil {
		return Comparison{}, fmt.Errorf("backupset: comparing: %w", err)
	}
	return c, nil
}

// ChangeCounts says how much a [Comparison] has of each.
type ChangeCounts struct {
	Added, Removed, Changed, Uncertain, Unchanged int

	Gaps []Gap // as in the comparison
}

// CountChanges counts what [Archive.Compare] tells of two sets. It reads no content, so it takes
// a few milliseconds for a thousand policies.
func (a *Archive) CountChanges(ctx context.Context, tenant graph.TenantID, actor runs.Actor, from, to runs.ID) (ChangeCounts, error) {
	if err := a.look(ctx, tenant, actor, "backup_set", from); err != nil {
		return ChangeCounts{}, err
	}
	if !to.Valid() {
		return ChangeCounts{}, runs.ErrNotFound
	}
	c, items, err := a.sides(ctx, tenant, from, to)
	if err != nil {
		return ChangeCounts{}, err
	}
	n := ChangeCounts{Removed: len(c.Removed), Added: len(c.Added), Uncertain: len(c.Uncertain), Gaps: c.Gaps}
	for key, old := range items[0] {
		item, ok := items[1][key]
		switch {
		case ok && sameContent(old, item):
			n.Unchanged++
		case ok:
			n.Changed++
		}
	}
	return n, nil
}

// sides reads two sets and what they hold, and tells what is in one of them only.
func (a *Archive) sides(ctx context.Context, tenant graph.TenantID, from, to runs.ID) (c Comparison, items [2]map[policyKey]Item, err error) {
	c = Comparison{From: from, To: to}
	var sets [2]*coverage
	for i, id := range []runs.ID{from, to} {
		set, err := sealed(ctx, a.store, tenant, id)
		if err != nil {
			return c, items, err
		}
		sets[i], items[i] = newCoverage(set, a.catalogue), map[policyKey]Item{}
		if err := each(ctx, a.store, tenant, set, func(item Item) error {
			items[i][policyKey{item.Type, item.ExternalID}] = item
			return nil
		}); err != nil {
			return c, items, fmt.Errorf("backupset: comparing: %w", err)
		}
	}
	if c.Removed, err = a.onlyIn(ctx, &c, items[0], items[1], sets[1]); err == nil {
		c.Added, err = a.onlyIn(ctx, &c, items[1], items[0], sets[0])
	}
	if err != nil {
		return c, items, fmt.Errorf("backupset: comparing: %w", err)
	}
	slices.SortFunc(c.Uncertain, func(x, y UncertainPolicy) int { return compareRefs(x.PolicyRef, y.PolicyRef) })
	slices.SortFunc(c.Gaps, compareGaps)
	return c, items, nil
}

func sameContent(a, b Item) bool { return a.VersionID == b.VersionID || a.Hash == b.Hash }

// onlyIn returns the policies of one set that the other one surely does not have, and notes why
// it is not sure of others.
func (a *Archive) onlyIn(ctx context.Context, c *Comparison, here, there map[policyKey]Item, other *coverage) (sure []PolicyRef, err error) {
	gaps := map[graph.PolicyType]*Gap{}
	for key, item := range here {
		if _, ok := there[key]; ok {
			continue
		}
		gap := gaps[key.t]
		if gap == nil {
			gap = &Gap{Set: other.set.ID, Type: key.t}
			if gap.Reason, err = other.gap(ctx, a.store, key.t); err != nil {
				return nil, err
			}
			gaps[key.t] = gap
		}
		gap.Policies++
		switch {
		case gap.Reason == "":
			sure = append(sure, refOf(item))
		case gap.Reason.Asked():
			c.Uncertain = append(c.Uncertain, UncertainPolicy{refOf(item), other.set.ID})
		}
	}
	for _, gap := range gaps {
		if gap.Reason != "" {
			c.Gaps = append(c.Gaps, *gap)
		}
	}
	slices.SortFunc(sure, compareRefs)
	return sure, nil
}

// changed compares the content of the policies that both sets have.
func (a *Archive) changed(ctx context.Context, tenant graph.TenantID, c *Comparison, before, after map[policyKey]Item) error {
	for key, old := range before {
		item, ok := after[key]
		switch {
		case !ok:
			continue
		case sameContent(old, item):
			c.UnchangedCount++
			continue
		}
		p, err := content(ctx, a.store, tenant, old.VersionID)
		if err != nil {
			return err
		}
		q, err := content(ctx, a.store, tenant, item.VersionID)
		if err != nil {
			return err
		}
		diff, err := a.canon.Diff(&p, &q)
		if err != nil {
			return err
		}
		c.Changed = append(c.Changed, ChangedPolicy{PolicyRef: refOf(item), Diff: diff})
	}
	slices.SortFunc(c.Changed, func(x, y ChangedPolicy) int { return compareRefs(x.PolicyRef, y.PolicyRef) })
	return nil
}

func refOf(i Item) PolicyRef {
	return PolicyRef{PolicyID: i.PolicyID, Type: i.Type, ExternalID: i.ExternalID, Name: i.Name}
}

func compareRefs(a, b PolicyRef) int {
	return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ExternalID, b.ExternalID))
}
