package pages_test

import (
	"net/http"
	"strings"
	"testing"
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
