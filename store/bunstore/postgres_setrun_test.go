package bunstore_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/store/pgstore"
)

// jobs is an enqueuer that notes what it is given, or refuses it.
type jobs struct {
	given []runs.ID
	err   error
}

func (j *jobs) EnqueueTx(_ context.Context, _ *sql.Tx, list ...runs.Job) error {
	for _, job := range list {
		j.given = append(j.given, job.RunID)
	}
	return j.err
}

func TestARunWithItsSetIsQueuedInTheSameTransaction(t *testing.T) {
	queue := &jobs{err: errors.New("the queue is full")}
	p := newPair(t, pgstore.Options{Enqueuer: queue})
	s := p.two[0]
	create := func(run, set runs.ID) (runs.Run, bool, error) {
		return s.CreateSetRun(t.Context(), "contoso", runs.Run{
			ID: run, Kind: runs.KindSetCreate, Trigger: runs.TriggerManual, Status: runs.StatusQueued, Key: "one",
			BackupSetID: set, Target: runs.Target{Type: "backup_set", ID: set}, CreatedAt: began, UpdatedAt: began,
		}, "manual", runs.Trail{})
	}
	const a, b, c, d = "01980000-0000-7000-8000-0000000000a1", "01980000-0000-7000-8000-0000000000a2", "01980000-0000-7000-8000-0000000000b1", "01980000-0000-7000-8000-0000000000b2"
	if _, _, err := create(a, b); !errors.Is(err, queue.err) {
		t.Errorf("error %v, want that of the queue", err)
	}
	_, err := s.GetRun(t.Context(), "contoso", a)
	wantError(t, err, runs.ErrNotFound)
	_, err = s.GetSet(t.Context(), "contoso", b)
	wantError(t, err, runs.ErrNotFound)

	queue.given, queue.err = nil, nil
	for want, ids := range [][2]runs.ID{{a, b}, {c, d}} {
		stored, created, err := create(ids[0], ids[1])
		if err != nil || stored.ID != a || created != (want == 0) {
			t.Errorf("start %d: run %s, created %t, error %v", want, stored.ID, created, err)
		}
	}
	if len(queue.given) != 1 || queue.given[0] != a {
		t.Errorf("queued %v, want the first run once", queue.given)
	}
	sets, err := s.ListSets(t.Context(), "contoso", backupset.SetFilter{}, runs.Slice{Limit: 10})
	if err != nil || len(sets) != 1 || sets[0].ID != b {
		t.Errorf("sets %+v, error %v", sets, err)
	}
}
