package usertest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// A list is found again as it was left: its filters stand in the address, so that Back and reload
// show the same rows. After something was done to chosen rows none is chosen any more, also when
// somebody goes Back.
func TestAListIsFoundAgainAsItWasLeft(t *testing.T) {
	t.Parallel()
	needBrowser(t)
	s := start(t, "-demo=false")
	c := s.client(t, "owner-contoso")
	for _, name := range []string{"Paris, mornings", "Paris, evenings", "Oslo"} {
		if got := c.post(contoso+"/schedules/new", url.Values{"name": {name}, "frequency": {"daily"}, "time_of_day": {"06:15"}, "timezone": {"Europe/Paris"}, "policy_types": {"deviceCompliancePolicy"}, "retention_keep_last": {"5"}, "enabled": {"yes"}}); got.status != http.StatusOK {
			t.Fatalf("a schedule cannot be made: %d\n%s", got.status, got.body)
		}
	}
	b := s.open(t, wide)
	b.signIn("owner-contoso")
	b.visit(contoso + "/schedules")

	// Searched as one types, without a click; then the other way round.
	b.do(chromedp.SendKeys(chromedp.CSS(`#filters input[name="q"]`), "paris"))
	b.until(`document.querySelectorAll("table.schedules tbody tr").length === 2 && location.search.includes("q=paris")`)
	// To leave the search field asks nothing more: the answer would replace what is clicked on.
	eval[bool](b, `document.querySelector("#filters").addEventListener("htmx:before:request", () => { window.asked = true }) === undefined`)
	b.do(chromedp.Click(chromedp.CSS("h1")))
	if eval[bool](b, `window.asked === true || document.activeElement.name === "q"`) {
		t.Error("a click beside the search field searches once more")
	}
	b.press(".sorts th a")
	list, want := b.path(), []string{"Paris, mornings", "Paris, evenings"}
	if !strings.Contains(list, "q=paris") || !strings.Contains(list, "sort=") {
		t.Fatalf("the address of the sorted list is %s", list)
	}
	filtered := func(when string) {
		t.Helper()
		rows := eval[[]string](b, `[...document.querySelectorAll("table.schedules tbody th a")].map(a => a.innerText)`)
		typed := eval[string](b, `document.querySelector('#filters input[name="q"]')?.value ?? ""`)
		if at := b.path(); at != list || typed != "paris" || !slices.Equal(rows, want) {
			t.Errorf("%s the list is %s with %q searched and the rows %q, want %s, \"paris\" and %q", when, at, typed, rows, list, want)
		}
	}
	filtered("at first")
	b.press("table.schedules tbody th a")
	row := b.path()
	b.reload()
	if at, says := b.path(), b.words("h1"); at != row || !strings.Contains(says, want[0]) {
		t.Errorf("a reload of %s leads to %s, %q", row, at, says)
	}
	b.back(list)
	filtered("after Back")
	b.reload()
	filtered("after a reload")

	// Nothing stays chosen.
	chosen := func() int {
		return eval[int](b, `document.querySelectorAll('#list input[type="checkbox"]:checked').length`)
	}
	b.do(chromedp.Click(chromedp.CSS(`input[data-check="ids"]`)), chromedp.SetValue(chromedp.CSS(`#bulk select[name="action"]`), "disable"))
	if n := chosen(); n != 3 {
		t.Fatalf("%d boxes are ticked, want those of both rows and of all", n)
	}
	b.press("#bulk button")
	result := b.path()
	if says := b.words("main p.notice"); says != "2 of 2 schedules disabled." {
		t.Fatalf("%s says %q", result, says)
	}
	b.press(`main > p > a[href*="/schedules?"]`)
	filtered("after the bulk")
	if n := chosen(); n != 0 {
		t.Errorf("after the bulk %d boxes are still ticked", n)
	}
	b.back(result)
	b.back(list)
	filtered("after Back from the bulk")
	if n := chosen(); n != 0 {
		t.Errorf("after Back from the bulk %d boxes are still ticked", n)
	}

	// A browser that keeps whole pages for Back shows them as they were left and says so.
	b.do(chromedp.Click(chromedp.CSS(`input[data-check="ids"]`)))
	eval[bool](b, `window.dispatchEvent(new PageTransitionEvent("pageshow", {persisted: true}))`)
	if n := chosen(); n != 0 {
		t.Errorf("in a page that the browser has kept %d boxes are still ticked", n)
	}
}

// back goes back to an address as the browser's button does.
func (b *tab) back(to string) {
	b.t.Helper()
	b.do(chromedp.NavigateBack())
	if at := b.path(); at != to {
		b.t.Fatalf("Back leads to %s, want %s", at, to)
	}
}

// reload loads the page anew.
func (b *tab) reload() {
	b.t.Helper()
	if _, err := chromedp.RunResponse(b.ctx, chromedp.Reload()); err != nil {
		b.t.Fatalf("a reload of %s: %v", b.path(), err)
	}
}
