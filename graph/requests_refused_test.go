package graph_test

import (
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
)

// Rules that no client could follow are refused when the catalogue is made, and the error
// names the field.
func TestRequestsThatCannotBeMadeAreRefused(t *testing.T) {
	type change = func(*graph.TypeInfo)
	part := func(set func(*graph.PartRule)) change {
		return func(i *graph.TypeInfo) { set(&i.Read.Parts[1]) }
	}
	step := func(set func(*graph.StepRule)) change {
		return func(i *graph.TypeInfo) { set(&i.Write.Requests.Steps[0]) }
	}
	typed := func(kind, path, query string) change {
		return func(i *graph.TypeInfo) { i.Read.Typed[kind] = graph.TypedRule{Path: path, ItemQuery: query} }
	}
	for _, tt := range []struct {
		name, field string
		change      change
	}{
		{"a path with a query", "Path", func(i *graph.TypeInfo) { i.Path = "/own/things?$top=1" }},
		{"a path that leads up", "Path", func(i *graph.TypeInfo) { i.Path = "/own/../things" }},
		{"a path with an empty segment", "Path", func(i *graph.TypeInfo) { i.Path = "/own//things" }},
		{"a path that ends with a slash", "Path", func(i *graph.TypeInfo) { i.Path = "/own/things/" }},

		{"a query that is not escaped", "Read.ListQuery", func(i *graph.TypeInfo) { i.Read.ListQuery = "$filter=a eq 1" }},
		{"a query with its question mark", "Read.ItemQuery", func(i *graph.TypeInfo) { i.Read.ItemQuery = "?$top=1" }},
		{"a query with a fragment", "Read.ItemQuery", func(i *graph.TypeInfo) { i.Read.ItemQuery = "$top=1#a" }},
		{"a query with a broken escape", "Read.ListQuery", func(i *graph.TypeInfo) { i.Read.ListQuery = "$filter=%zz" }},

		{"types by collection and by Only", "Read.Typed", func(i *graph.TypeInfo) { i.Read.Only = []string{"#own.red"} }},
		{"a typed path that is relative", "Read.Typed", typed("#own.red", "own/reds", "")},
		{"a typed query that is not escaped", "Read.Typed", typed("#own.red", "/own/reds", "a b")},
		{"a type without #", "Read.Typed", typed("own.red", "/own/reds", "")},
		{"one type in Only and Except", "Read.Except", func(i *graph.TypeInfo) {
			i.Read.Typed, i.Read.Only, i.Read.Except = nil, []string{"#own.red"}, []string{"#own.red"}
		}},
		{"a type twice", "Read.Only", func(i *graph.TypeInfo) { i.Read.Typed, i.Read.Only = nil, []string{"#own.red", "#own.red"} }},
		{"a type without a namespace", "Read.Only", func(i *graph.TypeInfo) { i.Read.Typed, i.Read.Only = nil, []string{"#red"} }},
		{"objects left out of a listing of all", "Read.LeftOut", func(i *graph.TypeInfo) {
			i.Read.ListQuery, i.Read.LeftOut = "", []graph.DefaultRule{{Property: "used", Values: []string{"false"}}}
		}},
		{"an unlisted path", "Read.Unlisted", func(i *graph.TypeInfo) { i.Read.Unlisted = []string{"a.b"} }},

		{"a singleton with a list", "Read.Singleton", func(i *graph.TypeInfo) { i.Read.Singleton = true }},
		{"a complete list with parts", "Read.Parts", func(i *graph.TypeInfo) {
			i.ListComplete, i.Read = true, graph.ReadRules{Parts: i.Read.Parts}
		}},
		{"a complete list with secrets", "Read.Masked", func(i *graph.TypeInfo) {
			i.ListComplete, i.Read = true, graph.ReadRules{Masked: true}
		}},
		{"a complete list that lacks something", "Read.Unlisted", func(i *graph.TypeInfo) {
			i.ListComplete, i.Read = true, graph.ReadRules{Unlisted: []string{"image"}}
		}},

		{"a part without a name", "Read.Parts[1].Name", part(func(p *graph.PartRule) { p.Name = "" })},
		{"two parts of one name", "Read.Parts[1].Name", part(func(p *graph.PartRule) { p.Name = "assignments" })},
		{"a part without a path", "Read.Parts[1].Path", part(func(p *graph.PartRule) { p.Path = "" })},
		{"a part with an absolute path", "Read.Parts[1].Path", part(func(p *graph.PartRule) { p.Path = "/rules" })},
		{"a part that leads up", "Read.Parts[1].Path", part(func(p *graph.PartRule) { p.Path = ".." })},
		{"a part with a broken query", "Read.Parts[1].Query", part(func(p *graph.PartRule) { p.Query = "$top=1 2" })},
		{"a count that is a path", "Read.Parts[1].Count", part(func(p *graph.PartRule) { p.Count = "a.b" })},
		{"a query by id without a path", "Read.Parts[1].ByIDQuery", part(func(p *graph.PartRule) { p.ByIDQuery = "$top=1" })},
		{"a relative path by id", "Read.Parts[1].ByID", part(func(p *graph.PartRule) { p.ByID = "own/rules" })},
		{"an inner part without a path", "Read.Parts[1].Each[0].Path", part(func(p *graph.PartRule) { p.Each[0].Path = "" })},

		{"an unknown workload", "Workload", func(i *graph.TypeInfo) { i.Workload = "mail" }},
		{"a demand that nothing meets", "Permissions.Read[1]", func(i *graph.TypeInfo) { i.Permissions.Read = append(i.Permissions.Read, nil) }},
		{"a permission that is none", "Permissions.Write[0]", func(i *graph.TypeInfo) { i.Permissions.Write[0] = graph.Permission{"everything"} }},

		{"PUT where an update does not replace", "Write.Requests.Put", func(i *graph.TypeInfo) { i.Write.Replaces = false }},
		{"PUT and chosen ids", "Write.Requests.Put", func(i *graph.TypeInfo) { i.Write.Requests.Upsert = true }},
		{"first and later properties", "Write.Requests.First", func(i *graph.TypeInfo) { i.Write.Requests.Later = []string{"body"} }},
		{"an envelope without a path", "Write.Requests.UpdatePath", func(i *graph.TypeInfo) { i.Write.Requests.Envelope = "all" }},
		{"an envelope of a collection", "Write.Requests.UpdatePath", func(i *graph.TypeInfo) {
			i.Write.Requests.Envelope, i.Write.Requests.UpdatePath = "all", "/own"
		}},
		{"a key for assignments that are posted one by one", "Write.Requests.AssignKey", func(i *graph.TypeInfo) { i.Write.Requests.AssignEach = true }},
		{"a key for assignments that are not", "Write.Requests.AssignKey", func(i *graph.TypeInfo) { i.Write.Assigned = false }},
		{"assignments one by one that are not", "Write.Requests.AssignEach", func(i *graph.TypeInfo) {
			i.Write.Assigned, i.Write.Requests.AssignKey, i.Write.Requests.AssignEach = false, "", true
		}},
		{"an unknown hook", "Write.Requests.Hook", func(i *graph.TypeInfo) { i.Write.Requests.Hook = "own" }},

		{"a step without a part", "Steps[0].Part", step(func(s *graph.StepRule) { s.Part = "" })},
		{"a step for assignments", "Steps[0].Part", step(func(s *graph.StepRule) { s.Part = "assignments" })},
		{"two steps of one part", "Steps[1].Part", step(func(s *graph.StepRule) { s.Part = "notes" })},
		{"an action without a key", "Steps[0].Action", step(func(s *graph.StepRule) { s.Key = "" })},
		{"an action that is a path", "Steps[0].Action", step(func(s *graph.StepRule) { s.Action = "a/b" })},
		{"properties beside no action", "Steps[0].With", step(func(s *graph.StepRule) { s.Action, s.Key = "", "" })},
		{"an action that matches", "Steps[0].Match", step(func(s *graph.StepRule) { s.Match = "name" })},
		{"links that are matched", "Steps[2].Match", func(i *graph.TypeInfo) { i.Write.Requests.Steps[2].Match = "name" }},
		{"a link that is relative", "Steps[2].Link", func(i *graph.TypeInfo) { i.Write.Requests.Steps[2].Link = "own/tags" }},

		{"a view of a type that is not there", "ViewOf", func(i *graph.TypeInfo) { i.Support, i.ViewOf = graph.LookupOnly, "nothing" }},
		{"a view of a view", "ViewOf", func(i *graph.TypeInfo) { i.Support, i.ViewOf = graph.LookupOnly, "endpointSecurityPolicy" }},
		{"a view that is captured", "ViewOf", func(i *graph.TypeInfo) { i.ViewOf = "settingsCatalogPolicy" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			info := everyRule()
			tt.change(&info)
			if _, err := graph.Catalog.With(info); err == nil || !strings.Contains(err.Error(), tt.field) {
				t.Errorf("With: %v; want a refusal that names %s", err, tt.field)
			}
		})
	}
}

func TestAViewIsAccepted(t *testing.T) {
	info := own("ownView")
	info.Support, info.ViewOf = graph.LookupOnly, "settingsCatalogPolicy"
	if _, err := graph.Catalog.With(info); err != nil {
		t.Error(err)
	}
}
