package retention_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// fakeStore keeps in memory what retention and a Runner need. The embedded roles are nil:
// what these tests do not use panics.
type fakeStore struct {
	runs.Store
	backupset.SetStore
	backupsched.ScheduleStore

	clock runs.Clock

	mu        sync.Mutex
	schedules map[runs.ID]backupsched.Schedule
	sets      map[runs.ID]backupset.BackupSet
	left      map[runs.ID]int // items of a set that are not purged yet
	runs      map[runs.ID]runs.Run
	audit     []runs.AuditEntry

	fail     func(op string) error // nil: nothing fails
	onChange func()                // called once before the next ChangeGroup, unlocked
	batches  []int                 // limits that PurgeSet was given
}

func newFakeStore(clock runs.Clock) *fakeStore {
	return &fakeStore{
		clock: clock, schedules: map[runs.ID]backupsched.Schedule{}, sets: map[runs.ID]backupset.BackupSet{},
		left: map[runs.ID]int{}, runs: map[runs.ID]runs.Run{},
	}
}

// begin locks the store for one operation, unless that is to fail.
func (f *fakeStore) begin(op string) (end func(), err error) {
	if f.fail != nil {
		if err := f.fail(op); err != nil {
			return nil, err
		}
	}
	f.mu.Lock()
	return f.mu.Unlock, nil
}

func (f *fakeStore) now() time.Time { return f.clock.Now().UTC() }

func (f *fakeStore) write(t runs.Trail) { f.audit = append(f.audit, t.Audit...) }

// set returns a copy of a tenant's set; the store is locked.
func (f *fakeStore) set(tenant graph.TenantID, id runs.ID) (backupset.BackupSet, error) {
	s, ok := f.sets[id]
	if !ok || s.TenantID != tenant {
		return backupset.BackupSet{}, runs.ErrNotFound
	}
	s.Holds = slices.Clone(s.Holds)
	return s, nil
}

func (f *fakeStore) GetSchedule(_ context.Context, tenant graph.TenantID, id runs.ID) (backupsched.Schedule, error) {
	end, err := f.begin("GetSchedule")
	if err != nil {
		return backupsched.Schedule{}, err
	}
	defer end()
	s, ok := f.schedules[id]
	if !ok || s.TenantID != tenant {
		return backupsched.Schedule{}, runs.ErrNotFound
	}
	return s, nil
}

func (f *fakeStore) GetSet(_ context.Context, tenant graph.TenantID, id runs.ID) (backupset.BackupSet, error) {
	end, err := f.begin("GetSet")
	if err != nil {
		return backupset.BackupSet{}, err
	}
	defer end()
	return f.set(tenant, id)
}

func (f *fakeStore) ChangeSet(_ context.Context, tenant graph.TenantID, id runs.ID, change backupset.SetChangeFunc) (backupset.BackupSet, error) {
	end, err := f.begin("ChangeSet")
	if err != nil {
		return backupset.BackupSet{}, err
	}
	defer end()
	s, err := f.set(tenant, id)
	if err != nil {
		return backupset.BackupSet{}, err
	}
	c, err := change(f.now(), s)
	if err != nil {
		return backupset.BackupSet{}, err
	}
	s.DeletedAt, s.DeletedReason, s.Holds = c.Set.DeletedAt, c.Set.DeletedReason, c.Set.Holds
	f.sets[id] = s
	f.write(c.Trail)
	return s, nil
}

// group returns the sets of a schedule that are not deleted, oldest first; the store is locked.
func (f *fakeStore) group(tenant graph.TenantID, schedule runs.ID) []backupset.BackupSet {
	var list []backupset.BackupSet
	for id, s := range f.sets {
		if s.TenantID == tenant && s.ScheduleID == schedule && !s.Deleted() {
			s, _ = f.set(tenant, id)
			s.Types = nil // which a group need not have
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b backupset.BackupSet) int {
		if c := a.ScheduledFor.Compare(b.ScheduledFor); c != 0 {
			return c
		}
		return compareIDs(a.ID, b.ID)
	})
	return list
}

func (f *fakeStore) ListGroup(_ context.Context, tenant graph.TenantID, schedule runs.ID) ([]backupset.BackupSet, error) {
	end, err := f.begin("ListGroup")
	if err != nil {
		return nil, err
	}
	defer end()
	return f.group(tenant, schedule), nil
}

func (f *fakeStore) ChangeGroup(_ context.Context, tenant graph.TenantID, schedule runs.ID, decide func(time.Time, []backupset.BackupSet) (backupset.GroupChange, error)) (int, error) {
	if hook := f.onChange; hook != nil {
		f.onChange = nil
		hook()
	}
	end, err := f.begin("ChangeGroup")
	if err != nil {
		return 0, err
	}
	defer end()
	now := f.now()
	if _, err := decide(now, f.group(tenant, schedule)); err != nil { // a repeated transaction
		return 0, err
	}
	c, err := decide(now, f.group(tenant, schedule))
	if err != nil {
		return 0, err
	}
	for _, id := range c.Drop {
		s, err := f.set(tenant, id)
		switch {
		case err != nil:
			return 0, err
		case s.ScheduleID != schedule, s.Deleted(), s.Status == backupset.Building, len(s.Holds) > 0, s.InUse:
			return 0, fmt.Errorf("%w: set %s cannot be dropped", runs.ErrConflict, id)
		}
	}
	for _, id := range c.Drop {
		s := f.sets[id]
		s.DeletedAt, s.DeletedReason = now, c.Reason[id]
		f.sets[id] = s
	}
	f.write(c.Trail)
	return len(c.Drop), nil
}

func (f *fakeStore) PurgeSet(_ context.Context, tenant graph.TenantID, id runs.ID, limit int, trail func(backupset.BackupSet, backupset.PurgeResult) runs.Trail) (backupset.PurgeResult, error) {
	end, err := f.begin("PurgeSet")
	if err != nil {
		return backupset.PurgeResult{}, err
	}
	defer end()
	s, err := f.set(tenant, id)
	switch {
	case err != nil:
		return backupset.PurgeResult{}, err
	case !s.Deleted(), len(s.Holds) > 0, s.InUse:
		return backupset.PurgeResult{}, fmt.Errorf("%w: set is not to be purged", runs.ErrConflict)
	}
	f.batches = append(f.batches, limit)
	n := min(limit, f.left[id])
	f.left[id] -= n
	res := backupset.PurgeResult{Items: n, Bytes: int64(n) * 10, Done: f.left[id] == 0}
	if s.PurgingAt.IsZero() {
		s.PurgingAt = f.now()
		f.sets[id] = s
	}
	if res.Done {
		delete(f.sets, id)
		f.write(trail(s, res))
	}
	return res, nil
}

func (f *fakeStore) PurgeableSets(_ context.Context, before time.Time, after runs.ID, limit int) ([]backupset.TenantSet, error) {
	end, err := f.begin("PurgeableSets")
	if err != nil {
		return nil, err
	}
	defer end()
	var list []backupset.TenantSet
	for id, s := range f.sets {
		if s.Deleted() && s.DeletedAt.Before(before) && id > after {
			list = append(list, backupset.TenantSet{TenantID: s.TenantID, ID: id})
		}
	}
	slices.SortFunc(list, func(a, b backupset.TenantSet) int { return compareIDs(a.ID, b.ID) })
	return list[:min(limit, len(list))], nil
}

func (f *fakeStore) Groups(_ context.Context, after runs.ID, limit int) ([]backupset.TenantGroup, error) {
	end, err := f.begin("Groups")
	if err != nil {
		return nil, err
	}
	defer end()
	seen := map[backupset.TenantGroup]bool{}
	for _, s := range f.sets {
		if s.ScheduleID > after && !s.Deleted() && s.Status != backupset.Building {
			seen[backupset.TenantGroup{TenantID: s.TenantID, ScheduleID: s.ScheduleID}] = true
		}
	}
	var list []backupset.TenantGroup
	for g := range seen {
		list = append(list, g)
	}
	slices.SortFunc(list, func(a, b backupset.TenantGroup) int { return compareIDs(a.ScheduleID, b.ScheduleID) })
	return list[:min(limit, len(list))], nil
}

func compareIDs(a, b runs.ID) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
