package storetest

import (
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

func batchPromises() []promise {
	return []promise{
		{"the runs of a batch are stored together, with their trails and one notification", batchIsStored},
		{"a run of a batch for which another one stands is that one, and not counted", batchWithAReusedRun},
		{"a batch without a new run writes nothing", batchOfReusedRuns},
		{"a batch is stored whole or not at all", batchIsStoredWhole},
		{"a batch of no runs is refused", emptyBatchIsRefused},
		{"batches at once with the same keys give each run once", batchesAtOnce},
		{"a run of a batch is told what became of the others", runIsToldOfItsBatch},
		{"a run of no batch, and one of another batch, are told of their own", batchesAreKeptApart},
		{"of the runs of a batch that end at once one is the last", batchEndsOnce},
		{"a notification takes the place of the one with its id, unread", batchNotificationIsReplaced},
		{"runs are found by their batch", runsOfABatchAreFound},
	}
}

// newBatch returns n runs that are to be stored together.
func (f *fixture) newBatch(tenant graph.TenantID, n int) []runs.NewRun {
	id := f.id()
	batch := make([]runs.NewRun, n)
	for i := range batch {
		r := f.newRun(tenant)
		r.BatchID = id
		batch[i] = runs.NewRun{Run: r, Trail: f.trail(tenant, "run.started")}
		batch[i].Trail.Notifications = nil
	}
	return batch
}

// batchNotice tells ada of a batch.
func batchNotice(id runs.ID, status runs.Status, at time.Time) runs.Notification {
	return runs.Notification{ID: id, Recipient: ada.ID, Kind: runs.KindBackup, Status: status, Message: "a batch: " + string(status), CreatedAt: at}
}

// startBatch stores a batch and returns its runs.
func (f *fixture) startBatch(batch []runs.NewRun) (list []runs.Run) {
	f.Helper()
	first := batch[0].Run
	stored, err := f.store.CreateBatch(f.ctx, first.TenantID, batch, func(int) runs.Notification {
		return batchNotice(first.BatchID, runs.StatusQueued, start)
	})
	f.ok(err)
	for i, s := range stored {
		if !s.Created {
			f.Fatalf("run %d was not created; %s was given", i, s.Run.ID)
		}
		list = append(list, s.Run)
	}
	return list
}

func batchIsStored(t *testing.T, f *fixture) {
	batch := f.newBatch(contoso, 3)
	told := 0
	stored, err := f.store.CreateBatch(f.ctx, contoso, batch, func(created int) runs.Notification {
		told = created
		return batchNotice(batch[0].Run.BatchID, runs.StatusQueued, start)
	})
	f.ok(err)
	if told != 3 {
		t.Errorf("notice was told of %d new runs, want 3", told)
	}
	for i, b := range batch {
		same(t, "run returned", stored[i], runs.StoredRun{Run: b.Run, Created: true})
		same(t, "run stored", f.get(b.Run), b.Run)
	}
	same(t, "inbox", f.inbox(ada.ID, false), []runs.Notification{batchNotice(batch[0].Run.BatchID, runs.StatusQueued, start)})
	entries := must(f.store.ListAudit(f.ctx, contoso, runs.AuditFilter{Actions: []string{"run.started"}}, all))(t)
	if len(entries) != len(batch) {
		t.Errorf("%d audit entries, want one for each run", len(entries))
	}
}

func batchWithAReusedRun(t *testing.T, f *fixture) {
	there := f.start(f.newRun(contoso))
	batch := f.newBatch(contoso, 3)
	batch[1].Run.Key = there.Key
	batch[1].Trail.Audit[0].Action = "not written"
	told := 0
	stored, err := f.store.CreateBatch(f.ctx, contoso, batch, func(created int) runs.Notification {
		told = created
		return batchNotice(batch[0].Run.BatchID, runs.StatusQueued, start)
	})
	f.ok(err)
	want := []runs.StoredRun{{Run: batch[0].Run, Created: true}, {Run: there}, {Run: batch[2].Run, Created: true}}
	same(t, "runs returned", stored, want)
	if told != 2 {
		t.Errorf("notice was told of %d new runs, want 2", told)
	}
	if list := must(f.store.ListAudit(f.ctx, contoso, runs.AuditFilter{Actions: []string{"not written"}}, all))(t); len(list) > 0 {
		t.Errorf("the trail of the run that was not stored: %+v", list)
	}
}

func batchOfReusedRuns(t *testing.T, f *fixture) {
	there := f.start(f.newRun(contoso))
	batch := f.newBatch(contoso, 2)
	batch[0].Run.Key, batch[1].Run.Key = there.Key, there.Key
	f.nothingWritten("a batch of a run that is there", func() {
		stored, err := f.store.CreateBatch(f.ctx, contoso, batch, func(int) runs.Notification {
			return batchNotice(batch[0].Run.BatchID, runs.StatusQueued, start)
		})
		f.ok(err)
		same(t, "runs returned", stored, []runs.StoredRun{{Run: there}, {Run: there}})
	})
}

func batchIsStoredWhole(t *testing.T, f *fixture) {
	there := f.start(f.newRun(contoso))
	spoil := map[string]func(r *runs.Run){
		"a schedule that nobody has": func(r *runs.Run) { r.Kind, r.ScheduleID = runs.KindBackup, nobody },
		"the id of another run":      func(r *runs.Run) { r.ID = there.ID },
	}
	for what, spoil := range spoil {
		batch := f.newBatch(contoso, 3)
		spoil(&batch[2].Run)
		f.nothingWritten(what, func() {
			_, err := f.store.CreateBatch(f.ctx, contoso, batch, func(int) runs.Notification {
				return batchNotice(batch[0].Run.BatchID, runs.StatusQueued, start)
			})
			if err == nil {
				t.Errorf("%s: no error", what)
			}
		})
	}
}

func emptyBatchIsRefused(_ *testing.T, f *fixture) {
	f.nothingWritten("no runs", func() {
		_, err := f.store.CreateBatch(f.ctx, contoso, nil, func(int) runs.Notification { return batchNotice(f.id(), runs.StatusQueued, start) })
		f.wants("no runs", err, runs.ErrInvalid)
	})
}

func batchesAtOnce(t *testing.T, f *fixture) {
	batches := make([][]runs.NewRun, crowd)
	for i := range batches {
		batches[i] = f.newBatch(contoso, 4)
		for j := range batches[i] { // in another order each time
			batches[i][j].Run.Key = string(rune('a' + (i+j)%4))
		}
	}
	var mu sync.Mutex
	created := map[string]int{}
	atOnce(crowd, func(i int) {
		stored, err := f.store.CreateBatch(f.ctx, contoso, batches[i], func(int) runs.Notification {
			return batchNotice(batches[i][0].Run.BatchID, runs.StatusQueued, start)
		})
		if err != nil {
			t.Error(err)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		for _, s := range stored {
			if s.Created {
				created[s.Run.Key]++
			}
		}
	})
	same(t, "runs created by key", created, map[string]int{"a": 1, "b": 1, "c": 1, "d": 1})
}

// toldOf returns what a change of the run is told of its batch.
func (f *fixture) toldOf(r runs.Run) map[runs.Status]int {
	f.Helper()
	return f.room(r).Batch
}

func runIsToldOfItsBatch(t *testing.T, f *fixture) {
	list := f.startBatch(f.newBatch(contoso, 4))
	same(t, "while all wait", f.toldOf(list[0]), map[runs.Status]int{runs.StatusQueued: 3})
	f.claim(list[1])
	f.finish(list[2], runs.StatusPartial, start.Add(time.Minute))
	f.finish(list[3], runs.StatusPartial, start.Add(time.Minute))
	same(t, "a queued one", f.toldOf(list[0]), map[runs.Status]int{runs.StatusRunning: 1, runs.StatusPartial: 2})
	same(t, "a running one", f.toldOf(list[1]), map[runs.Status]int{runs.StatusQueued: 1, runs.StatusPartial: 2})
}

func batchesAreKeptApart(t *testing.T, f *fixture) {
	alone := f.start(f.newRun(contoso))
	one, other := f.startBatch(f.newBatch(contoso, 2)), f.startBatch(f.newBatch(contoso, 3))
	f.finish(other[2], runs.StatusSuccess, start)
	if told := f.toldOf(alone); told != nil {
		t.Errorf("a run of no batch is told of %v", told)
	}
	same(t, "a run of the one", f.toldOf(one[0]), map[runs.Status]int{runs.StatusQueued: 1})
	same(t, "a run of the other", f.toldOf(other[0]), map[runs.Status]int{runs.StatusQueued: 1, runs.StatusSuccess: 1})
}

func batchEndsOnce(t *testing.T, f *fixture) {
	list := f.startBatch(f.newBatch(contoso, crowd))
	var mu sync.Mutex
	var last []map[runs.Status]int
	atOnce(crowd, func(i int) {
		var told map[runs.Status]int
		_, err := f.store.ChangeRun(f.ctx, contoso, list[i].ID, func(now time.Time, r runs.Run, room runs.Room) (runs.Change, error) {
			told = maps.Clone(room.Batch)
			r.Status, r.FinishedAt = runs.StatusSuccess, now
			return runs.Change{Run: r}, nil
		})
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		if told[runs.StatusQueued] == 0 {
			last = append(last, told)
		}
	})
	same(t, "what those were told that had no other to wait for", last, []map[runs.Status]int{{runs.StatusSuccess: crowd - 1}})
}

func batchNotificationIsReplaced(t *testing.T, f *fixture) {
	list := f.startBatch(f.newBatch(contoso, 2))
	id := list[0].BatchID
	beside := f.notice(start)
	f.notify(beside)
	must(f.store.MarkNotificationRead(f.ctx, contoso, ada.ID, id, later, start.Add(time.Second)))(t)
	ended := batchNotice(id, runs.StatusSuccess, start.Add(time.Minute))
	must(f.store.ChangeRun(f.ctx, contoso, list[0].ID, func(_ time.Time, r runs.Run, _ runs.Room) (runs.Change, error) {
		r.Status, r.FinishedAt = runs.StatusSuccess, start
		return runs.Change{Run: r, Trail: runs.Trail{Notifications: []runs.Notification{ended}}}, nil
	}))(t)
	same(t, "inbox", f.inbox(ada.ID, false), []runs.Notification{ended, beside})
	if n := must(f.store.CountUnread(f.ctx, contoso, ada.ID))(t); n != 2 {
		t.Errorf("%d unread, want 2", n)
	}
}

func runsOfABatchAreFound(t *testing.T, f *fixture) {
	f.start(f.newRun(contoso))
	f.startBatch(f.newBatch(contoso, 2))
	list := f.startBatch(f.newBatch(contoso, 3))
	f.finish(list[1], runs.StatusFailed, start)
	find := func(filter runs.RunFilter) (ids []runs.ID) {
		t.Helper()
		filter.BatchID = list[0].BatchID
		for _, r := range must(f.store.ListRuns(f.ctx, contoso, filter, all))(t) {
			ids = append(ids, r.ID)
		}
		return ids
	}
	same(t, "all", find(runs.RunFilter{}), []runs.ID{list[2].ID, list[1].ID, list[0].ID})
	same(t, "the failed", find(runs.RunFilter{Statuses: []runs.Status{runs.StatusFailed}}), []runs.ID{list[1].ID})
	first := must(f.store.ListRuns(f.ctx, contoso, runs.RunFilter{BatchID: list[0].BatchID}, runs.Slice{Limit: 1}))(t)
	same(t, "the first and whether there is more", len(first), 2)
}
