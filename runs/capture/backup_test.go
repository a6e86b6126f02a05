package capture_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
	"github.com/tenantatlas/tenantbackup/store"
)

const settings, compliance, access = graph.PolicyType("settingsCatalogPolicy"), graph.PolicyType("deviceCompliancePolicy"), graph.PolicyType("conditionalAccessPolicy")

// outcome is what most tests look at.
type outcome struct {
	Status  runs.Status
	Code    runs.Code
	Set     backupset.Status
	Counts  runs.Counts
	Attempt int
}

func outcomeOf(r *rig.Rig, run runs.Run) outcome {
	o := outcome{Status: run.Status, Code: run.ErrorCode, Counts: run.Counts, Attempt: run.Attempt}
	if run.BackupSetID != "" {
		o.Set = r.Set(run).Status
	}
	return o
}

func want(t *testing.T, r *rig.Rig, run runs.Run, w outcome) {
	t.Helper()
	if diff := cmp.Diff(w, outcomeOf(r, run)); diff != "" {
		t.Errorf("outcome (-want +got):\n%s\nmessage: %s", diff, run.ErrorMessage)
		for _, item := range r.Items(run.ID) {
			if item.Status == runs.ItemFailed && w.Counts.Failed == 0 {
				t.Logf("%s %s: %s %s", item.PolicyType, item.PolicyID, item.Reason, item.Message)
			}
		}
	}
}

func all(n int) runs.Counts { return runs.Counts{Total: n, Processed: n, Succeeded: n} }

func summaryOf(t *testing.T, run runs.Run) capture.Summary {
	t.Helper()
	var s capture.Summary
	if err := json.Unmarshal(run.Summary, &s); err != nil {
		t.Fatalf("summary of the run: %v", err)
	}
	return s
}

// count returns how many objects of the types the fake tenant has.
func count(r *rig.Rig, types ...graph.PolicyType) int {
	n := 0
	for key := range r.Graph.Snapshot(rig.Tenant) {
		if slices.Contains(types, key.Type) {
			n++
		}
	}
	return n
}

func only(types ...graph.PolicyType) func(*backupsched.Draft) {
	return func(d *backupsched.Draft) { d.PolicyTypes = types }
}

func sound(t *testing.T, r *rig.Rig) store.CheckReport {
	t.Helper()
	report, err := r.Store.Check(t.Context(), store.CheckOptions{ReadData: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Problems) > 0 {
		t.Errorf("the store is not sound: %+v", report.Problems)
	}
	return report
}

func TestABackupHoldsEveryPolicyByteForByte(t *testing.T) {
	for _, size := range []int{1, 25, 26, 999} {
		t.Run(fmt.Sprintf("pages of %d", size), func(t *testing.T) {
			r := rig.New(t, rig.Options{Policies: 80, Graph: graphtest.Config{PageSize: size, EmptyMiddlePage: true, OverlapPages: size > 1}})
			run := r.Backup(r.Schedule(func(d *backupsched.Draft) { d.IncludeFoundations = true }).ID)
			_, foundations := graphtest.GeneratedTypes()
			n := count(r, append(rig.Types, foundations...)...)
			want(t, r, run, outcome{runs.StatusSuccess, "", backupset.Complete, all(n), 1})
			items := r.SetItems(run.BackupSetID)
			if len(items) != n || n == 0 {
				t.Fatalf("the set holds %d policies, the tenant has %d", len(items), n)
			}
			for _, item := range items {
				got, err := r.Archive.Content(t.Context(), rig.Tenant, rig.Owner, item.VersionID)
				if err != nil {
					t.Fatal(err)
				}
				src, ok := r.Graph.Object(rig.Tenant, item.Type, item.ExternalID)
				if !ok || !bytes.Equal(src.Raw, got.Raw) {
					t.Errorf("%s %s: the raw bytes differ from Graph's", item.Type, item.ExternalID)
				}
				if diff := cmp.Diff(src.Parts, got.Parts, cmp.Comparer(func(a, b json.RawMessage) bool { return bytes.Equal(a, b) })); diff != "" {
					t.Errorf("%s %s: parts (-graph +stored):\n%s", item.Type, item.ExternalID, diff)
				}
			}
			sound(t, r)
		})
	}
}

func TestAnUnchangedTenantStoresNoNewPayload(t *testing.T) {
	r := rig.New(t, rig.Options{})
	s := r.Schedule(nil)
	r.Backup(s.ID)
	before := sound(t, r).Payloads
	if _, err := r.Graph.Touch(rig.Tenant, 100, 9); err != nil { // volatile fields only
		t.Fatal(err)
	}
	run := r.Backup(s.ID)
	want(t, r, run, outcome{runs.StatusSuccess, "", backupset.Complete, all(count(r, rig.Types...)), 1})
	if after := sound(t, r).Payloads; after != before || before == 0 {
		t.Errorf("%d payloads after the second backup, %d after the first", after, before)
	}
}

func TestAChangedPolicyAddsOneVersion(t *testing.T) {
	r := rig.New(t, rig.Options{})
	s := r.Schedule(only(access))
	first := r.Backup(s.ID)
	changed := r.SetItems(first.BackupSetID)[0]
	if err := r.Graph.Change(rig.Tenant, changed.Type, changed.ExternalID, 3); err != nil {
		t.Fatal(err)
	}
	second := r.Backup(s.ID)
	c, err := r.Archive.Compare(t.Context(), rig.Tenant, rig.Reader, first.BackupSetID, second.BackupSetID)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Changed) != 1 || c.Changed[0].ExternalID != changed.ExternalID || len(c.Changed[0].Diff) == 0 ||
		len(c.Added)+len(c.Removed)+len(c.Uncertain) != 0 || c.UnchangedCount != count(r, access)-1 {
		t.Errorf("comparison is %+v, want the one changed policy", c)
	}
	versions, err := r.Archive.Versions(t.Context(), rig.Tenant, rig.Reader, changed.PolicyID, runs.PageRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var numbers []int
	for _, v := range versions.Items {
		numbers = append(numbers, v.Number)
	}
	if diff := cmp.Diff([]int{2, 1}, numbers); diff != "" {
		t.Errorf("versions (-want +got):\n%s", diff)
	}
}

func TestThrottlingIsWaitedOutOnTheClock(t *testing.T) {
	testenv.SlowUnderRace(t)
	date := rig.Start.Add(90 * time.Second).Format(http.TimeFormat)
	for _, tt := range []struct {
		name       string
		kind       graph.Kind
		retryAfter string
		least      time.Duration
	}{
		{"429 with seconds", graph.KindThrottled, "17", 17 * time.Second},
		{"429 with decimal seconds", graph.KindThrottled, "2.128", 2128 * time.Millisecond},
		{"429 with a date", graph.KindThrottled, date, 90 * time.Second},
		{"429 without a word", graph.KindThrottled, "", time.Second},
		{"503", graph.KindUnavailable, "", time.Second},
		{"no answer in time", graph.KindTimeout, "", time.Second},
	} {
		for _, op := range []graphtest.Op{graphtest.OpList, graphtest.OpGet, graphtest.OpItem} {
			t.Run(tt.name+" on "+string(op), func(t *testing.T) {
				r := rig.New(t, rig.Options{Policies: 60})
				s := r.Schedule(nil)
				err := r.Graph.Inject(graphtest.Fault{Op: op, Type: settings, Nth: 1, Err: &graph.Error{Kind: tt.kind}, RetryAfter: tt.retryAfter})
				if err != nil {
					t.Fatal(err)
				}
				run := r.Backup(s.ID)
				want(t, r, run, outcome{runs.StatusSuccess, "", backupset.Complete, all(count(r, rig.Types...)), 2})
				if waited := run.FinishedAt.Sub(run.StartedAt); waited < tt.least {
					t.Errorf("waited %s, want at least %s", waited, tt.least)
				}
				if twice := r.Graph.FetchedTwice(rig.Tenant); len(twice) > 0 && op != graphtest.OpList {
					t.Errorf("fetched again: %v", twice)
				}
				if len(r.Graph.Unfired()) > 0 {
					t.Error("the fault never happened")
				}
				sound(t, r)
			})
		}
	}
}

func TestEndlessThrottlingEndsInTheEnd(t *testing.T) {
	r := rig.New(t, rig.Options{})
	s := r.Schedule(nil)
	if err := r.Graph.Inject(graphtest.Fault{Op: graphtest.OpGet, Times: -1, Err: &graph.Error{Kind: graph.KindThrottled}}); err != nil {
		t.Fatal(err)
	}
	run := r.Backup(s.ID)
	if run.Status != runs.StatusFailed || run.ErrorCode != runs.CodeGraphThrottled || run.Attempt < 3 {
		t.Errorf("the run is %s %s after %d attempts, want failed GRAPH_THROTTLED after several", run.Status, run.ErrorCode, run.Attempt)
	}
}

func TestARunThatGetsOnIsNotGivenUp(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: 400})
	s := r.Schedule(only(settings))
	// Every other call is throttled, far more often than a run may stall in a row.
	var faults []graphtest.Fault
	for i := range 30 {
		faults = append(faults, graphtest.Fault{Op: graphtest.OpGet, Nth: 2*i + 2, Err: &graph.Error{Kind: graph.KindThrottled}})
	}
	r = rig.New(t, rig.Options{Policies: 400, Capture: capture.Config{FetchSize: 2}})
	s = r.Schedule(only(settings))
	if err := r.Graph.Inject(faults...); err != nil {
		t.Fatal(err)
	}
	run := r.Backup(s.ID)
	n := count(r, settings)
	if run.Attempt < 10 {
		t.Errorf("only %d attempts: the faults did not happen", run.Attempt)
	}
	want(t, r, run, outcome{runs.StatusSuccess, "", backupset.Complete, all(n), run.Attempt})
	if twice := r.Graph.FetchedTwice(rig.Tenant); len(twice) > 0 {
		t.Errorf("fetched again: %v", twice)
	}
}

func TestWithoutATokenTheRunFailsAtOnce(t *testing.T) {
	r := rig.New(t, rig.Options{})
	s := r.Schedule(nil)
	if err := r.Graph.Inject(graphtest.Fault{Op: graphtest.OpList, Times: -1, Err: &graph.Error{Kind: graph.KindUnauthorized}}); err != nil {
		t.Fatal(err)
	}
	want(t, r, r.Backup(s.ID), outcome{runs.StatusFailed, runs.CodeGraphUnauthorized, "", runs.Counts{}, 1})
}

func TestATokenLostInTheMiddleKeepsWhatIsThereAsPartial(t *testing.T) {
	r := rig.New(t, rig.Options{})
	s := r.Schedule(nil)
	if err := r.Graph.Inject(graphtest.Fault{Op: graphtest.OpList, Type: access, Err: &graph.Error{Kind: graph.KindUnauthorized}}); err != nil {
		t.Fatal(err)
	}
	run := r.Backup(s.ID)
	n := count(r, rig.Types...) - count(r, access)
	want(t, r, run, outcome{runs.StatusFailed, runs.CodeGraphUnauthorized, backupset.Partial, all(n), 1})
	sound(t, r)
}

func TestAForbiddenTypeIsRecordedAndTheOthersGoOn(t *testing.T) {
	r := rig.New(t, rig.Options{})
	s := r.Schedule(nil)
	if err := r.Graph.Inject(graphtest.Fault{Op: graphtest.OpList, Type: settings, Times: -1, Err: &graph.Error{Kind: graph.KindForbidden}}); err != nil {
		t.Fatal(err)
	}
	run := r.Backup(s.ID)
	n := count(r, rig.Types...) - count(r, settings)
	want(t, r, run, outcome{runs.StatusPartial, runs.CodeGraphForbidden, backupset.Partial,
		runs.Counts{Total: n + 1, Processed: n + 1, Succeeded: n, Failed: 1}, 1})
	got := summaryOf(t, run).TypeBreakdown[settings]
	if diff := cmp.Diff(capture.TypeBreakdown{Forbidden: true}, got); diff != "" {
		t.Errorf("account of the forbidden type (-want +got):\n%s", diff)
	}
	if n := r.Graph.Count(rig.Tenant, graphtest.OpList, settings); n != 1 {
		t.Errorf("the forbidden type was listed %d times", n)
	}
	sound(t, r)
}

func TestOnlyWhenEverythingIsForbiddenTheRunFails(t *testing.T) {
	r := rig.New(t, rig.Options{})
	s := r.Schedule(nil)
	if err := r.Graph.Inject(graphtest.Fault{Op: graphtest.OpList, Times: -1, Err: &graph.Error{Kind: graph.KindForbidden}}); err != nil {
		t.Fatal(err)
	}
	want(t, r, r.Backup(s.ID), outcome{runs.StatusFailed, runs.CodeGraphForbidden, "", runs.Counts{Total: 3, Processed: 3, Failed: 3}, 1})
}

func TestOneBadPolicyOfThreeHundredIsPartialWithTheOthersCaptured(t *testing.T) {
	testenv.SlowUnderRace(t)
	for _, tt := range []struct {
		name   string
		fault  graphtest.Fault
		reason runs.Reason
	}{
		{"its item fails", graphtest.Fault{Op: graphtest.OpItem, Err: &graph.Error{Kind: graph.KindInvalid}}, runs.ReasonInvalidPayload},
		{"it is incomplete", graphtest.Fault{Op: graphtest.OpItem, Err: &graph.Error{Kind: graph.KindIncomplete}}, runs.ReasonIncompleteCapture},
		{"it takes its whole call down", graphtest.Fault{Op: graphtest.OpGet, Err: &graph.Error{Kind: graph.KindInternal}}, runs.ReasonInternal},
		{"it breaks the call in the middle", graphtest.Fault{Op: graphtest.OpItem, FailCall: true, Err: &graph.Error{Kind: graph.KindInternal}}, runs.ReasonInternal},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := rig.New(t, rig.Options{Policies: -1})
			if err := r.Graph.AddTenant("source", graphtest.TenantConfig{Seed: 5, Policies: 300, Types: []graph.PolicyType{settings}, Foundations: -1}); err != nil {
				t.Fatal(err)
			}
			var bad string
			for key, p := range r.Graph.Snapshot("source") {
				if err := r.Graph.Put(rig.Tenant, p); err != nil {
					t.Fatal(err)
				}
				bad = key.ID
			}
			tt.fault.ID, tt.fault.Times = bad, -1
			if err := r.Graph.Inject(tt.fault); err != nil {
				t.Fatal(err)
			}
			run := r.Backup(r.Schedule(only(settings)).ID)
			want(t, r, run, outcome{runs.StatusPartial, runs.CodeItemsFailed, backupset.Partial,
				runs.Counts{Total: 300, Processed: 300, Succeeded: 299, Failed: 1}, 1})
			i := slices.IndexFunc(r.Items(run.ID), func(i runs.Item) bool { return i.Status == runs.ItemFailed })
			if item := r.Items(run.ID)[i]; item.PolicyID != bad || item.Reason != tt.reason {
				t.Errorf("the failed item is %+v, want %s with %s", item, bad, tt.reason)
			}
			if len(r.SetItems(run.BackupSetID)) != 299 {
				t.Error("the set does not hold the 299 others")
			}
			sound(t, r)
		})
	}
}

func TestAPolicyDeletedBetweenListAndGetIsSkipped(t *testing.T) {
	r := rig.New(t, rig.Options{})
	s := r.Schedule(only(settings))
	if err := r.Graph.Inject(graphtest.Fault{Op: graphtest.OpItem, Nth: 3, Err: &graph.Error{Kind: graph.KindNotFound}}); err != nil {
		t.Fatal(err)
	}
	n := count(r, settings)
	want(t, r, r.Backup(s.ID), outcome{runs.StatusSuccess, "", backupset.Complete,
		runs.Counts{Total: n, Processed: n, Succeeded: n - 1, Skipped: 1}, 1})
}

func TestATruncatedListingIsNeitherSuccessNorADeletion(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: 200, Graph: graphtest.Config{PageSize: 5}})
	s := r.Schedule(only(settings))
	first := r.Backup(s.ID)
	if err := r.Graph.Inject(graphtest.Fault{Op: graphtest.OpList, Times: -1, TruncateAfterPages: 2}); err != nil {
		t.Fatal(err)
	}
	second := r.Backup(s.ID)
	if second.Status != runs.StatusPartial || r.Set(second).Status != backupset.Partial {
		t.Errorf("the run is %s with a %s set, want partial", second.Status, r.Set(second).Status)
	}
	c, err := r.Archive.Compare(t.Context(), rig.Tenant, rig.Owner, first.BackupSetID, second.BackupSetID)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Removed) != 0 || len(c.Uncertain) != count(r, settings)-10 {
		t.Errorf("%d removed and %d uncertain, want none removed", len(c.Removed), len(c.Uncertain))
	}
	gone := true
	list, err := r.Archive.Policies(t.Context(), rig.Tenant, rig.Owner, backupset.PolicyFilter{Gone: &gone}, runs.PageRequest{})
	if err != nil || len(list.Items) != 0 {
		t.Errorf("%d policies are marked as gone (error %v)", len(list.Items), err)
	}
	sound(t, r)
}

func TestACompleteListingMarksWhatIsGone(t *testing.T) {
	r := rig.New(t, rig.Options{})
	s := r.Schedule(only(access))
	first := r.Backup(s.ID)
	item := r.SetItems(first.BackupSetID)[0]
	if err := r.Graph.Delete(rig.Tenant, item.Type, item.ExternalID); err != nil {
		t.Fatal(err)
	}
	second := r.Backup(s.ID)
	p, err := r.Archive.Policy(t.Context(), rig.Tenant, rig.Owner, item.PolicyID)
	if err != nil || p.GoneSince.IsZero() {
		t.Errorf("the deleted policy is %+v (error %v), want it gone", p, err)
	}
	c, err := r.Archive.Compare(t.Context(), rig.Tenant, rig.Owner, first.BackupSetID, second.BackupSetID)
	if err != nil || len(c.Removed) != 1 || c.Removed[0].ExternalID != item.ExternalID {
		t.Errorf("removed is %+v (error %v), want the deleted policy", c.Removed, err)
	}
}

func TestUnknownPolicyTypes(t *testing.T) {
	r := rig.New(t, rig.Options{})
	start := func(types ...graph.PolicyType) runs.Run {
		run, _, err := r.Starter.Start(t.Context(), rig.Tenant, rig.Owner, runs.Request{
			Kind: runs.KindBackup, Key: fmt.Sprint("k", types), Params: runs.BackupParams{Name: "x", PolicyTypes: types}.JSON(),
		})
		if err != nil {
			t.Fatal(err)
		}
		r.Drain()
		return r.Run(run.ID)
	}
	t.Run("one known type left is partial", func(t *testing.T) {
		run := start(access, "fromTheFuture")
		want(t, r, run, outcome{runs.StatusPartial, runs.CodeUnknownPolicyType, backupset.Partial, all(count(r, access)), 1})
		if diff := cmp.Diff([]graph.PolicyType{"fromTheFuture"}, summaryOf(t, run).UnknownPolicyTypes); diff != "" {
			t.Errorf("unknown types (-want +got):\n%s", diff)
		}
	})
	t.Run("none left is skipped without a set", func(t *testing.T) {
		run := start("fromTheFuture", "groupReference")
		want(t, r, run, outcome{runs.StatusSkipped, runs.CodeUnknownPolicyType, "", runs.Counts{}, 1})
	})
}

func TestFilesLoadedFromAFolderComeBackByteForByte(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	n, err := r.Graph.LoadDir(rig.Tenant, "../../graph/graphtest/testdata/export")
	if err != nil || n == 0 {
		t.Fatalf("loaded %d files: %v", n, err)
	}
	run := loadedComeBack(t, r)
	// One of the files has fewer settings than it announces.
	want(t, r, run, outcome{runs.StatusPartial, runs.CodeItemsFailed, backupset.Partial,
		runs.Counts{Total: n, Processed: n, Succeeded: n - 1, Failed: 1}, 1})
	i := slices.IndexFunc(r.Items(run.ID), func(i runs.Item) bool { return i.Status == runs.ItemFailed })
	if item := r.Items(run.ID)[i]; item.Reason != runs.ReasonIncompleteCapture {
		t.Errorf("the failed item is %+v, want incomplete_capture", item)
	}
}

func TestRealExportsComeBackByteForByte(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	n, err := r.Graph.LoadDir(rig.Tenant, filepath.Join(testenv.Data(t), "real-tenant"))
	if err != nil || n == 0 {
		t.Fatalf("loaded %d files: %v", n, err)
	}
	run := loadedComeBack(t, r)
	want(t, r, run, outcome{runs.StatusSuccess, "", backupset.Complete, all(n), 1})
}

// loadedComeBack backs everything in the fake tenant up and compares it with its source.
func loadedComeBack(t *testing.T, r *rig.Rig) runs.Run {
	t.Helper()
	var types []graph.PolicyType
	source := r.Graph.Snapshot(rig.Tenant)
	for key := range source {
		if !slices.Contains(types, key.Type) {
			types = append(types, key.Type)
		}
	}
	run := r.Backup(r.Schedule(only(types...)).ID)
	for _, item := range r.SetItems(run.BackupSetID) {
		got, err := r.Archive.Content(t.Context(), rig.Tenant, rig.Owner, item.VersionID)
		if err != nil {
			t.Fatal(err)
		}
		src := source[graphtest.Key{Type: item.Type, ID: item.ExternalID}]
		if !bytes.Equal(src.Raw, got.Raw) {
			t.Errorf("%s %s does not come back byte for byte", item.Type, item.Name)
		}
	}
	sound(t, r)
	return run
}

func TestNegativeConfigIsRefusedByField(t *testing.T) {
	_, err := capture.New(capture.Config{FetchSize: -1})
	var invalid *runs.InvalidError
	if !errors.As(err, &invalid) {
		t.Fatalf("error is %v, want *InvalidError", err)
	}
	var fields []string
	for _, f := range invalid.Fields {
		fields = append(fields, f.Field)
	}
	if diff := cmp.Diff([]string{"reader", "store", "fetch_size"}, fields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

// Trying again reads the same parameters.
func TestARunWithUnreadableParametersFailsAtOnce(t *testing.T) {
	for _, kind := range []runs.Kind{runs.KindBackup, runs.KindPolicySync} {
		r := rig.New(t, rig.Options{})
		run, _, err := r.Starter.Start(t.Context(), rig.Tenant, rig.Owner, runs.Request{Kind: kind, Key: "k", Params: []byte(`"no object"`)})
		if err != nil {
			t.Fatal(err)
		}
		r.Drain()
		want(t, r, r.Run(run.ID), outcome{runs.StatusFailed, runs.CodeInternal, "", runs.Counts{}, 1})
	}
}
