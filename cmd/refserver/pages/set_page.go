package pages

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// countedItems is how many policies two sets may have each for the page of one to count what
// changed: beyond it the page would take too long, and only links to the comparison.
const countedItems = 2000

type setData struct {
	Set      backupset.BackupSet
	Schedule string // name
	Origin   origin
	Types    []setType
	Gaps     []setType // the types that are not whole

	Before  *backupset.BackupSet    // of the same schedule
	Changes *backupset.ChangeCounts // since then; nil when there are too many to count
	Notes   []string                // of what is not known to have changed
	Others  []backupset.BackupSet   // to compare with, the newest ones
	Other   runs.ID                 // that is offered first: the one before, of the same schedule if there is one

	MoreOthers bool

	Type   string // filter of the items
	Search string
	Items  []backupset.Item
	Pager  pager
	Total  int      // policies that the filter leaves, where that is known and they are more than a page
	Hold   holdForm // what was typed

	Until time.Time // a deleted set can be brought back until then
}

// holdForm is the form of a hold.
type holdForm struct{ Name, Reason string }

// setType is the account of one type of a set.
type setType struct {
	backupset.Manifest
	Gap string // what is missing and why; empty when nothing is
}

// UndoWindow is how long a deleted set can be brought back.
func (s *screen) UndoWindow() time.Duration { return s.visit.cfg.Retention.UndoWindow() }

// Manual tells whether no schedule made the set.
func (d setData) Manual() bool { return d.Set.ScheduleID == "" }

// Extensible tells whether policies can be added.
func (d setData) Extensible() bool { return d.Manual() && !d.Origin.Imported }

// Sealed tells whether the set is no longer being filled.
func (d setData) Sealed() bool { return d.Set.Status != backupset.Building }

// Hollow tells whether the set holds nothing since its run did not succeed.
func (d setData) Hollow() bool { return hollow(d.Set) }

// Holds tells whether there is something to restore, compare, verify or export.
func (d setData) Holds() bool { return d.Sealed() && !d.Hollow() }

// gapOf says what of a type is missing, and why.
func gapOf(m backupset.Manifest) string {
	var gaps []string
	switch {
	case m.Whole():
		return ""
	case m.Forbidden && !m.Complete && m.Captured == 0:
		gaps = append(gaps, "None of its policies is in the set: Microsoft Graph refused the whole type, as the app lacks a permission.")
	case !m.Complete:
		gaps = append(gaps, "The list of policies could not be read to its end, so there may be more than these.")
	}
	if m.Failed > 0 {
		gap := fmt.Sprintf("%s of %s could not be captured", count(m.Failed, "policy", "policies"), number(m.Listed))
		if m.Forbidden && m.Complete { // the list was not refused, policies of it were
			gap += ", as the app lacks a permission or the tenant a licence"
		}
		gaps = append(gaps, gap+".")
	}
	if lost := m.Listed - m.Captured - m.Skipped - m.Failed; lost > 0 {
		gaps = append(gaps, count(lost, "policy was", "policies were")+" listed and not captured.")
	}
	return strings.Join(gaps, " ")
}

func showSet(v *visit) (answer, error) {
	set, err := v.cfg.Archive.Get(v.ctx(), v.tenant, v.actor, v.id())
	switch {
	case errors.Is(err, runs.ErrDeleted):
		return v.deletedSet(set)
	case err != nil:
		return nil, err
	}
	return v.setPage(set, nil, holdForm{})
}

// setPage is the page of a set that is not deleted. bad is what is wrong with the form of a hold.
func (v *visit) setPage(set backupset.BackupSet, bad []runs.FieldError, hold holdForm) (answer, error) {
	ask, err := v.pageRequest()
	if err != nil {
		return nil, err
	}
	data := setData{Set: set, Hold: hold, Type: v.query.Get("type"), Search: v.query.Get("q")}
	data.describe()
	var wrong runs.InvalidError
	v.typeOf(&wrong, "type", manifestTypes(set)...)
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	if set.ScheduleID != "" {
		if data.Schedule, err = v.scheduleName(set.ScheduleID); err != nil {
			return nil, err
		}
	}
	if data.Origin, err = v.originOf(v.tenant, set); err != nil {
		return nil, err
	}
	if data.Holds() {
		if err := v.changes(&data); err != nil {
			return nil, err
		}
	}
	items, err := v.cfg.Archive.Items(v.ctx(), v.tenant, v.actor, set.ID, backupset.SetItemFilter{Type: graph.PolicyType(data.Type), Search: data.Search}, ask)
	if err != nil {
		return nil, err
	}
	data.Items, data.Pager = items.Items, v.pager(items.NextCursor)
	data.total()
	return page{template: "set", title: titled(set.Name), section: "sets", data: data, errors: bad}, nil
}

// total counts the policies of all pages: the set knows how many it has, and how many of a type.
func (d *setData) total() {
	if d.Search != "" || d.Pager.Next == "" && d.Pager.First == "" {
		return
	}
	d.Total = d.Set.ItemsCount
	for _, t := range d.Types {
		if string(t.Type) == d.Type {
			d.Total = t.Captured
		}
	}
}

// deletedSet is the page of a deleted set, for who may take the deletion back.
func (v *visit) deletedSet(set backupset.BackupSet) (answer, error) {
	if !v.may(runs.ActionSetUndelete) {
		return nil, failure{status: http.StatusNotFound, code: "deleted", text: "This backup set has been deleted. A manager can bring it back until it is purged."}
	}
	data := setData{Set: set, Until: set.DeletedAt.Add(v.cfg.Retention.UndoWindow())}
	data.describe()
	var err error
	if data.Origin, err = v.originOf(v.tenant, set); err != nil {
		return nil, err
	}
	if set.ScheduleID != "" {
		if data.Schedule, err = v.scheduleName(set.ScheduleID); err != nil {
			return nil, err
		}
	}
	return page{template: "set_deleted", title: titled(set.Name), section: "sets", data: data}, nil
}

// manifestTypes are the types that a set is of, of which the catalogue may not know all.
func manifestTypes(set backupset.BackupSet) (list []graph.PolicyType) {
	for _, m := range set.Types {
		list = append(list, m.Type)
	}
	return list
}

func (d *setData) describe() {
	for _, m := range d.Set.Types {
		t := setType{Manifest: m, Gap: gapOf(m)}
		d.Types = append(d.Types, t)
		if t.Gap != "" && d.Sealed() {
			d.Gaps = append(d.Gaps, t)
		}
	}
}

// lost says of types that could not be read how many policies of them the last complete set before
// has: what was not listed cannot be counted.
func (v *visit) lost(d *setData) error {
	unread := func(t setType) bool { return !t.Complete }
	if d.Set.ScheduleID == "" || !slices.ContainsFunc(d.Gaps, unread) {
		return nil
	}
	f := backupset.SetFilter{ScheduleID: d.Set.ScheduleID, Statuses: []backupset.Status{backupset.Complete}}
	found, err := v.cfg.Archive.List(v.ctx(), v.tenant, v.actor, f, runs.PageRequest{Limit: runs.MaxPageSize})
	if err != nil {
		return err
	}
	at := slices.IndexFunc(found.Items, func(s backupset.BackupSet) bool { return s.CreatedAt.Before(d.Set.CreatedAt) })
	if at < 0 {
		return nil
	}
	whole := found.Items[at]
	for i, t := range d.Gaps {
		at := slices.IndexFunc(whole.Types, func(m backupset.Manifest) bool { return m.Type == t.Type })
		if !unread(t) || at < 0 {
			continue
		}
		if had := whole.Types[at].Captured; had > t.Captured {
			d.Gaps[i].Gap += " The last complete set before has " + count(had, "policy", "policies") + " of it"
			if t.Captured > 0 {
				d.Gaps[i].Gap += ", this one " + number(t.Captured)
			}
			d.Gaps[i].Gap += "."
		}
	}
	return nil
}

// scheduleName is the name of a schedule; one that is deleted is said to be.
func (v *visit) scheduleName(id runs.ID) (string, error) {
	s, err := v.cfg.Scheduler.Get(v.ctx(), v.tenant, v.actor, id)
	if errors.Is(err, runs.ErrDeleted) {
		return "", nil
	}
	return s.Name, err
}

// changes finds the set before, what changed since, and the sets to compare with.
func (v *visit) changes(d *setData) error {
	before, err := v.before(d.Set)
	var likely []backupset.BackupSet
	switch {
	case err == nil:
		d.Before, likely = &before, append(likely, before)
	case !errors.Is(err, runs.ErrNotFound):
		return err
	}
	if err := v.lost(d); err != nil {
		return err
	}
	if d.Before != nil && d.Before.ItemsCount <= countedItems && d.Set.ItemsCount <= countedItems {
		n, err := v.cfg.Archive.CountChanges(v.ctx(), v.tenant, v.actor, before.ID, d.Set.ID)
		if err != nil && !errors.Is(err, runs.ErrDeleted) && !errors.Is(err, runs.ErrNotFound) { // deleted meanwhile
			return err
		}
		if err == nil {
			d.Changes, d.Notes = &n, changeGaps(n, d.Set.ID)
		}
	}
	f := backupset.SetFilter{Statuses: []backupset.Status{backupset.Complete, backupset.Partial}}
	recent, err := v.cfg.Archive.List(v.ctx(), v.tenant, v.actor, f, runs.PageRequest{Limit: pageSize})
	if err != nil {
		return err
	}
	d.MoreOthers = recent.NextCursor != ""
	d.Others, d.Other = beside(d.Set, recent.Items, likely...)
	return nil
}

// mostHollow is how many sets in a row without anything in them are looked behind.
const mostHollow = 10

// before is the set that the same schedule made before one, without those that are hollow.
func (v *visit) before(set backupset.BackupSet) (before backupset.BackupSet, err error) {
	for range mostHollow {
		if set, err = v.cfg.Archive.Before(v.ctx(), v.tenant, v.actor, set.ID); err != nil || !hollow(set) {
			return set, err
		}
	}
	return set, runs.ErrNotFound
}

// changeGaps say which of the two sets what changed is not known of.
func changeGaps(n backupset.ChangeCounts, set runs.ID) (notes []string) {
	for _, side := range []struct {
		mine          bool
		lacks, missed string
	}{
		{true, "This set does not cover %s that the one before has policies of.", "This set could not capture %s whole that the one before has policies of."},
		{false, "The one before does not cover %s that this set has policies of.", "The one before could not capture %s whole that this set has policies of."},
	} {
		lacks, missed := 0, 0
		for _, gap := range n.Gaps {
			switch {
			case (gap.Set == set) != side.mine:
			case gap.Reason.Asked():
				missed++
			default:
				lacks++
			}
		}
		if missed > 0 {
			notes = append(notes, fmt.Sprintf(side.missed, count(missed, "policy type", "policy types")))
		}
		if lacks > 0 {
			notes = append(notes, fmt.Sprintf(side.lacks, count(lacks, "policy type", "policy types")))
		}
	}
	return notes
}

// warningWords is a warning about a capture in words.
func warningWords(code string) string {
	switch code {
	case graph.WarningSecretsMasked:
		return "Microsoft Graph did not show its secrets"
	case graph.WarningNamesMissing:
		return "Some names of what it refers to are missing"
	}
	return code
}
