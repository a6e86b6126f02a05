package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/cmd/refserver/product"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/runs"
)

// cardWorld is a tenant whose nights go as a test wants.
type cardWorld struct {
	*story
	t *testing.T
}

func newCardWorld(t *testing.T) cardWorld {
	t.Helper()
	mock := clock.NewMock()
	mock.Set(time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC))
	fake, err := graphtest.New(graphtest.Config{Clock: mock})
	if err != nil {
		t.Fatal(err)
	}
	if err := fake.AddTenant(demoTenant, graphtest.TenantConfig{Seed: 7, Policies: 10}); err != nil {
		t.Fatal(err)
	}
	queue := &stepQueue{}
	a, err := open(t.Context(), options{
		source: source{data: t.TempDir()}, migrate: true, clock: mock, users: product.DemoUsers(), graph: fake, queue: queue, random: func() float64 { return 0 },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.close(t.Context()) })
	return cardWorld{&story{app: a, clock: mock, graph: fake, queue: queue, zone: time.UTC}, t}
}

func (w cardWorld) schedule(name, at string) {
	w.t.Helper()
	d := backupsched.NewDraft()
	d.Name, d.PolicyTypes, d.IncludeFoundations = name, []graph.PolicyType{compliance, access}, false
	d.Recurrence = backupsched.Recurrence{Frequency: backupsched.Daily, TimeOfDay: at, Timezone: "UTC"}
	if _, _, err := w.scheduler.Create(w.t.Context(), demoTenant, demoOwner, d); err != nil {
		w.t.Fatal(err)
	}
}

// dispatch lets the slots be dispatched that are due by now.
func (w cardWorld) dispatch() {
	w.t.Helper()
	if _, err := w.dispatcher.Tick(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

func (w cardWorld) work() {
	w.t.Helper()
	if err := w.queue.drain(w.t.Context(), w.clock, w.runner.Handle); err != nil {
		w.t.Fatal(err)
	}
}

// says are the lines of the card with their tones.
func (w cardWorld) says() (lines []string) {
	w.t.Helper()
	facts, err := w.card(w.t.Context(), demoTenant, demoOwner)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range facts {
		lines = append(lines, string(f.Tone)+": "+f.Text)
	}
	return lines
}

func (w cardWorld) want(when string, want ...string) {
	w.t.Helper()
	got := w.says()
	for _, line := range want {
		if !slices.Contains(got, line) {
			w.t.Errorf("%s the card lacks %q:\n%s", when, line, strings.Join(got, "\n"))
		}
	}
	if trouble, well := strings.Contains(strings.Join(want, "\n"), "bad: ") || strings.Contains(strings.Join(want, "\n"), "warn: "), slices.Contains(got, allWell); trouble == well {
		w.t.Errorf("%s the card says\n%s", when, strings.Join(got, "\n"))
	}
}

const allWell = "good: Nothing went wrong last time"

func TestTheCardOfATenantTellsWhatWentWrongLastNight(t *testing.T) {
	w := newCardWorld(t)
	w.want("without schedules", "warn: No schedule is enabled: nothing is backed up by itself", "quiet: No backup yet")

	w.schedule("Nightly", "02:30")
	w.want("before the first night", allWell, "quiet: Enabled: 1 schedule", "quiet: No backup yet")

	night := time.Date(2026, 11, 21, 2, 30, 0, 0, time.UTC)
	w.clock.Set(night)
	w.dispatch()
	w.want("in the night", allWell, "busy: Under way: 1 run")
	w.work()
	w.want("after a good night", allWell, "quiet: Last backup: success")

	if err := w.forbid(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.clock.Set(night.AddDate(0, 0, 1))
	w.dispatch()
	w.work()
	w.want("after a night without a permission", "warn: Last run partial: 1 schedule", "quiet: Last backup: partial")

	if err := w.graph.Inject(graphtest.Fault{Tenant: demoTenant, Times: -1, Err: &graph.Error{Kind: graph.KindUnauthorized}}); err != nil {
		t.Fatal(err)
	}
	w.clock.Set(night.AddDate(0, 0, 2))
	w.dispatch()
	w.work()
	w.want("after a night without a sign-in", "bad: Last run failed: 1 schedule", "quiet: Last backup: partial")

	w.clock.Set(night.AddDate(0, 0, 3).Add(3 * time.Minute))
	w.want("while nobody dispatches", "bad: Overdue: 1 schedule", "bad: Last run failed: 1 schedule")
	w.dispatch()
	w.want("after the slot was missed", "warn: Last run skipped or missed: 1 schedule")
}

func TestACardCountsNoFurtherThanItMust(t *testing.T) {
	w := newCardWorld(t)
	for i := range cardCounts + 1 {
		w.schedule(fmt.Sprint("Nightly ", i), "02:30")
	}
	w.want("with many schedules", allWell, "quiet: Enabled: 50 or more schedules")
	w.clock.Set(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	w.want("with many overdue", "bad: Overdue: 50 or more schedules")
}

// The links of a card lead to pages that show what it counts.
func TestTheLinksOfACardLeadToPages(t *testing.T) {
	w := newCardWorld(t)
	w.schedule("Nightly", "02:30")
	if err := w.forbid(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.clock.Set(time.Date(2026, 11, 21, 2, 30, 0, 0, time.UTC))
	w.dispatch()
	w.work()
	w.clock.Set(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	host, err := w.host(true)
	if err != nil {
		t.Fatal(err)
	}
	handler, err := w.handler(roleAll, host)
	if err != nil {
		t.Fatal(err)
	}
	facts, err := w.card(t.Context(), demoTenant, runs.Actor{ID: "readonly-contoso"})
	if err != nil || len(facts) != 4 {
		t.Fatalf("%+v, %v", facts, err)
	}
	for _, f := range facts {
		if page := asking(handler, "readonly-contoso", f.Link); page.Code != 200 || strings.HasPrefix(f.Text, "Last run") && !strings.Contains(page.Body.String(), "Nightly") {
			t.Errorf("%q leads to %s, which answers %d", f.Text, f.Link, page.Code)
		}
	}
}

func TestTheEngineerMayRestoreFromTheOtherTenant(t *testing.T) {
	w := newCardWorld(t)
	host, err := w.host(true)
	if err != nil {
		t.Fatal(err)
	}
	handler, err := w.handler(roleAll, host)
	if err != nil {
		t.Fatal(err)
	}
	for user, want := range map[string]bool{"engineer": true, "owner-contoso": false} {
		page := asking(handler, user, "/backups/contoso/restore").Body.String()
		if got := strings.Contains(page, `restore?from=fabrikam">Fabrikam`); got != want {
			t.Errorf("%s is offered the sets of fabrikam: %v, want %v", user, got, want)
		}
		if got := strings.Contains(page, `href="/backups/fabrikam/schedules"`); got != want {
			t.Errorf("%s may switch to fabrikam: %v, want %v", user, got, want)
		}
	}
}

// asking is what a path answers to a demo user.
func asking(handler http.Handler, user, path string) *httptest.ResponseRecorder {
	r, w := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8080"+path, nil), httptest.NewRecorder()
	r.Header.Set("Authorization", "Bearer demo-"+user)
	handler.ServeHTTP(w, r)
	return w
}
