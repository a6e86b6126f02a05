package restore_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// killer ends an attempt at its n-th write, or as its n-th step is stored: before, or when it
// is done.
type killer struct {
	graph.Client
	restore.ExecuteStore
	after bool
	left  int
	kill  func()
}

// around does one step. It returns an error when the attempt ended and the process lives.
func (k *killer) around(ctx context.Context, do func() error) error {
	k.left--
	if k.left == 0 && !k.after {
		k.kill()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	err := do()
	if k.left == 0 && k.after {
		k.kill()
		return context.Cause(ctx)
	}
	return err
}

func (k *killer) Create(ctx context.Context, tenant graph.TenantID, t graph.PolicyType, body json.RawMessage) (id string, err error) {
	err = k.around(ctx, func() error { id, err = k.Client.Create(ctx, tenant, t, body); return err })
	if err != nil {
		id = ""
	}
	return id, err
}

func (k *killer) Update(ctx context.Context, tenant graph.TenantID, t graph.PolicyType, id string, body json.RawMessage) error {
	return k.around(ctx, func() error { return k.Client.Update(ctx, tenant, t, id, body) })
}

func (k *killer) Assign(ctx context.Context, tenant graph.TenantID, t graph.PolicyType, id string, list []json.RawMessage) error {
	return k.around(ctx, func() error { return k.Client.Assign(ctx, tenant, t, id, list) })
}

func (k *killer) SaveSteps(ctx context.Context, tenant graph.TenantID, lease runs.Lease, steps []restore.Step, items []runs.Item) error {
	return k.around(ctx, func() error { return k.ExecuteStore.SaveSteps(ctx, tenant, lease, steps, items) })
}

// names counts the objects of a tenant by type and name.
func (w *world) names(tenant graph.TenantID) map[string]int {
	n := map[string]int{}
	for k, p := range w.Graph.Snapshot(tenant) {
		n[string(k.Type)+" "+p.Name]++
	}
	return n
}

// small fills the tenant with a few policies.
func (w *world) small() {
	w.t.Helper()
	w.fill(2, 3)
}

// fill fills the tenant with policies that refer to others and are assigned.
func (w *world) fill(gadgets, widgets int) {
	w.t.Helper()
	group := w.Graph.Groups(rig.Tenant)[0].ID
	for i := range gadgets {
		w.put(rig.Tenant, "gadget", fmt.Sprintf(`{"id":"g%d","displayName":"Gadget %d","v":1}`, i, i))
	}
	for i := range widgets {
		w.put(rig.Tenant, "widget", widget(fmt.Sprintf("w%d", i), fmt.Sprintf("Widget %d", i), fmt.Sprintf(`"v":1,"gadget":"g%d"`, i%gadgets)), assignedTo(group))
	}
}

// TestARestoreThatIsKilledMakesNothingTwice kills a restore at every write and at every step
// that it stores, before and after, by a panic, which leaves everything as a crash does, and by
// the end of its context. Then it is run again.
func TestARestoreThatIsKilledMakesNothingTwice(t *testing.T) {
	w := newWorld(t, rig.Options{
		Policies: 1, Catalogue: restore.TestTypes(t), Graph: graphtest.Config{CreateLag: 20 * time.Second},
	}, nil, restore.PreviewerConfig{})
	w.small()
	set := w.backup()
	var pick []runs.ID
	for _, item := range w.SetItems(set) {
		if item.Type == "widget" || item.Type == "gadget" {
			pick = append(pick, item.ID)
		}
	}
	want := w.names(rig.Tenant)
	step := 1
	if testenv.RaceDetector { // a sample; .ci/run has them all without it
		step = 4
	}
	for _, mode := range []string{"panic", "context"} {
		for _, after := range []bool{false, true} {
			for at, fired := 1, true; fired; at += step {
				for k, p := range w.Graph.Snapshot(rig.Tenant) {
					switch {
					case k.Type == "widget" && p.Name != "Widget 2" || k.Type == "gadget":
						w.ok(w.Graph.Delete(rig.Tenant, k.Type, k.ID))
					case k.Type == "widget":
						p.Parts, p.Raw = nil, json.RawMessage(widget(k.ID, "Widget 2", `"v":2`))
						w.ok(w.Graph.Put(rig.Tenant, p))
					}
				}
				first := w.previewRun(rig.Tenant, set, restore.PreviewParams{ItemIDs: pick, Options: overwrite})
				ctx, cancel := context.WithCancel(t.Context())
				k := &killer{Client: w.Graph, ExecuteStore: w.Store, after: after, left: at}
				k.kill = func() {
					if mode == "panic" {
						panic("killed")
					}
					cancel()
				}
				w.restoring.Client, w.restoring.Store = k, k
				w.runner = w.newRunner(restore.PreviewerConfig{})
				run := w.start(rig.Tenant, restore.ExecuteRequest(first.ID, because, true))
				for {
					job, found := w.Queue.Take()
					if !found {
						break
					}
					if job.NotBefore.After(w.Clock.Now()) {
						w.Clock.Set(job.NotBefore)
					}
					w.ok(w.runner.Handle(ctx, job))
					if ctx.Err() != nil {
						ctx = t.Context()
					}
				}
				cancel()
				fired = k.left <= 0
				run, err := w.Store.GetRun(t.Context(), rig.Tenant, run.ID)
				w.ok(err)
				name := fmt.Sprintf("%s, after %t, at %d", mode, after, at)
				if got := w.names(rig.Tenant); fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%s: %v", name, got)
				}
				if run.Status != runs.StatusSuccess || run.Counts.Succeeded != len(pick) {
					t.Errorf("%s: %s %s %s, %v", name, run.Status, run.ErrorCode, run.ErrorMessage, said(w.outcomes(rig.Tenant, run.ID)))
				}
				w.restoring = restore.RestorerConfig{}
				w.runner = w.newRunner(restore.PreviewerConfig{})
				w.Clock.Add(time.Minute)
				_, items := w.preview(rig.Tenant, set, restore.PreviewParams{ItemIDs: pick, Options: overwrite})
				if n := actions(items)["unchanged"]; n != len(pick) {
					t.Errorf("%s: afterwards %v", name, actions(items))
				}
				if t.Failed() {
					return
				}
			}
		}
	}
}
