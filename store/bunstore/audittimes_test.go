package bunstore_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/uuidv7"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/store"
	"github.com/tenantatlas/tenantbackup/store/pgstore"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

// minute is a time of the logs of these tests.
func minute(n int) time.Time { return began.Add(time.Duration(n) * time.Minute) }

// entryID makes ids of audit entries.
var entryID = uuidv7.NewGenerator(func() time.Time { return began })

func engineEntry(at time.Time, action string) runs.AuditEntry {
	return runs.AuditEntry{ID: runs.ID(entryID.New()), At: at, Actor: runs.SystemActor, Action: action, Outcome: "ok"}
}

// orderly are entries of one a minute.
func orderly(n int, actions ...string) (list []runs.AuditEntry) {
	for i := range n {
		list = append(list, engineEntry(minute(i), actions[i%len(actions)]))
	}
	return list
}

// auditTest is a test or a try of rapid.
type auditTest interface {
	rapid.TB
	Context() context.Context
}

// auditSeqs reads the numbers of all entries of a filter, page by page.
func auditSeqs(s store.Store, t auditTest, tenant graph.TenantID, f runs.AuditFilter, limit int) (got []int64) {
	t.Helper()
	var after runs.Keyset
	for more := true; more; {
		list, err := s.ListAudit(t.Context(), tenant, f, runs.Slice{Limit: limit, After: after})
		if err != nil {
			t.Fatal(err)
		}
		more = len(list) > limit
		for _, e := range list[:min(len(list), limit)] {
			got, after = append(got, e.Seq), runs.Keyset{Key: fmt.Sprint(e.Seq), ID: e.ID}
		}
	}
	return got
}

// fits tells whether a filter lets an entry pass.
func fits(f runs.AuditFilter, e runs.AuditEntry) bool {
	timed := !f.From.IsZero() || !f.To.IsZero()
	return (len(f.Actions) == 0 || slices.Contains(f.Actions, e.Action)) && (f.RunID == "" || f.RunID == e.RunID) &&
		(f.Resource == "" || f.Resource == e.Resource.ID) && (f.Actor == "" || f.Actor == e.Actor.ID) &&
		(!timed || !e.At.IsZero()) && !e.At.Before(f.From) && (f.To.IsZero() || e.At.Before(f.To))
}

// seqsOf are the numbers of the entries of a log that a filter lets pass, the newest first.
func seqsOf(log []runs.AuditEntry, f runs.AuditFilter) (want []int64) {
	for i, e := range slices.Backward(log) {
		if fits(f, e) {
			want = append(want, int64(i)+1)
		}
	}
	return want
}

// filtersFindTheirTimes plays two processes that write to logs, by clocks that differ, and read them.
func filtersFindTheirTimes(t *testing.T, two [2]store.Store) {
	n := 0
	run, resource := runs.ID(entryID.New()), runs.ID(entryID.New())
	rapid.Check(t, func(t *rapid.T) {
		n++
		tenants := []graph.TenantID{graph.TenantID(fmt.Sprint("tenant ", n)), graph.TenantID(fmt.Sprint("other ", n))}
		logs := map[graph.TenantID][]runs.AuditEntry{}
		clock := 0
		wrong := rapid.SampledFrom([]int{0, 3, 10, 10, 400, 5_000_000}).Draw(t, "minutes that clocks are wrong by")
		offset := rapid.OneOf(rapid.Just(0), rapid.IntRange(-wrong, wrong))
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			tenant := rapid.SampledFrom(tenants).Draw(t, "tenant")
			var batch []runs.AuditEntry
			off := offset.Draw(t, "offset")
			for i := range rapid.SampledFrom([]int{1, 2, 3, 5, 5, 5, 5, 5, 5, 700}).Draw(t, "entries") {
				if i < 5 {
					off = offset.Draw(t, "offset")
				}
				if i%3 == 0 {
					clock++
				}
				e := engineEntry(minute(clock+off).Add(time.Duration(i%4-1)*time.Microsecond), []string{"run.started", "run.finished", "run.refused", "schedule.deleted"}[i%41%4])
				switch i % 97 {
				case 0:
					e.Actor = runs.Actor{ID: "ada", Name: "Ada"}
				case 1, 6:
					e.RunID, e.Resource = run, runs.Target{Type: "schedule", ID: resource}
				case 96:
					e.At = time.Time{}
				}
				batch = append(batch, e)
			}
			logs[tenant] = append(logs[tenant], batch...)
			if err := two[rapid.IntRange(0, 1).Draw(t, "writer")].AppendAudit(t.Context(), tenant, batch...); err != nil {
				t.Fatal(err)
			}
			for range rapid.IntRange(0, 3).Draw(t, "reads") {
				f := rapid.SampledFrom([]runs.AuditFilter{
					{}, {}, {Actions: []string{"run.finished"}}, {Actions: []string{"schedule.deleted", "run.refused"}}, {Actor: "ada"},
					{Actor: runs.SystemActor.ID}, {RunID: run}, {Resource: resource},
				}).Draw(t, "filter")
				when := rapid.OneOf(rapid.IntRange(-3, clock+3), rapid.IntRange(clock-8, clock+3))
				micro := rapid.Custom(func(t *rapid.T) time.Time {
					return minute(when.Draw(t, "minute")).Add(time.Duration(rapid.IntRange(-1, 2).Draw(t, "microseconds")) * time.Microsecond)
				})
				if rapid.Bool().Draw(t, "has from") {
					f.From = micro.Draw(t, "from")
				}
				if rapid.Bool().Draw(t, "has to") {
					f.To = micro.Draw(t, "to")
				}
				tenant, reader := rapid.SampledFrom(tenants).Draw(t, "tenant"), rapid.IntRange(0, 1).Draw(t, "reader")
				got := auditSeqs(two[reader], t, tenant, f, rapid.SampledFrom([]int{3, 400}).Draw(t, "limit"))
				if d := cmp.Diff(seqsOf(logs[tenant], f), got); d != "" {
					t.Fatalf("%s %+v (-want +got):\n%s", tenant, f, d)
				}
			}
		}
	})
}

func TestAFilterByTimeFindsItsEntriesWhateverTheClocks(t *testing.T) {
	s, path := fullStore(t)
	filtersFindTheirTimes(t, [2]store.Store{s, openAt(t, path, sqlitestore.Options{})})
}

func TestPostgresAFilterByTimeFindsItsEntriesWhateverTheClocks(t *testing.T) {
	p := newPair(t, pgstore.Options{RowSecurity: guest()})
	filtersFindTheirTimes(t, [2]store.Store{p.two[0], p.two[1]})
}

// TestAnEntryIsLateAfterAllThatWereReadBefore, and not only after those that are read with it.
func TestAnEntryIsLateAfterAllThatWereReadBefore(t *testing.T) {
	s, _ := fullStore(t)
	var log []runs.AuditEntry
	f := runs.AuditFilter{To: minute(90)}
	for _, at := range []int{0, 100, 90, 85} {
		log = append(log, engineEntry(minute(at), "run.started"))
		if err := s.AppendAudit(t.Context(), "northwind", log[len(log)-1]); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(seqsOf(log, f), auditSeqs(s, t, "northwind", f, 100)); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
}

// TestAnEntryThatIsWrittenWhileAFilterIsReadHidesNoOther: it may be late by more than any before.
func TestAnEntryThatIsWrittenWhileAFilterIsReadHidesNoOther(t *testing.T) {
	s, path := fullStore(t)
	other := openAt(t, path, sqlitestore.Options{})
	log := orderly(50, "run.started")
	if err := s.AppendAudit(t.Context(), "northwind", log...); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	s.OnQuery(func(query string) {
		if strings.HasPrefix(query, `SELECT t.seq, t."at"`) {
			once.Do(func() {
				if err := other.AppendAudit(t.Context(), "northwind", engineEntry(minute(30).Add(-time.Second), "run.started")); err != nil {
					t.Error(err)
				}
			})
		}
	})
	f := runs.AuditFilter{From: minute(30)}
	if d := cmp.Diff(seqsOf(log, f), auditSeqs(s, t, "northwind", f, 100)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestALogThatWasRestoredIsReadAgain below a store that knows the times of what was there before,
// whether the log has by then fewer entries or more.
func TestALogThatWasRestoredIsReadAgain(t *testing.T) {
	s, path := fullStore(t)
	db := rawDB(t, path)
	write := func(entries ...runs.AuditEntry) {
		t.Helper()
		if err := s.AppendAudit(t.Context(), "northwind", entries...); err != nil {
			t.Fatal(err)
		}
	}
	log := orderly(20, "run.started")
	write(log...)
	for _, table := range []string{"audit_log", "audit_heads"} {
		if _, err := db.Exec("CREATE TABLE saved_" + table + " AS SELECT * FROM tb_" + table); err != nil {
			t.Fatal(err)
		}
	}
	late := engineEntry(minute(10).Add(-time.Second), "run.started")
	more := append([]runs.AuditEntry{engineEntry(minute(40), "run.started"), late, late}, orderly(80, "run.started")[40:]...)
	for what, further := range map[string][]runs.AuditEntry{"fewer": nil, "more": more} {
		write(orderly(30, "run.started")[20:]...)
		from := runs.AuditFilter{From: minute(10)}
		auditSeqs(s, t, "northwind", from, 100)
		for _, table := range []string{"audit_log", "audit_heads"} {
			rawExec(t, db, "DELETE FROM tb_"+table)
			rawExec(t, db, "INSERT INTO tb_"+table+" SELECT * FROM saved_"+table)
		}
		if further != nil {
			write(further...)
		}
		if d := cmp.Diff(seqsOf(slices.Concat(log, further), from), auditSeqs(s, t, "northwind", from, 100)); d != "" {
			t.Errorf("with %s entries (-want +got):\n%s", what, d)
		}
	}
}

// TestAFilterByTimeReadsOnlyWhatItShows where the times of a log grow with its numbers: nothing is
// sorted, and each index is read from the first entry of the time on, in its own order.
func TestAFilterByTimeReadsOnlyWhatItShows(t *testing.T) {
	s, path := fullStore(t)
	log := append(orderly(3000, "run.started", "run.finished", "schedule.deleted"), engineEntry(time.Time{}, "run.started")) // the last has no time
	if err := s.AppendAudit(t.Context(), "northwind", log...); err != nil {
		t.Fatal(err)
	}
	p := planning(t, s, path)
	from, to := minute(500), minute(2500)
	for _, tt := range []struct {
		filter runs.AuditFilter
		index  string
	}{
		{runs.AuditFilter{To: to}, "PRIMARY KEY (tenant_id=? AND seq>? AND seq<?)"},
		{runs.AuditFilter{From: from, To: to, Actor: runs.SystemActor.ID}, "PRIMARY KEY (tenant_id=? AND seq>? AND seq<?)"},
		{runs.AuditFilter{From: from, To: to, Actions: []string{"run.finished"}}, "PRIMARY KEY (tenant_id=? AND seq>? AND seq<?)"},
		{runs.AuditFilter{From: from, To: to, Actions: []string{"schedule.deleted"}}, "tb_audit_action (tenant_id=? AND action=? AND seq>? AND seq<?)"},
		{runs.AuditFilter{From: from, To: to, Actor: "ada"}, "tb_audit_actor (tenant_id=? AND actor_id=? AND seq>? AND seq<?)"},
		{runs.AuditFilter{From: from, To: to, RunID: "01990000-0000-7000-8000-000000000001"}, "tb_audit_run (tenant_id=? AND run_id=? AND seq>? AND seq<?)"},
		{runs.AuditFilter{From: from, To: to, Resource: "x"}, "tb_audit_resource (tenant_id=? AND resource_id=? AND seq>? AND seq<?)"},
	} {
		steps := p.plans(func() error {
			_, err := s.ListAudit(t.Context(), "northwind", tt.filter, runs.Slice{Limit: 50})
			return err
		})
		if !strings.HasSuffix(steps[len(steps)-1], tt.index) || strings.Contains(strings.Join(steps, "\n"), "TEMP B-TREE") {
			t.Errorf("%+v: want %s and no sorting:\n%s", tt.filter, tt.index, strings.Join(steps, "\n"))
		}
	}
}
