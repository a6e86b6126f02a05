package retention_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// conflict returns the code of a conflict, "" for nil.
func conflict(t tb, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var c *runs.ConflictError
	if !errors.As(err, &c) {
		t.Fatalf("got %v, want a ConflictError", err)
	}
	return c.Code
}

func preview(t tb, w *world, s runs.ID, want retention.Proposal) retention.GroupPlan {
	t.Helper()
	p, err := w.ret.Preview(w.ctx, tenant, readonly, s, want)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPreviewShowsWhatAChangeWouldDrop(t *testing.T) {
	w := newWorld(t)
	s := w.schedule(30)
	ids := w.daily(s, 27, 30)
	p := preview(t, w, s, retention.Proposal{KeepLast: 3})
	var got []retention.Decision
	for _, set := range p.Sets {
		got = append(got, set.Decision)
	}
	want := []retention.Decision{
		{SetID: ids[0], Reason: retention.ReasonBeyond},
		{SetID: ids[1], Keep: true, Reason: retention.ReasonLast},
		{SetID: ids[2], Keep: true, Reason: retention.ReasonLast},
		{SetID: ids[3], Keep: true, Reason: retention.ReasonLast},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("decisions (-want +got):\n%s", diff)
	}
	if p.Kept != 3 || p.Dropped != 1 || !p.NeedsConfirmation || p.Token == "" || p.Paused != retention.NotPaused {
		t.Errorf("plan keeps %d, drops %d, needs confirmation %v, token %q, paused %q", p.Kept, p.Dropped, p.NeedsConfirmation, p.Token, p.Paused)
	}
	if len(w.live(s)) != 4 || len(w.queue.take(w.clock.Now())) != 0 {
		t.Error("looking changed something")
	}
}

func TestPreviewOfDeletingAScheduleKeepsItsBackups(t *testing.T) {
	w := newWorld(t)
	s := w.schedule(1)
	w.daily(s, 29, 30)
	p := preview(t, w, s, retention.Proposal{Delete: true})
	for _, set := range p.Sets {
		if !set.Keep || set.Reason != retention.ReasonScheduleDeleted {
			t.Errorf("%s: keep %v for %s", set.Set.ID, set.Keep, set.Reason)
		}
	}
	if p.NeedsConfirmation || p.Token != "" {
		t.Errorf("needs confirmation %v with token %q", p.NeedsConfirmation, p.Token)
	}
	if err := w.ret.ConfirmPlan(w.ctx, tenant, s, 1, true, ""); err != nil {
		t.Errorf("deleting needs a confirmation: %v", err)
	}
}

func TestConfirmPlanAsksForThePresentToken(t *testing.T) {
	w := newWorld(t)
	s := w.schedule(30)
	w.daily(s, 27, 30)
	confirm := func(keep int, token string) string {
		return conflict(t, w.ret.ConfirmPlan(w.ctx, tenant, s, keep, false, token))
	}
	token := preview(t, w, s, retention.Proposal{KeepLast: 3}).Token
	for _, tt := range []struct {
		name  string
		keep  int
		token string
		want  string
	}{
		{"nothing would go", 4, "", ""},
		{"nothing would go, whatever the token", 4, token, ""},
		{"no token", 3, "", "confirm_plan_required"},
		{"the token of this plan", 3, token, ""},
		{"the token of another plan", 2, token, "confirm_plan_stale"},
		{"something", 3, "something", "confirm_plan_stale"},
	} {
		if got := confirm(tt.keep, tt.token); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	w.add(s, 31, backupset.Complete, 100) // now another one would go too
	if got := confirm(3, token); got != "confirm_plan_stale" {
		t.Errorf("after a backup: %q, want confirm_plan_stale", got)
	}
}

func TestAPlanTokenStandsForTenantScheduleKeepLastAndSets(t *testing.T) {
	w := newWorld(t)
	a, b := w.schedule(3), w.schedule(3)
	w.daily(a, 27, 30)
	w.daily(b, 27, 30)
	token := preview(t, w, a, retention.Proposal{}).Token
	if again := preview(t, w, a, retention.Proposal{KeepLast: 3}).Token; again != token {
		t.Errorf("the same plan has the tokens %s and %s", token, again)
	}
	if len(token) != 32 {
		t.Errorf("token %q has %d characters, want 32", token, len(token))
	}
	if other := preview(t, w, b, retention.Proposal{}).Token; other == token {
		t.Error("two schedules share a token")
	}
	if got := conflict(t, w.ret.ConfirmPlan(w.ctx, tenant, b, 3, false, token)); got != "confirm_plan_stale" {
		t.Errorf("a token of another schedule: %q", got)
	}
	w.edit(w.live(a)[0], func(s *backupset.BackupSet) { s.Holds = []backupset.Hold{{Name: "x"}} })
	w.add(a, 26, backupset.Complete, 100) // still one that goes, but another one
	if other := preview(t, w, a, retention.Proposal{}); other.Token == token || other.Dropped != 1 {
		t.Errorf("another set goes under the same token (%d dropped)", other.Dropped)
	}
}

func TestLoweringWhileAGroupIsPausedNeedsTheTokenTooForWhatComesAfter(t *testing.T) {
	w := newWorld(t)
	s := w.schedule(30)
	w.daily(s, 20, 29)
	w.add(s, 30, backupset.Complete, 10)
	if p := preview(t, w, s, retention.Proposal{KeepLast: 8}); p.Paused != retention.PausedShrunk || p.Dropped != 3 {
		t.Errorf("paused %q, drops %d; want set_shrunk, 3", p.Paused, p.Dropped)
	}
	if got := conflict(t, w.ret.ConfirmPlan(w.ctx, tenant, s, 8, false, "")); got != "confirm_plan_required" {
		t.Errorf("lowering while paused: %q, want confirm_plan_required", got)
	}
}

func TestKeepLastBelowOneIsRefusedByName(t *testing.T) {
	w := newWorld(t)
	s := w.schedule(3)
	_, err := w.ret.Preview(w.ctx, tenant, manager, s, retention.Proposal{KeepLast: -1})
	for _, err := range []error{err, w.ret.ConfirmPlan(w.ctx, tenant, s, 0, false, "")} {
		var invalid *runs.InvalidError
		if !asInvalid(err, &invalid) || invalid.Fields[0].Field != "retention_keep_last" {
			t.Errorf("got %v, want retention_keep_last to be invalid", err)
		}
	}
}

func TestAPersonConfirmsAPausedApply(t *testing.T) {
	w := newWorld(t)
	s := w.schedule(2)
	ids := w.daily(s, 26, 30)
	paused := w.apply(t, s)
	if paused.Status != runs.StatusSkipped || paused.ErrorCode != runs.CodeRetentionPaused {
		t.Fatalf("run ended %s %s, want skipped RETENTION_PAUSED", paused.Status, paused.ErrorCode)
	}
	p := preview(t, w, s, retention.Proposal{})
	run, reused, err := w.ret.Apply(w.ctx, tenant, manager, s, p.Token)
	if err != nil || reused {
		t.Fatalf("Apply: reused %v, %v", reused, err)
	}
	w.work(t)
	if run = w.store.runs[run.ID]; run.Status != runs.StatusSuccess || summaryOf(t, run).Dropped != 3 {
		t.Errorf("run ended %s %s", run.Status, run.Summary)
	}
	if diff := cmp.Diff(ids[3:], w.live(s)); diff != "" {
		t.Errorf("sets that stay (-want +got):\n%s", diff)
	}
	for _, e := range w.store.audit {
		if e.Action == "retention.applied" && e.Actor != manager {
			t.Errorf("applied by %v, want the person who confirmed", e.Actor)
		}
	}
}

func TestAConfirmedApplyStopsWhenOtherSetsWouldGoByThen(t *testing.T) {
	w := newWorld(t)
	s := w.schedule(2)
	w.daily(s, 20, 29)
	if _, _, err := w.ret.Apply(w.ctx, tenant, manager, s, preview(t, w, s, retention.Proposal{}).Token); err != nil {
		t.Fatal(err)
	}
	w.add(s, 30, backupset.Complete, 100)
	ended := w.work(t)
	if ended[0].ErrorCode != runs.CodeRetentionPaused || len(w.live(s)) != 11 {
		t.Errorf("run ended %s %s with %d sets left, want RETENTION_PAUSED with 11", ended[0].Status, ended[0].ErrorCode, len(w.live(s)))
	}
}

func TestApplyByAPersonIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(w *world, s runs.ID)
		token   func(p retention.GroupPlan) string
		want    string
	}{
		{"without a token", nil, func(retention.GroupPlan) string { return "" }, "confirm_plan_required"},
		{"with a stale token", nil, func(retention.GroupPlan) string { return "old" }, "confirm_plan_stale"},
		{"while the newest set shrank", func(w *world, s runs.ID) {
			w.add(s, 30, backupset.Complete, 10)
		}, func(p retention.GroupPlan) string { return p.Token }, "retention_paused"},
		{"while an automatic run is active", func(w *world, s runs.ID) {
			run := runs.Run{TenantID: tenant, Kind: runs.KindBackup, Status: runs.StatusSuccess, ScheduleID: s, BackupSetID: s}
			if err := w.ret.AfterRun(w.ctx, run); err != nil {
				panic(err)
			}
		}, func(p retention.GroupPlan) string { return p.Token }, "retention_active"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			s := w.schedule(2)
			w.daily(s, 20, 29)
			if tt.prepare != nil {
				tt.prepare(w, s)
			}
			_, _, err := w.ret.Apply(w.ctx, tenant, manager, s, tt.token(preview(t, w, s, retention.Proposal{})))
			if got := conflict(t, err); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestConfirmingTwiceGivesTheSameRun(t *testing.T) {
	w := newWorld(t)
	s := w.schedule(2)
	w.daily(s, 20, 29)
	token := preview(t, w, s, retention.Proposal{}).Token
	first, _, err1 := w.ret.Apply(w.ctx, tenant, manager, s, token)
	second, reused, err2 := w.ret.Apply(w.ctx, tenant, manager, s, token)
	if err1 != nil || err2 != nil || first.ID != second.ID || !reused {
		t.Errorf("got %s (%v) and %s (%v), reused %v", first.ID, err1, second.ID, err2, reused)
	}
}

func TestADeletedScheduleHasNoPlan(t *testing.T) {
	w := newWorld(t)
	s := w.schedule(2)
	w.deleteSchedule(s)
	_, err := w.ret.Preview(w.ctx, tenant, manager, s, retention.Proposal{})
	_, _, err2 := w.ret.Apply(w.ctx, tenant, manager, s, "")
	for _, err := range []error{err, err2, w.ret.ConfirmPlan(w.ctx, tenant, s, 1, false, "")} {
		if !errors.Is(err, runs.ErrDeleted) {
			t.Errorf("got %v, want ErrDeleted", err)
		}
	}
}
