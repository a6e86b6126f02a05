package bunstore_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/store/pgstore"
)

// state is all that the database holds.
func (p *pair) state() string {
	p.Helper()
	var parts []string
	for _, table := range p.tables() {
		parts = append(parts, "SELECT '"+table+" ' || t::text AS line FROM "+table+" AS t")
	}
	return strings.Join(p.strings(strings.Join(parts, " UNION ALL ")+" ORDER BY line"), "\n")
}

func (p *pair) tables() []string {
	p.Helper()
	return p.strings("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 'tb\\_%' ORDER BY 1")
}

// onEveryTable makes a trigger for each row that is added, changed or removed.
func (p *pair) onEveryTable(body string) {
	p.Helper()
	p.exec("CREATE SEQUENCE hits")
	p.exec("CREATE FUNCTION hit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN " + body + " RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END; END $$")
	p.exec("CREATE TABLE fault_at (n bigint); INSERT INTO fault_at VALUES (0)")
	for _, table := range p.tables() {
		p.exec("CREATE TRIGGER hit BEFORE INSERT OR UPDATE OR DELETE ON " + table + " FOR EACH ROW EXECUTE FUNCTION hit()")
	}
}

// calls are calls of a store that write in many places, each with all that it needs.
func (p *pair) calls() map[string]func() error {
	p.Helper()
	w := newWorker(p, p.two[0], "contoso", 2)
	sched := w.schedule()
	first := w.sealed(sched, "p", "old", "q", "same").deleted()
	w.sealed(sched, "p", "new", "q", "same")
	b := w.begin(w.schedule())
	p.ok(b.keep(w.store, "r", "content"))
	last := w.begin(w.schedule())
	due := backupsched.Schedule{
		ID: w.id(), TenantID: w.tenant, Name: "Due", Enabled: true, PolicyTypes: sched.PolicyTypes, RetentionKeepLast: 1,
		Recurrence: sched.Recurrence, NextRunAt: dueAt, CreatedAt: dueAt, UpdatedAt: dueAt,
	}
	p.ok(w.store.CreateSchedule(p.Context(), w.tenant, due, runs.Trail{}))
	return map[string]func() error{
		"CreateRun": func() error {
			_, _, err := w.store.CreateRun(p.Context(), w.tenant, w.queued("key"), w.trail("run.created", ""))
			return err
		},
		"SaveCaptured": func() error { return b.keep(w.store, "r", "content", "p", "old again", "s", "newest") },
		"PurgeSet":     func() error { return first.purge(w.store) },
		"ChangeRun": func() error {
			_, err := w.store.ChangeRun(p.Context(), w.tenant, last.run.ID, func(now time.Time, r runs.Run, _ runs.Room) (runs.Change, error) {
				trail := w.trail("run.finished", r.ID)
				trail.Notifications = []runs.Notification{{ID: w.id(), Recipient: "ada", RunID: r.ID, Kind: r.Kind, Status: runs.StatusSuccess, CreatedAt: now}}
				return runs.Change{Run: end(now, r), Trail: trail}, nil
			})
			return err
		},
		"DispatchDue": func() error {
			d, err := backupsched.NewDispatcher(backupsched.DispatcherConfig{Store: w.store, Queue: nowhere{}, Clock: &day{now: dueAt}})
			p.ok(err)
			_, err = d.Tick(p.Context())
			return err
		},
	}
}

// TestPostgresCommitsNothingAfterAStatementThatFailed: each write of each call fails in turn.
// pgdriver commits such a transaction without an error, though nothing is stored.
func TestPostgresCommitsNothingAfterAStatementThatFailed(t *testing.T) {
	p := newPair(t, pgstore.Options{})
	calls := p.calls()
	p.onEveryTable("IF nextval('hits') = (SELECT n FROM fault_at) THEN RAISE EXCEPTION 'fault at %', TG_TABLE_NAME; END IF;")
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			p := p.of(t)
			p.exec("UPDATE fault_at SET n = 0")
			before := p.state()
			for n := 1; ; n++ {
				p.exec(fmt.Sprintf("SELECT setval('hits', 1, false); UPDATE fault_at SET n = %d", n))
				err := call()
				if err == nil { // there is no such write any more
					p.want("SELECT 'write ' || n || ' failed and the call did not say so' FROM fault_at, hits WHERE is_called AND last_value >= n")
					if n < 4 {
						t.Errorf("only %d writes", n-1)
					}
					break
				}
				if !strings.Contains(err.Error(), "fault at") {
					t.Fatalf("write %d: %v", n, err)
				}
				p.exec("UPDATE fault_at SET n = 0")
				if after := p.state(); after != before {
					t.Fatalf("write %d failed with %v, but something was stored:\n%s\ninstead of\n%s", n, err, after, before)
				}
			}
		})
	}
	p.readable(newWorker(t, p.two[0], "contoso", 2))
}

// TestPostgresReportsACommitThatFailed: a rule that is checked at the end.
func TestPostgresReportsACommitThatFailed(t *testing.T) {
	p := newPair(t, pgstore.Options{})
	w := newWorker(t, p.two[0], "contoso", 2)
	p.exec("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$")
	p.exec("CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON tb_audit_log DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()")
	if err := w.store.AppendAudit(t.Context(), w.tenant, w.trail("one", "").Audit...); err == nil || !strings.Contains(err.Error(), "committing") {
		t.Errorf("got %v, want the commit's error", err)
	}
	p.want("SELECT count(*)::text FROM tb_audit_log", "0")
}

// TestPostgresRepeatsATransactionWhoseRowWasChanged: an update that finds its row changed is
// no update, and the decision is asked again about the row as it is.
func TestPostgresRepeatsATransactionWhoseRowWasChanged(t *testing.T) {
	p := newPair(t, pgstore.Options{})
	w := newWorker(t, p.two[0], "contoso", 2)
	run := w.claimed(w.schedule())
	// The trigger lets an update find no row, as one would whose row has another sum now.
	p.exec("CREATE SEQUENCE tries; CREATE TABLE misses (n bigint); INSERT INTO misses VALUES (2)")
	p.exec("CREATE FUNCTION miss() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF nextval('tries') <= (SELECT n FROM misses) THEN RETURN NULL; END IF; RETURN NEW; END $$")
	p.exec("CREATE TRIGGER miss BEFORE UPDATE ON tb_runs FOR EACH ROW EXECUTE FUNCTION miss()")
	asked := 0
	stall := func(_ time.Time, r runs.Run) runs.Run { asked++; r.Stalls++; return r }
	p.ok(w.to(w.store, run.ID, stall))
	if asked != 3 {
		t.Errorf("asked %d times, want 3: two misses and a hit", asked)
	}
	p.want("SELECT stalls::text FROM tb_runs", "1")
	p.exec("UPDATE misses SET n = 1000")
	before := p.state()
	if err := w.to(w.store, run.ID, stall); err == nil || !strings.Contains(err.Error(), "changed by somebody else") {
		t.Errorf("a row that changes for ever: got %v", err)
	}
	if p.state() != before {
		t.Error("something was stored")
	}
}

// TestPostgresTellsAGenuineBreachOfARule, however often it is tried.
func TestPostgresTellsAGenuineBreachOfARule(t *testing.T) {
	p := newPair(t, pgstore.Options{})
	w := newWorker(t, p.two[0], "contoso", 2)
	run := w.claimed(w.schedule())
	item := runs.Item{ID: w.id(), PolicyType: "t", PolicyID: "p", Status: runs.ItemSuccess, Attempt: 1}
	_, err := w.store.SaveItems(t.Context(), w.tenant, run.Lease(), []runs.Item{item}, -1)
	p.ok(err)
	before := p.state()
	item.PolicyID = "q" // under the id of the other one
	if _, err = w.store.SaveItems(t.Context(), w.tenant, run.Lease(), []runs.Item{item}, -1); err == nil || !strings.Contains(err.Error(), "tb_run_items_pkey") {
		t.Errorf("an id that exists: got %v", err)
	}
	orphan := w.queued("key")
	orphan.RetryOf = w.id()
	if _, _, err := w.store.CreateRun(t.Context(), w.tenant, orphan, runs.Trail{}); err == nil || !strings.Contains(err.Error(), "tb_runs_fk2") {
		t.Errorf("the retry of no run: got %v", err)
	}
	if p.state() != before {
		t.Error("something was stored")
	}
}

// TestPostgresEndsADeadlockWellForBoth: the run that ends waits for its schedule, which the
// dispatcher holds, who waits for that run's key.
func TestPostgresEndsADeadlockWellForBoth(t *testing.T) {
	p := newPair(t, pgstore.Options{})
	p.exec("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET deadlock_timeout = ''100ms''', current_database()); END $$")
	p.two = [2]*pgstore.Store{p.open(p.url, pgstore.Options{}), p.open(p.url, pgstore.Options{})}
	w := newWorker(t, p.two[0], "contoso", 2)
	sched := w.schedule()
	run := w.claimed(sched)
	ended := make(chan error)
	planned, changed := 0, 0
	chunk := backupsched.Chunk{
		Now: w.now, Limit: 10, Cycle: func(backupsched.ChunkResult) runs.AuditEntry { return w.trail("dispatch.cycle", "").Audit[0] },
		Plan: func(s backupsched.Schedule) backupsched.Plan {
			if planned++; planned == 1 {
				go func() {
					ended <- w.to(p.two[0], run.ID, func(now time.Time, r runs.Run) runs.Run { changed++; return end(now, r) })
				}()
				p.waiters(1) // for the schedule
			}
			next := w.queued(run.Key)
			next.Kind, next.ScheduleID, next.ScheduledFor = runs.KindBackup, s.ID, w.now.AddDate(0, 0, 1)
			return backupsched.Plan{Runs: []runs.Run{next}, NextRunAt: w.now.AddDate(0, 0, 2)}
		},
	}
	result, err := p.two[1].DispatchDue(t.Context(), chunk)
	p.ok(err)
	p.ok(<-ended)
	if result.Due == 0 { // who began again at once found the schedule held, and left it for the next cycle
		result, err = p.two[1].DispatchDue(t.Context(), chunk)
		p.ok(err)
	}
	// Whoever was made to try again, both have done their work.
	if result.Due != 1 || len(result.Inserted)+result.Conflicts != 1 {
		t.Errorf("dispatched: %+v", result)
	}
	if planned+changed < 3 { // or more: who begins again at once may meet the other before that one goes on
		t.Errorf("planned %d times and changed %d times, want one of them to be done again", planned, changed)
	}
	p.want("SELECT status FROM tb_runs WHERE id = '"+string(run.ID)+"'", "success")
	p.sound()
}

// blocked holds the run's row until the test ends.
func (p *pair) blocked(run runs.ID) {
	p.Helper()
	tx, err := p.admin.Begin()
	p.ok(err)
	p.Cleanup(func() { _ = tx.Rollback() })
	_, err = tx.Exec("SELECT 1 FROM tb_runs WHERE id = '" + string(run) + "' FOR UPDATE")
	p.ok(err)
}

// TestPostgresGivesUpInTime: the server itself ends what takes too long, once and not ten
// times, and the error says which limit it was.
func TestPostgresGivesUpInTime(t *testing.T) {
	p := newPair(t, pgstore.Options{})
	w := newWorker(t, p.two[0], "contoso", 2)
	run := w.claimed(w.schedule())
	p.blocked(run.ID)
	before := p.state()
	for limit, c := range map[string]pgstore.Connection{
		"lock_timeout":      {LockTimeout: 200 * time.Millisecond},
		"statement_timeout": {StatementTimeout: 200 * time.Millisecond},
	} {
		s := p.open(p.url, pgstore.Options{Connection: c})
		began := time.Now()
		err := w.to(s, run.ID, end)
		if err == nil || !strings.Contains(err.Error(), limit) {
			t.Errorf("%s: got %v", limit, err)
		}
		// Who waits for a lock may come back, as with a SQLite file that is held.
		if limit == "lock_timeout" != errors.Is(err, runs.ErrUnavailable) {
			t.Errorf("%s: %v is unavailable: %t", limit, err, errors.Is(err, runs.ErrUnavailable))
		}
		if took := time.Since(began); took > 1900*time.Millisecond {
			t.Errorf("%s of 200 ms: %s", limit, took)
		}
		if limit == "statement_timeout" {
			if _, err := s.DB().Exec("SELECT pg_sleep(20)"); err == nil || !strings.Contains(err.Error(), "57014") {
				t.Errorf("a long statement: got %v", err)
			}
		}
		p.ok(s.Ready(t.Context())) // the connection, or another one, goes on
	}
	if p.state() != before {
		t.Error("something was stored")
	}
}

// TestPostgresWritesNothingAfterTheContextHasEnded, and says that this was the reason.
func TestPostgresWritesNothingAfterTheContextHasEnded(t *testing.T) {
	p := newPair(t, pgstore.Options{})
	w := newWorker(t, p.two[0], "contoso", 2)
	run := w.claimed(w.schedule())
	before := p.state()
	change := func(ctx context.Context, s *pgstore.Store, during func()) error {
		_, err := s.ChangeRun(ctx, w.tenant, run.ID, func(now time.Time, r runs.Run, _ runs.Room) (runs.Change, error) {
			during()
			return runs.Change{Run: end(now, r), Trail: w.trail("run.finished", r.ID)}, nil
		})
		return err
	}
	before0 := func() {}
	canceled, cancel := context.WithCancel(t.Context())
	wantError(t, change(canceled, p.two[0], cancel), context.Canceled)
	wantError(t, change(canceled, p.two[0], before0), context.Canceled)
	_, err := p.two[0].GetRun(canceled, w.tenant, run.ID)
	wantError(t, err, context.Canceled)
	_, err = p.two[0].GetSet(canceled, w.tenant, w.id())
	wantError(t, err, context.Canceled)

	// While a statement waits, the deadline frees the caller. A cancelled one waits for the
	// driver, which the server's timeouts bound.
	p.blocked(run.ID)
	deadline, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer stop()
	began := time.Now()
	wantError(t, change(deadline, p.two[0], before0), context.DeadlineExceeded)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("a deadline of 200 ms: %s", took)
	}
	s := p.open(p.url, pgstore.Options{Connection: pgstore.Connection{LockTimeout: 500 * time.Millisecond}})
	canceled, cancel = context.WithCancel(t.Context())
	go func() { defer cancel(); p.waiters(2) }() // the one before waits still: its server has not noticed
	if err := change(canceled, s, before0); err == nil {
		t.Error("a cancelled change was made")
	}
	if p.state() != before {
		t.Error("something was stored")
	}
}

// TestPostgresTellsWhichRowsWereAdded of a statement that leaves out those whose place is taken:
// by a run that is there, by one of the same statement, or by itself.
func TestPostgresTellsWhichRowsWereAdded(t *testing.T) {
	p := newPair(t, pgstore.Options{})
	w := newWorker(t, p.two[0], "contoso", 2)
	sched := w.schedule()
	old := w.claimed(sched)
	next := func(hours int) runs.Run {
		r := w.queued(fmt.Sprint("hour ", hours))
		r.Kind, r.ScheduleID, r.ScheduledFor = runs.KindBackup, sched.ID, w.now.Add(time.Duration(hours)*time.Hour)
		return r
	}
	twice, one, sameSlot, sameKey := next(1), next(2), next(2), next(3)
	sameSlot.Key, sameKey.Key = "other", old.Key
	result, err := p.two[0].DispatchDue(t.Context(), backupsched.Chunk{
		Now: w.now, Limit: 10, Cycle: func(backupsched.ChunkResult) runs.AuditEntry { return w.trail("dispatch.cycle", "").Audit[0] },
		Plan: func(backupsched.Schedule) backupsched.Plan {
			return backupsched.Plan{Runs: []runs.Run{twice, one, twice, sameSlot, sameKey}, NextRunAt: w.now.AddDate(0, 0, 1)}
		},
	})
	p.ok(err)
	var got []runs.ID
	for _, job := range result.Inserted {
		got = append(got, job.RunID)
	}
	if !slices.Equal(got, []runs.ID{twice.ID, one.ID}) || result.Conflicts != 3 {
		t.Errorf("inserted %v with %d conflicts, want %s and %s with 3", got, result.Conflicts, twice.ID, one.ID)
	}
	p.want("SELECT count(*)::text FROM tb_runs", "3")
	p.sound()
}
