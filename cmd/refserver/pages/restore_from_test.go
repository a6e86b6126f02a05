package pages_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// policyOf is the inventory's row of an object.
func (w *world) policyOf(external string) backupset.Policy {
	w.t.Helper()
	for _, p := range w.sync() {
		if p.ExternalID == external {
			return p
		}
	}
	w.t.Fatalf("no policy %s is known", external)
	return backupset.Policy{}
}

// follow opens an address as a browser does, redirects and all.
func (w *world) follow(as runs.Actor, path string) response {
	w.t.Helper()
	got := w.get(as, path)
	for range 5 {
		if got.StatusCode != http.StatusSeeOther {
			break
		}
		got = w.get(as, got.Header.Get("Location"))
	}
	return got
}

// link is the address that the words of a page lead to.
func (r response) link(t *testing.T, words string) string {
	t.Helper()
	before, _, found := strings.Cut(r.body, ">"+words+"</a>")
	at := strings.LastIndex(before, `href="`)
	if !found || at < 0 {
		t.Fatalf("no link says %q:\n%s", words, text(r.body))
	}
	href, _, _ := strings.Cut(before[at+len(`href="`):], `"`)
	return strings.ReplaceAll(href, "&amp;", "&")
}

func TestAPolicyThatIsGoneLeadsToTheSetThatCanBringItBack(t *testing.T) {
	w := newWorld(t, nil)
	set := w.damage()
	p := w.policyOf("lost")
	page := w.get(operator, tenantPath("policies", p.ID))
	page.shows(t, "It is gone from the tenant.", "is the last one that holds it", tenantPath("sets", set))
	page.lacks(t, "Capture now", "New backup set with it", "Capture and add")
	got := w.follow(operator, page.link(t, "Restore this policy"))
	got.shows(t, "Which policies?", "Picked so far", "Lost property", `value="`+string(w.itemOf(set, "lost"))+`" checked`)
	if f := got.form(t, tenantPath("restore", "options")); f.values.Get("existing") != "" {
		t.Errorf("what is gone is to be overwritten: %v", f.values)
	}
	w.get(readonly, tenantPath("policies", p.ID)).lacks(t, "Restore this policy")
}

func TestAVersionNamesTheSetsThatHoldItAndLeadsToTheWizard(t *testing.T) {
	w := newWorld(t, nil)
	s := w.schedule(nil)
	w.put("kiosk", "Kiosk", "description", "as it was")
	first := w.backup(s.ID).BackupSetID
	w.put("kiosk", "Kiosk", "description", "changed")
	second := w.backup(s.ID).BackupSetID
	p := w.policyOf("kiosk")
	versions := must(w.cfg.Archive.Versions(t.Context(), tenant, owner, p.ID, runs.PageRequest{}))(t).Items
	at := tenantPath("policies", p.ID, "versions", versions[len(versions)-1].ID)

	page := w.get(operator, at)
	page.shows(t, "Backup sets that hold it", "1 backup set", tenantPath("sets", first))
	page.lacks(t, tenantPath("sets", second)+`"`)
	got := w.follow(operator, page.link(t, "Restore this version"))
	got.shows(t, "Which policies?", "Kiosk", `value="`+string(w.itemOf(first, "kiosk"))+`" checked`)
	if f := got.form(t, tenantPath("restore", "options")); f.values.Get("existing") != "overwrite" {
		t.Errorf("a version of what is live is not to become it: %v", f.values)
	}
	page = w.get(readonly, at)
	page.shows(t, "Backup sets that hold it")
	page.lacks(t, "Restore this version", "from this set")

	must(w.cfg.Retention.Delete(t.Context(), tenant, owner, first))(t)
	page = w.get(operator, at)
	page.shows(t, "No backup set that is left holds this version")
	page.lacks(t, "Restore this version")
}

func TestWhatADriftReportSaysToDifferIsRestoredFromThere(t *testing.T) {
	w := newWorld(t, nil)
	set := w.damage()
	w.put("fresh", "Brand new", "description", "x")
	id := w.drift(set)
	w.drain()
	page := w.get(operator, tenantPath("drift", id))
	got := w.follow(operator, page.link(t, "Restore the 2 policies that differ"))
	f := got.form(t, tenantPath("restore", "options"))
	if items := f.values["item"]; len(items) != 2 || f.values.Get("set") != string(set) || f.values.Get("existing") != "overwrite" {
		t.Errorf("chosen is %v", f.values)
	}
	got.shows(t, "Lost property", "Kiosk")
	got.lacks(t, "Brand new")

	page = w.get(operator, tenantPath("drift", id)+"?action=removed")
	f = w.follow(operator, page.link(t, "Restore the policy that differs")).form(t, tenantPath("restore", "options"))
	if items := f.values["item"]; len(items) != 1 || items[0] != string(w.itemOf(set, "lost")) || f.values.Get("existing") != "" {
		t.Errorf("of what is gone, chosen is %v", f.values)
	}
	w.get(operator, tenantPath("drift", id)+"?action=added").lacks(t, "differ</a>", "differs</a>")
	w.get(readonly, tenantPath("drift", id)).lacks(t, "differ</a>")
}

func TestAPolicyThatASetDoesNotHoldIsNotChosenFromIt(t *testing.T) {
	w := newWorld(t, nil)
	set := w.backup(w.schedule(nil).ID).BackupSetID
	w.put("later", "Later", "description", "x")
	p := w.policyOf("later")
	for _, policy := range []string{string(p.ID), "'", "018f0000-0000-7000-8000-000000000000"} {
		if got := w.get(operator, tenantPath("restore")+"?set="+string(set)+"&policy="+policy); got.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s", policy, got.Status)
		}
	}
}
