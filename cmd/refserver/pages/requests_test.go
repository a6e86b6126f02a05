package pages_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/cmd/refserver/pages"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
	"github.com/tenantatlas/tenantbackup/runs"
)

// posts are the addresses of all forms, with ids of things that there are.
func (w *world) posts() (list []string) {
	w.t.Helper()
	ids := w.oneOfEach()
	for _, pattern := range w.pages.Patterns() {
		if path, ok := below(pattern, http.MethodPost); ok {
			list = append(list, tenantPath()+"/"+w.addresses(path, ids)[0])
		}
	}
	return append(list, pages.DefaultPrefix+"/-/zone")
}

// ask sends a request that no form of the pages sends.
func (w *world) ask(as runs.Actor, method, path, body string, header ...string) response {
	w.t.Helper()
	req := httptest.NewRequestWithContext(w.t.Context(), method, "http://backups.example"+path, strings.NewReader(body))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(as.ID, "x")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	w.mux.ServeHTTP(rec, req)
	return response{Response: rec.Result(), body: rec.Body.String()}
}

// A page of another site can make a browser send any form, with the cookies of who is signed in.
func TestNoFormOfAnotherSiteIsTaken(t *testing.T) {
	w, _ := filled(t)
	before := w.content()
	for _, path := range w.posts() {
		for _, header := range [][]string{
			{"Sec-Fetch-Site", "cross-site"},
			{"Sec-Fetch-Site", "same-site"}, // another host of the same domain
			{"Origin", "https://evil.example"},
			{"Origin", "null"},
		} {
			got := w.ask(owner, http.MethodPost, path, "confirm=yes&reason=x&name=x", header...)
			if got.StatusCode != http.StatusForbidden || !strings.Contains(got.body, "This request was made by a page of another site.") || len(got.Cookies()) > 0 {
				t.Errorf("%s with %s: %s", path, strings.Join(header, ": "), got.Status)
			}
		}
		w.unchanged(before, path)
	}
	got := w.ask(owner, http.MethodPost, tenantPath("settings", "zone"), "zone=Europe/Berlin", "Sec-Fetch-Site", "same-origin", "Origin", "http://backups.example")
	if got.StatusCode != http.StatusSeeOther {
		t.Errorf("a form of the pages' own: %s", got.Status)
	}
}

func TestAFormThatIsTooLargeIsRefusedByAPageThatSaysSo(t *testing.T) {
	testenv.SlowUnderRace(t)
	const most = 1000
	w, _ := filledBy(t, owner, "", func(cfg *pages.Config) { cfg.MaxForm = most })
	before := w.content()
	form := func(size int) string {
		const begin = "confirm=yes&zone=Europe/Berlin&pad="
		return begin + strings.Repeat("x", size-len(begin))
	}
	for _, path := range w.posts() {
		if strings.HasSuffix(path, "/import") {
			continue // takes files
		}
		size := most
		if strings.HasSuffix(path, "/-/zone") {
			size = 4096
		}
		got := w.ask(owner, http.MethodPost, path, form(size+1))
		w.shows(got, http.StatusRequestEntityTooLarge, "<h1>Too large</h1>", "What was sent is larger than this server takes.")
		w.unchanged(before, path)
	}
	for path, size := range map[string]int{tenantPath("settings", "zone"): most, "/backups/-/zone": 4096} {
		if got := w.ask(owner, http.MethodPost, path, form(size)); got.StatusCode != http.StatusSeeOther {
			t.Errorf("%s takes no form of the largest size: %s", path, got.Status)
		}
	}
}

func TestAFormThatIsNoneIsRefused(t *testing.T) {
	w := newWorld(t, nil)
	for _, path := range []string{tenantPath("settings", "zone"), tenantPath("policies", "refresh"), "/backups/-/zone"} {
		if got := w.ask(owner, http.MethodPost, path, "zone=%zz"); got.StatusCode != http.StatusBadRequest || !strings.Contains(got.body, "not well-formed") {
			t.Errorf("%s: %s\n%s", path, got.Status, text(got.body))
		}
	}
}

// Every header of every kind of answer, so that none is lost and none comes unseen.
func TestEveryAnswerHasTheHeadersThatProtectIt(t *testing.T) {
	w := newWorld(t, nil)
	set := w.backup(w.schedule(nil).ID).BackupSetID
	item := w.itemOf(set, w.object(0).ID)
	page := must(url.Parse(regexp.MustCompile(`href="([^"]*app.css[^"]*)"`).FindStringSubmatch(w.get(owner, tenantPath("runs")).body)[1]))(t)
	const csp = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
		"form-action 'self'; frame-ancestors 'none'; base-uri 'none'; manifest-src 'self'"
	const html = "text/html; charset=utf-8"
	for name, c := range map[string]struct {
		as     runs.Actor
		method string
		path   string
		status int
		extra  map[string]string // beside those that every answer has, or instead of them
	}{
		"a page":                       {owner, http.MethodGet, tenantPath("schedules"), 200, map[string]string{"Content-Type": html}},
		"what pages poll":              {owner, http.MethodGet, tenantPath("live"), 200, map[string]string{"Content-Type": html}},
		"a form with errors":           {owner, http.MethodPost, tenantPath("schedules", "new"), 422, map[string]string{"Content-Type": html}},
		"an error page":                {owner, http.MethodGet, tenantPath("schedules", unknownID), 403, map[string]string{"Content-Type": html}},
		"no route":                     {owner, http.MethodGet, tenantPath("nothing", "here"), 404, map[string]string{"Content-Type": html}},
		"another method":               {owner, http.MethodGet, tenantPath("audit", "verify"), 405, map[string]string{"Content-Type": html, "Allow": "POST"}},
		"a redirect":                   {owner, http.MethodGet, "/backups", 303, map[string]string{"Content-Type": html, "Location": tenantPath("schedules")}},
		"a redirect to the clean path": {owner, http.MethodGet, tenantPath("runs") + "/", 308, map[string]string{"Content-Type": html, "Location": tenantPath("runs")}},
		"a redirect to the sign-in":    {nobody, http.MethodGet, "/backups", 303, map[string]string{"Content-Type": html, "Location": "/signin?next=%2Fbackups"}},
		"a redirect after a form":      {owner, http.MethodPost, tenantPath("sets", set, "verify"), 303, map[string]string{"Location": "*"}},
		"an asset": {nobody, http.MethodGet, page.RequestURI(), 200, map[string]string{
			"Content-Type": "text/css; charset=utf-8", "Cache-Control": "public, max-age=31536000, immutable", "ETag": `"` + page.Query().Get("v") + `"`, "Accept-Ranges": "bytes", "Content-Length": "*",
		}},
		"an asset of any version": {nobody, http.MethodGet, page.Path, 200, map[string]string{
			"Content-Type": "text/css; charset=utf-8", "Cache-Control": "no-cache", "ETag": `"` + page.Query().Get("v") + `"`, "Accept-Ranges": "bytes", "Content-Length": "*",
		}},
		"no asset": {nobody, http.MethodGet, "/backups/-/static/x.css", 404, map[string]string{"Content-Type": html}},
		"a download": {owner, http.MethodGet, tenantPath("sets", set, "items", item, "json"), 200, map[string]string{
			"Content-Type": "application/json", "Content-Disposition": "*",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			got := w.do(c.as, c.method, c.path, nil)
			want := http.Header{
				"Content-Security-Policy": {csp}, "X-Content-Type-Options": {"nosniff"}, "Referrer-Policy": {"same-origin"},
				"Cross-Origin-Opener-Policy": {"same-origin"}, "Cache-Control": {"no-store"},
			}
			for name, value := range c.extra {
				if value == "*" {
					value = got.Header.Get(name)
				}
				want.Set(name, value)
			}
			if diff := cmp.Diff(want, got.Header); got.StatusCode != c.status || diff != "" {
				t.Errorf("%s (-want, +got)\n%s", got.Status, diff)
			}
		})
	}
}
