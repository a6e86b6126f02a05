package backupset_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// oneRun answers for the run "made" of the tenant "t": with an import from elsewhere, or with err.
type oneRun struct{ err error }

func (s oneRun) GetRun(_ context.Context, tenant graph.TenantID, id runs.ID) (runs.Run, error) {
	if tenant != "t" || id != "made" {
		return runs.Run{}, runs.ErrNotFound
	}
	return runs.Run{Kind: runs.KindSetImport, Summary: []byte(`{"source":{"tenant":"elsewhere","name":"Weekly"}}`)}, s.err
}

func TestTheOriginOfASetIsReadFromTheRunThatMadeIt(t *testing.T) {
	got, err := backupset.ReadOrigin(t.Context(), oneRun{}, backupset.BackupSet{TenantID: "t", RunID: "made"})
	want := backupset.Origin{Imported: true, TenantID: "elsewhere", SetName: "Weekly"}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
}

// TestASetWhoseRunCannotBeReadIsNotTakenForTheTenantsOwn: its ids might be somebody else's.
func TestASetWhoseRunCannotBeReadIsNotTakenForTheTenantsOwn(t *testing.T) {
	down := errors.New("the database is down")
	set := backupset.BackupSet{TenantID: "t", RunID: "made"}
	if got, err := backupset.ReadOrigin(t.Context(), oneRun{down}, set); !errors.Is(err, down) || got.Own("t") {
		t.Errorf("%+v, %v", got, err)
	}
	set.RunID = "gone"
	if got, err := backupset.ReadOrigin(t.Context(), oneRun{}, set); !errors.Is(err, runs.ErrNotFound) || got.Own("t") {
		t.Errorf("of a run that is not there: %+v, %v", got, err)
	}
}

// TestTheOriginOfASetOfAScheduleNeedsNoRun: it was captured.
func TestTheOriginOfASetOfAScheduleNeedsNoRun(t *testing.T) {
	got, err := backupset.ReadOrigin(t.Context(), oneRun{}, backupset.BackupSet{TenantID: "t", ScheduleID: "nightly", RunID: "gone"})
	if d := cmp.Diff(backupset.Origin{TenantID: "t"}, got); d != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
}
