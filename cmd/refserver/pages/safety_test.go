package pages_test

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/cmd/refserver/pages"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

func TestAnOutageOfTheDatabaseIsSaidInWordsOnEveryPage(t *testing.T) {
	w, entrances := filled(t)
	shown, forms := w.crawl(entrances...)
	check(t, w.store.Close())
	for path := range shown {
		if strings.HasPrefix(path, tenantPath("settings")) {
			continue
		}
		got := w.get(owner, path)
		if got.StatusCode == http.StatusSeeOther {
			continue // to another one of these
		}
		if got.StatusCode != http.StatusServiceUnavailable || got.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %s", path, got.Status)
		}
		got.has(t, "The database cannot be reached at the moment, so this page cannot be shown.", ">Try again</a>", `href="`+html.EscapeString(path)+`"`)
		if strings.Contains(got.body, "sql") || strings.Count(got.body, "<h1>") != 1 {
			t.Errorf("%s tells the cause, or is no page: %s", path, text(got.body))
		}
	}
	for _, f := range forms {
		if f.method == http.MethodGet || f.upload || strings.HasPrefix(f.action, tenantPath("settings")) || f.action == "/signout" {
			continue
		}
		got := w.post(owner, f.action, f.values)
		if got.StatusCode != http.StatusServiceUnavailable && got.StatusCode != http.StatusUnprocessableEntity && got.StatusCode != http.StatusSeeOther {
			t.Errorf("POST %s: %s", f.action, got.Status)
		}
		if got.StatusCode == http.StatusServiceUnavailable {
			got.has(t, "it is not certain whether this was done")
		}
	}
}

func TestTheSettingsShowHowTheServerIsAlsoDuringAnOutage(t *testing.T) {
	w := newWorld(t, func(cfg *pages.Config) {
		cfg.Health = func(context.Context) []pages.HealthPart {
			return []pages.HealthPart{{Name: "Database", Bad: true, Text: "It does not answer at postgres://me:secret@db/x."}, {Name: "Workers", Text: "At work.", Seen: start.Add(-2 * time.Minute)}}
		}
	})
	check(t, w.store.Close())
	got := w.get(readonly, tenantPath("settings"))
	got.shows(t, "Something needs attention.", "Database needs attention It does not answer", "Workers healthy At work. seen 2 min ago")
	got.lacks(t, "me:secret")
}

func TestTheZonesCookieIsSecureUnlessTheHostSaysThatHTTPIsMeant(t *testing.T) {
	for _, plain := range []bool{false, true} {
		w := newWorld(t, func(cfg *pages.Config) {
			if plain {
				cfg.PlainHTTP = func(*http.Request) bool { return true }
			}
		})
		for _, path := range []string{tenantPath("settings", "zone"), "/backups/-/zone"} {
			got := w.post(readonly, path, url.Values{"zone": {"Europe/Berlin"}})
			c := got.Cookies()
			if len(c) != 1 || c[0].Secure == plain || !c[0].HttpOnly || c[0].SameSite != http.SameSiteLaxMode || c[0].Path != "/backups" {
				t.Errorf("plain %t, %s: %s sets %v", plain, path, got.Status, c)
			}
		}
	}
}

func TestAPageStaysSmallForWhoHasThousandsOfTenants(t *testing.T) {
	w := newWorld(t, func(cfg *pages.Config) {
		cfg.Tenants = func(context.Context, runs.Actor) (list []pages.Tenant, err error) {
			for i := range 3000 {
				list = append(list, pages.Tenant{ID: graph.TenantID(fmt.Sprintf("tenant-%d", i)), Name: fmt.Sprintf("Customer %d", i)})
			}
			return append(list, pages.Tenant{ID: tenant, Name: "Contoso"}), nil
		}
	})
	got := w.get(owner, tenantPath("schedules"))
	if got.StatusCode != http.StatusOK || len(got.body) > 20_000 {
		t.Errorf("%s, %d bytes", got.Status, len(got.body))
	}
	for _, want := range []string{`aria-current="true"><bdi>Contoso</bdi></a>`, "Customer 49<", `<a href="/">All tenants</a>`} {
		if !strings.Contains(got.body, want) {
			t.Errorf("the menu of tenants lacks %s", want)
		}
	}
}

func TestAPageThatRefusesAHoldLeadsToTheSet(t *testing.T) {
	w := newWorld(t, nil)
	set := w.backup(w.schedule(nil).ID).BackupSetID
	got := w.post(manager, tenantPath("sets", set, "hold")+"?limit=1", url.Values{"reason": {"evidence"}})
	if got.StatusCode != http.StatusUnprocessableEntity {
		t.Fatal(got.Status)
	}
	for _, m := range links.FindAllStringSubmatch(got.body, -1) {
		if strings.Contains(m[1], "/hold?") {
			t.Errorf("a link leads to the form's own address, which nobody can look at: %s", m[1])
		}
	}
}

func TestAnAnswerRepeatsNoLongNameOfAField(t *testing.T) {
	w := newWorld(t, nil)
	name := strings.Repeat("name", 50_000)
	got := w.post(manager, tenantPath("schedules", "new"), url.Values{name: {"\xff"}})
	if got.StatusCode != http.StatusUnprocessableEntity || strings.Contains(got.body, "namename") {
		t.Errorf("%s, %d bytes", got.Status, len(got.body))
	}
}

// readies makes a preview ready at the moment when its restore is asked for, after the page has
// looked at it.
type readies struct {
	w     *world
	asked int
}

func (r *readies) Authorize(_ context.Context, _ graph.TenantID, _ runs.Actor, action runs.Action) error {
	if action == runs.StartAction(runs.KindRestoreExecute) {
		if r.asked++; r.asked == 2 { // the first was the gate
			r.w.drain()
		}
	}
	return nil
}

func TestAPreviewThatWasNotReadyWhenItWasConfirmedOverwritesNothing(t *testing.T) {
	w := newWorld(t, nil)
	set := w.damage()
	begun := w.post(owner, tenantPath("restore", "previews"), url.Values{"set": {string(set)}, "all": {"yes"}, "existing": {"overwrite"}})
	cfg := w.cfg
	cfg.Starter = must(runs.NewStarter(runs.StarterConfig{
		Store: w.store, Queue: w.queue, Clock: w.clock, Authorizer: &readies{w: w},
		Preparers: []runs.Preparer{must(restore.NewRequests(restore.RequestsConfig{Store: w.store, Clock: w.clock}))(t)},
	}))(t)
	w.mux = http.NewServeMux()
	must(pages.New(cfg))(t).Mount(w.mux)
	id := anyID.FindString(begun.Header.Get("Location"))
	got := w.post(owner, tenantPath("restore"), url.Values{"preview": {id}, "reason": {"repair"}})
	if got.StatusCode != http.StatusConflict || !strings.Contains(got.body, "still being made") {
		t.Errorf("without the tenant's name a restore that overwrites was answered by %s to %s", got.Status, got.Header.Get("Location"))
	}
}
