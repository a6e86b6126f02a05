package bunstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/uuidv7"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/restore"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

// planner collects how the database answers what a store really asks.
type planner struct {
	*testing.T
	db      *sql.DB
	mu      sync.Mutex
	queries []string
}

// planning collects from now on what a store asks of the database in a file.
func planning(t *testing.T, s *sqlitestore.Store, path string) *planner {
	t.Helper()
	p := &planner{T: t, db: rawDB(t, path)}
	s.OnQuery(func(query string) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if strings.HasPrefix(query, "SELECT") {
			p.queries = append(p.queries, query)
		}
	})
	return p
}

// asked returns the queries of a call.
func (p *planner) asked(call func() error) []string {
	p.Helper()
	p.mu.Lock()
	p.queries = nil
	p.mu.Unlock()
	if err := call(); err != nil {
		p.Fatal(err)
	}
	return slices.Clone(p.queries)
}

// plans returns the steps of the plans of all queries of a call.
func (p *planner) plans(call func() error) (steps []string) {
	p.Helper()
	for _, query := range p.asked(call) {
		rows, err := p.db.Query("EXPLAIN QUERY PLAN "+query, make([]any, strings.Count(query, "?"))...)
		if err != nil {
			p.Fatalf("%v: %s", err, query)
		}
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				p.Fatal(err)
			}
			if strings.Contains(query, "tb_audit_heads") { // which has one row for each tenant
				detail = strings.ReplaceAll(detail, " t ", " tb_audit_heads ")
			}
			steps = append(steps, detail)
		}
		if err := rows.Close(); err != nil {
			p.Fatal(err)
		}
	}
	return steps
}

// TestQueriesUseTheirIndexes: every query that grows with the data is answered by the index
// that was made for it, and no list is sorted.
func TestQueriesUseTheirIndexes(t *testing.T) {
	s, path := fullStore(t)
	p := planning(t, s, path)
	for _, c := range planCases(t, s) {
		t.Run(c.name, func(t *testing.T) {
			steps := p.plans(c.call)
			for _, want := range c.uses {
				if !slices.ContainsFunc(steps, func(s string) bool { return strings.Contains(s, want) }) {
					t.Errorf("no step uses %q:\n%s", want, strings.Join(steps, "\n"))
				}
			}
			for _, step := range steps {
				if grows(step) && !slices.Contains(c.may, step) {
					t.Errorf("a step grows with the data: %s\n%s", step, strings.Join(steps, "\n"))
				}
			}
		})
	}
}

type planCase struct {
	name string
	call func() error
	uses []string
	may  []string // steps that look as if they grew with the data, but for a reason
}

// grows tells whether a step of a plan looks at everything of a tenant or run.
func grows(step string) bool {
	return strings.HasPrefix(step, "SCAN t") || strings.Contains(step, "TEMP B-TREE FOR") ||
		strings.HasSuffix(step, "PRIMARY KEY (tenant_id=?)") && !strings.HasPrefix(step, "SEARCH tb_audit_heads") || strings.HasSuffix(step, "PRIMARY KEY (run_id=?)")
}

// sorts is for the few rows that are left.
var sorts = []string{"USE TEMP B-TREE FOR ORDER BY", "USE TEMP B-TREE FOR LAST TERM OF ORDER BY", "USE TEMP B-TREE FOR LAST 2 TERMS OF ORDER BY"}

// manyActions are more than are looked up one by one.
func manyActions() (list []string) {
	for i := range 2000 {
		list = append(list, fmt.Sprint("rare.", i))
	}
	return list
}

func planCases(t *testing.T, s *sqlitestore.Store) []planCase {
	t.Helper()
	ctx, tenant, yes := context.Background(), graph.TenantID("contoso"), true
	sealing := []string{"SEARCH t USING PRIMARY KEY (run_id=?)", "USE TEMP B-TREE FOR GROUP BY"} // counts all items once
	ofTenant := "SEARCH t USING PRIMARY KEY (tenant_id=?)"
	first, after := runs.Slice{Limit: 10}, runs.Slice{Limit: 10, After: runs.Keyset{Key: "1772418600000000", ID: "01980000-0000-7000-8000-000000000001"}}
	byID := runs.Slice{Limit: 10, After: runs.Keyset{ID: after.After.ID}}
	list, err := s.ListRuns(ctx, tenant, runs.RunFilter{}, first)
	if err != nil {
		t.Fatal(err)
	}
	waiting, done := list[0], list[len(list)-1]
	ofBatch := list[slices.IndexFunc(list, func(r runs.Run) bool { return r.BatchID != "" })]
	restores, err := s.ListRuns(ctx, tenant, runs.RunFilter{Kinds: []runs.Kind{runs.KindRestoreExecute, runs.KindRestorePreview}}, first)
	if err != nil {
		t.Fatal(err)
	}
	restored, previewed := restores[0], restores[1]
	sets, err := s.ListGroup(ctx, tenant, done.ScheduleID)
	if err != nil {
		t.Fatal(err)
	}
	set, policies := sets[0], func() []backupset.Policy {
		list, err := s.ListPolicies(ctx, tenant, backupset.PolicyFilter{}, first)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}()
	same := func(edit func(*runs.Run)) func() error {
		return func() error {
			r := done
			r.ID, r.Key, r.ScheduledFor, r.Status = "01980000-0000-7000-8000-00000000aaaa", "", time.Time{}, runs.StatusQueued
			edit(&r)
			_, _, err := s.CreateRun(ctx, tenant, r, runs.Trail{})
			return err
		}
	}
	return []planCase{
		{"ListSchedules", func() error { _, err := s.ListSchedules(ctx, tenant, backupsched.Filter{}, first); return err }, []string{"tb_schedules_name"}, nil},
		{"ListSchedules after", func() error {
			_, err := s.ListSchedules(ctx, tenant, backupsched.Filter{Search: "x"}, after)
			return err
		}, []string{"tb_schedules_name"}, nil},
		{"ListSchedules enabled", func() error {
			_, err := s.ListSchedules(ctx, tenant, backupsched.Filter{Enabled: &yes}, first)
			return err
		}, []string{"tb_schedules_enabled (tenant_id=? AND enabled=?"}, nil},
		{"ListSchedules by name, down", func() error {
			_, err := s.ListSchedules(ctx, tenant, backupsched.Filter{Sort: backupsched.SortNameDown}, after)
			return err
		}, []string{"tb_schedules_name"}, nil},
		// All schedules of the tenant: they are few, and an index more would cost every dispatch and every backup.
		{"ListSchedules by next run", func() error {
			_, err := s.ListSchedules(ctx, tenant, backupsched.Filter{Sort: backupsched.SortNextRun}, after)
			return err
		}, []string{ofTenant}, append(sorts, ofTenant)},
		{"ListSchedules by last run", func() error {
			_, err := s.ListSchedules(ctx, tenant, backupsched.Filter{Sort: backupsched.SortLastRunDown}, after)
			return err
		}, []string{ofTenant}, append(sorts, ofTenant)},
		{"EnabledSchedules", func() error { _, err := s.EnabledSchedules(ctx, after.After.ID, 10); return err }, []string{"tb_schedules_id"}, nil},
		{"DispatchDue", func() error {
			_, err := s.DispatchDue(ctx, backupsched.Chunk{Now: began.AddDate(-1, 0, 0), Limit: 10})
			return err
		}, []string{"tb_schedules_due (next_run_at<?)"}, nil},
		{"ListRuns", func() error { _, err := s.ListRuns(ctx, tenant, runs.RunFilter{}, after); return err }, []string{"tb_runs_created"}, nil},
		{"ListRuns without the successful ones of a kind", func() error {
			_, err := s.ListRuns(ctx, tenant, runs.RunFilter{ExceptSuccessOf: []runs.Kind{runs.KindRetentionApply}}, after)
			return err
		}, []string{"tb_runs_created (tenant_id=? AND (created_at,id)<(?,?))"}, nil},
		{"ListRuns from to", func() error {
			_, err := s.ListRuns(ctx, tenant, runs.RunFilter{From: began, To: began.Add(time.Hour)}, first)
			return err
		}, []string{"tb_runs_created (tenant_id=? AND created_at>? AND created_at<?)"}, nil},
		{"ListRuns that failed", func() error {
			_, err := s.ListRuns(ctx, tenant, runs.RunFilter{Statuses: []runs.Status{runs.StatusFailed}}, after)
			return err
		}, []string{"tb_runs_ended (tenant_id=? AND status=? AND (created_at,id)<(?,?))"}, nil},
		{"ListRuns that are waiting or failed", func() error {
			_, err := s.ListRuns(ctx, tenant, runs.RunFilter{Statuses: []runs.Status{runs.StatusFailed, runs.StatusQueued}}, first)
			return err
		}, []string{"tb_runs_ended (tenant_id=? AND status=?)", "SEARCH t USING INDEX tb_runs_key (tenant_id=?)"}, sorts},
		{"ListRuns of a schedule", func() error {
			_, err := s.ListRuns(ctx, tenant, runs.RunFilter{ScheduleID: done.ScheduleID, Kinds: []runs.Kind{runs.KindBackup}}, after)
			return err
		}, []string{"tb_runs_schedule (tenant_id=? AND schedule_id=? AND (created_at,id)<(?,?))", "SEARCH t USING INDEX tb_runs_key (tenant_id=?)"}, sorts},
		{"ListRuns of an uncommon kind", func() error {
			_, err := s.ListRuns(ctx, tenant, runs.RunFilter{Kinds: []runs.Kind{runs.KindRestorePreview}}, after)
			return err
		}, []string{"tb_runs_kind (tenant_id=? AND kind=? AND (created_at,id)<(?,?))"}, nil},
		{"ListRuns that are retries", func() error {
			_, err := s.ListRuns(ctx, tenant, runs.RunFilter{Triggers: []runs.Trigger{runs.TriggerRetry}, From: began, To: began.Add(time.Hour)}, first)
			return err
		}, []string{"tb_runs_trigger (tenant_id=? AND trigger=? AND created_at>? AND created_at<?)"}, nil},
		{"ListAudit of a run", func() error {
			_, err := s.ListAudit(ctx, tenant, runs.AuditFilter{RunID: done.ID}, after)
			return err
		}, []string{"tb_audit_run (tenant_id=? AND run_id=? AND seq<?)"}, nil},
		{"ListRuns of ids", func() error {
			_, err := s.ListRuns(ctx, tenant, runs.RunFilter{IDs: []runs.ID{done.ID, waiting.ID}}, first)
			return err
		}, []string{"sqlite_autoindex_tb_runs_1 (id=? AND tenant_id=?)"}, sorts},
		{"ListRuns of a batch", func() error {
			_, err := s.ListRuns(ctx, tenant, runs.RunFilter{BatchID: done.ID}, after)
			return err
		}, []string{"tb_runs_batch (tenant_id=? AND batch_id=?)"}, sorts},
		{"ListAudit of a resource", func() error {
			_, err := s.ListAudit(ctx, tenant, runs.AuditFilter{Resource: done.ScheduleID, Actions: []string{"run.finished"}}, after)
			return err
		}, []string{"tb_audit_resource (tenant_id=? AND resource_id=? AND seq<?)"}, nil},
		{"ListAudit of rare actions", func() error {
			_, err := s.ListAudit(ctx, tenant, runs.AuditFilter{Actions: []string{"schedule.deleted", "backup_set.held"}}, after)
			return err
		}, []string{"tb_audit_action (tenant_id=? AND action=? AND seq<?)"}, nil},
		{"ListAudit of a frequent action", func() error {
			_, err := s.ListAudit(ctx, tenant, runs.AuditFilter{Actions: []string{"run.started", "schedule.deleted"}}, after)
			return err
		}, []string{"PRIMARY KEY (tenant_id=? AND seq<?)"}, nil},
		{"ListAudit of very many actions", func() error {
			_, err := s.ListAudit(ctx, tenant, runs.AuditFilter{Actions: manyActions()}, after)
			return err
		}, []string{"PRIMARY KEY (tenant_id=? AND seq<?)"}, nil},
		{"ListAudit of a person", func() error {
			_, err := s.ListAudit(ctx, tenant, runs.AuditFilter{Actor: "ada", Actions: []string{"schedule.updated"}, From: began}, after)
			return err
		}, []string{"tb_audit_actor (tenant_id=? AND actor_id=? AND seq<?)"}, nil},
		{"ListAudit of the engine", func() error {
			_, err := s.ListAudit(ctx, tenant, runs.AuditFilter{Actor: runs.SystemActor.ID}, after)
			return err
		}, []string{"PRIMARY KEY (tenant_id=? AND seq<?)"}, nil},
		{"ListAudit of a time", func() error {
			_, err := s.ListAudit(ctx, tenant, runs.AuditFilter{Actions: []string{"run.started"}, From: began, To: began.Add(time.Hour)}, after)
			return err
		}, []string{"SEARCH t USING PRIMARY KEY (tenant_id=? AND seq>?)", "SEARCH t USING COVERING INDEX tb_audit_at (tenant_id=? AND at<?)", "SEARCH t USING COVERING INDEX tb_audit_at (tenant_id=? AND at>?)", "PRIMARY KEY (tenant_id=? AND seq<?)"}, nil},
		{"ListSets of ids", func() error {
			_, err := s.ListSets(ctx, tenant, backupset.SetFilter{IDs: []runs.ID{done.ID, done.ID}}, first)
			return err
		}, []string{"PRIMARY KEY (tenant_id=? AND id=?)"}, sorts},
		{"ListSets that hold a version", func() error {
			_, err := s.ListSets(ctx, tenant, backupset.SetFilter{PolicyID: done.ID, VersionID: done.ID}, first)
			return err
		}, []string{"tb_backup_items_policy (policy_id=?)", "tb_backup_sets_created (tenant_id=?)"}, nil},
		{"ListPolicies of ids", func() error {
			_, err := s.ListPolicies(ctx, tenant, backupset.PolicyFilter{IDs: []runs.ID{done.ID, done.ID}}, first)
			return err
		}, []string{"PRIMARY KEY (tenant_id=? AND id=?)"}, sorts},
		{"ListSchedules of ids", func() error {
			_, err := s.ListSchedules(ctx, tenant, backupsched.Filter{IDs: []runs.ID{done.ID, done.ID}}, first)
			return err
		}, []string{"PRIMARY KEY (tenant_id=? AND id=?)"}, sorts},
		{"ListRuns of the active ones", func() error {
			_, err := s.ListRuns(ctx, tenant, runs.RunFilter{Statuses: []runs.Status{runs.StatusRunning, runs.StatusQueued}}, after)
			return err
		}, []string{"SEARCH t USING INDEX tb_runs_key (tenant_id=?)"}, sorts},
		{"ListRuns of the queued ones", func() error {
			_, err := s.ListRuns(ctx, tenant, runs.RunFilter{Statuses: []runs.Status{runs.StatusQueued}}, first)
			return err
		}, []string{"SEARCH t USING INDEX tb_runs_key (tenant_id=?)"}, sorts},
		{"AuditHead", func() error { _, err := s.AuditHead(ctx, tenant); return err }, []string{"SEARCH tb_audit_heads USING PRIMARY KEY (tenant_id=?)"}, nil},
		{"CreateRun with an active key", same(func(r *runs.Run) { r.Key = waiting.Key }), []string{"tb_runs_key (tenant_id=? AND key=?)"}, nil},
		{"CreateRun for a taken slot", same(func(r *runs.Run) { r.ScheduledFor = done.ScheduledFor }), []string{"tb_runs_slot (tenant_id=? AND schedule_id=? AND scheduled_for=?)"}, nil},
		{"ChangeRun", func() error {
			_, err := s.ChangeRun(ctx, tenant, waiting.ID, func(_ time.Time, r runs.Run, _ runs.Room) (runs.Change, error) {
				return runs.Change{Run: r}, nil
			})
			return err
		}, []string{"sqlite_autoindex_tb_runs_1 (id=? AND tenant_id=?)", "SEARCH t USING INDEX tb_runs_key (tenant_id=?)"}, nil},
		{"ChangeRun of a batch", func() error {
			_, err := s.ChangeRun(ctx, tenant, ofBatch.ID, func(_ time.Time, r runs.Run, _ runs.Room) (runs.Change, error) {
				return runs.Change{Run: r}, nil
			})
			return err
		}, []string{"tb_runs_batch (tenant_id=? AND batch_id=?)", "SEARCH t USING PRIMARY KEY (tenant_id=? AND id=?)"}, nil},
		{"StrandedRuns", func() error { _, err := s.StrandedRuns(ctx, runs.Stranded{QueuedBefore: began, Limit: 10}); return err },
			[]string{"tb_runs_active (status=? AND updated_at<?)", "tb_runs_active (status=?)"}, sorts},
		{"StrandedRuns with lanes", func() error {
			_, err := s.StrandedRuns(ctx, runs.Stranded{QueuedBefore: began.AddDate(1, 0, 0), Lanes: 1, Limit: 10})
			return err
		}, []string{"tb_runs_active (status=? AND updated_at<?)", "tb_runs_active (status=?)", "SEARCH l USING COVERING INDEX tb_runs_lane (tenant_id=?", "SEARCH t USING INDEX tb_runs_key (tenant_id=?)"}, append(sorts, "USE TEMP B-TREE FOR LAST 3 TERMS OF ORDER BY")},
		{"WaitingRuns", func() error { _, err := s.WaitingRuns(ctx, tenant, 3); return err },
			[]string{"tb_runs_lane (tenant_id=?", "SEARCH t USING INDEX tb_runs_key (tenant_id=?)"}, sorts},
		{"ListItems", func() error { _, err := s.ListItems(ctx, tenant, done.ID, runs.ItemFilter{}, byID); return err }, []string{"PRIMARY KEY (run_id=? AND id>?)"}, nil},
		{"ListAudit", func() error { _, err := s.ListAudit(ctx, tenant, runs.AuditFilter{}, after); return err }, []string{"PRIMARY KEY (tenant_id=? AND seq<?)"}, nil},
		{"ListNotifications", func() error { _, err := s.ListNotifications(ctx, tenant, "ada", false, after); return err }, []string{"tb_notifications_recipient"}, nil},
		{"CountUnread", func() error { _, err := s.CountUnread(ctx, tenant, "ada"); return err }, []string{"tb_notifications_unread (tenant_id=? AND recipient=?)"}, nil},
		{"ListSets", func() error { _, err := s.ListSets(ctx, tenant, backupset.SetFilter{}, first); return err },
			[]string{"tb_backup_sets_created", "tb_runs_restores (tenant_id=? AND target_id=?)"}, sorts},
		{"ListGroup", func() error { _, err := s.ListGroup(ctx, tenant, done.ScheduleID); return err }, []string{"tb_backup_sets_schedule (tenant_id=? AND schedule_id=?)"}, sorts},
		{"ListSetItems", func() error {
			_, err := s.ListSetItems(ctx, tenant, set.ID, backupset.SetItemFilter{}, byID)
			return err
		},
			[]string{"SEARCH t USING PRIMARY KEY (set_id=? AND id>?)"}, nil},
		{"ListSetItems at a revision", func() error {
			_, err := s.ListSetItems(ctx, tenant, set.ID, backupset.SetItemFilter{Revision: 1}, byID)
			return err
		}, []string{"SEARCH t USING PRIMARY KEY (set_id=? AND id>?)"}, nil},
		{"ListSetItems of a policy", func() error {
			_, err := s.ListSetItems(ctx, tenant, set.ID, backupset.SetItemFilter{PolicyID: done.ID}, byID)
			return err
		}, []string{"tb_backup_items_policy (policy_id=? AND set_id=? AND id>?)"}, nil},
		{"ListPreviewItems", func() error {
			_, err := s.ListPreviewItems(ctx, tenant, previewed.ID, restore.Filter{Actions: []restore.Action{restore.Change}}, runs.Slice{Limit: 10, After: runs.Keyset{Key: "0", ID: after.After.ID}})
			return err
		}, []string{"PRIMARY KEY (tenant_id=? AND run_id=?)", "tb_preview_items_place (preview_id=? AND place>?)"}, nil},
		{"ListSteps", func() error { _, err := s.ListSteps(ctx, tenant, restored.ID, byID); return err }, []string{"PRIMARY KEY (run_id=? AND item_id>?)"}, nil},
		{"a preview", func() error {
			w := newWorker(t, s, tenant, 2)
			w.now = began.AddDate(0, 0, 10)
			w.ids = uuidv7.NewGenerator(func() time.Time { return w.now.Add(time.Hour) })
			w.preview(set, nil)
			return nil
		}, []string{"sqlite_autoindex_tb_preview_items_1 (preview_id=? AND item_id=?)", "tb_preview_items_place (preview_id=?)"}, []string{"USE TEMP B-TREE FOR GROUP BY"}},
		{"OldUploads", func() error { _, err := s.OldUploads(ctx, began, after.After.ID, 10); return err }, []string{"tb_uploads_id (id>?)"}, nil},
		{"PurgeableSets", func() error { _, err := s.PurgeableSets(ctx, began, after.After.ID, 10); return err }, []string{"tb_backup_sets_deleted"}, nil},
		{"Groups", func() error { _, err := s.Groups(ctx, after.After.ID, 10); return err }, []string{"tb_backup_sets_group"}, nil},
		{"ListVersions", func() error { _, err := s.ListVersions(ctx, tenant, policies[0].ID, first); return err }, []string{"tb_policy_versions_number"}, nil},
		{"ListPolicies", func() error { _, err := s.ListPolicies(ctx, tenant, backupset.PolicyFilter{}, byID); return err }, []string{"PRIMARY KEY (tenant_id=? AND id>?)"}, nil},
		{"a capture", func() error {
			w := newWorker(t, s, tenant, 6)
			w.now = began.AddDate(0, 0, 9)
			_, err := w.graph.Churn(tenant, 100, 99)
			w.ok(err)
			w.backup(backupsched.Schedule{ID: done.ScheduleID})
			return nil
		}, []string{"tb_policies_external (tenant_id=? AND type=? AND external_id=?)", "tb_policy_versions_hash (policy_id=? AND hash=?", "tb_run_items_policy (run_id=? AND policy_id=?", "tb_backup_items_policy (policy_id=? AND set_id=?)",
			"sqlite_autoindex_tb_payloads_1 (tenant_id=? AND id=?)"}, append(sealing, sorts...)},
	}
}
