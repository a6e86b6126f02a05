package pages_test

import (
	"archive/zip"
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
)

// byHand makes a backup set by hand, of three types.
func (w *world) byHand(name string) backupset.BackupSet {
	w.t.Helper()
	req := capture.CreateSetRequest(name, capture.Selection{PolicyTypes: backupTypes})
	run, _, err := w.cfg.Starter.Start(w.t.Context(), tenant, owner, req)
	check(w.t, err)
	w.drain()
	return w.set(run.BackupSetID)
}

func (w *world) set(id runs.ID) backupset.BackupSet {
	w.t.Helper()
	return must(w.store.GetSet(w.t.Context(), tenant, id))(w.t)
}

// shows checks that a page is one, and says certain things.
func (r response) shows(t testing.TB, want ...string) {
	t.Helper()
	if r.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", r.Status, text(r.body))
	}
	r.has(t, want...)
}

// has checks what a page says, whatever its status.
func (r response) has(t testing.TB, want ...string) {
	t.Helper()
	for _, s := range want {
		if !strings.Contains(text(r.body), s) && !strings.Contains(r.body, s) {
			t.Errorf("the page lacks %q:\n%s", s, text(r.body))
		}
	}
}

func (r response) lacks(t testing.TB, unwanted ...string) {
	t.Helper()
	for _, s := range unwanted {
		if strings.Contains(r.body, s) {
			t.Errorf("the page has %q:\n%s", s, text(r.body))
		}
	}
}

// leads checks that a form was answered by a redirect to somewhere.
func (r response) leads(t testing.TB, to string) {
	t.Helper()
	if r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != to {
		t.Errorf("got %s to %q, want 303 to %q: %s", r.Status, r.Header.Get("Location"), to, text(r.body))
	}
}

// text is a page without its tags, in one line.
func text(page string) string {
	var b strings.Builder
	_, page, _ = strings.Cut(page, "<main")
	for i, part := range strings.Split(page, "<") {
		if _, after, ok := strings.Cut(part, ">"); ok && i > 0 {
			b.WriteString(" " + after)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func TestTheListOfSetsSaysWhereEachComesFromAndHowItIs(t *testing.T) {
	w := newWorld(t, nil)
	w.get(readonly, tenantPath("sets")).shows(t, "There is no backup set yet.")
	s := w.schedule(func(d *backupsched.Draft) { d.Name = "Weekly <b>" })
	w.backup(s.ID)
	w.clock.Add(time.Hour)
	set := w.byHand("Before the change")
	must(w.cfg.Retention.Hold(t.Context(), tenant, owner, set.ID, "audit", "asked for by audit"))(t)
	got := w.get(readonly, tenantPath("sets"))
	got.shows(t, "2 backup sets", "Weekly &lt;b&gt;", "Before the change", "complete", "1 hold")
	got.lacks(t, "Weekly <b>")

	w.get(readonly, tenantPath("sets")+"?schedule="+string(s.ID)).shows(t, "1 backup set")
	w.get(readonly, tenantPath("sets")+"?status=partial").shows(t, "No backup set fits the filter.")
	w.get(readonly, tenantPath("sets")+"?deleted=yes").shows(t, "No backup set is deleted.")
	w.get(readonly, tenantPath("sets")+"?limit=1").shows(t, "Next page", "Before the change")
	if got := w.get(readonly, tenantPath("sets")+"?status=lost"); got.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("an unknown status: %s", got.Status)
	}
}

func TestAComparisonGoesForwardInTimeUnlessOneWantsItOtherwise(t *testing.T) {
	w := newWorld(t, nil)
	s, another := w.schedule(nil), w.schedule(func(d *backupsched.Draft) { d.Name = "Another" })
	var made []runs.ID
	for range 3 {
		w.backup(another.ID)
		w.clock.Add(time.Minute)
		made = append(made, w.backup(s.ID).BackupSetID)
		w.clock.Add(time.Minute)
	}
	first, second, third := made[0], made[1], made[2]
	for set, offered := range map[runs.ID]runs.ID{third: second, second: first} { // of the same schedule
		w.get(readonly, tenantPath("sets", set)).has(t, `<option value="`+string(offered)+`" selected>`)
		w.get(readonly, tenantPath("sets", set, "compare")).has(t, `<option value="`+string(offered)+`" selected>`)
	}
	oldest := must(w.store.ListSets(t.Context(), tenant, backupset.SetFilter{ScheduleID: another.ID}, runs.Slice{Limit: 3}))(t)[2].ID
	w.get(readonly, tenantPath("sets", oldest)).lacks(t, " selected>") // none is older
	compare := func(before, after runs.ID) string {
		return tenantPath("sets", after, "compare") + "?with=" + string(before)
	}
	w.get(readonly, compare(first, second)).lacks(t, "is the newer of the two")
	back := w.get(readonly, compare(second, first))
	back.shows(t, "“Before” is the newer of the two", "Show it the other way round")
	back.has(t, `href="`+compare(first, second)+`">Show it the other way round`)
}

func TestASetSaysWhatItHoldsAndWhatChangedSinceTheOneBefore(t *testing.T) {
	w := newWorld(t, nil)
	s := w.schedule(nil)
	first := w.backup(s.ID)
	must(w.graph.Churn(tenant, 30, 1))(t)
	second := w.backup(s.ID)
	w.get(readonly, tenantPath("sets", first.BackupSetID)).shows(t, "No earlier set of this schedule", "Settings catalog", "Contents by type")

	want := must(w.cfg.Archive.Compare(t.Context(), tenant, owner, first.BackupSetID, second.BackupSetID))(t)
	n := must(w.cfg.Archive.CountChanges(t.Context(), tenant, owner, first.BackupSetID, second.BackupSetID))(t)
	if n.Added != len(want.Added) || n.Removed != len(want.Removed) || n.Changed != len(want.Changed) || n.Unchanged != want.UnchangedCount || n.Changed == 0 {
		t.Fatalf("the counts are %+v, and not those of the comparison", n)
	}
	got := w.get(readonly, tenantPath("sets", second.BackupSetID))
	got.shows(t, "Since Nightly, Sun 4 Jan 2026, 12:00 UTC", "changed", tenantPath("sets", second.BackupSetID, "compare")+"?with="+string(first.BackupSetID))
	one := w.get(readonly, tenantPath("sets", second.BackupSetID)+"?type=deviceConfiguration")
	one.shows(t, "Policies")
	if strings.Count(one.body, "<td>Settings catalog</td>") != 0 {
		t.Error("the filter by type lets another type pass")
	}
	at := tenantPath("sets", second.BackupSetID)
	w.get(readonly, at+"?q=zugriff+B%C3%9CRO").shows(t, "1 policy", "Zugriff Büro")
	w.get(readonly, at+"?q=nothing+of+that+name").shows(t, "No policy of this set fits the filter.")
}

func TestAPartialSetSaysWhichTypesAreNotWholeAndWhy(t *testing.T) {
	w := newWorld(t, nil)
	check(t, w.graph.Inject(graphtest.Fault{
		Tenant: tenant, Op: graphtest.OpList, Type: "conditionalAccessPolicy", Times: -1, Err: &graph.Error{Kind: graph.KindForbidden},
	}))
	set := w.set(w.backup(w.schedule(nil).ID).BackupSetID)
	if set.Status != backupset.Partial {
		t.Fatalf("the set is %s", set.Status)
	}
	got := w.get(readonly, tenantPath("sets", set.ID))
	got.shows(t, "What is missing", "Conditional Access policies", "refused the whole type, as the app lacks a permission.", "badge warn")
	w.get(readonly, tenantPath("sets")).lacks(t, "success")
}

// setForms are the forms of a set's page: who may send them, by the weakest role, and a form that
// does nothing when it may be sent.
var setForms = []struct {
	path    string
	weakest runs.Actor
	button  string // what the page has for who may
}{
	{"verify", operator, `/verify"`},
	{"drift", operator, `/drift"`},
	{"hold", manager, `/hold"`},
	{"release", manager, `/release"`},
	{"delete", manager, `/delete"`},
	{"export", manager, `/export"`},
}

var byPower = []runs.Actor{readonly, operator, manager, owner}

func may(a, weakest runs.Actor) bool {
	rank := map[string]int{}
	for i, r := range byPower {
		rank[r.ID] = i
	}
	return rank[a.ID] >= rank[weakest.ID]
}

func TestWhoMayNotChangeASetSeesNoButtonAndIsRefused(t *testing.T) {
	w := newWorld(t, nil)
	set := w.byHand("One")
	must(w.cfg.Retention.Hold(t.Context(), tenant, owner, set.ID, "audit", "x"))(t)
	for _, as := range byPower {
		page := w.get(as, tenantPath("sets", set.ID))
		page.shows(t)
		for _, f := range setForms {
			if got, want := strings.Contains(page.body, f.button), may(as, f.weakest); got != want {
				t.Errorf("%s sees %s: %v", as.ID, f.path, got)
			}
			if !may(as, f.weakest) {
				if got := w.post(as, tenantPath("sets", set.ID, f.path), nil); got.StatusCode != http.StatusForbidden {
					t.Errorf("%s sends %s: %s", as.ID, f.path, got.Status)
				}
			}
		}
		for _, path := range []string{"purge", "undelete"} {
			if !may(as, manager) {
				if got := w.post(as, tenantPath("sets", set.ID, path), nil); got.StatusCode != http.StatusForbidden {
					t.Errorf("%s sends %s: %s", as.ID, path, got.Status)
				}
			}
		}
		if strings.Contains(page.body, `name="secrets"`) != (as == owner) {
			t.Errorf("%s: the choice of secrets", as.ID)
		}
	}
}

func TestAHoldKeepsASetUntilItIsReleased(t *testing.T) {
	w := newWorld(t, nil)
	set := w.byHand("One")
	bad := w.post(manager, tenantPath("sets", set.ID, "hold"), url.Values{"name": {"audit <i>"}})
	if bad.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a hold without a reason: %s", bad.Status)
	}
	bad.has(t, `aria-describedby="reason-error"`, `value="audit &lt;i&gt;"`)
	w.post(manager, tenantPath("sets", set.ID, "hold"), url.Values{"name": {"audit"}, "reason": {"for the year"}}).
		leads(t, tenantPath("sets", set.ID)+"?notice=set_held")
	w.get(manager, tenantPath("sets", set.ID, "delete")).shows(t, "A hold stands on it. Release it first.")
	if got := w.post(manager, tenantPath("sets", set.ID, "delete"), nil); got.StatusCode != http.StatusConflict {
		t.Errorf("deleting a held set: %s", got.Status)
	}
	w.post(manager, tenantPath("sets", set.ID, "release"), url.Values{"name": {"audit"}}).leads(t, tenantPath("sets", set.ID)+"?notice=set_released")
	w.post(manager, tenantPath("sets", set.ID, "delete"), nil).leads(t, tenantPath("sets")+"?notice=set_deleted")
}

func TestTheOnlyCompleteSetOfAScheduleSaysWhyItStays(t *testing.T) {
	w := newWorld(t, nil)
	run := w.backup(w.schedule(nil).ID)
	w.get(manager, tenantPath("sets", run.BackupSetID, "delete")).shows(t, "It is the only complete backup set of its schedule.")
}

func TestADeletedSetComesBackOrGoesForGood(t *testing.T) {
	w := newWorld(t, nil)
	set := w.byHand("One & only")
	at := tenantPath("sets", set.ID)
	w.post(manager, at+"/delete", nil)
	if got := w.get(operator, at); got.StatusCode != http.StatusNotFound {
		t.Errorf("who may not undelete: %s", got.Status)
	} else {
		got.has(t, "This backup set has been deleted.")
	}
	w.get(manager, at).shows(t, "Deleted now by hand.", "Bring back", "Remove for good")
	w.get(readonly, tenantPath("sets")+"?deleted=yes").shows(t, "One &amp; only")
	w.post(manager, at+"/undelete", nil).leads(t, at+"?notice=set_undeleted")
	w.get(operator, at).shows(t)
	if got := w.post(manager, at+"/purge", url.Values{"confirm": {set.Name}}); got.StatusCode != http.StatusConflict {
		t.Errorf("purging a set that is not deleted: %s", got.Status)
	}
	w.post(manager, at+"/delete", nil)
	w.get(manager, at+"/purge").shows(t, "Type the set's name to confirm")
	if got := w.post(manager, at+"/purge", url.Values{"confirm": {"One"}}); got.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("purging under another name: %s", got.Status)
	}
	w.post(manager, at+"/purge", url.Values{"confirm": {set.Name}}).leads(t, tenantPath("sets")+"?deleted=yes&notice=set_purged")
	if got := w.get(manager, at); got.StatusCode != http.StatusForbidden {
		t.Errorf("a purged set: %s", got.Status)
	}
}

func TestVerifyingAndComparingWithLiveLeadToTheirRuns(t *testing.T) {
	w := newWorld(t, nil)
	set := w.byHand("One")
	for _, path := range []string{"verify", "drift"} {
		got := w.post(operator, tenantPath("sets", set.ID, path), nil)
		if to := got.Header.Get("Location"); got.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to, tenantPath("runs")+"/") || !strings.HasSuffix(to, "notice=run_started") {
			t.Errorf("%s: %s to %q", path, got.Status, to)
		}
	}
	w.drain()
	w.get(readonly, tenantPath("sets", set.ID)).lacks(t, ">never<")
}

func TestAnExportIsASafeDownloadWithMaskedSecrets(t *testing.T) {
	w := newWorld(t, nil)
	set := w.byHand("../Büro \"x\"; filename=y")
	export := func(as runs.Actor, form url.Values) response {
		return w.post(as, tenantPath("sets", set.ID, "export"), form)
	}
	masked := func(r response) bool {
		t.Helper()
		if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != "application/zip" || r.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Fatalf("%s %v", r.Status, r.Header)
		}
		if name := r.Header.Get("Content-Disposition"); !strings.HasPrefix(name, "attachment; filename=") || strings.ContainsAny(name, "/\\\r\nü") {
			t.Errorf("Content-Disposition: %s", name)
		}
		z := must(zip.NewReader(bytes.NewReader([]byte(r.body)), int64(len(r.body))))(t)
		f := must(z.Open("manifest.json"))(t)
		defer f.Close()
		return bytes.Contains(must(io.ReadAll(f))(t), []byte(`"secrets_masked": true`))
	}
	if !masked(export(manager, nil)) {
		t.Error("an export has secrets that nobody asked for")
	}
	if masked(export(owner, url.Values{"secrets": {"yes"}})) {
		t.Error("an owner's export lacks secrets")
	}
	if got := export(manager, url.Values{"secrets": {"yes"}}); got.StatusCode != http.StatusForbidden {
		t.Errorf("a manager asks for secrets: %s", got.Status)
	}
	if got := w.get(owner, tenantPath("sets", set.ID, "export")); got.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("an export by GET: %s", got.Status)
	}
}
