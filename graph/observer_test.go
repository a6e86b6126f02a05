package graph_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
)

// scripted answers every call with the same error.
type scripted struct{ err error }

func (s scripted) List(_ context.Context, _ graph.TenantID, _ graph.PolicyType, page func(graph.Page) error) error {
	if err := page(graph.Page{Headers: make([]graph.Header, 3)}); err != nil {
		return err
	}
	return s.err
}

func (s scripted) Get(_ context.Context, _ graph.TenantID, _ graph.PolicyType, ids []string) ([]graph.Result, error) {
	list := make([]graph.Result, len(ids))
	list[0].Err = &graph.Error{Kind: graph.KindNotFound}
	return list, s.err
}

func (s scripted) Resolve(_ context.Context, _ graph.TenantID, refs []graph.Reference) ([]graph.Resolution, error) {
	return make([]graph.Resolution, len(refs)), s.err
}

func (s scripted) Create(context.Context, graph.TenantID, graph.PolicyType, json.RawMessage) (string, error) {
	return "new", s.err
}

func (s scripted) Update(context.Context, graph.TenantID, graph.PolicyType, string, json.RawMessage) error {
	return s.err
}

func (s scripted) Assign(context.Context, graph.TenantID, graph.PolicyType, string, []json.RawMessage) error {
	return s.err
}

func TestEveryCallToGraphIsObserved(t *testing.T) {
	const tenant, policyType = graph.TenantID("contoso"), graph.PolicyType("settingsCatalogPolicy")
	throttled := &graph.Error{Kind: graph.KindThrottled, StatusCode: 429, Err: errors.New("hunter2")}
	keep := func(graph.Page) error { return nil }
	stop := func(graph.Page) error { return errors.New("enough") }
	ended, end := context.WithCancel(t.Context())
	end()
	for name, c := range map[string]struct {
		err    error
		act    func(graph.Reader, graph.Writer) error
		op     graph.Op
		want   graph.CallEnd
		failed bool
	}{
		"a listing": {nil, func(r graph.Reader, _ graph.Writer) error { return r.List(t.Context(), tenant, policyType, keep) },
			graph.OpList, graph.CallEnd{Policies: 3}, false},
		"a listing that Graph ends": {throttled, func(r graph.Reader, _ graph.Writer) error { return r.List(t.Context(), tenant, policyType, keep) },
			graph.OpList, graph.CallEnd{Policies: 3, Failure: graph.KindThrottled, StatusCode: 429}, true},
		"a listing that its caller ends": {nil, func(r graph.Reader, _ graph.Writer) error { return r.List(t.Context(), tenant, policyType, stop) },
			graph.OpList, graph.CallEnd{Policies: 3, Stopped: true}, true},
		"a fetch": {nil, func(r graph.Reader, _ graph.Writer) error {
			list, err := r.Get(t.Context(), tenant, policyType, []string{"a", "b"})
			if len(list) != 2 {
				t.Errorf("%d results", len(list))
			}
			return err
		}, graph.OpGet, graph.CallEnd{Policies: 1, Failed: 1}, false},
		"a fetch whose context has ended": {context.Canceled, func(r graph.Reader, _ graph.Writer) error {
			_, err := r.Get(ended, tenant, policyType, []string{"a"})
			return err
		}, graph.OpGet, graph.CallEnd{Failed: 1, Stopped: true}, true},
		"a lookup": {nil, func(r graph.Reader, _ graph.Writer) error {
			list, err := r.Resolve(t.Context(), tenant, make([]graph.Reference, 2))
			if len(list) != 2 {
				t.Errorf("%d resolutions", len(list))
			}
			return err
		}, graph.OpResolve, graph.CallEnd{Policies: 2}, false},
		"a creation": {nil, func(_ graph.Reader, w graph.Writer) error {
			id, err := w.Create(t.Context(), tenant, policyType, nil)
			if id != "new" {
				t.Errorf("id %q", id)
			}
			return err
		}, graph.OpCreate, graph.CallEnd{Policies: 1}, false},
		"a creation that fails": {errors.New("no answer"), func(_ graph.Reader, w graph.Writer) error {
			_, err := w.Create(t.Context(), tenant, policyType, nil)
			return err
		}, graph.OpCreate, graph.CallEnd{Failure: graph.KindInternal}, true},
		"an update": {nil, func(_ graph.Reader, w graph.Writer) error { return w.Update(t.Context(), tenant, policyType, "a", nil) },
			graph.OpUpdate, graph.CallEnd{Policies: 1}, false},
		"an assignment": {nil, func(_ graph.Reader, w graph.Writer) error { return w.Assign(t.Context(), tenant, policyType, "a", nil) },
			graph.OpAssign, graph.CallEnd{Policies: 1}, false},
	} {
		var calls []graph.Call
		var ends []graph.CallEnd
		observer := graph.Observer{Call: func(ctx context.Context, c graph.Call) (context.Context, func(graph.CallEnd)) {
			calls = append(calls, c)
			return ctx, func(e graph.CallEnd) { ends = append(ends, e) }
		}}
		err := c.act(graph.ObserveReader(scripted{c.err}, observer), graph.ObserveWriter(scripted{c.err}, observer))
		if (err != nil) != c.failed {
			t.Errorf("%s: error %v", name, err)
		}
		call := graph.Call{Op: c.op, Tenant: tenant, Type: policyType}
		if c.op == graph.OpResolve {
			call.Type = ""
		}
		if diff := cmp.Diff([]graph.Call{call}, calls); diff != "" {
			t.Errorf("%s: calls (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff([]graph.CallEnd{c.want}, ends); diff != "" {
			t.Errorf("%s: ends (-want +got):\n%s", name, diff)
		}
	}
}
