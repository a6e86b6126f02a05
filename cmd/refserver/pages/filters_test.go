package pages_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/cmd/refserver/pages"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
)

// typedFields are those of filters that people type, where every text may be one, or that carry the
// address along; what is not right of dates and ids has tests of its own.
var typedFields = []string{"q", "actor", "from", "to", "id", "with"}

// A list that left out a filter which it does not know would look as if everything matched it.
func TestAFilterThatAListDoesNotOfferIsRefusedByItsName(t *testing.T) {
	testenv.SlowUnderRace(t)
	w, entrances := filled(t)
	ids := w.oneOfEach()
	filters := map[string][]string{ // of each list
		"schedules": {"enabled", "status", "sort"}, "runs": {"kind", "status", "trigger", "schedule", "batch", "retention"},
		"runs/" + ids["runs"][0]: {"status"}, "sets": {"status", "schedule", "deleted"}, "policies": {"type", "gone"},
		"audit": {"action"}, "notifications": {"unread"},
	}
	for _, entrance := range entrances {
		switch path := strings.TrimPrefix(entrance, tenantPath()+"/"); {
		case strings.HasPrefix(path, "drift/"), strings.HasPrefix(path, "restore/previews/"):
			filters[path] = []string{"action", "type"}
		}
	}
	live := w.idsOf("tb_backup_sets WHERE deleted_at IS NULL")
	filters["sets/"+live[0]] = []string{"type"}
	filters["sets/"+live[0]+"/compare?with="+live[1]] = []string{"what", "type"}
	filters["restore/items?set="+live[0]] = []string{"in"}

	known := map[string][]string{}
	for list, fields := range filters {
		path, query, _ := strings.Cut(tenantPath()+"/"+list, "?")
		known[shape(path)] = fields
		for _, field := range fields {
			values := must(url.ParseQuery(query))(t)
			if got := w.get(owner, path+"?"+values.Encode()+"&"+field+"="); got.StatusCode != http.StatusOK {
				t.Errorf("%s with an empty %s: %s", list, field, got.Status)
			}
			values.Set(field, "faild")
			got := w.get(owner, path+"?"+values.Encode())
			named := strings.Contains(got.body, `id="`+field+`-error"`) || strings.Contains(got.body, "<code>"+field+"</code>")
			if got.StatusCode != http.StatusUnprocessableEntity || !named {
				t.Errorf("%s with %s=faild: %s, naming the field: %t", list, field, got.Status, named)
			}
			if !strings.Contains(got.body, `href="`+path+`"`) && !strings.Contains(got.body, `<form class="filters"`) {
				t.Errorf("%s with %s=faild leads on to no list", list, field)
			}
		}
	}
	// No filter of any page is missing above.
	_, forms := w.crawl(entrances...)
	for _, f := range forms {
		path, _, _ := strings.Cut(f.action, "?")
		if fields, is := known[shape(path)]; f.method == http.MethodGet && is {
			for _, field := range f.fields {
				if !slices.Contains(fields, field) && !slices.Contains(typedFields, field) && !strings.Contains(path, "restore/items") {
					t.Errorf("the filter %s of %s is not in the table", field, strings.TrimPrefix(path, pages.DefaultPrefix))
				}
			}
		}
	}
}
