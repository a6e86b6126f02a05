package bunstore_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/restore"
	"github.com/tenantatlas/tenantbackup/store/pgstore"
)

// pgPlan is a node of a plan.
type pgPlan struct {
	Type     string   `json:"Node Type"`
	Relation string   `json:"Relation Name"`
	Index    string   `json:"Index Name"`
	Plans    []pgPlan `json:"Plans"`
}

func (n pgPlan) walk(fn func(pgPlan)) {
	fn(n)
	for _, sub := range n.Plans {
		sub.walk(fn)
	}
}

// grown gives every table that grows many rows of several tenants, as raw copies of what a
// real backup left: the planner looks at numbers and values, not at checksums.
func (p *pair) grown(copies int) {
	p.Helper()
	columns := func(table string, changed map[string]string) (names, values string) {
		var n, v []string
		for _, c := range p.strings("SELECT attname::text FROM pg_attribute WHERE attrelid = '" + table + "'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum") {
			n = append(n, `"`+c+`"`)
			if expr, ok := changed[c]; ok {
				v = append(v, expr)
			} else {
				v = append(v, `t."`+c+`"`)
			}
		}
		return strings.Join(n, ", "), strings.Join(v, ", ")
	}
	// Each copy has ids of its own and belongs to one of twenty tenants.
	id := func(c string) string {
		return "CASE WHEN t." + c + " IS NOT NULL THEN md5(t." + c + "::text || n)::uuid END"
	}
	changed := map[string]string{
		"tenant_id": "'tenant ' || n % 20", "key": "t.key || n", "seq": "t.seq + 1000 * n", "created_at": "t.created_at + n * interval '1 minute'",
		"next_run_at": "t.next_run_at + n * interval '1 minute'", "external_id": "t.external_id || n", "name_key": "t.name_key || n",
	}
	for _, c := range []string{"id", "run_id", "set_id", "preview_id", "item_id", "upload_id", "restore_run_id", "policy_id", "version_id", "schedule_id", "backup_set_id", "last_run_id", "retry_of", "current_version_id", "backup_item_id"} {
		changed[c] = id(c)
	}
	tx, err := p.admin.Begin()
	p.ok(err)
	defer tx.Rollback()
	_, err = tx.Exec("SET LOCAL session_replication_role = replica")
	p.ok(err)
	for _, table := range p.tables() {
		if slices.Contains([]string{"tb_migrations", "tb_tallies", "tb_audit_heads"}, table) {
			continue
		}
		own := changed
		if table == "tb_payloads" { // the id is a hash
			own = map[string]string{"tenant_id": changed["tenant_id"], "id": "sha256(convert_to(t.id::text || n, 'UTF8'))"}
		}
		names, values := columns(table, own)
		_, err := tx.Exec(fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM (SELECT * FROM %[1]s) AS t, generate_series(1, %[4]d) AS n", table, names, values, copies))
		p.ok(err)
	}
	_, err = tx.Exec("INSERT INTO tb_audit_heads SELECT 'tenant ' || n, 1 FROM generate_series(1, $1::int) AS n", copies)
	p.ok(err)
	p.ok(tx.Commit())
	p.exec("ANALYZE")
}

var aLimit = regexp.MustCompile(`LIMIT \d+`)

// TestPostgresQueriesUseIndexes: with many rows of many tenants no query reads a whole table
// that grows.
func TestPostgresQueriesUseIndexes(t *testing.T) {
	p := newPair(t, pgstore.Options{})
	fill(t, p.two[0], "contoso")
	p.grown(1500)
	s := p.two[0]
	var mu sync.Mutex
	var queries []string
	s.OnQuery(func(query string) {
		mu.Lock()
		defer mu.Unlock()
		if strings.HasPrefix(query, "SELECT") && strings.Contains(query, "tb_") && !strings.Contains(query, "tb_migrations") {
			queries = append(queries, query)
		}
	})
	conn, err := p.admin.Conn(t.Context())
	p.ok(err)
	defer conn.Close()
	for name, call := range postgresPlans(p) {
		t.Run(name, func(t *testing.T) {
			mu.Lock()
			queries = nil
			mu.Unlock()
			if err := call(); err != nil && !errors.Is(err, backupset.ErrDamaged) { // the copies have no right checksums
				t.Fatal(err)
			}
			if len(queries) == 0 {
				t.Error("no query was seen")
			}
			seen := map[string]bool{}
			for _, query := range queries {
				// Where all copies are damaged, a page of sound rows is looked for in ever larger
				// ones, in the end in all: the first is what there is to plan.
				if text := aLimit.ReplaceAllString(query, ""); seen[text] {
					continue
				} else {
					seen[text] = true
				}
				if strings.Contains(query, "SKIP LOCKED") { // the dispatcher's, under its settings
					p.ok(exec(conn, "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off"))
				}
				var raw string
				p.ok(conn.QueryRowContext(t.Context(), "EXPLAIN (FORMAT JSON) "+query).Scan(&raw))
				p.ok(exec(conn, "RESET ALL"))
				var plans []struct{ Plan pgPlan }
				p.ok(json.Unmarshal([]byte(raw), &plans))
				plans[0].Plan.walk(func(n pgPlan) {
					if n.Type == "Seq Scan" {
						t.Errorf("reads all of %s: %s", n.Relation, query)
					}
				})
			}
		})
	}
}

// TestActiveRunsAreFoundOnPostgresWithoutLookingAtTheOthers: a tenant has few active runs and
// very many that have ended.
func TestActiveRunsAreFoundOnPostgresWithoutLookingAtTheOthers(t *testing.T) {
	p := newPair(t, pgstore.Options{})
	fill(t, p.two[0], "contoso")
	p.grown(400)
	p.exec("ALTER TABLE tb_runs DISABLE TRIGGER ALL; UPDATE tb_runs SET status = 'success' WHERE tenant_id <> 'contoso' AND id::text > '05'; UPDATE tb_runs SET tenant_id = 'contoso' WHERE id::text > '05' AND id::text < 'e'")
	s := p.two[0]
	var queries []string
	s.OnQuery(func(query string) {
		if strings.Contains(query, `FROM "tb_runs"`) {
			queries = append(queries, query)
		}
	})
	conn, err := p.admin.Conn(t.Context())
	p.ok(err)
	defer conn.Close()
	for _, how := range []string{"VACUUM tb_runs", "ANALYZE tb_runs"} {
		p.exec(how)
		queries = nil
		for _, slice := range []runs.Slice{{Limit: 5}, {Limit: 200, After: runs.Keyset{Key: fmt.Sprint(began.AddDate(1, 0, 0).UnixMicro()), ID: "01980000-0000-7000-8000-000000000001"}}} {
			_, err = s.ListRuns(t.Context(), "contoso", runs.RunFilter{Statuses: []runs.Status{runs.StatusQueued, runs.StatusRunning}}, slice)
			if !errors.Is(err, backupset.ErrDamaged) {
				p.ok(err)
			}
		}
		for _, query := range queries {
			var raw string
			p.ok(conn.QueryRowContext(t.Context(), "EXPLAIN (FORMAT JSON) "+query).Scan(&raw))
			var plans []struct{ Plan pgPlan }
			p.ok(json.Unmarshal([]byte(raw), &plans))
			plans[0].Plan.walk(func(n pgPlan) {
				if n.Type == "Seq Scan" || n.Index == "tb_runs_created" {
					t.Errorf("after %s, looks at runs that have ended: %s %s", how, n.Type, n.Index)
				}
			})
		}
		if len(queries) == 0 {
			t.Error("no query was seen")
		}
	}
}

// TestPostgresReadsATimeOfALongLogInItsOrder: it sorts nothing where the times of a log grow with its
// numbers, and finds their bounds in the index of times.
func TestPostgresReadsATimeOfALongLogInItsOrder(t *testing.T) {
	p := newPair(t, pgstore.Options{})
	s := p.two[0]
	p.ok(s.AppendAudit(t.Context(), "northwind", orderly(10_000, "run.started", "run.finished", "schedule.deleted")...))
	p.exec("ANALYZE tb_audit_log")
	var queries []string
	s.OnQuery(func(query string) {
		if strings.HasPrefix(query, "SELECT") && strings.Contains(query, "tb_audit_log") {
			queries = append(queries, query)
		}
	})
	from, to := minute(3000), minute(6000)
	for index, f := range map[string]runs.AuditFilter{
		"tb_audit_log_pkey": {From: from, To: to, Actions: []string{"run.finished"}},
		"tb_audit_action":   {From: from, To: to, Actions: []string{"schedule.deleted"}},
	} {
		queries = nil
		_, err := s.ListAudit(t.Context(), "northwind", f, runs.Slice{Limit: 50})
		p.ok(err)
		used := map[string]bool{}
		for _, query := range queries {
			var raw string
			p.ok(p.admin.QueryRowContext(t.Context(), "EXPLAIN (FORMAT JSON) "+query).Scan(&raw))
			var plans []struct{ Plan pgPlan }
			p.ok(json.Unmarshal([]byte(raw), &plans))
			plans[0].Plan.walk(func(n pgPlan) {
				used[n.Index] = true
				if n.Type == "Seq Scan" || strings.Contains(n.Type, "Sort") {
					t.Errorf("%s: %s", n.Type, query)
				}
			})
		}
		if !used[index] || !used["tb_audit_at"] {
			t.Errorf("%+v is read by %v, want %s for the list and tb_audit_at for its bounds", f, used, index)
		}
	}
}

func postgresPlans(p *pair) map[string]func() error {
	p.Helper()
	ctx, s, tenant := p.Context(), p.two[0], newWorker(p, p.two[0], "contoso", 2).tenant
	all, err := s.ListRuns(ctx, tenant, runs.RunFilter{Kinds: []runs.Kind{runs.KindBackup}, Statuses: []runs.Status{runs.StatusSuccess}}, runs.Slice{Limit: 5})
	p.ok(err)
	queued, err := s.ListRuns(ctx, tenant, runs.RunFilter{Statuses: []runs.Status{runs.StatusQueued}}, runs.Slice{Limit: 5})
	p.ok(err)
	done, waiting := all[0], queued[0]
	list, err := s.ListPolicies(ctx, tenant, backupset.PolicyFilter{}, runs.Slice{Limit: 1})
	p.ok(err)
	restores, err := s.ListRuns(ctx, tenant, runs.RunFilter{Kinds: []runs.Kind{runs.KindRestoreExecute, runs.KindRestorePreview}}, runs.Slice{Limit: 5})
	p.ok(err)
	restored, previewed := restores[0], restores[1]
	first, after := runs.Slice{Limit: 10}, runs.Slice{Limit: 10, After: runs.Keyset{Key: fmt.Sprint(began.UnixMicro()), ID: done.ID}}
	byID := runs.Slice{Limit: 10, After: runs.Keyset{ID: done.ID}}
	yes := true
	return map[string]func() error{
		"ListSchedules": func() error {
			_, err := s.ListSchedules(ctx, tenant, backupsched.Filter{Enabled: &yes}, first)
			return err
		},
		"ListRuns of a batch": func() error {
			_, err := s.ListRuns(ctx, tenant, runs.RunFilter{BatchID: done.ID}, after)
			return err
		},
		"ListAudit of a rare action": func() error {
			_, err := s.ListAudit(ctx, tenant, runs.AuditFilter{Actions: []string{"schedule.deleted"}}, after)
			return err
		},
		"ListAudit of a person": func() error {
			_, err := s.ListAudit(ctx, tenant, runs.AuditFilter{Actor: "ada"}, after)
			return err
		},
		"ListAudit of a time": func() error {
			_, err := s.ListAudit(ctx, tenant, runs.AuditFilter{From: began.AddDate(-1, 0, 0), To: began}, after)
			return err
		},
		"ListAudit of a time and a person": func() error {
			_, err := s.ListAudit(ctx, tenant, runs.AuditFilter{From: began, To: began.Add(time.Hour), Actor: "ada"}, after)
			return err
		},
		"ListAudit of a resource": func() error {
			_, err := s.ListAudit(ctx, tenant, runs.AuditFilter{Resource: done.ScheduleID}, after)
			return err
		},
		"ListSchedules by next run": func() error {
			_, err := s.ListSchedules(ctx, tenant, backupsched.Filter{Sort: backupsched.SortNextRun}, after)
			return err
		},
		"EnabledSchedules": func() error { _, err := s.EnabledSchedules(ctx, done.ID, 10); return err },
		"DispatchDue": func() error {
			_, err := s.DispatchDue(ctx, backupsched.Chunk{Now: began.AddDate(-1, 0, 0), Limit: 10})
			return err
		},
		"ListRuns": func() error { _, err := s.ListRuns(ctx, tenant, runs.RunFilter{}, after); return err },
		"ListRuns without the successful ones of a kind": func() error {
			_, err := s.ListRuns(ctx, tenant, runs.RunFilter{ExceptSuccessOf: []runs.Kind{runs.KindRetentionApply}}, after)
			return err
		},
		"ListRuns of the active ones": func() error {
			_, err := s.ListRuns(ctx, tenant, runs.RunFilter{Statuses: []runs.Status{runs.StatusQueued, runs.StatusRunning}}, first)
			return err
		},
		"GetRun": func() error { _, err := s.GetRun(ctx, tenant, done.ID); return err },
		"a claim": func() error {
			_, err := s.ChangeRun(ctx, tenant, waiting.ID, func(_ time.Time, r runs.Run, _ runs.Room) (runs.Change, error) {
				return runs.Change{Run: r}, nil
			})
			return err
		},
		"StrandedRuns": func() error {
			_, err := s.StrandedRuns(ctx, runs.Stranded{QueuedBefore: began.AddDate(-1, 0, 0), Lanes: 2, Limit: 10})
			return err
		},
		"WaitingRuns":       func() error { _, err := s.WaitingRuns(ctx, tenant, 3); return err },
		"ListItems":         func() error { _, err := s.ListItems(ctx, tenant, done.ID, runs.ItemFilter{}, byID); return err },
		"ListAudit":         func() error { _, err := s.ListAudit(ctx, tenant, runs.AuditFilter{}, first); return err },
		"ListNotifications": func() error { _, err := s.ListNotifications(ctx, tenant, "ada", false, first); return err },
		"CountUnread":       func() error { _, err := s.CountUnread(ctx, tenant, "ada"); return err },
		"ListSets":          func() error { _, err := s.ListSets(ctx, tenant, backupset.SetFilter{}, first); return err },
		"ListGroup":         func() error { _, err := s.ListGroup(ctx, tenant, done.ScheduleID); return err },
		"PurgeableSets":     func() error { _, err := s.PurgeableSets(ctx, began.AddDate(1, 0, 0), done.ID, 10); return err },
		"Groups":            func() error { _, err := s.Groups(ctx, done.ID, 10); return err },
		"ListSetItems": func() error {
			_, err := s.ListSetItems(ctx, tenant, done.BackupSetID, backupset.SetItemFilter{}, byID)
			return err
		},
		"ListPreviewItems": func() error {
			_, err := s.ListPreviewItems(ctx, tenant, previewed.ID, restore.Filter{}, runs.Slice{Limit: 10, After: runs.Keyset{Key: "0", ID: done.ID}})
			return err
		},
		"ListSteps":    func() error { _, err := s.ListSteps(ctx, tenant, restored.ID, byID); return err },
		"OldUploads":   func() error { _, err := s.OldUploads(ctx, began.AddDate(1, 0, 0), done.ID, 10); return err },
		"ListVersions": func() error { _, err := s.ListVersions(ctx, tenant, list[0].ID, first); return err },
		"ListPolicies": func() error { _, err := s.ListPolicies(ctx, tenant, backupset.PolicyFilter{}, byID); return err },
		"a capture": func() error {
			w := newWorker(p, s, tenant, 6)
			w.now = began.AddDate(0, 0, 9)
			w.backup(backupsched.Schedule{ID: done.ScheduleID})
			return nil
		},
		"a purge": func() error {
			w := newWorker(p, s, tenant, 6)
			w.now = began.AddDate(0, 0, 12)
			return w.sealed(w.schedule(), "p", "content").deleted().purge(s)
		},
	}
}
