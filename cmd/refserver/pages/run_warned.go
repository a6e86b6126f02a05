package pages

import (
	"slices"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

const (
	warnedShown = 5    // how many policies a warning of a run names
	warnedRead  = 2000 // how many items of a set are read to find them
)

// warned names the policies that the warnings of a capture are about, by the items of its set.
func (v *visit) warned(run runs.Run, s *captureSummary) error {
	if len(s.Warnings) == 0 || !run.BackupSetID.Valid() || !run.Status.Terminal() {
		return nil
	}
	pr := runs.PageRequest{Limit: runs.MaxPageSize}
	for read := 0; read < warnedRead && slices.ContainsFunc(s.Warnings, warningRow.lacks); read += runs.MaxPageSize {
		found, err := v.cfg.Archive.Items(v.ctx(), v.tenant, v.actor, run.BackupSetID, backupset.SetItemFilter{}, pr)
		if err != nil {
			if notThere(err) {
				return nil
			}
			return err
		}
		for _, item := range found.Items {
			for i := range s.Warnings {
				if w := &s.Warnings[i]; w.lacks() && slices.Contains(item.Warnings, w.code) {
					w.Policies = append(w.Policies, runLink{Name: shownName(item.Name, item.ExternalID), Path: v.path("sets", string(item.SetID), "items", string(item.ID))})
				}
			}
		}
		if pr.Cursor = found.NextCursor; pr.Cursor == "" {
			break
		}
	}
	return nil
}

// lacks tells whether more policies are to be named.
func (w warningRow) lacks() bool { return len(w.Policies) < min(w.n, warnedShown) }

// More is how many policies are not named.
func (w warningRow) More() int { return w.n - len(w.Policies) }

// unread says why types of a capture could not be read to their end: each has an item for the whole
// of it. One query for all of them finds those among the first failed items.
func (v *visit) unread(run runs.Run, s *captureSummary) error {
	if len(s.Unread) == 0 {
		return nil
	}
	found, err := v.cfg.Starter.Items(v.ctx(), v.tenant, v.actor, run.ID, runs.ItemFilter{Statuses: []runs.ItemStatus{runs.ItemFailed}}, runs.PageRequest{Limit: runs.MaxPageSize})
	if err != nil {
		return err
	}
	for _, item := range found.Items {
		for i := range s.Types {
			if t := &s.Types[i]; item.PolicyID == "" && t.key == item.PolicyType && t.unread() && item.Reason != "" {
				t.Why = reasonWords(item.Reason)
			}
		}
	}
	return nil
}
