package pages_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
)

// sync lists the tenant's policies into the inventory, and returns them.
func (w *world) sync() []backupset.Policy {
	w.t.Helper()
	_, _, err := w.cfg.Starter.Start(w.t.Context(), tenant, owner, capture.SyncRequest(nil))
	check(w.t, err)
	w.drain()
	page, err := w.cfg.Archive.Policies(w.t.Context(), tenant, owner, backupset.PolicyFilter{}, runs.PageRequest{Limit: 200})
	check(w.t, err)
	return page.Items
}

// started checks that a form has led to a run, and returns it after its end.
func (w *world) started(r response) runs.Run {
	w.t.Helper()
	id, ok := strings.CutPrefix(r.Header.Get("Location"), tenantPath("runs")+"/")
	id, notice, _ := strings.Cut(id, "?")
	if r.StatusCode != http.StatusSeeOther || !ok || notice != "notice=run_started" {
		w.t.Fatalf("got %s to %q, want a run that has started: %s", r.Status, r.Header.Get("Location"), text(r.body))
	}
	w.drain()
	return w.run(runs.ID(id))
}

func TestASetByHandOfTypesIsCaptured(t *testing.T) {
	w := newWorld(t, nil)
	w.get(operator, tenantPath("sets", "new")).shows(t, "Settings catalog", "Foundations: what other policies refer to")
	run := w.started(w.post(operator, tenantPath("sets", "new"), url.Values{
		"name": {"Before the migration"}, "what": {"types"}, "policy_types": {"settingsCatalogPolicy"}, "include_foundations": {"yes"},
		"policy_ids": {"of the other choice"},
	}))
	set := w.set(run.BackupSetID)
	if set.Name != "Before the migration" || set.Status != backupset.Complete || len(set.Types) != 1+len(graph.Catalog.Foundations())-lookedUp() {
		t.Errorf("the set is %q, %s, of %d types", set.Name, set.Status, len(set.Types))
	}
}

// lookedUp counts the foundations that are never captured.
func lookedUp() int {
	n := 0
	for _, f := range graph.Catalog.Foundations() {
		if !f.Capturable() {
			n++
		}
	}
	return n
}

func TestASetByHandOfSinglePoliciesKeepsWhatWasTickedWhileOneSearches(t *testing.T) {
	w := newWorld(t, nil)
	all := w.sync()
	first, second := all[0], all[1]
	search := url.Values{"name": {"Two <i>"}, "what": {"policies"}, "policy_ids": {string(first.ID)}, "q": {strings.ToUpper(second.Name)}}
	got := w.get(operator, tenantPath("sets", "new")+"?"+search.Encode())
	got.shows(t, `value="`+string(first.ID)+`" checked`, `value="`+string(second.ID)+`">`, `value="Two &lt;i&gt;"`)
	run := w.started(w.post(operator, tenantPath("sets", "new"), url.Values{
		"name": {"Two <i>"}, "what": {"policies"}, "policy_ids": {string(first.ID), string(second.ID), string(first.ID)}, "q": {"x"},
	}))
	if set := w.set(run.BackupSetID); set.ItemsCount != 2 {
		t.Errorf("the set has %d policies", set.ItemsCount)
	}
}

func TestAFormOfASetByHandSaysWhatIsWrongBesideTheField(t *testing.T) {
	w := newWorld(t, nil)
	ids := make([]string, 101)
	for i := range ids {
		ids[i] = fmt.Sprintf("019b88e0-ea00-7646-9fd1-%012d", i)
	}
	for what, c := range map[string]struct {
		form  url.Values
		field string
	}{
		"no name":             {url.Values{"what": {"everything"}}, "name"},
		"a name of two lines": {url.Values{"what": {"everything"}, "name": {"a\nb"}}, "name"},
		"a long name":         {url.Values{"what": {"everything"}, "name": {strings.Repeat("ü", 201)}}, "name"},
		"no type":             {url.Values{"what": {"types"}, "name": {"x"}}, "policy_types"},
		"an unknown type":     {url.Values{"what": {"types"}, "name": {"x"}, "policy_types": {"<b>"}}, "policy_types"},
		"no policy":           {url.Values{"what": {"policies"}, "name": {"x"}}, "policy_ids"},
		"what is no id":       {url.Values{"what": {"policies"}, "name": {"x"}, "policy_ids": {"<b>"}}, "policy_ids"},
		"too many policies":   {url.Values{"what": {"policies"}, "name": {"x"}, "policy_ids": ids}, "policy_ids"},
	} {
		got := w.post(operator, tenantPath("sets", "new"), c.form)
		if got.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s", what, got.Status)
		}
		got.has(t, `aria-describedby="`+c.field+`-error"`, `id="`+c.field+`-error"`)
		got.lacks(t, "<b>")
	}
}

func TestPoliciesAreAddedToASetByHandAndToNoOther(t *testing.T) {
	w := newWorld(t, nil)
	policy := w.sync()[0]
	set := w.byHand("One")
	at := tenantPath("sets", set.ID, "add")
	w.get(operator, at+"?q="+url.QueryEscape(policy.Name)).shows(t, string(policy.ID))
	if got := w.post(operator, at, nil); got.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("nothing ticked: %s", got.Status)
	}
	if run := w.started(w.post(operator, at, url.Values{"policy_ids": {string(policy.ID)}})); run.Kind != runs.KindSetAdd {
		t.Errorf("a run of kind %s", run.Kind)
	}
	other := w.backup(w.schedule(nil).ID).BackupSetID
	w.get(operator, tenantPath("sets", other)).lacks(t, "Add policies")
	for _, got := range []response{
		w.get(operator, tenantPath("sets", other, "add")), w.post(operator, tenantPath("sets", other, "add"), url.Values{"policy_ids": {string(policy.ID)}}),
	} {
		if got.StatusCode != http.StatusConflict {
			t.Errorf("adding to a schedule's set: %s", got.Status)
		}
	}
}

func TestOnlyWhoMayMakeSetsSeesHow(t *testing.T) {
	w := newWorld(t, nil)
	for _, as := range byPower {
		list := w.get(as, tenantPath("sets"))
		for path, weakest := range map[string]runs.Actor{"new": operator, "import": manager} {
			if got := strings.Contains(list.body, tenantPath("sets", path)+`"`); got != may(as, weakest) {
				t.Errorf("%s sees %s: %v", as.ID, path, got)
			}
			for _, got := range []response{w.get(as, tenantPath("sets", path)), w.post(as, tenantPath("sets", path), nil)} {
				if (got.StatusCode == http.StatusForbidden) == may(as, weakest) {
					t.Errorf("%s asks for %s: %s", as.ID, path, got.Status)
				}
			}
		}
	}
}
