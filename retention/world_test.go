package retention_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const tenant graph.TenantID = "contoso"

var (
	manager  = runs.Actor{ID: "manager", Name: "Mia Manager"}
	readonly = runs.Actor{ID: "readonly", Name: "Rob Readonly"}
	midnight = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
)

// handClock stands until a test sets it. What waits on it waits for ever.
type handClock struct {
	mu sync.Mutex
	at time.Time
}

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *handClock) After(time.Duration) <-chan time.Time { return make(chan time.Time) }

func (c *handClock) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

// world is a Retention with all that it works with. Day 1 is 2026-03-01; it begins at
// noon of day 31.
type world struct {
	ctx    context.Context
	clock  *handClock
	store  *fakeStore
	queue  *fakeQueue
	runner *runs.Runner
	ret    *retention.Retention
	ids    int
}

// tb is what *testing.T and *rapid.T share.
type tb interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

func newWorld(t tb, change ...func(*retention.Config)) *world {
	t.Helper()
	w := &world{ctx: context.Background(), clock: &handClock{}, queue: &fakeQueue{}}
	w.day(31)
	w.store = newFakeStore(w.clock)
	roles := runs.RoleAuthorizer{RoleOf: func(_ context.Context, _ graph.TenantID, a runs.Actor) (runs.Role, error) {
		return runs.Role(a.ID), nil
	}}
	starter, err := runs.NewStarter(runs.StarterConfig{Store: w.store, Queue: w.queue, Authorizer: roles, Clock: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	cfg := retention.Config{Store: w.store, Starter: starter, Clock: w.clock}
	for _, c := range change {
		c(&cfg)
	}
	if w.ret, err = retention.New(cfg); err != nil {
		t.Fatal(err)
	}
	w.runner, err = runs.NewRunner(runs.Config{
		Store: w.store, Queue: w.queue, Clock: w.clock, AfterRun: w.ret.AfterRun,
		Executors: []runs.Executor{w.ret, backupExecutor{w}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// backupExecutor makes a complete set for a run of kind backup.
type backupExecutor struct{ w *world }

func (e backupExecutor) Kinds() []runs.Kind { return []runs.Kind{runs.KindBackup} }

func (e backupExecutor) Execute(_ context.Context, a *runs.Attempt) error {
	id := e.w.add(a.Run().ScheduleID, 31, backupset.Complete, 100)
	e.w.store.mu.Lock()
	defer e.w.store.mu.Unlock()
	r := e.w.store.runs[a.Run().ID]
	r.BackupSetID = id
	e.w.store.runs[r.ID] = r
	return nil
}

func dayAt(day, hour int) time.Time {
	return midnight.AddDate(0, 0, day-1).Add(time.Duration(hour) * time.Hour)
}

// day sets the clock to noon of a day.
func (w *world) day(n int) { w.clock.set(dayAt(n, 12)) }

func (w *world) newID() runs.ID {
	w.ids++
	return runs.ID(fmt.Sprintf("00000000-0000-7000-8000-%012d", w.ids))
}

func (w *world) schedule(keepLast int) runs.ID {
	id := w.newID()
	w.store.schedules[id] = backupsched.Schedule{ID: id, TenantID: tenant, Name: "Nightly", RetentionKeepLast: keepLast}
	return id
}

func (w *world) deleteSchedule(id runs.ID) {
	s := w.store.schedules[id]
	s.DeletedAt = w.clock.Now()
	w.store.schedules[id] = s
}

// add stores a set that was made at 02:00 of a day.
func (w *world) add(schedule runs.ID, day int, status backupset.Status, items int, change ...func(*backupset.BackupSet)) runs.ID {
	s := backupset.BackupSet{
		ID: w.newID(), TenantID: tenant, Name: "Nightly " + dayAt(day, 2).String(), ScheduleID: schedule, Status: status, ItemsCount: items,
		ScheduledFor: dayAt(day, 2), CreatedAt: dayAt(day, 2),
	}
	for _, c := range change {
		c(&s)
	}
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	w.store.sets[s.ID], w.store.left[s.ID] = s, s.ItemsCount
	return s.ID
}

// daily stores one complete set for each day.
func (w *world) daily(schedule runs.ID, from, to int) (ids []runs.ID) {
	for day := from; day <= to; day++ {
		ids = append(ids, w.add(schedule, day, backupset.Complete, 100))
	}
	return ids
}

func (w *world) edit(id runs.ID, change func(*backupset.BackupSet)) {
	s := w.store.sets[id]
	change(&s)
	w.store.sets[id] = s
}

// work handles every queued job and returns the runs that ended.
func (w *world) work(t tb) (ended []runs.Run) {
	t.Helper()
	for jobs := w.queue.take(w.clock.Now()); len(jobs) > 0; jobs = w.queue.take(w.clock.Now()) {
		for _, j := range jobs {
			if err := w.runner.Handle(w.ctx, j); err != nil {
				t.Fatal(err)
			}
			if r := w.store.runs[j.RunID]; r.Status.Terminal() {
				ended = append(ended, r)
			}
		}
	}
	return ended
}

// apply starts an automatic apply through a sweep's way in and returns its run.
func (w *world) apply(t tb, schedule runs.ID) runs.Run {
	t.Helper()
	err := w.ret.AfterRun(w.ctx, runs.Run{
		TenantID: tenant, Kind: runs.KindBackup, Status: runs.StatusSuccess, ScheduleID: schedule, BackupSetID: w.newID(),
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := w.work(t)
	if len(ended) != 1 {
		t.Fatalf("%d runs ended, want 1", len(ended))
	}
	return ended[0]
}

// live returns the sets of the schedule that are not deleted, oldest first.
func (w *world) live(schedule runs.ID) (ids []runs.ID) {
	for _, s := range w.store.group(tenant, schedule) {
		ids = append(ids, s.ID)
	}
	return ids
}

// actions returns the actions of the audit log about sets and retention, in order.
func (w *world) actions() (list []string) {
	for _, e := range w.store.audit {
		if e.Action == "retention.applied" || e.Resource.Type == "backup_set" {
			list = append(list, e.Action)
		}
	}
	return list
}

func summaryOf(t tb, r runs.Run) (s retention.Summary) {
	t.Helper()
	if err := json.Unmarshal(r.Summary, &s); err != nil {
		t.Fatalf("summary %q: %v", r.Summary, err)
	}
	return s
}
