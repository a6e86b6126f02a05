package retention_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// drawGroup fills a schedule with sets of the days before day 30.
func drawGroup(t *rapid.T, w *world, s runs.ID, name string) {
	for i := range rapid.IntRange(0, 14).Draw(t, name) {
		id := w.add(s, 10+i, rapid.SampledFrom([]backupset.Status{
			backupset.Complete, backupset.Complete, backupset.Partial, backupset.Building,
		}).Draw(t, "status"), rapid.SampledFrom([]int{100, 100, 100, 100, 40}).Draw(t, "items"))
		switch rapid.IntRange(0, 9).Draw(t, "special") {
		case 0:
			w.edit(id, held)
		case 1:
			w.edit(id, inUse)
		case 2:
			w.edit(id, deletedOn(30))
		}
	}
}

func complete(w *world, s runs.ID) (n int) {
	for _, set := range w.store.group(tenant, s) {
		if set.Status == backupset.Complete {
			n++
		}
	}
	return n
}

func TestR3WhateverPeopleAndTheEngineDoACompleteSetIsLeft(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		s := w.schedule(rapid.IntRange(1, 3).Draw(t, "keep"))
		w.add(s, 1, backupset.Complete, 100)
		day := 31
		some := func() runs.ID {
			var ids []runs.ID
			for id := range w.store.sets {
				ids = append(ids, id)
			}
			slices.Sort(ids)
			return rapid.SampledFrom(ids).Draw(t, "set")
		}
		do := map[string]func(){
			"backup": func() {
				w.add(s, day, rapid.SampledFrom([]backupset.Status{backupset.Complete, backupset.Partial}).Draw(t, "status"),
					rapid.SampledFrom([]int{100, 100, 10}).Draw(t, "items"))
				w.apply(t, s)
			},
			"day":      func() { day += rapid.IntRange(1, 5).Draw(t, "days"); w.day(day) },
			"confirm":  func() { _, _, _ = w.ret.Apply(w.ctx, tenant, manager, s, preview(t, w, s, retention.Proposal{}).Token) },
			"sweep":    func() { sweep(t, w) },
			"work":     func() { w.work(t) },
			"delete":   func() { _, _ = w.ret.Delete(w.ctx, tenant, manager, some()) },
			"undelete": func() { _, _ = w.ret.Undelete(w.ctx, tenant, manager, some()) },
			"hold":     func() { _, _ = w.ret.Hold(w.ctx, tenant, manager, some(), "audit", "because") },
			"release":  func() { _, _ = w.ret.Release(w.ctx, tenant, manager, some(), "audit") },
			"use":      func() { w.edit(some(), func(b *backupset.BackupSet) { b.InUse = !b.InUse }) },
			"purge":    func() { _, _ = w.ret.Purge(w.ctx) },
			"purge one": func() {
				_, _ = w.ret.PurgeSet(w.ctx, tenant, manager, some())
			},
		}
		check := func(*rapid.T) {
			if complete(w, s) == 0 {
				t.Fatalf("no complete set is left: %v", w.actions())
			}
		}
		actions := map[string]func(*rapid.T){"": check}
		for name, f := range do {
			actions[name] = func(*rapid.T) { f() }
		}
		t.Repeat(actions)
	})
}

func TestR6ApplyChecksAgainInsideTheTransactionAndNeverWidens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		keep := rapid.IntRange(1, 4).Draw(t, "keep")
		s := w.schedule(keep)
		drawGroup(t, w, s, "sets")
		planned := map[runs.ID]bool{}
		for _, set := range preview(t, w, s, retention.Proposal{}).Sets {
			planned[set.Set.ID] = !set.Keep
		}
		var then map[runs.ID]bool // what the plan keeps at the moment of the change
		dead := map[runs.ID]bool{}
		w.store.onChange = func() {
			for _, id := range w.live(s) {
				switch rapid.IntRange(0, 5).Draw(t, "meanwhile") {
				case 0:
					w.edit(id, held)
				case 1:
					w.edit(id, inUse)
				case 2:
					w.edit(id, func(b *backupset.BackupSet) { b.Holds, b.InUse = nil, false })
				case 3:
					w.edit(id, deletedOn(31))
				}
			}
			for range rapid.IntRange(0, 3).Draw(t, "more") {
				w.add(s, 25, backupset.Complete, 100)
			}
			then = kept(w.store.group(tenant, s), retention.Policy{KeepLast: keep, MinAge: retention.DefaultMinAge})
			for id, set := range w.store.sets {
				dead[id] = set.Deleted()
			}
		}
		run := w.apply(t, s)
		for id, set := range w.store.sets {
			if !set.Deleted() || then == nil || dead[id] {
				continue
			}
			if !planned[id] {
				t.Errorf("%s went, but was not in the first plan", id)
			}
			if then[id] {
				t.Errorf("%s went, but the plan at that moment keeps it", id)
			}
		}
		if sum := summaryOf(t, run); sum.Kept != len(w.live(s)) {
			t.Errorf("the summary says that %d stay, %d do", sum.Kept, len(w.live(s)))
		}
	})
}

func TestR9AFailureOfRetentionNeverChangesTheBackup(t *testing.T) {
	ops := []string{"CreateRun", "GetSchedule", "ListGroup", "ChangeGroup"}
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		s := w.schedule(2)
		w.daily(s, 28, 30)
		broken := rapid.SampledFrom(ops).Draw(t, "broken")
		run := runs.Run{ID: w.newID(), TenantID: tenant, Kind: runs.KindBackup, Status: runs.StatusQueued, Key: "k", ScheduleID: s}
		w.store.runs[run.ID] = run
		w.store.fail = func(op string) error {
			if op == broken {
				return errors.New("disk full")
			}
			return nil
		}
		if err := w.runner.Handle(w.ctx, runs.Job{TenantID: tenant, RunID: run.ID}); err != nil {
			t.Fatalf("the backup's job failed: %v", err)
		}
		w.work(t)
		if got := w.store.runs[run.ID]; got.Status != runs.StatusSuccess || got.ErrorCode != "" {
			t.Errorf("with %s broken the backup ended %s %s", broken, got.Status, got.ErrorCode)
		}
		if len(w.live(s)) != 4 {
			t.Errorf("%d sets left, want 4", len(w.live(s)))
		}
		w.store.fail = nil // and a later sweep or the retry makes it good
		w.clock.set(dayAt(32, 12))
		sweep(t, w)
		w.work(t)
		if len(w.live(s)) != 2 {
			t.Errorf("%d sets left after the next sweep, want 2", len(w.live(s)))
		}
	})
}

func TestR10ASecondApplyChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		s := w.schedule(rapid.IntRange(1, 4).Draw(t, "keep"))
		drawGroup(t, w, s, "sets")
		w.apply(t, s)
		live, log := w.live(s), w.actions()
		w.apply(t, s)
		if diff := cmp.Diff(live, w.live(s)); diff != "" {
			t.Errorf("sets (-first +second):\n%s", diff)
		}
		if diff := cmp.Diff(log, w.actions()); diff != "" {
			t.Errorf("audit (-first +second):\n%s", diff)
		}
	})
}

func TestR11MoreThanHalfOfAGroupGoesOnlyWhenAPersonConfirmedJustThat(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		keep := rapid.IntRange(1, 4).Draw(t, "keep")
		s := w.schedule(keep)
		drawGroup(t, w, s, "sets")
		before := w.store.group(tenant, s)
		p := preview(t, w, s, retention.Proposal{})
		count := func(status backupset.Status) (all, gone int) {
			for _, b := range before {
				if b.Status == status && counted(b) {
					all++
					if w.store.sets[b.ID].Deleted() {
						gone++
					}
				}
			}
			return all, gone
		}
		run := w.apply(t, s)
		all, gone := count(backupset.Complete)
		if all == 0 {
			all, gone = count(backupset.Partial)
		}
		if 2*gone > all {
			t.Fatalf("%d of %d went by themselves", gone, all)
		}
		paused := run.ErrorCode == runs.CodeRetentionPaused
		if paused != (p.Paused != retention.NotPaused) || paused == (run.Status == runs.StatusSuccess) {
			t.Fatalf("run ended %s %s, the plan was paused %q", run.Status, run.ErrorCode, p.Paused)
		}
		if !paused {
			if got := len(before) - len(w.live(s)); got != p.Dropped {
				t.Errorf("%d went, the plan drops %d", got, p.Dropped)
			}
			return
		}
		if diff := cmp.Diff(len(before), len(w.live(s))); diff != "" {
			t.Fatalf("a paused apply dropped something:\n%s", diff)
		}
		if _, _, err := w.ret.Apply(w.ctx, tenant, manager, s, p.Token); err != nil {
			if p.Paused == retention.PausedShrunk {
				return
			}
			t.Fatal(err)
		}
		w.work(t)
		if got := len(before) - len(w.live(s)); got != p.Dropped {
			t.Errorf("%d went after the confirmation of %d", got, p.Dropped)
		}
	})
}

func TestR11TheHalfIsTakenOfCompleteSetsSoThatKeepLastOneGoesOn(t *testing.T) {
	w := newWorld(t)
	s := w.schedule(1)
	for day := 31; day < 60; day++ {
		w.day(day)
		status := backupset.Complete
		if day%3 == 1 {
			status = backupset.Partial
		}
		w.add(s, day, status, 100)
		if run := w.apply(t, s); run.ErrorCode != "" {
			t.Fatalf("day %d: run ended %s %s %s", day, run.Status, run.ErrorCode, run.Summary)
		}
	}
	if n := len(w.live(s)); n > 3 {
		t.Errorf("%d sets are left, want at most 3", n)
	}
}

func TestR12AShrunkNewestSetStopsTheApplyAndTheRunSaysSo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		s := w.schedule(3)
		w.daily(s, 25, 29)
		items := rapid.IntRange(0, 100).Draw(t, "items")
		w.add(s, 30, rapid.SampledFrom([]backupset.Status{backupset.Complete, backupset.Partial}).Draw(t, "status"), items)
		run := w.apply(t, s)
		shrunk := items < 50
		if paused := run.ErrorCode == runs.CodeRetentionPaused && run.Status == runs.StatusSkipped; paused != shrunk {
			t.Errorf("%d of 100 items: run ended %s %s", items, run.Status, run.ErrorCode)
		}
		sum := summaryOf(t, run)
		if shrunk && (sum.Paused != retention.PausedShrunk || sum.Dropped != 0 || sum.Reasons[retention.ReasonShrunk] != 6 || len(w.live(s)) != 6) {
			t.Errorf("summary %+v with %d sets left", sum, len(w.live(s)))
		}
	})
}
