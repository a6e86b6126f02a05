package rig

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// Types are the policy types that Schedule asks for.
var Types = []graph.PolicyType{"settingsCatalogPolicy", "deviceConfiguration", "conditionalAccessPolicy"}

// Schedule creates a daily schedule at 02:30 in Berlin; edit may change the draft.
func (r *Rig) Schedule(edit func(*backupsched.Draft)) backupsched.Schedule {
	r.TB.Helper()
	d := backupsched.NewDraft()
	d.Name, d.PolicyTypes, d.IncludeFoundations = "Nightly", Types, false
	d.Recurrence = backupsched.Recurrence{Frequency: backupsched.Daily, TimeOfDay: "02:30", Timezone: "Europe/Berlin"}
	if edit != nil {
		edit(&d)
	}
	s, _, err := r.Scheduler.Create(r.TB.Context(), Tenant, Owner, d)
	ok(r.TB, err)
	return s
}

// Backup runs a schedule now and works until nothing is left to do.
func (r *Rig) Backup(schedule runs.ID) runs.Run {
	r.TB.Helper()
	run, _, err := r.Scheduler.RunNow(r.TB.Context(), Tenant, Owner, schedule)
	ok(r.TB, err)
	r.Drain()
	return r.Run(run.ID)
}

// Run reads a run.
func (r *Rig) Run(id runs.ID) runs.Run {
	r.TB.Helper()
	return must(r.Store.GetRun(r.TB.Context(), Tenant, id))(r.TB)
}

// Set reads the backup set of a run.
func (r *Rig) Set(run runs.Run) backupset.BackupSet {
	r.TB.Helper()
	if run.BackupSetID == "" {
		r.TB.Fatalf("run %s (%s %s) has no backup set", run.ID, run.Status, run.ErrorCode)
	}
	return must(r.Store.GetSet(r.TB.Context(), Tenant, run.BackupSetID))(r.TB)
}

// SetItems reads everything in a set.
func (r *Rig) SetItems(set runs.ID) []backupset.Item {
	r.TB.Helper()
	return must(r.Store.ListSetItems(r.TB.Context(), Tenant, set, backupset.SetItemFilter{}, runs.Slice{Limit: 100000}))(r.TB)
}

// Items reads the outcomes of a run.
func (r *Rig) Items(run runs.ID) []runs.Item {
	r.TB.Helper()
	return must(r.Store.ListItems(r.TB.Context(), Tenant, run, runs.ItemFilter{}, runs.Slice{Limit: 100000}))(r.TB)
}

// Audit reads the tenant's audit log, oldest first.
func (r *Rig) Audit() []runs.AuditEntry {
	r.TB.Helper()
	list := must(r.Store.ListAudit(r.TB.Context(), Tenant, runs.AuditFilter{}, runs.Slice{Limit: 100000}))(r.TB)
	slices.Reverse(list)
	return list
}

// Drain handles jobs until none is left, the earliest first, of those the interactive ones,
// and moves the clock to each job's time.
func (r *Rig) Drain() {
	r.TB.Helper()
	for {
		job, found := r.Queue.Take()
		if !found {
			return
		}
		if job.NotBefore.After(r.Clock.Now()) {
			r.Clock.Set(job.NotBefore)
		}
		ok(r.TB, r.Runner.Handle(r.TB.Context(), job))
	}
}

// Queue is a [runs.Queue] that a test drains.
type Queue struct {
	mu   sync.Mutex
	jobs []runs.Job
	Fail error // what Enqueue returns when not nil
}

// Enqueue keeps jobs, also twice.
func (q *Queue) Enqueue(_ context.Context, jobs ...runs.Job) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.Fail != nil {
		return q.Fail
	}
	for _, job := range jobs {
		if job.Back { // behind everything: where it waited it does no longer
			q.jobs = slices.DeleteFunc(q.jobs, func(j runs.Job) bool { return j.TenantID == job.TenantID && j.RunID == job.RunID })
		}
		q.jobs = append(q.jobs, job)
	}
	return nil
}

// Work is not what a rig's queue is for.
func (q *Queue) Work(context.Context, runs.Handler) error {
	return errors.New("rig: drain the queue instead")
}

// Take removes the earliest job, an interactive one if there is one.
func (q *Queue) Take() (runs.Job, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.jobs) == 0 {
		return runs.Job{}, false
	}
	slices.SortStableFunc(q.jobs, func(a, b runs.Job) int {
		if by := a.NotBefore.Compare(b.NotBefore); by != 0 || a.Interactive == b.Interactive {
			return by
		}
		if a.Interactive {
			return -1
		}
		return 1
	})
	job := q.jobs[0]
	q.jobs = slices.Delete(q.jobs, 0, 1)
	return job, true
}

// Jobs returns what waits.
func (q *Queue) Jobs() []runs.Job {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.jobs)
}

// Lose forgets every job, as a restart of an in-process queue does.
func (q *Queue) Lose() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.jobs = nil
}

var _ runs.Queue = (*Queue)(nil)
