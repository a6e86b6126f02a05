package pages_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestTheRunListShowsWhatRan(t *testing.T) {
	w := newWorld(t, nil)
	run := w.backup(w.schedule(nil).ID)
	got := w.get(readonly, tenantPath("runs"))
	w.shows(got, http.StatusOK, "Backup", "Nightly", "success", "by hand, Olivia Owner", tenantPath("runs", run.ID), tenantPath("schedules", run.Target.ID))
	got = w.get(readonly, tenantPath("runs", run.ID))
	w.shows(got, http.StatusOK, "Queued by Olivia Owner", "Attempt 1 began", "Ended: success", tenantPath("sets", run.BackupSetID))
}

// shows fails unless a page has a status and holds all of some texts.
func (w *world) shows(got response, status int, want ...string) {
	w.t.Helper()
	if got.StatusCode != status {
		w.t.Fatalf("got %s, want %d\n%s", got.Status, status, got.body)
	}
	for _, s := range want {
		if !strings.Contains(got.body, s) {
			w.t.Errorf("the page lacks %q", s)
		}
	}
}
