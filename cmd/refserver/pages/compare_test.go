package pages_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

const device = graph.PolicyType("deviceConfiguration")

// object is a device configuration of the fake tenant, the nth by id.
func (w *world) object(nth int) graph.Policy {
	w.t.Helper()
	live := w.graph.Snapshot(tenant)
	var keys []graphtest.Key
	for k := range live {
		if k.Type == device {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b graphtest.Key) int { return strings.Compare(a.ID, b.ID) })
	return live[keys[nth]]
}

// put makes a device configuration with a name and one more property.
func (w *world) put(id, name, property string, value any) {
	w.t.Helper()
	raw := must(json.Marshal(map[string]any{"@odata.type": "#microsoft.graph.windows10CustomConfiguration", "id": id, "displayName": name, property: value}))(w.t)
	check(w.t, w.graph.Put(tenant, graph.Policy{Type: device, ID: id, Name: name, ODataType: "#microsoft.graph.windows10CustomConfiguration", Raw: raw,
		Parts: []graph.Part{{Name: "assignments", Raw: json.RawMessage("[]")}}}))
}

// twoSets are two backup sets with a changed, a deleted and a new policy between them.
func (w *world) twoSets() (before, after runs.ID) {
	w.t.Helper()
	s := w.schedule(nil)
	w.put("changed", "Kiosk <b>mode</b>", "description", "old & tired")
	before = w.backup(s.ID).BackupSetID
	w.put("changed", "Kiosk <b>mode</b>", "description", "new & shiny")
	w.put("fresh", "Brand new", "description", "x")
	gone := w.object(0)
	check(w.t, w.graph.Delete(tenant, device, gone.ID))
	return before, w.backup(s.ID).BackupSetID
}

func TestTwoSetsAreComparedPolicyByPolicy(t *testing.T) {
	w := newWorld(t, nil)
	before, after := w.twoSets()
	got := w.get(readonly, tenantPath("sets", after, "compare")+"?with="+string(before))
	got.shows(t, "Kiosk &lt;b&gt;mode&lt;/b&gt;", "old &amp; tired", "new &amp; shiny", "Brand new",
		`changed <span class="n">1</span>`, `added <span class="n">1</span>`, `removed <span class="n">1</span>`, "policies are unchanged",
		"1 changed: Description", tenantPath("sets", before), tenantPath("sets", before, "compare")+"?with="+string(after))
	if strings.Contains(got.body, "<b>mode") {
		t.Error("a name is not escaped")
	}
}

func TestAComparisonIsFilteredByTypeAndByWhatHappened(t *testing.T) {
	w := newWorld(t, nil)
	before, after := w.twoSets()
	path := tenantPath("sets", after, "compare") + "?with=" + string(before)
	got := w.get(readonly, path+"&what=added")
	got.shows(t, "Brand new")
	if strings.Contains(got.body, "Kiosk") {
		t.Error("a changed policy is among those that were added")
	}
	w.get(readonly, path+"&type=conditionalAccessPolicy").shows(t, "No such policy of this type.")
}

func TestSetsThatAreAlikeSaySo(t *testing.T) {
	w := newWorld(t, nil)
	s := w.schedule(nil)
	first := w.backup(s.ID).BackupSetID
	w.get(readonly, tenantPath("sets", first, "compare")).shows(t, "There is no other backup set yet.")
	second := w.backup(s.ID).BackupSetID
	w.get(readonly, tenantPath("sets", second, "compare")).shows(t, "Choose a backup set to compare with.", `<option value="`+string(first)+`"`)
	w.get(readonly, tenantPath("sets", second, "compare")+"?with="+string(first)).shows(t, "Nothing has changed from one set to the other.")
}

func TestWhatAnIncompleteSetLacksIsUncertain(t *testing.T) {
	w := newWorld(t, nil)
	s := w.schedule(nil)
	before := w.backup(s.ID).BackupSetID
	check(t, w.graph.Inject(graphtest.Fault{Op: graphtest.OpItem, Type: device, ID: w.object(0).ID, Times: -1, Err: &graph.Error{Kind: graph.KindForbidden}}))
	after := w.backup(s.ID)
	w.get(readonly, tenantPath("sets", after.BackupSetID, "compare")+"?with="+string(before)).shows(t,
		`uncertain <span class="n">1</span>`, "nobody can say whether it was still there", "does not have all of it")
}

func TestALongComparisonHasPages(t *testing.T) {
	w := newWorld(t, nil)
	s := w.schedule(nil)
	before := w.backup(s.ID).BackupSetID
	for i := range 35 {
		w.put(fmt.Sprintf("n%02d", i), fmt.Sprintf("New %02d", i), "description", "x")
	}
	after := w.backup(s.ID).BackupSetID
	path := tenantPath("sets", after, "compare") + "?with=" + string(before)
	got := w.get(readonly, path)
	got.shows(t, "New 24", "35 policies", "from=25")
	if strings.Contains(got.body, "New 25") {
		t.Error("the first page has more than 25 policies")
	}
	w.get(readonly, path+"&from=25").shows(t, "New 25", "New 34", "First page")
}

func TestAComparisonWithHugeDifferencesStaysSmall(t *testing.T) {
	w := newWorld(t, nil)
	s := w.schedule(nil)
	many := func(text string) map[string]string {
		m := map[string]string{}
		for i := range 20 {
			m[fmt.Sprintf("setting%03d", i)] = strings.Repeat(text, 3000)
		}
		return m
	}
	for i := range 12 {
		w.put(fmt.Sprintf("h%02d", i), fmt.Sprintf("Huge %02d", i), "bag", many("<"))
	}
	before := w.backup(s.ID).BackupSetID
	for i := range 12 {
		w.put(fmt.Sprintf("h%02d", i), fmt.Sprintf("Huge %02d", i), "bag", many(">"))
	}
	after := w.backup(s.ID).BackupSetID
	path := tenantPath("sets", after, "compare") + "?with=" + string(before)
	got := w.get(readonly, path)
	got.shows(t, "Huge 11", "further differences", "Show 20 differences", "policy=")
	if len(got.body) > 200_000 {
		t.Errorf("the page has %d bytes", len(got.body))
	}
}

func TestTwoVersionsOfAPolicyAreCompared(t *testing.T) {
	w := newWorld(t, nil)
	w.twoSets()
	found := must(w.cfg.Archive.Policies(t.Context(), tenant, owner, backupset.PolicyFilter{Search: "Kiosk <b>"}, runs.PageRequest{}))(t)
	policy := found.Items[0].ID
	versions := must(w.cfg.Archive.Versions(t.Context(), tenant, owner, policy, runs.PageRequest{}))(t).Items
	path := tenantPath("policies", policy, "versions", versions[0].ID, "diff")
	for name, path := range map[string]string{"with the one before": path, "with one that is named": path + "?with=" + string(versions[1].ID)} {
		t.Run(name, func(t *testing.T) {
			w.get(readonly, path).shows(t, "Version 1 and version 2", "old &amp; tired", "new &amp; shiny", "1 changed.", "other properties are the same")
		})
	}
	w.get(readonly, tenantPath("policies", policy, "versions", versions[1].ID, "diff")).shows(t, "This is the first version.")
	other := must(w.cfg.Archive.Policies(t.Context(), tenant, owner, backupset.PolicyFilter{Search: "Brand new"}, runs.PageRequest{}))(t).Items[0]
	w.get(readonly, tenantPath("policies", other.ID, "versions", other.CurrentVersionID, "diff")).shows(t, "This policy has one version only")
	if got := w.get(readonly, tenantPath("policies", other.ID, "versions", versions[0].ID, "diff")); got.StatusCode != http.StatusForbidden {
		t.Errorf("a version of another policy: %s", got.Status)
	}
}

// drift makes a report of what differs from a set.
func (w *world) drift(set runs.ID) runs.ID {
	w.t.Helper()
	run, _, err := w.cfg.Starter.Start(w.t.Context(), tenant, owner, restore.DriftRequest(set, restore.DriftParams{}))
	check(w.t, err)
	return run.ID
}

func TestADriftReportShowsWhatIsLiveInAnotherWay(t *testing.T) {
	w := newWorld(t, nil)
	s := w.schedule(nil)
	w.put("changed", "Kiosk", "description", "in the backup")
	set := w.backup(s.ID).BackupSetID
	id := w.drift(set)
	w.get(readonly, tenantPath("drift", id)).shows(t, "It waits for its turn.", "#outcome:outerMorph")
	w.drain()
	w.get(readonly, tenantPath("drift", id)).shows(t, "Nothing has drifted")

	w.put("changed", "Kiosk", "description", "by hand")
	w.put("fresh", "Brand new", "description", "x")
	check(t, w.graph.Delete(tenant, device, w.object(0).ID))
	id = w.drift(set)
	w.drain()
	got := w.get(operator, tenantPath("drift", id))
	got.shows(t, "in the backup", "by hand", "Brand new", "only live", "not live", "policies are as they were backed up", tenantPath("restore", "items")+"?set="+string(set))
	if strings.Contains(got.body, "#outcome") {
		t.Error("a report that is ready is asked for again")
	}
	for action, status := range map[string]int{"": 303, "change": 303, "removed": 303, "chnage": 422, "unchanged": 422} {
		got := w.get(operator, tenantPath("drift", id, "restore")+"?action="+action)
		if named := strings.Contains(got.body, "<code>action</code>"); got.StatusCode != status || named != (status == 422) {
			t.Errorf("to restore what is %q: %s, naming the field: %t", action, got.Status, named)
		}
	}
	if strings.Contains(w.get(readonly, tenantPath("drift", id)).body, "Restore from this set") {
		t.Error("readonly is offered to restore")
	}
}

func TestADriftReportThatFailedSaysWhy(t *testing.T) {
	w := newWorld(t, nil)
	set := w.backup(w.schedule(nil).ID).BackupSetID
	id := w.drift(set)
	must(w.cfg.Starter.Cancel(t.Context(), tenant, owner, id))(t)
	w.drain()
	w.get(readonly, tenantPath("drift", id)).shows(t, "canceled", tenantPath("runs", id))
}

func TestWhatIsNoDriftReportIsNotShownAsOne(t *testing.T) {
	w := newWorld(t, nil)
	run := w.backup(w.schedule(nil).ID)
	for _, id := range []runs.ID{run.ID, "nonsense", "018f0000-0000-7000-8000-000000000000"} {
		if got := w.get(readonly, tenantPath("drift", id)); got.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s", id, got.Status)
		}
	}
}
