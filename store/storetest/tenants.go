package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// systemCalls are the methods that see all tenants. They serve the engine; no request of a
// person reaches them.
var systemCalls = []string{"DispatchDue", "EnabledSchedules", "Groups", "OldUploads", "PurgeableSets", "StrandedRuns"}

// rows of contoso that the other tenant tries to reach.
type targets struct {
	schedule, queued, notification runs.ID
	lease                          runs.Lease // of a running capture
	building, sealed, retired      runs.ID    // sets
	sealer                         runs.Lease // of a capture whose set is ready to be sealed
	ready                          runs.ID    // that set
	policy, version                runs.ID
	previewer, looked, restorer    runs.Lease // of a preview under way, one to be made ready, a restore
	preview                        runs.ID    // that is ready
	upload, whole, doomed          runs.ID    // files: being uploaded, whole, to be removed
}

// nobodys are the same with ids that nobody has.
var nobodys = targets{
	schedule: nobody, queued: nobody, notification: nobody, lease: runs.Lease{RunID: nobody, Token: 1},
	building: nobody, sealed: nobody, retired: nobody, sealer: runs.Lease{RunID: nobody, Token: 1}, ready: nobody,
	policy: nobody, version: nobody,
	previewer: runs.Lease{RunID: nobody, Token: 1}, looked: runs.Lease{RunID: nobody, Token: 1}, restorer: runs.Lease{RunID: nobody, Token: 1},
	preview: nobody, upload: nobody, whole: nobody, doomed: nobody,
}

// targets fills contoso with a row of every sort, once.
func (f *fixture) targets() targets {
	f.Helper()
	if f.filled != nil {
		return *f.filled
	}
	s := f.schedule(contoso)
	p1 := content{t: settings, id: "p1", body: "a"}
	retired := f.retire(f.backup(s, start, p1), start)
	sealed := f.backup(s, start.Add(time.Minute), p1)
	c := f.manual(contoso)
	c.save(content{t: scripts, id: "p2", body: "b"})
	ready := f.manual(contoso)
	queued := f.newRun(contoso)
	n := f.notice(start)
	_, _, err := f.store.CreateRun(f.ctx, contoso, queued, runs.Trail{
		Audit: []runs.AuditEntry{f.entry(contoso, "run.started")}, Notifications: []runs.Notification{n},
	})
	f.ok(err)
	policy := f.policy(contoso, "p1")
	previewer, looked := f.looking(sealed), f.looking(sealed)
	previewer.save(f.found(0, restore.Create))
	seen := f.looking(sealed)
	seen.save(f.found(0, restore.Create))
	restorer := f.readerOf(contoso, runs.KindRestoreExecute, sealed.ID)
	f.saveSteps(restorer, f.newStep(f.id()))
	f.filled = &targets{
		schedule: s.ID, queued: queued.ID, notification: n.ID, lease: c.lease(), building: c.set.ID,
		sealed: sealed.ID, retired: retired.ID, sealer: ready.lease(), ready: ready.set.ID,
		policy: policy.ID, version: policy.CurrentVersionID,
		previewer: previewer.run.Lease(), looked: looked.run.Lease(), restorer: restorer.Lease(), preview: seen.ready().run.ID,
		upload: f.upload(contoso, []byte("a")).ID, whole: f.upload(contoso, []byte("b")).ID, doomed: f.upload(contoso, []byte("c")).ID,
	}
	return *f.filled
}

func tenantPromises() []promise {
	list := []promise{
		{"every method takes the tenant or is a known call of the system", everyMethodTakesTheTenant},
		{"a run that names another tenant's schedule does not reach it", runOfAnotherTenantsSchedule},
		{"a worker of one tenant does not reach another tenant's set or preview", workerDoesNotReachAnotherTenantsSet},
		{"tenants are told apart as they are written", tenantsAreComparedExactly},
		{"an id that another tenant has does not reach its row", idOfAnotherTenant},
	}
	for _, name := range sortedKeys(addRows()) {
		list = append(list, promise{name + " adds to the tenant of the call, whatever the record says", func(t *testing.T, f *fixture) {
			f.addsToItsTenant(addRows()[name])
		}})
	}
	return list
}

// otherTenantPromises share one store. What a row does to it in the tenant that has the
// rows does not stand in the way of the rows after it.
func otherTenantPromises() []promise {
	var list []promise
	for _, name := range sortedKeys(reachRows()) {
		list = append(list, promise{name + " does not find another tenant's row", func(t *testing.T, f *fixture) {
			f.doesNotReach(name, reachRows()[name])
		}})
	}
	for _, name := range sortedKeys(restoreRows()) {
		list = append(list, promise{name + " does not find another tenant's row", func(t *testing.T, f *fixture) {
			f.doesNotReach(name, restoreRows()[name])
		}})
	}
	for _, name := range sortedKeys(lookRows()) {
		list = append(list, promise{name + " shows nothing of another tenant", func(t *testing.T, f *fixture) {
			f.showsNothing(name, lookRows()[name])
		}})
	}
	return list
}

func everyMethodTakesTheTenant(t *testing.T, _ *fixture) {
	tenant := reflect.TypeFor[graph.TenantID]()
	takes := func(m reflect.Type) bool { return m.NumIn() > 1 && m.In(1) == tenant }
	rows := slices.Concat(sortedKeys(reachRows()), sortedKeys(restoreRows()), sortedKeys(lookRows()), sortedKeys(addRows()))
	slices.Sort(rows)
	same(t, "methods whose second parameter is the tenant, and rows of the suite", rows, methods(takes))
	same(t, "methods without a tenant, and known calls of the system", systemCalls, methods(func(m reflect.Type) bool { return !takes(m) }))
}

// doesNotReach calls a method that names rows by id: in the wrong tenant another's ids are
// answered like ids that nobody has, and nothing is written.
func (f *fixture) doesNotReach(name string, call func(f *fixture, tenant graph.TenantID, on targets) error) {
	f.Helper()
	on := f.targets()
	var answers []string
	f.nothingWritten(name+" in the wrong tenant", func() {
		for what, ids := range map[string]targets{"another tenant's ids": on, "ids that nobody has": nobodys} {
			err := call(f, fabrikam, ids)
			f.wants(name+" with "+what, err, runs.ErrNotFound)
			answers = append(answers, withoutIDs(err, on))
		}
	})
	if answers[0] != answers[1] {
		f.Errorf("another tenant's ids are answered unlike ids that nobody has: %q", answers)
	}
	if err := call(f, contoso, on); err != nil {
		f.Errorf("%s in the tenant of the rows: %v", name, err)
	}
}

// withoutIDs returns the text of an error with ids taken out.
func withoutIDs(err error, on targets) string {
	text := fmt.Sprint(err)
	for _, id := range []runs.ID{on.schedule, on.queued, on.notification, on.lease.RunID, on.building, on.sealed, on.retired, on.sealer.RunID, on.ready, on.policy, on.version,
		on.previewer.RunID, on.looked.RunID, on.restorer.RunID, on.preview, on.upload, on.whole, on.doomed, nobody} {
		text = strings.ReplaceAll(text, string(id), "ID")
	}
	return text
}

// showsNothing calls a method that lists or counts.
func (f *fixture) showsNothing(name string, call func(f *fixture, tenant graph.TenantID, on targets) (int, error)) {
	f.Helper()
	on := f.targets()
	f.nothingWritten(name+" in the wrong tenant", func() {
		for _, tenant := range []graph.TenantID{fabrikam, runs.SystemTenant} {
			n, err := call(f, tenant, on)
			if n != 0 || err != nil && !errors.Is(err, runs.ErrNotFound) {
				f.Errorf("%s in tenant %q: got %d rows and error %v, want none", name, tenant, n, err)
			}
		}
	})
	n, err := call(f, contoso, on)
	if n == 0 || err != nil {
		f.Errorf("%s in the tenant of the rows: got %d rows and error %v", name, n, err)
	}
}

// addsToItsTenant calls a method that adds a record which names contoso, in fabrikam.
func (f *fixture) addsToItsTenant(call func(f *fixture, tenant graph.TenantID) error) {
	f.Helper()
	f.targets()
	contosos := func() map[string]any {
		rows := f.snapshot()
		for k := range rows {
			if !strings.HasPrefix(k, string(contoso)+"/") {
				delete(rows, k)
			}
		}
		return rows
	}
	before := contosos()
	err := call(f, fabrikam) // refusing the record is as good
	same(f, "contoso's rows", contosos(), before)
	for k, row := range f.snapshot() {
		if strings.HasPrefix(k, string(fabrikam)+"/") && strings.Contains(fmt.Sprintf("%+v", row), "TenantID:"+string(contoso)) {
			f.Errorf("a row of fabrikam says that it is contoso's: %s: %+v", k, row)
		}
	}
	if err == nil && len(f.snapshot()) == len(before) {
		f.Error("the record was taken and is not there")
	}
}

func runOfAnotherTenantsSchedule(t *testing.T, f *fixture) {
	s := f.schedule(contoso)
	slot := f.start(f.newBackup(s, start))
	r := f.newBackup(s, start)
	r.TenantID = fabrikam
	// Whether the foreign schedule is refused or kept as a mere text is the store's choice.
	if stored, _, err := f.store.CreateRun(f.ctx, fabrikam, r, runs.Trail{}); err == nil {
		if stored.ID == slot.ID {
			t.Error("the run of another tenant was given")
		}
		if f.claim(r); f.busy(slot) {
			t.Error("a run of another tenant makes the schedule busy")
		}
		f.finish(r, runs.StatusFailed, start)
	}
	same(t, "schedule", must(f.store.GetSchedule(f.ctx, contoso, s.ID))(t), s)
}

func workerDoesNotReachAnotherTenantsSet(t *testing.T, f *fixture) {
	on := f.targets()
	c := f.manual(fabrikam)
	captured := f.captured(content{t: settings, id: "mine", body: "mine"})
	calls := map[string]func() error{
		"SaveCaptured": func() error {
			return f.store.SaveCaptured(f.ctx, fabrikam, c.lease(), on.building, []backupset.Captured{captured}, []runs.Item{f.outcome(captured)})
		},
		"SaveManifest": func() error {
			return f.store.SaveManifest(f.ctx, fabrikam, c.lease(), on.building, manifest(settings, 0))
		},
		"SealSet": func() error {
			_, err := f.store.SealSet(f.ctx, fabrikam, c.lease(), on.building, backupset.Complete, runs.Trail{})
			return err
		},
		"UsePreview": func() error {
			_, err := f.store.UsePreview(f.ctx, fabrikam, c.lease(), on.preview, f.trail(fabrikam, "restore.started"))
			return err
		},
		"CopyItems from it": func() error {
			_, err := f.store.CopyItems(f.ctx, fabrikam, c.lease(), on.sealed, c.set.ID, []graph.PolicyType{settings})
			return err
		},
		"CopyItems into it": func() error {
			_, err := f.store.CopyItems(f.ctx, fabrikam, c.lease(), c.set.ID, on.building, []graph.PolicyType{settings})
			return err
		},
	}
	f.nothingWritten("writing with another tenant's set", func() {
		for what, call := range calls {
			f.wants(what, call(), runs.ErrNotFound)
		}
	})
}

func idOfAnotherTenant(t *testing.T, f *fixture) {
	s, queued := f.schedule(contoso), f.start(f.newRun(contoso))
	theirs, c := f.manual(contoso), f.manual(fabrikam)
	theirs.save(content{t: settings, id: "p1", body: "a"})
	building, item := f.set(theirs.set), first(t, f.setItems(contoso, theirs.set.ID))

	// Whether an id is one for all tenants or for each is the store's choice.
	schedule, r, set := f.newSchedule(fabrikam, "same id"), f.newRun(fabrikam), f.newSet(c.run)
	schedule.ID, r.ID, set.ID = s.ID, queued.ID, theirs.set.ID
	_ = f.store.CreateSchedule(f.ctx, fabrikam, schedule, runs.Trail{})
	_, _, _ = f.store.CreateRun(f.ctx, fabrikam, r, runs.Trail{})
	setRun := f.newSetRun()
	setRun.TenantID, setRun.BackupSetID = fabrikam, theirs.set.ID
	_, _, _ = f.store.CreateSetRun(f.ctx, fabrikam, setRun, "same id", runs.Trail{})
	_, _ = f.store.OpenSet(f.ctx, fabrikam, f.running(fabrikam).Lease(), set, runs.Trail{})
	captured := f.captured(content{t: settings, id: "p1", body: "b"})
	captured.ItemID = item.ID
	_ = f.store.SaveCaptured(f.ctx, fabrikam, c.lease(), c.set.ID, []backupset.Captured{captured}, []runs.Item{f.outcome(captured)})

	same(t, "schedule", must(f.store.GetSchedule(f.ctx, contoso, s.ID))(t), s)
	same(t, "run", f.get(queued), queued)
	same(t, "set", f.set(theirs.set), building)
	same(t, "set items", f.setItems(contoso, theirs.set.ID), []backupset.Item{item})
}

func tenantsAreComparedExactly(t *testing.T, f *fixture) {
	s := f.schedule(fabrikam)
	for _, tenant := range []graph.TenantID{"fabrikam", "FABRIKAM", "Fabrikam ", "Fabrik", "%", ""} {
		_, err := f.store.GetSchedule(f.ctx, tenant, s.ID)
		f.wants(fmt.Sprintf("tenant %q", tenant), err, runs.ErrNotFound)
		if list := must(f.store.ListSchedules(f.ctx, tenant, backupsched.Filter{}, all))(t); len(list) != 0 {
			t.Errorf("tenant %q sees %d schedules", tenant, len(list))
		}
	}
}
