package pages_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// mostPage is how large a page may be, in bytes.
const mostPage = 200_000

// longName is a name of so many characters, each of which is five in HTML.
func longName(n, length int) string {
	return fmt.Sprintf("%03d ", n) + strings.Repeat(`<"&`, length)[:length-4]
}

// crowdedWithNames is a world in which everything has the longest name that it may have: schedules 255
// characters, sets made by hand 200, and policies what Graph says, which nobody bounds.
func crowdedWithNames(t *testing.T) (w *world, entrances []string, large runs.ID) {
	t.Helper()
	w = newWorld(t, nil)
	ctx := t.Context()
	for i := range 90 {
		w.put(fmt.Sprintf("few-%d", i), longName(i, 4000), "description", "before")
	}
	begin := func(r runs.Request) runs.Run {
		run, _, err := w.cfg.Starter.Start(ctx, tenant, owner, r)
		check(t, err)
		w.drain()
		return w.run(run.ID)
	}
	var first backupsched.Schedule
	for i := range 55 {
		s := w.schedule(func(d *backupsched.Draft) {
			d.Name, d.PolicyTypes = longName(i, backupsched.MaxNameLength), backupTypes[1:2]
		})
		if i == 0 {
			first = s
		}
	}
	few := w.backup(first.ID) // so few that the wizard shows all of them
	for i := range 90 {
		w.put(fmt.Sprintf("few-%d", i), longName(i+100, 4000), "description", "after")
	}
	for i := range 170 {
		w.put(fmt.Sprintf("many-%d", i), longName(i+300, 4000), "description", "before")
	}
	many := w.backup(first.ID)
	for i := range 12 {
		begin(capture.CreateSetRequest(longName(i, 200), capture.Selection{PolicyTypes: backupTypes[2:]}))
	}
	drift := begin(restore.DriftRequest(few.BackupSetID, restore.DriftParams{}))
	preview := begin(restore.PreviewRequest(few.BackupSetID, restore.PreviewParams{Options: restore.Options{Existing: restore.Overwrite}}))
	for _, s := range must(w.cfg.Scheduler.List(ctx, tenant, owner, backupsched.Filter{}, runs.PageRequest{Limit: 30}))(t).Items {
		must2(w.cfg.Scheduler.RunNow(ctx, tenant, owner, s.ID))(t)
	}
	policies := must(w.cfg.Archive.Policies(ctx, tenant, owner, backupset.PolicyFilter{Search: "few"}, runs.PageRequest{Limit: 1}))(t)
	for _, p := range policies.Items {
		entrances = append(entrances, tenantPath("policies", p.ID))
	}
	return w, append(entrances,
		tenantPath("schedules"), tenantPath("runs"), tenantPath("runs", many.ID), tenantPath("sets", few.BackupSetID), tenantPath("sets", many.BackupSetID),
		tenantPath("sets", many.BackupSetID, "compare")+"?with="+string(few.BackupSetID), tenantPath("drift", drift.ID), tenantPath("restore", "previews", preview.ID),
		tenantPath("restore", "items")+"?set="+string(few.BackupSetID), tenantPath("sets", "new")+"?q=", tenantPath("policies"), tenantPath("audit"),
	), many.BackupSetID
}

// However long the names of everything are, no page is larger than a page may be.
func TestNoPageIsLargerThanAPageMayBe(t *testing.T) {
	testenv.SlowUnderRace(t)
	w, entrances, large := crowdedWithNames(t)
	chosen := url.Values{"set": {string(large)}, "in": {string(device)}}
	for _, i := range must(w.store.ListSetItems(t.Context(), tenant, large, backupset.SetItemFilter{}, runs.Slice{Limit: 200}))(t)[:200] {
		chosen.Add("item", string(i.ID))
	}
	entrances = append(entrances, tenantPath("restore", "items")+"?"+chosen.Encode())
	shown, _ := w.crawl(entrances...)
	for at, body := range shown {
		if len(body) > mostPage {
			t.Errorf("%.200s has %d bytes", at, len(body))
		}
	}
	if len(shown) < 40 {
		t.Errorf("%d pages: the test looks at nothing", len(shown))
	}
	for _, list := range []string{"schedules", "audit"} {
		if got := w.get(owner, tenantPath(list)+"?limit=26"); got.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s with more rows than that: %s", list, got.Status)
		}
	}
}

func TestALongNameIsCutInListsAndWholeOnItsOwnPage(t *testing.T) {
	w := newWorld(t, nil)
	long := strings.Repeat("Baseline ", 100) + "end"
	w.put("long", long, "description", "x")
	set := w.backup(w.schedule(nil).ID).BackupSetID
	policy := w.policyOf("long")
	for at, whole := range map[string]bool{
		tenantPath("policies"): false, tenantPath("sets", set) + "?q=baseline": false,
		tenantPath("policies", policy.ID): true, tenantPath("sets", set, "items", w.itemOf(set, "long")): true,
	} {
		got := w.get(owner, at)
		got.has(t, long[:100])
		if strings.Contains(got.body, "<bdi>"+long+"</bdi>") != whole || !whole && !strings.Contains(got.body, "…</bdi>") {
			t.Errorf("%s shows the whole name: %t", at, !whole)
		}
	}
}
