package capture

import (
	"context"
	"fmt"
	"sync"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// saveBytes is how many raw bytes one transaction takes at most, however few the policies.
const saveBytes = 4 << 20

// writer turns captured policies into stored ones: it hashes a batch in parallel while the
// batch before is being stored. It belongs to one goroutine; the one it starts for storing
// is always waited for by wait.
type writer struct {
	e    *Executor
	a    *runs.Attempt
	set  runs.ID
	open func(context.Context) (runs.ID, error) // the set is made with the first thing to put in it

	batch   []*graph.Policy
	items   []runs.Item // outcomes without a capture
	bytes   int
	storing chan error // nil while nothing is being stored
	failed  []failure  // policies whose bytes could not be read, since the last take
}

// failure is a policy that could not be captured.
type failure struct {
	id, name string
	reason   runs.Reason
	err      error
}

func (w *writer) add(ctx context.Context, p *graph.Policy) error {
	w.batch = append(w.batch, p)
	w.bytes += len(p.Raw)
	for _, part := range p.Parts {
		w.bytes += len(part.Raw)
	}
	if len(w.batch) < w.e.cfg.SaveSize && w.bytes < saveBytes {
		return nil
	}
	return w.flush(ctx)
}

// note keeps an outcome that comes without a capture.
func (w *writer) note(item runs.Item) { w.items = append(w.items, item) }

// flush hashes the batch and hands it to the store. It returns before that is done; wait
// tells how it went.
func (w *writer) flush(ctx context.Context) error {
	if len(w.batch) == 0 && len(w.items) == 0 {
		return nil
	}
	if w.set == "" && len(w.batch) == 0 { // refusals alone make no set
		items := w.items
		w.items = nil
		return w.a.SaveItems(ctx, items, -1)
	}
	if w.set == "" {
		set, err := w.open(ctx)
		if err != nil {
			return err
		}
		w.set = set
	}
	captured, items := w.prepare()
	if err := w.wait(); err != nil {
		return err
	}
	done := make(chan error, 1)
	w.storing = done
	go func() { done <- w.save(ctx, captured, items) }()
	return nil
}

func (w *writer) save(ctx context.Context, captured []backupset.Captured, items []runs.Item) (err error) {
	defer caught(&err)
	return w.e.cfg.Store.SaveCaptured(ctx, w.a.Tenant(), w.a.Lease(), w.set, captured, items)
}

// caught turns a panic into an error: in a goroutine of its own it would end the process with
// every other run. The value may hold anything, so only its type is kept.
func caught(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("capture: panicked with a %T", p)
	}
}

// wait returns when nothing is being stored.
func (w *writer) wait() error {
	if w.storing == nil {
		return nil
	}
	err := <-w.storing
	w.storing = nil
	if err != nil {
		return fmt.Errorf("capture: storing policies: %w", err)
	}
	return nil
}

// prepare hashes and encodes the batch, several policies at once, and empties it. A policy
// whose bytes are not readable becomes a failed item and stops nobody else.
func (w *writer) prepare() ([]backupset.Captured, []runs.Item) {
	prepared := make([]backupset.Captured, len(w.batch))
	errs := make([]error, len(w.batch))
	var wg sync.WaitGroup
	for start := range min(w.e.cfg.Parallel, len(w.batch)) {
		wg.Go(func() {
			for i := start; i < len(w.batch); i += w.e.cfg.Parallel {
				prepared[i], errs[i] = w.e.prepare(w.batch[i])
			}
		})
	}
	wg.Wait()

	captured, items, at := prepared[:0], w.items, w.a.Now()
	for i, p := range w.batch {
		if errs[i] != nil {
			w.failed = append(w.failed, failure{p.ID, p.Name, runs.ReasonInvalidPayload, errs[i]})
			items = append(items, w.a.NewItem(p.Type, p.ID, p.Name, runs.ItemFailed, runs.ReasonInvalidPayload, errs[i]))
			continue
		}
		c := prepared[i]
		c.ItemID, c.CapturedAt = w.a.NewID(), at
		item := w.a.NewItem(p.Type, p.ID, p.Name, runs.ItemSuccess, "", nil)
		item.BackupItemID = c.ItemID
		captured, items = append(captured, c), append(items, item)
	}
	w.batch, w.items, w.bytes = nil, nil, 0
	return captured, items
}

func (e *Executor) prepare(p *graph.Policy) (_ backupset.Captured, err error) {
	defer caught(&err)
	hash, err := e.canon.Hash(p)
	if err != nil {
		return backupset.Captured{}, err
	}
	payload, err := backupset.Encode(p)
	if err != nil {
		return backupset.Captured{}, err
	}
	return backupset.Captured{Policy: p, Hash: hash, Payload: payload}, nil
}
