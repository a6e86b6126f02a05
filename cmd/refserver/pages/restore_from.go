package pages

import (
	"net/url"
	"slices"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// holdersShown is how many of the backup sets that hold a version its page lists.
const holdersShown = 10

// driftRead is how many differences of a drift report are read to choose what to restore; where
// there are more, everything in the set is chosen, of which a preview leaves out what is the same.
const driftRead = 2000

// holders are the newest backup sets that hold a policy, in a version when that is not empty.
// more tells whether there are others. A set that is being filled is none: nobody can restore
// from it yet.
func (v *visit) holders(policy, version runs.ID, most int) (list []backupset.BackupSet, more bool, err error) {
	f := backupset.SetFilter{PolicyID: policy, VersionID: version, Statuses: []backupset.Status{backupset.Complete, backupset.Partial}}
	found, err := v.cfg.Archive.List(v.ctx(), v.tenant, v.actor, f, runs.PageRequest{Limit: most})
	return found.Items, found.NextCursor != "", err
}

// wizard is the address of the restore wizard with a policy of a set chosen; the wizard looks up
// which item of the set that is. It is empty for who may make no preview, and for a type that
// nobody can write back. A policy that is live is restored to become as it was, so the address
// has that chosen; the preview asks before anything is overwritten.
func (v *visit) wizard(set runs.ID, p backupset.Policy) string {
	if !v.may(runs.StartAction(runs.KindRestorePreview)) || v.notRestorable(p.Type) != "" {
		return ""
	}
	q := url.Values{"set": {string(set)}, "policy": {string(p.ID)}}
	if p.GoneSince.IsZero() && !p.LastSeenAt.IsZero() {
		q.Set("existing", string(restore.Overwrite))
	}
	return v.path("restore") + "?" + q.Encode()
}

// ofPolicy adds the item that a set has of a policy to what is chosen.
func (v *visit) ofPolicy(s selection, policy runs.ID) (selection, error) {
	if !policy.Valid() {
		return s, runs.ErrNotFound
	}
	found, err := v.cfg.Archive.Items(v.ctx(), v.source(s), v.actor, s.Set, backupset.SetItemFilter{PolicyID: policy}, runs.PageRequest{Limit: 1})
	if err == nil && len(found.Items) == 0 {
		err = runs.ErrNotFound
	}
	if err == nil && !slices.Contains(s.Items, found.Items[0].ID) {
		s.Items = append(s.Items, found.Items[0].ID)
	}
	return s, err
}

// restoreDrift leads to the wizard with what a drift report says to differ: what was changed and
// what is gone. Where that is too much to stand in an address, it is the types of it.
func restoreDrift(v *visit) (answer, error) {
	var bad runs.InvalidError
	oneOf(v, &bad, "action", driftRestored("")) // one left out would restore more than was asked for
	if err := bad.Err(); err != nil {
		return nil, err
	}
	f, p, err := v.follow(runs.KindDriftReport, v.id())
	if err != nil {
		return nil, err
	}
	if !f.Ready {
		return see{path: v.path("drift", string(v.id()))}, nil
	}
	s := selection{Set: p.SetID}
	filter := restore.Filter{Actions: driftRestored(v.query.Get("action"))}
	if p.Totals[restore.Change] > 0 && slices.Contains(filter.Actions, restore.Change) {
		s.Options.Existing = restore.Overwrite
	}
	pr := runs.PageRequest{Limit: runs.MaxPageSize}
	for read := 0; ; read += runs.MaxPageSize {
		if read == driftRead {
			s.All, s.Items, s.Types = true, nil, nil
			break
		}
		found, err := v.cfg.Restores.Items(v.ctx(), v.tenant, v.actor, p.RunID, filter, pr)
		if err != nil {
			return nil, err
		}
		for _, item := range found.Items {
			if v.notRestorable(item.Type) != "" {
				continue
			}
			s.Items = append(s.Items, item.ItemID)
			if !slices.Contains(s.Types, item.Type) {
				s.Types = append(s.Types, item.Type)
			}
		}
		if pr.Cursor = found.NextCursor; pr.Cursor == "" {
			break
		}
	}
	if len(s.Items) > mostSingles {
		s.Items = nil
	} else {
		s.Types = nil
	}
	return see{path: v.path("restore", "items") + s.Query()}, nil
}

// driftRestored are the actions of a drift report that a restore undoes: all, or the one that the
// page is filtered by.
func driftRestored(chosen string) []restore.Action {
	list := []restore.Action{restore.Change, restore.Removed}
	if a := restore.Action(chosen); slices.Contains(list, a) {
		return []restore.Action{a}
	}
	return list
}
