package runs_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/capture"
	"github.com/tenantatlas/tenantbackup/runs/restore"
	"github.com/tenantatlas/tenantbackup/runs/transfer"
)

// preparer answers starts of one kind.
type preparer struct {
	kind    runs.Kind
	prepare func(context.Context, runs.Start) (runs.Request, error)
}

func (p preparer) Kinds() []runs.Kind { return []runs.Kind{p.kind} }
func (p preparer) Prepare(ctx context.Context, s runs.Start) (runs.Request, error) {
	return p.prepare(ctx, s)
}

func withPreparer(prepare func(context.Context, runs.Start) (runs.Request, error)) rig.Options {
	o := with(func(context.Context, *runs.Attempt) error { return errors.New("does not work") })
	o.Starter.Preparers = []runs.Preparer{preparer{kindTest, prepare}}
	return o
}

func TestWhatAPreparerRefusesLeavesNothing(t *testing.T) {
	r := rig.New(t, withPreparer(func(context.Context, runs.Start) (runs.Request, error) {
		return runs.Request{}, runs.Conflict("too_late", "was yesterday")
	}))
	_, _, err := r.Starter.Start(t.Context(), rig.Tenant, rig.Owner, runs.Request{Kind: kindTest, Key: "k"})
	if !errors.Is(err, runs.ErrConflict) {
		t.Fatalf("error is %v, want a conflict", err)
	}
	if n, audit := len(r.Queue.Jobs()), r.Audit(); n != 0 || len(audit) != 0 {
		t.Errorf("%d jobs and the audit entries %v are left", n, audit)
	}
}

func TestAPreparerIsAskedOnlyForWhoMayStartTheKind(t *testing.T) {
	asked := 0
	r := rig.New(t, withPreparer(func(_ context.Context, s runs.Start) (runs.Request, error) {
		asked++
		return s.Request, nil
	}))
	_, _, err := r.Starter.Start(t.Context(), rig.Tenant, rig.Reader, runs.Request{Kind: kindTest, Key: "k"})
	if !errors.Is(err, runs.ErrForbidden) || asked != 0 {
		t.Errorf("error is %v, and the preparer was asked %d times", err, asked)
	}
}

func TestAPreparerSeesWhatARetryRetriesAndMayMakeAnotherRequestOfIt(t *testing.T) {
	var old runs.ID
	r := rig.New(t, withPreparer(func(_ context.Context, s runs.Start) (runs.Request, error) {
		if s.RetryOf == nil {
			return s.Request, nil
		}
		if s.RetryOf.ID != old || s.Actor != rig.Owner || s.Tenant != rig.Tenant || s.Guard == nil {
			t.Errorf("asked about %+v", s)
		}
		return runs.Request{Kind: "example.again", Key: "again", Params: json.RawMessage(`{"only":"what failed"}`)}, nil
	}))
	old = begin(t, r, "k").ID
	r.Drain()
	if status := r.Run(old).Status; status != runs.StatusFailed {
		t.Fatalf("the run is %s", status)
	}
	run, _, err := r.Starter.Retry(t.Context(), rig.Tenant, rig.Owner, old)
	if err != nil {
		t.Fatal(err)
	}
	type part struct {
		Kind    runs.Kind
		Key     string
		Params  string
		RetryOf runs.ID
		Trigger runs.Trigger
	}
	want := part{"example.again", "again", `{"only":"what failed"}`, old, runs.TriggerRetry}
	if diff := cmp.Diff(want, part{run.Kind, run.Key, string(run.Params), run.RetryOf, run.Trigger}); diff != "" {
		t.Errorf("the retry (-want +got):\n%s", diff)
	}
}

func TestWhatAPreparerMakesIsCheckedToo(t *testing.T) {
	r := rig.New(t, withPreparer(func(_ context.Context, s runs.Start) (runs.Request, error) {
		s.Request.Key = ""
		return s.Request, nil
	}))
	_, _, err := r.Starter.Start(t.Context(), rig.Tenant, rig.Owner, runs.Request{Kind: kindTest, Key: "k"})
	var invalid *runs.InvalidError
	if !errors.As(err, &invalid) || invalid.Fields[0].Field != "key" {
		t.Errorf("error is %v, want one that names key", err)
	}
}

func TestTwoPreparersOfOneKindAreRefused(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	for name, list := range map[string][]runs.Preparer{
		"preparers[1]": {preparer{kind: kindTest}, preparer{kind: kindTest}},
		"preparers[0]": {nil},
	} {
		_, err := runs.NewStarter(runs.StarterConfig{Store: r.Store, Queue: r.Queue, Authorizer: runs.RoleAuthorizer{}, Preparers: list})
		var invalid *runs.InvalidError
		if !errors.As(err, &invalid) || invalid.Fields[0].Field != name {
			t.Errorf("error is %v, want one that names %s", err, name)
		}
	}
}

// TestAKindIsNotStartedWithoutItsPreparer: a Preparer holds the rules of its kinds, such as whose
// sets may be restored and that there is a reason. Forgotten by a host, it must not let all pass.
func TestAKindIsNotStartedWithoutItsPreparer(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	bare := must(runs.NewStarter(runs.StarterConfig{
		Store: r.Store, Queue: r.Queue, Clock: r.Clock, Authorizer: runs.RoleAuthorizer{RoleOf: func(context.Context, graph.TenantID, runs.Actor) (runs.Role, error) {
			return runs.RoleOwner, nil
		}},
	}))(t)
	for name, p := range map[string]runs.Preparer{
		"capture.NewRequests":  must(capture.NewRequests(r.Store, graph.Catalog))(t),
		"restore.NewRequests":  must(restore.NewRequests(restore.RequestsConfig{Store: r.Store, Clock: r.Clock}))(t),
		"transfer.NewRequests": must(transfer.NewRequests(r.Store))(t),
	} {
		for _, kind := range p.Kinds() {
			req := runs.Request{Kind: kind, Key: "k " + string(kind)}
			_, _, byPerson := bare.Start(t.Context(), rig.Tenant, rig.Owner, req)
			_, _, bySystem := bare.StartSystem(t.Context(), rig.Tenant, req)
			for by, err := range map[string]error{"a person": byPerson, "the engine": bySystem} {
				var invalid *runs.InvalidError
				if !errors.As(err, &invalid) || invalid.Fields[0].Code != "preparer_required" || !strings.Contains(invalid.Error(), name) {
					t.Errorf("%s by %s: error %v, want one that names %s", kind, by, err, name)
				}
			}
		}
	}
	if active := must(bare.Active(t.Context(), rig.Tenant, rig.Owner))(t); len(active) > 0 {
		t.Errorf("%d runs were started", len(active))
	}
}
