package runs_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
)

// TestARequestThatComesTwiceWithItsIDStartsOneRun, also when that has ended meanwhile.
func TestARequestThatComesTwiceWithItsIDStartsOneRun(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: 3})
	id := r.Starter.Guard().NewID()
	start := func(actor runs.Actor, name string) (runs.Run, bool, error) {
		req := capture.CreateSetRequest(name, capture.Selection{Everything: true})
		req.ID = id
		return r.Starter.Start(t.Context(), rig.Tenant, actor, req)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	created := 0
	for range 6 {
		wg.Go(func() {
			run, reused, err := start(rig.Owner, "Once")
			mu.Lock()
			defer mu.Unlock()
			if err != nil || run.ID != id {
				t.Errorf("started %s, error %v", run.ID, err)
			}
			if !reused {
				created++
			}
		})
	}
	wg.Wait()
	r.Drain()
	run, reused, err := start(rig.Owner, "Once")
	if created != 1 || err != nil || !reused || run.ID != id || run.Status != runs.StatusSuccess {
		t.Errorf("created %d times; after its end it is %s %s, reused %v, error %v", created, run.ID, run.Status, reused, err)
	}
	for what, again := range map[string]func() (runs.Run, bool, error){
		"something else": func() (runs.Run, bool, error) { return start(rig.Owner, "Another") },
		"somebody else":  func() (runs.Run, bool, error) { return start(rig.Operator, "Once") },
	} {
		var conflict *runs.ConflictError
		if run, _, err := again(); !errors.As(err, &conflict) || conflict.Code != "run_exists" {
			t.Errorf("%s with the same id: %s, error %v, want run_exists", what, run.ID, err)
		}
	}
	sets, err := r.Store.ListSets(t.Context(), rig.Tenant, backupset.SetFilter{}, runs.Slice{Limit: 10})
	if err != nil || len(sets) != 1 {
		t.Errorf("%d sets, error %v, want 1", len(sets), err)
	}
	id = "no-id"
	var invalid *runs.InvalidError
	if _, _, err := start(rig.Owner, "Once"); !errors.As(err, &invalid) || invalid.Fields[0].Field != "id" {
		t.Errorf("an id that is none: %v", err)
	}
}
