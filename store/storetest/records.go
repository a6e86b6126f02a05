package storetest

import (
	"encoding/json"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

var (
	ada = runs.Actor{ID: "ada", Name: "Ada L."}
	bob = runs.Actor{ID: "bob", Name: "Bob"}
)

// newSchedule returns an enabled daily schedule that is due at the suite's start.
func (f *fixture) newSchedule(tenant graph.TenantID, name string) backupsched.Schedule {
	return backupsched.Schedule{
		ID: f.id(), TenantID: tenant, Name: name, Enabled: true,
		Recurrence:        backupsched.Recurrence{Frequency: backupsched.Daily, TimeOfDay: "08:00", Timezone: "UTC"},
		PolicyTypes:       []graph.PolicyType{"settingsCatalogPolicy"},
		RetentionKeepLast: 30, NextRunAt: start, CreatedAt: start, UpdatedAt: start,
	}
}

// create stores a schedule without a trail.
func (f *fixture) create(s backupsched.Schedule) backupsched.Schedule {
	f.Helper()
	f.ok(f.store.CreateSchedule(f.ctx, s.TenantID, s, runs.Trail{}))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.schedules[s.TenantID] = append(f.schedules[s.TenantID], s.ID)
	return s
}

// schedule stores a schedule that any promise can hang its runs on.
func (f *fixture) schedule(tenant graph.TenantID) backupsched.Schedule {
	f.Helper()
	return f.create(f.newSchedule(tenant, "Nightly"))
}

// newRun returns a queued manual run without a schedule. Its key is its own.
func (f *fixture) newRun(tenant graph.TenantID) runs.Run {
	id := f.id()
	return runs.Run{
		ID: id, TenantID: tenant, Kind: runs.KindBackup, Trigger: runs.TriggerManual, Actor: ada,
		Status: runs.StatusQueued, Key: "key of " + string(id), Target: runs.Target{Type: "tenant"},
		Params: json.RawMessage(`{}`), CreatedAt: start, UpdatedAt: start,
	}
}

// newBackup returns a queued backup of a schedule; a zero slot makes a manual one.
func (f *fixture) newBackup(s backupsched.Schedule, slot time.Time) runs.Run {
	r := f.newRun(s.TenantID)
	r.ScheduleID, r.ScheduledFor = s.ID, slot
	r.Target = runs.Target{Type: "schedule", ID: s.ID}
	if !slot.IsZero() {
		r.Trigger, r.Actor = runs.TriggerSchedule, runs.SystemActor
	}
	return r
}

// start stores a run that is new.
func (f *fixture) start(r runs.Run) runs.Run {
	f.Helper()
	stored, created, err := f.store.CreateRun(f.ctx, r.TenantID, r, runs.Trail{})
	f.ok(err)
	if !created || stored.ID != r.ID {
		f.Fatalf("run %s was not created: the store answered with run %s, created %t", r.ID, stored.ID, created)
	}
	return stored
}

// get returns a run as it is stored now.
func (f *fixture) get(r runs.Run) runs.Run {
	f.Helper()
	return must(f.store.GetRun(f.ctx, r.TenantID, r.ID))(f)
}

// change changes a run in a way that has to succeed.
func (f *fixture) change(r runs.Run, edit func(now time.Time, r *runs.Run)) runs.Run {
	f.Helper()
	return must(f.store.ChangeRun(f.ctx, r.TenantID, r.ID, changing(edit)))(f)
}

// changing makes a ChangeFunc without a trail.
func changing(edit func(now time.Time, r *runs.Run)) runs.ChangeFunc {
	return func(now time.Time, current runs.Run, _ runs.Room) (runs.Change, error) {
		edit(now, &current)
		return runs.Change{Run: current}, nil
	}
}

// claimed is how a worker takes a run: it is running under the next token.
func claimed(now time.Time, r *runs.Run) {
	r.Status, r.Attempt, r.LeaseToken = runs.StatusRunning, r.Attempt+1, r.LeaseToken+1
	r.LeaseOwner, r.LeaseUntil, r.UpdatedAt = "worker", now.Add(time.Minute), now
	if r.StartedAt.IsZero() {
		r.StartedAt = now
	}
}

// waiting is how a worker gives a run back.
func waiting(now time.Time, r *runs.Run) {
	r.Status, r.LeaseOwner, r.LeaseUntil, r.UpdatedAt = runs.StatusQueued, "", time.Time{}, now
}

// ended is how a run ends at a time.
func ended(status runs.Status, at time.Time) func(time.Time, *runs.Run) {
	return func(_ time.Time, r *runs.Run) {
		r.Status, r.FinishedAt, r.UpdatedAt = status, at, at
		r.LeaseOwner, r.LeaseUntil = "", time.Time{}
	}
}

// claim makes a stored run running.
func (f *fixture) claim(r runs.Run) runs.Run {
	f.Helper()
	return f.change(r, claimed)
}

// running stores a manual run without a schedule and claims it.
func (f *fixture) running(tenant graph.TenantID) runs.Run {
	f.Helper()
	return f.claim(f.start(f.newRun(tenant)))
}

// finish ends a run, by way of running where it cannot end at once.
func (f *fixture) finish(r runs.Run, status runs.Status, at time.Time) runs.Run {
	f.Helper()
	if !f.get(r).Status.CanBecome(status) {
		f.claim(r)
	}
	return f.change(r, ended(status, at))
}

// newItem returns an item of a run.
func (f *fixture) newItem(policyID string, status runs.ItemStatus) runs.Item {
	i := runs.Item{
		ID: f.id(), PolicyType: "settingsCatalogPolicy", PolicyID: policyID, Name: "name of " + policyID,
		Status: status, Attempt: 1,
	}
	if status != runs.ItemSuccess {
		i.Reason, i.Message = runs.ReasonThrottled, "too many requests"
	}
	return i
}

// entry returns an audit entry of the suite's start.
func (f *fixture) entry(tenant graph.TenantID, action string) runs.AuditEntry {
	return runs.AuditEntry{
		ID: f.id(), At: start, Actor: ada, TenantID: tenant, Action: action,
		Resource: runs.Target{Type: "tenant"}, Outcome: "ok",
	}
}

// notice returns an unread notification for ada.
func (f *fixture) notice(at time.Time) runs.Notification {
	return runs.Notification{
		ID: f.id(), Recipient: ada.ID, Kind: runs.KindBackup,
		Status: runs.StatusSuccess, Message: "backup: success", CreatedAt: at,
	}
}

// trail returns a trail with one entry and one notification.
func (f *fixture) trail(tenant graph.TenantID, action string) runs.Trail {
	return runs.Trail{
		Audit:         []runs.AuditEntry{f.entry(tenant, action)},
		Notifications: []runs.Notification{f.notice(start)},
	}
}

// audit returns a tenant's audit log, oldest first.
func (f *fixture) audit(tenant graph.TenantID) []runs.AuditEntry {
	f.Helper()
	list := must(f.store.ListAudit(f.ctx, tenant, runs.AuditFilter{}, all))(f)
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
	return list
}

// actions returns the actions of a tenant's audit log, oldest first.
func (f *fixture) actions(tenant graph.TenantID) []string {
	f.Helper()
	var actions []string
	for _, e := range f.audit(tenant) {
		actions = append(actions, e.Action)
	}
	return actions
}

// wroteTrail fails the test unless the tenant has exactly these actions in its audit log and
// ada one notification for each.
func (f *fixture) wroteTrail(tenant graph.TenantID, actions ...string) {
	f.Helper()
	same(f, "actions in the audit log", f.actions(tenant), actions)
	n := must(f.store.CountUnread(f.ctx, tenant, ada.ID))(f)
	if n != len(actions) {
		f.Errorf("notifications written: got %d, want %d", n, len(actions))
	}
}
