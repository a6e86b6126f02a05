package pages_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// A set is made before its run does anything, and stays when that comes to nothing.
func TestASetWithNothingInItSinceItsRunFailedSaysSoAndIsOfferedForNothing(t *testing.T) {
	w := newWorld(t, nil)
	whole := w.byHand("Whole")
	w.clock.Add(time.Minute)
	hollow := w.set(w.started(w.upload(manager, "Hollow", "x.zip", strings.NewReader("none"))).BackupSetID)
	if hollow.Status != backupset.Partial || hollow.ItemsCount != 0 {
		t.Fatalf("the set of the failed import is %s with %d policies", hollow.Status, hollow.ItemsCount)
	}
	const says = "its run did not succeed"
	list := w.get(manager, tenantPath("sets"))
	list.has(t, says)
	if n := strings.Count(list.body, says); n != 1 {
		t.Errorf("%d sets of the list say so", n)
	}
	own := w.get(owner, tenantPath("sets", hollow.ID))
	own.shows(t, "This set is empty, and no backup")
	own.has(t, says, tenantPath("runs", hollow.RunID), tenantPath("sets", hollow.ID, "delete"))
	for _, not := range []string{"compare", "add", "verify", "drift", "export"} {
		own.lacks(t, `"`+tenantPath("sets", hollow.ID, not)+`"`)
	}
	own.lacks(t, "Restore from this set")

	option := `<option value="` + string(hollow.ID) + `"`
	w.get(owner, tenantPath("sets", whole.ID)).lacks(t, option)
	w.get(owner, tenantPath("sets", whole.ID, "compare")).lacks(t, option)
	w.get(owner, tenantPath("policies", w.sync()[0].ID)).lacks(t, option)
	restore := w.get(owner, tenantPath("restore"))
	restore.has(t, says, "set="+string(whole.ID))
	restore.lacks(t, "set="+string(hollow.ID))
}

// threeNights are the sets of a schedule. In the second night Graph showed lists, and refused every
// policy; before the third somebody made a set by hand.
func (w *world) threeNights() (first, refused, last runs.ID) {
	w.t.Helper()
	s := w.schedule(func(d *backupsched.Draft) { d.PolicyTypes = backupTypes[:2] })
	first = w.backup(s.ID).BackupSetID
	w.clock.Add(time.Hour)
	check(w.t, w.graph.Inject(graphtest.Fault{Tenant: tenant, Op: graphtest.OpItem, Times: -1, Err: &graph.Error{Kind: graph.KindForbidden}}))
	refused = w.backup(s.ID).BackupSetID
	w.graph.ClearFaults()
	if set := w.set(refused); set.Status != backupset.Partial || set.ItemsCount != 0 {
		w.t.Fatalf("the refused set is %s with %d policies", set.Status, set.ItemsCount)
	}
	w.clock.Add(time.Hour)
	w.byHand("By hand")
	w.clock.Add(time.Hour)
	return first, refused, w.backup(s.ID).BackupSetID
}

func TestANightInWhichEverythingWasRefusedSaysWhatIsMissing(t *testing.T) {
	w := newWorld(t, nil)
	_, refused, _ := w.threeNights()
	w.get(readonly, tenantPath("sets", refused)).shows(t, "What is missing This set is empty, and no backup", "could not be captured, as the app lacks a permission")
}

// A night without anything does not hide what changed since the night before.
func TestWhatChangedIsCountedSinceTheLastSetThatHoldsSomething(t *testing.T) {
	w := newWorld(t, nil)
	first, refused, last := w.threeNights()
	got := w.get(readonly, tenantPath("sets", last))
	to, err := url.Parse(got.link(t, "Show the changes"))
	check(t, err)
	if with := runs.ID(to.Query().Get("with")); with != first {
		t.Errorf("what changed is counted since %s, want %s: the one between, %s, is empty", with, first, refused)
	}
}

func TestAComparisonIsOfferedWithTheLastSetOfTheScheduleThatHoldsSomething(t *testing.T) {
	w := newWorld(t, nil)
	first, refused, last := w.threeNights()
	for _, path := range []string{tenantPath("sets", last), tenantPath("sets", last, "compare")} {
		got := w.get(readonly, path)
		got.has(t, `<option value="`+string(first)+`" selected>`)
		got.lacks(t, `<option value="`+string(refused)+`"`)
	}
}
