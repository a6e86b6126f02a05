package runs_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
)

// chainedLog is a log that anybody may tamper with.
type chainedLog struct {
	runs.Store
	entries []runs.AuditEntry // by number
	head    runs.AuditHead
}

func (l *chainedLog) AuditHead(context.Context, graph.TenantID) (runs.AuditHead, error) {
	return l.head, nil
}

func (l *chainedLog) ListAudit(_ context.Context, _ graph.TenantID, _ runs.AuditFilter, slice runs.Slice) (list []runs.AuditEntry, err error) {
	before, err := strconv.ParseInt(slice.After.Key, 10, 64)
	for _, e := range slices.Backward(l.entries) {
		if e.Seq < before && len(list) <= slice.Limit {
			list = append(list, e)
		}
	}
	return list, err
}

// add writes an entry as a store does.
func (l *chainedLog) add(e runs.AuditEntry) {
	e.Seq, e.PrevHash = l.head.Seq+1, l.head.Hash
	e.Hash = runs.ChainHash(e.PrevHash, e)
	l.entries = append(l.entries, e)
	l.head = runs.AuditHead{Seq: e.Seq, Hash: e.Hash}
}

func newChainedLog(n int) *chainedLog {
	l := &chainedLog{}
	for i := range n {
		l.add(runs.AuditEntry{
			ID: runs.ID(fmt.Sprintf("0190a000-0000-7000-8000-%012d", i)), At: rig.Start.Add(time.Duration(i) * time.Second),
			TenantID: rig.Tenant, Actor: rig.Owner, Action: "schedule.updated", Outcome: "ok", Details: map[string]string{"field": strconv.Itoa(i)},
		})
	}
	return l
}

func verifyLog(t interface {
	Helper()
	Fatal(...any)
}, l *chainedLog, known runs.AuditHead) runs.AuditVerification {
	t.Helper()
	s, err := runs.NewStarter(runs.StarterConfig{Store: l, Queue: &rig.Queue{}, Authorizer: runs.RoleAuthorizer{
		RoleOf: func(context.Context, graph.TenantID, runs.Actor) (runs.Role, error) { return runs.RoleReadonly, nil },
	}})
	if err != nil {
		t.Fatal(err)
	}
	found, err := s.VerifyAudit(context.Background(), rig.Tenant, rig.Reader, known)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestAnAuditLogThatNobodyTouchedIsSound(t *testing.T) {
	for _, n := range []int{0, 1, 2, 499, 500, 501, 1203} {
		l := newChainedLog(n)
		want := runs.AuditVerification{Checked: n, Head: l.head}
		if diff := cmp.Diff(want, verifyLog(t, l, runs.AuditHead{})); diff != "" {
			t.Errorf("%d entries (-want +got):\n%s", n, diff)
		}
	}
}

func TestEntriesFromBeforeTheChainAreCountedApart(t *testing.T) {
	l := &chainedLog{}
	for i := range 3 {
		l.entries = append(l.entries, runs.AuditEntry{Seq: int64(i + 1), Action: "run.started"})
	}
	l.head.Seq = 3
	l.add(runs.AuditEntry{Action: "run.finished"})
	want := runs.AuditVerification{Checked: 1, Unchained: 3, Head: l.head}
	if diff := cmp.Diff(want, verifyLog(t, l, runs.AuditHead{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	l.entries = slices.Delete(l.entries, 1, 2)
	if found := verifyLog(t, l, runs.AuditHead{}); found.Sound() {
		t.Error("one of them is missing, and nobody noticed")
	}
}

// TestAnyEditRemovalOrReorderingOfTheAuditLogIsFound tampers with random entries in every
// way there is.
func TestAnyEditRemovalOrReorderingOfTheAuditLogIsFound(t *testing.T) {
	ways := map[string]func(l *chainedLog, i, j int){
		"edit the actor":   func(l *chainedLog, i, _ int) { l.entries[i].Actor.Name += "x" },
		"edit the time":    func(l *chainedLog, i, _ int) { l.entries[i].At = l.entries[i].At.Add(time.Microsecond) },
		"edit the details": func(l *chainedLog, i, _ int) { l.entries[i].Details = map[string]string{"field": "-"} },
		"edit the outcome": func(l *chainedLog, i, _ int) { l.entries[i].Outcome = "denied" },
		"another tenant's": func(l *chainedLog, i, _ int) { l.entries[i].TenantID = "fabrikam" },
		"edit and hash anew": func(l *chainedLog, i, _ int) {
			e := &l.entries[i]
			e.Action = "x"
			e.Hash = runs.ChainHash(e.PrevHash, *e)
		},
		"remove":             func(l *chainedLog, i, _ int) { l.entries = slices.Delete(l.entries, i, i+1) },
		"remove from there":  func(l *chainedLog, i, _ int) { l.entries = l.entries[:i] },
		"remove up to there": func(l *chainedLog, i, _ int) { l.entries = l.entries[i+1:] },
		"swap the contents": func(l *chainedLog, i, j int) {
			a, b := &l.entries[i], &l.entries[j]
			*a, *b = *b, *a
			a.Seq, b.Seq = b.Seq, a.Seq
		},
		"unhash": func(l *chainedLog, i, _ int) {
			e := &l.entries[i]
			e.Hash, e.PrevHash = runs.AuditHash{}, runs.AuditHash{}
		},
	}
	names := []string{}
	for name := range ways {
		names = append(names, name)
	}
	slices.Sort(names)
	rapid.Check(t, func(t *rapid.T) {
		l := newChainedLog(rapid.IntRange(2, 40).Draw(t, "entries"))
		i := rapid.IntRange(0, len(l.entries)-1).Draw(t, "i")
		j := (i + rapid.IntRange(1, len(l.entries)-1).Draw(t, "distance")) % len(l.entries)
		way := rapid.SampledFrom(names).Draw(t, "way")
		ways[way](l, i, j)
		if found := verifyLog(t, l, runs.AuditHead{}); found.Sound() {
			t.Fatalf("%s at %d, %d: nobody noticed", way, i, j)
		}
	})
}

func TestALogThatWasWrittenAnewIsFoundByAHeadKeptElsewhere(t *testing.T) {
	known := newChainedLog(10).head
	grown := newChainedLog(15)
	if found := verifyLog(t, grown, known); !found.Sound() {
		t.Fatalf("a log that only grew: %v", found.Breaks)
	}
	anew := &chainedLog{}
	for _, e := range grown.entries {
		if e.Seq == 4 {
			e.Actor = rig.Operator
		}
		anew.add(e)
	}
	if found := verifyLog(t, anew, runs.AuditHead{}); !found.Sound() {
		t.Fatalf("without the head nothing shows: %v", found.Breaks)
	}
	want := []runs.AuditBreak{{Seq: 10, Code: runs.AuditHeadOff}}
	if diff := cmp.Diff(want, verifyLog(t, anew, known).Breaks); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, verifyLog(t, newChainedLog(5), known).Breaks); diff != "" {
		t.Errorf("a log that is shorter than it was (-want +got):\n%s", diff)
	}
}

func TestNoTwoAuditEntriesHaveOneEncoding(t *testing.T) {
	base := runs.AuditEntry{Action: "ab", Outcome: "c", Details: map[string]string{"a": "b"}}
	seen := map[runs.AuditHash]string{}
	for name, change := range map[string]func(*runs.AuditEntry){
		"as it is":               func(*runs.AuditEntry) {},
		"a letter moved":         func(e *runs.AuditEntry) { e.Action, e.Resource.Type = "a", "b" },
		"details of no keys":     func(e *runs.AuditEntry) { e.Details = nil },
		"key and value moved":    func(e *runs.AuditEntry) { e.Details = map[string]string{"ab": ""} },
		"two details":            func(e *runs.AuditEntry) { e.Details = map[string]string{"a": "b", "": ""} },
		"another number":         func(e *runs.AuditEntry) { e.Seq = 2 },
		"a run":                  func(e *runs.AuditEntry) { e.RunID = "c"; e.Outcome = "" },
		"the resource, not run":  func(e *runs.AuditEntry) { e.Resource.ID = "c"; e.Outcome = "" },
		"the actor, not outcome": func(e *runs.AuditEntry) { e.Actor.Name = "c"; e.Outcome = "" },
	} {
		e := base
		change(&e)
		h := runs.ChainHash(runs.AuditHash{}, e)
		if other, taken := seen[h]; taken {
			t.Errorf("%q and %q have one hash", name, other)
		}
		seen[h] = name
	}
}
