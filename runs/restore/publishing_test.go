package restore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// lostApp is a world whose one app was deleted after its backup, and a preview that makes it
// again. Graph takes so long to publish an app.
func lostApp(t *testing.T, lag time.Duration, build func(testing.TB, rig.Options) *world) (*world, runs.ID, runs.ID) {
	t.Helper()
	w := build(t, rig.Options{Policies: 1, Graph: graphtest.Config{PublishLag: lag}})
	w.put(rig.Tenant, "mobileApp", `{"@odata.type":"#microsoft.graph.winGetApp","id":"6f1c1b2e-6f1e-4d58-9a52-52d7a9b1c001","displayName":"Reader",`+
		`"publisher":"Contoso","packageIdentifier":"9WZDNCRFJ3PT","publishingState":"published"}`, assignedTo(w.Graph.Groups(rig.Tenant)[0].ID), graph.Part{Name: "categories", Raw: []byte("[]")})
	set := w.backup()
	var p restore.PreviewParams
	p.Options = overwrite
	for _, item := range w.SetItems(set) {
		if item.Name == "Reader" {
			p.ItemIDs = append(p.ItemIDs, item.ID)
			w.ok(w.Graph.Delete(rig.Tenant, item.Type, item.ExternalID))
		}
	}
	return w, set, w.previewRun(rig.Tenant, set, p).ID
}

func inMemory(t testing.TB, o rig.Options) *world {
	return newWorld(t, o, nil, restore.PreviewerConfig{})
}

func overHTTP(t testing.TB, o rig.Options) *world {
	w, _ := throughServer(t, o)
	return w
}

func TestAnAppIsAssignedOnceItIsPublished(t *testing.T) {
	for name, build := range map[string]func(testing.TB, rig.Options) *world{"in memory": inMemory, "over HTTP": overHTTP} {
		t.Run(name, func(t *testing.T) {
			w, _, preview := lostApp(t, 45*time.Second, build)
			began := w.Clock.Now()
			run := w.execute(rig.Tenant, preview)
			if run.Status != runs.StatusSuccess || run.Attempt < 2 {
				t.Fatalf("%s in %d attempts: %v", run.Status, run.Attempt, w.outcomes(rig.Tenant, run.ID))
			}
			if passed := w.Clock.Now().Sub(began); passed < 45*time.Second || passed > 2*time.Minute {
				t.Errorf("it was assigned after %s", passed)
			}
			if made, assigned := w.Graph.Count(rig.Tenant, graphtest.OpCreate, "mobileApp"), w.Graph.Count(rig.Tenant, graphtest.OpAssign, "mobileApp"); made != 1 || assigned != 1 {
				t.Errorf("it was made %d times and assigned %d times; want once each", made, assigned)
			}
		})
	}
}

func TestAnAppThatIsNotPublishedInTimeSaysThatItIsNotAssigned(t *testing.T) {
	w, _, preview := lostApp(t, time.Hour, inMemory)
	began := w.Clock.Now()
	run := w.execute(rig.Tenant, preview)
	if run.Status != runs.StatusFailed || run.ErrorCode != runs.CodeItemsFailed {
		t.Errorf("the run is %s %s", run.Status, run.ErrorCode)
	}
	for _, i := range w.outcomes(rig.Tenant, run.ID) {
		if i.Status != runs.ItemFailed || i.Reason != runs.ReasonNotAssigned || i.TargetID == "" || !strings.Contains(i.Message, "published") {
			t.Errorf("%+v; want the app that was made and is not assigned", i)
		}
	}
	if passed := w.Clock.Now().Sub(began); passed < 2*time.Minute || passed > 3*time.Minute {
		t.Errorf("it was given up after %s", passed)
	}
	if n := w.Graph.Count(rig.Tenant, graphtest.OpAssign, "mobileApp"); n != 0 {
		t.Errorf("it was assigned %d times before it was published", n)
	}
}

func TestARetryAssignsWhatIsPublishedByThen(t *testing.T) {
	w, set, preview := lostApp(t, time.Hour, inMemory)
	run := w.execute(rig.Tenant, preview)
	w.Clock.Add(2 * time.Hour)
	again, _, err := w.starter.Retry(t.Context(), rig.Tenant, rig.Owner, run.ID)
	w.ok(err)
	w.drain()
	if run = w.execute(rig.Tenant, again.ID); run.Status != runs.StatusSuccess {
		t.Fatalf("%s: %v (set %s)", run.Status, w.outcomes(rig.Tenant, run.ID), set)
	}
	if made, assigned := w.Graph.Count(rig.Tenant, graphtest.OpCreate, "mobileApp"), w.Graph.Count(rig.Tenant, graphtest.OpAssign, "mobileApp"); made != 1 || assigned != 1 {
		t.Errorf("it was made %d times and assigned %d times; want once each", made, assigned)
	}
}
