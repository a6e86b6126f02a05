package pages_test

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

var signInLink = regexp.MustCompile(`<a role="button" href="([^"]*)" target="_blank" rel="noopener">Sign in in another tab</a>`)

// TestAFormThatComesTooLateSaysThatNothingWasDone, and leads to the sign-in by the page that it stands
// on, whatever the request says about where it came from.
func TestAFormThatComesTooLateSaysThatNothingWasDone(t *testing.T) {
	w := newWorld(t, nil)
	s := w.schedule(nil)
	const host = "http://example.com"
	for _, tt := range []struct{ path, referer, want string }{
		{tenantPath("schedules", "new"), host + tenantPath("schedules"), tenantPath("schedules", "new")},
		{tenantPath("schedules", s.ID, "edit"), "", tenantPath("schedules", s.ID, "edit")},
		{tenantPath("sets", "import"), "", tenantPath("sets", "import")},
		{tenantPath("schedules", s.ID, "run"), host + tenantPath("schedules") + "?q=a%20b&sort=name", tenantPath("schedules") + "?q=a%20b&sort=name"},
		{tenantPath("schedules", s.ID, "run"), "", "/backups"},
		{tenantPath("schedules", s.ID, "run"), "https://evil.example" + tenantPath("runs"), "/backups"},
		{tenantPath("schedules", s.ID, "run"), host + "@evil.example/backups/x", "/backups"},
		{tenantPath("schedules", s.ID, "run"), host + "//evil.example/backups/x", "/backups"},
		{tenantPath("schedules", s.ID, "run"), host + "/\\evil.example", "/backups"},
		{tenantPath("schedules", s.ID, "run"), host + "/elsewhere", "/backups"},
		{tenantPath("schedules", s.ID, "run"), "javascript:alert(1)", "/backups"},
		{tenantPath("schedules", s.ID, "run"), "javascript://example.com/backups/%0aalert(1)", "/backups/%0aalert%281%29"},
		{tenantPath("schedules", s.ID, "run"), "%", "/backups"},
	} {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, tt.path, strings.NewReader(filledForm().Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Referer", tt.referer)
		rec := httptest.NewRecorder()
		w.mux.ServeHTTP(rec, req)
		got := response{Response: rec.Result(), body: rec.Body.String()}
		link := signInLink.FindStringSubmatch(got.body)
		if got.StatusCode != http.StatusUnauthorized || link == nil || html.UnescapeString(link[1]) != tt.want {
			t.Errorf("%s from %q: %s, the link leads to %q, want %q", tt.path, tt.referer, got.Status, link, tt.want)
			continue
		}
		got.has(t, "You are not signed in any more, so nothing was done.", "go Back")
		// Who follows it is led to the sign-in, and from there to that page.
		if led := w.get(nobody, tt.want); !strings.HasPrefix(tt.want, "/backups/%") && tt.want != "/backups" && (led.StatusCode != http.StatusSeeOther || led.Header.Get("Location") != "/signin?next="+url.QueryEscape(tt.want)) {
			t.Errorf("%s: %s, leads to %q", tt.want, led.Status, led.Header.Get("Location"))
		}
	}
	if len(must(w.store.EnabledSchedules(t.Context(), "", 10))(t)) != 1 {
		t.Error("a form of somebody who is not signed in was saved")
	}
}

// A refusal leads back to the page of here that the form was sent from, whatever else the request says.
func TestWhatIsRefusedLeadsBackToWhereThePersonCameFrom(t *testing.T) {
	w := newWorld(t, nil)
	run := w.backup(w.schedule(nil).ID)
	const host = "http://example.com"
	own := tenantPath("runs", run.ID)
	for referer, want := range map[string]string{
		"": own,
		host + tenantPath("runs") + "?kind=backup&limit=5": tenantPath("runs") + "?kind=backup&limit=5",
		host + own: own,
		"https://evil.example" + tenantPath("runs"): own,
		host + "@evil.example" + tenantPath("runs"): own,
		host + "/elsewhere":                         own,
		host + "/backups/-/zone":                    own,
		host + "//evil.example/backups/x":           own,
		"javascript:alert(1)":                       own,
		"%":                                         own,
	} {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, tenantPath("runs", run.ID, "retry"), nil)
		req.SetBasicAuth(owner.ID, "x")
		req.Header.Set("Referer", referer)
		rec := httptest.NewRecorder()
		w.mux.ServeHTTP(rec, req)
		got := response{Response: rec.Result(), body: rec.Body.String()}
		if got.StatusCode != http.StatusConflict {
			t.Fatalf("a retry of what succeeded answers %s", got.Status)
		}
		if back := got.link(t, "Back"); back != want {
			t.Errorf("from %q Back leads to %q, want %q", referer, back, want)
		}
	}
}

// Who has come to the wrong tenant, or as the wrong person, needs a way out.
func TestARefusedPageSaysWhoAsksAndOffersToSignOut(t *testing.T) {
	w := newWorld(t, nil)
	for _, at := range []string{tenantPath("runs"), "/backups/" + string(otherTenant) + "/runs", "/backups", tenantPath("nowhere")} {
		w.get(stranger, at).has(t, "Sam Stranger", `action="/signout"`)
	}
}
