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

// batch sends any number of GETs, several $batch requests at once (or, with Config.NoBatch, each
// by itself and many at once), and returns a reply for each in their order. Throttled and failed ones are sent again as do does. An error of one call is
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
	for range min(c.atOnce(items), len(bundles)) {
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

// atOnce is how many bundles of a batch are under way at once. Single requests are as many as the
// widest gate lets through: the others hold theirs back themselves.
func (c *Client) atOnce(items []query) int {
	if !c.cfg.NoBatch {
		return c.cfg.Workers
	}
	n := 1
	for _, it := range items {
		most := c.gates.limit(it.workload).AtOnce
		if most <= 0 {
			most = maxBatch
		}
		n = max(n, most)
	}
	return n
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
		if c.cfg.NoBatch {
			most = 1
		}
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
		rest := unsettled(left, e.refused != "")
		left = rest.left
		renewed := rest.refused != nil && e.renew(rest.refused)
		switch {
		case rest.err != nil, len(left) == 0:
			return rest.err
		case rest.worst == nil && renewed:
			continue
		}
		if err := c.pause(ctx, tenant, left[0].call, &e, rest.worst, g); err != nil {
			if ctx.Err() != nil || rest.worst.fence {
				return err
			}
			for _, it := range left {
				it.done = true // each failed by itself
			}
			return nil
		}
	}
}

// rest is what a round has not settled.
type rest struct {
	left    []*query
	worst   *failure // says when to go on: one that is throttled, of those the longest wait
	refused *failure // needs a new token
	err     error    // a new token was refused, too
}

// unsettled looks through the items of a round. signed tells that its token was a new one.
func unsettled(items []*query, signed bool) (r rest) {
	for _, it := range items {
		if it.done {
			continue
		}
		f := it.failure
		if f.claims != "" && signed {
			if it.done = true; f.err.Kind == graph.KindUnauthorized {
				r.err = f.err
			}
			continue
		}
		r.left = append(r.left, it)
		switch w := r.worst; {
		case f.claims != "":
			r.refused = f
		case w == nil, f.fence && !w.fence, f.fence == w.fence && f.wait > w.wait:
			r.worst = f
		}
	}
	return r
}
