package capture_test

import (
	"context"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
)

// panicking is a store of a host that panics where the executor has a goroutine of its own.
type panicking struct{ capture.Store }

func (panicking) SaveCaptured(context.Context, graph.TenantID, runs.Lease, runs.ID, []backupset.Captured, []runs.Item) error {
	panic("client_secret=canary-51ab")
}

func TestAPanicInAGoroutineOfTheCaptureFailsItsRunAndNotTheProcess(t *testing.T) {
	r := rig.New(t, rig.Options{})
	executor, err := capture.New(capture.Config{Reader: r.Graph, Store: panicking{r.Store}})
	if err != nil {
		t.Fatal(err)
	}
	r.Runner, err = runs.NewRunner(runs.Config{Store: r.Store, Queue: r.Queue, Clock: r.Clock, Executors: []runs.Executor{executor}})
	if err != nil {
		t.Fatal(err)
	}
	run := r.Backup(r.Schedule(only(settings)).ID)
	if run.Status != runs.StatusFailed || run.ErrorCode != runs.CodeInternal || run.ErrorMessage != "capture: storing policies: capture: panicked with a string" {
		t.Errorf("the run is %s %s: %s", run.Status, run.ErrorCode, run.ErrorMessage)
	}
}
