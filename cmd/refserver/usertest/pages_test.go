package usertest

import (
	"cmp"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Every page that links lead to, every way a run or a set can end, forms with errors and error
// pages, full and empty, while runs are under way and without Graph, light and dark, narrow and
// wide: axe finds nothing, nothing is wider than the window, what is partial is amber, the console
// stays silent, and there are pictures. No route and no template is left out.
func TestEveryPageIsAccessibleAndFits(t *testing.T) {
	needBrowser(t)
	busy, schedule := busyServer(t)
	full := start(t)
	pages := crawl(t, full.client(t, "owner-contoso"), contoso+"/schedules")
	for i := range pages {
		pages[i].narrow = true
	}
	pages = append(pages, full.moreOf(t, "contoso")...)
	pages = append(pages, errorPages...)
	forms := append(full.formPages(t), bulkPages...)
	seen := allPages(t)
	t.Cleanup(func() { seen.check(t) })
	seen.group(t, "full", func(t *testing.T) { full.judge(t, seen, "full", "owner-contoso", pages) })
	seen.group(t, "forms", func(t *testing.T) { full.judge(t, seen, "forms", "owner-contoso", forms) })
	seen.group(t, "another tenant", func(t *testing.T) {
		full.judge(t, seen, "other", "owner-fabrikam", unlike(full.moreOf(t, "fabrikam"), pages))
	})
	seen.group(t, "several tenants", func(t *testing.T) { full.judge(t, seen, "engineer", "engineer", engineerPages) })
	seen.group(t, "who only looks", func(t *testing.T) {
		full.judge(t, seen, "readonly", "readonly-contoso", crawl(t, full.client(t, "readonly-contoso"), contoso+"/schedules"))
	})
	seen.group(t, "runs under way", func(t *testing.T) {
		t.Parallel() // before the runs begin, which would else end while others are looked at
		busy.look(t, seen, "busy", "operator-contoso", busy.busyPages(t, schedule))
	})
	alone := withoutGraph(t)
	seen.group(t, "no Graph", func(t *testing.T) { alone.judge(t, seen, "no-graph", "owner-contoso", alone.lonelyPages(t)) })

	empty := start(t, "-demo=false")
	for _, s := range empty.list(t, "contoso", "schedules") {
		empty.api(t, http.MethodDelete, "contoso", "schedules/"+s.ID, nil)
	}
	seen.group(t, "empty", func(t *testing.T) {
		empty.judge(t, seen, "empty", "owner-contoso", crawl(t, empty.client(t, "owner-contoso"), contoso+"/schedules"))
	})
	seen.group(t, "users of a file", func(t *testing.T) { withUsers(t).judge(t, seen, "users", "", usersPages) })
}

// judge looks at pages as a demo user.
func (s server) judge(t *testing.T, seen *seen, name, user string, pages []found) {
	t.Parallel()
	s.look(t, seen, name, user, pages)
}

func (s server) look(t *testing.T, seen *seen, name, user string, pages []found) {
	t.Logf("%s: %d pages", name, len(pages))
	b := s.open(t, wide)
	if user != "" {
		b.signIn(user)
	}
	for _, p := range pages {
		b.look(wide)
		want := cmp.Or(p.status, http.StatusOK)
		b.expectStatus(want, p.path)
		if status := b.visit(p.path); status != want {
			t.Errorf("%s answers %d, want %d", p.path, status, want)
		}
		if p.act != nil {
			p.act(b)
		}
		seen.note(b)
		for _, l := range []look{wide, {width: 1400, dark: true}, {width: 400}, {width: 400, dark: true}} {
			if l.dark && l.width == 400 && *screenshots == "" {
				continue // a picture only: its colours are those of the wide one
			}
			b.look(l)
			scheme := "light"
			if l.dark {
				scheme = "dark"
			}
			switch {
			case l == wide, p.narrow && !l.dark:
				b.accessible(axeAll)
			case l.dark && l.width > 400:
				b.accessible(axeColors)
			}
			if l.width > 400 {
				seen.amber(b)
			}
			if at := eval[int64](b, `document.documentElement.scrollWidth`); at > l.width {
				t.Errorf("%s: %d px wide in a window of %d", p.path, at, l.width)
			}
			b.shoot(fmt.Sprintf("%s/%s-%d/%s", name, scheme, l.width, p.name))
		}
	}
}

// unlike are the pages of a list of which the others have none of the same shape.
func unlike(list, others []found) (rest []found) {
	shape := func(p found) string { return ids.ReplaceAllString(p.name, "") }
	for _, p := range list {
		if !slices.ContainsFunc(others, func(o found) bool { return shape(o) == shape(p) }) {
			rest = append(rest, p)
		}
	}
	return rest
}

var errorPages = []found{
	{path: contoso + "/runs?schedule=x", name: "z-errors-runs", status: http.StatusUnprocessableEntity},
	{path: contoso + "/schedules?q=nothing-is-called-so", name: "z-none-schedules"},
	{path: contoso + "/policies?q=nothing-is-called-so", name: "z-none-policies"},
	{path: contoso + "/runs?status=running", name: "z-none-runs"},
	{path: contoso + "/sets?status=building", name: "z-none-sets"},
	{path: contoso + "/schedules/01a00000-0000-7000-8000-000000000000", name: "z-error-foreign", status: http.StatusForbidden},
	{path: contoso + "/nothing", name: "z-error-404", status: http.StatusNotFound},
	{path: "/backups/fabrikam/schedules", name: "z-error-403", status: http.StatusForbidden},
	{path: "/nothing", name: "z-error-host", status: http.StatusNotFound},
	{path: "/", name: "home"},
	{path: "/signin", name: "signin"},
}

// engineerPages are those that look otherwise to somebody with several tenants.
var engineerPages = []found{
	{path: "/", name: "home"},
	{path: contoso + "/restore?from=fabrikam", name: "restore-from-another"},
}

var usersPages = []found{
	{path: "/signin", name: "signin"},
	{path: "/signin", name: "signin-wrong", act: func(b *tab) {
		eval[bool](b, `(() => { document.querySelector("#user").value = "alice"; document.querySelector("#token").value = "not-the-token-of-alice"; return true; })()`)
		b.pressRefused(http.StatusUnauthorized, `button[type="submit"]`)
	}},
}

// withUsers starts a server with a user of a file.
func withUsers(t *testing.T) server {
	t.Helper()
	hash := exec.Command(must(build())(t), "hash-token")
	hash.Stdin = strings.NewReader("a-token-of-some-length\n")
	out, err := hash.Output()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(file, fmt.Appendf(nil, `{"id":"alice","name":"Alice","token_hash":%q,"roles":{"contoso":"owner"}}`, strings.TrimSpace(string(out))), 0o600); err != nil {
		t.Fatal(err)
	}
	return start(t, "-demo=false", "-users", file)
}
