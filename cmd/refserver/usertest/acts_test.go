package usertest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// unchecked presses a button as in a browser that checks no fields by itself; the form is refused.
func unchecked(button string) func(*tab) { return filled(button, nil) }

// filled types into a form, whatever it allows, and is refused.
func filled(button string, values map[string]string) func(*tab) {
	return func(b *tab) {
		eval[bool](b, fmt.Sprintf(`(() => { const f = document.querySelector(%q).form; f.noValidate = true; f.querySelectorAll("[maxlength]").forEach(e => e.removeAttribute("maxlength")); for (let d = f; d = d.parentElement?.closest("details"); ) d.open = true; return true; })()`, button))
		for name, value := range values {
			b.do(chromedp.SetValue(chromedp.CSS(fmt.Sprintf(`[name=%q]`, name)), value))
		}
		b.pressRefused(http.StatusUnprocessableEntity, button)
	}
}

// pressRefused presses a button whose form's address answers with a status of an error.
func (b *tab) pressRefused(want int64, button string) {
	b.t.Helper()
	b.expectStatus(want, eval[string](b, fmt.Sprintf(`(() => { const u = new URL(document.querySelector(%q).form.action); return u.pathname + u.search; })()`, button)))
	if eval[bool](b, fmt.Sprintf(`document.querySelector(%q).form.matches("[data-stays]")`, button)) {
		b.pressStaying(button)
		return
	}
	if status := b.press(button); status != want {
		b.t.Errorf("%s at %s answers %d, want %d", button, b.path(), status, want)
	}
}

// pressStaying presses a button whose answer comes into the page that it is on.
func (b *tab) pressStaying(button string) {
	b.t.Helper()
	eval[bool](b, `document.querySelector("main").pressed = true`)
	b.do(chromedp.Click(chromedp.CSS(button)))
	b.until(`document.querySelector("main").pressed === undefined || document.activeElement.matches(".errors")`)
}

// pressed presses a button that leads to a page.
func pressed(button string) func(*tab) {
	return func(b *tab) {
		if status := b.press(button); status != http.StatusOK {
			b.t.Errorf("%s at %s answers %d", button, b.path(), status)
		}
	}
}

// formPages are forms that are refused, what is asked before something is done, and what is said
// afterwards.
func (s server) formPages(t *testing.T) []found {
	t.Helper()
	var nightly, manual, deleted, preview string
	for _, schedule := range s.list(t, "contoso", "schedules") {
		if strings.HasPrefix(schedule.Name, "Nightly") {
			nightly = contoso + "/schedules/" + schedule.ID
		}
	}
	for _, set := range s.list(t, "contoso", "backup-sets?limit=200") {
		if set.ScheduleID == "" && set.Status == "complete" {
			manual = set.ID
		}
	}
	for _, set := range s.list(t, "contoso", "backup-sets?deleted=true") {
		deleted = contoso + "/sets/" + set.ID
	}
	for _, run := range s.list(t, "contoso", "runs?kind=restore.preview") {
		if preview == "" {
			preview = contoso + "/restore/previews/" + run.ID
		}
	}
	set, options := contoso+"/sets/"+manual, contoso+"/restore/options?set="+manual
	return []found{
		{path: contoso + "/schedules/new", name: "schedule", act: unchecked(`.schedule-form .actions button[type="submit"]:not([formaction])`)},
		{path: nightly + "/edit", name: "keep-fewer", act: func(b *tab) {
			b.do(chromedp.SetValue(chromedp.CSS("#retention_keep_last"), "2"))
			pressed(`.schedule-form .actions button[type="submit"]:not([formaction])`)(b)
		}},
		{path: contoso + "/sets/new", name: "set", act: unchecked(`form.choose .actions button[type="submit"]`)},
		{path: contoso + "/sets/import", name: "import", act: filled(`form.narrow button`, map[string]string{"name": strings.Repeat("long ", 50)})},
		{path: set, name: "hold", act: unchecked(`form[action$="/hold"] button`)},
		{path: set + "/add", name: "add-nothing", act: unchecked(`form[action$="/add"] .actions button`)},
		{path: deleted + "/purge", name: "purge", act: filled(`form .actions button`, map[string]string{"confirm": "another name"})},
		{path: set + "/purge", name: "conflict", status: http.StatusConflict},
		{path: options, name: "restore-nothing", status: http.StatusUnprocessableEntity},
		{path: options + "&all=yes&existing=copy", name: "restore-options", act: filled(`form[action$="/restore/previews"] button[type="submit"]`, map[string]string{"copy_suffix": strings.Repeat("long ", 30)})},
		{path: preview, name: "restore-confirm", act: unchecked(`section.confirm button[type="submit"]`)},
		{path: contoso + "/settings", name: "zone", act: filled(`form[action$="/settings/zone"] button:not([name])`, map[string]string{"zone": "Middle/Earth"})},
		{path: contoso + "/audit?id=x", name: "audit-filter", status: http.StatusUnprocessableEntity},
		{path: contoso + "/audit", name: "audit-head", act: filled(`form[action$="/audit/verify"] button`, map[string]string{"head": "no head"})},
		{path: contoso + "/audit", name: "audit-sound", act: pressed(`form[action$="/audit/verify"] button`)},
	}
}

// bulkPages come last: the second enables what is disabled.
var bulkPages = []found{
	{path: contoso + "/schedules", name: "z-bulk-confirm", act: bulk("delete")},
	{path: contoso + "/schedules", name: "z-bulk-result", act: bulk("enable")},
}

func bulk(action string) func(*tab) {
	return func(b *tab) {
		eval[bool](b, fmt.Sprintf(`(() => { document.querySelectorAll('input[name="ids"]').forEach(e => e.checked = true); document.querySelector('#bulk select').value = %q; return true; })()`, action))
		if status := b.press("#bulk button"); status != http.StatusOK {
			b.t.Errorf("%s of many answers %d", action, status)
		}
	}
}

// busyServer starts a server with a slow Graph and a schedule on it whose runs go on for a while, and
// returns that schedule's page. The first types are small, so that a run's bar moves soon.
func busyServer(t *testing.T) (s server, schedule string) {
	t.Helper()
	s = start(t, "-latency", "1500ms")
	made := s.client(t, "owner-contoso").post(contoso+"/schedules/new", url.Values{"name": {"Access and compliance"}, "frequency": {"daily"}, "time_of_day": {"02:00"},
		"timezone": {"Europe/Berlin"}, "policy_types": {"deviceCompliancePolicy", "conditionalAccessPolicy", "deviceConfiguration"}, "include_foundations": {"yes"},
		"retention_keep_last": {"5"}, "enabled": {"yes"}})
	return s, strings.TrimPrefix(made.url.Path, contoso+"/")
}

// begin starts a run of contoso and returns the page that it leads to.
func begin(c *client, path string, form url.Values) string {
	c.t.Helper()
	got := c.post(contoso+"/"+path, form)
	if got.status != http.StatusOK || !ids.MatchString(got.url.Path) {
		c.t.Fatalf("%s answers %d at %s", path, got.status, got.url)
	}
	return got.url.Path
}

// busyPages are those that show runs under way: one that writes a set, and others that wait for it.
func (s server) busyPages(t *testing.T, schedule string) []found {
	t.Helper()
	c, sets := s.client(t, "operator-contoso"), s.list(t, "contoso", "backup-sets")
	set := sets[slices.IndexFunc(sets, func(r row) bool { return r.Status == "complete" })].ID
	run := begin(c, schedule+"/run", nil)
	drift := begin(c, "sets/"+set+"/drift", nil)
	preview := begin(c, "restore/previews", url.Values{"set": {set}, "all": {"yes"}})
	shows := func(selector string) func(*tab) {
		return func(b *tab) {
			if !b.has(selector) {
				b.t.Errorf("%s has no %s:\n%s", b.path(), selector, b.words("main"))
			}
		}
	}
	waits := func(selector string) func(*tab) {
		return func(b *tab) { b.until(fmt.Sprintf(`document.querySelector(%q) !== null`, selector)) }
	}
	const bar, follows = `#progress .active-run progress`, `#outcome [role="status"] .badge.busy`
	return []found{
		{path: run, name: "run", act: waits("#run progress")},
		{path: contoso + "/runs/" + ids.FindString(drift), name: "run-queued", act: shows(bar)},
		{path: contoso + "/drift/" + ids.FindString(drift), name: "drift", act: shows(follows)},
		{path: preview, name: "preview", act: shows(follows)},
		{path: contoso + "/schedules", name: "schedules", narrow: true, act: shows(bar)},
		{path: contoso + "/runs", name: "runs", act: shows(bar)},
		{path: contoso + "/sets", name: "sets", act: shows(bar)},
	}
}

// withoutGraph starts a server whose Graph nobody reaches.
func withoutGraph(t *testing.T) server {
	t.Helper()
	return start(t, "-graph", "msgraph", "-graph-url", "http://127.0.0.1:1")
}

// lonelyPages are what shows that Graph cannot be reached.
func (s server) lonelyPages(t *testing.T) []found {
	t.Helper()
	c := s.client(t, "owner-contoso")
	schedule := c.post(contoso+"/schedules/new", url.Values{"name": {"Nightly"}, "frequency": {"daily"}, "time_of_day": {"02:00"}, "timezone": {"Europe/Berlin"},
		"policy_types": {"deviceCompliancePolicy"}, "retention_keep_last": {"5"}, "enabled": {"yes"}})
	run := c.post(schedule.url.Path+"/run", nil)
	if run.status != http.StatusOK {
		t.Fatalf("run now answers %d", run.status)
	}
	return []found{
		{path: contoso + "/permissions", name: "permissions", status: http.StatusBadGateway},
		{path: contoso + "/settings", name: "settings"},
		{path: run.url.Path, name: "run", act: func(b *tab) {
			b.until(`document.querySelector(".timeline").innerText.includes("Microsoft Graph could not be reached")`)
		}},
	}
}
