package pages_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
)

// of is a schedule of the given types.
func of(name string, types ...graph.PolicyType) func(*backupsched.Draft) {
	return func(d *backupsched.Draft) { d.Name, d.PolicyTypes = name, types }
}

func TestAComparisonSaysOfWhichTypesASetWasNeverAsked(t *testing.T) {
	w := newWorld(t, nil)
	whole := w.schedule(of("Whole", device, "conditionalAccessPolicy"))
	before := w.backup(whole.ID).BackupSetID
	narrow := w.backup(w.schedule(of("Narrow", device)).ID).BackupSetID
	access := 0
	for k := range w.graph.Snapshot(tenant) {
		if k.Type == "conditionalAccessPolicy" {
			access++
		}
	}
	for path, side := range map[string]string{
		tenantPath("sets", narrow, "compare") + "?with=" + string(before): "after",
		tenantPath("sets", before, "compare") + "?with=" + string(narrow): "before",
	} {
		got := w.get(readonly, path)
		got.shows(t, "The set "+side+", Narrow, Sun 4 Jan 2026, 12:00 UTC , does not cover this type.", fmt.Sprintf(", %d policies", access), "Nothing has changed of what both sets cover.")
		got.lacks(t, "uncertain, neither", "could not", "was asked")
		got.has(t, `removed <span class="n">0</span>`, `added <span class="n">0</span>`, `uncertain <span class="n">0</span>`)
	}
	found := must(w.cfg.Archive.Policies(t.Context(), tenant, owner, backupset.PolicyFilter{Type: device}, runs.PageRequest{}))(t)
	picked, _, err := w.cfg.Starter.Start(t.Context(), tenant, owner, capture.CreateSetRequest("One", capture.Selection{PolicyIDs: []runs.ID{found.Items[0].ID}}))
	check(t, err)
	w.drain()
	w.get(readonly, tenantPath("sets", picked.BackupSetID, "compare")+"?with="+string(before)).shows(t, "The set after, One , has single policies only of this type, which were chosen or came from a file.")

	// The page of a set says it of the one before.
	_, _, err = w.cfg.Scheduler.Update(t.Context(), tenant, owner, whole.ID, backupsched.Patch{PolicyTypes: &[]graph.PolicyType{device}})
	check(t, err)
	w.clock.Add(time.Minute)
	w.get(readonly, tenantPath("sets", w.backup(whole.ID).BackupSetID)).shows(t, "nothing of what both cover,", "This set does not cover 1 policy type that the one before has policies of.")
}

func TestAComparisonSaysWhyATypeIsNotWholeAndInWhichSet(t *testing.T) {
	testenv.SlowUnderRace(t)
	for _, tt := range []struct {
		name string
		kind graph.Kind
		op   graphtest.Op
		want string
	}{
		{"refused", graph.KindForbidden, graphtest.OpList, "Microsoft Graph refused it, or policies of it: a permission or licence was missing."},
		{"throttled", graph.KindThrottled, graphtest.OpList, "The run ended before it came to this type. Microsoft Graph asked to slow down."},
		{"not listed to the end", graph.KindIncomplete, graphtest.OpList, "Its policies could not be listed to the end."},
		{"not readable", graph.KindInvalid, graphtest.OpList, "Its policies could not be listed to the end: refused, or not what this type promises."},
		{"one policy", graph.KindInvalid, graphtest.OpItem, "Not every policy of it could be captured."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, nil)
			s := w.schedule(of("Nightly", "conditionalAccessPolicy", device))
			before := w.backup(s.ID).BackupSetID
			f := graphtest.Fault{Op: tt.op, Type: device, Times: -1, Err: &graph.Error{Kind: tt.kind}}
			if tt.op == graphtest.OpItem {
				f.ID = w.object(0).ID
			}
			check(t, w.graph.Inject(f))
			w.clock.Add(time.Hour)
			run := w.backup(s.ID)
			got := w.get(readonly, tenantPath("sets", run.BackupSetID, "compare")+"?with="+string(before))
			got.shows(t, tt.want, "The set after, Nightly, Sun 4 Jan 2026, 13:00 UTC , was asked for this type and does not have all of it.",
				"It is in the set before only. The set after could not capture all policies of this type, so nobody can say whether it was still there.")
			got.lacks(t, "does not cover")
			got.has(t, `href="`+tenantPath("runs", run.ID)+`">run</a> says more`, `removed <span class="n">0</span>`)
			back := w.get(readonly, tenantPath("sets", before, "compare")+"?with="+string(run.BackupSetID))
			back.shows(t, "The set before, Nightly", "It is in the set after only. The set before could not")
			w.get(readonly, tenantPath("sets", run.BackupSetID)).shows(t, "This set could not capture 1 policy type whole that the one before has policies of.")
		})
	}
}

func TestSetsOfLongAgoCanBeChosenForAComparison(t *testing.T) {
	testenv.SlowUnderRace(t)
	w := newWorld(t, nil)
	other := w.backup(w.schedule(of("Monthly", device)).ID).BackupSetID
	s := w.schedule(of("Nightly", device))
	var sets []runs.ID
	for range 26 {
		w.clock.Add(time.Hour)
		sets = append(sets, w.backup(s.ID).BackupSetID)
	}
	newest := sets[len(sets)-1]
	path := tenantPath("sets", newest, "compare")
	option := func(id runs.ID) string { return `<option value="` + string(id) + `"` }
	first := w.get(readonly, path)
	first.shows(t, "Only the newest backup sets are offered.", "Older sets")
	first.has(t, option(sets[10]))
	first.lacks(t, option(sets[0]), option(other))

	older := w.get(readonly, first.link(t, "Older sets"))
	older.shows(t, "These are older backup sets.", "Newest sets")
	older.has(t, option(sets[0]), option(other))
	older.lacks(t, "Older sets</a>")

	monthly := w.schedule(of("Monthly", device)) // of the same name, without sets
	if got := w.get(readonly, path+"?schedule="+string(monthly.ID)); !strings.Contains(got.body, "There is no other backup set here.") {
		t.Error("a schedule without sets reads as if there were none at all")
	}
	chosen := w.get(readonly, path+"?with="+string(other)) // not among the newest
	chosen.has(t, option(other)+" selected")
	w.get(readonly, path+"?schedule=nonsense").has(t, "s not a schedule of this tenant")
	w.get(readonly, tenantPath("sets", newest)).has(t, `<a href="`+path+`">Choose an older one</a>`)
}

// A policy that was refused is one, and not its whole type.
func TestAPolicyThatWasRefusedIsNotItsType(t *testing.T) {
	w := newWorld(t, nil)
	check(t, w.graph.Inject(graphtest.Fault{Op: graphtest.OpItem, Type: device, ID: w.object(0).ID, Times: -1, Err: &graph.Error{Kind: graph.KindForbidden}}))
	run := w.backup(w.schedule(of("Nightly", device)).ID)
	set := w.get(readonly, tenantPath("sets", run.BackupSetID))
	set.shows(t, "1 policy of 2 could not be captured, as the app lacks a permission or the tenant a licence. See what is granted now")
	set.lacks(t, "None of its policies", "not read")
	page := w.get(readonly, tenantPath("runs", run.ID))
	page.shows(t, "1 ok, 1 failed")
	page.lacks(t, "not read", "could not be read", "not permitted<", `<strong class="bad">all`)
}
