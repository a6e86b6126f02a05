package pages_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/runs"
)

// A run that was refused leads to the permissions, which say what of that is granted by now.
func TestARunThatWasRefusedIsHeldAgainstWhatIsGrantedNow(t *testing.T) {
	w := newWorld(t, nil)
	everything := must(w.graph.Permissions(t.Context(), tenant))(t)
	check(t, w.graph.Grant(tenant, "DeviceManagementConfiguration.Read.All", "Group.Read.All"))
	run := w.backup(w.schedule(of("Nightly", device, "conditionalAccessPolicy")).ID)
	if run.ErrorCode != runs.CodeGraphForbidden {
		t.Fatalf("the run is %s %s", run.Status, run.ErrorCode)
	}
	page := tenantPath("permissions") + "?run=" + string(run.ID)
	w.get(operator, tenantPath("runs", run.ID)).has(t, `href="`+page+`"`, "When it is granted by now, retry at once.")
	w.get(operator, tenantPath("sets", run.BackupSetID)).has(t, `href="`+page+`"`)

	lacks := w.get(operator, page)
	lacks.shows(t, "What the run was refused", "refused policies of 1 type. The app still lacks what it needs. Grant that, then retry the run.",
		"Conditional Access policies : refused then, not permitted now, lacks Policy.Read", `href="`+tenantPath("runs", run.ID)+`"><bdi>Backup: Nightly`)
	lacks.lacks(t, "Retry the run</button>", "Device configuration profiles</strong>: refused")

	check(t, w.graph.Grant(tenant, everything...))
	granted := w.get(operator, page)
	granted.shows(t, "Refused then, granted now", "The app has every permission now that it needs. Retry the run.", "permitted now", "Nothing is missing")
	granted.has(t, `action="`+tenantPath("runs", run.ID, "retry")+`"`)
	reader := w.get(readonly, page)
	reader.shows(t, "Refused then, granted now", "The run can be retried from its page, by who may start one of its kind.")
	reader.lacks(t, "Retry the run</button>")
	if got := w.post(operator, tenantPath("runs", run.ID, "retry"), nil); got.StatusCode != http.StatusSeeOther {
		t.Errorf("the retry: %s", got.Status)
	}
	w.drain()

	// What another run was refused is not this one's, and a run that was refused nothing has no section.
	fine := w.backup(w.schedule(of("Fine", device)).ID)
	w.get(operator, tenantPath("permissions")+"?run="+string(fine.ID)).lacks(t, "refused then", "granted now")
	w.get(operator, tenantPath("permissions")).lacks(t, "granted now")
	if got := w.get(operator, tenantPath("permissions")+"?run=nonsense"); got.StatusCode != http.StatusForbidden && got.StatusCode != http.StatusNotFound {
		t.Errorf("no such run: %s", got.Status)
	}

	// One policy that was refused counts as well.
	check(t, w.graph.Inject(graphtest.Fault{Op: graphtest.OpItem, Type: device, ID: w.object(0).ID, Times: 1, Err: &graph.Error{Kind: graph.KindForbidden}}))
	one := w.backup(w.schedule(of("One", device)).ID)
	w.get(operator, tenantPath("permissions")+"?run="+string(one.ID)).shows(t, "Device configuration profiles : refused then, permitted now")
}

// A restore was refused writing, which reading alone does not mend.
func TestARestoreThatWasRefusedIsHeldAgainstWhatItWrites(t *testing.T) {
	w := newWorld(t, nil)
	everything := must(w.graph.Permissions(t.Context(), tenant))(t)
	at := w.restoreOf(w.damage(), url.Values{"existing": {"overwrite"}})
	check(t, w.graph.Grant(tenant, "DeviceManagementConfiguration.Read.All"))
	w.drain()
	run := w.get(manager, at)
	page := tenantPath("permissions") + "?run=" + at[strings.LastIndex(at, "/")+1:]
	run.has(t, `href="`+page+`"`)
	w.get(manager, page).shows(t, "The app still lacks what it needs.", "Device configuration profiles : refused then, not permitted now, lacks DeviceManagementConfiguration.ReadWrite.All")
	check(t, w.graph.Grant(tenant, everything...))
	w.get(manager, page).shows(t, "Refused then, granted now")
	w.get(operator, page).lacks(t, "Retry the run</button>") // may not restore
}
