package pages

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/capture"
)

// refusedRun is a run that somebody comes from to the permissions, since Microsoft Graph refused
// policy types in it.
type refusedRun struct {
	Title    string
	Path     string
	Retry    string // where the form of a retry goes; empty when the actor may not, or it is no use
	Types    []refusedType
	Lacking  int // types that still lack a permission
	Restores bool
}

// refusedType is a type that was refused then, held against what is granted now.
type refusedType struct {
	Name    string
	Missing []string // what is missing now, one demand each
	Unknown bool     // these pages do not know what it needs

	key graph.PolicyType
}

// refusedIn reads what a run was refused. A run that was refused nothing has no types.
func (v *visit) refusedIn(id runs.ID) (*refusedRun, error) {
	run, err := v.cfg.Starter.Get(v.ctx(), v.tenant, v.actor, id)
	if err != nil {
		return nil, err
	}
	about, err := v.subjects([]runs.Run{run})
	if err != nil {
		return nil, err
	}
	r := &refusedRun{Title: kindWords(run.Kind), Path: v.path("runs", string(run.ID)), Restores: run.Kind == runs.KindRestoreExecute}
	if name := about[run.ID].Name; name != "" {
		r.Title += ": " + name
	}
	retry, err := v.mayRetry(run)
	if err != nil {
		return nil, err
	}
	if retry {
		r.Retry = v.path("runs", string(run.ID), "retry")
	}
	add := func(t graph.PolicyType) {
		if !slices.ContainsFunc(r.Types, func(have refusedType) bool { return have.key == t }) {
			r.Types = append(r.Types, refusedType{Name: v.typeName(t), key: t})
		}
	}
	var s capture.Summary // of a capture it names all types
	if json.Unmarshal(run.Summary, &s) == nil {
		for t, b := range s.TypeBreakdown {
			if b.Forbidden {
				add(t)
			}
		}
	}
	failed, err := v.cfg.Starter.Items(v.ctx(), v.tenant, v.actor, run.ID, runs.ItemFilter{Statuses: []runs.ItemStatus{runs.ItemFailed}}, runs.PageRequest{Limit: runs.MaxPageSize})
	if err != nil {
		return nil, err
	}
	for _, item := range failed.Items {
		if item.Reason == runs.ReasonForbidden {
			add(item.PolicyType)
		}
	}
	slices.SortFunc(r.Types, func(a, b refusedType) int { return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return r, nil
}

// hold says of each type what is missing now.
func (r *refusedRun) hold(list []graph.Access) {
	for i := range r.Types {
		t := &r.Types[i]
		at := slices.IndexFunc(list, func(a graph.Access) bool { return a.Info.Key == t.key })
		if t.Unknown = at < 0; t.Unknown {
			continue
		}
		t.Missing = demands(list[at].Missing.Read)
		if r.Restores {
			t.Missing = append(t.Missing, demands(list[at].Missing.Write)...)
		}
		if len(t.Missing) > 0 {
			r.Lacking++
		}
	}
}
