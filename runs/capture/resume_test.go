package capture_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
)

// inject adds faults or ends the test.
func inject(t *testing.T, r *rig.Rig, faults ...graphtest.Fault) {
	t.Helper()
	if err := r.Graph.Inject(faults...); err != nil {
		t.Fatal(err)
	}
}

// rowsAddUp compares the counts of a run with its items and its set, and its summary with both.
func rowsAddUp(t *testing.T, r *rig.Rig, run runs.Run) {
	t.Helper()
	got := runs.Counts{Total: run.Counts.Processed}
	for _, item := range r.Items(run.ID) {
		got.Processed++
		switch item.Status {
		case runs.ItemSuccess:
			got.Succeeded++
		case runs.ItemFailed:
			got.Failed++
		case runs.ItemSkipped:
			got.Skipped++
		}
	}
	if diff := cmp.Diff(got, run.Counts); diff != "" {
		t.Errorf("counts (-items +run):\n%s", diff)
	}
	if run.BackupSetID == "" {
		return
	}
	set := r.Set(run)
	if n := len(r.SetItems(set.ID)); n != run.Counts.Succeeded || n != set.ItemsCount {
		t.Errorf("the set holds %d policies and counts %d, the run counts %d", n, set.ItemsCount, run.Counts.Succeeded)
	}
	sum := summaryOf(t, run)
	if sum.PoliciesBackedUp != run.Counts.Succeeded || (sum.ErrorsCount == 0) != (run.Counts.Failed == 0) {
		t.Errorf("the summary says %d captured and %d errors, the run counts %+v", sum.PoliciesBackedUp, sum.ErrorsCount, run.Counts)
	}
	if (set.Status == backupset.Complete) != (run.Status == runs.StatusSuccess) {
		t.Errorf("a %s run with a %s set", run.Status, set.Status)
	}
	sound(t, r)
}

func TestATypeThatIsListedAtLastHasNotFailed(t *testing.T) {
	r := rig.New(t, rig.Options{})
	// The first type cannot be listed in the first attempt, which the second type ends.
	inject(t, r, graphtest.Fault{Op: graphtest.OpList, Type: access, Times: 3, Err: &graph.Error{Kind: graph.KindInternal}},
		graphtest.Fault{Op: graphtest.OpGet, Type: settings, Err: &graph.Error{Kind: graph.KindThrottled}})
	run := r.Backup(r.Schedule(only(access, settings)).ID)
	n := count(r, access, settings)
	want(t, r, run, outcome{runs.StatusSuccess, "", backupset.Complete,
		runs.Counts{Total: n + 1, Processed: n + 1, Succeeded: n, Skipped: 1}, 2})
	rowsAddUp(t, r, run)
}

func TestAPolicyThatFailedIsNotGoneBecauseAListingBrokeOff(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: 200, Graph: graphtest.Config{PageSize: 5}})
	var ids []string
	if err := r.Graph.List(t.Context(), rig.Tenant, settings, func(p graph.Page) error {
		for _, h := range p.Headers {
			ids = append(ids, h.ID)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	bad := ids[12] // on the third page
	inject(t, r,
		graphtest.Fault{Op: graphtest.OpItem, ID: bad, Times: -1, Err: &graph.Error{Kind: graph.KindInvalid}},
		graphtest.Fault{Op: graphtest.OpGet, Type: settings, Nth: 2, Err: &graph.Error{Kind: graph.KindThrottled}},
		graphtest.Fault{Op: graphtest.OpList, Type: settings, Nth: 2, Times: -1, TruncateAfterPages: 2})
	run := r.Backup(r.Schedule(only(settings)).ID)
	if run.Attempt != 2 || run.Status != runs.StatusPartial {
		t.Fatalf("the run is %s after %d attempts, want partial after 2", run.Status, run.Attempt)
	}
	for _, item := range r.Items(run.ID) {
		if item.PolicyID == bad && (item.Status != runs.ItemFailed || item.Reason != runs.ReasonInvalidPayload) {
			t.Errorf("the policy behind the break is %s %s, want as it was: failed", item.Status, item.Reason)
		}
	}
	rowsAddUp(t, r, run)
}

func TestAPolicyThatFailedAndWasDeletedThenIsSkipped(t *testing.T) {
	for _, stop := range []error{&graph.Error{Kind: graph.KindThrottled}, runs.ErrStopping} {
		t.Run(stop.Error(), func(t *testing.T) {
			reader := &deleting{err: stop}
			r := rig.New(t, rig.Options{Capture: capture.Config{Reader: reader, FetchSize: 2}})
			reader.Graph, reader.id = r.Graph, objectOf(r, settings)
			run := r.Backup(r.Schedule(only(settings)).ID)
			n := count(r, settings) // one less by now
			want(t, r, run, outcome{runs.StatusSuccess, "", backupset.Complete,
				runs.Counts{Total: n + 1, Processed: n + 1, Succeeded: n, Skipped: 1}, run.Attempt})
			rowsAddUp(t, r, run)
		})
	}
}

func objectOf(r *rig.Rig, t graph.PolicyType) string {
	var ids []string
	for key := range r.Graph.Snapshot(rig.Tenant) {
		if key.Type == t {
			ids = append(ids, key.ID)
		}
	}
	return slices.Min(ids)
}

// deleting fails one policy, deletes it and ends the attempt.
type deleting struct {
	*graphtest.Graph
	id     string
	err    error
	failed bool
}

func (d *deleting) Get(ctx context.Context, tenant graph.TenantID, t graph.PolicyType, ids []string) ([]graph.Result, error) {
	if d.failed && d.err != nil {
		err := d.err
		d.err = nil
		return nil, errors.Join(err, d.Delete(tenant, t, d.id))
	}
	results, err := d.Graph.Get(ctx, tenant, t, ids)
	if i := slices.Index(ids, d.id); i >= 0 && d.err != nil {
		d.failed = true
		results[i].Err = &graph.Error{Kind: graph.KindInvalid}
	}
	return results, err
}

// lostAfter loses the answer of one kind of store call for good, as when the process dies
// between two transactions.
type lostAfter struct {
	capture.Store
	seals int
}

func (l *lostAfter) SealSet(ctx context.Context, t graph.TenantID, lease runs.Lease, s runs.ID, st backupset.Status, tr runs.Trail) (backupset.BackupSet, error) {
	set, err := l.Store.SealSet(ctx, t, lease, s, st, tr)
	if l.seals++; l.seals == 1 && err == nil {
		err = errors.New("the answer is lost")
	}
	return set, err
}

func TestADeathAfterSealingAPartialSetLeavesAPartialRun(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault graphtest.Fault
	}{
		{"a policy failed and would not now", graphtest.Fault{Op: graphtest.OpItem, Type: settings, Err: &graph.Error{Kind: graph.KindInvalid}}},
		{"a policy fails for ever", graphtest.Fault{Op: graphtest.OpItem, Type: settings, Nth: 1, Times: -1, Err: &graph.Error{Kind: graph.KindInvalid}}},
		{"a type is forbidden", graphtest.Fault{Op: graphtest.OpList, Type: settings, Err: &graph.Error{Kind: graph.KindForbidden}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := rig.New(t, rig.Options{})
			executor, err := capture.New(capture.Config{Reader: r.Graph, Store: &lostAfter{Store: r.Store}})
			if err != nil {
				t.Fatal(err)
			}
			r.Runner, err = runs.NewRunner(runs.Config{Store: r.Store, Queue: r.Queue, Clock: r.Clock, Executors: []runs.Executor{executor}})
			if err != nil {
				t.Fatal(err)
			}
			inject(t, r, tt.fault)
			run := r.Backup(r.Schedule(only(access, settings)).ID)
			if run.Status != runs.StatusPartial || run.Attempt != 2 {
				t.Errorf("the run is %s %s after %d attempts (%s), want partial after 2", run.Status, run.ErrorCode, run.Attempt, run.ErrorMessage)
			}
			if list := r.Items(run.ID); !slices.ContainsFunc(list, func(i runs.Item) bool { return i.Status == runs.ItemFailed }) {
				t.Error("no item says what failed")
			}
			rowsAddUp(t, r, run)
		})
	}
}

func TestAnUnknownTypeBesideForbiddenOnesDoesNotHideThatNothingWasListed(t *testing.T) {
	r := rig.New(t, rig.Options{})
	inject(t, r, graphtest.Fault{Op: graphtest.OpList, Times: -1, Err: &graph.Error{Kind: graph.KindForbidden}})
	run, _, err := r.Starter.Start(t.Context(), rig.Tenant, rig.Owner, runs.Request{
		Kind: runs.KindBackup, Key: "k", Params: runs.BackupParams{Name: "x", PolicyTypes: []graph.PolicyType{"fromTheFuture", access}}.JSON(),
	})
	if err != nil {
		t.Fatal(err)
	}
	r.Drain()
	want(t, r, r.Run(run.ID), outcome{runs.StatusFailed, runs.CodeGraphForbidden, "", runs.Counts{Total: 1, Processed: 1, Failed: 1}, 1})
}

func TestAForbiddenCallIsNotRepeatedForEveryPolicy(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: 200})
	inject(t, r, graphtest.Fault{Op: graphtest.OpGet, Type: settings, Times: -1, Err: &graph.Error{Kind: graph.KindForbidden}})
	run := r.Backup(r.Schedule(only(settings, access)).ID)
	n, m := count(r, settings), count(r, access)
	want(t, r, run, outcome{runs.StatusPartial, runs.CodeGraphForbidden, backupset.Partial,
		runs.Counts{Total: n + m, Processed: n + m, Succeeded: m, Failed: n}, 1})
	if calls := r.Graph.Count(rig.Tenant, graphtest.OpGet, settings); calls != 1 {
		t.Errorf("%d calls after a 403, want 1", calls)
	}
	rowsAddUp(t, r, run)
}

func TestACallThatIsNotFoundDeletesNothing(t *testing.T) {
	r := rig.New(t, rig.Options{})
	// Not the answer for one policy: the call as a whole.
	inject(t, r, graphtest.Fault{Op: graphtest.OpGet, Type: settings, Times: -1, Err: &graph.Error{Kind: graph.KindNotFound}})
	run := r.Backup(r.Schedule(only(settings)).ID)
	n := count(r, settings)
	want(t, r, run, outcome{runs.StatusPartial, runs.CodeItemsFailed, backupset.Partial,
		runs.Counts{Total: n, Processed: n, Failed: n}, 1})
	rowsAddUp(t, r, run)
}

// liar is a reader that breaks the rules of graph.Reader for one policy.
type liar struct {
	*graphtest.Graph
	id string
	do func(*graph.Policy)
}

func (l *liar) Get(ctx context.Context, tenant graph.TenantID, t graph.PolicyType, ids []string) ([]graph.Result, error) {
	results, err := l.Graph.Get(ctx, tenant, t, ids)
	for i := range results {
		if results[i].ID == l.id {
			l.do(&results[i].Policy)
		}
	}
	return results, err
}

func (l *liar) List(ctx context.Context, tenant graph.TenantID, t graph.PolicyType, page func(graph.Page) error) error {
	return l.Graph.List(ctx, tenant, t, func(p graph.Page) error {
		for _, h := range p.Headers {
			if h.ID == l.id && h.Policy != nil {
				l.do(h.Policy)
			}
		}
		return page(p)
	})
}

func TestAReaderThatBreaksTheRulesForOnePolicyLosesOnlyThatOne(t *testing.T) {
	for name, do := range map[string]func(*graph.Policy){
		"another id":   func(p *graph.Policy) { p.ID = "somebody-else" },
		"another type": func(p *graph.Policy) { p.Type = "deviceConfiguration" },
		"no type":      func(p *graph.Policy) { p.Type = "" },
		"no bytes":     func(p *graph.Policy) { p.Raw = nil },
		"not JSON":     func(p *graph.Policy) { p.Raw = []byte("<html>") },
		"a part twice": func(p *graph.Policy) {
			p.Parts = []graph.Part{{Name: "a", Raw: []byte("1")}, {Name: "a", Raw: []byte("2")}}
		},
		"a part of nils":  func(p *graph.Policy) { p.Parts = []graph.Part{{}} },
		"nothing at all":  func(p *graph.Policy) { *p = graph.Policy{} },
		"nesting forever": func(p *graph.Policy) { p.Raw = []byte(strings.Repeat("[", 1<<20)) },
	} {
		for _, typ := range []graph.PolicyType{settings, access} { // fetched, and listed whole
			t.Run(name+" of "+string(typ), func(t *testing.T) {
				reader := &liar{do: do}
				r := rig.New(t, rig.Options{Capture: capture.Config{Reader: reader}})
				reader.Graph, reader.id = r.Graph, objectOf(r, typ)
				run := r.Backup(r.Schedule(only(typ)).ID)
				n := count(r, typ)
				want(t, r, run, outcome{runs.StatusPartial, runs.CodeItemsFailed, backupset.Partial,
					runs.Counts{Total: n, Processed: n, Succeeded: n - 1, Failed: 1}, 1})
				rowsAddUp(t, r, run)
			})
		}
	}
}

// named gives one policy a strange id and name.
type named struct {
	*graphtest.Graph
	real, id, name string
}

func (s *named) List(ctx context.Context, tenant graph.TenantID, t graph.PolicyType, page func(graph.Page) error) error {
	return s.Graph.List(ctx, tenant, t, func(p graph.Page) error {
		for i := range p.Headers {
			if p.Headers[i].ID == s.real {
				p.Headers[i].ID, p.Headers[i].Name, p.Headers[i].Policy = s.id, s.name, nil
			}
		}
		return page(p)
	})
}

func (s *named) Get(ctx context.Context, tenant graph.TenantID, t graph.PolicyType, ids []string) ([]graph.Result, error) {
	asked := slices.Clone(ids)
	i := slices.Index(asked, s.id)
	if i >= 0 {
		asked[i] = s.real
	}
	results, err := s.Graph.Get(ctx, tenant, t, asked)
	if i >= 0 && i < len(results) {
		results[i].ID, results[i].Policy.ID, results[i].Policy.Name = s.id, s.id, s.name
	}
	return results, err
}

func TestAnyIdAndNameCanBeCaptured(t *testing.T) {
	for what, text := range map[string]string{
		"a quote": `a'b"c`, "a placeholder": "a?b$1:x{runs}", "long": strings.Repeat("ä", 5000),
		"a UUID in upper case": "0198D1C2-0000-7000-8000-000000000001", "braces": "{0198d1c2-0000-7000-8000-000000000001}", "a path": "../../x%2f",
	} {
		t.Run(what, func(t *testing.T) {
			reader := &named{id: text, name: text}
			r := rig.New(t, rig.Options{Capture: capture.Config{Reader: reader}})
			reader.Graph, reader.real = r.Graph, objectOf(r, settings)
			s := r.Schedule(only(settings))
			for range 2 {
				run := r.Backup(s.ID)
				want(t, r, run, outcome{runs.StatusSuccess, "", backupset.Complete, all(count(r, settings)), 1})
				if !slices.ContainsFunc(r.SetItems(run.BackupSetID), func(i backupset.Item) bool { return i.ExternalID == text && i.Name == text }) {
					t.Error("its id or name did not come back as it was")
				}
				rowsAddUp(t, r, run)
			}
		})
	}
}

func TestAPolicyWithoutAUsableIdMakesItsTypePartial(t *testing.T) {
	for what, id := range map[string]string{"none": "", "a null byte": "a\x00b", "not UTF-8": "a\xff\xfeb"} {
		t.Run(what, func(t *testing.T) {
			reader := &named{id: id, name: "x"}
			r := rig.New(t, rig.Options{Capture: capture.Config{Reader: reader}})
			reader.Graph, reader.real = r.Graph, objectOf(r, settings)
			s := r.Schedule(only(settings))
			n := count(r, settings)
			for range 2 {
				run := r.Backup(s.ID)
				want(t, r, run, outcome{runs.StatusPartial, runs.CodeItemsFailed, backupset.Partial,
					runs.Counts{Total: n, Processed: n, Succeeded: n - 1, Failed: 1}, 1})
				rowsAddUp(t, r, run)
			}
		})
	}
}
