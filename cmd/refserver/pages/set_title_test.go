package pages_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// The name of a set that a schedule made ends in its time in UTC. Only the set's own page shows it.
func TestASetHasItsTimeOnceInTheZoneOfTheViewer(t *testing.T) {
	w := newWorld(t, nil)
	s := w.schedule(nil)
	first := w.backup(s.ID).BackupSetID
	w.clock.Add(36 * time.Hour)
	second := w.backup(s.ID).BackupSetID
	verify := must2(w.cfg.Starter.Start(t.Context(), tenant, owner, runs.Request{Kind: runs.KindSetVerify, Key: "verify", Target: runs.Target{Type: "backup_set", ID: first}}))(t)
	w.drain()
	preview := w.preview(owner, first, nil)
	item := must(w.cfg.Archive.Items(t.Context(), tenant, owner, first, backupset.SetItemFilter{}, runs.PageRequest{Limit: 1}))(t).Items[0]

	const own, title = "Nightly 2026-01-04 12:00 UTC", "Nightly, Sun 4 Jan 2026, 13:00 CET"
	if w.set(first).Name != own {
		t.Fatalf("the set is called %q", w.set(first).Name)
	}
	w.getIn("Europe/Berlin", owner, tenantPath("sets", first)).shows(t, own)
	for _, at := range []string{
		tenantPath("sets"), tenantPath("sets", second), tenantPath("sets", second, "compare") + "?with=" + string(first), tenantPath("sets", first, "compare"),
		tenantPath("sets", first, "items", item.ID), tenantPath("sets", first, "delete"), tenantPath("schedules", s.ID), tenantPath("schedules", s.ID, "retention"),
		tenantPath("runs"), tenantPath("runs", verify.ID), tenantPath("notifications"), tenantPath("audit"), tenantPath("restore"),
		tenantPath("restore", "items") + "?set=" + string(first), preview, tenantPath("policies", item.PolicyID, "versions", item.VersionID),
	} {
		got := w.getIn("Europe/Berlin", owner, at)
		if got.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", at, got.Status)
		}
		if !strings.Contains(text(got.body), title) {
			t.Errorf("%s lacks %q:\n%s", at, title, text(got.body))
		}
		if strings.Contains(got.body, "12:00 UTC") {
			t.Errorf("%s has the time in UTC:\n%s", at, text(got.body))
		}
		if strings.Contains(strings.ReplaceAll(text(got.body), "</bdi>", ""), title+" Sun 4 Jan 2026, 13:00 CET") {
			t.Errorf("%s has the time twice:\n%s", at, text(got.body))
		}
	}
}

func TestASetThatWasMadeByHandIsCalledWhatItsMakerCalledIt(t *testing.T) {
	w := newWorld(t, nil)
	const name = "Copy of 2026-01-04 12:00 UTC"
	set := w.byHand(name).ID
	other := w.byHand("Other").ID
	for _, at := range []string{tenantPath("sets"), tenantPath("restore"), tenantPath("sets", other, "compare") + "?with=" + string(set)} {
		w.getIn("Europe/Berlin", owner, at).shows(t, name, "Sun 4 Jan 2026, 13:00 CET")
	}
	got := w.getIn("Europe/Berlin", owner, tenantPath("sets", other))
	got.shows(t, ">"+name+", Sun 4 Jan 2026, 13:00 CET</option>")
}
