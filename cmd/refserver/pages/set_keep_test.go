package pages_test

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

func TestAHoldIsSeenAtTheTopOfASetsPage(t *testing.T) {
	w := newWorld(t, nil)
	set := w.byHand("One")
	at := tenantPath("sets", set.ID)
	got := w.get(manager, at)
	got.lacks(t, "#holds")
	if holds, contents := strings.Index(got.body, `id="holds"`), strings.Index(got.body, "Contents by type"); holds < 0 || holds > contents {
		t.Errorf("holds are at %d, the contents at %d", holds, contents)
	}
	w.post(manager, at+"/hold", url.Values{"name": {"audit"}, "reason": {"for the year"}})
	w.get(readonly, at).has(t, `<a class="held" href="#holds">`, "held</span>", "for the year")
	bad := w.post(manager, at+"/hold", url.Values{"name": {"second"}})
	bad.has(t, `<details class="part" open>`, `value="second"`)
}

func TestADeletedSetSaysUntilWhenItCanBeBroughtBack(t *testing.T) {
	w := newWorld(t, nil)
	set := w.byHand("One")
	at := tenantPath("sets", set.ID)
	last := w.clock.Now().Add(w.cfg.Retention.UndoWindow()).UTC().Format("Mon 2 Jan 2006, 15:04")
	w.get(manager, at+"/delete").shows(t, "brought back until "+last)
	w.post(manager, at+"/delete", nil)
	w.clock.Add(time.Hour)
	w.get(manager, at).shows(t, "brought back until "+last)
	w.get(readonly, tenantPath("sets")+"?deleted=yes").shows(t, "Can be brought back until", last)
	w.get(readonly, tenantPath("sets")).lacks(t, "Can be brought back until")
}

func TestBringingBackWhatRetentionRemovedTellsOfTheHold(t *testing.T) {
	w := newWorld(t, nil)
	set := w.byHand("One")
	at := tenantPath("sets", set.ID)
	must(w.store.ChangeSet(t.Context(), tenant, set.ID, func(now time.Time, s backupset.BackupSet) (backupset.SetChange, error) {
		s.DeletedAt, s.DeletedReason = now, "beyond_keep_last"
		return backupset.SetChange{Set: s, Trail: runs.Trail{}}, nil
	}))(t)
	w.get(manager, at).shows(t, "a hold is put on it")
	sent := w.post(manager, at+"/undelete", nil)
	sent.leads(t, at+"?notice=set_undeleted_held")
	w.get(manager, sent.Header.Get("Location")).shows(t, "The backup set is back. A hold stands on it now", "#holds")
}

func TestASetThatLacksATypeSaysHowMuchTheOneBeforeHadOfIt(t *testing.T) {
	w := newWorld(t, nil)
	s := w.schedule(nil)
	first := w.set(w.backup(s.ID).BackupSetID)
	had := 0
	for _, m := range first.Types {
		if m.Type == "conditionalAccessPolicy" {
			had = m.Captured
		}
	}
	check(t, w.graph.Inject(graphtest.Fault{
		Tenant: tenant, Op: graphtest.OpList, Type: "conditionalAccessPolicy", Times: -1, Err: &graph.Error{Kind: graph.KindForbidden},
	}))
	w.clock.Add(24 * time.Hour)
	w.backup(s.ID) // which lacks them, too
	w.clock.Add(24 * time.Hour)
	got := w.get(readonly, tenantPath("sets", w.backup(s.ID).BackupSetID))
	words := "The last complete set before has 1 policy of it."
	if had > 1 {
		words = "The last complete set before has " + strconv.Itoa(had) + " policies of it."
	}
	got.shows(t, "None of its policies is in the set", words, "not read")
	got.has(t, `<strong class="bad">all</strong>`)
	w.get(readonly, tenantPath("sets", first.ID)).lacks(t, "not read", "The last complete set before has")
}
