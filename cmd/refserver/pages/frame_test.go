package pages_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/cmd/refserver/pages"
)

func TestWhoIsNotSignedInIsLedToTheSignIn(t *testing.T) {
	w := newWorld(t, nil)
	got := w.get(nobody, tenantPath("schedules")+"?q=x")
	if got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != "/signin?next=%2Fbackups%2Fcontoso%2Fschedules%3Fq%3Dx" {
		t.Errorf("got %s to %q", got.Status, got.Header.Get("Location"))
	}
	if got := w.post(nobody, tenantPath("schedules"), nil); got.StatusCode == http.StatusSeeOther {
		t.Errorf("a form was redirected: %s", got.Status)
	}
}

func TestAForeignTenantIs403(t *testing.T) {
	w := newWorld(t, nil)
	for _, path := range []string{"/backups/fabrikam/schedules", "/backups/nowhere/schedules"} {
		if got := w.get(owner, path); got.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s", path, got.Status)
		}
	}
	if got := w.get(stranger, tenantPath("schedules")); got.StatusCode != http.StatusForbidden {
		t.Errorf("a stranger: %s", got.Status)
	}
}

func TestWhoGoesAstrayStillSeesWhereElseToGo(t *testing.T) {
	w := newWorld(t, nil)
	for _, path := range []string{tenantPath("nothing"), tenantPath("schedules", "bulk", "x")} {
		got := w.get(readonly, path)
		w.shows(got, http.StatusNotFound, "Not found", `href="`+tenantPath("runs")+`"`, "Rita Reader")
	}
	w.shows(w.get(readonly, tenantPath("audit", "verify")), http.StatusMethodNotAllowed, `href="`+tenantPath("runs")+`"`)
	got := w.get(readonly, "/backups/fabrikam/schedules")
	w.shows(got, http.StatusForbidden, "Rita Reader", "Sign out")
	if strings.Contains(got.body, "fabrikam") || strings.Contains(got.body, "Contoso") {
		t.Error("the page of a foreign tenant names one")
	}
	if got := w.get(nobody, tenantPath("nothing")); got.StatusCode != http.StatusNotFound || strings.Contains(got.body, "Contoso") {
		t.Errorf("to nobody: %s, %s", got.Status, got.body)
	}
}

func TestTheScheduleListShowsWhenSchedulesRun(t *testing.T) {
	w := newWorld(t, nil)
	w.schedule(func(d *backupsched.Draft) {
		d.Name, d.Frequency, d.DaysOfWeek = "<b>Weekly</b>", backupsched.Weekly, []int{3, 1}
	})
	got := w.get(readonly, tenantPath("schedules"))
	if got.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", got.Status, got.body)
	}
	for _, want := range []string{"Every Mon, Wed at 02:30, Europe/Berlin", "&lt;b&gt;Weekly&lt;/b&gt;", "never run"} {
		if !strings.Contains(got.body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestWhatIsWrittenWithoutATemplateIsEscapedToo(t *testing.T) {
	if got := pages.RenderMarkup(`"><script>'&`); strings.Contains(got, "<script") || strings.Contains(got, `""`) || strings.Count(got, "&lt;script&gt;") != 9 {
		t.Error(got)
	}
}
