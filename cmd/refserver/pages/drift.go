package pages

import (
	"net/url"
	"slices"
	"strconv"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// following is a run whose outcome a page waits for.
type following struct {
	Run    runs.Run
	Badge  badge
	Done   int  // per cent; -1 while nobody knows
	Active bool // the page asks again
	Ready  bool // there is an outcome to show
}

// element is what the page keeps up to date, as [page] wants it.
func (f following) element() string {
	if f.Active {
		return "outcome"
	}
	return ""
}

// follow reads a run of a kind and tells how far it is. Another kind is not found.
func (v *visit) follow(kind runs.Kind, id runs.ID) (following, restore.Preview, error) {
	run, err := v.cfg.Starter.Get(v.ctx(), v.tenant, v.actor, id)
	if err != nil {
		return following{}, restore.Preview{}, err
	}
	if run.Kind != kind {
		return following{}, restore.Preview{}, runs.ErrNotFound
	}
	f := following{Run: run, Badge: runBadge(run), Done: percent(run.Counts), Active: run.Status.Active()}
	p, err := v.cfg.Restores.Get(v.ctx(), v.tenant, v.actor, run.ID)
	if failureOf(err).code == "forbidden" { // it has not begun, or went with its set
		return f, p, nil
	}
	f.Ready = err == nil && !p.ReadyAt.IsZero() && !f.Active
	return f, p, err
}

type driftData struct {
	following
	Set     backupset.BackupSet
	Origin  origin
	Preview restore.Preview
	Outcome outcome

	Unchanged    int
	Restore      string // leads to the wizard with what differs; empty when nothing that a restore undoes
	RestoreWords string
}

// outcome is what a preview or a drift report says, a page of it.
type outcome struct {
	Totals  []choice // by action
	Types   []choice
	Type    string
	Entries []entry
	Pager   pager
	One     bool // a single policy with all its differences
	All     string
}

// driftActions are what a drift report may say, in the order of the page.
var driftActions = []restore.Action{restore.Change, restore.Added, restore.Removed, restore.Blocked}

// showDrift shows in what the live tenant differs from a set.
func showDrift(v *visit) (answer, error) {
	f, p, err := v.follow(runs.KindDriftReport, v.id())
	if err != nil {
		return nil, err
	}
	data := driftData{following: f, Preview: p, Unchanged: p.Totals[restore.Unchanged]}
	set := p.SetID
	if set == "" {
		set = f.Run.Target.ID
	}
	if data.Set, err = v.setOrNone(v.tenant, set); err != nil {
		return nil, err
	}
	if data.Origin, err = v.originOf(v.tenant, data.Set); err != nil {
		return nil, err
	}
	if f.Ready {
		data.Outcome, err = v.outcome(p, driftActions, driftBadge, diffLimits{before: "In the backup", after: "Live"})
		data.restores(v)
	}
	return page{template: "drift", title: "Drift report", section: "sets", data: data, follows: f.element()}, err
}

// restores offers to undo what the page shows of the report.
func (d *driftData) restores(v *visit) {
	n, action := 0, v.query.Get("action")
	if action == "" || action == string(restore.Change) || action == string(restore.Removed) {
		for _, a := range driftRestored(action) {
			n += d.Preview.Totals[a]
		}
	}
	if n == 0 {
		return
	}
	d.Restore, d.RestoreWords = v.path("drift", string(v.id()), "restore"), "Restore the "+count(n, "policy that differs", "policies that differ")
	if n == 1 {
		d.RestoreWords = "Restore the policy that differs"
	}
	if q := (url.Values{"action": {action}}); action != "" {
		d.Restore += "?" + q.Encode()
	}
}

// setOrNone is a backup set, without its id when it is not there any more, or is another tenant's
// that the actor may not look into.
func (v *visit) setOrNone(tenant graph.TenantID, id runs.ID) (backupset.BackupSet, error) {
	if tenant != v.tenant {
		if looks, err := v.looksInto(tenant); err != nil || !looks {
			return backupset.BackupSet{}, err
		}
	}
	set, err := v.cfg.Archive.Get(v.ctx(), tenant, v.actor, id)
	if code := failureOf(err).code; err != nil && (code == "forbidden" || code == "deleted") {
		return backupset.BackupSet{}, nil
	}
	return set, err
}

func driftBadge(a restore.Action) badge {
	switch a {
	case restore.Change:
		return badge{Word: "changed", Icon: "pencil", Tone: "busy"}
	case restore.Added:
		return badge{Word: "only live", Icon: "plus", Tone: "good"}
	case restore.Removed:
		return badge{Word: "not live", Icon: "minus", Tone: "bad"}
	case restore.Blocked:
		return badge{Word: "not compared", Icon: "question", Tone: "warn"}
	}
	return badge{Word: string(a), Icon: "dash", Tone: "quiet"}
}

// outcome reads a page of what a preview or drift report says, filtered as the address says.
func (v *visit) outcome(p restore.Preview, actions []restore.Action, badgeOf func(restore.Action) badge, l diffLimits) (outcome, error) {
	pr, err := v.pageRequest()
	if err != nil {
		return outcome{}, err
	}
	change, err := v.differences()
	if err != nil {
		return outcome{}, err
	}
	o := outcome{Type: v.query.Get("type"), All: v.with("item", "", "change", "")}
	var bad runs.InvalidError
	filter := restore.Filter{Type: v.typeOf(&bad, "type"), Actions: actions}
	oneOf(v, &bad, "action", actions)
	if err := bad.Err(); err != nil {
		return o, err
	}
	all, total, current := "all", 0, ""
	if slices.Contains(actions, restore.Unchanged) {
		// They are folded into their count unless asked for.
		all = "all but unchanged"
		filter.Actions = slices.DeleteFunc(slices.Clone(actions), func(a restore.Action) bool { return a == restore.Unchanged })
	}
	for _, a := range filter.Actions {
		total += p.Totals[a]
	}
	for _, a := range actions {
		if v.query.Get("action") == string(a) {
			current, filter.Actions = string(a), []restore.Action{a}
		}
	}
	o.Totals = append(o.Totals, choice{Label: all, Count: total, Current: current == "", Path: v.with("action", "", "item", "", "change", "")})
	for _, a := range actions {
		o.Totals = append(o.Totals, choice{Value: string(a), Label: badgeOf(a).Word, Count: p.Totals[a], Current: current == string(a),
			Path: v.with("action", string(a), "item", "", "change", "")})
	}
	if id := runs.ID(v.query.Get("item")); id != "" {
		if !id.Valid() {
			return o, runs.ErrNotFound
		}
		o.One, filter = true, restore.Filter{ItemIDs: []runs.ID{id}}
	}
	found, err := v.cfg.Restores.Items(v.ctx(), v.tenant, v.actor, p.RunID, filter, pr)
	if err != nil {
		return o, err
	}
	budget := diffPageBytes
	l.budget, l.most = &budget, diffInAList
	if o.One {
		l.most, l.from, l.own = diffOnItsOwn, change, true
	}
	captured, err := v.capturedPath(p)
	if err != nil {
		return o, err
	}
	for _, item := range found.Items {
		l.at = func(n int) string {
			return v.with("item", string(item.ItemID), "change", strconv.Itoa(n))
		}
		e := v.previewEntry(p, item, badgeOf(item.Action))
		if item.VersionID != "" && captured != "" {
			e.Link = captured + string(item.ItemID)
		}
		if e.Open = o.One; o.One {
			e.Missing, e.More = atMost(v.missingOf(item), missingOfOne)
		}
		e.fold(item.Diff, l)
		o.Entries = append(o.Entries, e)
	}
	o.Pager = v.pager(found.NextCursor)
	return o, nil
}

// capturedPath is what the addresses of captured items begin with; empty where nothing was captured,
// and for who may not look into the tenant of the set.
func (v *visit) capturedPath(p restore.Preview) (string, error) {
	if p.SetID == "" {
		return "", nil
	}
	if p.SourceTenant == "" || p.SourceTenant == v.tenant {
		return v.path("sets", string(p.SetID), "items") + "/", nil
	}
	if looks, err := v.looksInto(p.SourceTenant); err != nil || !looks {
		return "", err
	}
	return v.cfg.Prefix + "/" + url.PathEscape(string(p.SourceTenant)) + "/sets/" + string(p.SetID) + "/items/", nil
}

// previewEntry is an item of a preview or drift report without its difference.
func (v *visit) previewEntry(p restore.Preview, item restore.PreviewItem, b badge) entry {
	e := entry{Badge: b, Name: shownName(item.Name, item.ExternalID), Type: v.typeName(item.Type), Why: whyWords(p.Kind, item)}
	if name := visible(item.TargetName); item.TargetID != "" && name != "" && name != visible(item.Name) {
		e.Sub = "It exists as " + shortName(name) + "."
	}
	if e.Missing, e.More = atMost(v.missingOf(item), missingInEntry); len(e.Missing) > 0 && item.Reason == runs.ReasonDependencyMissing {
		e.Why = "" // their names say it
	}
	for _, w := range item.Warnings {
		if !tells(p, item, w.Code) || item.Action == restore.Blocked && (w.Code == string(item.Reason) || w.Code == string(runs.ReasonDependencyMissing) && len(e.Missing) > 0) {
			continue // or said already
		}
		e.Warnings = append(e.Warnings, previewWarning(item.Action, w))
	}
	return e
}
