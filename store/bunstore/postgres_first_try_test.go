package bunstore_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/store/pgstore"
)

// messages are the scripts that a store sends.
type messages struct {
	mu   sync.Mutex
	list []string
}

func watch(s *pgstore.Store) *messages {
	m := &messages{}
	s.OnMessage(func(query string) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.list = append(m.list, query)
	})
	return m
}

func (m *messages) taken() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := m.list
	m.list = nil
	return list
}

// asking changes a run and tells how often the change was asked for; meanwhile is called
// each time, before it answers.
func (w *worker) asking(s *pgstore.Store, id runs.ID, meanwhile func(n int), change func(now time.Time, r runs.Run) runs.Run) (asked int, err error) {
	_, err = s.ChangeRun(w.Context(), w.tenant, id, func(now time.Time, r runs.Run, _ runs.Room) (runs.Change, error) {
		asked++
		if meanwhile != nil {
			meanwhile(asked)
		}
		return runs.Change{Run: change(now, r), Trail: w.trail("run.changed", id)}, nil
	})
	return asked, err
}

// quietly changes a run without an entry in the audit log, whose number would tell.
func (w *worker) quietly(s *pgstore.Store, id runs.ID, change func(now time.Time, r runs.Run) runs.Run) error {
	_, err := s.ChangeRun(w.Context(), w.tenant, id, func(now time.Time, r runs.Run, _ runs.Room) (runs.Change, error) {
		return runs.Change{Run: change(now, r)}, nil
	})
	return err
}

func stall(_ time.Time, r runs.Run) runs.Run { r.Stalls++; return r }

func TestAChangeOfARunTakesTwoMessages(t *testing.T) {
	for name, opts := range map[string]pgstore.Options{"plain": {}, "row-level security": {RowSecurity: guest()}} {
		t.Run(name, func(t *testing.T) {
			opts.Connection.MaxConns = 1
			p := newPair(t, opts)
			w := newWorker(t, p.two[0], "contoso", 2)
			one, two := w.claimed(w.schedule()), w.claimed(w.schedule())
			w.ok(w.to(p.two[0], one.ID, end)) // which prepares all
			sent := watch(p.two[0])
			w.ok(w.to(p.two[0], two.ID, end))
			list := sent.taken()
			if len(list) != 2 || !strings.Contains(list[0], "EXECUTE") || !strings.Contains(list[1], "EXECUTE") {
				t.Errorf("sent %q, want two messages", list)
			}
			for _, text := range list {
				if strings.Contains(text, "PREPARE") || strings.Contains(text, "UPDATE") {
					t.Errorf("%s is sent again", text)
				}
			}
			// Who waits until a deadline must know that nothing was written then: this takes locks.
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			three := w.claimed(w.schedule())
			sent.taken()
			_, err := p.two[0].ChangeRun(ctx, w.tenant, three.ID, func(now time.Time, r runs.Run, _ runs.Room) (runs.Change, error) {
				return runs.Change{Run: end(now, r)}, nil
			})
			w.ok(err)
			if list := sent.taken(); len(list) > 0 {
				t.Errorf("with a deadline: sent %q", list)
			}
			p.sound()
		})
	}
}

// TestBothWaysOfAChangeLeaveTheSame in all tables, times, checksums and hashes aside.
func TestBothWaysOfAChangeLeaveTheSame(t *testing.T) {
	var left [2]string
	for way := range left {
		p := newPair(t, pgstore.Options{})
		if way == 1 {
			p.two[0].Locking()
		}
		w := newWorker(t, p.two[0], "contoso", 2)
		sent := watch(p.two[0])
		sched := w.schedule()
		first := w.claimed(sched)
		_, err := p.two[0].ChangeRun(t.Context(), w.tenant, first.ID, func(now time.Time, r runs.Run, _ runs.Room) (runs.Change, error) {
			trail := w.trail("run.finished", r.ID)
			trail.Audit = append(trail.Audit, w.trail("it's done", r.ID).Audit...)
			trail.Notifications = []runs.Notification{{ID: w.id(), Recipient: "ada", RunID: r.ID, Kind: r.Kind, Status: runs.StatusSuccess, CreatedAt: w.now}}
			return runs.Change{Run: end(w.now, r), Trail: trail}, nil
		})
		p.ok(err)
		b := w.begin(w.schedule()) // a set that must be closed
		p.ok(w.to(p.two[0], b.run.ID, func(_ time.Time, r runs.Run) runs.Run { return end(w.now, r) }))
		other := newWorker(t, p.two[0], "fabrikam", 2) // whose audit log is empty
		other.ids = w.ids
		run, _, err := p.two[0].CreateRun(t.Context(), other.tenant, other.queued("key"), runs.Trail{})
		p.ok(err)
		p.ok(other.to(p.two[0], run.ID, func(_ time.Time, r runs.Run) runs.Run { return claim(w.now, r) }))
		p.ok(other.to(p.two[0], run.ID, stall))
		for _, list := range [][]string{
			p.strings("SELECT (to_jsonb(t) - 'row_sum' - 'updated_at')::text FROM tb_runs AS t ORDER BY id"),
			p.strings("SELECT (to_jsonb(t) - 'row_sum')::text FROM tb_schedules AS t ORDER BY id"),
			p.strings("SELECT (to_jsonb(t) - 'row_sum' - 'hash' - 'prev_hash')::text FROM tb_audit_log AS t ORDER BY tenant_id, seq"),
			p.strings("SELECT (to_jsonb(t) - 'row_sum')::text FROM tb_notifications AS t"),
			p.strings("SELECT (to_jsonb(t) - 'row_sum' - 'completed_at')::text FROM tb_backup_sets AS t"),
			p.strings("SELECT tenant_id || seq FROM tb_audit_heads ORDER BY 1"),
			p.strings("SELECT name || sum(rows) FROM tb_tallies GROUP BY name ORDER BY 1"),
		} {
			left[way] += strings.Join(list, "\n") + "\n\n"
		}
		left[way] = numbered(left[way])
		p.sound()
		if tried := len(sent.taken()) > 0; tried == (way == 1) {
			t.Errorf("way %d: scripts were sent: %v", way, tried)
		}
	}
	if left[0] != left[1] {
		t.Errorf("without locks:\n%s\nwith locks:\n%s", left[0], left[1])
	}
}

// TestANotificationIsReplacedWithoutLocks, and with them when it was read in between.
func TestANotificationIsReplacedWithoutLocks(t *testing.T) {
	p := newPair(t, pgstore.Options{})
	w := newWorker(t, p.two[0], "contoso", 2)
	run := w.queued("key")
	about := func(s runs.Status) runs.Trail {
		return runs.Trail{Notifications: []runs.Notification{{ID: run.ID, Recipient: "ada", RunID: run.ID, Kind: run.Kind, Status: s, CreatedAt: w.now}}}
	}
	_, _, err := p.two[0].CreateRun(t.Context(), w.tenant, run, about(runs.StatusQueued))
	p.ok(err)
	for _, read := range []bool{false, true} {
		sent, asked := watch(p.two[0]), 0
		status := runs.StatusRunning
		if read {
			status = runs.StatusSuccess
		}
		_, err := p.two[0].ChangeRun(t.Context(), w.tenant, run.ID, func(now time.Time, r runs.Run, _ runs.Room) (runs.Change, error) {
			asked++
			if read {
				_, err := p.two[1].MarkNotificationRead(t.Context(), w.tenant, "ada", run.ID, now.AddDate(1, 0, 0), now)
				p.ok(err)
				r = end(w.now, r)
			} else {
				r = claim(w.now, r)
			}
			return runs.Change{Run: r, Trail: about(status)}, nil
		})
		p.ok(err)
		if list := sent.taken(); len(list) == 0 || (asked > 1) != read {
			t.Errorf("read in between %v: asked %d times, sent %q", read, asked, list)
		}
		list, err := p.two[0].ListNotifications(t.Context(), w.tenant, "ada", false, runs.Slice{Limit: 10})
		p.ok(err)
		if len(list) != 1 || list[0].Status != status || !list[0].ReadAt.IsZero() {
			t.Errorf("read in between %v: %+v", read, list)
		}
	}
	p.sound()
}

// numbered has a number for each id, in their order.
func numbered(s string) string {
	ids := map[string]int{}
	return regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`).ReplaceAllStringFunc(s, func(id string) string {
		if _, known := ids[id]; !known {
			ids[id] = len(ids) + 1
		}
		return fmt.Sprint("id ", ids[id])
	})
}

// TestAChangeIsAskedAgainWhenAnotherOneWasFirst, twice without locks and then with them, when
// nobody can be first any more.
func TestAChangeIsAskedAgainWhenAnotherOneWasFirst(t *testing.T) {
	p := newPair(t, pgstore.Options{})
	w := newWorker(t, p.two[0], "contoso", 2)
	for others, want := range []int{1, 2, 3} {
		run := w.claimed(w.schedule())
		asked, err := w.asking(p.two[0], run.ID, func(n int) {
			if n <= others {
				w.ok(w.quietly(p.two[1], run.ID, stall))
			}
		}, stall)
		p.ok(err)
		if asked != want {
			t.Errorf("%d others were first: asked %d times, want %d", others, asked, want)
		}
		p.want("SELECT stalls::text FROM tb_runs WHERE id = '"+string(run.ID)+"'", fmt.Sprint(others+1))
	}
	p.sound()
}

// TestAChangeSeesThatItsScheduleWasChangedMeanwhile: its other columns stay as they are then.
func TestAChangeSeesThatItsScheduleWasChangedMeanwhile(t *testing.T) {
	p := newPair(t, pgstore.Options{})
	w := newWorker(t, p.two[0], "contoso", 2)
	sched := w.schedule()
	one, two := w.claimed(sched), runs.Run{}
	p.exec("DROP INDEX tb_runs_running") // so that another run of the schedule may end first
	w.now = w.now.Add(time.Hour)
	two = w.claimedBeside(sched)
	later := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
	_, err := w.asking(p.two[0], one.ID, func(n int) {
		if n == 1 {
			w.ok(w.quietly(p.two[1], two.ID, func(_ time.Time, r runs.Run) runs.Run { return end(later, r) }))
		}
	}, end)
	p.ok(err)
	p.want("SELECT last_run_id::text FROM tb_schedules", string(two.ID)) // which finished later
}

// claimedBeside is a run that runs though another one of its schedule does.
func (w *worker) claimedBeside(sched backupsched.Schedule) runs.Run {
	w.Helper()
	r := w.queued("beside")
	r.Kind, r.ScheduleID = runs.KindBackup, sched.ID
	r = claim(w.now, r)
	_, _, err := w.store.CreateRun(w.Context(), w.tenant, r, runs.Trail{})
	w.ok(err)
	return r
}

// TestEntriesHaveNoGapWhenChangesMeet: the number that was read is taken meanwhile, also the
// first one of a tenant.
func TestEntriesHaveNoGapWhenChangesMeet(t *testing.T) {
	p := newPair(t, pgstore.Options{})
	w := newWorker(t, p.two[0], "contoso", 2)
	run, _, err := w.store.CreateRun(t.Context(), w.tenant, w.queued("key"), runs.Trail{})
	p.ok(err)
	for round := range 3 {
		asked, err := w.asking(p.two[0], run.ID, func(n int) {
			if n == 1 {
				w.ok(p.two[1].AppendAudit(t.Context(), w.tenant, w.trail("meanwhile", "").Audit...))
			}
		}, stall)
		p.ok(err)
		if asked != 2 {
			t.Errorf("round %d: asked %d times, want 2", round, asked)
		}
	}
	p.want("SELECT string_agg(seq || ' ' || action, ', ' ORDER BY seq) FROM tb_audit_log",
		"1 meanwhile, 2 run.changed, 3 meanwhile, 4 run.changed, 5 meanwhile, 6 run.changed")
	p.want("SELECT seq::text FROM tb_audit_heads", "6")
	p.sound()
}

// TestALaneOrScheduleThatIsTakenMeanwhileIsBusy: only the database knows, when the write comes.
func TestALaneOrScheduleThatIsTakenMeanwhileIsBusy(t *testing.T) {
	p := newPair(t, pgstore.Options{})
	w := newWorker(t, p.two[0], "contoso", 2)
	sched := w.schedule()
	for name, c := range map[string]struct {
		edit  func(r *runs.Run)
		claim func(now time.Time, r runs.Run) runs.Run
	}{
		"lane":     {func(*runs.Run) {}, func(now time.Time, r runs.Run) runs.Run { r = claim(now, r); r.Lane = 1; return r }},
		"schedule": {func(r *runs.Run) { r.Kind, r.ScheduleID = runs.KindBackup, sched.ID }, claim},
	} {
		t.Run(name, func(t *testing.T) {
			var ids [2]runs.ID
			for i := range ids {
				r := w.queued(fmt.Sprint(name, i))
				c.edit(&r)
				_, _, err := w.store.CreateRun(t.Context(), w.tenant, r, runs.Trail{})
				p.ok(err)
				ids[i] = r.ID
			}
			asked, err := w.asking(p.two[0], ids[0], func(n int) {
				if n == 1 {
					w.ok(w.to(p.two[1], ids[1], c.claim))
				}
			}, c.claim)
			wantError(t, err, runs.ErrBusy)
			if asked != 2 {
				t.Errorf("asked %d times, want 2: the first claim was refused when it was written", asked)
			}
		})
	}
	p.want("SELECT count(*)::text FROM tb_runs WHERE status = 'running'", "2")
	p.sound()
}

// TestAConnectionMayForgetWhatWasPrepared: a pooler hands out another one, or cleans it.
func TestAConnectionMayForgetWhatWasPrepared(t *testing.T) {
	for name, opts := range map[string]pgstore.Options{"plain": {}, "row-level security": {RowSecurity: guest()}} {
		opts.Connection.MaxConns = 1
		p := newPair(t, opts)
		w := newWorker(t, p.two[0], "contoso", 2)
		run := w.claimed(w.schedule())
		sent := watch(p.two[0])
		prepared := func() []string {
			list, err := stringsOf(t.Context(), p.two[0].DB(), "SELECT name FROM pg_prepared_statements WHERE from_sql ORDER BY 1")
			p.ok(err)
			return list
		}
		for _, forget := range []string{"SELECT 1", "DISCARD ALL", "DEALLOCATE ALL", "DEALLOCATE one"} {
			if names := prepared(); forget == "DEALLOCATE one" {
				forget = "DEALLOCATE " + names[len(names)/2]
			}
			_, err := p.two[0].DB().Exec(forget)
			p.ok(err)
			sent.taken()
			asked, err := w.asking(p.two[0], run.ID, nil, stall)
			if err != nil || asked != 1 {
				t.Errorf("%s: after %s: asked %d times: %v", name, forget, asked, err)
			}
			if _, err := p.two[0].WaitingRuns(t.Context(), w.tenant, 3); err != nil {
				t.Errorf("%s: after %s: %v", name, forget, err)
			}
		}
		p.want("SELECT stalls::text FROM tb_runs", "4")
		p.sound()
	}
}

// TestADamagedScheduleIsNotWrittenByTheRunThatEnds, which would give it a fresh checksum.
func TestADamagedScheduleIsNotWrittenByTheRunThatEnds(t *testing.T) {
	p := newPair(t, pgstore.Options{})
	w := newWorker(t, p.two[0], "contoso", 2)
	run := w.claimed(w.schedule())
	p.exec("UPDATE tb_schedules SET name = 'Another'")
	before := p.state()
	wantError(t, w.to(p.two[0], run.ID, end), backupset.ErrDamaged)
	if p.state() != before {
		t.Error("something was stored")
	}
}

// TestAnErrorOfTheChangeIsHandedOn and nothing is written.
func TestAnErrorOfTheChangeIsHandedOn(t *testing.T) {
	p := newPair(t, pgstore.Options{})
	w := newWorker(t, p.two[0], "contoso", 2)
	run := w.claimed(w.schedule())
	before := p.state()
	no, asked := errors.New("no"), 0
	_, err := p.two[0].ChangeRun(t.Context(), w.tenant, run.ID, func(time.Time, runs.Run, runs.Room) (runs.Change, error) {
		asked++
		return runs.Change{}, no
	})
	wantError(t, err, no)
	wantError(t, w.to(p.two[0], w.id(), end), runs.ErrNotFound)
	if asked != 1 || p.state() != before {
		t.Errorf("asked %d times, or something was stored", asked)
	}
}
