package graphserver_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
)

const catalog = "/beta/deviceManagement/configurationPolicies"

func sizes(pages [][]json.RawMessage) (out []int) {
	for _, p := range pages {
		out = append(out, len(p))
	}
	return out
}

func TestCollectionsComeInPages(t *testing.T) {
	n := len(with(t, graphtest.Config{}, graphserver.Config{}).stored("settingsCatalogPolicy")) // 57
	cut := func(size int) (out []int) {
		for left := n; left > 0; left -= size {
			out = append(out, min(size, left))
		}
		return out
	}
	empty, overlapping := slices.Insert(cut(25), 1, 0), cut(25)
	for i := range overlapping[1:] {
		overlapping[i+1]++
	}
	for name, c := range map[string]struct {
		graph  graphtest.Config
		server graphserver.Config
		query  string
		want   []int
	}{
		"of Graph's size":      {want: cut(25)},
		"of the Graph's size":  {graph: graphtest.Config{PageSize: 20}, want: cut(20)},
		"of the server's size": {graph: graphtest.Config{PageSize: 20}, server: graphserver.Config{PageSize: 30}, want: cut(30)},
		"of the asked size":    {query: "?$top=10&$select=id", want: cut(10)},
		"whole":                {query: "?$top=100000", want: []int{n}},
		"with an empty one":    {graph: graphtest.Config{EmptyMiddlePage: true}, want: empty},
		"that overlap":         {graph: graphtest.Config{OverlapPages: true}, want: overlapping},
	} {
		w := with(t, c.graph, c.server)
		pages := w.all(catalog + c.query)
		if got := sizes(pages); !slices.Equal(got, c.want) {
			t.Errorf("%s: pages of %v, want %v", name, got, c.want)
		}
		if ids := idsOf(t, flat(pages)); len(slices.Compact(slices.Sorted(slices.Values(ids)))) != n {
			t.Errorf("%s: not all of %d", name, n)
		}
	}
	w := with(t, graphtest.Config{}, graphserver.Config{})
	for _, query := range []string{"?$top=0", "?$top=-1", "?$top=x", "?$skiptoken=x", "?$skiptoken=MC54LmZhbHNl"} {
		if r := w.ask("GET", catalog+query, ""); r.status != 400 {
			t.Errorf("%s: %d", query, r.status)
		}
	}
}

func TestSettingsComeInPagesUnlessMoreAreAskedFor(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	p := w.one("settingsCatalogPolicy", func(p graph.Policy) bool { return count(t, part(p, "settings")) > 50 })
	n := count(t, part(p, "settings"))
	paged, whole := w.all(catalog+"/"+p.ID+"/settings"), w.all(catalog+"/"+p.ID+"/settings?$top=1000")
	if len(paged[0]) != 25 || len(paged) != (n+24)/25 || len(whole) != 1 || len(whole[0]) != n {
		t.Errorf("%d settings in pages of %v, and asked for whole of %v", n, sizes(paged), sizes(whole))
	}
	if joined, _ := json.Marshal(flat(paged)); !bytes.Equal(joined, part(p, "settings")) {
		t.Error("the pages do not make the part")
	}
}

func TestLinksKeepWhatWasAskedAndTheHostThatWasCalled(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	target := catalog + "?$select=id,name&$filter=name%20ne%20'a%26b'&$top=10"
	for base, headers := range map[string][]string{
		"http://graph.test":       nil,
		"http://127.0.0.1:8080":   nil,
		"https://graph.test:8443": nil,
		"http://graph.test:1":     {"X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "https", "Forwarded", "host=evil.example"},
	} {
		answer := w.get(base+target, headers...)
		next := text(answer["@odata.nextLink"])
		if !strings.HasPrefix(next, base+catalog+"?") || !strings.Contains(next, "$skiptoken=") {
			t.Errorf("called by %s the link is %s", base, next)
		}
		if got := text(answer["@odata.context"]); got != base+"/beta/$metadata#deviceManagement/configurationPolicies" {
			t.Errorf("called by %s the context is %s", base, got)
		}
		rows := flat(w.all(next, headers...))
		if row := decode(t, rows[0]); row["name"] == nil || row["platforms"] != nil {
			t.Errorf("the next page has forgotten the selection: %s", rows[0])
		}
	}
	w = with(t, graphtest.Config{}, graphserver.Config{Scheme: "https"})
	if next := text(w.get(catalog)["@odata.nextLink"]); !strings.HasPrefix(next, "https://graph.test/") {
		t.Errorf("with the scheme set the link is %s", next)
	}
}

func TestACountIsThatOfThePageAndSometimesMissing(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	var with, without int
	for size := 1; size < 6; size++ {
		answer := w.get(fmt.Sprintf("%s?$top=%d", catalog, size))
		if answer["@odata.count"] == nil {
			without++
		} else if with++; string(answer["@odata.count"]) != fmt.Sprint(size) {
			t.Errorf("the count of a page of %d is %s", size, answer["@odata.count"])
		}
	}
	if with == 0 || without == 0 {
		t.Errorf("%d with a count, %d without", with, without)
	}
}

func TestTypesOfOneCollectionArePagedInOneOrder(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	var want []string
	for range 3 { // after all rings, and before more of them
		for _, typ := range []graph.PolicyType{"deviceConfiguration", "softwareUpdateRing"} {
			p, err := w.graph.Add(tenant, typ)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, p.ID)
		}
	}
	ids := idsOf(t, flat(w.all("/beta/deviceManagement/deviceConfigurations?$top=2")))
	if got := ids[len(ids)-6:]; !slices.Equal(got, want) || len(ids) != len(w.stored("deviceConfiguration", "softwareUpdateRing")) {
		t.Errorf("%d rows, the last are %v, want %v", len(ids), got, want)
	}
}

func TestAListingLosesNothingWhenObjectsAreDeletedMeanwhile(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	first := w.get(catalog)
	var rows []json.RawMessage
	if err := json.Unmarshal(first["value"], &rows); err != nil {
		t.Fatal(err)
	}
	for _, id := range idsOf(t, rows) {
		if err := w.graph.Delete(tenant, "settingsCatalogPolicy", id); err != nil {
			t.Fatal(err)
		}
	}
	rest := idsOf(t, flat(w.all(text(first["@odata.nextLink"]))))
	if left := w.stored("settingsCatalogPolicy"); len(rest) != len(left) {
		t.Errorf("the next pages have %d objects, %d are left", len(rest), len(left))
	}
}
