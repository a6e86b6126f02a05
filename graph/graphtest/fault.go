package graphtest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// Fault is one thing that goes wrong: on which calls, how often, and how. Empty fields of
// the first group match everything.
type Fault struct {
	Tenant graph.TenantID
	Op     Op
	Type   graph.PolicyType
	ID     string // an object: for OpGet any of the asked ids, for OpItem, OpUpdate, OpAssign, OpDelete the one

	// Nth is the matching call, counted from 1 since Inject, on which the fault begins.
	// Defaults to 1.
	Nth int

	// Times is how many matching calls in a row fail. Defaults to 1; negative means for
	// ever.
	Times int

	// Err is the error to answer with; Op, and status and code that fit Kind, are filled in
	// when empty. Nil is allowed beside Delay, which then only makes the call slow, and
	// beside TruncateAfterPages and Applied, which have an error of their own.
	Err *graph.Error

	// RetryAfter is the value of a Retry-After header, read as a client reads it against
	// the Graph's clock: seconds, decimal seconds, an HTTP date. What cannot be read counts
	// as not sent. Overrides Err.RetryAfter unless empty.
	RetryAfter string

	// Delay holds the call up on the Graph's clock before it goes on or fails. A context
	// that ends cuts it short.
	Delay time.Duration

	// TruncateAfterPages lets a listing (OpList) break off after so many pages, because the
	// link to the next one is missing. A listing that has fewer pages fails after its last.
	// The error is incomplete unless Err says otherwise.
	TruncateAfterPages int

	// Unnoticed lets a listing that breaks off end as if it were whole, as it does where
	// nothing tells that a link is missing.
	Unnoticed bool

	// FailCall lets a fault of OpItem fail the whole Get, which then returns the results
	// before it beside the error. Without it, the error is the item's.
	FailCall bool

	// Applied lets a write happen and fails it then, as when the reply is lost. The error
	// is ambiguous unless Err says otherwise.
	Applied bool
}

func (f Fault) validate(frozen bool) error {
	switch {
	case f.Op != "" && !slices.Contains(ops, f.Op):
		return fmt.Errorf("field Op is %q; one of %v", f.Op, ops)
	case f.Nth < 0:
		return fmt.Errorf("field Nth is %d; calls are counted from 1", f.Nth)
	case f.Delay < 0:
		return fmt.Errorf("field Delay is %s; it cannot be negative", f.Delay)
	case f.Delay > 0 && frozen:
		return errors.New("field Delay needs a clock; set Config.Clock")
	case f.TruncateAfterPages < 0 || f.TruncateAfterPages > 0 && f.Op != OpList:
		return errors.New("field TruncateAfterPages is a positive number of pages and needs Op list")
	case f.Unnoticed && (f.TruncateAfterPages == 0 || f.Err != nil):
		return errors.New("field Unnoticed needs TruncateAfterPages, and no Err")
	case f.FailCall && f.Op != OpItem:
		return errors.New("field FailCall needs Op item; other faults fail their call anyway")
	case f.Applied && !slices.Contains([]Op{OpCreate, OpUpdate, OpAssign, OpDelete}, f.Op):
		return errors.New("field Applied needs Op create, update, assign or delete")
	case f.Err == nil && f.RetryAfter != "":
		return errors.New("field RetryAfter needs Err")
	case f.Err == nil && f.Delay == 0 && f.TruncateAfterPages == 0 && !f.Applied:
		return errors.New("nothing would go wrong; set Err, Delay, TruncateAfterPages or Applied")
	case f.Err != nil && f.Err.Kind == "":
		return errors.New("field Err needs a Kind")
	}
	return nil
}

func (f Fault) matches(c Call) bool {
	return (f.Tenant == "" || f.Tenant == c.Tenant) && (f.Op == "" || f.Op == c.Op) &&
		(f.Type == "" || f.Type == c.Type) && (f.ID == "" || slices.Contains(c.IDs, f.ID))
}

type faultScript struct {
	mu     sync.Mutex
	faults []*armed
}

type armed struct {
	Fault
	seen, fired int
}

// next counts the call for every fault that matches, and returns the first due one.
func (s *faultScript) next(c Call) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var due *armed
	for _, f := range s.faults {
		if !f.matches(c) {
			continue
		}
		f.seen++
		if due == nil && f.seen >= f.Nth && (f.Times < 0 || f.fired < f.Times) {
			due = f
		}
	}
	if due == nil {
		return Fault{}, false
	}
	due.fired++
	return due.Fault, true
}

// Inject adds faults to the script. When several are due on one call, the first injected
// one happens. It refuses the whole script when one of them makes no sense.
func (g *Graph) Inject(faults ...Fault) error {
	script := make([]*armed, len(faults))
	for i, f := range faults {
		if err := f.validate(g.frozen); err != nil {
			return fmt.Errorf("graphtest: Inject: fault %d: %w", i, err)
		}
		f.Nth = max(f.Nth, 1)
		if f.Times == 0 {
			f.Times = 1
		}
		script[i] = &armed{Fault: f}
	}
	g.faults.mu.Lock()
	defer g.faults.mu.Unlock()
	g.faults.faults = append(g.faults.faults, script...)
	return nil
}

// ClearFaults ends the script.
func (g *Graph) ClearFaults() {
	g.faults.mu.Lock()
	defer g.faults.mu.Unlock()
	g.faults.faults = nil
}

// Unfired returns the faults that have not happened as often as they should, and those
// for ever that never happened. A test that ends with some tested less than it says.
func (g *Graph) Unfired() []Fault {
	g.faults.mu.Lock()
	defer g.faults.mu.Unlock()
	var out []Fault
	for _, f := range g.faults.faults {
		if f.fired == 0 || f.fired < f.Times {
			out = append(out, f.Fault)
		}
	}
	return out
}
