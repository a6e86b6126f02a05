package pages

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// restores registers the pages of the restore wizard, and what compares two states.
func (p *Pages) restores() {
	p.comparisons()
	preview, execute := runs.StartAction(runs.KindRestorePreview), runs.StartAction(runs.KindRestoreExecute)
	p.add(route{method: http.MethodGet, path: "restore", action: runs.ActionLook, target: "run"}, pickSet)
	p.add(route{method: http.MethodGet, path: "restore/items", action: preview, target: "backup_set"}, pickItems)
	p.add(route{method: http.MethodGet, path: "drift/{id}/restore", action: preview, target: "run"}, restoreDrift)
	p.add(route{method: http.MethodGet, path: "restore/options", action: preview, target: "backup_set"}, pickOptions)
	p.add(route{method: http.MethodPost, path: "restore/previews", action: preview, target: "backup_set"}, startPreview)
	p.add(route{method: http.MethodGet, path: "restore/previews/{id}", action: runs.ActionLook, target: "run"}, showPreview)
	p.add(route{method: http.MethodPost, path: "restore/previews/{id}/again", action: preview, target: "run"}, previewAgain)
	p.add(route{method: http.MethodPost, path: "restore", action: execute, target: "run"}, startRestore)
}

// restoreNotices are what the forms of these pages have done.
var restoreNotices = map[string]string{
	"preview_started": "The preview has started. Nothing is changed in the tenant.",
	"restore_started": "The restore was started. What it does stands below.",
	"preview_reused":  "Such a preview had been started already. This is it.",
}

// lately is how many previews and restores the first page lists.
const lately = 15

type pickSetData struct {
	May     bool // make previews
	Sources []choice
	From    graph.TenantID
	Sets    []pickSetRow
	Pager   pager
	Lately  []lateRun
}

type pickSetRow struct {
	backupset.BackupSet
	Origin origin
	Next   string
}

// lateRun is a preview or a restore that was made lately.
type lateRun struct {
	runs.Run
	About   subject
	Badge   badge
	Path    string
	Outcome string // what it says, or did, in words
}

// pickSet is the first page of the wizard: which set to restore from. It also has what was made
// lately.
func pickSet(v *visit) (answer, error) {
	s, err := v.selection(v.query)
	if err != nil {
		return nil, err
	}
	data := pickSetData{May: v.may(runs.StartAction(runs.KindRestorePreview)), From: s.From}
	if data.May && s.Set != "" {
		if policy := runs.ID(v.query.Get("policy")); policy != "" {
			if s, err = v.ofPolicy(s, policy); err != nil {
				return nil, err
			}
		}
		return see{path: v.path("restore", "items") + s.Query()}, nil
	}
	if data.May {
		if err := data.sets(v, s); err != nil {
			return nil, err
		}
	}
	made, err := v.cfg.Starter.List(v.ctx(), v.tenant, v.actor, runs.RunFilter{Kinds: []runs.Kind{runs.KindRestorePreview, runs.KindRestoreExecute}},
		runs.PageRequest{Limit: lately})
	if err != nil {
		return nil, err
	}
	about, err := v.subjects(made.Items)
	if err != nil {
		return nil, err
	}
	for _, r := range made.Items {
		late := lateRun{Run: r, About: about[r.ID], Badge: runBadge(r), Path: v.path("runs", string(r.ID)), Outcome: outcomeWords(r)}
		if r.Kind == runs.KindRestorePreview {
			late.Path = v.path("restore", "previews", string(r.ID))
		}
		data.Lately = append(data.Lately, late)
	}
	return page{template: "restore", title: "Restore", section: "restore", data: data}, nil
}

// sets reads a page of the sets of the source.
func (d *pickSetData) sets(v *visit, s selection) error {
	sources, err := v.sources()
	if err != nil {
		return err
	}
	for _, t := range sources {
		from := string(t.ID)
		if t.ID == v.tenant {
			from = ""
		}
		d.Sources = append(d.Sources, choice{Value: from, Label: t.Name, Current: t.ID == v.source(s), Path: v.with("from", from)})
	}
	pr, err := v.pageRequest()
	if err != nil {
		return err
	}
	if v.query.Get("limit") == "" {
		pr.Limit = lately
	}
	found, err := v.cfg.Archive.List(v.ctx(), v.source(s), v.actor,
		backupset.SetFilter{Statuses: []backupset.Status{backupset.Complete, backupset.Partial}}, pr)
	if err != nil {
		return err
	}
	origins, err := v.origins(v.source(s), found.Items...)
	if err != nil {
		return err
	}
	for _, set := range found.Items {
		next := selection{From: s.From, Set: set.ID, Options: s.Options}
		row := pickSetRow{BackupSet: set, Origin: origins[set.ID]}
		if !hollow(set) {
			row.Next = v.path("restore", "items") + next.Query()
		}
		d.Sets = append(d.Sets, row)
	}
	d.Pager = v.pager(found.NextCursor)
	return nil
}

// outcomeWords says what a preview found or a restore did.
func outcomeWords(r runs.Run) string {
	if r.Summary == nil {
		return ""
	}
	if r.Kind == runs.KindRestorePreview {
		var s restore.Summary
		if json.Unmarshal(r.Summary, &s) != nil {
			return ""
		}
		var n []counted
		for _, a := range previewActions {
			n = append(n, counted{s.Totals[a], string(a)})
		}
		return countedWords(n...)
	}
	var s restore.ExecuteSummary
	if json.Unmarshal(r.Summary, &s) != nil {
		return ""
	}
	return countedWords(counted{s.Created, "created"}, counted{s.Changed, "changed"}, counted{s.Skipped - s.Blocked, "skipped"},
		counted{s.Blocked, "blocked"}, counted{s.Failed, "failed"})
}

type counted struct {
	n    int
	word string
}

// countedWords is "3 create, 2 skip": what is not 0.
func countedWords(list ...counted) string {
	list = slices.DeleteFunc(list, func(c counted) bool { return c.n == 0 })
	text := ""
	for i, c := range list {
		if i > 0 {
			text += ", "
		}
		text += number(c.n) + " " + c.word
	}
	return text
}
