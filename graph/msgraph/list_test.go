package msgraph_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/msgraph"
)

// listed lists things.
func listed(t *testing.T, c *msgraph.Client) (ids []string, headers []graph.Header, err error) {
	t.Helper()
	err = c.List(t.Context(), contoso, "thing", func(p graph.Page) error {
		for _, h := range p.Headers {
			ids = append(ids, h.ID)
			headers = append(headers, h)
		}
		return nil
	})
	return ids, headers, err
}

func TestAListingFollowsEveryPage(t *testing.T) {
	s := serveCanned(t, map[string]any{
		"/beta/things?$filter=a eq 'b'": `{"value":[{"id":"1","displayName":"One","@odata.type":"#x"}],"@odata.nextLink":"ROOT/beta/things?$skip=1"}`,
		"/beta/things?$skip=1":          `{"value":[],"@odata.nextLink":"ROOT/beta/things?$skip=2"}`,
		"/beta/things?$skip=2":          `{"value":[{"id":"2","displayName":null}]}`,
	})
	c := s.client(t, thing(func(i *graph.TypeInfo) { i.Read.ListQuery = "$filter=a%20eq%20'b'" }))
	_, headers, err := listed(t, c)
	if err != nil {
		t.Fatal(err)
	}
	want := []graph.Header{{ID: "1", Name: "One", ODataType: "#x"}, {ID: "2"}}
	if diff := cmp.Diff(want, headers); diff != "" {
		t.Error(diff)
	}
}

func TestAListingThatBreaksOffIsAnError(t *testing.T) {
	for name, second := range map[string]any{
		"a failure": 500, "a cut body": `{"value":[{"id":"2"}`, "no collection": `{}`, "gone": 404,
	} {
		t.Run(name, func(t *testing.T) {
			s := serveCanned(t, map[string]any{
				"/beta/things":         `{"value":[{"id":"1"}],"@odata.nextLink":"ROOT/beta/things?$skip=1"}`,
				"/beta/things?$skip=1": second,
			})
			ids, _, err := listed(t, s.client(t, thing(nil)))
			if err == nil || len(ids) != 1 {
				t.Errorf("listed %v, error %v; want the first page and an error", ids, err)
			}
		})
	}
}

func TestARowThatCannotBeReadIsNeverLeftOut(t *testing.T) {
	for name, row := range map[string]string{
		"without an id":       `{"displayName":"x"}`,
		"with an empty id":    `{"id":""}`,
		"with a number as id": `{"id":7}`,
		"that is no object":   `"x"`,
		"that is null":        `null`,
	} {
		t.Run(name, func(t *testing.T) {
			s := serveCanned(t, map[string]any{"/beta/things": `{"value":[{"id":"1"},` + row + `]}`})
			_, _, err := listed(t, s.client(t, thing(nil)))
			wantKind(t, err, graph.KindIncomplete)
		})
	}
}

func TestRowsOfATypeWhoseListingIsCompleteAreItsPolicies(t *testing.T) {
	row := `{ "id":"1", "big":12345678901234567890.10, "displayName":"Ünï", "esc":"\u003c" }`
	s := serveCanned(t, map[string]any{"/beta/things": `{"value":[` + row + `,{"id":"2","inner":{"x@odata.nextLink":"ROOT/beta/more"}}]}`})
	_, headers, err := listed(t, s.client(t, thing(func(i *graph.TypeInfo) { i.ListComplete = true })))
	if err != nil {
		t.Fatal(err)
	}
	want := graph.Header{ID: "1", Name: "Ünï", Policy: &graph.Policy{Type: "thing", ID: "1", Name: "Ünï", Raw: []byte(row)}}
	if diff := cmp.Diff(want, headers[0]); diff != "" {
		t.Errorf("the row is not kept as it came: %s", diff)
	}
	if headers[1].Policy != nil {
		t.Error("a row with a collection that Graph has cut passes for the whole policy")
	}
}

func TestTypesThatShareACollectionAreToldApart(t *testing.T) {
	rows := `{"value":[{"id":"a","@odata.type":"#microsoft.graph.a"},{"id":"b","@odata.type":"#microsoft.graph.b"},{"id":"c","@odata.type":"#microsoft.graph.c"}]}`
	for name, tt := range map[string]struct {
		read graph.ReadRules
		want []string
	}{
		"only":   {graph.ReadRules{Only: []string{"#microsoft.graph.a", "#microsoft.graph.c"}}, []string{"a", "c"}},
		"except": {graph.ReadRules{Except: []string{"#microsoft.graph.a"}}, []string{"b", "c"}},
		"typed":  {graph.ReadRules{Typed: map[string]graph.TypedRule{"#microsoft.graph.b": {Path: "/bs"}}}, []string{"b"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := serveCanned(t, map[string]any{"/beta/things": rows})
			ids, _, err := listed(t, s.client(t, thing(func(i *graph.TypeInfo) { i.Read = tt.read })))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, ids); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestARowThatDoesNotSayItsTypeIsAnErrorWhereThatDecides(t *testing.T) {
	s := serveCanned(t, map[string]any{"/beta/things": `{"value":[{"id":"a"}]}`})
	_, _, err := listed(t, s.client(t, thing(func(i *graph.TypeInfo) { i.Read.Only = []string{"#microsoft.graph.a"} })))
	wantKind(t, err, graph.KindIncomplete)
}

func TestASingletonIsOneObjectByTheKeyOfItsType(t *testing.T) {
	s := serveCanned(t, map[string]any{"/beta/things": `{"secure":true}`})
	c := s.client(t, thing(func(i *graph.TypeInfo) { i.Read.Singleton, i.NameProperty = true, "" }))
	ids, _, err := listed(t, c)
	if err != nil || len(ids) != 1 || ids[0] != "thing" {
		t.Fatalf("listed %v, error %v", ids, err)
	}
	if p := one(t, c, "thing"); string(p.Raw) != `{"secure":true}` || p.ID != "thing" {
		t.Errorf("got %s", p.Raw)
	}
	wantKind(t, get(t, c, "other")[0].Err, graph.KindNotFound)
}

func TestAnErrorOfThePageFunctionComesBackAsItIs(t *testing.T) {
	s := serveCanned(t, map[string]any{"/beta/things": `{"value":[{"id":"1"}],"@odata.nextLink":"ROOT/beta/never"}`})
	mine := errors.New("enough")
	err := s.client(t, thing(nil)).List(t.Context(), contoso, "thing", func(graph.Page) error { return mine })
	if err != mine || s.times("/beta/never") != 0 {
		t.Errorf("the error is %v, and the next page was asked for %d times", err, s.times("/beta/never"))
	}
}

func TestTypesThatAreNotCapturedAreUnsupported(t *testing.T) {
	s := serveCanned(t, nil)
	c := s.client(t, thing(func(i *graph.TypeInfo) { i.Support = graph.LookupOnly }))
	for _, key := range []graph.PolicyType{"thing", "unknown"} {
		wantKind(t, c.List(t.Context(), contoso, key, func(graph.Page) error { return nil }), graph.KindUnsupported)
		_, err := c.Get(t.Context(), contoso, key, []string{"1"})
		wantKind(t, err, graph.KindUnsupported)
	}
	if s.calls != 0 {
		t.Errorf("%d requests", s.calls)
	}
}
