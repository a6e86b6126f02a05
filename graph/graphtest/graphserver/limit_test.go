package graphserver_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
)

const access = "/v1.0/identity/conditionalAccess/policies"

// limited is a world with limits and a clock.
func limited(t testing.TB, on bool) (*world, *hand) {
	t.Helper()
	clock := &hand{now: graphtest.Epoch}
	return with(t, graphtest.Config{Clock: clock}, graphserver.Config{Limits: on}), clock
}

// usage is what was counted of a workload of the tenant.
func (w *world) usage(of graph.Workload) graphserver.Usage {
	w.t.Helper()
	for _, u := range w.server.Usage() {
		if u.Tenant == tenant && u.Workload == of {
			return u
		}
	}
	w.t.Fatalf("nothing was counted of %s", of)
	return graphserver.Usage{}
}

func TestConditionalAccessTakesOneRequestASecondFromAllApps(t *testing.T) {
	w, clock := limited(t, true)
	other := graphserver.Token(tenant, graphserver.TokenOptions{App: "another"})
	ask := func(token string) reply {
		w.token = token
		return w.ask("GET", access, "")
	}
	mine := w.token
	if r := ask(mine); r.status != 200 {
		t.Fatalf("the first: %d", r.status)
	}
	clock.now = clock.now.Add(999 * time.Millisecond)
	for _, token := range []string{mine, other} {
		r := ask(token)
		if code, _ := r.wantError(t, 429); code != "TooManyRequests" || r.header.Get("Retry-After") != "" {
			t.Errorf("%s, Retry-After %q; this service does not tell", code, r.header.Get("Retry-After"))
		}
	}
	clock.now = clock.now.Add(time.Millisecond)
	if r := ask(other); r.status != 200 {
		t.Errorf("after a second: %d", r.status)
	}
	if r := ask(graphserver.Token("nowhere", graphserver.TokenOptions{})); r.status != 401 {
		t.Errorf("an unknown tenant: %d", r.status)
	}
	if r := w.ask("GET", filters, ""); r.status != 401 {
		t.Fatal(r.status)
	}
	w.token = mine
	if r := w.ask("GET", filters, ""); r.status != 200 {
		t.Errorf("another workload: %d", r.status)
	}
	want := graphserver.Usage{
		Tenant: tenant, Workload: graph.WorkloadAccess, Requests: 4, Throttled: 2,
		Windows: []graphserver.Window{{Limit: "all apps", Most: 1, Per: time.Second, Peak: 3, Above: 3}},
	}
	// The fourth came a second after the first, but the two refused ones count as asked.
	if diff := cmp.Diff(want, w.usage(graph.WorkloadAccess)); diff != "" {
		t.Errorf("usage (-want +got):\n%s", diff)
	}
}

func TestIntuneCountsEachAppAndAllOfThem(t *testing.T) {
	w, clock := limited(t, true)
	first, second, third := w.token, graphserver.Token(tenant, graphserver.TokenOptions{App: "second"}), graphserver.Token(tenant, graphserver.TokenOptions{App: "third"})
	until429 := func(token string) (n int, r reply) {
		w.token = token
		for n = 0; n < 3000; n++ {
			if r = w.ask("GET", filters+"/unknown", ""); r.status == 429 {
				return n, r
			}
		}
		return n, r
	}
	if n, r := until429(first); n != 1000 || r.header.Get("Retry-After") != "20" {
		t.Errorf("an app: %d requests, Retry-After %q", n, r.header.Get("Retry-After"))
	}
	clock.now = clock.now.Add(5500 * time.Millisecond)
	if n, _ := until429(second); n != 1000 {
		t.Errorf("another app: %d requests", n)
	}
	if n, r := until429(third); n != 0 || r.header.Get("Retry-After") != "15" {
		t.Errorf("all apps: %d requests more, Retry-After %q", n, r.header.Get("Retry-After"))
	}
	clock.now = clock.now.Add(14500 * time.Millisecond)
	if n, _ := until429(third); n != 1000 {
		t.Errorf("after the wait: %d requests", n)
	}
	u := w.usage(graph.WorkloadIntune)
	if u.Throttled != 4 || u.Demanded != 20*time.Second+15*time.Second+15*time.Second+6*time.Second {
		t.Errorf("%d throttled, %s demanded", u.Throttled, u.Demanded)
	}
}

func TestWritesHaveALowerLimitOfTheirOwn(t *testing.T) {
	w, _ := limited(t, true)
	for i := range 101 {
		r := w.ask("PATCH", filters+"/unknown", "{}", "Content-Type", "application/json")
		if (r.status == 429) != (i == 100) {
			t.Fatalf("write %d: %d", i+1, r.status)
		}
	}
	if r := w.ask("GET", filters, ""); r.status != 200 {
		t.Errorf("reading after it: %d", r.status)
	}
}

func TestItemsOfABatchCountOneByOne(t *testing.T) {
	w, _ := limited(t, true)
	_, got := w.batch("v1.0", gets("/identity/conditionalAccess/policies", "/identity/conditionalAccess/namedLocations", "/deviceManagement/deviceCategories")...)
	status := map[int]int{}
	for _, g := range got {
		status[g.Status]++
	}
	if status[200] != 2 || status[429] != 1 {
		t.Errorf("%v, want one of two requests of conditional access refused", status)
	}
}

func TestLimitsAreCountedAlsoWhenTheyAreOff(t *testing.T) {
	w, clock := limited(t, false)
	for range 3 {
		if r := w.ask("GET", access, ""); r.status != 200 {
			t.Fatal(r.status)
		}
	}
	clock.now = clock.now.Add(time.Second)
	w.ask("GET", access, "")
	u := w.usage(graph.WorkloadAccess)
	if u.Requests != 4 || u.Windows[0].Peak != 3 || u.Above() != 2 || u.Throttled != 0 {
		t.Errorf("%+v", u)
	}
	for _, cfg := range []graphserver.Config{{Limits: true}, {Latency: time.Second}, {Latency: -1}} {
		g, err := graphtest.New(graphtest.Config{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := graphserver.New(g, cfg); err == nil {
			t.Errorf("%+v works without a clock", cfg)
		}
	}
}

func TestTheDirectoryCountsUnits(t *testing.T) {
	w, _ := limited(t, false)
	for _, query := range []string{"", "?$select=id", "?$expand=combinationConfigurations", "?$select=id&$expand=combinationConfigurations"} {
		w.ask("GET", "/v1.0/policies/authenticationStrengthPolicies"+query, "")
	}
	if got := fmt.Sprint(w.usage(graph.WorkloadDirectory).Windows); got != "[{units of app 11111111-2222-4333-8444-555555555555 3500 10s 4 0}]" {
		t.Errorf("1, 0, 2 and 1 unit: %s", got)
	}
}
