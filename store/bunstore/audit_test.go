package bunstore_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/runs"
)

// TestAFilterByTimeFindsTheSameInALongLog with two entries by clocks that were far off, whichever of
// the ways to read it is taken.
func TestAFilterByTimeFindsTheSameInALongLog(t *testing.T) {
	const n = 5000
	s, path := fullStore(t)
	at := func(i int) time.Time { return began.Add(time.Duration(i) * time.Minute) }
	var entries []runs.AuditEntry
	for i := range n {
		e := runs.AuditEntry{
			ID: runs.ID(fmt.Sprintf("01990000-0000-7000-8000-%012d", i)), At: at(i), Actor: runs.SystemActor,
			Action: []string{"run.started", "run.finished", "run.refused"}[i%3], Outcome: "ok",
		}
		switch i {
		case 4900: // written long after it happened
			e.At = at(40)
		case 50: // by a clock that was ahead
			e.At = at(n - 1)
		case 60, 4000:
			e.Action = "schedule.deleted"
		}
		entries = append(entries, e)
	}
	if err := s.AppendAudit(t.Context(), "northwind", entries...); err != nil {
		t.Fatal(err)
	}
	for what, f := range map[string]runs.AuditFilter{
		"few at the end":                       {From: at(n - 100)},
		"many at the end":                      {From: at(100)},
		"few at the beginning":                 {To: at(100)},
		"many at the beginning":                {To: at(2500)},
		"all but few":                          {To: at(n - 10)},
		"few in the middle":                    {From: at(3000), To: at(3020)},
		"many of the engine":                   {Actor: runs.SystemActor.ID, From: at(10), To: at(2400)},
		"a rare action among many":             {Actions: []string{"schedule.deleted"}, From: at(10)},
		"a rare action, many newer":            {Actions: []string{"schedule.deleted"}, To: at(2500)},
		"a frequent action, many newer":        {Actions: []string{"run.finished"}, To: at(2500)},
		"an action that is not so rare":        {Actions: []string{"run.refused"}, From: at(20), To: at(45)},
		"none":                                 {From: at(n)},
		"none before":                          {To: at(0)},
		"actions of both sorts, many and wide": {Actions: []string{"schedule.deleted", "run.started"}, To: at(n - 1)},
	} {
		var want []int64
		for i, e := range slices.Backward(entries) {
			if !e.At.Before(f.From) && (f.To.IsZero() || e.At.Before(f.To)) && (len(f.Actions) == 0 || slices.Contains(f.Actions, e.Action)) {
				want = append(want, int64(i)+1)
			}
		}
		var got []int64
		var after runs.Keyset
		for more := true; more; {
			list, err := s.ListAudit(t.Context(), "northwind", f, runs.Slice{Limit: 997, After: after})
			if err != nil {
				t.Fatal(err)
			}
			more = len(list) > 997
			for _, e := range list[:min(len(list), 997)] {
				got, after = append(got, e.Seq), runs.Keyset{Key: fmt.Sprint(e.Seq), ID: e.ID}
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", what, d)
		}
	}

	// The log's times do not bound its numbers. Rare actions are read by their index all the same; those
	// that are not among the newest entries are found by the index of times.
	p := planning(t, s, path)
	for _, tt := range []struct {
		filter runs.AuditFilter
		index  string
		sorts  bool
	}{
		{runs.AuditFilter{Actions: []string{"schedule.deleted"}, To: at(2500)}, "tb_audit_action (tenant_id=? AND action=? AND seq<?)", false},
		{runs.AuditFilter{Actions: []string{"run.finished"}, To: at(2500)}, "tb_audit_at (tenant_id=? AND at<?)", true},
		{runs.AuditFilter{Actions: []string{"run.finished"}, From: at(2500)}, "PRIMARY KEY (tenant_id=? AND seq>? AND seq<?)", false},
	} {
		steps := strings.Join(p.plans(func() error {
			_, err := s.ListAudit(t.Context(), "northwind", tt.filter, runs.Slice{Limit: 50})
			return err
		}), "\n")
		if !strings.Contains(steps, tt.index) || strings.Contains(steps, "TEMP B-TREE") != tt.sorts {
			t.Errorf("%+v: want %s, sorting %v:\n%s", tt.filter, tt.index, tt.sorts, steps)
		}
	}
}
