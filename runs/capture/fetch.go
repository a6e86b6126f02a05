package capture

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// fetcher captures the listed policies of one type.
type fetcher struct {
	e *Executor
	a *runs.Attempt
	w *writer
	t graph.PolicyType

	names     map[string]string
	captured  map[string]bool // in the set already, from an earlier attempt or a retried run
	added     int
	failed    int
	skipped   int
	forbidden int
	denied    error // 403 for a call as a whole: it speaks for the type and is not repeated
	all       bool  // but for policies that were selected one by one: each is tried
	account   *account
}

// fetch captures every listed policy that the set does not hold. The returned error ends
// the attempt; what was captured before it is stored.
func (f *fetcher) fetch(ctx context.Context, headers []graph.Header) error {
	var ids []string
	for i, h := range headers {
		headers[i].Policy = nil // the writer lets go of it when it is stored
		if f.captured[h.ID] {
			continue
		}
		f.names[h.ID] = h.Name
		if h.Policy == nil {
			ids = append(ids, h.ID)
			continue
		}
		if err := f.keep(ctx, h.ID, h.Policy); err != nil {
			return err
		}
	}
	for chunk := range slices.Chunk(ids, f.e.cfg.FetchSize) {
		if err := f.a.Check(ctx); err != nil {
			return f.stop(ctx, err)
		}
		if err := f.fetchChunk(ctx, chunk); err != nil {
			return f.stop(ctx, err)
		}
	}
	if err := f.w.flush(ctx); err != nil {
		return err
	}
	return f.w.wait()
}

// stop stores what there is before an attempt ends, so that the next one goes on from here.
// A context that has ended stores nothing more.
func (f *fetcher) stop(ctx context.Context, why error) error {
	if ctx.Err() == nil {
		if err := f.w.flush(ctx); err != nil {
			return err
		}
	}
	if err := f.w.wait(); err != nil && ctx.Err() == nil {
		return err
	}
	return why
}

// fetchChunk fetches some policies in one call. When the call as a whole fails for a reason
// that may lie in a single policy, each is fetched by itself: one bad item never stops the
// rest.
func (f *fetcher) fetchChunk(ctx context.Context, ids []string) error {
	if f.denied != nil {
		for _, id := range ids {
			f.fail(id, f.denied)
		}
		return nil
	}
	results, err := f.e.get(ctx, f.a.Tenant(), f.t, ids)
	var pause error
	for _, r := range results {
		if cause, kerr := f.result(ctx, r); kerr != nil {
			return kerr
		} else if cause != nil && pause == nil {
			pause = cause
		}
	}
	rest := ids[min(len(results), len(ids)):]
	switch {
	case err == nil && len(rest) > 0:
		err = errTooFew(results, ids)
	case err == nil:
		return pause
	case runs.EndsAttempt(ctx, err):
		return err
	case graph.KindOf(err) == graph.KindForbidden && !f.all:
		f.denied = err
	}
	if len(ids) == 1 && len(rest) == 1 {
		f.fail(ids[0], err)
		return nil
	}
	for _, id := range rest {
		if err := f.fetchChunk(ctx, []string{id}); err != nil {
			return err
		}
	}
	return pause
}

// get asks the reader and distrusts the shape of its answer.
func (e *Executor) get(ctx context.Context, tenant graph.TenantID, t graph.PolicyType, ids []string) ([]graph.Result, error) {
	results, err := e.cfg.Reader.Get(ctx, tenant, t, ids)
	for i, r := range results {
		if i >= len(ids) || r.ID != ids[i] {
			return results[:i], errOtherPolicy
		}
	}
	return results, err
}

func errTooFew(results []graph.Result, ids []string) error {
	return fmt.Errorf("capture: Graph's client answered %d of %d policies", len(results), len(ids))
}

// result deals with one fetched policy. cause is set when this policy must be fetched by a
// later attempt; err when storing failed.
func (f *fetcher) result(ctx context.Context, r graph.Result) (cause, err error) {
	switch {
	case r.Err == nil:
		p := r.Policy
		return nil, f.keep(ctx, r.ID, &p)
	case runs.EndsAttempt(ctx, r.Err):
		return r.Err, nil
	case graph.KindOf(r.Err) == graph.KindNotFound:
		f.gone(r.ID, r.Err)
	default:
		f.fail(r.ID, r.Err)
	}
	return nil, nil
}

var errOtherPolicy = errors.New("capture: Graph's client answered with another policy than it was asked for")

func (f *fetcher) keep(ctx context.Context, id string, p *graph.Policy) error {
	if p.ID != id || p.Type != f.t {
		f.fail(id, errOtherPolicy)
		return nil
	}
	f.added++
	f.account.warn(p.Warnings)
	return f.w.add(ctx, p)
}

// fail notes why a policy was not captured.
func (f *fetcher) fail(id string, err error) {
	reason := runs.ReasonOf(err)
	if reason == runs.ReasonForbidden {
		f.forbidden++
	}
	f.failed++
	f.w.note(f.a.NewItem(f.t, id, f.names[id], runs.ItemFailed, reason, err))
}

// gone skips a policy that was deleted since it was listed: nothing of it can be missing.
// Only Graph's answer for this very policy says so, or a complete listing.
func (f *fetcher) gone(id string, err error) {
	f.skipped++
	f.w.note(f.a.NewItem(f.t, id, f.names[id], runs.ItemSkipped, runs.ReasonNotFound, err))
}
