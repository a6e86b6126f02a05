package backupset

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// GapReason is why a set does not tell whether a policy of a type existed.
type GapReason string

// The reasons.
const (
	// GapNotAsked: the set was never asked for the type.
	GapNotAsked GapReason = "not_asked"

	// GapSelected: the set has single policies of the type, which were selected or came from a
	// file. It was not asked for the others.
	GapSelected GapReason = "selected"

	// GapNotReached: the set was asked for the type and has no account of it, because its run
	// ended before, or did not know the type.
	GapNotReached GapReason = "not_reached"

	// GapForbidden: Graph refused the type, or policies of it.
	GapForbidden GapReason = "forbidden"

	// GapIncomplete: the policies of the type could not be listed to the end.
	GapIncomplete GapReason = "incomplete"

	// GapFailed: policies of the type were listed or selected, and not captured.
	GapFailed GapReason = "failed"
)

// Asked tells whether the set was asked for all policies of the type, and does not have them all.
func (r GapReason) Asked() bool { return r != GapNotAsked && r != GapSelected }

// Gap is a type of which a set does not tell whether a policy that only the other set has existed.
type Gap struct {
	Set      runs.ID // the set that does not tell
	Type     graph.PolicyType
	Reason   GapReason
	Policies int // that only the other set has
}

// coverage says of a set which types it speaks for.
type coverage struct {
	set   BackupSet
	types map[graph.PolicyType]Manifest
	run   *runs.Run // that made the set; nil until it is needed

	catalogue *graph.Catalogue
}

func newCoverage(set BackupSet, c *graph.Catalogue) *coverage {
	v := &coverage{set: set, types: map[graph.PolicyType]Manifest{}, catalogue: c}
	for _, m := range set.Types {
		v.types[m.Type] = m
	}
	return v
}

// gap says why the set does not speak for all policies of a type; "" when it does.
func (v *coverage) gap(ctx context.Context, store ArchiveStore, t graph.PolicyType) (GapReason, error) {
	m, ok := v.types[t]
	switch {
	case !ok && v.set.Status == Complete:
		return GapNotAsked, nil
	case !ok:
		return v.unaccounted(ctx, store, t)
	case m.Exhaustive():
		return "", nil
	case m.Complete && len(m.Pages) == 0 && m.Failed == 0 && !m.Forbidden: // what was selected and failed may exist
		return GapSelected, nil
	case m.Forbidden:
		return GapForbidden, nil
	case !m.Complete:
		return GapIncomplete, nil
	}
	return GapFailed, nil
}

// unaccounted says why a partial set has no account of a type: what was asked for is known to its
// run. Where nobody knows, it may have been.
func (v *coverage) unaccounted(ctx context.Context, store ArchiveStore, t graph.PolicyType) (GapReason, error) {
	if v.run == nil {
		run, err := store.GetRun(ctx, v.set.TenantID, v.set.RunID)
		if err != nil && !errors.Is(err, runs.ErrNotFound) {
			return "", fmt.Errorf("reading the run of a set: %w", err)
		}
		v.run = &run
	}
	if v.asked(t) {
		return GapNotReached, nil
	}
	return GapNotAsked, nil
}

// asked tells whether the run may have been asked for a type.
func (v *coverage) asked(t graph.PolicyType) bool {
	ended := v.run.Status == runs.StatusSuccess || v.run.Status == runs.StatusPartial // it has come to its end
	var params struct {                                                               // of backups and of manual sets
		PolicyTypes        []graph.PolicyType `json:"policy_types"`
		PolicyIDs          []runs.ID          `json:"policy_ids"`
		Everything         bool               `json:"everything"`
		IncludeFoundations bool               `json:"include_foundations"`
	}
	switch v.run.Kind {
	case runs.KindBackup, runs.KindSetCreate:
	default: // a file, of which nothing more is known
		return !ended
	}
	if json.Unmarshal(v.run.Params, &params) != nil {
		return true
	}
	info, known := v.catalogue.Lookup(t)
	return slices.Contains(params.PolicyTypes, t) || len(params.PolicyIDs) > 0 && !ended ||
		known && info.Capturable() && (params.Everything || params.IncludeFoundations && info.Foundation)
}

func compareGaps(a, b Gap) int {
	return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Set, b.Set))
}
