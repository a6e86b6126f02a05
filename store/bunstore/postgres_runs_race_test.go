package bunstore_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/store"
	"github.com/tenantatlas/tenantbackup/store/pgstore"
)

// The tests of this file let callers meet on a real server, over two stores. Each repeats
// its meeting often enough to fail when the protection that it is about is taken away.

// queued is a run that waits.
func (w *worker) queued(key string) runs.Run {
	return runs.Run{
		ID: w.id(), Kind: runs.KindPolicySync, Trigger: runs.TriggerManual, Actor: runs.SystemActor, Status: runs.StatusQueued,
		Key: key, Target: runs.Target{Type: "tenant"}, CreatedAt: w.now, UpdatedAt: w.now,
	}
}

// claim is what a worker makes of a run that it takes.
func claim(now time.Time, r runs.Run) runs.Run {
	r.Status, r.StartedAt, r.UpdatedAt = runs.StatusRunning, now, now
	r.Attempt++
	r.LeaseToken++
	r.LeaseOwner, r.LeaseUntil = "worker", now.Add(time.Minute)
	return r
}

func end(now time.Time, r runs.Run) runs.Run {
	r.Status, r.FinishedAt, r.UpdatedAt, r.LeaseOwner, r.LeaseUntil = runs.StatusSuccess, now, now, "", time.Time{}
	return r
}

// to changes a run in one way, with a line in the audit log.
func (w *worker) to(s store.Store, id runs.ID, change func(now time.Time, r runs.Run) runs.Run) error {
	_, err := s.ChangeRun(w.Context(), w.tenant, id, func(now time.Time, r runs.Run, _ runs.Room) (runs.Change, error) {
		return runs.Change{Run: change(now, r), Trail: w.trail("run.changed", id)}, nil
	})
	return err
}

func TestPostgresMakesOneRunOfOneKey(t *testing.T) {
	p := newPair(t, pgstore.Options{})
	w := newWorker(t, p.two[0], "contoso", 2)
	for round := range 15 {
		created := make([]bool, crowd)
		got := make([]runs.ID, crowd)
		p.allOK(p.atOnce(crowd, func(s store.Store, i int) error {
			r, c, err := s.CreateRun(t.Context(), w.tenant, w.queued(fmt.Sprint("key ", round)), w.trail("run.created", ""))
			created[i], got[i] = c, r.ID
			return err
		}))
		n := 0
		for i := range got {
			if created[i] {
				n++
			}
			if got[i] != got[0] {
				t.Errorf("two callers got two runs: %s and %s", got[0], got[i])
			}
		}
		if n != 1 {
			t.Errorf("%d callers made the run", n)
		}
	}
	p.sound()
}

// TestPostgresFreesAKeyWhileItIsTaken: the run that has the key ends at the very moment. Then
// the caller gets that run, or makes a new one, but is not told that its id exists.
func TestPostgresFreesAKeyWhileItIsTaken(t *testing.T) {
	p := newPair(t, pgstore.Options{})
	w := newWorker(t, p.two[0], "contoso", 2)
	for range 30 {
		old, _, err := w.store.CreateRun(t.Context(), w.tenant, w.queued("key"), runs.Trail{})
		p.ok(err)
		p.allOK(p.atOnce(crowd, func(s store.Store, i int) error {
			if i == 0 {
				return w.to(s, old.ID, end)
			}
			_, _, err := s.CreateRun(t.Context(), w.tenant, w.queued("key"), runs.Trail{})
			return err
		}))
	}
	p.sound()
}

func TestPostgresLetsOneRunOfAScheduleRun(t *testing.T) {
	p := newPair(t, pgstore.Options{})
	w := newWorker(t, p.two[0], "contoso", 2)
	for range 12 {
		sched := w.schedule()
		var ids []runs.ID
		for range crowd {
			r := w.queued("")
			r.Kind, r.ScheduleID, r.Key = runs.KindBackup, sched.ID, string(r.ID)
			_, _, err := w.store.CreateRun(t.Context(), w.tenant, r, runs.Trail{})
			p.ok(err)
			ids = append(ids, r.ID)
		}
		errs := p.atOnce(crowd, func(s store.Store, i int) error { return w.to(s, ids[i], claim) })
		p.oneOf(errs, 1)
		p.want("SELECT count(*)::text FROM tb_runs WHERE status = 'running' AND schedule_id = '"+string(sched.ID)+"'", "1")
	}
	p.sound()
}

var errNoLane = errors.New("no lane is free")

// oneOf wants that so many callers got through and all others were told to come again.
func (p *pair) oneOf(errs []error, want int) {
	p.Helper()
	through := 0
	for i, err := range errs {
		switch {
		case err == nil:
			through++
		case !errors.Is(err, runs.ErrBusy) && !errors.Is(err, errNoLane):
			p.Errorf("caller %d: got %v, want %v", i, err, runs.ErrBusy)
		}
	}
	if through < 1 || through > want {
		p.Errorf("%d callers got through, want 1 to %d", through, want)
	}
}

func TestPostgresNeverFillsMoreLanesThanThereAre(t *testing.T) {
	const lanes = 3
	p := newPair(t, pgstore.Options{})
	w := newWorker(t, p.two[0], "contoso", 2)
	for range 10 {
		var ids []runs.ID
		for range crowd {
			r := w.queued("")
			r.Key = string(r.ID)
			_, _, err := w.store.CreateRun(t.Context(), w.tenant, r, runs.Trail{})
			p.ok(err)
			ids = append(ids, r.ID)
		}
		errs := p.atOnce(crowd, func(s store.Store, i int) error {
			_, err := s.ChangeRun(t.Context(), w.tenant, ids[i], func(now time.Time, r runs.Run, room runs.Room) (runs.Change, error) {
				room.Ahead = 0 // else nearly all would stand back by themselves
				if r.Lane = room.Lane(lanes, rand.Float64()); r.Lane == 0 {
					return runs.Change{}, errNoLane
				}
				lane := r.Lane
				r = claim(now, r)
				r.Lane = lane
				return runs.Change{Run: r, Trail: w.trail("run.started", r.ID)}, nil
			})
			return err
		})
		p.oneOf(errs, lanes)
		p.want("SELECT 'two runs in lane ' || lane FROM tb_runs WHERE status = 'running' GROUP BY lane HAVING count(*) > 1")
		p.empty()
	}
	p.sound()
}

// TestPostgresLosesNoChangeOfARun: items, heartbeats and requests to cancel meet.
func TestPostgresLosesNoChangeOfARun(t *testing.T) {
	p := newPair(t, pgstore.Options{})
	w := newWorker(t, p.two[0], "contoso", 2)
	run := w.claimed(w.schedule())
	const each = 8
	p.allOK(p.atOnce(crowd, func(s store.Store, i int) error {
		for n := range each {
			var err error
			if i%4 < 2 {
				_, err = s.SaveItems(t.Context(), w.tenant, run.Lease(), []runs.Item{
					{ID: w.id(), PolicyType: "t", PolicyID: fmt.Sprint(i, n), Status: runs.ItemSuccess, Attempt: 1},
					{ID: w.id(), PolicyType: "t", PolicyID: fmt.Sprint("all", n), Status: runs.ItemFailed, Reason: runs.ReasonTimeout, Attempt: 1},
				}, -1)
			} else {
				err = w.to(s, run.ID, func(now time.Time, r runs.Run) runs.Run {
					r.Stalls++
					r.LeaseUntil = now.Add(time.Minute)
					return r
				})
			}
			if err != nil {
				return err
			}
		}
		return nil
	}))
	got, err := w.store.GetRun(t.Context(), w.tenant, run.ID)
	p.ok(err)
	if want := (runs.Counts{Processed: 5 * each, Succeeded: 4 * each, Failed: each}); got.Counts != want {
		t.Errorf("counts: got %+v, want %+v", got.Counts, want)
	}
	if got.Stalls != 4*each {
		t.Errorf("changes: got %d, want %d", got.Stalls, 4*each)
	}
	p.sound()
}

// TestPostgresNumbersTheAuditLogWithoutAGap though callers of several tenants meet and some
// of them fail after they have written.
func TestPostgresNumbersTheAuditLogWithoutAGap(t *testing.T) {
	p := newPair(t, pgstore.Options{})
	w := newWorker(t, p.two[0], "contoso", 2)
	const each = 10
	p.allOK(p.atOnce(crowd, func(s store.Store, i int) error {
		tenant := []graph.TenantID{"contoso", "fabrikam", runs.SystemTenant}[i%3]
		for n := range each {
			entries := w.trail("one", "").Audit
			if n%2 == 1 { // the second line cannot be stored
				entries = append(entries, runs.AuditEntry{ID: "no id"})
			}
			if err := s.AppendAudit(t.Context(), tenant, entries...); (err != nil) != (n%2 == 1) {
				return fmt.Errorf("line %d: %w", n, err)
			}
		}
		return nil
	}))
	p.want("SELECT tenant_id || ' ' || count(*) || ' ' || max(seq) FROM tb_audit_log GROUP BY tenant_id ORDER BY 1",
		" 10 10", "contoso 15 15", "fabrikam 15 15")
	p.sound()
}

func TestPostgresDispatchesEverySlotOnce(t *testing.T) {
	p := newPair(t, pgstore.Options{RowSecurity: guest()})
	const schedules, tenants, days = 240, 6, 3
	w := newWorker(t, p.two[0], "contoso", 2)
	var list []backupsched.Schedule
	for i := range schedules {
		list = append(list, backupsched.Schedule{
			ID: w.id(), TenantID: graph.TenantID(fmt.Sprint("tenant", i%tenants)), Name: "Nightly", Enabled: true,
			Recurrence:  backupsched.Recurrence{Frequency: backupsched.Daily, TimeOfDay: "02:30", Timezone: "Europe/Berlin"},
			PolicyTypes: []graph.PolicyType{"settingsCatalogPolicy"}, RetentionKeepLast: 30, NextRunAt: dueAt, CreatedAt: dueAt, UpdatedAt: dueAt,
		})
	}
	p.ok(p.two[0].ImportSchedules(t.Context(), list))
	for n := range days {
		queued := make([]int, 4)
		p.allOK(p.atOnce(len(queued), func(s store.Store, i int) error {
			d, err := backupsched.NewDispatcher(backupsched.DispatcherConfig{Store: s, Queue: nowhere{}, Clock: &day{now: dueAt.AddDate(0, 0, n)}, ChunkSize: 17})
			if err != nil {
				return err
			}
			for range 3 { // a dispatcher that found others at work comes again
				report, err := d.Tick(t.Context())
				if err != nil {
					return err
				}
				queued[i] += report.Queued
				if report.Conflicts > 0 {
					t.Errorf("a dispatcher planned %d schedules that another one had taken", report.Conflicts)
				}
			}
			return nil
		}))
		if sum := queued[0] + queued[1] + queued[2] + queued[3]; sum != schedules {
			t.Errorf("day %d: %v runs were queued, want %d together", n, queued, schedules)
		}
	}
	p.want("SELECT count(DISTINCT (schedule_id, scheduled_for))::text || ' ' || count(*) FROM tb_runs", fmt.Sprintf("%d %[1]d", schedules*days))
	p.sound()
}
