package pages_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
	"github.com/tenantatlas/tenantbackup/runs"
)

// referring makes a policy that refers to a scope tag and a group, of which the tenant has none.
func (w *world) referring(id, name, tag, group string) {
	w.t.Helper()
	groupID := fmt.Sprintf("11111111-1111-4111-8111-%012x", len(group))
	p := graph.Policy{Type: device, ID: id, Name: name, ODataType: "#microsoft.graph.windows10CustomConfiguration",
		Raw: fmt.Appendf(nil, `{"@odata.type":"#microsoft.graph.windows10CustomConfiguration","id":%q,"displayName":%q,"roleScopeTagIds":["%d"]}`, id, name, 9000+len(tag)),
		Parts: []graph.Part{{Name: "assignments", Raw: fmt.Appendf(nil,
			`[{"id":"a","target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":%q}},{"id":"b","target":{"@odata.type":"#microsoft.graph.allDevicesAssignmentTarget"}}]`, groupID)}},
		References: []graph.Reference{{Kind: "roleScopeTag", ID: fmt.Sprint(9000 + len(tag)), Name: tag}, {Kind: "group", ID: groupID, Name: group}},
	}
	check(w.t, w.graph.Put(tenant, p))
}

// waiting is a preview of policies that cannot be restored, since what they refer to is missing, and of
// one that can.
func (w *world) waiting(assignments string) (set runs.ID, page string) {
	w.t.Helper()
	w.put("lost", "Lost property", "description", "to be found")
	w.referring("a", "Kiosk A", "Site QQQ 1", "sg-it-lab")
	w.referring("b", "Kiosk B", "Site <b>GRU</b> 22", "sg-it-lab")
	w.referring("c", "Kiosk C", "Site QQQ 1", "sg-it-lab")
	set = w.backup(w.schedule(nil).ID).BackupSetID
	for _, id := range []string{"lost", "a", "b", "c"} {
		check(w.t, w.graph.Delete(tenant, device, id))
	}
	return set, w.preview(manager, set, url.Values{"assignments": {assignments}, "access_state": {"original"}})
}

func TestAPreviewNamesWhatIsMissing(t *testing.T) {
	w := newWorld(t, nil)
	set, page := w.waiting("mapped")
	got := w.get(manager, page)
	plain := strings.Join(strings.Fields(text(got.body)), " ")
	for _, want := range []string{
		"3 policies cannot be restored", "3 policies: Something that they refer to is missing in this tenant.",
		"These are missing in this tenant; make them first sg-it-lab (Group): 3 policies wait for it Site QQQ 1 (Scope tags): 2 policies wait for it",
		"Missing in this tenant: Site QQQ 1 (Scope tags), sg-it-lab (Group). Make that first, or restore it as well where the backup set has it.",
	} {
		if !strings.Contains(plain, want) {
			t.Errorf("the page does not say %q:\n%s", want, plain)
		}
	}
	got.has(t, "<bdi>Site &lt;b&gt;GRU&lt;/b&gt; 22</bdi>", "1 policy waits for it", "<bdi>sg-it-lab</bdi>")
	if section, _, _ := strings.Cut(got.body[strings.Index(got.body, `id="kept"`):], "</section>"); !strings.Contains(section, "<bdi>Site &lt;b&gt;GRU&lt;/b&gt; 22</bdi>") {
		t.Errorf("names are not isolated: %s", section)
	}
	got.lacks(t, "choose to map", "when assignments go to groups of the same name", "choose it, too", "Counted from")

	// Nobody is warned of what is not done: all three would be for all devices.
	got.lacks(t, "Before you restore", "It would reach")

	// What the confirmation is about.
	got.shows(t, "This restore writes no Conditional Access policy.")
	f := got.form(t, tenantPath("restore"))
	f.values.Set("reason", "ticket")
	if got := w.post(manager, f.action, f.values); got.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("not confirmed: %s", got.Status)
	}

	w.get(manager, page+"?action=blocked").shows(t, "sg-it-lab", "Site QQQ 1")
	w.get(manager, w.preview(manager, set, url.Values{"assignments": {"original"}})).shows(t, "when assignments go to groups of the same name")
	one := url.Values{"all": nil, "item": {string(w.itemOf(set, "a"))}, "assignments": {"mapped"}}
	w.get(manager, w.preview(manager, set, one)).shows(t, "choose it, too", "1 policy cannot be restored")
}

func TestARestoreSaysHowManyCouldNotBe(t *testing.T) {
	w := newWorld(t, nil)
	_, page := w.waiting("mapped")
	f := w.get(manager, page).form(t, tenantPath("restore"))
	f.values.Set("reason", "ticket")
	f.values.Set("confirm", "yes")
	at, _, _ := strings.Cut(w.post(manager, f.action, f.values).Header.Get("Location"), "?")
	w.get(manager, at).lacks(t, "could not be")
	w.get(manager, tenantPath("notifications")).lacks(t, "could not be")
	w.drain()
	const words = "1 policy restored, 3 could not be, 12 skipped."
	got := w.get(readonly, at)
	got.has(t, `<p class="warning">`+words+` <a href="`)
	w.get(readonly, got.link(t, "See why")).shows(t, "Kiosk A", "Missing in this tenant")
	got.shows(t, "15 skipped, 3 of them blocked", "12 policies needed no change, 3 policies could not be restored.")
	w.get(readonly, at+"?status=skipped").shows(t, "something that it refers to is not there", "Missing in this tenant: Site QQQ 1 (Scope tags), sg-it-lab (Group).")
	live := w.get(manager, tenantPath("live")+"?seen="+at[strings.LastIndex(at, "/")+1:])
	live.shows(t, "has ended", words)
	notes := w.get(manager, tenantPath("notifications"))
	notes.shows(t, words)
	if n := strings.Count(notes.body, "could not be"); n != 1 {
		t.Errorf("%d notifications say it", n)
	}
	w.get(manager, tenantPath("restore")).shows(t, "1 created, 12 skipped, 3 blocked")
	got = w.get(manager, page)
	got.shows(t, "This preview has been restored.", "3 policies could not be restored")
}

func TestWhatIsMissingIsBounded(t *testing.T) {
	testenv.SlowUnderRace(t)
	w := newWorld(t, nil)
	const policies = 1010
	id := func(i int) string { return fmt.Sprintf("p%04d", i) }
	for i := range policies {
		w.referring(id(i), "Kiosk", "Site"+strings.Repeat("x", i%30), "sg-it-lab")
	}
	set := w.backup(w.schedule(nil).ID).BackupSetID
	for i := range policies {
		check(t, w.graph.Delete(tenant, device, id(i)))
	}
	got := w.get(readonly, w.preview(manager, set, url.Values{"assignments": {"mapped"}}))
	got.shows(t, "1,010 policies cannot be restored", "1,000 policies wait for it", "and 11 more", "Counted from the first 1,000 of 1,010 policies.")
	section, _, _ := strings.Cut(got.body[strings.Index(got.body, `id="kept"`):], "</section>")
	if n := strings.Count(section, "for it</li>"); n != 20 {
		t.Errorf("%d are listed", n)
	}
}

func TestConditionalAccessThatWouldBeWrittenIsConfirmedAsSuch(t *testing.T) {
	w := newWorld(t, nil)
	set := w.backup(w.schedule(nil).ID).BackupSetID
	for k := range w.graph.Snapshot(tenant) {
		if k.Type == "conditionalAccessPolicy" {
			check(t, w.graph.Delete(tenant, k.Type, k.ID))
		}
	}
	got := w.get(manager, w.preview(manager, set, url.Values{"access_state": {"original"}}))
	got.shows(t, "enforces Conditional Access policies at once and may lock people out")
	got.lacks(t, "This restore writes no")
}

// A policy that is left alone in a weaker state than it was captured in is not the same as in the
// backup.
func TestConditionalAccessThatStaysWeakerIsNotCalledTheSame(t *testing.T) {
	w := newWorld(t, nil)
	set := w.backup(w.schedule(nil).ID).BackupSetID
	for k, p := range w.graph.Snapshot(tenant) {
		if k.Type == "conditionalAccessPolicy" {
			p.Raw = bytes.Replace(p.Raw, []byte(`"enabled"`), []byte(`"disabled"`), 1)
			check(t, w.graph.Put(tenant, p))
		}
	}
	page := w.preview(manager, set, url.Values{"existing": {"overwrite"}})
	got := w.get(manager, page)
	got.shows(t, "all are already as these choices would make them", "Assignments may differ: these choices leave them as they are")
	got.lacks(t, "the same as in the backup")
	w.get(manager, page+"?action=unchanged").shows(t, "Conditional Access stays weaker than it was captured: it will be disabled; it was captured enabled")

	captured := w.preview(manager, set, url.Values{"existing": {"overwrite"}, "access_state": {"original"}, "assignments": {"original"}})
	w.get(manager, captured).shows(t, "Conditional Access comes back as it was captured", "Type the name of the tenant")
}

func TestTheDefaultOfConditionalAccessSaysWhatItDoes(t *testing.T) {
	w := newWorld(t, nil)
	set := w.backup(w.schedule(nil).ID).BackupSetID
	got := w.get(operator, tenantPath("restore", "options")+"?all=yes&set="+string(set))
	got.shows(t, "Never stricter than they are", "takes that of the backup where it is weaker", "None is enforced that is not enforced now", "protects less until you enable it")
	_, access, _ := strings.Cut(got.body, `id="access_state"`)
	if strings.Contains(access, "safe choice") {
		t.Error("what protects less is called safe")
	}
	w.get(operator, w.preview(operator, set, nil)).shows(t, "keeps its state or the backup&#39;s, whichever is weaker")
}
