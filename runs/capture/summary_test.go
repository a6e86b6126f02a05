package capture_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
)

// masked is a rig with six policies of two types, of which one and two have masked secrets.
func masked(t *testing.T, o rig.Options) *rig.Rig {
	t.Helper()
	o.Policies = -1
	r := rig.New(t, o)
	for i, typ := range []graph.PolicyType{settings, compliance, compliance, settings, settings, compliance} {
		p := graph.Policy{Type: typ, ID: fmt.Sprint("p", i), Name: fmt.Sprint("P", i), Raw: json.RawMessage(fmt.Sprintf(`{"id":"p%d","name":"P%d"}`, i, i))}
		if i < 3 {
			p.Warnings = []string{"secrets_masked"}
		}
		if err := r.Graph.Put(rig.Tenant, p); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func TestWarningsOfPoliciesAreCountedInTheSummary(t *testing.T) {
	throttled := &graph.Error{Kind: graph.KindThrottled}
	for _, tt := range []struct {
		name     string
		fault    graphtest.Fault
		attempts int
	}{
		{"in one attempt", graphtest.Fault{}, 1},
		{"interrupted between two types", graphtest.Fault{Op: graphtest.OpList, Type: compliance, Err: throttled}, 2},
		{"interrupted in the middle of a type", graphtest.Fault{Op: graphtest.OpItem, Type: compliance, Nth: 2, Err: throttled}, 2},
		{"interrupted at the first policy", graphtest.Fault{Op: graphtest.OpItem, Nth: 1, Err: throttled}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := masked(t, rig.Options{Capture: capture.Config{FetchSize: 1}})
			if tt.fault.Err != nil {
				inject(t, r, tt.fault)
			}
			run := r.Backup(r.Schedule(only(settings, compliance)).ID)
			want(t, r, run, outcome{runs.StatusSuccess, "", backupset.Complete, all(6), tt.attempts})
			if diff := cmp.Diff([]string{"secrets_masked: 3"}, summaryOf(t, run).Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

// TestARetryCountsTheWarningsOfWhatItTookOver as of what it captured itself.
func TestARetryCountsTheWarningsOfWhatItTookOver(t *testing.T) {
	r := masked(t, rig.Options{})
	inject(t, r, graphtest.Fault{Op: graphtest.OpItem, ID: "p1", Err: &graph.Error{Kind: graph.KindInvalid}})
	first := r.Backup(r.Schedule(only(settings, compliance)).ID)
	if diff := cmp.Diff([]string{"secrets_masked: 2"}, summaryOf(t, first).Warnings); diff != "" {
		t.Errorf("warnings without the policy that failed (-want +got):\n%s", diff)
	}
	retry, _, err := r.Starter.Retry(t.Context(), rig.Tenant, rig.Owner, first.ID)
	if err != nil {
		t.Fatal(err)
	}
	r.Drain()
	if diff := cmp.Diff([]string{"secrets_masked: 3"}, summaryOf(t, r.Run(retry.ID)).Warnings); diff != "" {
		t.Errorf("warnings of the retry (-want +got):\n%s", diff)
	}
}

func TestWhenNothingCouldBeListedTheCodeSaysWhy(t *testing.T) {
	internal, forbidden := &graph.Error{Kind: graph.KindInternal}, &graph.Error{Kind: graph.KindForbidden}
	list := func(typ graph.PolicyType, err *graph.Error) graphtest.Fault {
		return graphtest.Fault{Op: graphtest.OpList, Type: typ, Times: -1, Err: err}
	}
	for _, tt := range []struct {
		name   string
		faults []graphtest.Fault
		code   runs.Code
	}{
		{"no reason of Graph's own", []graphtest.Fault{list("", internal)}, runs.CodeInternal},
		{"the types are not there", []graphtest.Fault{list("", &graph.Error{Kind: graph.KindUnsupported})}, runs.CodeInternal},
		{"a refusal of permission comes first", []graphtest.Fault{list(settings, internal), list(access, forbidden)}, runs.CodeGraphForbidden},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := rig.New(t, rig.Options{})
			inject(t, r, tt.faults...)
			run := r.Backup(r.Schedule(only(settings, access)).ID)
			want(t, r, run, outcome{runs.StatusFailed, tt.code, "", runs.Counts{Total: 2, Processed: 2, Failed: 2}, 1})
			if run.ErrorMessage == "" {
				t.Error("the run does not say which types")
			}
		})
	}
}
