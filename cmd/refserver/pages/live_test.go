package pages_test

import (
	"context"
	"html"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/runs"
)

func TestAPageAsksEveryTwoSecondsWhileSomethingRunsAndElseEveryThirty(t *testing.T) {
	w := newWorld(t, nil)
	s := w.schedule(nil)
	idle := w.get(readonly, tenantPath("schedules"))
	w.shows(idle, http.StatusOK, `hx-trigger="every 30s`)
	if strings.Contains(idle.body, "Runs under way") {
		t.Error("a page shows runs under way while there are none")
	}
	_, _, err := w.cfg.Scheduler.RunNow(t.Context(), tenant, owner, s.ID)
	check(t, err)
	w.shows(w.get(readonly, tenantPath("schedules")), http.StatusOK, `hx-trigger="every 2s`, "Runs under way", "Nightly")
}

func TestAPageThatFollowsARunAsksForAllAtOnce(t *testing.T) {
	w := newWorld(t, nil)
	run, _, err := w.cfg.Scheduler.RunNow(t.Context(), tenant, owner, w.schedule(nil).ID)
	check(t, err)
	path := tenantPath("runs", run.ID)
	got := w.get(owner, path+"?status=failed")
	asks := html.EscapeString(path + "?status=failed&seen=" + string(run.ID))
	w.shows(got, http.StatusOK, `hx-get="`+asks+`" hx-trigger="every 2s`, "#bell:outerMorph,#progress:outerMorph,#run:outerMorph")
	if n := strings.Count(got.body, "hx-get="); n != 1 {
		t.Errorf("the page asks in %d ways", n)
	}
	w.drain()
	got = w.get(owner, html.UnescapeString(asks)) // as the page does
	w.shows(got, http.StatusOK, `id="run"`, `hx-swap-oob="beforeend:#ended"`, "has ended", `hx-get="`+tenantPath("live")+`" hx-trigger="every 30s`)
	if strings.Contains(got.body, "seen=") || strings.Contains(got.body, "#run:") {
		t.Error("the page goes on asking for the run")
	}
}

func TestAPageNamesThreeRunsUnderWayAndSaysThatThereAreMore(t *testing.T) {
	w := newWorld(t, nil)
	var ids []runs.ID
	for range 5 {
		run, _, err := w.cfg.Scheduler.RunNow(t.Context(), tenant, owner, w.schedule(nil).ID)
		check(t, err)
		ids = append(ids, run.ID)
		w.clock.Add(time.Second)
	}
	w.shows(w.get(manager, tenantPath("live")), http.StatusOK, ">and more</a>")
	got := w.get(manager, tenantPath("live")+"?seen="+string(ids[0]))
	if n := strings.Count(got.body, `class="active-run"`); n != 3 || !strings.Contains(got.body, ">and more</a>") {
		t.Errorf("%d runs of 5: %s", n, got.body)
	}
	got = w.get(owner, tenantPath("live")+"?seen="+string(ids[0])) // is the owner's own
	w.shows(got, http.StatusOK, "seen="+string(ids[0]))
	for range 3 {
		w.drain()
	}
	if got := w.get(manager, tenantPath("live")); strings.Contains(got.body, "and more") {
		t.Error("more runs than there are")
	}
}

func TestTheRunThatRunsIsNamedBeforeNewerOnesThatWait(t *testing.T) {
	w := newWorld(t, nil)
	var first runs.ID
	for i := range 5 {
		run, _, err := w.cfg.Scheduler.RunNow(t.Context(), tenant, owner, w.schedule(nil).ID)
		check(t, err)
		if i == 0 {
			first = run.ID
		}
		w.clock.Add(time.Second)
	}
	var during response
	w.graph.OnCall(func(context.Context, graphtest.Call) {
		if during.Response == nil {
			during = w.get(owner, tenantPath("live"))
		}
	})
	job, _ := w.queue.take()
	check(t, w.runner.Handle(t.Context(), job))
	before, _, _ := strings.Cut(during.body, `id="active-`+string(first))
	if n := strings.Count(during.body, `class="active-run"`); n != 3 || before == during.body || strings.Count(before, "active-run") != 1 {
		t.Errorf("of %d runs the one that runs is not the first: %s", n, during.body)
	}
}

func TestARunThatEndsWhileAPageIsOpenIsSaidOnce(t *testing.T) {
	w := newWorld(t, nil)
	run, _, err := w.cfg.Scheduler.RunNow(t.Context(), tenant, owner, w.schedule(nil).ID)
	check(t, err)
	seen := tenantPath("live") + "?seen=" + string(run.ID)
	if got := w.get(owner, seen); strings.Contains(got.body, "has ended") || !strings.Contains(got.body, seen) {
		t.Errorf("while it runs: %s", got.body)
	}
	w.drain()
	w.shows(w.get(owner, seen), http.StatusOK, `hx-swap-oob="beforeend:#ended"`, "has ended", tenantPath("runs", run.ID), `hx-get="`+tenantPath("live")+`"`)
	if got := w.get(owner, tenantPath("live")); strings.Contains(got.body, "has ended") {
		t.Error("it is said again")
	}
	if got := w.get(owner, tenantPath("live")+"?seen=x&seen=01a00000-0000-7000-8000-000000000000"); got.StatusCode != http.StatusOK || strings.Contains(got.body, "has ended") {
		t.Errorf("unknown runs: %s %s", got.Status, got.body)
	}
}
