package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// What a page shows of a captured policy a program gets, too: with numbers to the last digit and
// without secrets, in the content and in the differences.
func TestVersionsAreReadAndComparedWithoutSecrets(t *testing.T) {
	w := newWorld(t)
	put := func(id string, n int) {
		t.Helper()
		raw := fmt.Sprintf(`{"@odata.type":"#microsoft.graph.windows10CustomConfiguration","id":"%[1]s","displayName":"Kiosk %[1]s","big":1234567890123456789%[2]d.10,"preSharedKey":"%[3]s%[2]d"}`, id, n, canary)
		w.must(w.graph.Put(contoso, graph.Policy{
			Type: "deviceConfiguration", ID: id, Name: "Kiosk " + id, ODataType: "#microsoft.graph.windows10CustomConfiguration",
			Raw: json.RawMessage(raw), Parts: []graph.Part{{Name: "assignments", Raw: json.RawMessage("[]")}},
		}))
	}
	schedule := idOf(t, w.wants(201, http.MethodPost, "schedules",
		`{"name":"Nightly","frequency":"daily","time_of_day":"02:30","policy_types":["deviceConfiguration"],"include_foundations":false}`, nil))
	versions := map[string][]string{} // by name, oldest first
	for n := range 2 {
		put("one", n)
		put("other", n)
		set := w.backup(contoso, runs.ID(schedule)).BackupSetID
		var items List[SetItem]
		w.wants(200, http.MethodGet, "backup-sets/"+string(set)+"/items?search=Kiosk", "", &items)
		for _, i := range items.Items {
			versions[i.Name] = append(versions[i.Name], i.VersionID)
		}
	}
	one := versions["Kiosk one"]
	var content PolicyContent
	got := w.wants(200, http.MethodGet, "policy-versions/"+one[1], "", &content)
	if !content.SecretsMasked || content.Name != "Kiosk one" || content.ExternalID != "one" || len(content.Parts) == 0 {
		t.Errorf("the content is %s", got.body)
	}
	diff := w.wants(200, http.MethodGet, "policy-versions/"+one[1]+"/compare?with="+one[0], "", nil)
	for _, r := range []reply{got, diff} {
		if strings.Contains(r.body, canary) || !strings.Contains(r.body, "12345678901234567891.10") {
			t.Errorf("the secret is shown, or the number is not: %s", r.body)
		}
	}
	other := w.as(runs.RoleReadonly, http.MethodGet, "policy-versions/"+one[1]+"/compare?with="+versions["Kiosk other"][0], "")
	if other.status != http.StatusUnprocessableEntity || other.code() != "invalid" {
		t.Errorf("another policy's version is compared: %d %s", other.status, other.body)
	}
}
