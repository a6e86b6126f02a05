package bunstore_test

import (
	"errors"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/store/bunstore"
)

// TestAProcessGoesOnWhenANewerVersionMigrates: a probe must not end what it is doing.
func TestAProcessGoesOnWhenANewerVersionMigrates(t *testing.T) {
	spoil(t, func(t *testing.T, s *spoiled) {
		ids := s.dueOfEach()
		s.ok(s.owner.ForgeMigrations(t.Context(), true))
		for range 2 { // by a probe, and after it
			wantError(t, s.Ready(t.Context()), bunstore.ErrSchemaNewer)
			_, err := s.GetSchedule(t.Context(), "contoso", ids[1])
			s.ok(err)
			s.ok(s.AppendAudit(t.Context(), "contoso", runs.AuditEntry{ID: runs.ID(s.ids.New()), At: s.now, Actor: runs.SystemActor, Action: "run.started"}))
		}

		// What the newer version wrote in a way of its own is not called damaged.
		s.exec("UPDATE tb_schedules SET row_sum = row_sum + 1 WHERE tenant_id = 'contoso'")
		_, err := s.GetSchedule(t.Context(), "contoso", ids[1])
		if wantError(t, err, bunstore.ErrSchemaNewer); errors.Is(err, backupset.ErrDamaged) {
			t.Error("a newer version's row is called damaged")
		}
		result, err := s.DispatchDue(t.Context(), backupsched.Chunk{
			Now: s.now, Limit: 10,
			Plan: func(backupsched.Schedule) backupsched.Plan { return backupsched.Plan{NextRunAt: s.now.Add(time.Hour)} },
			Cycle: func(backupsched.ChunkResult) runs.AuditEntry {
				return runs.AuditEntry{ID: runs.ID(s.ids.New()), At: s.now, Action: "dispatch.cycle"}
			},
		})
		s.ok(err)
		if result.Due != 2 || len(result.Damaged) != 1 || !errors.Is(result.Damaged[0].Err, bunstore.ErrSchemaNewer) {
			t.Errorf("%+v", result)
		}

		// What it made impossible says why, and the rest goes on.
		s.exec("ALTER TABLE tb_schedules RENAME COLUMN timezone TO zone")
		_, err = s.GetSchedule(t.Context(), "fabrikam", ids[2])
		wantError(t, err, bunstore.ErrSchemaNewer)
		_, err = s.ListSchedules(t.Context(), "contoso", backupsched.Filter{}, runs.Slice{Limit: 1})
		wantError(t, err, bunstore.ErrSchemaNewer)
		_, err = s.ListRuns(t.Context(), "fabrikam", runs.RunFilter{}, runs.Slice{Limit: 1})
		s.ok(err)
	})
}

func TestAProcessWhoseTablesAreGoneSaysSo(t *testing.T) {
	spoil(t, func(t *testing.T, s *spoiled) {
		ids := s.dueOfEach()
		s.exec("DROP TABLE tb_migrations")
		s.exec("ALTER TABLE tb_schedules RENAME TO tb_gone")
		_, err := s.GetSchedule(t.Context(), "contoso", ids[1])
		wantError(t, err, bunstore.ErrNotMigrated)
		wantError(t, s.Ready(t.Context()), bunstore.ErrNotMigrated)
		_, err = s.ListRuns(t.Context(), "contoso", runs.RunFilter{}, runs.Slice{Limit: 1})
		wantError(t, err, bunstore.ErrNotMigrated) // now that it is known, nothing is done
	})
}
