package usertest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// power orders the roles; each may do what those before it may do.
var power = []string{"readonly", "operator", "manager", "owner"}

// control is something to press on a page, the weakest role that has it, and what is behind it.
type control struct {
	role, selector string
	method, path   string // of the page's path, when it does not begin with a slash; "" when nothing of its own is behind it
	form           string
}

// controls are what the pages have to press, by the addresses of pages of the demonstration.
func (s server) controls(t *testing.T) map[string][]control {
	t.Helper()
	first := func(list string, is func(row) bool) string {
		rows := s.list(t, "contoso", list)
		i := slices.IndexFunc(rows, is)
		if i < 0 {
			t.Fatalf("no row of %s is as it should be", list)
		}
		return rows[i].ID
	}
	const post, get = http.MethodPost, http.MethodGet
	enabled := first("schedules", func(r row) bool { return r.Enabled })
	disabled := first("schedules", func(r row) bool { return !r.Enabled })
	manual := first("backup-sets?limit=200", func(r row) bool { return r.ScheduleID == "" && len(r.Holds) > 0 })
	deleted := first("backup-sets?deleted=true", func(r row) bool { return true })
	failed := first("runs?limit=200", func(r row) bool { return r.Kind == "backup" && r.Status == "canceled" })
	policy := first("policies", func(r row) bool { return true })
	preview := first("runs?kind=restore.preview", func(r row) bool { return r.Status == "success" })
	drift := first("runs?kind=drift.report", func(r row) bool { return r.Status == "success" })
	ids := "ids=" + enabled + "&confirmed=yes&action="
	return map[string][]control{
		contoso + "/schedules": {
			{"manager", `.headline a[href$="/schedules/new"]`, get, "/schedules/new", ""},
			{"manager", `.menu a[href$="/edit"]`, get, "/schedules/" + enabled + "/edit", ""},
			{"manager", `.menu a[href$="/delete"]`, get, "/schedules/" + enabled + "/delete", ""},
			{"manager", `.menu form[action$="/disable"]`, post, "/schedules/" + enabled + "/disable", ""},
			{"operator", `.menu form[action$="/run"]`, post, "/schedules/" + enabled + "/run", ""},
			{"operator", `input[name="ids"]`, "", "", ""},
			{"operator", `#bulk option[value="run_now"]`, post, "/schedules/bulk", ids + "run_now"},
			{"operator", `#bulk option[value="retry"]`, post, "/schedules/bulk", ids + "retry"},
			{"manager", `#bulk option[value="enable"]`, post, "/schedules/bulk", ids + "enable"},
			{"manager", `#bulk option[value="disable"]`, post, "/schedules/bulk", ids + "disable"},
			{"manager", `#bulk option[value="delete"]`, post, "/schedules/bulk", ids + "delete"},
		},
		contoso + "/schedules/" + enabled: {
			{"operator", `form[action$="/run"]`, post, "run", ""},
			{"manager", `form[action$="/disable"]`, post, "disable", ""},
			{"manager", `a[href$="/edit"]`, post, "edit", "name=x"},
			{"manager", `a[href$="/delete"]`, post, "delete", ""},
		},
		contoso + "/schedules/" + disabled: {{"manager", `form[action$="/enable"]`, post, "enable", ""}},
		contoso + "/runs/" + failed:        {{"operator", `form[action$="/retry"]`, post, "retry", ""}},
		contoso + "/sets": {
			{"operator", `a[href$="/sets/new"]`, post, "new", "name=x&what=everything"},
			{"manager", `a[href$="/sets/import"]`, get, "import", ""},
		},
		contoso + "/sets/" + manual: {
			{"operator", `a[href*="/restore?set="]`, get, "/restore/items?set=" + manual, ""},
			{"operator", `a[href$="/add"]`, post, "add", ""},
			{"operator", `form[action$="/verify"]`, post, "verify", ""},
			{"operator", `form[action$="/drift"]`, post, "drift", ""},
			{"manager", `a[href$="/delete"]`, post, "delete", ""},
			{"manager", `form[action$="/hold"]`, post, "hold", "name=x&reason=x"},
			{"manager", `form[action$="/release"]`, post, "release", "name=x"},
			{"manager", `form[action$="/export"]`, post, "export", ""},
			{"owner", `input[name="secrets"]`, post, "export", "secrets=yes"},
		},
		contoso + "/sets/" + deleted: {
			{"manager", `form[action$="/undelete"]`, post, "undelete", ""},
			{"manager", `a[href$="/purge"]`, post, "purge", "confirm=x"},
		},
		contoso + "/policies": {{"operator", `form[action$="/refresh"]`, post, "refresh", ""}},
		contoso + "/policies/" + policy: {
			{"operator", `form[action$="/capture"]`, post, "capture", ""},
			{"operator", `a[href*="/sets/new?"]`, get, "/sets/new?what=policies&policy_ids=" + policy, ""},
			{"operator", `form[action$="/add"]`, post, "add", "set=" + manual},
		},
		contoso + "/restore": {{"operator", `a[href*="/restore/items?"]`, get, "/restore/items?set=" + manual, ""}},
		contoso + "/restore/previews/" + preview: {
			{"operator", `form[action$="/again"]`, post, "again", ""},
			{"manager", `form[action$="/restore"]`, post, "/restore", "preview=" + preview + "&reason=x"},
		},
		contoso + "/drift/" + drift: {
			{"operator", `a[href$="/drift/` + drift + `/restore"]`, get, "restore", ""},
			{"operator", `a[href*="/restore/items?"]`, post, "/restore/previews", "set=" + manual + "&all=yes"},
		},
	}
}

// Each role sees what it may press, on every page that has something to press, and nothing else.
// What is behind a button that is not shown answers 403 to the page's own origin.
func TestNobodySeesAButtonThatIsNotAllowed(t *testing.T) {
	t.Parallel()
	needBrowser(t)
	s := start(t)
	pages := s.controls(t)
	for i, role := range power {
		t.Run(role, func(t *testing.T) {
			b := s.open(t, wide)
			b.signIn(role + "-contoso")
			for page, list := range pages {
				b.expectStatus(http.StatusNotFound, page) // a deleted set, for whoever cannot bring it back
				b.visit(page)
				for _, c := range list {
					allowed := i >= slices.Index(power, c.role)
					if has := b.has(c.selector); has != allowed {
						t.Errorf("%s: is there %s for this role: %v, want %v", page, c.selector, has, allowed)
					}
					if allowed || c.method == "" {
						continue
					}
					path := page + "/" + c.path
					if strings.HasPrefix(c.path, "/") {
						path = contoso + c.path
					}
					if status := b.fetch(c.method, path, c.form); status != "403" {
						t.Errorf("%s %s %s answers %s", c.method, path, c.form, status)
					}
				}
			}
		})
	}
}

// fetch asks as a script of the page could, and returns the status.
func (b *tab) fetch(method, path, form string) string {
	b.t.Helper()
	b.expectStatus(http.StatusForbidden, path)
	body := ""
	if method == http.MethodPost {
		body = fmt.Sprintf(`, body: new URLSearchParams(%q)`, form)
	}
	return evalAsync(b, fmt.Sprintf(`fetch(%q, {method: %q%s}).then(r => String(r.status))`, path, method, body))
}
