package pages_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
)

// Every list shows 25 rows at most, and its next page the others.
func TestAPageOfAListHas25Rows(t *testing.T) {
	w := newWorld(t, nil)
	first := w.schedule(func(d *backupsched.Draft) { d.PolicyTypes = []graph.PolicyType{"conditionalAccessPolicy"} })
	for i := range 26 {
		w.put(fmt.Sprint("n", i), fmt.Sprint("Policy ", i), "description", "x")
		w.schedule(func(d *backupsched.Draft) { d.Name = fmt.Sprintf("Schedule %d", i) })
		w.backup(first.ID)
	}
	w.backup(w.schedule(nil).ID) // of all policies
	rows := regexp.MustCompile(`<tr role="row"[^>]*>\s*<t[dh] role="(cell|rowheader)"|<tr role="row"[^>]*>\s*<th scope="row"`)
	for _, list := range []string{"schedules", "runs", "sets", "policies", "notifications", "audit"} {
		got := w.get(owner, tenantPath(list))
		if n := len(rows.FindAllString(got.body, -1)); got.StatusCode != http.StatusOK || n != 25 {
			t.Errorf("%s: %s, %d rows, want 25", list, got.Status, n)
		}
		next := regexp.MustCompile(`href="([^"]*)" rel="next"`).FindStringSubmatch(got.body)
		if next == nil {
			t.Errorf("%s has no next page", list)
			continue
		}
		if n := len(rows.FindAllString(w.get(owner, strings.ReplaceAll(next[1], "&amp;", "&")).body, -1)); n == 0 {
			t.Errorf("%s: the next page is empty", list)
		}
		if got := w.get(owner, tenantPath(list)+"?limit=26"); got.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s with more rows: %s", list, got.Status)
		}
	}
}
