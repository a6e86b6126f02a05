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

// Comparison is what changed from one set to another.
type Comparison struct {
	From, To runs.ID
	Added    []PolicyRef
	Removed  []PolicyRef
	Changed  []ChangedPolicy

	// Uncertain policies are in one set only, and the other set cannot tell whether the
	// policy existed, because its capture of the type was not whole.
	Uncertain []PolicyRef
	// IncompleteTypes are those that make policies uncertain.
	IncompleteTypes []graph.PolicyType

	UnchangedCount int
}

type policyKey struct {
	t  graph.PolicyType
	id string
}

// Compare tells what changed from set `from` to set `to` of a tenant. A failure never looks
// like a deletion: a policy counts as removed (or added) only where the other set's capture
// of its type is exhaustive.
func (a *Archive) Compare(ctx context.Context, tenant graph.TenantID, actor runs.Actor, from, to runs.ID) (Comparison, error) {
	if err := a.look(ctx, tenant, actor, "backup_set", from); err != nil {
		return Comparison{}, err
	}
	if !to.Valid() {
		return Comparison{}, runs.ErrNotFound
	}
	sets, items, err := a.both(ctx, tenant, from, to)
	if err != nil {
		return Comparison{}, err
	}
	c := Comparison{From: from, To: to}
	c.Removed = c.onlyIn(items[0], items[1], sets[1])
	c.Added = c.onlyIn(items[1], items[0], sets[0])
	if err := a.changed(ctx, tenant, &c, items[0], items[1]); err != nil {
		return Comparison{}, fmt.Errorf("backupset: comparing: %w", err)
	}
	slices.SortFunc(c.Uncertain, compareRefs)
	slices.Sort(c.IncompleteTypes)
	c.IncompleteTypes = slices.Compact(c.IncompleteTypes)
	return c, nil
}

// ChangeCounts says how much a [Comparison] has of each.
type ChangeCounts struct {
	Added, Removed, Changed, Uncertain, Unchanged int
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
	sets, items, err := a.both(ctx, tenant, from, to)
	if err != nil {
		return ChangeCounts{}, err
	}
	var c Comparison
	n := ChangeCounts{Removed: len(c.onlyIn(items[0], items[1], sets[1])), Added: len(c.onlyIn(items[1], items[0], sets[0]))}
	n.Uncertain = len(c.Uncertain)
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

// both reads two sets and what they hold.
func (a *Archive) both(ctx context.Context, tenant graph.TenantID, from, to runs.ID) (sets [2]BackupSet, items [2]map[policyKey]Item, err error) {
	for i, id := range []runs.ID{from, to} {
		if sets[i], err = sealed(ctx, a.store, tenant, id); err != nil {
			return sets, items, err
		}
		items[i] = map[policyKey]Item{}
		if err := each(ctx, a.store, tenant, sets[i], func(item Item) error {
			items[i][policyKey{item.Type, item.ExternalID}] = item
			return nil
		}); err != nil {
			return sets, items, fmt.Errorf("backupset: comparing: %w", err)
		}
	}
	return sets, items, nil
}

func sameContent(a, b Item) bool { return a.VersionID == b.VersionID || a.Hash == b.Hash }

// onlyIn returns the policies of one set that the other one surely does not have.
func (c *Comparison) onlyIn(here, there map[policyKey]Item, other BackupSet) []PolicyRef {
	whole := map[graph.PolicyType]bool{}
	for _, m := range other.Types {
		whole[m.Type] = m.Exhaustive()
	}
	var sure []PolicyRef
	for key, item := range here {
		if _, ok := there[key]; ok {
			continue
		}
		if whole[key.t] {
			sure = append(sure, refOf(item))
			continue
		}
		c.Uncertain = append(c.Uncertain, refOf(item))
		c.IncompleteTypes = append(c.IncompleteTypes, key.t)
	}
	slices.SortFunc(sure, compareRefs)
	return sure
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
