package pages_test

import (
	"encoding/json"
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

// hostile is a policy whose name and content would break out of a page, with a secret and a number
// that no float holds.
func (w *world) hostile() backupset.Policy {
	w.t.Helper()
	p := graph.Policy{
		Type: "deviceConfiguration", ID: "11111111-2222-3333-4444-555555555555", Name: `</pre><script>alert(1)</script>`,
		Raw: json.RawMessage(`{"@odata.type":"#microsoft.graph.windows10CustomConfiguration","id":"11111111-2222-3333-4444-555555555555",` +
			`"displayName":"</pre><script>alert(1)</script>","description":"` + "\u202e" + `&<img src=x>","preSharedKey":"hunter2-SECRET","big":12345678901234567890.10}`),
		Parts: []graph.Part{{Name: "assignments", Raw: json.RawMessage(`[]`)}},
	}
	check(w.t, w.graph.Put(tenant, p))
	for _, known := range w.sync() {
		if known.ExternalID == p.ID {
			return known
		}
	}
	w.t.Fatal("the policy is not in the list")
	return backupset.Policy{}
}

func TestTheListOfPoliciesIsSearchedAndRefreshed(t *testing.T) {
	w := newWorld(t, nil)
	w.get(readonly, tenantPath("policies")).shows(t, "No policy is known yet.")
	if run := w.started(w.post(operator, tenantPath("policies", "refresh"), nil)); run.Kind != runs.KindPolicySync || run.Status != runs.StatusSuccess {
		t.Errorf("a run of kind %s: %s", run.Kind, run.Status)
	}
	known := w.sync()[0]
	got := w.get(readonly, tenantPath("policies")+"?q="+url.QueryEscape(strings.ToUpper(known.Name)))
	got.shows(t, known.Name, "live", "never captured")
	w.get(readonly, tenantPath("policies")+"?gone=yes").shows(t, "No policy fits the filter.")
	w.get(readonly, tenantPath("policies")+"?limit=3").shows(t, "3 policies on this page", "Next page")
	w.get(operator, tenantPath("policies")+"?type=deviceConfiguration").shows(t, "Refresh this type", `name="policy_types" value="deviceConfiguration"`)
	run := w.started(w.post(operator, tenantPath("policies", "refresh"), url.Values{"policy_types": {"deviceConfiguration"}}))
	if !strings.Contains(string(run.Params), "deviceConfiguration") {
		t.Errorf("the parameters are %s", run.Params)
	}
	for what, path := range map[string]string{"gone": tenantPath("policies") + "?gone=perhaps", "limit": tenantPath("policies") + "?limit=0"} {
		if got := w.get(readonly, path); got.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s", what, got.Status)
		}
	}
	if got := w.post(operator, tenantPath("policies", "refresh"), url.Values{"policy_types": {"<b>"}}); got.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("an unknown type: %s", got.Status)
	}
}

func TestAPolicyThatIsGoneSaysSo(t *testing.T) {
	w := newWorld(t, nil)
	p := w.hostile()
	check(t, w.graph.Delete(tenant, p.Type, p.ExternalID))
	w.sync()
	w.get(readonly, tenantPath("policies")+"?gone=yes").shows(t, "1 policy", "gone")
	w.get(readonly, tenantPath("policies", p.ID)).shows(t, "gone since")
}

func TestAPolicyIsCapturedAndShowsItsVersions(t *testing.T) {
	w := newWorld(t, nil)
	p := w.hostile()
	at := tenantPath("policies", p.ID)
	w.get(readonly, at).shows(t, "It has never been captured.")
	w.started(w.post(operator, at+"/capture", nil))
	check(t, w.graph.Change(tenant, p.Type, p.ExternalID, 7))
	w.started(w.post(operator, at+"/capture", nil))
	got := w.get(readonly, at)
	got.shows(t, "2 versions", "Version 1", "Version 2", "current", "compare with the version before")
	list := must(w.cfg.Archive.Versions(t.Context(), tenant, owner, p.ID, runs.PageRequest{}))(t)
	got.shows(t, at+"/versions/"+string(list.Items[0].ID)+"/diff")
	w.get(readonly, at+"/versions/"+string(list.Items[0].ID)).shows(t, "version 2", "Compare with the version before", list.Items[0].Hash.String())
	w.get(readonly, at+"/versions/"+string(list.Items[1].ID)).lacks(t, "Compare with the version before")

	set := w.byHand("One")
	w.get(operator, at).shows(t, "Capture and add", `value="`+string(set.ID)+`"`)
	if run := w.started(w.post(operator, at+"/add", url.Values{"set": {string(set.ID)}})); run.Kind != runs.KindSetAdd {
		t.Errorf("a run of kind %s", run.Kind)
	}
	if got := w.post(operator, at+"/add", nil); got.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("no set: %s", got.Status)
	}
}

func TestAPolicyIsAddedToOneOfTheNewestSetsAndOlderOnesHaveTheirPage(t *testing.T) {
	w := newWorld(t, nil)
	p := w.hostile()
	const offered, more = 25, "An older one takes policies on"
	for i := range offered + 1 {
		_, _, err := w.cfg.Starter.Start(t.Context(), tenant, owner, capture.CreateSetRequest(fmt.Sprint("By hand ", i), capture.Selection{PolicyIDs: []runs.ID{p.ID}}))
		check(t, err)
		w.drain()
		if got := w.get(operator, tenantPath("policies", p.ID)); i < offered {
			got.shows(t, fmt.Sprintf("By hand %d", i))
			got.lacks(t, more)
		} else {
			got.shows(t, more, fmt.Sprintf("By hand %d", i))
			got.lacks(t, "By hand 0")
		}
	}
}

// captured are the two addresses of a captured policy: within a set, and as a version.
func (w *world) captured(p backupset.Policy) (item, version string) {
	w.t.Helper()
	set := w.byHand("One")
	items, err := w.cfg.Archive.Items(w.t.Context(), tenant, owner, set.ID, backupset.SetItemFilter{}, runs.PageRequest{Limit: 200})
	check(w.t, err)
	for _, i := range items.Items {
		if i.PolicyID == p.ID {
			return tenantPath("sets", set.ID, "items", i.ID), tenantPath("policies", p.ID, "versions", i.VersionID)
		}
	}
	w.t.Fatal("the policy is not in the set")
	return "", ""
}

func TestACapturedPolicyIsReadableWithoutItsSecrets(t *testing.T) {
	w := newWorld(t, nil)
	item, version := w.captured(w.hostile())
	for _, at := range []string{item, version} {
		got := w.get(readonly, at)
		got.shows(t, "12345678901234567890.10", "[masked]", "Values of secrets read [masked]", "Device configuration profiles", `\u202e`, "assignments")
		got.lacks(t, "hunter2", "<script>alert", "<img", "\u202e")

		file := w.get(readonly, at+"/json")
		if file.StatusCode != http.StatusOK || file.Header.Get("Content-Type") != "application/json" || file.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Fatalf("%s %v", file.Status, file.Header)
		}
		if name := file.Header.Get("Content-Disposition"); !strings.HasPrefix(name, "attachment; filename=") || strings.ContainsAny(name, "<>/\\") || !strings.Contains(name, ".json") {
			t.Errorf("Content-Disposition: %s", name)
		}
		if !json.Valid([]byte(file.body)) || strings.Contains(file.body, "hunter2") || !strings.Contains(file.body, "12345678901234567890.10") ||
			!strings.Contains(file.body, `"secrets_masked": true`) {
			t.Errorf("the file is %s", file.body)
		}
	}
	w.get(operator, item).shows(t, "Restore this policy")
	w.get(readonly, item).lacks(t, "Restore this policy")
}

func TestALargePolicyIsCutOnThePageAndWholeInTheFile(t *testing.T) {
	w := newWorld(t, nil)
	p := graph.Policy{Type: "deviceConfiguration", ID: "large", Name: "Large"}
	p.Raw = json.RawMessage(`{"id":"large","displayName":"Large","list":[` + strings.TrimSuffix(strings.Repeat(`"\"<\"",`, 60_000), ",") + `],"end":"the end"}`)
	check(t, w.graph.Put(tenant, p))
	var known backupset.Policy
	for _, x := range w.sync() {
		if x.ExternalID == "large" {
			known = x
		}
	}
	item, _ := w.captured(known)
	got := w.get(readonly, item)
	got.shows(t, "too large to be shown as a whole", "Cut here.")
	if len(got.body) > 200_000 {
		t.Errorf("the page has %d bytes", len(got.body))
	}
	if file := w.get(readonly, item+"/json"); !strings.Contains(file.body, "the end") {
		t.Error("the file is cut, too")
	}
}

func TestWhatIsNotInTheTenantIsRefused(t *testing.T) {
	w := newWorld(t, nil)
	p := w.hostile()
	item, version := w.captured(p)
	other := w.sync()[0]
	if other.ID == p.ID {
		other = w.sync()[1]
	}
	no := "019b88e0-ea00-7646-9fd1-be1f94dcd02b"
	for _, path := range []string{
		tenantPath("sets", no), tenantPath("sets", "x"), tenantPath("policies", no), tenantPath("policies", "'"),
		item[:len(item)-36] + no, item[:len(item)-36] + "x", version[:len(version)-36] + no,
		strings.Replace(version, string(p.ID), string(other.ID), 1), // another policy's version
		tenantPath("sets", no, "add"), tenantPath("sets", no, "delete"), tenantPath("sets", no, "purge"),
	} {
		if got := w.get(owner, path); got.StatusCode != http.StatusForbidden {
			t.Errorf("GET %s: %s", path, got.Status)
		}
	}
	for _, path := range []string{"verify", "drift", "hold", "release", "delete", "undelete", "purge", "export", "add"} {
		if got := w.post(owner, tenantPath("sets", no, path), url.Values{"name": {"x"}, "reason": {"y"}, "policy_ids": {string(p.ID)}}); got.StatusCode != http.StatusForbidden {
			t.Errorf("POST %s: %s", path, got.Status)
		}
	}
}

func TestWhoMayNotStartRunsOnPoliciesSeesNoButtonAndIsRefused(t *testing.T) {
	w := newWorld(t, nil)
	p := w.sync()[0]
	w.byHand("One")
	for _, as := range byPower {
		list, one := w.get(as, tenantPath("policies")), w.get(as, tenantPath("policies", p.ID))
		for path, body := range map[string]string{"policies/refresh": list.body, string(p.ID) + "/capture": one.body, string(p.ID) + "/add": one.body} {
			if got := strings.Contains(body, path+`"`); got != may(as, operator) {
				t.Errorf("%s sees %s: %v", as.ID, path, got)
			}
		}
		if !may(as, operator) {
			for _, path := range []string{tenantPath("policies", "refresh"), tenantPath("policies", p.ID, "capture"), tenantPath("policies", p.ID, "add")} {
				if got := w.post(as, path, nil); got.StatusCode != http.StatusForbidden {
					t.Errorf("%s sends %s: %s", as.ID, path, got.Status)
				}
			}
		}
	}
}
