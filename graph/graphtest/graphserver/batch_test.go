package graphserver_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
)

type item struct {
	ID        string            `json:"id"`
	Method    string            `json:"method"`
	URL       string            `json:"url"`
	Headers   map[string]string `json:"headers,omitempty"`
	Body      json.RawMessage   `json:"body,omitempty"`
	DependsOn []string          `json:"dependsOn,omitempty"`
}

type itemReply struct {
	ID      string
	Status  int
	Headers map[string]string
	Body    json.RawMessage
}

func (w *world) batch(version string, items ...item) (reply, []itemReply) {
	w.t.Helper()
	body, _ := json.Marshal(map[string]any{"requests": items})
	r := w.ask("POST", "/"+version+"/$batch", string(body), "Content-Type", "application/json")
	var out struct{ Responses []itemReply }
	if r.status == 200 {
		if err := json.Unmarshal(r.body, &out); err != nil {
			w.t.Fatalf("%v in %s", err, r.brief())
		}
	}
	return r, out.Responses
}

func gets(urls ...string) (out []item) {
	for i, u := range urls {
		out = append(out, item{ID: fmt.Sprint(i), Method: "GET", URL: u})
	}
	return out
}

func TestABatchAnswersEveryItemInAnyOrder(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	var items []item
	for i, r := range w.rows("settingsCatalogPolicy")[:20] {
		items = append(items, item{ID: fmt.Sprint(i), Method: "GET", URL: "/deviceManagement/configurationPolicies/" + r.ID, Headers: map[string]string{"Accept": "application/json;odata.metadata=full"}})
	}
	r, got := w.batch("beta", items...)
	if r.status != 200 || len(got) != 20 {
		t.Fatalf("%d %s", r.status, r.brief())
	}
	var order []string
	for _, g := range got {
		order = append(order, g.ID)
		var i int
		_, _ = fmt.Sscan(g.ID, &i)
		if want := w.rows("settingsCatalogPolicy")[i]; g.Status != 200 || compact(t, g.Body) != compact(t, want.Raw) {
			t.Errorf("item %s: %d %.100s", g.ID, g.Status, g.Body)
		}
	}
	var sent []string
	for _, i := range items {
		sent = append(sent, i.ID)
	}
	if slices.Equal(order, sent) {
		t.Errorf("the answers come in the order of the requests: %v", order)
	}
	again, same := w.batch("beta", items...)
	if again.status != 200 || same[0].ID != order[0] || same[7].ID != order[7] {
		t.Error("the same batch is answered in another order")
	}
}

func TestABatchThatCannotBeIsRefusedWhole(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	many := gets(slices.Repeat([]string{"/deviceManagement/intents"}, 21)...)
	if r, _ := w.batch("beta", many[:20]...); r.status != 200 {
		t.Errorf("20: %d", r.status)
	}
	get := func(id string, on ...string) item {
		return item{ID: id, Method: "GET", URL: "/deviceManagement/intents", DependsOn: on}
	}
	for name, items := range map[string][]item{
		"21":                     many,
		"none":                   {},
		"an id twice":            {get("a"), get("A")},
		"no id":                  {get("")},
		"no method":              {{ID: "1", URL: "/deviceManagement/intents"}},
		"no url":                 {{ID: "1", Method: "GET"}},
		"a dependency on nobody": {get("a", "b")},
		"a circle":               {get("a", "b"), get("b", "a")},
	} {
		if r, _ := w.batch("beta", items...); r.status != 400 {
			t.Errorf("%s: %d", name, r.status)
		}
	}
	if r := w.ask("POST", "/beta/$batch", "not JSON"); r.status != 400 {
		t.Errorf("not JSON: %d", r.status)
	}
	if r := w.ask("GET", "/beta/$batch", ""); r.status != 405 {
		t.Errorf("GET: %d", r.status)
	}
	w.token = ""
	if r, _ := w.batch("beta", get("a")); r.status != 401 {
		t.Errorf("without a token: %d", r.status)
	}
}

func TestItemsOfABatchFailForThemselves(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	items := []item{
		{ID: "good", Method: "GET", URL: "deviceManagement/intents?$top=1"},
		{ID: "missing", Method: "get", URL: "/deviceManagement/intents/unknown", Headers: map[string]string{"client-request-id": "mine"}},
		{ID: "nested", Method: "POST", URL: "/$batch", Body: json.RawMessage(`{}`), Headers: map[string]string{"Content-Type": "application/json"}},
		{ID: "absolute", Method: "GET", URL: "https://graph.microsoft.com/beta/deviceManagement/intents"},
		{ID: "versioned", Method: "GET", URL: "/v1.0/deviceManagement/deviceConfigurations"},
		{ID: "no type", Method: "POST", URL: "/deviceManagement/intents", Body: json.RawMessage(`{}`)},
		{ID: "after good", Method: "GET", URL: "/deviceManagement/intents", DependsOn: []string{"good"}},
		{ID: "after missing", Method: "GET", URL: "/deviceManagement/intents", DependsOn: []string{"GOOD", "Missing"}},
		{ID: "after that", Method: "GET", URL: "/deviceManagement/intents", DependsOn: []string{"after missing"}},
	}
	want := map[string]int{
		"good": 200, "missing": 404, "nested": 400, "absolute": 400, "versioned": 404, "no type": 400,
		"after good": 200, "after missing": 424, "after that": 424,
	}
	r, got := w.batch("beta", items...)
	if r.status != 200 || len(got) != len(items) {
		t.Fatalf("%d %s", r.status, r.brief())
	}
	for _, g := range got {
		if g.Status != want[g.ID] {
			t.Errorf("%s: %d %.200s, want %d", g.ID, g.Status, g.Body, want[g.ID])
		}
		if g.Headers["request-id"] == "" || !strings.HasPrefix(g.Headers["Content-Type"], "application/json") {
			t.Errorf("%s: headers %v", g.ID, g.Headers)
		}
		if g.ID == "missing" && !strings.Contains(string(g.Body), `"client-request-id":"mine"`) {
			t.Errorf("the headers of an item are lost: %s", g.Body)
		}
	}
	if _, got = w.batch("v1.0", gets("/deviceManagement/configurationPolicies", "/deviceManagement/deviceConfigurations")...); got[0].Status+got[1].Status != 604 {
		t.Errorf("a batch to v1.0: %d and %d", got[0].Status, got[1].Status)
	}
}

func TestAnItemOfABatchLinksToItsNextPage(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	_, got := w.batch("beta", gets("/deviceManagement/configurationPolicies")...)
	next := text(decode(t, got[0].Body)["@odata.nextLink"])
	if rows := flat(w.all(next)); len(rows) != len(w.stored("settingsCatalogPolicy"))-25 {
		t.Errorf("%s leads to %d rows", next, len(rows))
	}
}
