package msgraph_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
)

// withParts is thing with parts.
func withParts(parts ...graph.PartRule) graph.TypeInfo {
	return thing(func(i *graph.TypeInfo) { i.Read.Parts = parts })
}

func partsOf(p graph.Policy) map[string]string {
	out := map[string]string{}
	for _, part := range p.Parts {
		out[part.Name] = string(part.Raw)
	}
	return out
}

func TestObjectsAndPartsAreKeptByteForByte(t *testing.T) {
	raw, settings := `{ "id":"1",  "displayName":"One","@odata.type":"#x","n":1.50 }`, `[ {"id":"s1", "v":12345678901234567890} ,{"id":"s2"}]`
	s := serveCanned(t, map[string]any{
		"/beta/things/1?$expand=a":          strings.Replace(raw, "}", `,"a":[] }`, 1),
		"/beta/things/1/settings?$top=1000": `{"@odata.context":"x","value":` + settings + `}`,
		"/beta/things/1/assignments":        `{"value":[]}`,
	})
	info := withParts(graph.PartRule{Name: "assignments", Path: "assignments"}, graph.PartRule{Name: "settings", Path: "settings", Query: "$top=1000"})
	info.Read.ItemQuery = "$expand=a"
	p := one(t, s.client(t, info), "1")
	want := graph.Policy{Type: "thing", ID: "1", Name: "One", ODataType: "#x", Raw: []byte(strings.Replace(raw, "}", `,"a":[] }`, 1)),
		Parts: []graph.Part{{Name: "assignments", Raw: []byte("[]")}, {Name: "settings", Raw: []byte(settings)}}}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Error(diff)
	}
}

func TestManyObjectsAreReadInBatchesAndAnsweredInOrder(t *testing.T) {
	answers, ids := map[string]any{}, []string(nil)
	for i := range 105 {
		id := fmt.Sprintf("t-%03d", (i*37)%105)
		ids = append(ids, id)
		answers["/beta/things/"+id] = `{"id":"` + id + `"}`
		answers["/beta/things/"+id+"/parts"] = `{"value":[{"of":"` + id + `"}]}`
	}
	answers["/beta/things/t-050"] = 404
	answers["/beta/things/t-060"] = 403
	answers["/beta/things/t-070/parts"] = 403
	s := serveCanned(t, answers)
	for i, r := range get(t, s.client(t, withParts(graph.PartRule{Name: "parts", Path: "parts"})), ids...) {
		if r.ID != ids[i] {
			t.Fatalf("result %d is of %s, want %s", i, r.ID, ids[i])
		}
		switch r.ID {
		case "t-050":
			wantKind(t, r.Err, graph.KindNotFound)
		case "t-060", "t-070":
			wantKind(t, r.Err, graph.KindForbidden)
		default:
			if r.Err != nil || partsOf(r.Policy)["parts"] != `[{"of":"`+r.ID+`"}]` {
				t.Errorf("%s: %v, error %v", r.ID, partsOf(r.Policy), r.Err)
			}
		}
	}
	if s.calls > 13 { // 210 requests, 20 to a batch, at most 20 objects to a group
		t.Errorf("%d HTTP requests", s.calls)
	}
}

func TestPagesOfAPartAreJoinedAndAnElementOnTwoPagesCountsOnce(t *testing.T) {
	s := serveCanned(t, map[string]any{
		"/beta/things/1":               `{"id":"1","n":4}`,
		"/beta/things/1/parts":         `{"value":[{"id":"a", "v":1},{"id":"b"}],"@odata.nextLink":"ROOT/beta/things/1/parts?$skip=2"}`,
		"/beta/things/1/parts?$skip=2": `{"value":[],"@odata.nextLink":"ROOT/beta/things/1/parts?$skip=3"}`,
		"/beta/things/1/parts?$skip=3": `{"value":[{"id":"b","new":1},{"id":"c"},{"v" : 2}]}`,
	})
	p := one(t, s.client(t, withParts(graph.PartRule{Name: "parts", Path: "parts", Count: "n"})), "1")
	if want := `[{"id":"a", "v":1},{"id":"b","new":1},{"id":"c"},{"v" : 2}]`; partsOf(p)["parts"] != want {
		t.Errorf("got  %s\nwant %s", partsOf(p)["parts"], want)
	}
}

func TestALinkInOtherLettersIsFollowed(t *testing.T) {
	s := serveCanned(t, map[string]any{
		"/beta/things/1":               `{"id":"1"}`,
		"/beta/things/1/parts":         `{"value":[{"v":"a"}],"@odata.nextlink":"ROOT/beta/things/1/parts?$skip=1"}`,
		"/beta/things/1/parts?$skip=1": `{"value":[{"v":"b"}]}`,
	})
	p := one(t, s.client(t, withParts(graph.PartRule{Name: "parts", Path: "parts"})), "1")
	if want := `[{"v":"a"},{"v":"b"}]`; partsOf(p)["parts"] != want {
		t.Errorf("got  %s\nwant %s", partsOf(p)["parts"], want)
	}
}

func TestAPartWithAnotherNumberOfElementsThanAnnouncedIsReadAgainAndThenIncomplete(t *testing.T) {
	for name, tt := range map[string]struct {
		count string
		later string // the part when it is asked for the second time
		want  graph.Kind
		asked int
	}{
		"right":             {"2", `[{},{}]`, "", 1},
		"changed meanwhile": {"3", `[{},{},{}]`, "", 2},
		"too few":           {"3", `[{},{}]`, graph.KindIncomplete, 2},
		"too many":          {"1", `[{},{}]`, graph.KindIncomplete, 2},
		"not a number":      {`"2"`, `[{},{}]`, graph.KindIncomplete, 2},
		"no number":         {"null", `[{},{}]`, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := serveCanned(t, map[string]any{
				"/beta/things/1": `{"id":"1","n":` + tt.count + `}`,
				"/beta/things/1/parts": func(n int) any {
					if n > 1 {
						return `{"value":` + tt.later + `}`
					}
					return `{"value":[{},{}]}`
				},
			})
			r := get(t, s.client(t, withParts(graph.PartRule{Name: "parts", Path: "parts", Count: "n"})), "1")[0]
			wantKind(t, r.Err, tt.want)
			if n := s.times("/beta/things/1/parts"); n != tt.asked {
				t.Errorf("asked %d times, want %d", n, tt.asked)
			}
		})
	}
}

func TestAPartThatIsMissingThoughItsObjectIsThereIsIncomplete(t *testing.T) {
	s := serveCanned(t, map[string]any{"/beta/things/1": `{"id":"1"}`})
	r := get(t, s.client(t, withParts(graph.PartRule{Name: "parts", Path: "parts"})), "1")[0]
	wantKind(t, r.Err, graph.KindIncomplete)
}

func TestAnObjectThatIsDeletedWhileItIsReadIsNotFound(t *testing.T) {
	s := serveCanned(t, map[string]any{"/beta/things/1": func(n int) any {
		if n > 1 {
			return 404
		}
		return `{"id":"1"}`
	}})
	r := get(t, s.client(t, withParts(graph.PartRule{Name: "parts", Path: "parts"})), "1")[0]
	wantKind(t, r.Err, graph.KindNotFound)
}

func TestAnExpandedCollectionThatGraphCutsBecomesAPart(t *testing.T) {
	s := serveCanned(t, map[string]any{
		"/beta/things/1?$expand=apps,rest": `{"id":"1","apps":[{"id":"a"}],"apps@odata.nextLink":"ROOT/beta/things/1/apps?$skip=1","rest":[{"n":1}]}`,
		"/beta/things/1/apps?$skip=1":      `{"value":[{"id":"b"}]}`,
	})
	info := thing(func(i *graph.TypeInfo) { i.Read.ItemQuery = "$expand=apps,rest" })
	p := one(t, s.client(t, info), "1")
	if diff := cmp.Diff(map[string]string{"apps": `[{"id":"a"},{"id":"b"}]`}, partsOf(p)); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsNotAllOfAnObjectIsIncomplete(t *testing.T) {
	for name, object := range map[string]string{
		"an expanded collection is missing":    `{"id":"1"}`,
		"an expanded collection is none":       `{"id":"1","apps":"[]"}`,
		"an element of it is no object":        `{"id":"1","apps":[{"in":[]},7]}`,
		"an element lacks what is expanded":    `{"id":"1","apps":[{"in":[]},{"on":[]}]}`,
		"what an element expands is no object": `{"id":"1","apps":[{"in":[["x"]]}]}`,
		"the same in a part of a page":         `{"id":"1","apps":[{"on":[]}],"apps@odata.nextLink":"ROOT/beta/rest"}`,
		"a collection deep inside is cut":      `{"id":"1","apps":[{"in":[],"x":{"in":[],"in@odata.nextLink":"ROOT/beta/x"}}]}`,
		"the link to the rest leads elsewhere": `{"id":"1","apps":[],"apps@odata.nextLink":"https://example.com/beta/x"}`,
		"the link is no text":                  `{"id":"1","apps":[],"apps@odata.nextLink":7}`,
		"the link is of no collection":         `{"id":"1","apps":{},"apps@odata.nextLink":"ROOT/beta/x"}`,
		"it is another object":                 `{"id":"2","apps":[]}`,
		"it has no id":                         `{"apps":[]}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := serveCanned(t, map[string]any{"/beta/things/1?$expand=apps($expand=in)": object, "/beta/rest": `{"value":[]}`})
			info := thing(func(i *graph.TypeInfo) { i.Read.ItemQuery = "$expand=apps($expand=in)" })
			r := get(t, s.client(t, info), "1")[0]
			wantKind(t, r.Err, graph.KindIncomplete)
		})
	}
}

func TestAPartThatIsNoCollectionIsIncomplete(t *testing.T) {
	for _, body := range []string{`{}`, `{"value":{}}`, `{"value":null}`, `{"value":[{"x":[],"x@odata.nextLink":"ROOT/beta/x"}]}`, `{"value":[{},1]}`, `{"value":[[]]}`, `{"value":[],"@odata.nextLink":"https://example.com/x"}`} {
		s := serveCanned(t, map[string]any{"/beta/things/1": `{"id":"1"}`, "/beta/things/1/parts": body})
		r := get(t, s.client(t, withParts(graph.PartRule{Name: "parts", Path: "parts"})), "1")[0]
		if graph.KindOf(r.Err) != graph.KindIncomplete {
			t.Errorf("%s: error %v", body, r.Err)
		}
	}
}

// Rows that lack what was expanded would be stored as if it were not there, and restored so.
func TestElementsThatLackWhatTheirRequestExpandsAreReadAgainAndThenIncomplete(t *testing.T) {
	const whole = `{"value":[{"id":"a","d":{"id":"x"}}]}`
	for name, c := range map[string]struct {
		rows, byID, inner string
		want              graph.Kind
	}{
		"nothing lacks":                 {whole, `{"id":"a","tags":[]}`, `{"value":[{"p":{}},{"p":null}]}`, ""},
		"an element":                    {`{"value":[{"id":"a"}]}`, `{"id":"a","tags":[]}`, `{"value":[]}`, graph.KindIncomplete},
		"an element has something else": {`{"value":[{"id":"a","d":3}]}`, `{"id":"a","tags":[]}`, `{"value":[]}`, graph.KindIncomplete},
		"one of a type that has none":   {whole, `{"id":"a","@odata.type":"#some.other"}`, `{"value":[]}`, ""},
		"one of the type that has it":   {whole, `{"id":"a","@odata.type":"#some.cast"}`, `{"value":[]}`, graph.KindIncomplete},
		"one that is read by its id":    {whole, `{"id":"a"}`, `{"value":[]}`, graph.KindIncomplete},
		"what belongs to an element":    {whole, `{"id":"a","tags":[]}`, `{"value":[{"p":{}},{}]}`, graph.KindIncomplete},
	} {
		s := serveCanned(t, map[string]any{
			"/beta/things/1":                               `{"id":"1"}`,
			"/beta/things/1/defs?$expand=d":                c.rows,
			"/beta/things/1/defs/a/vals?$expand=p":         c.inner,
			"/beta/things/1/parts":                         `{"value":[{"id":"a"}]}`,
			"/beta/parts/a?$expand=some.cast/tags&$top=10": c.byID,
		})
		r := get(t, s.client(t, withParts(
			graph.PartRule{Name: "defs", Path: "defs", Query: "$expand=d", Each: []graph.PartRule{{Name: "vals", Path: "vals", Query: "$expand=p"}}},
			graph.PartRule{Name: "parts", Path: "parts", ByID: "/parts", ByIDQuery: "$expand=some.cast/tags&$top=10"},
		)), "1")[0]
		if kind := graph.KindOf(r.Err); kind != c.want {
			t.Errorf("%s: the error is %v, want %q", name, r.Err, c.want)
		}
		if n := s.times("/beta/things/1"); n != map[bool]int{true: 1, false: 2}[c.want == ""] {
			t.Errorf("%s: read %d times", name, n)
		}
	}
}

func TestWhatBelongsToElementsIsPutIntoThem(t *testing.T) {
	s := serveCanned(t, map[string]any{
		"/beta/things/1":                 `{"id":"1"}`,
		"/beta/things/1/defs?$expand=d":  `{"value":[{"id":"a","d":{ "x":1 }},{ }],"@odata.nextLink":"ROOT/beta/things/1/defs?$skip=1"}`,
		"/beta/things/1/defs?$skip=1":    `{"value":[{"id":"b'(c)","d":null,"vals":[]}]}`,
		"/beta/things/1/defs/a/vals":     `{"value":[ {"id":"v1"} ],"@odata.nextLink":"ROOT/beta/more"}`,
		"/beta/more":                     `{"value":[{"id":"v2", "n":1.0}]}`,
		"/beta/things/1/defs/b'(c)/vals": `{"value":[{"id":"v3"}]}`,
	})
	rule := graph.PartRule{Name: "defs", Path: "defs", Query: "$expand=d", Each: []graph.PartRule{{Name: "vals", Path: "vals"}}}
	r := get(t, s.client(t, withParts(rule)), "1")[0]
	wantKind(t, r.Err, graph.KindIncomplete) // { } has no id

	s.answers["/beta/things/1/defs?$expand=d"] = `{"value":[{"id":"a","d":{ "x":1 }}],"@odata.nextLink":"ROOT/beta/things/1/defs?$skip=1"}`
	p := one(t, s.client(t, withParts(rule)), "1")
	if want := `[{"id":"a","d":{ "x":1 },"vals":[{"id":"v1"},{"id":"v2", "n":1.0}]},{"id":"b'(c)","d":null,"vals":[{"id":"v3"}]}]`; partsOf(p)["defs"] != want {
		t.Errorf("got  %s\nwant %s", partsOf(p)["defs"], want)
	}
	s.answers["/beta/things/1/defs?$expand=d"] = `{"value":[{"id":"b'(c)","d":null}]}`
	p = one(t, s.client(t, withParts(rule)), "1")
	if want := `[{"id":"b'(c)","d":null,"vals":[{"id":"v3"}]}]`; partsOf(p)["defs"] != want {
		t.Errorf("got  %s\nwant %s", partsOf(p)["defs"], want)
	}
	s.answers["/beta/things/1/defs/b'(c)/vals"] = 403
	r = get(t, s.client(t, withParts(rule)), "1")[0]
	wantKind(t, r.Err, graph.KindForbidden)
}

func TestElementsThatRowsDoNotShowWholeAreReadByTheirIDs(t *testing.T) {
	s := serveCanned(t, map[string]any{
		"/beta/things/1":             `{"id":"1"}`,
		"/beta/things/1/parts":       `{"value":[{"id":"a"},{"id":"b"}]}`,
		"/beta/parts/a?$expand=tags": `{"id":"a", "members":["m"],"tags":[]}`,
		"/beta/parts/b?$expand=tags": `{"id":"b","members":[],"tags":[{"id":"0"}]}`,
	})
	rule := graph.PartRule{Name: "parts", Path: "parts", ByID: "/parts", ByIDQuery: "$expand=tags"}
	p := one(t, s.client(t, withParts(rule)), "1")
	if want := `[{"id":"a", "members":["m"],"tags":[]},{"id":"b","members":[],"tags":[{"id":"0"}]}]`; partsOf(p)["parts"] != want {
		t.Errorf("got %s", partsOf(p)["parts"])
	}
	s.answers["/beta/parts/b?$expand=tags"] = `{"id":"a"}`
	r := get(t, s.client(t, withParts(rule)), "1")[0]
	wantKind(t, r.Err, graph.KindIncomplete)
}

// In a path these lead to the collection or out of it.
func TestWhatIsNoIDIsNotFoundAndNotAskedFor(t *testing.T) {
	s := serveCanned(t, map[string]any{"/beta/things/1": `{"id":"1"}`, "/beta/things/": `{"value":[]}`, "/beta/things/.": `{"id":"."}`, "/beta/things/..": `{"id":".."}`})
	for i, r := range get(t, s.client(t, thing(nil)), "", ".", "..", "1") {
		if want := map[bool]graph.Kind{true: graph.KindNotFound}[i < 3]; graph.KindOf(r.Err) != want {
			t.Errorf("%q: %v", r.ID, r.Err)
		}
	}
}

func TestATypedObjectIsReadInItsOwnCollection(t *testing.T) {
	s := serveCanned(t, map[string]any{
		"/beta/things":              `{"value":[{"id":"1","@odata.type":"#microsoft.graph.ios"},{"id":"9","@odata.type":"#microsoft.graph.other"}]}`,
		"/beta/things/2?$select=id": `{"id":"2","@odata.type":"#microsoft.graph.ios"}`,
		"/beta/things/3?$select=id": `{"id":"3","@odata.type":"#microsoft.graph.other"}`,
		"/beta/things/4?$select=id": `{"id":"4"}`,
		"/beta/ios/1?$expand=apps":  `{"id":"1","@odata.type":"#microsoft.graph.ios","apps":[]}`,
		"/beta/ios/2?$expand=apps":  `{"id":"2","@odata.type":"#microsoft.graph.ios","apps":[]}`,
		"/beta/ios/1/parts":         `{"value":[{"n":1}]}`,
		"/beta/ios/2/parts":         `{"value":[{"n":2}]}`,
	})
	c := s.client(t, thing(func(i *graph.TypeInfo) {
		i.Read.Typed = map[string]graph.TypedRule{"#microsoft.graph.ios": {Path: "/ios", ItemQuery: "$expand=apps"}}
		i.Read.Parts = []graph.PartRule{{Name: "parts", Path: "parts"}}
	}))
	if _, _, err := listed(t, c); err != nil {
		t.Fatal(err)
	}
	results := get(t, c, "1", "2", "3", "4", "5")
	for i, want := range []graph.Kind{"", "", graph.KindNotFound, graph.KindIncomplete, graph.KindNotFound} {
		wantKind(t, results[i].Err, want)
	}
	if got := partsOf(results[1].Policy)["parts"]; got != `[{"n":2}]` {
		t.Errorf("the part is %s", got)
	}
	if n := s.matching("/beta/things/1"); n != 0 {
		t.Errorf("what the listing has told was asked for again, %d times", n)
	}
}

func TestAnObjectOfATypeThatSharesTheCollectionIsNotFound(t *testing.T) {
	s := serveCanned(t, map[string]any{"/beta/things/1": `{"id":"1","@odata.type":"#microsoft.graph.b"}`})
	c := s.client(t, thing(func(i *graph.TypeInfo) { i.Read.Only = []string{"#microsoft.graph.a"} }))
	wantKind(t, get(t, c, "1")[0].Err, graph.KindNotFound)
}

func TestManyObjectsOfATypeWhoseListingIsCompleteAreReadByOneListing(t *testing.T) {
	s := serveCanned(t, map[string]any{
		"/beta/things":   `{"value":[{"id":"1"},{"id":"2"},{"id":"3"},{"id":"x"}],"@odata.nextLink":"ROOT/beta/2"}`,
		"/beta/2":        `{"value":[{"id":"4"}]}`,
		"/beta/things/5": `{"id":"5"}`, // made a moment ago
	})
	c := s.client(t, thing(func(i *graph.TypeInfo) { i.ListComplete = true }))
	results := get(t, c, "4", "5", "2", "6", "4")
	for i, want := range []graph.Kind{"", "", "", graph.KindNotFound, ""} {
		wantKind(t, results[i].Err, want)
		if want == "" && results[i].Policy.ID != results[i].ID {
			t.Errorf("result %d has %s", i, results[i].Policy.ID)
		}
	}
	if s.calls != 3 {
		t.Errorf("%d requests, want two pages and a batch", s.calls)
	}
}

func TestAFailureOfTheWholeCallComesWithTheResultsBeforeIt(t *testing.T) {
	for status, want := range map[int]graph.Kind{429: graph.KindThrottled, 401: graph.KindUnauthorized} {
		answers, ids := map[string]any{}, []string(nil)
		for i := range 100 {
			id := fmt.Sprint(i)
			ids = append(ids, id)
			answers["/beta/things/"+id] = `{"id":"` + id + `"}`
		}
		answers["/beta/things/47"] = status
		s := serveCanned(t, answers)
		results, err := s.client(t, thing(nil)).Get(t.Context(), contoso, "thing", ids)
		wantKind(t, err, want)
		if len(results) != 40 {
			t.Errorf("%d: %d results, want those of the groups before", status, len(results))
		}
		for i, r := range results {
			if r.ID != ids[i] || r.Err != nil {
				t.Errorf("result %d is %s, error %v", i, r.ID, r.Err)
			}
		}
	}
}

func TestAFailureOfTheWholeCallStopsWhatComesAfterIt(t *testing.T) {
	answers, ids := map[string]any{}, []string(nil)
	for i := range 100 {
		id := fmt.Sprint(i)
		ids = append(ids, id)
		answers["/beta/things/"+id] = func(ctx context.Context) any { <-ctx.Done(); return 500 } // until the client is gone
	}
	for i := range 20 {
		answers["/beta/things/"+ids[i]] = 401
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := serveCanned(t, answers).client(t, thing(nil)).Get(ctx, contoso, "thing", ids)
	wantKind(t, err, graph.KindUnauthorized)
}

func TestAPageThatIsThrottledFailsTheWholeCall(t *testing.T) {
	s := serveCanned(t, map[string]any{
		"/beta/things/1":       `{"id":"1"}`,
		"/beta/things/1/parts": `{"value":[],"@odata.nextLink":"ROOT/beta/more"}`,
		"/beta/more":           429,
	})
	results, err := s.client(t, withParts(graph.PartRule{Name: "parts", Path: "parts"})).Get(t.Context(), contoso, "thing", []string{"1"})
	if wantKind(t, err, graph.KindThrottled); len(results) > 0 {
		t.Errorf("%d results", len(results))
	}
}

func TestAFailureOfOneObjectIsItsOwn(t *testing.T) {
	s := serveCanned(t, map[string]any{"/beta/things/1": 500, "/beta/things/2": 400, "/beta/things/3": `{"id":"3"}`})
	results := get(t, s.client(t, thing(nil)), "1", "2", "3")
	for i, want := range []graph.Kind{graph.KindUnavailable, graph.KindInvalid, ""} {
		wantKind(t, results[i].Err, want)
	}
}

func TestACancelledGetReturnsTheContextsError(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := serveCanned(t, map[string]any{"/beta/things/1": func(int) any { cancel(); return http.StatusServiceUnavailable }})
	_, err := s.client(t, thing(nil)).Get(ctx, contoso, "thing", []string{"1"})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}

func TestNothingOfAnAnswerStandsInErrors(t *testing.T) {
	const canary = "hunter2"
	for _, object := range []string{
		`{"id":"1","` + canary + `@odata.nextLink":"ROOT/beta/x","` + canary + `":[]}`,
		`{"id":"1","` + canary + `@odata.nextLink":7}`,
		`{"id":"1","n":"` + canary + `"}`,
		`{"id":"1","` + canary + `":{"a@odata.nextLink":"x"}}`,
		`{"id":"` + canary + `"}`,
	} {
		s := serveCanned(t, map[string]any{"/beta/things/1": object, "/beta/things/1/parts": `{"value":[]}`})
		r := get(t, s.client(t, withParts(graph.PartRule{Name: "parts", Path: "parts", Count: "n"})), "1")[0]
		if r.Err == nil || strings.Contains(r.Err.Error(), canary) {
			t.Errorf("%s: error %v", object, r.Err)
		}
	}
}
