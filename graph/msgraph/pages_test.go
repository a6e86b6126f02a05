package msgraph

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
)

func TestPagesAreFollowedToTheLast(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("$skiptoken") {
		case "":
			fmt.Fprintf(w, `{"@odata.count":1,"value":[{"id":"1"}],"@odata.nextLink":"http://%s%s?$skiptoken=a"}`, r.Host, r.URL.Path)
		case "a":
			fmt.Fprintf(w, `{"value":[],"@odata.nextLink":"http://%s%s?$skiptoken=b"}`, r.Host, r.URL.Path)
		case "b":
			fmt.Fprint(w, `{"value":[{ "id" : "2" },{"id":"3"}]}`)
		}
	})
	var got string
	err := c.pages(t.Context(), tenant, list(), func(rows []json.RawMessage) error {
		got += fmt.Sprintf("%s;", rows)
		return nil
	})
	if want := `[{"id":"1"}];[];[{ "id" : "2" } {"id":"3"}];`; err != nil || got != want {
		t.Errorf("got %v %s, want %s", err, got, want)
	}
}

func TestAChainFoundElsewhereIsContinued(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"value":[{"id":"2"}]}`) })
	var rows []json.RawMessage
	err := c.continued(t.Context(), tenant, list(), c.root.String()+"/beta/x/settings?$skiptoken=a", func(r []json.RawMessage) error {
		rows = append(rows, r...)
		return nil
	})
	if err != nil || len(rows) != 1 {
		t.Error(rows, err)
	}
}
