package pages_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// form finds the form of a page that leads to an address, ids aside.
func (r response) form(t *testing.T, to string) webForm {
	t.Helper()
	for _, f := range formsOf(t, tenantPath(), r.body) {
		if shape(f.action) == to {
			return f
		}
	}
	t.Fatalf("%s: the page has no form to %q:\n%s", r.Status, to, text(r.body))
	return webForm{}
}

// send does what a browser does with a form, and follows a redirect.
func (w *world) send(as runs.Actor, f webForm) response {
	w.t.Helper()
	got := w.get(as, f.action+"?"+f.values.Encode())
	if f.method == http.MethodPost {
		got = w.post(as, f.action, f.values)
	}
	if to := got.Header.Get("Location"); got.StatusCode == http.StatusSeeOther && to != "" {
		return w.get(as, to)
	}
	return got
}

// itemOf is the item of a set that captured an object.
func (w *world) itemOf(set runs.ID, external string) runs.ID {
	w.t.Helper()
	for _, i := range must(w.store.ListSetItems(w.t.Context(), tenant, set, backupset.SetItemFilter{}, runs.Slice{Limit: 1000}))(w.t) {
		if i.ExternalID == external {
			return i.ID
		}
	}
	w.t.Fatalf("the set has no item for %s", external)
	return ""
}

// damage backs up and then changes one policy of the tenant and deletes another.
func (w *world) damage() (set runs.ID) {
	w.t.Helper()
	w.put("lost", "Lost property", "description", "to be found")
	w.put("kiosk", "Kiosk <b>mode</b>", "description", "as it was")
	set = w.backup(w.schedule(nil).ID).BackupSetID
	w.put("kiosk", "Kiosk <b>mode</b>", "description", "broken & bad")
	check(w.t, w.graph.Delete(tenant, device, "lost"))
	return set
}

// preview makes a preview of a whole set by the wizard's forms.
func (w *world) preview(as runs.Actor, set runs.ID, choices url.Values) (path string) {
	w.t.Helper()
	f := url.Values{"set": {string(set)}, "all": {"yes"}}
	for k, v := range choices {
		f[k] = v
	}
	got := w.post(as, tenantPath("restore", "previews"), f)
	if got.StatusCode != http.StatusSeeOther {
		w.t.Fatalf("%s: %s", got.Status, text(got.body))
	}
	w.drain()
	path, _, _ = strings.Cut(got.Header.Get("Location"), "?")
	return path
}

func TestAWholeRestoreGoesByLinksAndFormsOnly(t *testing.T) {
	w := newWorld(t, nil)
	set := w.damage()

	got := w.get(manager, tenantPath("restore"))
	got.shows(t, "Which backup set to restore from", "Nothing has been previewed or restored yet.")
	link := tenantPath("restore", "items") + "?set=" + string(set)
	got.shows(t, link)

	got = w.get(manager, link)
	f := got.form(t, tenantPath("restore", "options"))
	f.values.Set("type", string(device))
	got = w.send(manager, f)
	got.shows(t, "When a policy exists in Contoso and differs", "All of Device configuration profiles")

	f = got.form(t, tenantPath("restore", "previews"))
	if f.values.Get("existing") != "skip" || f.values.Get("assignments") != "none" {
		t.Errorf("the defaults are not the safe ones: %v", f.values)
	}
	f.values.Set("existing", "overwrite")
	f.values.Set("assignments", "original")
	got = w.send(manager, f)
	got.shows(t, "The preview has started. Nothing is changed in the tenant.", "Looking what a restore would do.", `hx-trigger="every 2s"`)
	before := w.graph.Writes(tenant)
	w.drain()
	if w.graph.Writes(tenant) != before {
		t.Fatal("a preview wrote to the tenant")
	}
	w.get(manager, tenantPath("restore")).shows(t, "Restore preview", "1 create, 1 change")

	page := regexp.MustCompile(`/backups/contoso/restore/previews/[0-9a-f-]{36}`).FindString(w.get(manager, tenantPath("restore")).body)
	got = w.get(manager, page)
	got.shows(t, "Kiosk &lt;b&gt;mode&lt;/b&gt;", "as it was", "broken &amp; bad", `create <span class="n">1</span>`, `change <span class="n">1</span>`, "Restore 2 policies into Contoso")
	got.lacks(t, "Kiosk <b>mode")

	f = got.form(t, tenantPath("restore"))
	f.values.Set("reason", "ticket 4711")
	f.values.Set("tenant_name", "Contoso")
	sent := w.post(manager, f.action, f.values)
	if sent.StatusCode != http.StatusSeeOther || !strings.HasPrefix(sent.Header.Get("Location"), tenantPath("runs")+"/") {
		t.Fatalf("%s to %q: %s", sent.Status, sent.Header.Get("Location"), text(sent.body))
	}
	w.drain()
	live := w.graph.Snapshot(tenant)
	found := false
	for k, p := range live {
		if k.Type == device && p.Name == "Lost property" {
			found = true
		}
		if k.ID == "kiosk" && !strings.Contains(string(p.Raw), "as it was") {
			t.Errorf("the changed policy was not restored: %s", p.Raw)
		}
	}
	if !found {
		t.Error("the deleted policy was not restored")
	}
	w.get(manager, page).shows(t, "This preview has been restored.", "Make a new preview")
	w.get(manager, tenantPath("restore")).shows(t, "1 created, 1 changed")
}
