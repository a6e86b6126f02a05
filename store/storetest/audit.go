package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

func auditPromises() []promise {
	return []promise{
		{"an audit entry comes back as it was given, with its number", auditEntryComesBack},
		{"entries are numbered 1, 2, 3 in each tenant, whatever number they bring", entriesAreNumbered},
		{"entries of one trail keep their order", entriesKeepTheirOrder},
		{"numbers have no hole when many write at once and some are refused", numbersHaveNoHole},
		{"every entry carries the hash of the one before it and its own, as it comes back", entriesAreChained},
		{"the head is the last entry's number and hash", headIsTheLastEntry},
		{"each tenant has a chain of its own", chainsAreApart},
		{"the chain holds when many write at once and some are refused", chainHolds},
		{"the system has an audit log of its own", systemHasItsOwnAudit},
		{"no entries are no error", noEntries},
		{"entries of several actions are one list, newest first, in pages of any size", entriesOfSeveralActions},
		{"entries are found by action, run and resource", entriesAreFound},
		{"entries are found by person and time", entriesOfPersonsAndTimes},
	}
}

func auditEntryComesBack(t *testing.T, f *fixture) {
	r := f.start(f.newRun(contoso))
	e := runs.AuditEntry{
		ID: f.id(), At: start.Add(time.Minute), Actor: bob, TenantID: contoso, Action: "backup_set.held",
		Resource: runs.Target{Type: "backup_set", ID: f.id()}, RunID: r.ID, Outcome: "ok",
		Details: map[string]string{"hold": "Prüfung", "reason": `a "quoted" one`, "empty": ""},
	}
	f.ok(f.store.AppendAudit(f.ctx, contoso, e))
	e.Seq = 1
	e.Hash = runs.ChainHash(runs.AuditHash{}, e)
	same(t, "audit log", f.audit(contoso), []runs.AuditEntry{e})
}

func entriesAreNumbered(t *testing.T, f *fixture) {
	for _, tenant := range []graph.TenantID{contoso, fabrikam, contoso} {
		e := f.entry(tenant, "x")
		e.Seq = 1000
		f.ok(f.store.AppendAudit(f.ctx, tenant, e, f.entry(tenant, "y")))
	}
	same(t, "numbers of contoso", f.seqs(contoso), []int64{1, 2, 3, 4})
	same(t, "numbers of fabrikam", f.seqs(fabrikam), []int64{1, 2})
}

func entriesKeepTheirOrder(t *testing.T, f *fixture) {
	later, earlier := f.entry(contoso, "first"), f.entry(contoso, "second")
	earlier.At = later.At.Add(-time.Hour) // the number counts, not the time
	last := f.entry(contoso, "third")
	f.ok(f.store.CreateSchedule(f.ctx, contoso, f.newSchedule(contoso, "s"), runs.Trail{Audit: []runs.AuditEntry{later, earlier, last}}))
	same(t, "actions", f.actions(contoso), []string{"first", "second", "third"})
}

// rounds is how often each of a crowd writes.
const rounds = 5

// manyWrite lets many write to the audit logs at once, some of them refused.
func (f *fixture) manyWrite() {
	f.Helper()
	r, s := f.start(f.newRun(contoso)), f.schedule(contoso)
	var mu sync.Mutex
	var failed error
	note := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		failed = errors.Join(failed, err)
	}
	atOnce(crowd, func(i int) {
		for range rounds {
			switch i % 4 {
			case 0:
				note(f.store.AppendAudit(f.ctx, contoso, f.entry(contoso, "a"), f.entry(contoso, "b")))
			case 1:
				_, err := f.store.ChangeRun(f.ctx, contoso, r.ID, func(_ time.Time, r runs.Run, _ runs.Room) (runs.Change, error) {
					return runs.Change{Run: r, Trail: f.trail(contoso, "c")}, nil
				})
				note(err)
			case 2:
				note(f.store.AppendAudit(f.ctx, fabrikam, f.entry(fabrikam, "d")))
			case 3:
				_, err := f.store.ChangeSchedule(f.ctx, contoso, s.ID, func(_ time.Time, s backupsched.Schedule) (backupsched.ScheduleChange, error) {
					return backupsched.ScheduleChange{Schedule: s, Trail: f.trail(contoso, "e")}, errRefused
				})
				if !errors.Is(err, errRefused) {
					note(err)
				}
			}
		}
	})
	f.ok(failed)
}

func numbersHaveNoHole(t *testing.T, f *fixture) {
	f.manyWrite()
	for tenant, want := range map[graph.TenantID]int{contoso: crowd / 4 * rounds * 3, fabrikam: crowd / 4 * rounds} {
		got := f.seqs(tenant)
		for i, n := range got {
			if n != int64(i+1) {
				t.Fatalf("numbers of %s have a hole or a double: %v", tenant, got)
			}
		}
		if len(got) != want {
			t.Errorf("entries of %s: got %d, want %d", tenant, len(got), want)
		}
	}
}

func systemHasItsOwnAudit(t *testing.T, f *fixture) {
	f.ok(f.store.AppendAudit(f.ctx, runs.SystemTenant, f.entry(runs.SystemTenant, "dispatch.cycle")))
	f.ok(f.store.AppendAudit(f.ctx, contoso, f.entry(contoso, "run.started")))
	same(t, "the system's", f.actions(runs.SystemTenant), []string{"dispatch.cycle"})
	same(t, "the tenant's", f.actions(contoso), []string{"run.started"})
}

func noEntries(t *testing.T, f *fixture) {
	f.nothingWritten("no entries", func() { f.ok(f.store.AppendAudit(f.ctx, contoso)) })
}

func entriesAreFound(t *testing.T, f *fixture) {
	r := f.start(f.newRun(contoso))
	a, b, c := f.entry(contoso, "run.started"), f.entry(contoso, "run.finished"), f.entry(contoso, "run.started")
	a.RunID, b.RunID = r.ID, r.ID
	c.Resource = runs.Target{Type: "schedule", ID: f.id()}
	f.ok(f.store.AppendAudit(f.ctx, contoso, a, b, c))
	for what, q := range map[string]struct {
		filter runs.AuditFilter
		want   []runs.ID // newest first
	}{
		"everything": {runs.AuditFilter{}, []runs.ID{c.ID, b.ID, a.ID}},
		"action":     {runs.AuditFilter{Actions: []string{"run.started"}}, []runs.ID{c.ID, a.ID}},
		"actions":    {runs.AuditFilter{Actions: []string{"run.finished", "run.started"}}, []runs.ID{c.ID, b.ID, a.ID}},
		"run":        {runs.AuditFilter{RunID: r.ID}, []runs.ID{b.ID, a.ID}},
		"resource":   {runs.AuditFilter{Resource: c.Resource.ID}, []runs.ID{c.ID}},
		"together":   {runs.AuditFilter{Resource: c.Resource.ID, RunID: r.ID}, nil},
	} {
		var got []runs.ID
		for _, e := range must(f.store.ListAudit(f.ctx, contoso, q.filter, all))(t) {
			got = append(got, e.ID)
		}
		same(t, what, got, q.want)
	}
}

func entriesOfPersonsAndTimes(t *testing.T, f *fixture) {
	all := []runs.AuditEntry{}
	for i, actor := range []runs.Actor{ada, bob, runs.SystemActor, bob, ada, runs.SystemActor} {
		e := f.entry(contoso, []string{"run.started", "schedule.updated"}[i%2])
		e.Actor, e.At = actor, start.Add(time.Duration(i)*time.Hour)
		all = append(all, e)
	}
	all[4].At = all[1].At // written late, or by a clock that is behind
	all[1].Actor.Name = "Bobby"
	f.ok(f.store.AppendAudit(f.ctx, contoso, all...))
	at := func(i int) time.Time { return start.Add(time.Duration(i) * time.Hour) }
	elsewhere := time.FixedZone("", 9*3600)
	for what, q := range map[string]struct {
		filter runs.AuditFilter
		want   []int // newest first
	}{
		"a person, whatever the name":   {runs.AuditFilter{Actor: bob.ID}, []int{3, 1}},
		"another person":                {runs.AuditFilter{Actor: ada.ID}, []int{4, 0}},
		"the engine":                    {runs.AuditFilter{Actor: runs.SystemActor.ID}, []int{5, 2}},
		"nobody":                        {runs.AuditFilter{Actor: "bo"}, nil},
		"from a time, which is in":      {runs.AuditFilter{From: at(3)}, []int{5, 3}},
		"until a time, which is not in": {runs.AuditFilter{To: at(2)}, []int{4, 1, 0}},
		"between times":                 {runs.AuditFilter{From: at(1), To: at(3)}, []int{4, 2, 1}},
		"between times of another zone": {runs.AuditFilter{From: at(1).In(elsewhere), To: at(3).In(elsewhere)}, []int{4, 2, 1}},
		"no time between":               {runs.AuditFilter{From: at(3), To: at(3)}, nil},
		"a later time":                  {runs.AuditFilter{From: at(6)}, nil},
		"a person and an action":        {runs.AuditFilter{Actor: ada.ID, Actions: []string{"run.started"}}, []int{4, 0}},
		"a person and a rare action":    {runs.AuditFilter{Actor: bob.ID, Actions: []string{"schedule.updated", "schedule.deleted"}}, []int{3, 1}},
		"a person and a time":           {runs.AuditFilter{Actor: ada.ID, From: at(1)}, []int{4}},
		"the engine and a time":         {runs.AuditFilter{Actor: runs.SystemActor.ID, To: at(5)}, []int{2}},
		"an action and a time":          {runs.AuditFilter{Actions: []string{"run.started"}, From: at(1), To: at(4)}, []int{4, 2}},
		"a rare action and a time":      {runs.AuditFilter{Actions: []string{"schedule.updated"}, From: at(2)}, []int{5, 3}},
	} {
		for _, limit := range []int{1, 2, 10} {
			var got []int
			var after runs.Keyset
			for more := true; more; {
				list := must(f.store.ListAudit(f.ctx, contoso, q.filter, runs.Slice{Limit: limit, After: after}))(t)
				more = len(list) > limit
				for _, e := range list[:min(len(list), limit)] {
					got, after = append(got, int(e.Seq)-1), runs.Keyset{Key: strconv.FormatInt(e.Seq, 10), ID: e.ID}
				}
			}
			same(t, fmt.Sprintf("%s, in pages of %d", what, limit), got, q.want)
		}
	}
}

// chain fails the test unless the entries of a tenant are a chain that ends at the head, and
// returns them, the oldest first.
func (f *fixture) chain(tenant graph.TenantID) []runs.AuditEntry {
	f.Helper()
	entries := f.audit(tenant)
	slices.SortFunc(entries, func(a, b runs.AuditEntry) int { return int(a.Seq - b.Seq) })
	var head runs.AuditHead
	for _, e := range entries {
		if e.PrevHash != head.Hash {
			f.Errorf("entry %d of %q: follows %s, want %s", e.Seq, tenant, e.PrevHash, head.Hash)
		}
		if want := runs.ChainHash(head.Hash, e); e.Hash != want {
			f.Errorf("entry %d of %q: has the hash %s, want %s", e.Seq, tenant, e.Hash, want)
		}
		head = runs.AuditHead{Seq: e.Seq, Hash: e.Hash}
	}
	same(f, "head of "+string(tenant), must(f.store.AuditHead(f.ctx, tenant))(f), head)
	return entries
}

func entriesAreChained(t *testing.T, f *fixture) {
	e := f.entry(contoso, "backup_set.held")
	e.At = time.Date(2026, time.July, 14, 23, 59, 59, 123456789, time.FixedZone("", 3600))
	e.Actor = runs.Actor{ID: "no \xff UTF-8", Name: "Grüße\x00"}
	e.Details = map[string]string{"a": "no \xff UTF-8", "b\xfe": `<"quoted" & 'so'>`, "c": "\u2028\ufffd"}
	e.PrevHash, e.Hash, e.Seq = runs.AuditHash{1}, runs.AuditHash{2}, 7
	f.ok(f.store.AppendAudit(f.ctx, contoso, e, runs.AuditEntry{ID: f.id()}))
	s := f.due(contoso, start)
	c := f.chunk(10)
	f.dispatch(c)
	f.change(f.start(f.newRun(contoso)), claimed)
	f.backup(s, start.Add(time.Hour), content{t: settings, id: "p1", body: "a"})
	r := f.newRun(contoso)
	_, _, err := f.store.CreateRun(f.ctx, contoso, r, f.trail(contoso, "run.started"))
	f.ok(err)
	if n := len(f.chain(contoso)); n < 3 {
		t.Errorf("%d entries, want at least 3", n)
	}
	if n := len(f.chain(runs.SystemTenant)); n != 1 {
		t.Errorf("%d entries of the system, want the one of the cycle", n)
	}
}

func headIsTheLastEntry(t *testing.T, f *fixture) {
	for range 3 {
		f.chain(contoso)
		f.ok(f.store.AppendAudit(f.ctx, contoso, f.entry(contoso, "x"), f.entry(contoso, "y")))
	}
	f.chain(contoso)
	f.chain(fabrikam) // has none
}

func chainsAreApart(t *testing.T, f *fixture) {
	for _, tenant := range []graph.TenantID{contoso, fabrikam, runs.SystemTenant, contoso, fabrikam, runs.SystemTenant} {
		f.ok(f.store.AppendAudit(f.ctx, tenant, f.entry(tenant, "x")))
	}
	for _, tenant := range []graph.TenantID{contoso, fabrikam, runs.SystemTenant} {
		if n := len(f.chain(tenant)); n != 2 {
			t.Errorf("%d entries of %q, want 2", n, tenant)
		}
	}
}

func chainHolds(_ *testing.T, f *fixture) {
	f.manyWrite()
	f.chain(contoso)
	f.chain(fabrikam)
}

// seqs returns the numbers of a tenant's entries in ascending order.
func (f *fixture) seqs(tenant graph.TenantID) []int64 {
	f.Helper()
	var seqs []int64
	for _, e := range f.audit(tenant) {
		seqs = append(seqs, e.Seq)
	}
	slices.Sort(seqs)
	return seqs
}

func entriesOfSeveralActions(t *testing.T, f *fixture) {
	var want []int64
	for i := range 40 {
		action := []string{"schedule.created", "run.started", "backup_set.held", "schedule.deleted"}[i%4]
		f.ok(f.store.AppendAudit(f.ctx, contoso, f.entry(contoso, action)))
		if i%4 != 1 {
			want = append([]int64{int64(i) + 1}, want...)
		}
	}
	filter := runs.AuditFilter{Actions: []string{"backup_set.held", "schedule.deleted", "schedule.created", "schedule.deleted"}}
	for _, limit := range []int{1, 3, 50} {
		var got []int64
		var after runs.Keyset
		for {
			list := must(f.store.ListAudit(f.ctx, contoso, filter, runs.Slice{Limit: limit, After: after}))(t)
			more := len(list) > limit
			for _, e := range list[:min(len(list), limit)] {
				got = append(got, e.Seq)
				after = runs.Keyset{Key: strconv.FormatInt(e.Seq, 10), ID: e.ID}
			}
			if !more {
				break
			}
		}
		same(t, fmt.Sprintf("numbers in pages of %d", limit), got, want)
	}
}
