package pages

import (
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

const (
	foundShown = 50  // policies that a search shows
	smallSet   = 100 // up to so many, all policies are shown without a search
)

type pickItemsData struct {
	Selection selection
	Set       backupset.BackupSet
	From      string // the name of another tenant
	Origin    origin
	Types     []restoreType
	NotThese  []restoreType // cannot be written back
	Chosen    []backupset.Item
	Found     []backupset.Item
	More      bool // there are more than were shown
	Searched  bool
	Search    string
	Step1     string           // leads back to the choice of a set
	In        graph.PolicyType // the type that is searched
}

// restoreType is a policy type of the set.
type restoreType struct {
	Type   graph.PolicyType
	Name   string
	Count  int
	Chosen bool
	Why    string // it cannot be restored
}

// pickItems is the second page of the wizard: which policies. Whole types, and single ones that
// are found by their names, so that a set of thousands is no giant page.
func pickItems(v *visit) (answer, error) {
	s, err := v.selection(v.query)
	if err != nil {
		return nil, err
	}
	if s.Set == "" {
		return see{path: v.path("restore") + s.Query()}, nil
	}
	return v.itemsPage(s, nil)
}

func (v *visit) itemsPage(s selection, bad []runs.FieldError) (answer, error) {
	data, err := v.chosenSet(s)
	if err != nil {
		return nil, err
	}
	data.Search, data.In = strings.TrimSpace(v.query.Get("q")), graph.PolicyType(v.query.Get("in"))
	var wrong runs.InvalidError
	v.typeOf(&wrong, "in", manifestTypes(data.Set)...)
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	if err := data.search(v); err != nil {
		return nil, err
	}
	return page{template: "restore_items", title: "Restore: pick policies", section: "restore", data: data, errors: bad}, nil
}

// chosenSet reads the set that is chosen, and what of it.
func (v *visit) chosenSet(s selection) (*pickItemsData, error) {
	set, err := v.cfg.Archive.Get(v.ctx(), v.source(s), v.actor, s.Set)
	if err != nil {
		return nil, err
	}
	data := &pickItemsData{Selection: s, Set: set, Step1: v.otherSet(s)}
	if data.Origin, err = v.originOf(v.source(s), set); err != nil {
		return nil, err
	}
	if s.From != "" {
		data.From = v.tenantName(s.From)
	}
	for _, m := range set.Types {
		if m.Captured == 0 {
			continue
		}
		t := restoreType{Type: m.Type, Name: v.typeName(m.Type), Count: m.Captured, Chosen: slices.Contains(s.Types, m.Type)}
		if t.Why = v.notRestorable(m.Type); t.Why != "" {
			data.NotThese = append(data.NotThese, t)
			continue
		}
		data.Types = append(data.Types, t)
	}
	if len(s.Items) > 0 {
		found, err := v.cfg.Archive.Items(v.ctx(), v.source(s), v.actor, set.ID, backupset.SetItemFilter{IDs: s.Items}, runs.PageRequest{Limit: mostSingles})
		if err != nil {
			return nil, err
		}
		data.Chosen = found.Items
		byName(data.Chosen)
	}
	return data, nil
}

// otherSet is the first page of the wizard, of the same source and with the same options.
func (v *visit) otherSet(s selection) string {
	return strings.TrimSuffix(v.path("restore")+selection{From: s.From, Options: s.Options}.Query(), "?")
}

// notRestorable says why a type cannot be written back; empty when it can.
func (v *visit) notRestorable(t graph.PolicyType) string {
	info, known := v.cfg.Catalogue.Lookup(t)
	switch {
	case !known:
		return "This version does not know the type."
	case info.Support == graph.Restorable:
		return ""
	case info.Note != "":
		return sentence(info.Note)
	}
	return "Microsoft Graph offers no way to write it back."
}

// search looks for policies that are not chosen yet. In a small set all of them are shown.
func (d *pickItemsData) search(v *visit) error {
	d.Searched = d.Search != "" || d.In != ""
	if !d.Searched && d.Set.ItemsCount > smallSet {
		return nil
	}
	limit := foundShown
	if !d.Searched {
		limit = smallSet
	}
	part := strings.ToLower(d.Search)
	err := v.eachItem(d.Selection, d.Set, backupset.SetItemFilter{Type: d.In}, func(i backupset.Item) bool {
		if slices.Contains(d.Selection.Items, i.ID) || v.notRestorable(i.Type) != "" || !strings.Contains(strings.ToLower(i.Name), part) {
			return true
		}
		if d.More = len(d.Found) == limit; d.More {
			return false
		}
		d.Found = append(d.Found, i)
		return true
	})
	byName(d.Found)
	return err
}

func byName(items []backupset.Item) {
	slices.SortFunc(items, func(a, b backupset.Item) int {
		if n := strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)); n != 0 {
			return n
		}
		return strings.Compare(string(a.ID), string(b.ID))
	})
}

// Words say in one line what is chosen: "2 whole types (31 policies), 3 single policies".
func (d *pickItemsData) Words() string {
	if d.Selection.All {
		return "everything in the set, " + count(d.Set.ItemsCount, "policy", "policies")
	}
	var parts []string
	for _, t := range d.Types {
		if t.Chosen {
			parts = append(parts, "all of "+t.Name+" ("+number(t.Count)+")")
		}
	}
	if n := len(d.Chosen); n > 0 {
		parts = append(parts, count(n, "single policy", "single policies"))
	}
	return strings.Join(parts, ", ")
}
