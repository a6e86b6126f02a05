package runsotel_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/runsotel"
)

func TestARunIsASpanAndItsCallsAreWithinIt(t *testing.T) {
	w := newWorld(t, rig.Options{}, nil)
	run := w.Backup(w.Schedule(nil).ID)

	list := w.named("run backup")
	if len(list) != 1 {
		t.Fatalf("%d spans of the run", len(list))
	}
	span := list[0]
	want := fmt.Sprintf("outcome=success policy.count=%d run.attempt=1 run.kind=backup run.trigger=manual tenant.id=contoso", run.Counts.Processed)
	if got := about(span); got != want || span.Parent().IsValid() || span.Status().Code != codes.Unset {
		t.Errorf("the run's span: %s, status %v\nwant %s", got, span.Status(), want)
	}
	if !span.StartTime().Equal(run.StartedAt) || !span.EndTime().Equal(run.FinishedAt) {
		t.Errorf("span from %s to %s, run from %s to %s", span.StartTime(), span.EndTime(), run.StartedAt, run.FinishedAt)
	}
	for name, want := range map[string]string{
		"graph list settingsCatalogPolicy": "graph.operation=list policy.count=",
		"store SealSet":                    "store.method=SealSet",
		"store ChangeRun":                  "store.method=ChangeRun", // the end of the attempt
	} {
		within := w.named(name)
		if len(within) == 0 || within[0].Parent().SpanID() != span.SpanContext().SpanID() || !strings.HasPrefix(about(within[0]), want) {
			t.Errorf("%s: %d spans, want them within the run, %s", name, len(within), want)
		}
	}
	if kind := w.named("graph list settingsCatalogPolicy")[0].SpanKind(); kind != trace.SpanKindClient {
		t.Errorf("a call to Graph is a span of kind %s", kind)
	}
}

func TestWhatFailsIsASpanWithTheKindOfTheFailure(t *testing.T) {
	w := newWorld(t, rig.Options{}, nil)
	if err := w.Graph.Inject(graphtest.Fault{Op: graphtest.OpList, Times: 1, RetryAfter: "60", Err: &graph.Error{Kind: graph.KindThrottled}}); err != nil {
		t.Fatal(err)
	}
	w.Backup(w.Schedule(nil).ID)
	attempts := w.named("run backup")
	if len(attempts) != 2 {
		t.Fatalf("%d spans of the run, want one an attempt", len(attempts))
	}
	want := "error.type=throttled outcome=waiting policy.count=0 run.attempt=1 run.code=GRAPH_THROTTLED run.kind=backup run.trigger=manual tenant.id=contoso"
	if got := about(attempts[0]); got != want || attempts[0].Status().Code != codes.Error || attempts[0].Status().Description != "throttled" {
		t.Errorf("the attempt: %s, status %v\nwant %s", got, attempts[0].Status(), want)
	}
	var call string
	for _, s := range w.spans.Ended() {
		if strings.HasPrefix(s.Name(), "graph list ") && s.Status().Code == codes.Error {
			call += about(s)
		}
	}
	if !strings.Contains(call, "error.type=throttled") || !strings.Contains(call, "http.response.status_code=429") {
		t.Errorf("the call: %s", call)
	}
}

func TestALookupInTheDirectoryIsASpanOfNoType(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: -1}, nil)
	r := graph.ObserveReader(w.Graph, w.telemetry.Graph())
	if _, err := r.Resolve(t.Context(), rig.Tenant, []graph.Reference{{Kind: "group", Name: "nobody"}}); err != nil {
		t.Fatal(err)
	}
	list := w.named("graph resolve")
	if len(list) != 1 || about(list[0]) != "graph.operation=resolve policy.count=1 policy.failed=0 tenant.id=contoso" {
		t.Fatalf("spans %v", list)
	}
	w.measured(t, "tenantbackup.graph.call.duration", "graph.operation=resolve 1: 0s")
}

func TestATickIsASpanAndPollingMakesNone(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: -1}, nil)
	s := w.Schedule(nil)
	w.Clock.Set(s.NextRunAt)
	if _, err := w.Runner.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(w.spans.Ended()); n != 0 {
		t.Errorf("saving a schedule and a sweep made %d spans: %s", n, w.spans.Ended()[0].Name())
	}
	if _, err := w.Dispatcher.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	ticks, stored := w.named("dispatch"), w.named("store DispatchDue")
	if len(ticks) != 1 || about(ticks[0]) != "dispatch.due=1" || len(stored) != 1 || stored[0].Parent().SpanID() != ticks[0].SpanContext().SpanID() {
		t.Errorf("spans: %d ticks, %d calls", len(ticks), len(stored))
	}
}

// printed is everything that a value holds.
func printed(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestNoTelemetryCarriesASecretANameOrAPayload(t *testing.T) {
	const canary = "Zq8~hunter2-SECRET"
	w := newWorld(t, rig.Options{}, func(c *runsotel.Config) { c.TenantInMetrics = true })
	for _, kind := range []graph.Kind{graph.KindThrottled, graph.KindUnavailable, graph.KindInternal, graph.KindForbidden} {
		for _, op := range []graphtest.Op{graphtest.OpList, graphtest.OpGet} {
			err := w.Graph.Inject(graphtest.Fault{Op: op, Times: 1, Err: &graph.Error{
				Op: canary, Kind: kind, Code: canary, RequestID: canary, Err: errors.New("Authorization: Bearer " + canary),
			}})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	run := w.Backup(w.Schedule(nil).ID)
	if run.Attempt < 3 {
		t.Fatalf("the faults cost %d attempts only", run.Attempt)
	}
	var seen strings.Builder
	for _, s := range tracetest.SpanStubsFromReadOnlySpans(w.spans.Ended()) {
		fmt.Fprintf(&seen, "%+v\n", s)
	}
	for _, m := range w.metrics(t) {
		seen.WriteString(printed(t, m))
	}
	if text := seen.String(); len(text) < 10000 || !strings.Contains(text, "throttled") {
		t.Fatalf("the telemetry was not printed: %d bytes", len(text))
	}
	forbidden := []string{canary, "hunter2", "Nightly", rig.Owner.Name}
	for _, item := range w.Items(run.ID) {
		if item.Name != "" {
			forbidden = append(forbidden, item.Name)
		}
	}
	for _, secret := range forbidden {
		if strings.Contains(seen.String(), secret) {
			t.Errorf("the telemetry holds %q", secret)
		}
	}
}

func TestSpansEndWhenTheirWorkDoes(t *testing.T) {
	w := newWorld(t, rig.Options{}, nil)
	if err := w.Graph.Inject(graphtest.Fault{Op: graphtest.OpList, Times: 1, RetryAfter: "60", Err: &graph.Error{Kind: graph.KindThrottled}}); err != nil {
		t.Fatal(err)
	}
	run := w.Backup(w.Schedule(nil).ID)
	if started, ended := len(w.spans.Started()), len(w.spans.Ended()); started != ended {
		t.Errorf("%d spans began and %d ended", started, ended)
	}
	for _, s := range w.named("run backup") {
		if s.EndTime().Sub(s.StartTime()) > time.Second || run.Status != runs.StatusSuccess {
			t.Errorf("an attempt's span lasts %s: the wait between attempts is not in it", s.EndTime().Sub(s.StartTime()))
		}
	}
}
