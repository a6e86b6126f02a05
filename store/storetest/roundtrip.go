package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

func recordPromises() []promise {
	return []promise{
		{"times come back in UTC with microseconds, whatever zone they were given in", timesComeBackInUTC},
		{"equal instants of different zones are the same slot", slotsCompareAsInstants},
		{"text of any script comes back as it was given", textComesBack},
		{"nil and empty lists both come back empty", nilAndEmptyLists},
		{"what went in or came out shares no memory with the store", nothingIsShared},
		{"a call whose context has ended writes nothing", endedContextWritesNothing},
	}
}

func timesComeBackInUTC(t *testing.T, f *fixture) {
	zone := time.FixedZone("UTC+05:45", 5*3600+45*60)
	precise := time.Date(2026, time.July, 14, 23, 59, 59, 123456789, zone)
	want := time.Date(2026, time.July, 14, 18, 14, 59, 123456000, time.UTC)

	s := f.newSchedule(contoso, "s")
	s.NextRunAt, s.CreatedAt, s.UpdatedAt = precise, precise, precise
	f.create(s)
	got := must(f.store.GetSchedule(f.ctx, contoso, s.ID))(t)
	same(t, "schedule", []time.Time{got.NextRunAt, got.CreatedAt, got.UpdatedAt}, []time.Time{want, want, want})

	r := f.newBackup(s, precise)
	r.CreatedAt, r.UpdatedAt, r.NotBefore = precise, precise, precise
	e, n := f.entry(contoso, "run.started"), f.notice(precise)
	e.At = precise
	stored, _, err := f.store.CreateRun(f.ctx, contoso, r, runs.Trail{Audit: []runs.AuditEntry{e}, Notifications: []runs.Notification{n}})
	f.ok(err)
	for what, run := range map[string]runs.Run{"run returned by CreateRun": stored, "run stored by CreateRun": f.get(r)} {
		same(t, what, []time.Time{run.ScheduledFor, run.CreatedAt, run.UpdatedAt, run.NotBefore}, []time.Time{want, want, want, want})
	}
	same(t, "audit entry", first(t, f.audit(contoso)).At, want)
	same(t, "notification", first(t, f.inbox(ada.ID, false)).CreatedAt, want)
	read := must(f.store.MarkNotificationRead(f.ctx, contoso, ada.ID, n.ID, later, precise))(t)
	same(t, "time of reading", read.ReadAt, want)

	changed := f.change(r, func(now time.Time, r *runs.Run) {
		claimed(now, r)
		r.StartedAt, r.LeaseUntil, r.AttemptStartedAt = precise, precise, precise
	})
	for what, run := range map[string]runs.Run{"run returned by ChangeRun": changed, "run stored by ChangeRun": f.get(r)} {
		same(t, what, []time.Time{run.StartedAt, run.LeaseUntil, run.AttemptStartedAt}, []time.Time{want, want, want})
	}

	set := f.newSet(changed)
	set.ScheduledFor, set.CreatedAt = precise, precise
	opened := must(f.store.OpenSet(f.ctx, contoso, changed.Lease(), set, runs.Trail{}))(t)
	captured := f.captured(content{t: settings, id: "p1", body: "a"})
	captured.CapturedAt = precise
	f.ok(f.store.SaveCaptured(f.ctx, contoso, changed.Lease(), set.ID, []backupset.Captured{captured}, []runs.Item{f.outcome(captured)}))
	version := first(t, f.versions(contoso, f.policy(contoso, "p1").ID))
	item := first(t, f.setItems(contoso, set.ID))
	same(t, "set, item and version", []time.Time{opened.ScheduledFor, opened.CreatedAt, item.CapturedAt, version.CapturedAt},
		[]time.Time{want, want, want, want})
	held := f.changeSet(opened, func(s *backupset.BackupSet) {
		s.LastVerifiedAt, s.Holds = precise, []backupset.Hold{{Name: "audit", By: ada, At: precise}}
	})
	same(t, "times of a changed set", []time.Time{held.LastVerifiedAt, first(t, held.Holds).At}, []time.Time{want, want})
}

func slotsCompareAsInstants(t *testing.T, f *fixture) {
	s := f.schedule(contoso)
	first := f.start(f.newBackup(s, start))
	f.gives("the same slot in another zone", f.newBackup(s, start.In(time.FixedZone("", -7*3600))), first)
	f.gives("the same slot but for nanoseconds", f.newBackup(s, start.Add(999)), first)
}

func textComesBack(t *testing.T, f *fixture) {
	for _, text := range []string{"Grüße", "備份計劃", "نسخة احتياطية", "👩‍💻 café", "100% of a_b", `a\b 'c' "d"; --`, "line\nbreak\ttab", " blank "} {
		s := f.create(f.newSchedule(contoso, text))
		same(t, "name of a schedule", must(f.store.GetSchedule(f.ctx, contoso, s.ID))(t).Name, text)
		r := f.newRun(contoso)
		r.Actor.Name, r.Key = text, text
		same(t, "run", f.get(f.start(r)), r)
		set := f.newSet(r)
		set.Name = text
		lease := f.claim(r).Lease()
		must(f.store.OpenSet(f.ctx, contoso, lease, set, runs.Trail{}))(t)
		captured := f.captured(content{t: settings, id: "id of " + text, body: text})
		captured.Policy.Name = text
		f.ok(f.store.SaveCaptured(f.ctx, contoso, lease, set.ID, []backupset.Captured{captured}, []runs.Item{f.outcome(captured)}))
		same(t, "name of a set", f.set(set).Name, text)
		item := first(t, f.setItems(contoso, set.ID))
		same(t, "item of a set", []string{item.Name, item.ExternalID}, []string{text, "id of " + text})
		same(t, "name of a policy", f.policy(contoso, "id of "+text).Name, text)
	}
}

func nilAndEmptyLists(t *testing.T, f *fixture) {
	with, without := f.newSchedule(contoso, "a"), f.newSchedule(contoso, "b")
	with.DaysOfWeek, without.DaysOfWeek = []int{}, nil
	with.PolicyTypes, without.PolicyTypes = []graph.PolicyType{}, nil
	for _, s := range []runs.ID{f.create(with).ID, f.create(without).ID} {
		got := must(f.store.GetSchedule(f.ctx, contoso, s))(t)
		if len(got.DaysOfWeek) != 0 || len(got.PolicyTypes) != 0 {
			t.Errorf("schedule: got %+v", got)
		}
	}
	r := f.newRun(contoso)
	r.Params, r.Summary = nil, json.RawMessage{}
	if got := f.get(f.start(r)); len(got.Params) != 0 || len(got.Summary) != 0 {
		t.Errorf("run: got params %q, summary %q", got.Params, got.Summary)
	}
	f.ok(f.store.AppendAudit(f.ctx, contoso, f.entry(contoso, "x")))
	if got := first(t, f.audit(contoso)); len(got.Details) != 0 {
		t.Errorf("audit entry: got %+v", got)
	}
	set := f.manual(contoso).set
	if len(set.Holds) != 0 || len(set.Types) != 0 {
		t.Errorf("set: got %+v", set)
	}
	for what, n := range map[string]int{
		"set items": len(f.setItems(contoso, set.ID)), "run items": len(f.items(contoso, r.ID)), "policies": len(f.policies(contoso)),
	} {
		if n != 0 {
			t.Errorf("%s of an empty store: got %d", what, n)
		}
	}
}

func nothingIsShared(t *testing.T, f *fixture) {
	s, r := f.newSchedule(contoso, "s"), f.newRun(contoso)
	s.DaysOfWeek, r.Params = []int{1, 2}, json.RawMessage(`{"a":1}`)
	f.create(s)
	f.start(r)
	c := f.manual(contoso)
	captured := f.captured(content{t: settings, id: "p1", body: "a"})
	captured.Policy.Warnings = []string{"secrets_masked"}
	f.ok(f.store.SaveCaptured(f.ctx, contoso, c.lease(), c.set.ID, []backupset.Captured{captured}, []runs.Item{f.outcome(captured)}))
	m := manifest(settings, 1)
	f.ok(f.store.SaveManifest(f.ctx, contoso, c.lease(), c.set.ID, m))
	e := f.entry(contoso, "x")
	e.Details = map[string]string{"k": "v"}
	f.ok(f.store.AppendAudit(f.ctx, contoso, e))

	before := f.printed() // values would share memory with a store that shares it
	s.DaysOfWeek[0], s.PolicyTypes[0], captured.Payload[0], m.Pages[0], e.Details["k"] = 9, "x", 'X', 99, "x"
	captured.Policy.Warnings[0] = "x"
	copy(r.Params, `{"b":2}`)
	same(t, "after writing over what was given", f.printed(), before)

	got := must(f.store.GetSchedule(f.ctx, contoso, s.ID))(t)
	overwrite(got.DaysOfWeek, 8)
	overwrite(got.PolicyTypes, "y")
	copy(f.get(r).Params, `{"c":3}`)
	overwrite(first(t, f.setItems(contoso, c.set.ID)).Warnings, "y")
	overwrite(first(t, f.set(c.set).Types).Pages, 98)
	clear(first(t, f.audit(contoso)).Details)
	overwrite(must(f.store.Payload(f.ctx, contoso, f.policy(contoso, "p1").CurrentVersionID))(t), 'Y')
	same(t, "after writing over what came out", f.printed(), before)
}

func overwrite[T any](list []T, with T) {
	for i := range list {
		list[i] = with
	}
}

// printed is a snapshot as text.
func (f *fixture) printed() map[string]any {
	f.Helper()
	rows := f.snapshot()
	for k, v := range rows {
		rows[k] = fmt.Sprintf("%+v", v)
	}
	return rows
}

func endedContextWritesNothing(t *testing.T, f *fixture) {
	r, c := f.start(f.newRun(contoso)), f.manual(contoso)
	s := f.schedule(contoso)
	ended, end := context.WithCancel(f.ctx)
	end()
	f.nothingWritten("calls with an ended context", func() {
		_, _, err := f.store.CreateRun(ended, contoso, f.newRun(contoso), f.trail(contoso, "x"))
		f.ends("CreateRun", err)
		_, _, err = f.store.CreateSetRun(ended, contoso, f.newSetRun(), "x", f.trail(contoso, "x"))
		f.ends("CreateSetRun", err)
		_, err = f.store.CreateBatch(ended, contoso, f.newBatch(contoso, 2), func(int) runs.Notification {
			return batchNotice(f.id(), runs.StatusQueued, start)
		})
		f.ends("CreateBatch", err)
		_, err = f.store.ChangeRun(ended, contoso, r.ID, changing(claimed))
		f.ends("ChangeRun", err)
		_, err = f.store.SaveItems(ended, contoso, c.lease(), []runs.Item{f.newItem("p1", runs.ItemSuccess)}, -1)
		f.ends("SaveItems", err)
		f.ends("AppendAudit", f.store.AppendAudit(ended, contoso, f.entry(contoso, "x")))
		f.ends("CreateSchedule", f.store.CreateSchedule(ended, contoso, f.newSchedule(contoso, "x"), runs.Trail{}))
		captured := f.captured(content{t: settings, id: "p1", body: "a"})
		f.ends("SaveCaptured", f.store.SaveCaptured(ended, contoso, c.lease(), c.set.ID, []backupset.Captured{captured}, []runs.Item{f.outcome(captured)}))
		_, err = f.store.DispatchDue(ended, f.chunk(10))
		f.ends("DispatchDue", err)
		_, err = f.store.ChangeGroup(ended, contoso, s.ID, func(time.Time, []backupset.BackupSet) (backupset.GroupChange, error) {
			return backupset.GroupChange{Trail: f.trail(contoso, "x")}, nil
		})
		f.ends("ChangeGroup", err)
	})
}

// ends fails the test unless the error is that of an ended context.
func (f *fixture) ends(what string, err error) {
	f.Helper()
	if !errors.Is(err, context.Canceled) {
		f.Errorf("%s with an ended context: got error %v, want one that is context.Canceled", what, err)
	}
}
