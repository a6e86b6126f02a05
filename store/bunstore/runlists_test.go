package bunstore_test

import (
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/runs"
)

// A list of runs may be put together of parts that several indexes give. Whatever the filter, its
// pages are the runs that fit, newest first, each of them once.
func TestEveryFilterOfRunsGivesWhatFitsPageByPage(t *testing.T) {
	s, _ := fullStore(t)
	all, err := s.ListRuns(t.Context(), "contoso", runs.RunFilter{}, runs.Slice{Limit: 200})
	if err != nil || len(all) < 5 {
		t.Fatalf("%d runs, error %v", len(all), err)
	}
	kinds := [][]runs.Kind{nil, {runs.KindBackup}, {runs.KindPolicySync}, {runs.KindRestoreExecute, runs.KindRestorePreview}, {runs.KindBackup, runs.KindSetVerify}}
	statuses := [][]runs.Status{nil, {runs.StatusQueued}, {runs.StatusSuccess}, {runs.StatusSuccess, runs.StatusQueued}, {runs.StatusSuccess, runs.StatusFailed, runs.StatusSuccess},
		{runs.StatusRunning, runs.StatusSkipped, runs.StatusFailed}, runs.Statuses()}
	triggers := [][]runs.Trigger{nil, {runs.TriggerManual}, {runs.TriggerSchedule}, {runs.TriggerRetry, runs.TriggerManual}, {runs.TriggerSystem, runs.TriggerSchedule}}
	schedule := all[slices.IndexFunc(all, func(r runs.Run) bool { return r.ScheduleID != "" })].ScheduleID
	found := 0
	for _, k := range kinds {
		for _, st := range statuses {
			for _, tr := range triggers {
				for _, of := range []runs.RunFilter{{}, {ScheduleID: schedule}, {ExceptSuccessOf: []runs.Kind{runs.KindBackup, runs.KindSetVerify}}} {
					f, id, except := of, of.ScheduleID, of.ExceptSuccessOf
					f.Kinds, f.Statuses, f.Triggers = k, st, tr
					var want, got []runs.ID
					for _, r := range all {
						if (k == nil || slices.Contains(k, r.Kind)) && (st == nil || slices.Contains(st, r.Status)) && (tr == nil || slices.Contains(tr, r.Trigger)) && (id == "" || r.ScheduleID == id) &&
							(r.Status != runs.StatusSuccess || !slices.Contains(except, r.Kind)) {
							want = append(want, r.ID)
						}
					}
					slice := runs.Slice{Limit: 2}
					for {
						page, err := s.ListRuns(t.Context(), "contoso", f, slice)
						if err != nil {
							t.Fatal(err)
						}
						if len(page) > slice.Limit+1 {
							t.Fatalf("%+v: %d runs, want one more than %d at most", f, len(page), slice.Limit)
						}
						for _, r := range page[:min(len(page), slice.Limit)] {
							got = append(got, r.ID)
							slice.After = runs.Keyset{Key: strconv.FormatInt(r.CreatedAt.UnixMicro(), 10), ID: r.ID}
						}
						if len(page) <= slice.Limit {
							break
						}
					}
					found += len(got)
					if d := cmp.Diff(want, got); d != "" {
						t.Errorf("%+v (-want +got):\n%s", f, d)
					}
				}
			}
		}
	}
	if found < 100 {
		t.Errorf("only %d runs were found by all filters together, so little is shown", found)
	}
}
