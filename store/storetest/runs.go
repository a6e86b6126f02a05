package storetest

import (
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
)

func runPromises() []promise {
	return append([]promise{
		{"a created run comes back as it was given, with its trail", createdRunComesBack},
		{"a second start with the key of an active run gives that run", secondStartWithTheKey},
		{"a key is free again once its run has ended", keyIsFreeAfterTheEnd},
		{"a key belongs to one tenant", keyBelongsToATenant},
		{"a slot has one run for ever", slotHasOneRunForEver},
		{"slots are those of one schedule", slotsAreOfOneSchedule},
		{"runs without a slot are not kept apart by it", runsWithoutSlot},
		{"starts at once with one key give one run", startsAtOnceWithOneKey},
		{"starts at once for one slot give one run", startsAtOnceForOneSlot},
		{"a run id that exists is an error and nothing is written", runIDThatExists},
		{"a run that nobody has is not found", unknownRunIsNotFound},
		{"runs are found by kind, status, trigger, schedule and time", runsAreFound},
	}, changePromises()...)
}

func createdRunComesBack(t *testing.T, f *fixture) {
	s := f.schedule(contoso)
	failed := f.finish(f.start(f.newBackup(s, time.Time{})), runs.StatusFailed, start)
	r := runs.Run{
		ID: f.id(), TenantID: contoso, Kind: runs.KindBackup, Trigger: runs.TriggerRetry, Actor: bob,
		Status: runs.StatusQueued, Key: "retry:" + string(failed.ID), ScheduleID: s.ID,
		ScheduledFor: start.Add(time.Minute), Target: runs.Target{Type: "schedule", ID: s.ID},
		RetryOf: failed.ID, Params: json.RawMessage(`{"types":["a","b"],"limit":12345678901234567890}`),
		CreatedAt: start.Add(time.Second), UpdatedAt: start.Add(2 * time.Second), NotBefore: start.Add(time.Hour),
		BatchID: f.id(),
	}
	stored, created, err := f.store.CreateRun(f.ctx, contoso, r, f.trail(contoso, "run.retried"))
	f.ok(err)
	if !created {
		t.Error("created: got false, want true")
	}
	same(t, "run returned", stored, r)
	same(t, "run stored", f.get(r), r)
	f.wroteTrail(contoso, "run.retried")
}

// gives fails the test unless starting r gives the run that is there already.
func (f *fixture) gives(what string, r, existing runs.Run) {
	f.Helper()
	f.nothingWritten(what, func() {
		stored, created, err := f.store.CreateRun(f.ctx, r.TenantID, r, f.trail(r.TenantID, "run.started"))
		f.ok(err)
		if created {
			f.Errorf("%s: created is true", what)
		}
		same(f, what, stored, existing)
	})
}

func secondStartWithTheKey(t *testing.T, f *fixture) {
	first := f.start(f.newRun(contoso))
	second := f.newRun(contoso)
	second.Key = first.Key
	f.gives("while the first is queued", second, first)
	first = f.claim(first)
	f.gives("while the first is running", second, first)
	first = f.change(first, waiting)
	f.gives("while the first waits for a retry", second, first)
}

func keyIsFreeAfterTheEnd(t *testing.T, f *fixture) {
	first := f.start(f.newRun(contoso))
	for _, status := range []runs.Status{runs.StatusSuccess, runs.StatusPartial, runs.StatusFailed, runs.StatusCanceled, runs.StatusSkipped} {
		f.finish(first, status, start)
		next := f.newRun(contoso)
		next.Key = first.Key
		if got := f.start(next); got.ID == first.ID {
			t.Errorf("after %s: the ended run was given", status)
		}
		first = next
	}
}

func keyBelongsToATenant(t *testing.T, f *fixture) {
	first := f.start(f.newRun(contoso))
	second := f.newRun(fabrikam)
	second.Key = first.Key
	f.start(second)
}

func slotHasOneRunForEver(t *testing.T, f *fixture) {
	s := f.schedule(contoso)
	first := f.start(f.newBackup(s, start))
	again := f.newBackup(s, start)
	f.gives("while the first is queued", again, first)
	first = f.finish(first, runs.StatusSuccess, start)
	f.gives("after the first has ended", again, first)
	missed := f.newBackup(s, start)
	missed.Status, missed.FinishedAt = runs.StatusSkipped, start
	f.gives("for a skipped run", missed, first)
}

func slotsAreOfOneSchedule(t *testing.T, f *fixture) {
	f.start(f.newBackup(f.schedule(contoso), start))
	f.start(f.newBackup(f.schedule(contoso), start))
	f.start(f.newBackup(f.schedule(fabrikam), start))
}

func runsWithoutSlot(t *testing.T, f *fixture) {
	s := f.schedule(contoso)
	f.start(f.newBackup(s, time.Time{}))
	f.start(f.newBackup(s, time.Time{}))
	f.start(f.newRun(contoso))
	f.start(f.newRun(contoso))
}

func startsAtOnceWithOneKey(t *testing.T, f *fixture) {
	f.oneWins(func() runs.Run {
		r := f.newRun(contoso)
		r.Key = "one key"
		return r
	})
}

func startsAtOnceForOneSlot(t *testing.T, f *fixture) {
	s := f.schedule(contoso)
	f.oneWins(func() runs.Run { return f.newBackup(s, start) })
}

// oneWins starts runs at once that are all for the same and fails the test unless exactly
// one is created, with its trail, and everybody is given that one.
func (f *fixture) oneWins(newRun func() runs.Run) {
	f.Helper()
	var mu sync.Mutex
	var failed error
	winners, given := 0, map[runs.ID]bool{}
	atOnce(crowd, func(int) {
		r := newRun()
		stored, created, err := f.store.CreateRun(f.ctx, contoso, r, f.trail(contoso, "run.started"))
		mu.Lock()
		defer mu.Unlock()
		failed = errors.Join(failed, err)
		given[stored.ID] = true
		if created {
			winners++
		}
	})
	f.ok(failed)
	if winners != 1 || len(given) != 1 {
		f.Errorf("%d starts at once: %d created, %d different runs given; want 1 and 1", crowd, winners, len(given))
	}
	if list := must(f.store.ListRuns(f.ctx, contoso, runs.RunFilter{}, all))(f); len(list) != 1 {
		f.Errorf("runs stored: got %d, want 1", len(list))
	}
	f.wroteTrail(contoso, "run.started")
}

func runIDThatExists(t *testing.T, f *fixture) {
	r := f.start(f.newRun(contoso))
	again := f.newRun(contoso)
	again.ID = r.ID
	f.nothingWritten("another run with the id", func() {
		if _, created, err := f.store.CreateRun(f.ctx, contoso, again, f.trail(contoso, "x")); err == nil {
			t.Errorf("no error, created %t", created)
		}
	})
}

func unknownRunIsNotFound(t *testing.T, f *fixture) {
	_, err := f.store.GetRun(f.ctx, contoso, nobody)
	f.wants("GetRun", err, runs.ErrNotFound)
	_, err = f.store.ChangeRun(f.ctx, contoso, nobody, func(_ time.Time, r runs.Run, _ runs.Room) (runs.Change, error) {
		t.Error("change was asked about a run that nobody has")
		return runs.Change{Run: r}, nil
	})
	f.wants("ChangeRun", err, runs.ErrNotFound)
	_, err = f.store.ListItems(f.ctx, contoso, nobody, runs.ItemFilter{}, all)
	f.wants("ListItems", err, runs.ErrNotFound)
}

func runsAreFound(t *testing.T, f *fixture) {
	s := f.schedule(contoso)
	slot := f.start(f.newBackup(s, start))
	manual := f.newBackup(s, time.Time{})
	manual.CreatedAt = start.Add(time.Hour)
	manual = f.finish(f.start(manual), runs.StatusFailed, start)
	sync := f.newRun(contoso)
	sync.Kind, sync.Trigger, sync.CreatedAt = runs.KindPolicySync, runs.TriggerSystem, start.Add(2*time.Hour)
	f.start(sync)
	tidy := f.newRun(contoso)
	tidy.Kind, tidy.Trigger, tidy.CreatedAt = runs.KindRetentionApply, runs.TriggerSystem, start.Add(3*time.Hour)
	tidy = f.finish(f.start(tidy), runs.StatusSuccess, start)
	for what, c := range map[string]struct {
		filter runs.RunFilter
		want   []runs.ID // newest first
	}{
		"everything":     {runs.RunFilter{}, []runs.ID{tidy.ID, sync.ID, manual.ID, slot.ID}},
		"kind":           {runs.RunFilter{Kinds: []runs.Kind{runs.KindPolicySync}}, []runs.ID{sync.ID}},
		"kinds":          {runs.RunFilter{Kinds: []runs.Kind{runs.KindPolicySync, runs.KindBackup}}, []runs.ID{sync.ID, manual.ID, slot.ID}},
		"status":         {runs.RunFilter{Statuses: []runs.Status{runs.StatusQueued}}, []runs.ID{sync.ID, slot.ID}},
		"statuses":       {runs.RunFilter{Statuses: []runs.Status{runs.StatusFailed, runs.StatusSuccess}}, []runs.ID{tidy.ID, manual.ID}},
		"trigger":        {runs.RunFilter{Triggers: []runs.Trigger{runs.TriggerSchedule}}, []runs.ID{slot.ID}},
		"schedule":       {runs.RunFilter{ScheduleID: s.ID}, []runs.ID{manual.ID, slot.ID}},
		"ids":            {runs.RunFilter{IDs: []runs.ID{slot.ID, nobody, sync.ID}}, []runs.ID{sync.ID, slot.ID}},
		"id of a status": {runs.RunFilter{IDs: []runs.ID{slot.ID, manual.ID}, Statuses: []runs.Status{runs.StatusFailed}}, []runs.ID{manual.ID}},
		"other schedule": {runs.RunFilter{ScheduleID: nobody}, nil},
		"from":           {runs.RunFilter{From: start.Add(time.Hour)}, []runs.ID{tidy.ID, sync.ID, manual.ID}},
		"to":             {runs.RunFilter{To: start.Add(time.Hour)}, []runs.ID{slot.ID}},
		"from and to":    {runs.RunFilter{From: start.Add(time.Hour), To: start.Add(2 * time.Hour)}, []runs.ID{manual.ID}},
		"except the successful of a kind": {
			runs.RunFilter{ExceptSuccessOf: []runs.Kind{runs.KindRetentionApply, runs.KindRetentionApply}}, []runs.ID{sync.ID, manual.ID, slot.ID},
		},
		"except the successful of kinds without any": {
			runs.RunFilter{ExceptSuccessOf: []runs.Kind{runs.KindBackup, runs.KindPolicySync}}, []runs.ID{tidy.ID, sync.ID, manual.ID, slot.ID},
		},
		"a kind except its successful ones": {
			runs.RunFilter{Kinds: []runs.Kind{runs.KindRetentionApply, runs.KindPolicySync}, ExceptSuccessOf: []runs.Kind{runs.KindRetentionApply}}, []runs.ID{sync.ID},
		},
		"together": {runs.RunFilter{ScheduleID: s.ID, Statuses: []runs.Status{runs.StatusFailed}, Kinds: []runs.Kind{runs.KindPolicySync}}, nil},
	} {
		var got []runs.ID
		for _, r := range must(f.store.ListRuns(f.ctx, contoso, c.filter, all))(t) {
			got = append(got, r.ID)
		}
		same(t, what, got, c.want)
	}
}
