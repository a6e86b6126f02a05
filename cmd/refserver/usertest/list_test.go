package usertest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// The second page of a sorted and filtered list is a place: its address shows the same rows after a
// reload, after Back, and to somebody else who is given it.
func TestAPageOfAListIsAPlace(t *testing.T) {
	t.Parallel()
	needBrowser(t)
	s := start(t, "-demo=false")
	c := s.client(t, "owner-contoso")
	const matching, pageSize = 30, 25
	for i := range matching + 3 {
		name := fmt.Sprintf("Branch %02d", i)
		if i >= matching {
			name = fmt.Sprintf("Head office %02d", i)
		}
		if got := c.post(contoso+"/schedules/new", url.Values{"name": {name}, "frequency": {"daily"}, "time_of_day": {"06:15"}, "timezone": {"Europe/Paris"}, "policy_types": {"deviceCompliancePolicy"}, "retention_keep_last": {"5"}, "enabled": {"yes"}}); got.status != http.StatusOK {
			t.Fatalf("a schedule cannot be made: %d\n%s", got.status, got.body)
		}
	}
	b := s.open(t, wide)
	b.signIn("owner-contoso")
	rows := func(b *tab) []string {
		return eval[[]string](b, `[...document.querySelectorAll("table.schedules tbody th a")].map(a => a.innerText)`)
	}
	var want []string // from the last name to the first
	for i := range matching {
		want = append(want, fmt.Sprintf("Branch %02d", matching-1-i))
	}
	shows := func(b *tab, when, at string, want []string) {
		t.Helper()
		if got := rows(b); b.path() != at || !slices.Equal(got, want) {
			t.Errorf("%s %s shows %q, want %s with %q", when, b.path(), got, at, want)
		}
	}

	b.visit(contoso + "/schedules?q=branch&enabled=yes")
	b.press(".sorts th:has(a) a") // by name, which it is already: the other way round
	first := b.path()
	if !slices.Equal(rows(b), want[:pageSize]) {
		t.Fatalf("%s shows %q", first, rows(b))
	}
	b.press(".pager a")
	second := b.path()
	for _, part := range []string{"q=branch", "enabled=yes", "sort=", "cursor="} {
		if !strings.Contains(second, part) {
			t.Errorf("the address of the second page is %s, without %s", second, part)
		}
	}
	shows(b, "at first", second, want[pageSize:])
	b.reload()
	shows(b, "after a reload", second, want[pageSize:])
	b.press("table.schedules tbody th a")
	b.back(second)
	shows(b, "after Back from a schedule", second, want[pageSize:])
	b.back(first)
	shows(b, "after Back from the second page", first, want[:pageSize])

	colleague := s.open(t, wide)
	colleague.signIn("manager-contoso")
	colleague.visit(second)
	shows(colleague, "for a colleague", second, want[pageSize:])
}
