package pages_test

import (
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
)

// claimed makes a queued run one that a worker has taken, and says nothing of again.
func (w *world) claimed(id runs.ID) {
	w.t.Helper()
	must(w.store.ChangeRun(w.t.Context(), tenant, id, func(at time.Time, r runs.Run, _ runs.Room) (runs.Change, error) {
		r.Status, r.Attempt, r.StartedAt, r.AttemptStartedAt = runs.StatusRunning, 1, at, at
		r.LeaseToken, r.LeaseOwner, r.LeaseUntil = r.LeaseToken+1, "gone", at.Add(time.Minute)
		return runs.Change{Run: r}, nil
	}))(w.t)
}

// Without a worker a run waits for ever, and nothing else on its page tells why.
func TestARunThatNoWorkerIsAtSaysSoAfterAMinute(t *testing.T) {
	w := newWorld(t, nil)
	first := must2(w.cfg.Scheduler.RunNow(t.Context(), tenant, owner, w.schedule(of("First", device)).ID))(t)
	page := func(r runs.Run) response { return w.get(readonly, tenantPath("runs", r.ID)) }
	w.clock.Add(time.Minute)
	page(first).lacks(t, "No worker")
	w.clock.Add(4 * time.Minute)
	page(first).shows(t, "No worker has taken this run for 5 min")
	page(first).has(t, `<a href="`+tenantPath("settings")+`#h-health">How the server is</a>`)

	w.claimed(first.ID)
	second := must2(w.cfg.Scheduler.RunNow(t.Context(), tenant, owner, w.schedule(of("Second", device)).ID))(t)
	w.clock.Add(2 * time.Minute) // the lease of the first is over for one
	page(first).lacks(t, "No worker")
	page(second).lacks(t, "No worker") // it waits for its turn
	w.clock.Add(time.Minute)
	page(first).shows(t, "No worker has been at this run for 2 min")
	page(second).shows(t, "No worker has taken this run for 3 min")
}

// A dispatcher that is another process is seen by what it leaves undone.
func TestTheSettingsTellOfAScheduleThatNobodyDispatches(t *testing.T) {
	w := newWorld(t, nil)
	s := w.schedule(nil)
	const says = "and nobody has made its run. Does a dispatcher run?"
	w.clock.Set(s.NextRunAt.Add(2 * time.Minute))
	w.get(readonly, tenantPath("settings")).lacks(t, says)
	w.clock.Add(5 * time.Minute)
	got := w.get(readonly, tenantPath("settings"))
	got.shows(t, "Something needs attention.", "A schedule of this tenant was due 7 min ago, "+says)
	must(w.dispatcher.Tick(t.Context()))(t)
	w.get(readonly, tenantPath("settings")).lacks(t, says)
}
