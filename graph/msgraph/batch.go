package msgraph

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/tenantatlas/tenantbackup/graph"
)

// maxBatch is how many requests a $batch may hold.
// Source: https://learn.microsoft.com/graph/json-batching
const maxBatch = 20

// reply is the outcome of one call of a batch: a complete JSON object, or an error.
type reply struct {
	body []byte
	err  error
}

// batch sends any number of GETs, several $batch requests at once, and returns a reply for each
// in their order. Throttled and failed ones are sent again as do does. An error of one call is
// in its reply. The returned error speaks for the whole: the token, throttling, the network,
// ctx; the replies beside it that were not answered have it too. An answer may have a nextLink,
// which is left to the caller (continued).
func (c *Client) batch(ctx context.Context, tenant graph.TenantID, rs []call) ([]reply, error) {
	items := make([]query, len(rs))
	for i, r := range rs {
		if r.method != http.MethodGet || r.link != "" {
			return nil, r.fail(graph.KindInternal, errNoGet)
		}
		items[i] = query{call: r}
	}
	bundles := c.bundles(items)
	errs := make([]error, len(bundles))
	var taken atomic.Int64
	var failed atomic.Bool
	var wg sync.WaitGroup
	for range min(c.cfg.Workers, len(bundles)) {
		wg.Go(func() {
			for n := taken.Add(1) - 1; n < int64(len(bundles)) && !failed.Load(); n = taken.Add(1) - 1 {
				if errs[n] = c.bundle(ctx, tenant, bundles[n]); errs[n] != nil {
					failed.Store(true)
				}
			}
		})
	}
	wg.Wait()
	err := first(errs)
	out := make([]reply, len(items))
	for i, it := range items {
		if out[i] = it.reply; !it.done {
			out[i].err = err
		}
	}
	return out, err
}

var errNoGet = errors.New("a batch takes GETs by path only")

func first(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// query is one call of a batch, and what became of it.
type query struct {
	call
	reply
	failure *failure // of the last attempt, when another may mend it
	done    bool
}

// settle takes what an attempt brought.
func (it *query) settle(body []byte, f *failure) {
	switch {
	case f == nil:
		it.reply, it.done = reply{body: body}, true
	case f.again, f.claims != "":
		it.reply, it.failure = reply{err: f.err}, f
	default:
		it.reply, it.done = reply{err: f.err}, true
	}
}

// bundles groups calls that fit into one $batch each: of one version and workload, and no more
// than may go at once.
func (c *Client) bundles(items []query) (out [][]*query) {
	type kind struct {
		version  string
		workload graph.Workload
	}
	open := map[kind]int{} // index in out of the one that has room
	for i := range items {
		it := &items[i]
		k := kind{it.version, it.workload}
		most := maxBatch
		if burst := c.gates.limit(it.workload).Burst; burst > 0 {
			most = min(most, burst)
		}
		n, ok := open[k]
		if !ok || len(out[n]) == most {
			n = len(out)
			out, open[k] = append(out, nil), n
		}
		out[n] = append(out[n], it)
	}
	return out
}

// bundle sends calls in one $batch, and again those that were throttled or failed, until all are
// settled.
func (c *Client) bundle(ctx context.Context, tenant graph.TenantID, left []*query) error {
	g := c.gates.of(tenant, left[0].workload)
	defer c.gates.leave(g)
	var e effort
	for {
		if err := c.round(ctx, tenant, left, &e); err != nil {
			return err
		}
		var worst *failure
		var err error
		left, worst, err = unsettled(left, e.refused != "")
		switch {
		case worst == nil, err != nil:
			return err
		case e.renew(worst):
			continue
		}
		if err := c.pause(ctx, tenant, left[0].call, &e, worst, g); err != nil {
			if ctx.Err() != nil || worst.fence {
				return err
			}
			for _, it := range left {
				it.done = true // each failed by itself
			}
			return nil
		}
	}
}

// unsettled returns the items that need another attempt, and the failure that says when: the one
// that needs a new token, or is throttled, or has the longest wait. The error is that of a token
// which was refused though it was new.
func unsettled(items []*query, signed bool) (left []*query, worst *failure, err error) {
	for _, it := range items {
		f := it.failure
		switch {
		case it.done:
		case f.claims != "" && signed:
			if it.done = true; f.err.Kind == graph.KindUnauthorized {
				err = f.err
			}
		default:
			left = append(left, it)
			if worst == nil || f.rank() > worst.rank() || f.rank() == worst.rank() && f.wait > worst.wait {
				worst = f
			}
		}
	}
	return left, worst, err
}

// rank orders failures by how many they concern.
func (f *failure) rank() int {
	switch {
	case f.claims != "":
		return 2
	case f.fence:
		return 1
	}
	return 0
}
