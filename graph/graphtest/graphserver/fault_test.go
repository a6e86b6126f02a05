package graphserver_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
)

// fault sets one and fails the test when it makes no sense.
func (w *world) fault(name string, o graphserver.FaultOptions) {
	w.t.Helper()
	if err := w.server.Fault(name, o); err != nil {
		w.t.Fatal(err)
	}
}

func TestThrottledAnswersSayHowLongInEveryForm(t *testing.T) {
	for name, c := range map[string]struct {
		fault string
		o     graphserver.FaultOptions
		want  string
	}{
		"seconds":         {"throttled-seconds", graphserver.FaultOptions{}, "2"},
		"decimal seconds": {"throttled-seconds", graphserver.FaultOptions{RetryAfter: "2.128"}, "2.128"},
		"a date":          {"throttled-date", graphserver.FaultOptions{}, "Thu, 01 Jan 2026 00:00:05 GMT"},
		"another date":    {"throttled-date", graphserver.FaultOptions{Wait: time.Hour}, "Thu, 01 Jan 2026 01:00:00 GMT"},
		"nothing":         {"throttled-silent", graphserver.FaultOptions{}, ""},
	} {
		w := with(t, graphtest.Config{}, graphserver.Config{})
		w.fault(c.fault, c.o)
		r := w.ask("GET", filters, "")
		if code, _ := r.wantError(t, 429); code != "TooManyRequests" || r.header.Get("Retry-After") != c.want {
			t.Errorf("%s: %s, Retry-After %q, want %q", name, code, r.header.Get("Retry-After"), c.want)
		}
		if r := w.ask("GET", filters, ""); r.status != 200 {
			t.Errorf("%s: the next request: %d", name, r.status)
		}
		o := c.o
		o.Only = "batch"
		w.fault(c.fault, o)
		if r := w.ask("GET", filters, ""); r.status != 200 {
			t.Errorf("%s: a request of its own: %d", name, r.status)
		}
		_, got := w.batch("beta", gets("/deviceManagement/assignmentFilters", "/deviceManagement/intents")...)
		for _, g := range got {
			if first := g.ID == "0"; (g.Status == 429) != first || first && g.Headers["Retry-After"] != c.want {
				t.Errorf("%s: item %s: %d, Retry-After %q", name, g.ID, g.Status, g.Headers["Retry-After"])
			}
		}
	}
}

func TestErrorsOfTheServerHaveTheAskedStatus(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	w.fault("server-error", graphserver.FaultOptions{})
	w.fault("server-error", graphserver.FaultOptions{Status: 504, RetryAfter: "7", Message: "password=hunter2"})
	if code, _ := w.ask("GET", filters, "").wantError(t, 503); code != "serviceNotAvailable" {
		t.Error(code)
	}
	r := w.ask("GET", filters, "")
	if _, message := r.wantError(t, 504); r.header.Get("Retry-After") != "7" || !strings.Contains(message, "hunter2") {
		t.Errorf("Retry-After %q, %s", r.header.Get("Retry-After"), message)
	}
}

func TestIntunesErrorsAreJSONWithinTheMessage(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	w.fault("nested-error", graphserver.FaultOptions{Status: 500, Message: "hunter2"})
	_, message := w.ask("GET", filters, "", "client-request-id", "mine").wantError(t, 500)
	var inner struct {
		Version int `json:"_version"`
		Message string
	}
	if err := json.Unmarshal([]byte(message), &inner); err != nil || inner.Version != 3 || !strings.HasPrefix(message, "{\r\n \"_version\": 3,") {
		t.Fatalf("%v in %s", err, message)
	}
	for _, want := range []string{"hunter2 - Operation ID", "Activity ID: mine", "Url: https://fef.msub01.manage.microsoft.com/"} {
		if !strings.Contains(inner.Message, want) {
			t.Errorf("%q is missing in %s", want, inner.Message)
		}
	}
}

func TestATypeCanBeForbidden(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	w.fault("forbidden", graphserver.FaultOptions{Type: "softwareUpdateRing"})
	w.fault("forbidden", graphserver.FaultOptions{Type: "namedLocation"})
	for target, want := range map[string]int{
		"/beta/deviceManagement/deviceConfigurations": 403, filters: 200, "/v1.0/identity/conditionalAccess/namedLocations": 403, access: 200,
	} {
		for range 3 {
			if r := w.ask("GET", target, ""); r.status != want {
				t.Errorf("%s: %d, want %d", target, r.status, want)
			}
		}
	}
}

func TestSecretsCanBeForbiddenWhileAllElseIsRead(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	w.fault("secret-forbidden", graphserver.FaultOptions{})
	p := w.one("deviceConfiguration", func(p graph.Policy) bool { return len(p.Warnings) > 0 })
	path := "/beta/deviceManagement/deviceConfigurations"
	for target, want := range map[string]int{
		path: 200, path + "/" + p.ID: 200, path + "/" + p.ID + "/assignments": 200,
		path + "/" + p.ID + "/getOmaSettingPlainTextValue(secretReferenceValueId='" + secretOf(t, p) + "')": 403,
	} {
		if r := w.ask("GET", target, ""); r.status != want {
			t.Errorf("%s: %d, want %d", target, r.status, want)
		}
	}
}

func TestAnObjectCanBeGoneBetweenListAndGet(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	p := w.one("settingsCatalogPolicy", nil)
	w.fault("gone", graphserver.FaultOptions{Path: "/deviceManagement/configurationPolicies/" + p.ID})
	if ids := idsOf(t, flat(w.all(catalog))); !slices.Contains(ids, p.ID) {
		t.Error("it is not listed")
	}
	w.ask("GET", catalog+"/"+p.ID, "").wantError(t, 404)
	if r := w.ask("GET", catalog+"/"+p.ID, ""); r.status != 200 {
		t.Errorf("the next time: %d", r.status)
	}
}

func TestATokenCanEndInTheMiddle(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	w.fault("token-expired", graphserver.FaultOptions{Nth: 3})
	for i, want := range []int{200, 200, 401, 401, 401} {
		if r := w.ask("GET", filters, ""); r.status != want {
			t.Errorf("request %d: %d, want %d", i+1, r.status, want)
		}
	}
	w.token = graphserver.Token(tenant, graphserver.TokenOptions{App: "renewed"})
	if r := w.ask("GET", filters, ""); r.status != 200 {
		t.Errorf("a new token: %d", r.status)
	}
}

func TestARevokedTokenAsksForClaims(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	w.fault("token-revoked", graphserver.FaultOptions{})
	r := w.ask("GET", filters, "")
	r.wantError(t, 401)
	_, rest, _ := strings.Cut(r.header.Get("WWW-Authenticate"), `error="insufficient_claims", claims="`)
	asked, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(rest, `"`))
	if err != nil || !json.Valid(asked) || len(asked) == 0 {
		t.Fatalf("WWW-Authenticate: %s", r.header.Get("WWW-Authenticate"))
	}
	for name, c := range map[string]struct {
		o      graphserver.TokenOptions
		status int
	}{
		"a new token that does not answer": {graphserver.TokenOptions{Expires: graphtest.Epoch.Add(time.Hour)}, 401},
		"a new token that answers":         {graphserver.TokenOptions{Claims: string(asked)}, 200},
		"a token of another app":           {graphserver.TokenOptions{App: "other"}, 200},
	} {
		w.token = graphserver.Token(tenant, c.o)
		if r := w.ask("GET", filters, ""); r.status != c.status {
			t.Errorf("%s: %d, want %d", name, r.status, c.status)
		}
	}
}

func TestLinksCanLeadAstray(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{Scheme: "https"})
	link := func() string { return text(w.get("https://graph.test" + catalog)["@odata.nextLink"]) }
	good := link()
	for name, want := range map[string]string{
		"link-foreign":  strings.Replace(good, "graph.test", "graph.example", 1),
		"link-http":     strings.Replace(good, "https://", "http://", 1),
		"link-repeated": "again",
		"link-missing":  "",
	} {
		w.fault(name, graphserver.FaultOptions{Type: "settingsCatalogPolicy"})
		got := link()
		if name == "link-repeated" {
			if again := flat(w.all(got))[:25]; idsOf(t, again)[0] == w.rows("settingsCatalogPolicy")[0].ID {
				got = "again"
			}
		}
		if got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		if link() != good {
			t.Errorf("%s: the next link is bad too", name)
		}
	}
	w.fault("link-foreign", graphserver.FaultOptions{Host: "evil.example:444"})
	if got := link(); !strings.HasPrefix(got, "https://evil.example:444/beta/") {
		t.Errorf("to a host: %s", got)
	}
}

func TestAnEmptyPageCanComeAtAnyTime(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	w.fault("empty-page", graphserver.FaultOptions{Nth: 2})
	pages := w.all(catalog)
	if got := sizes(pages); !slices.Equal(got[:3], []int{25, 0, 25}) || len(flat(pages)) != len(w.stored("settingsCatalogPolicy")) {
		t.Errorf("pages of %v", got)
	}
}

func TestExpandedCollectionsCanBeCut(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	p := w.one("appProtectionPolicy", func(p graph.Policy) bool { return strings.HasSuffix(p.ODataType, "iosManagedAppProtection") })
	w.fault("expand-cut", graphserver.FaultOptions{})
	o := w.get("/beta/deviceAppManagement/iosManagedAppProtections/" + p.ID + "?$expand=apps")
	if count(t, o["apps"]) != 1 {
		t.Fatalf("%d apps", count(t, o["apps"]))
	}
	var joined []json.RawMessage
	if err := json.Unmarshal(o["apps"], &joined); err != nil {
		t.Fatal(err)
	}
	joined = append(joined, flat(w.all(text(o["apps@odata.nextLink"])))...)
	got, _ := json.Marshal(joined)
	if string(got) != compact(t, decode(t, p.Raw)["apps"]) {
		t.Error("what the link leads to is not the rest")
	}

	rule := w.one("compliancePolicyV2", nil)
	w.fault("expand-cut", graphserver.FaultOptions{})
	twice := graph.Policy{Type: "deviceCompliancePolicy", ID: "two", Raw: []byte(`{"id":"two","displayName":"x","scheduledActionsForRule":[{"id":"a","scheduledActionConfigurations":[]},{"id":"b","scheduledActionConfigurations":[]}]}`)}
	if err := w.graph.Put(tenant, twice); err != nil {
		t.Fatal(rule.ID, err)
	}
	o = w.get("/beta/deviceManagement/deviceCompliancePolicies/two?$expand=scheduledActionsForRule($expand=scheduledActionConfigurations)")
	rest := flat(w.all(text(o["scheduledActionsForRule@odata.nextLink"])))
	if len(rest) != 1 || decode(t, rest[0])["scheduledActionConfigurations"] == nil {
		t.Errorf("the rest lacks what was expanded within: %s", rest)
	}
}

func TestSettingsCanBeFewerThanAnnounced(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	p := w.one("settingsCatalogPolicy", func(p graph.Policy) bool { return count(t, part(p, "settings")) > 25 })
	n := count(t, part(p, "settings"))
	w.fault("settings-short", graphserver.FaultOptions{})
	if got := len(flat(w.all(catalog + "/" + p.ID + "/settings"))); got != n-1 {
		t.Errorf("%d of %d", got, n)
	}
	w.fault("settings-short", graphserver.FaultOptions{})
	o := w.get(catalog + "/" + p.ID + "?$expand=settings")
	if got := count(t, o["settings"]); got != n-1 || string(o["settingCount"]) == "" {
		t.Errorf("expanded %d of %d", got, n)
	}
	if got := len(flat(w.all(catalog + "/" + p.ID + "/settings"))); got != n {
		t.Errorf("the next time %d of %d", got, n)
	}
}

func TestABatchCanLackAnAnswer(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	w.fault("batch-missing", graphserver.FaultOptions{})
	for _, want := range []int{4, 5} {
		if _, got := w.batch("beta", gets(slices.Repeat([]string{"/deviceManagement/intents"}, 5)...)...); len(got) != want {
			t.Errorf("%d answers, want %d", len(got), want)
		}
	}
}

func TestAWholeBatchCanBeRefused(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	w.fault("throttled-seconds", graphserver.FaultOptions{Path: "/$batch", RetryAfter: "3"})
	r, _ := w.batch("beta", gets("/deviceManagement/intents")...)
	r.wantError(t, 429)
	if u := w.usage(graph.WorkloadIntune); u.Requests != 0 || u.Throttled != 1 || u.Demanded != 3*time.Second {
		t.Errorf("the books say %+v", u)
	}
	if r, got := w.batch("beta", gets("/deviceManagement/intents")...); r.status != 200 || got[0].Status != 200 {
		t.Errorf("the next: %d", r.status)
	}
}

func TestTheTokenEndpointFailsWhenItIsNamed(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	endpoint := "/" + string(tenant) + "/oauth2/v2.0/token"
	ask := func() int {
		return w.ask("POST", endpoint, "grant_type=client_credentials&client_id=any&client_secret=any&scope=x/.default").status
	}
	w.fault("server-error", graphserver.FaultOptions{})
	if got := ask(); got != 200 {
		t.Errorf("a fault of any request: %d", got)
	}
	w.fault("throttled-seconds", graphserver.FaultOptions{Path: "/oauth2/v2.0/token"})
	if got := []int{ask(), ask()}; !slices.Equal(got, []int{429, 200}) {
		t.Errorf("a fault of its own: %v", got)
	}
}

// ticking is the real clock. In a bubble it is a virtual one.
type ticking struct{}

func (ticking) Now() time.Time                         { return time.Now() }
func (ticking) After(d time.Duration) <-chan time.Time { return time.After(d) }

func TestSlowAnswersTakeTheirTimeOnTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := with(t, graphtest.Config{Clock: ticking{}}, graphserver.Config{Latency: 60 * time.Millisecond})
		w.fault("slow", graphserver.FaultOptions{Nth: 2, Times: 1, Wait: 5 * time.Second})
		for _, want := range []time.Duration{60 * time.Millisecond, 5060 * time.Millisecond, 60 * time.Millisecond} {
			began := time.Now()
			if w.ask("GET", filters, ""); time.Since(began) != want {
				t.Errorf("it took %s, want %s", time.Since(began), want)
			}
		}
		began := time.Now()
		w.batch("beta", gets("/deviceManagement/intents", "/deviceManagement/intents")...)
		if took := time.Since(began); took != 60*time.Millisecond {
			t.Errorf("a batch took %s, its latency once is 60ms", took)
		}
	})
}

func TestFaultsThatMakeNoSenseAreRefused(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	for name, f := range map[string]graphserver.Fault{
		"an unknown name":   {Name: "meteor"},
		"a wait of another": {Name: "gone", FaultOptions: graphserver.FaultOptions{Wait: 1}},
		"a negative wait":   {Name: "throttled-date", FaultOptions: graphserver.FaultOptions{Wait: -1}},
		"a status":          {Name: "server-error", FaultOptions: graphserver.FaultOptions{Status: 200}},
		"a probability":     {Name: "gone", FaultOptions: graphserver.FaultOptions{Probability: 1.5}},
		"a count":           {Name: "gone", FaultOptions: graphserver.FaultOptions{Nth: -1}},
		"a place":           {Name: "gone", FaultOptions: graphserver.FaultOptions{Only: "sundays"}},
		"a type":            {Name: "gone", FaultOptions: graphserver.FaultOptions{Type: "namedLocations"}},
		"a tenant":          {Name: "gone", FaultOptions: graphserver.FaultOptions{Tenant: "contosso"}},
		"no clock":          {Name: "slow"},
	} {
		if err := w.server.Fault(f.Name, f.FaultOptions); err == nil || f.Tenant != "" && !strings.Contains(err.Error(), `field Tenant is "contosso"`) {
			t.Errorf("%s: %v", name, err)
		}
		g, err := graphtest.New(graphtest.Config{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := graphserver.New(g, graphserver.Config{Faults: []graphserver.Fault{f}}); err == nil {
			t.Errorf("New takes %s", name)
		}
	}
	if left := w.server.Unfired(); len(left) != 0 {
		t.Errorf("%v is armed", left)
	}
}

func TestFaultsCountWhatMatchesThem(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{Faults: []graphserver.Fault{
		{Name: "server-error", FaultOptions: graphserver.FaultOptions{Type: "assignmentFilter", Nth: 2, Times: 2}},
	}})
	w.fault("server-error", graphserver.FaultOptions{Method: "delete", Tenant: tenant, Status: 500})
	if err := w.graph.AddTenant("elsewhere", graphtest.TenantConfig{}); err != nil {
		t.Fatal(err)
	}
	w.fault("server-error", graphserver.FaultOptions{Tenant: "elsewhere"})
	var got []int
	for range 5 {
		w.ask("GET", catalog, "")
		got = append(got, w.ask("GET", filters, "").status)
	}
	if !slices.Equal(got, []int{200, 503, 503, 200, 200}) {
		t.Errorf("%v", got)
	}
	if r := w.ask("DELETE", filters+"/x", ""); r.status != 500 {
		t.Errorf("another method: %d", r.status)
	}
	if left := w.server.Unfired(); len(left) != 1 || left[0].Tenant != "elsewhere" {
		t.Errorf("unfired: %v", left)
	}
	w.fault("server-error", graphserver.FaultOptions{Times: -1})
	w.server.ClearFaults()
	if r := w.ask("GET", filters, ""); r.status != 200 {
		t.Errorf("after all are cleared: %d", r.status)
	}
}

func TestFaultsAreReadFromText(t *testing.T) {
	got, err := graphserver.ParseFault("throttled-date:tenant=t,type=mobileApp,path=/a,method=GET,only=batch,nth=3,times=-1,probability=0.5,retry-after=2.1,wait=3s,status=509,host=h,message=m=n")
	want := graphserver.Fault{Name: "throttled-date", FaultOptions: graphserver.FaultOptions{
		Tenant: "t", Type: "mobileApp", Path: "/a", Method: "GET", Only: "batch", Nth: 3, Times: -1, Probability: 0.5,
		RetryAfter: "2.1", Wait: 3 * time.Second, Status: 509, Host: "h", Message: "m=n",
	}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if got, err := graphserver.ParseFault("mixed"); err != nil || got.Name != "mixed" {
		t.Errorf("a name alone: %v %v", got, err)
	}
	for _, bad := range []string{"", "meteor", "gone:nth", "gone:nth=x", "gone:color=red", "gone:nth=-1", "slow:wait=soon"} {
		if _, err := graphserver.ParseFault(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// share is how many of n requests, each for something else, end otherwise than with 200.
func share(w *world, n int) (throttled, failed float64) {
	for i := range n {
		switch r := w.ask("GET", filters+"?$select=id&x="+strings.Repeat("y", i%50)+"&z="+strings.Repeat("y", i/50), ""); r.status {
		case http.StatusOK:
		case http.StatusTooManyRequests:
			throttled++
		default:
			failed++
		}
	}
	return throttled / float64(n), failed / float64(n)
}

func TestMixedFaultsComeInTheirShares(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{Seed: 1})
	w.fault("mixed", graphserver.FaultOptions{Only: "direct"})
	throttled, failed := share(w, 2500)
	if throttled < 0.035 || throttled > 0.065 || failed < 0.01 || failed > 0.035 {
		t.Errorf("%.3f throttled and %.3f failed, want 0.05 and 0.02", throttled, failed)
	}
	u := w.usage(graph.WorkloadIntune)
	if u.Requests != 2500 || float64(u.Throttled)/2500 != throttled || float64(u.Failed)/2500 != failed {
		t.Errorf("the books have %d throttled and %d failed of %d, the client saw %.3f and %.3f", u.Throttled, u.Failed, u.Requests, throttled, failed)
	}
}

func TestChanceDependsOnWhatIsAskedAndNotOnTheOrder(t *testing.T) {
	outcome := func(seed uint64, order []string) map[string][]int {
		w := with(t, graphtest.Config{}, graphserver.Config{Seed: seed})
		w.fault("throttled-seconds", graphserver.FaultOptions{Probability: 0.5})
		out := map[string][]int{}
		for range 12 {
			for _, target := range order {
				out[target] = append(out[target], w.ask("GET", target, "").status)
			}
		}
		return out
	}
	order := []string{filters, catalog, access, "/beta/deviceManagement/intents"}
	first := outcome(1, order)
	slices.Reverse(order)
	if diff := cmp.Diff(first, outcome(1, order)); diff != "" {
		t.Errorf("in another order:\n%s", diff)
	}
	if cmp.Equal(first, outcome(2, order)) {
		t.Error("another seed changes nothing")
	}
	if cmp.Equal(first[filters], first[catalog]) {
		t.Error("everything has the same luck")
	}
}
