package pages_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/cmd/refserver/pages"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/restore"
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
	got.shows(t, "When a policy exists and differs", "All of Device configuration profiles")

	f = got.form(t, tenantPath("restore", "previews"))
	if f.values.Get("existing") != "skip" || f.values.Get("assignments") != "none" {
		t.Errorf("the defaults are not the safe ones: %v", f.values)
	}
	f.values.Set("existing", "overwrite")
	f.values.Set("assignments", "original")
	got = w.send(manager, f)
	got.shows(t, "The preview has started. Nothing is changed in the tenant.", "It waits for its turn.", "#outcome:outerMorph")
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
	got = w.get(manager, page)
	got.shows(t, "This preview has been restored.", "Make a new preview")
	got.lacks(t, "Nothing has been changed", "would do")
	w.get(manager, tenantPath("restore")).shows(t, "1 created, 1 changed")
}

func TestARestoreIsRefusedInWords(t *testing.T) {
	w := newWorld(t, nil)
	set := w.damage()
	page := w.preview(manager, set, url.Values{"existing": {"overwrite"}})
	ok := w.get(manager, page).form(t, tenantPath("restore")).values
	ok.Set("reason", "ticket 4711")
	ok.Set("tenant_name", "Contoso")
	for name, c := range map[string]struct {
		edit   func(url.Values)
		status int
		words  string
	}{
		"without its preview":        {func(f url.Values) { f.Del("preview") }, 422, "a restore does what a preview says"},
		"of a preview there is none": {func(f url.Values) { f.Set("preview", "018f0000-0000-7000-8000-000000000000") }, 403, "nothing at this address"},
		"without a reason":           {func(f url.Values) { f.Set("reason", " ") }, 422, "it stands in the audit log"},
		"of two lines of reason":     {func(f url.Values) { f.Set("reason", "a\nb") }, 422, "Must be one line of text"},
		"without the tenant's name":  {func(f url.Values) { f.Del("tenant_name") }, 422, "Type the name of the tenant exactly as it is shown"},
		"with another tenant's name": {func(f url.Values) { f.Set("tenant_name", "contoso") }, 422, "Type the name of the tenant exactly as it is shown"},
	} {
		t.Run(name, func(t *testing.T) {
			f := url.Values{}
			for k, v := range ok {
				f[k] = v
			}
			c.edit(f)
			got := w.post(manager, tenantPath("restore"), f)
			if got.StatusCode != c.status {
				t.Errorf("%s, want %d", got.Status, c.status)
			}
			got.has(t, c.words)
			if c.status == 422 && f.Get("preview") != "" {
				got.has(t, `aria-invalid="true"`, page+"?action=create")
			}
		})
	}
	w.drain()
	if n := w.graph.Writes(tenant); n != 0 {
		t.Errorf("%d writes after refusals", n)
	}
}

func TestAStalePreviewAndAUsedOneAreRefusedWithANewPreview(t *testing.T) {
	w := newWorld(t, nil)
	set := w.damage()
	page := w.preview(manager, set, url.Values{"existing": {"overwrite"}})
	f := w.get(manager, page).form(t, tenantPath("restore"))
	f.values.Set("reason", "ticket 4711")
	f.values.Set("tenant_name", "Contoso")

	w.clock.Add(2 * time.Hour)
	got := w.post(manager, f.action, f.values)
	if got.StatusCode != http.StatusConflict {
		t.Errorf("a stale preview: %s", got.Status)
	}
	got.has(t, "too old to say what is live now", "Make a new preview")
	got.lacks(t, "Restore now")

	next := w.send(manager, got.form(t, shape(page+"/again")))
	next.shows(t, "The preview has started.", "Policies that exist and differ are overwritten.")
	w.drain()
	fresh := w.get(manager, tenantPath("restore"))
	page = regexp.MustCompile(tenantPath("restore", "previews") + `/[0-9a-f-]{36}`).FindString(fresh.body)
	f = w.get(manager, page).form(t, tenantPath("restore"))
	f.values.Set("reason", "ticket 4711")
	f.values.Set("tenant_name", "Contoso")
	if got := w.post(manager, f.action, f.values); got.StatusCode != http.StatusSeeOther {
		t.Fatalf("a fresh preview: %s: %s", got.Status, text(got.body))
	}
	w.drain()
	got = w.post(manager, f.action, f.values)
	if got.StatusCode != http.StatusConflict {
		t.Errorf("a used preview: %s", got.Status)
	}
	got.has(t, "restored already", "Make a new preview")
}

// TestANewPreviewOfARetryFinishesWhatTheRestoreHasBegun makes an object that is not assigned then, by
// options that leave alone what exists.
func TestANewPreviewOfARetryFinishesWhatTheRestoreHasBegun(t *testing.T) {
	w := newWorld(t, nil)
	check(t, w.graph.Put(tenant, graph.Policy{Type: device, ID: "lost", Name: "Lost property", ODataType: "#microsoft.graph.windows10CustomConfiguration",
		Raw:   []byte(`{"@odata.type":"#microsoft.graph.windows10CustomConfiguration","id":"lost","displayName":"Lost property"}`),
		Parts: []graph.Part{{Name: "assignments", Raw: []byte(`[{"id":"a","target":{"@odata.type":"#microsoft.graph.allDevicesAssignmentTarget"}}]`)}}}))
	set := w.backup(w.schedule(nil).ID).BackupSetID
	check(t, w.graph.Delete(tenant, device, "lost"))
	page := w.preview(manager, set, url.Values{"assignments": {"original"}})
	check(t, w.graph.Inject(graphtest.Fault{Op: graphtest.OpAssign, Times: 2, Err: &graph.Error{Kind: graph.KindForbidden}}))
	id := func(page string) runs.ID { return runs.ID(page[strings.LastIndex(page, "/")+1:]) }
	restored := func(page string) runs.Run {
		t.Helper()
		run := must2(w.cfg.Starter.Start(t.Context(), tenant, manager, restore.ExecuteRequest(id(page), "ticket 4711", false)))(t)
		w.drain()
		return w.run(run.ID)
	}
	again := func(page string) string {
		t.Helper()
		got := w.post(manager, page+"/again", nil)
		if got.StatusCode != http.StatusSeeOther {
			t.Fatalf("%s: %s", got.Status, text(got.body))
		}
		w.drain()
		next, _, _ := strings.Cut(got.Header.Get("Location"), "?")
		w.get(manager, next).shows(t, `change <span class="n">1</span>`)
		return next
	}
	first := restored(page)
	retry := must2(w.cfg.Starter.Retry(t.Context(), tenant, manager, first.ID))(t)
	w.drain()
	page = tenantPath("restore", "previews", retry.ID)
	w.get(manager, page).shows(t, "Make a new preview")
	if got := w.get(operator, page); strings.Contains(got.body, "Make a new preview") {
		t.Error("an operator, who may not retry a restore, sees the button")
	}
	w.clock.Add(2 * time.Hour)
	page = again(page) // of a stale one
	second := restored(page)
	page = again(page) // of one that was executed, in vain
	if got := w.run(id(page)).RetryOf; got != second.ID {
		t.Errorf("it is a retry of %s, want %s", got, second.ID)
	}
	if last := restored(page); last.Status != runs.StatusSuccess {
		t.Errorf("%s %s", last.Status, last.ErrorMessage)
	}
	if got := w.post(manager, page+"/again", nil); got.StatusCode != http.StatusSeeOther {
		t.Errorf("of one that did all: %s: %s", got.Status, text(got.body))
	}
}

func TestWithoutAnythingOverwrittenNoNameIsTyped(t *testing.T) {
	w := newWorld(t, nil)
	page := w.preview(manager, w.damage(), nil)
	got := w.get(manager, page)
	got.shows(t, "Restore 1 policy into Contoso", `skip <span class="n">1</span>`, "existing policies are left alone")
	got.lacks(t, "tenant_name")
	f := got.form(t, tenantPath("restore"))
	f.values.Set("reason", "ticket")
	if got := w.post(manager, f.action, f.values); got.StatusCode != http.StatusSeeOther {
		t.Errorf("%s: %s", got.Status, text(got.body))
	}
}

func TestConditionalAccessAsItWasCapturedMustBeConfirmed(t *testing.T) {
	w := newWorld(t, nil)
	page := w.preview(manager, w.damage(), url.Values{"access_state": {"original"}})
	got := w.get(manager, page)
	got.shows(t, "may lock people out", "Conditional Access comes back as it was captured.")
	f := got.form(t, tenantPath("restore"))
	f.values.Set("reason", "ticket")
	if got := w.post(manager, f.action, f.values); got.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(got.body, "confirm-error") {
		t.Errorf("not confirmed: %s", got.Status)
	}
	f.values.Set("confirm", "yes")
	if got := w.post(manager, f.action, f.values); got.StatusCode != http.StatusSeeOther {
		t.Errorf("confirmed: %s", got.Status)
	}
}

func TestEachRoleSeesAndMayWhatItsRoleSays(t *testing.T) {
	w := newWorld(t, nil)
	set := w.damage()
	page := w.preview(operator, set, url.Values{"existing": {"overwrite"}})
	id := page[strings.LastIndex(page, "/")+1:]
	choose, items, again := tenantPath("restore", "items")+"?set="+string(set), tenantPath("restore", "options")+"?all=yes&set="+string(set), page+"/again"
	for _, c := range []struct {
		as               runs.Actor
		preview, confirm bool
	}{{readonly, false, false}, {operator, true, false}, {manager, true, true}, {owner, true, true}} {
		t.Run(c.as.ID, func(t *testing.T) {
			start, shown := w.get(c.as, tenantPath("restore")), w.get(c.as, page)
			start.shows(t, "Recent previews and restores")
			shown.shows(t, "Kiosk")
			seen := func(what string, got response, part string, want bool) {
				t.Helper()
				if strings.Contains(got.body, part) != want {
					t.Errorf("%s is seen: %t, want %t", what, !want, want)
				}
			}
			seen("the choice of a set", start, choose, c.preview)
			seen("a new preview", shown, again, c.preview)
			seen("the confirm form", shown, "Restore now", c.confirm)
			answers := func(what string, got response, may bool) {
				t.Helper()
				if (got.StatusCode == http.StatusForbidden) == may {
					t.Errorf("%s: %s", what, got.Status)
				}
			}
			answers("the choice of policies", w.get(c.as, choose), c.preview)
			answers("the options", w.get(c.as, items), c.preview)
			answers("a preview", w.post(c.as, tenantPath("restore", "previews"), url.Values{"set": {string(set)}}), c.preview)
			answers("a preview again", w.post(c.as, again, nil), c.preview)
			answers("a restore", w.post(c.as, tenantPath("restore"), url.Values{"preview": {id}}), c.confirm)
		})
	}
}

func TestSinglePoliciesOfAHugeSetAreFoundByName(t *testing.T) {
	w := newWorld(t, nil)
	for i := range 300 {
		w.put(fmt.Sprintf("p%03d", i), fmt.Sprintf("Numbered %03d", i), "description", "x")
	}
	set := w.backup(w.schedule(nil).ID).BackupSetID
	path := tenantPath("restore", "items") + "?set=" + string(set)
	got := w.get(operator, path)
	got.shows(t, "Find single policies", "Device configuration profiles")
	got.lacks(t, "Numbered 000")
	if len(got.body) > 50_000 {
		t.Errorf("the page has %d bytes", len(got.body))
	}
	got = w.get(operator, path+"&q=numbered+01")
	got.shows(t, "Numbered 010", "Numbered 019")
	got.lacks(t, "Numbered 020")
	w.get(operator, path+"&q=numbered").shows(t, "narrow the search")
	w.get(operator, path+"&q=nowhere").shows(t, "No other policy fits the search.")

	first, second := w.itemOf(set, "p010"), w.itemOf(set, "p020")
	picked := path + "&item=" + string(first) + "&q=numbered+02"
	got = w.get(operator, picked)
	got.shows(t, `value="`+string(first)+`" checked`, "Picked so far", `value="`+string(second)+`">`)
	f := got.form(t, tenantPath("restore", "options"))
	f.values.Add("item", string(second))
	got = w.send(operator, f)
	got.shows(t, "2 single policies", "item="+string(first))
	sent := got.form(t, tenantPath("restore", "previews"))
	w.post(operator, sent.action, sent.values)
	w.drain()
	w.get(operator, tenantPath("restore")).shows(t, "2 unchanged")
}

func TestADeepLinkBringsItsItemsAlong(t *testing.T) {
	w := newWorld(t, nil)
	set := w.damage()
	item := w.itemOf(set, "kiosk")
	got := w.get(operator, tenantPath("restore")+"?set="+string(set)+"&item="+string(item))
	got.leads(t, tenantPath("restore", "items")+"?item="+string(item)+"&set="+string(set))
	w.get(operator, got.Header.Get("Location")).shows(t, `value="`+string(item)+`" checked`)
	w.get(operator, tenantPath("restore", "items")).leads(t, tenantPath("restore")+"?")
}

func TestChoosingNothingIsAnErrorBesideTheField(t *testing.T) {
	w := newWorld(t, nil)
	set := w.damage()
	for name, got := range map[string]response{
		"options":                  w.get(operator, tenantPath("restore", "options")+"?set="+string(set)),
		"preview":                  w.post(operator, tenantPath("restore", "previews"), url.Values{"set": {string(set)}}),
		"a type that is not there": w.post(operator, tenantPath("restore", "previews"), url.Values{"set": {string(set)}, "type": {"termsAndConditions"}}),
	} {
		if got.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(got.body, `id="all-error"`) {
			t.Errorf("%s: %s", name, got.Status)
		}
	}
	got := w.post(operator, tenantPath("restore", "previews"), url.Values{"set": {string(set)}, "all": {"yes"}, "existing": {"copy"}, "copy_suffix": {strings.Repeat("x", 65)}})
	if got.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(got.body, `id="copy_suffix-error"`) {
		t.Errorf("a suffix that is too long: %s", got.Status)
	}
}

func TestTypesThatCannotBeWrittenBackAreNotOffered(t *testing.T) {
	w := newWorld(t, nil)
	all := graph.Catalog.All()
	reported := all[slices.IndexFunc(all, func(i graph.TypeInfo) bool { return i.Support == graph.ReportOnly && i.Capturable() })]
	must(w.graph.Add(tenant, reported.Key))(t)
	s := w.schedule(func(d *backupsched.Draft) { d.PolicyTypes = append(d.PolicyTypes, reported.Key) })
	set := w.backup(s.ID).BackupSetID
	got := w.get(operator, tenantPath("restore", "items")+"?set="+string(set))
	got.shows(t, "Cannot be restored", reported.DisplayName)
	got.lacks(t, `value="`+string(reported.Key)+`"`)
}

func TestMaskedSecretsNeverAppearInAPreview(t *testing.T) {
	w := newWorld(t, nil)
	w.put("wifi", "Wi-Fi", "preSharedKey", "hunter2-before")
	set := w.backup(w.schedule(nil).ID).BackupSetID
	w.put("wifi", "Wi-Fi", "preSharedKey", "hunter2-after")
	got := w.get(owner, w.preview(owner, set, url.Values{"existing": {"overwrite"}}))
	got.shows(t, "Wi-Fi", "The secret differs.")
	got.lacks(t, "hunter2")
}

// acrossTenants is a world in which two tenants can be told apart: the owner owns both, the
// manager manages both, the neighbor owns the other alone.
func acrossTenants(t *testing.T) *world {
	w := newWorld(t, func(c *pages.Config) {
		c.Tenants = func(ctx context.Context, a runs.Actor) ([]pages.Tenant, error) {
			list, err := tenantsOf(ctx, a)
			if a == owner || a == manager || a == neighbor {
				list = append(list, pages.Tenant{ID: otherTenant, Name: "Northwind"})
			}
			return list, err
		}
	})
	check(t, w.graph.AddTenant(otherTenant, graphtest.TenantConfig{Seed: 2, Policies: 5}))
	return w
}

func TestOnlyWhoMayRestoreAcrossTenantsTakesFromAnother(t *testing.T) {
	w := acrossTenants(t)
	w.put("wanted", "Wanted elsewhere", "description", "x")
	set := w.backup(w.schedule(nil).ID).BackupSetID
	to := func(segments ...any) string {
		return strings.Replace(tenantPath(segments...), string(tenant), string(otherTenant), 1)
	}
	w.get(manager, to("restore")).lacks(t, "Backup sets of")
	for _, path := range []string{to("restore") + "?from=contoso", to("restore", "items") + "?from=contoso&set=" + string(set)} {
		if got := w.get(manager, path); got.StatusCode != http.StatusForbidden {
			t.Errorf("a manager at %s: %s", path, got.Status)
		}
	}
	choices := url.Values{"from": {string(tenant)}, "set": {string(set)}, "item": {string(w.itemOf(set, "wanted"))}}
	if got := w.post(manager, to("restore", "previews"), choices); got.StatusCode != http.StatusForbidden {
		t.Errorf("a manager's preview: %s", got.Status)
	}

	w.get(owner, to("restore")).shows(t, "Backup sets of", `?from=contoso">Contoso`)
	got := w.get(owner, to("restore")+"?from=contoso")
	got.shows(t, "You restore from another tenant into", "from=contoso&amp;set="+string(set))
	w.get(owner, to("restore", "items")+"?from=contoso&set="+string(set)).shows(t, "of Contoso", "Wanted elsewhere")
	sent := w.post(owner, to("restore", "previews"), choices)
	w.drain()
	page, _, _ := strings.Cut(sent.Header.Get("Location"), "?")
	got = w.get(owner, page)
	got.shows(t, "of Contoso", "Wanted elsewhere", "Restore 1 policy into Northwind")
	f := got.form(t, to("restore"))
	f.values.Set("reason", "the same for both")
	if got := w.post(owner, f.action, f.values); got.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s: %s", got.Status, text(got.body))
	}
	w.drain()
	found := false
	for _, p := range w.graph.Snapshot(otherTenant) {
		found = found || p.Name == "Wanted elsewhere"
	}
	if !found {
		t.Error("nothing was restored into the other tenant")
	}
}
