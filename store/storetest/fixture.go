package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/store"
)

// The suite's two tenants. The second has an upper-case letter: ids of tenants are compared
// as they are.
const (
	contoso  graph.TenantID = "contoso"
	fabrikam graph.TenantID = "Fabrikam"
)

// nobody is an id that no row has.
const nobody runs.ID = "01980000-0000-7000-8000-ffffffffffff"

// errRefused is what a deciding function returns to leave everything as it is.
var errRefused = errors.New("storetest: refused")

// fixture is an empty store with what a promise needs to work on it.
type fixture struct {
	*testing.T
	ctx   context.Context
	store store.Store
	clock *Clock

	lastID atomic.Int64

	filled  *targets // what targets has made
	readied runs.ID  // a preview that is ready

	mu        sync.Mutex
	schedules map[graph.TenantID][]runs.ID // for snapshots: lists leave deleted ones out
}

func newFixture(t *testing.T, open Open) *fixture {
	t.Helper()
	clock := NewClock(start)
	return &fixture{
		T: t, ctx: t.Context(), store: open(t, clock), clock: clock,
		schedules: map[graph.TenantID][]runs.ID{},
	}
}

// id returns a new id, greater than those before.
func (f *fixture) id() runs.ID { return numbered(f.lastID.Add(1)) }

// numbered returns the id of a number; ids order as their numbers do.
func numbered(n int64) runs.ID { return runs.ID(fmt.Sprintf("01980000-0000-7000-8000-%012x", n)) }

// must takes the results of a call that has to succeed.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatalf("unexpected error: %v", err)
		}
		return v
	}
}

// first returns the first of rows that have to be there.
func first[T any](t testing.TB, rows []T) T {
	t.Helper()
	if len(rows) == 0 {
		t.Fatalf("a list of %T is empty", *new(T))
	}
	return rows[0]
}

// ok ends the test when a step that has to succeed did not.
func (f *fixture) ok(err error) {
	f.Helper()
	if err != nil {
		f.Fatalf("unexpected error: %v", err)
	}
}

// wants fails the test unless the error is the expected one.
func (f *fixture) wants(what string, err, want error) {
	f.Helper()
	if !errors.Is(err, want) {
		f.Errorf("%s: got error %v, want one that is %q", what, err, want)
	}
}

// nothingWritten runs a step and fails the test if anything in the store is different after
// it, in whatever tenant.
func (f *fixture) nothingWritten(what string, step func()) {
	f.Helper()
	before := f.snapshot()
	step()
	if d := diff(f.snapshot(), before); len(d) > 0 {
		f.Errorf("%s: should have written nothing, but changed\n  %s", what, strings.Join(d, "\n  "))
	}
}

// atOnce runs a step in n goroutines that start together.
func atOnce(n int, step func(i int)) {
	var wg sync.WaitGroup
	gate := make(chan struct{})
	for i := range n {
		wg.Go(func() { <-gate; step(i) })
	}
	close(gate)
	wg.Wait()
}

// crowd is how many callers a promise about callers at once uses.
const crowd = 8
