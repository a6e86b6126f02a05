package bunstore_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/uuidv7"
	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/transfer"
	"github.com/tenantatlas/tenantbackup/store"
	"github.com/tenantatlas/tenantbackup/store/bunstore"
	"github.com/tenantatlas/tenantbackup/store/pgstore"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

// spoiled is a store of three tenants, and what changes it behind its back.
type spoiled struct {
	testing.TB
	*bunstore.Store
	owner *bunstore.Store // of the tables
	exec  func(query string)
	rows  func(query string) []string
	log   strings.Builder
	now   time.Time
	ids   *uuidv7.Generator
}

// theFirst is the tenant whose rows are damaged: it comes first in every order.
const theFirst graph.TenantID = "adatum"

var threeTenants = []graph.TenantID{theFirst, "contoso", "fabrikam"}

// spoil runs a test on every kind of store.
func spoil(t *testing.T, test func(t *testing.T, s *spoiled)) {
	t.Helper()
	on := func(name string, open func(t *testing.T, s *spoiled)) {
		t.Run(name, func(t *testing.T) {
			s := &spoiled{TB: t, now: time.Now().UTC().Truncate(time.Microsecond)}
			at := s.now.Add(-time.Hour)
			s.ids = uuidv7.NewGenerator(func() time.Time { return at })
			open(t, s)
			test(t, s)
		})
	}
	on("SQLite", func(t *testing.T, s *spoiled) {
		opened, path := newStore(t, sqlitestore.Options{})
		db := rawDB(t, path)
		s.Store, s.owner = opened.Store, opened.Store
		s.exec = func(query string) {
			if _, err := db.Exec(query); err != nil {
				t.Fatal(err)
			}
		}
		s.rows = func(query string) []string {
			return rawStrings(t, db, strings.ReplaceAll(query, "t::text", `quote(tenant_id) || quote(id) || quote(row_sum) || quote(updated_at)`))
		}
	})
	for _, secure := range []bool{false, true} {
		name := "Postgres"
		if secure {
			name += " with row-level security"
		}
		on(name, func(t *testing.T, s *spoiled) {
			d, secured := migrated(t)
			s.Store, s.owner = secured.Store, d.open(d.url, pgstore.Options{}).Store
			if !secure {
				s.Store = s.owner
			}
			s.exec, s.rows = func(query string) { d.exec(query) }, d.strings
		})
	}
}

func (s *spoiled) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *spoiled) logger() *slog.Logger { return slog.New(slog.NewTextHandler(&s.log, nil)) }

// logged checks that one line names the damaged row, and no line another tenant.
func (s *spoiled) logged(id runs.ID) {
	s.Helper()
	log := s.log.String()
	if strings.Count(log, "damaged in the store") != 1 || !strings.Contains(log, "tenant="+string(theFirst)) || !strings.Contains(log, string(id)) ||
		strings.Contains(log, "contoso") || strings.Contains(log, "fabrikam") {
		s.Errorf("log:\n%s", log)
	}
}

// found checks that a check of the store finds the row and nothing else.
func (s *spoiled) found(table string, id runs.ID) {
	s.Helper()
	report, err := s.Check(s.Context(), store.CheckOptions{})
	s.ok(err)
	if len(report.Problems) == 0 {
		s.Error("a check finds nothing")
	}
	for _, p := range report.Problems {
		if p.Table == table && p.Tenant == string(theFirst) && p.ID == string(id) {
			return
		}
	}
	s.Errorf("a check does not find the row: %+v", report.Problems)
}

// dueOfEach stores a due schedule for each tenant, that of the first due before the others.
func (s *spoiled) dueOfEach() (ids []runs.ID) {
	s.Helper()
	var list []backupsched.Schedule
	for i, tenant := range threeTenants {
		list = append(list, backupsched.Schedule{
			ID: runs.ID(s.ids.New()), TenantID: tenant, Name: "Nightly", Enabled: true,
			Recurrence:  backupsched.Recurrence{Frequency: backupsched.Daily, TimeOfDay: s.now.Format("15:04"), Timezone: "UTC"},
			PolicyTypes: []graph.PolicyType{"settingsCatalogPolicy"}, RetentionKeepLast: 3,
			NextRunAt: s.now.Truncate(time.Minute).Add(time.Duration(min(i, 1)) * time.Microsecond), CreatedAt: s.now, UpdatedAt: s.now,
		})
		ids = append(ids, list[i].ID)
	}
	s.ok(s.ImportSchedules(s.Context(), list))
	return ids
}

func TestADamagedScheduleDoesNotKeepThoseOfOthersFromBeingDispatched(t *testing.T) {
	for what, damage := range map[string]func(s *spoiled){
		"a changed column": func(s *spoiled) {
			s.exec("UPDATE tb_schedules SET name = 'Nightlz' WHERE tenant_id = '" + string(theFirst) + "'")
		},
		"what no schedule is, with its checksum": func(s *spoiled) { s.ok(s.SpoilSchedules(s.Context(), string(theFirst))) },
	} {
		t.Run(what, func(t *testing.T) {
			spoil(t, func(t *testing.T, s *spoiled) {
				ids := s.dueOfEach()
				damage(s)
				const all = "SELECT t::text FROM tb_schedules AS t WHERE tenant_id = '" + string(theFirst) + "'"
				before := s.rows(all)
				d, err := backupsched.NewDispatcher(backupsched.DispatcherConfig{
					Store: s, Queue: nowhere{}, Clock: &day{now: s.now}, ChunkSize: 1, Logger: s.logger(),
				})
				s.ok(err)
				report, err := d.Tick(t.Context())
				s.ok(err)
				if report.Due != 2 || report.Queued != 2 || report.Damaged != 1 {
					t.Errorf("report %+v", report)
				}
				s.logged(ids[0])
				cycles, err := s.ListAudit(t.Context(), runs.SystemTenant, runs.AuditFilter{}, runs.Slice{Limit: 10})
				s.ok(err)
				for _, c := range cycles {
					if c.Details["damaged"] != "1" {
						t.Errorf("the cycle's entry says %v", c.Details)
					}
				}
				if diff := cmp.Diff(before, s.rows(all)); diff != "" {
					t.Errorf("the damaged row was changed (-before +after):\n%s", diff)
				}
				list, err := s.ListRuns(t.Context(), theFirst, runs.RunFilter{}, runs.Slice{Limit: 10})
				s.ok(err)
				if len(list) != 0 {
					t.Errorf("the damaged schedule has runs: %+v", list)
				}
				if what != "what no schedule is, with its checksum" { // which only a program can store
					s.found("schedules", ids[0])
				}
				moved, err := d.Recompute(t.Context())
				s.ok(err)
				page, err := s.EnabledSchedules(t.Context(), "", 2)
				s.ok(err)
				if moved != 0 || len(page) != 2 || page[0].ID != ids[1] || page[1].ID != ids[2] {
					t.Errorf("%d moved; a page of two enabled schedules is %+v", moved, page)
				}
			})
		})
	}
}

func TestMoreDamagedSchedulesThanAChunkTakesDoNotKeepTheOthersWaiting(t *testing.T) {
	spoil(t, func(t *testing.T, s *spoiled) {
		s.dueOfEach()
		s.exec("UPDATE tb_schedules SET name = 'x' WHERE tenant_id <> 'fabrikam'")
		result, err := s.DispatchDue(t.Context(), backupsched.Chunk{
			Now: s.now, Limit: 1,
			Plan: func(backupsched.Schedule) backupsched.Plan { return backupsched.Plan{NextRunAt: s.now.Add(time.Hour)} },
			Cycle: func(backupsched.ChunkResult) runs.AuditEntry {
				return runs.AuditEntry{ID: runs.ID(s.ids.New()), At: s.now, Action: "dispatch.cycle"}
			},
		})
		s.ok(err)
		if result.Due != 1 || len(result.Damaged) != 2 {
			t.Errorf("%+v", result)
		}
	})
}

func TestADamagedRowIsNotReportedUnderTheKeyOfAnother(t *testing.T) {
	opened, path := newStore(t, sqlitestore.Options{})
	at := time.Now()
	s := &spoiled{TB: t, Store: opened.Store, now: at, ids: uuidv7.NewGenerator(func() time.Time { return at })}
	s.dueOfEach()
	rawExec(t, rawDB(t, path), "UPDATE tb_schedules SET tenant_id = X'0102', id = X'03' WHERE tenant_id = 'contoso'")
	list, err := opened.EnabledSchedules(t.Context(), "", 10)
	s.ok(err)
	if len(list) != 2 {
		t.Errorf("%d enabled schedules", len(list))
	}
	result, err := opened.DispatchDue(t.Context(), backupsched.Chunk{
		Now: s.now.Add(time.Minute), Limit: 10,
		Plan: func(backupsched.Schedule) backupsched.Plan { return backupsched.Plan{NextRunAt: s.now.Add(time.Hour)} },
		Cycle: func(backupsched.ChunkResult) runs.AuditEntry {
			return runs.AuditEntry{ID: runs.ID(s.ids.New()), At: s.now, Action: "dispatch.cycle"}
		},
	})
	s.ok(err)
	if len(result.Damaged) != 1 || result.Damaged[0].TenantID != "" || result.Damaged[0].ID != "" {
		t.Errorf("%+v", result)
	}
}

func TestADamagedRunDoesNotKeepASweepFromTheRunsOfOthers(t *testing.T) {
	for _, status := range []runs.Status{runs.StatusRunning, runs.StatusQueued} {
		t.Run(string(status), func(t *testing.T) {
			spoil(t, func(t *testing.T, s *spoiled) {
				var list []runs.Run
				for _, tenant := range threeTenants {
					r := runs.Run{
						ID: runs.ID(s.ids.New()), TenantID: tenant, Kind: "example.report", Trigger: runs.TriggerSystem, Actor: runs.SystemActor,
						Status: status, Key: "k", CreatedAt: s.now.Add(-time.Hour), UpdatedAt: s.now.Add(-time.Hour),
					}
					if status == runs.StatusRunning {
						r.StartedAt, r.AttemptStartedAt, r.LeaseUntil, r.LeaseToken, r.LeaseOwner, r.Attempt, r.Lane = r.CreatedAt, r.CreatedAt, r.CreatedAt, 1, "gone", 1, 1
					}
					list = append(list, r)
				}
				s.ok(s.ImportRuns(t.Context(), list))
				s.exec("UPDATE tb_runs SET actor_name = 'Systen' WHERE tenant_id = '" + string(theFirst) + "'")
				const all = "SELECT t::text FROM tb_runs AS t WHERE tenant_id = '" + string(theFirst) + "'"
				before := s.rows(all)
				var end runs.SweepEnd
				var jobs []runs.Job
				runner, err := runs.NewRunner(runs.Config{
					Store: s, Queue: kept{jobs: &jobs}, Executors: []runs.Executor{idle{}}, Logger: s.logger(),
					Observer: runs.Observer{Swept: func(_ context.Context, e runs.SweepEnd) { end = e }},
				})
				s.ok(err)
				_, err = runner.Sweep(t.Context())
				s.ok(err)
				var queued []runs.ID
				for _, j := range jobs {
					queued = append(queued, j.RunID)
				}
				slices.Sort(queued)
				if diff := cmp.Diff([]runs.ID{list[1].ID, list[2].ID}, slices.Compact(queued)); diff != "" || end.Damaged != 1 || end.Failed {
					t.Errorf("%+v; brought back (-want +got):\n%s", end, diff)
				}
				s.logged(list[0].ID)
				if diff := cmp.Diff(before, s.rows(all)); diff != "" {
					t.Errorf("the damaged row was changed (-before +after):\n%s", diff)
				}
				s.found("runs", list[0].ID)
				if page, err := s.StrandedRuns(t.Context(), runs.Stranded{QueuedBefore: s.now.Add(time.Hour), Limit: 1}); err != nil || len(page) != 1 || page[0].ID != list[1].ID {
					t.Errorf("the first page of one is %+v, error %v", page, err)
				}
				if line, err := s.WaitingRuns(t.Context(), theFirst, 1); err != nil || len(line) != 0 {
					t.Errorf("whose turn it is in the tenant: %+v, error %v", line, err)
				}
			})
		})
	}
}

func TestADamagedUploadOrSetDoesNotKeepThoseOfOthersFromBeingRemoved(t *testing.T) {
	spoil(t, func(t *testing.T, s *spoiled) {
		for _, tenant := range threeTenants {
			s.ok(s.AddUpload(t.Context(), tenant, transfer.Upload{ID: runs.ID(s.ids.New()), CreatedAt: s.now.Add(-48 * time.Hour)}, transfer.Bounds{}))
			w := newWorker(t, s, tenant, 1)
			_, sets := w.days(1)
			_, err := s.ChangeSet(t.Context(), tenant, sets[0].ID, func(_ time.Time, set backupset.BackupSet) (backupset.SetChange, error) {
				set.DeletedAt, set.DeletedReason = s.now.AddDate(-1, 0, 0), "manual"
				return backupset.SetChange{Set: set}, nil
			})
			s.ok(err)
		}
		s.exec("UPDATE tb_uploads SET size = 7 WHERE tenant_id = '" + string(theFirst) + "'")
		s.exec("UPDATE tb_backup_sets SET name = 'x' WHERE tenant_id = '" + string(theFirst) + "'")
		starter, err := runs.NewStarter(runs.StarterConfig{Store: s, Queue: nowhere{}, Authorizer: allowing{}})
		s.ok(err)
		u, err := transfer.NewUploader(transfer.UploaderConfig{Store: s, Guard: starter.Guard()})
		s.ok(err)
		if n, err := u.Sweep(t.Context()); n != 2 || err == nil {
			t.Errorf("%d uploads were removed, error %v", n, err)
		}
		keeper, err := retention.New(retention.Config{Store: s, Starter: starter})
		s.ok(err)
		if report, err := keeper.Purge(t.Context()); report.Sets != 2 || report.Failed != 1 || err == nil {
			t.Errorf("purged %+v, error %v", report, err)
		}
	})
}

// allowing lets everybody do everything.
type allowing struct{}

func (allowing) Authorize(context.Context, graph.TenantID, runs.Actor, runs.Action) error { return nil }
