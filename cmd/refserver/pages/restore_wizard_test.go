package pages_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

func TestTheStepsOfTheWizardThatAreDoneAreLinks(t *testing.T) {
	w := newWorld(t, nil)
	set := w.damage()
	item := string(w.itemOf(set, "kiosk"))
	items := w.get(operator, tenantPath("restore", "items")+"?set="+string(set))
	if to := items.link(t, "Backup set"); to != tenantPath("restore") {
		t.Errorf("the first step is at %s", to)
	}
	if steps := stepsOf(t, items); strings.Count(steps, "<a ") != 1 {
		t.Errorf("the present step and those to come are links: %s", steps)
	}
	options := w.get(operator, tenantPath("restore", "options")+"?set="+string(set)+"&item="+item)
	w.get(operator, stepLink(t, options, "Policies")).shows(t, "Picked so far", "Kiosk")

	page := w.preview(operator, set, url.Values{"all": nil, "item": {item}, "existing": {"overwrite"}})
	got := w.get(operator, page)
	w.get(operator, stepLink(t, got, "Policies")).shows(t, "Picked so far", "Kiosk")
	f := w.get(operator, stepLink(t, got, "Options")).form(t, tenantPath("restore", "previews"))
	if f.values.Get("existing") != "overwrite" || f.values.Get("item") != item {
		t.Errorf("the options are %v", f.values)
	}
	if steps := stepsOf(t, w.get(readonly, page)); strings.Contains(steps, "<a ") {
		t.Errorf("who may make no preview is led back: %s", steps)
	}
}

// stepsOf are the steps of the wizard on a page.
func stepsOf(t *testing.T, r response) string {
	t.Helper()
	_, rest, found := strings.Cut(r.body, `<ol class="steps"`)
	if !found {
		t.Fatal("the page has no steps")
	}
	steps, _, _ := strings.Cut(rest, "</ol>")
	return steps
}

func stepLink(t *testing.T, r response, words string) string {
	t.Helper()
	return response{Response: r.Response, body: stepsOf(t, r)}.link(t, words)
}

func TestAPreviewLeadsToWhatWasCaptured(t *testing.T) {
	w := newWorld(t, nil)
	set := w.damage()
	got := w.get(readonly, w.preview(operator, set, nil))
	w.get(readonly, got.link(t, "<bdi>Lost property</bdi>")).shows(t, "Lost property", "to be found", "Nightly, Sun 4 Jan 2026, 12:00 UTC")
}

func TestNothingTickedIsSaidInPlainWords(t *testing.T) {
	w := newWorld(t, nil)
	set := w.backup(w.schedule(nil).ID).BackupSetID
	got := w.get(operator, tenantPath("restore", "options")+"?set="+string(set))
	got.has(t, ">Everything in the set</a>: Choose everything, a type, or at least one policy.")
	got.lacks(t, ">All</a>")
}

func TestAPolicyThatWouldBeCreatedForAllIsNotSaidToReachMoreThanNow(t *testing.T) {
	w := newWorld(t, nil)
	p := graph.Policy{Type: device, ID: "lost", Name: "Lost property", Raw: []byte(`{"@odata.type":"#microsoft.graph.windows10GeneralConfiguration","id":"lost","displayName":"Lost property"}`)}
	p.Parts = []graph.Part{{Name: "assignments", Raw: []byte(`[{"id":"a","target":{"@odata.type":"#microsoft.graph.allDevicesAssignmentTarget"}}]`)}}
	check(t, w.graph.Put(tenant, p))
	set := w.backup(w.schedule(nil).ID).BackupSetID
	check(t, w.graph.Delete(tenant, device, "lost"))
	got := w.get(readonly, w.preview(operator, set, url.Values{"assignments": {"original"}}))
	got.shows(t, "It would reach them at once: all devices would be included.", "These would be created for all users or all devices")
	got.lacks(t, "more than it does now", "than they do now")
}

func TestAcrossTenantsAssignmentsGoToGroupsOfTheSameName(t *testing.T) {
	w := acrossTenants(t)
	set := w.backup(w.schedule(nil).ID).BackupSetID
	at := strings.Replace(tenantPath("restore", "options"), string(tenant), string(otherTenant), 1) + "?set=" + string(set) + "&all=yes&from=" + string(tenant)
	chosen := func(path string) string {
		for _, f := range formsOf(t, strings.TrimSuffix(at[:strings.Index(at, "/restore")], "/"), w.get(owner, path).body) {
			if strings.HasSuffix(f.action, "/previews") {
				return f.values.Get("assignments")
			}
		}
		return ""
	}
	if got := chosen(at); got != "mapped" {
		t.Errorf("preset is %q", got)
	}
	if got := chosen(at + "&assignments=none"); got != "none" {
		t.Errorf("what was chosen became %q", got)
	}
}

func TestARunSaysWhatBecameOfItsSet(t *testing.T) {
	w := newWorld(t, nil)
	run := w.backup(w.schedule(nil).ID)
	set := w.set(run.BackupSetID)
	must(w.store.ChangeSet(t.Context(), tenant, set.ID, func(now time.Time, s backupset.BackupSet) (backupset.SetChange, error) {
		s.DeletedAt, s.DeletedReason = now, "beyond_keep_last"
		return backupset.SetChange{Set: s, Trail: runs.Trail{}}, nil
	}))(t)
	w.get(manager, tenantPath("runs", run.ID)).shows(t, "Nightly, Sun 4 Jan 2026, 12:00 UTC, deleted", tenantPath("sets", set.ID))
	w.get(readonly, tenantPath("runs", run.ID)).lacks(t, tenantPath("sets", set.ID)+`"`)
	must(w.cfg.Retention.PurgeSet(t.Context(), tenant, owner, set.ID))(t)
	w.get(manager, tenantPath("runs", run.ID)).shows(t, "deleted and purged since")
}

func TestASetSaysHowManyPoliciesAllItsPagesHave(t *testing.T) {
	w := newWorld(t, nil)
	set := w.set(w.backup(w.schedule(nil).ID).BackupSetID)
	at := tenantPath("sets", set.ID)
	w.get(readonly, at+"?limit=2").shows(t, fmt.Sprintf("2 of %d policies", set.ItemsCount))
	w.get(readonly, at+"?limit=2&q=e").lacks(t, "2 of ")
}
