package bunstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

// schedulesOf asks for some schedules that there are not, one answer to a number of ids and a limit.
func schedulesOf(t testing.TB, s *sqlitestore.Store, ids, limit int) []backupsched.Schedule {
	t.Helper()
	f := backupsched.Filter{}
	for i := range ids {
		f.IDs = append(f.IDs, runs.ID(fmt.Sprintf("01980000-0000-7000-8000-%012d", i)))
	}
	list, err := s.ListSchedules(t.Context(), "contoso", f, runs.Slice{Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestWhatIsReadAgainStaysPrepared: SQLite would else take as long to prepare a short query as to
// answer it. Lists of other lengths and other limits need no other statement.
func TestWhatIsReadAgainStaysPrepared(t *testing.T) {
	s, _ := fullStore(t)
	schedulesOf(t, s, 3, 10)
	kept := s.KeptReads()
	if i := slices.IndexFunc(kept, func(q string) bool { return strings.Contains(q, "IN (?,?,?,?) ORDER BY t.name_key, t.id LIMIT ?") }); i < 0 {
		t.Fatalf("kept are %q, want the tenant, four ids and a limit as parameters", kept)
	}
	schedulesOf(t, s, 4, 200)
	schedulesOf(t, s, 100, 10) // too many
	if d := cmp.Diff(kept, s.KeptReads()); d != "" {
		t.Errorf("other lists change what is kept (-before +after):\n%s", d)
	}
	policies, err := s.ListPolicies(t.Context(), "contoso", backupset.PolicyFilter{}, runs.Slice{Limit: 1}) // in a transaction
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.ListVersions(t.Context(), "contoso", policies[0].ID, runs.Slice{Limit: 1}); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(s.KeptReads(), func(q string) bool { return strings.Contains(q, "t.number DESC") }) {
		t.Errorf("what is read in a transaction is not kept: %q", s.KeptReads())
	}
}

// TestAStatementThatIsReplacedWhileSomebodyHasItIsNoError, in a transaction or not.
func TestAStatementThatIsReplacedWhileSomebodyHasItIsNoError(t *testing.T) {
	s, _ := fullStore(t)
	for range 2 {
		schedulesOf(t, s, 0, 10)
		if _, err := s.ListSets(t.Context(), "contoso", backupset.SetFilter{}, runs.Slice{Limit: 1}); err != nil {
			t.Fatal(err)
		}
		s.CloseKeptReads()
	}
}

// TestWhatIsReadLatelyIsKeptWhereThereIsNoRoomForAll also where many read at once.
func TestWhatIsReadLatelyIsKeptWhereThereIsNoRoomForAll(t *testing.T) {
	s, _ := fullStore(t)
	s.KeepReads(2)
	want, err := s.ListRuns(t.Context(), "contoso", runs.RunFilter{}, runs.Slice{Limit: 5})
	if err != nil {
		t.Fatal(err)
	}
	filters := []runs.RunFilter{{}, {Statuses: []runs.Status{runs.StatusSuccess}}, {Kinds: []runs.Kind{runs.KindBackup}}, {Triggers: []runs.Trigger{runs.TriggerManual}}}
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for j := range 20 {
				got, err := s.ListRuns(t.Context(), "contoso", filters[(i+j)%len(filters)], runs.Slice{Limit: 5})
				if err != nil {
					t.Error(err)
					return
				}
				if (i+j)%len(filters) == 0 && !cmp.Equal(got, want) {
					t.Errorf("another list: %s", cmp.Diff(want, got))
					return
				}
			}
		})
	}
	group.Wait()
	schedulesOf(t, s, 1, 1)
	kept := s.KeptReads()
	if len(kept) != 2 || !strings.Contains(strings.Join(kept, ""), "tb_schedules") {
		t.Errorf("kept are %q, want two with the latest one", kept)
	}
}

// TestAnAnswerIsTheSameWhenItsQueryIsPrepared: SQLite ends text that is written into a statement at
// the first NUL, and takes a parameter for what it is.
func TestAnAnswerIsTheSameWhenItsQueryIsPrepared(t *testing.T) {
	s, _ := fullStore(t)
	for range 3 {
		list, err := s.ListSchedules(t.Context(), "contoso\x00", backupsched.Filter{}, runs.Slice{Limit: 10})
		if err != nil || len(list) > 0 {
			t.Errorf("a tenant with a NUL has the schedules %v of another one, %v", list, err)
		}
	}
}

// TestTheEndOfAContextIsToldAsThat and neither as a closed transaction nor as damage.
func TestTheEndOfAContextIsToldAsThat(t *testing.T) {
	s, _ := fullStore(t)
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		err := s.InView(ctx, "contoso", func(tx *sql.Tx) error {
			cancel()
			for {
				rows, err := tx.QueryContext(context.WithoutCancel(ctx), "SELECT 1") // until the transaction is gone
				if err != nil {
					return err
				}
				_ = rows.Close()
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v, want the end of the context", err)
		}
	}
}
