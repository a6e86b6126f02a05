package msgraph

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestABatchIsAnsweredInTheOrderOfItsCalls(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Requests []struct{ ID, URL string } }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || len(in.Requests) > 20 {
			t.Error(err, len(in.Requests))
		}
		slices.Reverse(in.Requests)
		var out []string
		for _, q := range in.Requests {
			out = append(out, fmt.Sprintf(`{"id":%q,"status":200,"body":{"url":%q}}`, strings.ToUpper(q.ID), q.URL))
		}
		fmt.Fprintf(w, `{"responses":[%s]}`, strings.Join(out, ","))
	})
	var rs []call
	for i := range 45 {
		r := list()
		r.path += fmt.Sprint("/", i)
		rs = append(rs, r)
	}
	got, err := c.batch(t.Context(), tenant, rs)
	if err != nil {
		t.Fatal(err)
	}
	for i, g := range got {
		if want := fmt.Sprintf(`{"url":"/deviceManagement/deviceConfigurations/%d"}`, i); g.err != nil || string(g.body) != want {
			t.Errorf("%d: %v %s", i, g.err, g.body)
		}
	}
}
