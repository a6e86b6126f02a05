package runs_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
)

// batchOf asks for n runs with keys of their own.
func batchOf(n int) []runs.BatchStart {
	list := make([]runs.BatchStart, n)
	for i := range list {
		list[i].Request = runs.Request{Kind: kindTest, Key: fmt.Sprint("k", i)}
	}
	return list
}

func beginBatch(t *testing.T, r *rig.Rig, batch []runs.BatchStart) []runs.Started {
	t.Helper()
	started, err := r.Starter.StartBatch(t.Context(), rig.Tenant, rig.Owner, batch)
	if err != nil {
		t.Fatal(err)
	}
	return started
}

// inbox reads the owner's notifications.
func inbox(t *testing.T, r *rig.Rig) []runs.Notification {
	t.Helper()
	page, err := r.Starter.Notifications(t.Context(), rig.Tenant, rig.Owner, false, runs.PageRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return page.Items
}

func TestABatchHasOneNotificationHoweverManyRunsItHas(t *testing.T) {
	m := &mailbox{}
	r := notified(t, m, func(context.Context, *runs.Attempt) error { return nil })
	started := beginBatch(t, r, batchOf(runs.MaxBatch))
	id := started[0].Run.BatchID
	want := runs.Notification{
		ID: id, Recipient: rig.Owner.ID, Kind: kindTest, Status: runs.StatusQueued, Message: "test.kind: queued - 200 runs: 200 queued",
	}
	times := cmpopts.IgnoreFields(runs.Notification{}, "CreatedAt")
	if diff := cmp.Diff([]runs.Notification{want}, inbox(t, r), times); diff != "" {
		t.Errorf("at the start (-want +got):\n%s", diff)
	}
	if _, err := r.Starter.MarkRead(t.Context(), rig.Tenant, rig.Owner, id, time.Time{}); err != nil {
		t.Fatal(err)
	}
	r.Drain()
	want.Status, want.Message = runs.StatusSuccess, "test.kind: success - 200 runs: 200 success"
	if diff := cmp.Diff([]runs.Notification{want}, inbox(t, r), times); diff != "" {
		t.Errorf("at the end (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]runs.Status{runs.StatusQueued, runs.StatusSuccess}, m.statuses()); diff != "" {
		t.Errorf("told to the host (-want +got):\n%s", diff)
	}
}

func TestTheNotificationOfABatchComesWithTheEndOfItsLastRun(t *testing.T) {
	r := rig.New(t, with(func(_ context.Context, a *runs.Attempt) error {
		switch a.Run().Key {
		case "k0":
			return errors.New("does not work")
		case "k1":
			a.Finish(runs.Result{Status: runs.StatusPartial})
		}
		return nil
	}))
	started := beginBatch(t, r, batchOf(4))
	if _, err := r.Starter.Cancel(t.Context(), rig.Tenant, rig.Owner, started[3].Run.ID); err != nil {
		t.Fatal(err)
	}
	for { // one job after the other
		job, found := r.Queue.Take()
		if !found {
			break
		}
		if job.NotBefore.After(r.Clock.Now()) {
			r.Clock.Set(job.NotBefore)
		}
		active, err := r.Starter.Active(t.Context(), rig.Tenant, rig.Owner)
		if err != nil {
			t.Fatal(err)
		}
		if got := inbox(t, r); len(got) != 1 || got[0].Status != runs.StatusQueued || len(active) == 0 {
			t.Errorf("with %d runs at work: %+v", len(active), got)
		}
		if err := r.Runner.Handle(t.Context(), job); err != nil {
			t.Fatal(err)
		}
	}
	got := inbox(t, r)
	if len(got) != 1 || got[0].Status != runs.StatusPartial || got[0].Message != "test.kind: partial - 4 runs: 1 canceled, 1 failed, 1 partial, 1 success" {
		t.Errorf("at the end: %+v", got)
	}
}

func TestABatchIsAsBadAsWhatWasDone(t *testing.T) {
	for keys, want := range map[string]runs.Status{
		"fail fail": runs.StatusFailed, "fail cancel": runs.StatusFailed, "cancel cancel": runs.StatusCanceled, "cancel skip": runs.StatusCanceled,
		"skip skip": runs.StatusSkipped, "fine fail": runs.StatusPartial, "fine skip": runs.StatusPartial, "fine fine": runs.StatusSuccess,
	} {
		t.Run(keys, func(t *testing.T) {
			r := rig.New(t, with(func(_ context.Context, a *runs.Attempt) error {
				switch {
				case strings.HasSuffix(a.Run().Key, "fail"):
					return errors.New("does not work")
				case strings.HasSuffix(a.Run().Key, "skip"):
					a.Finish(runs.Result{Status: runs.StatusSkipped})
				}
				return nil
			}))
			var batch []runs.BatchStart
			for i, key := range strings.Fields(keys) {
				batch = append(batch, runs.BatchStart{Request: runs.Request{Kind: kindTest, Key: fmt.Sprint(i, " ", key)}})
			}
			for _, s := range beginBatch(t, r, batch) {
				if strings.HasSuffix(s.Run.Key, "cancel") {
					if _, err := r.Starter.Cancel(t.Context(), rig.Tenant, rig.Owner, s.Run.ID); err != nil {
						t.Fatal(err)
					}
				}
			}
			r.Drain()
			if got := inbox(t, r); len(got) != 1 || got[0].Status != want {
				t.Errorf("notifications %+v, want one that is %s", got, want)
			}
		})
	}
}

func TestWhatIsWrongWithOneRunOfABatchKeepsNoOtherBack(t *testing.T) {
	r := rig.New(t, with(func(context.Context, *runs.Attempt) error { return errors.New("does not work") }))
	ended := begin(t, r, "ended")
	r.Drain()
	there := begin(t, r, "there")
	batch := append(batchOf(2),
		runs.BatchStart{RetryOf: ended.ID},
		runs.BatchStart{Request: runs.Request{Kind: kindTest, Key: "there"}},
		runs.BatchStart{RetryOf: there.ID},
		runs.BatchStart{RetryOf: "0198d1c2-0000-7000-8000-000000000001"},
		runs.BatchStart{Request: runs.Request{Kind: kindTest}},
		runs.BatchStart{Request: runs.Request{Kind: "test.other", Key: "other"}},
		runs.BatchStart{Request: runs.Request{Kind: kindTest, Key: "set", SetName: "a set"}},
	)
	type outcome struct {
		Batch, Reused bool
		Code          string
		RetryOf       runs.ID
	}
	var got []outcome
	started := beginBatch(t, r, batch)
	for _, s := range started {
		o := outcome{Batch: s.Run.BatchID != "", Reused: s.Reused, RetryOf: s.Run.RetryOf}
		var conflict *runs.ConflictError
		var invalid *runs.InvalidError
		switch {
		case errors.As(s.Err, &conflict):
			o.Code = conflict.Code
		case errors.As(s.Err, &invalid):
			o.Code = invalid.Fields[0].Code
		case errors.Is(s.Err, runs.ErrNotFound):
			o.Code = "not_found"
		case s.Err != nil:
			t.Error(s.Err)
		}
		if (s.Run.ID == "") != (s.Err != nil) {
			t.Errorf("run %q with error %v", s.Run.ID, s.Err)
		}
		got = append(got, o)
	}
	want := []outcome{
		{Batch: true}, {Batch: true}, {Batch: true, RetryOf: ended.ID}, {Reused: true},
		{Code: "run_active"}, {Code: "not_found"}, {Code: "key_length"}, {Code: "kind_mixed"}, {Code: "not_allowed"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	page, err := r.Starter.List(t.Context(), rig.Tenant, rig.Owner, runs.RunFilter{BatchID: started[0].Run.BatchID}, runs.PageRequest{})
	if err != nil || len(page.Items) != 3 {
		t.Errorf("%d runs of the batch, error %v; want the 3 new ones", len(page.Items), err)
	}
}

func TestABatchOfOneIsARunByItself(t *testing.T) {
	r := rig.New(t, with(func(context.Context, *runs.Attempt) error { return errors.New("does not work") }))
	first := beginBatch(t, r, batchOf(1))[0]
	r.Drain()
	again := beginBatch(t, r, []runs.BatchStart{{RetryOf: first.Run.ID}})[0]
	for _, s := range []runs.Started{first, again} {
		if s.Err != nil || s.Run.BatchID != "" {
			t.Errorf("batch %q, error %v", s.Run.BatchID, s.Err)
		}
	}
	for _, n := range inbox(t, r) {
		if n.RunID == "" || n.BatchID() != "" {
			t.Errorf("notification %+v, want it about the run", n)
		}
	}
}

func TestABatchThatIsWrongAsAWholeStartsNothing(t *testing.T) {
	r := rig.New(t, with(func(context.Context, *runs.Attempt) error { return nil }))
	for name, batch := range map[string][]runs.BatchStart{"none": nil, "too many": batchOf(runs.MaxBatch + 1)} {
		_, err := r.Starter.StartBatch(t.Context(), rig.Tenant, rig.Owner, batch)
		var invalid *runs.InvalidError
		if !errors.As(err, &invalid) || invalid.Fields[0].Field != "batch" {
			t.Errorf("%s: error %v, want one that names the batch", name, err)
		}
	}
	started := beginBatch(t, r, []runs.BatchStart{{Request: runs.Request{Kind: kindTest}}, {RetryOf: "x"}})
	if started[0].Err == nil || started[1].Err == nil {
		t.Errorf("no error: %+v", started)
	}
	if list := inbox(t, r); len(list) > 0 {
		t.Errorf("notifications of a batch without a run: %+v", list)
	}
}

func TestWhoMayNotStartARunHasNoneInABatch(t *testing.T) {
	r := rig.New(t, with(func(context.Context, *runs.Attempt) error { return nil }))
	started, err := r.Starter.StartBatch(t.Context(), rig.Tenant, rig.Reader, batchOf(3))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range started {
		if !errors.Is(s.Err, runs.ErrForbidden) {
			t.Errorf("error %v, want ErrForbidden", s.Err)
		}
	}
	if active, err := r.Starter.Active(t.Context(), rig.Tenant, rig.Owner); err != nil || len(active) > 0 {
		t.Errorf("%d runs, error %v", len(active), err)
	}
}
