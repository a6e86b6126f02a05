package pgstore_test

import (
	"slices"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/store"
	"github.com/tenantatlas/tenantbackup/store/pgstore"
	"github.com/tenantatlas/tenantbackup/store/storetest"
)

// TestTheDatabasesClockJudges: two processes whose clocks are a minute apart, one half a
// minute behind the database and one half a minute ahead of it, agree on every lease.
func TestTheDatabasesClockJudges(t *testing.T) {
	d := newDatabase(t, ways()[3])
	now := func() (at time.Time) {
		t.Helper()
		ok(t, d.admin.QueryRow("SELECT clock_timestamp()").Scan(&at))
		return at
	}
	const apart = 30 * time.Second
	behind, ahead := d.store(t, storetest.NewClock(now().Add(-apart))), d.store(t, storetest.NewClock(now().Add(apart)))
	n := 0
	queued := func(notBefore time.Time) runs.ID {
		t.Helper()
		n++
		id := runs.ID("01980000-0000-7000-8000-00000000000" + string(rune('0'+n)))
		at := now().Truncate(time.Microsecond)
		_, _, err := behind.CreateRun(t.Context(), "contoso", runs.Run{
			ID: id, TenantID: "contoso", Kind: runs.KindPolicySync, Trigger: runs.TriggerManual, Status: runs.StatusQueued, Key: string(id),
			Target: runs.Target{Type: "tenant"}, CreatedAt: at, UpdatedAt: at, NotBefore: notBefore,
		}, runs.Trail{})
		ok(t, err)
		return id
	}
	claim := func(s store.Store, id runs.ID, lease time.Duration) (r runs.Run) {
		t.Helper()
		r, err := s.ChangeRun(t.Context(), "contoso", id, func(now time.Time, r runs.Run, _ runs.Room) (runs.Change, error) {
			r.Status, r.Attempt, r.StartedAt, r.UpdatedAt = runs.StatusRunning, 1, now, now
			r.LeaseToken, r.LeaseOwner, r.LeaseUntil, r.Lane = 1, "worker", now.Add(lease), n
			return runs.Change{Run: r}, nil
		})
		ok(t, err)
		return r
	}
	stranded := func(s store.Store) (ids []runs.ID) {
		t.Helper()
		list, err := s.StrandedRuns(t.Context(), runs.Stranded{Limit: 10, Lanes: 10})
		ok(t, err)
		for _, r := range list {
			ids = append(ids, r.ID)
		}
		return ids
	}
	waiting := func(s store.Store) (ids []runs.ID) {
		t.Helper()
		list, err := s.WaitingRuns(t.Context(), "contoso", 10)
		ok(t, err)
		for _, r := range list {
			ids = append(ids, r.ID)
		}
		return ids
	}
	both := func(see func(s store.Store) []runs.ID, what string, want ...runs.ID) {
		t.Helper()
		for name, s := range map[string]store.Store{"behind": behind, "ahead": ahead} {
			if got := see(s); !slices.Equal(got, want) {
				t.Errorf("%s: the process whose clock is %s sees %q, want %q", what, name, got, want)
			}
		}
	}

	for _, s := range []store.Store{behind, ahead} { // a change is told the database's time
		id := queued(time.Time{})
		before := now()
		var told time.Time
		_, err := s.ChangeRun(t.Context(), "contoso", id, func(now time.Time, r runs.Run, _ runs.Room) (runs.Change, error) {
			told = now
			r.Status, r.FinishedAt = runs.StatusCanceled, now
			return runs.Change{Run: r}, nil
		})
		ok(t, err)
		if after := now(); told.Before(before) || told.After(after) {
			t.Errorf("a change is told %s, between %s and %s", told, before, after)
		}
	}

	held := claim(behind, queued(time.Time{}), apart/2)
	both(stranded, "a lease that is not over")
	for _, s := range []store.Store{behind, ahead} { // and whoever holds it may write
		if _, err := s.SaveItems(t.Context(), "contoso", held.Lease(), nil, 1); err != nil {
			t.Errorf("writing under a lease that is not over: %v", err)
		}
	}
	over := claim(ahead, queued(time.Time{}), time.Microsecond)
	for !now().After(over.LeaseUntil) {
	}
	both(stranded, "a lease that is over", over.ID)

	queued(now().Add(apart / 2))
	due := queued(now().Add(-apart / 2))
	both(waiting, "runs of which one is due", due)
}

// TestAStoreWithItsOwnClockJudgesByIt: a history is played on a clock that is not the
// database's.
func TestAStoreWithItsOwnClockJudgesByIt(t *testing.T) {
	d := newDatabase(t, ways()[0])
	clock := storetest.NewClock(time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC))
	s := must(pgstore.Open(t.Context(), d.as, pgstore.Options{Clock: clock, OwnClock: true, RowSecurity: d.security()}))(t)
	t.Cleanup(func() { ok(t, s.Close()) })
	const first, second = runs.ID("01980000-0000-7000-8000-000000000001"), runs.ID("01980000-0000-7000-8000-000000000002")
	for _, r := range []runs.Run{{ID: first}, {ID: second, NotBefore: clock.Now().Add(time.Minute)}} {
		r.TenantID, r.Kind, r.Trigger, r.Status, r.Key = "contoso", runs.KindPolicySync, runs.TriggerManual, runs.StatusQueued, string(r.ID)
		r.Target, r.CreatedAt, r.UpdatedAt = runs.Target{Type: "tenant"}, clock.Now(), clock.Now()
		_, _, err := s.CreateRun(t.Context(), "contoso", r, runs.Trail{})
		ok(t, err)
	}
	waiting := func() int {
		t.Helper()
		return len(must(s.WaitingRuns(t.Context(), "contoso", 10))(t))
	}
	stranded := func() int {
		t.Helper()
		return len(must(s.StrandedRuns(t.Context(), runs.Stranded{Limit: 10, Lanes: 10}))(t))
	}
	if n := waiting(); n != 1 {
		t.Errorf("%d runs are due by the store's clock, want 1", n)
	}
	for range 2 { // the second time what there is to try without locks is known
		_, err := s.ChangeRun(t.Context(), "contoso", first, func(now time.Time, r runs.Run, _ runs.Room) (runs.Change, error) {
			if !now.Equal(clock.Now()) {
				t.Errorf("a change is told %s, not the store's time", now)
			}
			r.Status, r.Attempt, r.StartedAt, r.UpdatedAt = runs.StatusRunning, 1, now, now
			r.LeaseToken, r.LeaseOwner, r.LeaseUntil, r.Lane = r.LeaseToken+1, "worker", now.Add(time.Minute), 1
			return runs.Change{Run: r}, nil
		})
		ok(t, err)
	}
	if n := stranded(); n != 0 {
		t.Errorf("%d runs are stranded while the lease lasts by the store's clock, want none", n)
	}
	clock.Advance(2 * time.Minute)
	if n := stranded(); n != 1 {
		t.Errorf("%d runs are stranded once it is over, want 1", n)
	}
	if n := waiting(); n != 1 {
		t.Errorf("%d runs are due two minutes later, want the other one", n)
	}
}
