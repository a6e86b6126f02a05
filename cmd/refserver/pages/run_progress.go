package pages

import (
	"fmt"
	"slices"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
)

// progress is how far a run under way is.
type progress struct {
	Done int    // per cent; -1 while nobody knows
	Of   string // in words: "9 of 65"
}

// grows tells whether the total of a run is that of the policy types which it has listed so far: it
// tells neither how much there is to do nor when that will be done.
func (v *visit) grows(r runs.Run) bool { return len(capture.Types(v.cfg.Catalogue, r)) > 1 }

// eta is when a running run may end; zero when nothing can be said.
func (v *visit) eta(r runs.Run) time.Time {
	if v.grows(r) || v.abandoned(r) {
		return time.Time{}
	}
	return r.ETA(v.now)
}

// progressOf tells of runs under way how far they are. One whose total grows is as far as it has
// policy types done, so that it never goes back; their accounts are in its backup set.
func (v *visit) progressOf(list []runs.Run) (map[runs.ID]progress, error) {
	all := map[runs.ID]progress{}
	types, sets := map[runs.ID][]graph.PolicyType{}, map[runs.ID]backupset.BackupSet{}
	var ids []runs.ID
	for _, r := range list {
		all[r.ID] = progress{percent(r.Counts), number(r.Counts.Processed) + " of " + number(r.Counts.Total)}
		if !r.Status.Active() || !v.grows(r) {
			continue
		}
		types[r.ID] = capture.Types(v.cfg.Catalogue, r)
		if r.BackupSetID != "" {
			ids = append(ids, r.BackupSetID)
		}
	}
	if len(ids) > 0 {
		found, err := v.cfg.Archive.List(v.ctx(), v.tenant, v.actor, backupset.SetFilter{IDs: ids}, runs.PageRequest{Limit: runs.MaxPageSize})
		if err != nil {
			return nil, err
		}
		for _, s := range found.Items {
			sets[s.ID] = s
		}
	}
	for _, r := range list {
		if of := types[r.ID]; of != nil {
			all[r.ID] = typesDone(of, sets[r.BackupSetID].Types, r.Counts)
		}
	}
	return all, nil
}

// typesDone is how far a run over types is.
func typesDone(types []graph.PolicyType, accounts []backupset.Manifest, c runs.Counts) progress {
	done := 0
	for _, t := range types {
		if slices.ContainsFunc(accounts, func(m backupset.Manifest) bool { return m.Type == t }) {
			done++
		}
	}
	of := fmt.Sprintf("%s of %s", number(done), count(len(types), "policy type", "policy types"))
	if c.Succeeded > 0 {
		of += ", " + count(c.Succeeded, "policy", "policies") + " so far"
	}
	return progress{100 * done / len(types), of}
}
