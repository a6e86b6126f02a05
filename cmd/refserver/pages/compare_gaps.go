package pages

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// setGaps are the types that a set of a comparison does not speak for.
type setGaps struct {
	Set      backupset.BackupSet
	NotAsked []gapRow // it was never asked for them
	Selected []gapRow // only for single policies of them
	Missed   []gapRow // it was asked for them, and does not have them all
}

// gapRow is a type of which the other set has policies.
type gapRow struct {
	Name string
	N    int    // policies that only the other set has
	Why  string // a type was missed

	gap backupset.Gap
}

// gaps tells of each set of a comparison what it does not speak for, and why.
func (v *visit) gaps(gaps []backupset.Gap, sets ...backupset.BackupSet) (list []setGaps, err error) {
	for _, set := range sets {
		g := setGaps{Set: set}
		for _, gap := range gaps {
			row := gapRow{Name: v.typeName(gap.Type), N: gap.Policies, gap: gap}
			switch {
			case gap.Set != set.ID:
			case gap.Reason.Asked():
				g.Missed = append(g.Missed, row)
			case gap.Reason == backupset.GapSelected:
				g.Selected = append(g.Selected, row)
			default:
				g.NotAsked = append(g.NotAsked, row)
			}
		}
		if err := v.missed(set, g.Missed); err != nil {
			return nil, err
		}
		for _, rows := range [][]gapRow{g.NotAsked, g.Selected, g.Missed} {
			slices.SortFunc(rows, func(a, b gapRow) int { return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
		}
		if len(g.NotAsked)+len(g.Selected)+len(g.Missed) > 0 {
			list = append(list, g)
		}
	}
	return list, nil
}

// missed says why types are not whole in a set: the run that made it knows more than the set.
func (v *visit) missed(set backupset.BackupSet, rows []gapRow) error {
	if len(rows) == 0 {
		return nil
	}
	run, err := v.cfg.Starter.Get(v.ctx(), v.tenant, v.actor, set.RunID)
	if err != nil && !notThere(err) {
		return err
	}
	reasons := map[graph.PolicyType]runs.Reason{}
	if slices.ContainsFunc(rows, func(r gapRow) bool { return r.gap.Reason == backupset.GapIncomplete }) {
		failed, err := v.cfg.Starter.Items(v.ctx(), v.tenant, v.actor, set.RunID, runs.ItemFilter{Statuses: []runs.ItemStatus{runs.ItemFailed}}, runs.PageRequest{Limit: runs.MaxPageSize})
		if err != nil && !notThere(err) {
			return err
		}
		for _, item := range failed.Items {
			if item.PolicyID == "" {
				reasons[item.PolicyType] = item.Reason
			}
		}
	}
	for i := range rows {
		r := &rows[i]
		switch r.gap.Reason {
		case backupset.GapForbidden:
			r.Why = "Microsoft Graph refused it, or policies of it: a permission or licence was missing."
		case backupset.GapIncomplete:
			r.Why = "Its policies could not be listed to the end"
			if reason := reasons[r.gap.Type]; reason != "" && reason != runs.ReasonIncompleteCapture {
				r.Why += ": " + reasonWords(reason)
			}
			r.Why += "."
		case backupset.GapFailed:
			r.Why = "Not every policy of it could be captured."
		default:
			r.Why = neverReached(run)
		}
	}
	return nil
}

// neverReached says why a run has no account of a type that it was asked for.
func neverReached(run runs.Run) string {
	switch {
	case run.Status == runs.StatusPartial || run.Status == runs.StatusSuccess:
		return "The server did not know this type then."
	case run.ErrorCode == "":
		return "The run ended before it came to this type."
	}
	return "The run ended before it came to this type. " + adviceFor(run.ErrorCode).What
}

// setOffer is the sets that one can be compared with: a page of them, newest first.
type setOffer struct {
	Sets      []backupset.BackupSet
	First     runs.ID // the one that is marked: what is chosen, or the one before the set
	Schedules []filterOption
	Schedule  runs.ID // whose sets are offered; empty for all
	Pager     pager
}

// All tells whether every set of the tenant is offered, so that there is nothing to choose them by.
func (o setOffer) All() bool { return o.Schedule == "" && o.Pager == (pager{}) }

// offerSets reads the sets that set can be compared with, as the address asks for them. The one
// that is chosen, or likely to be, is offered in any case and marked; else the newest before the set is.
func (v *visit) offerSets(set backupset.BackupSet, chosen ...backupset.BackupSet) (o setOffer, err error) {
	ask, err := v.pageRequest()
	if err != nil {
		return o, err
	}
	o.Schedule = runs.ID(v.query.Get("schedule"))
	known := o.Schedule == "" || o.Schedule.Valid()
	if known {
		if o.Schedules, known, err = v.scheduleChoices(o.Schedule); err != nil {
			return o, err
		}
	}
	if !known {
		return o, &runs.InvalidError{Fields: []runs.FieldError{noSchedule}}
	}
	f := backupset.SetFilter{ScheduleID: o.Schedule, Statuses: []backupset.Status{backupset.Complete, backupset.Partial}}
	found, err := v.cfg.Archive.List(v.ctx(), v.tenant, v.actor, f, ask)
	if err != nil {
		return o, err
	}
	o.Pager = v.pager(found.NextCursor)
	o.Sets, o.First = beside(set, found.Items, chosen...)
	return o, nil
}

// beside are the sets of a list, newest first, that one can be compared with, and which of them is
// marked: the one that is likely, which need not be on the list, else the newest before the set.
func beside(set backupset.BackupSet, list []backupset.BackupSet, likely ...backupset.BackupSet) (sets []backupset.BackupSet, first runs.ID) {
	for _, s := range likely {
		first = s.ID
		if !slices.ContainsFunc(list, func(listed backupset.BackupSet) bool { return listed.ID == s.ID }) {
			sets = append(sets, s)
		}
	}
	for _, s := range list {
		if s.ID == set.ID || hollow(s) {
			continue
		}
		sets = append(sets, s)
		if first == "" && s.CreatedAt.Before(set.CreatedAt) {
			first = s.ID
		}
	}
	return sets, first
}
