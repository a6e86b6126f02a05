package pages_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/runs"
)

// restoreOf makes a preview by the wizard's forms, confirms it, and returns the page of the restore.
func (w *world) restoreOf(set runs.ID, choices url.Values) (path string) {
	w.t.Helper()
	page := w.preview(manager, set, choices)
	to := w.get(manager, page)
	f := webForm{}
	for _, form := range formsOf(w.t, tenantPath(), to.body) {
		if form.action == tenantPath("restore") {
			f = form
		}
	}
	f.values.Set("reason", "Ticket 4711: two policies broken")
	f.values.Set("tenant_name", "Contoso")
	path, _, _ = strings.Cut(w.post(manager, f.action, f.values).Header.Get("Location"), "?")
	return path
}

func TestTheResultOfARestoreIsWhatItWrote(t *testing.T) {
	w := newWorld(t, nil)
	set := w.damage()
	page := w.restoreOf(set, url.Values{"existing": {"overwrite"}})
	w.drain()

	got := w.get(readonly, page)
	got.shows(t, "Lost property", "created", "Kiosk", "changed", "Ticket 4711: two policies broken", "2 items",
		"Not listed:", "policies needed no change", "What is left to do", "Assign what was created")
	got.lacks(t, "is already as the restore makes it", "Enable Conditional Access")
	if strings.Index(got.body, "Lost property") > strings.LastIndex(got.body, "Kiosk &lt;b&gt;") {
		t.Error("what was created does not come before what was changed")
	}
	alone := w.get(readonly, got.link(t, "Show them"))
	alone.shows(t, "is already as the restore makes it")
	alone.lacks(t, "Lost property</a>", "Not listed:")
	w.get(readonly, page+"?status=success").shows(t, "created", "changed")

	// Nothing was to be done with what is the same, so nothing is left to do.
	w.damage()
	check(t, w.graph.Change(tenant, device, "kiosk", 3))
	page = w.restoreOf(set, url.Values{"existing": {"overwrite"}, "assignments": {"original"}})
	w.drain()
	w.get(readonly, page).lacks(t, "What is left to do")
}

func TestWhatFailedInARestoreComesFirst(t *testing.T) {
	w := newWorld(t, nil)
	set := w.damage()
	page := w.restoreOf(set, url.Values{"existing": {"overwrite"}})
	check(t, w.graph.Change(tenant, device, "kiosk", 5)) // after the preview, so it is left as it is
	w.drain()
	got := w.get(readonly, page)
	got.shows(t, "Lost property", "Kiosk", "created")
	first, second := strings.Index(got.body, "Kiosk &lt;b&gt;"), strings.Index(got.body, "Lost property")
	if first < 0 || second < first {
		t.Errorf("what failed is at %d, what was created at %d:\n%s", first, second, text(got.body))
	}
}

func TestThePageOfARunDoesNotLinkToItselfWhenItEnds(t *testing.T) {
	w := newWorld(t, nil)
	set := w.damage()
	page := w.restoreOf(set, url.Values{"existing": {"overwrite"}})
	id := page[strings.LastIndex(page, "/")+1:]
	w.get(manager, page+"?notice=restore_started").shows(t, "The restore was started.", `id="notice"`)
	w.drain()
	got := w.get(manager, page+"?seen="+id)
	got.shows(t, "has ended", `hx-swap-oob="delete:#notice"`)
	got.lacks(t, "View run")
	got = w.get(manager, tenantPath("live")+"?seen="+id)
	got.shows(t, "has ended", "View run")
	got.lacks(t, "#notice")
}

func TestTheWarningsOfABackupNameTheirPolicies(t *testing.T) {
	w := newWorld(t, nil)
	p := graph.Policy{Type: device, ID: "wifi", Name: "Office WLAN", Raw: []byte(`{"id":"wifi","displayName":"Office WLAN"}`), Warnings: []string{graph.WarningSecretsMasked}}
	check(t, w.graph.Put(tenant, p))
	run := w.backup(w.schedule(nil).ID)
	got := w.get(readonly, tenantPath("runs", run.ID))
	got.shows(t, "its secrets were not shown")
	section, _, _ := strings.Cut(got.body[strings.Index(got.body, "h-summary"):], "</section>")
	if to := tenantPath("sets", run.BackupSetID, "items", w.itemOf(run.BackupSetID, "wifi")); !strings.Contains(section, `<a href="`+to+`"`) || !strings.Contains(section, "Office WLAN") {
		t.Errorf("the summary does not lead to the policy at %s:\n%s", to, text(section))
	}

	check(t, w.graph.Inject(graphtest.Fault{Tenant: tenant, Op: graphtest.OpList, Type: "conditionalAccessPolicy", Times: -1, Err: &graph.Error{Kind: graph.KindForbidden}}))
	run = w.backup(w.schedule(nil).ID)
	w.get(readonly, tenantPath("runs", run.ID)).shows(t, "nobody can say how many policies are missing: Conditional Access policies.")
}
