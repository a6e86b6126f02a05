package msgraph

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// maxBatch is how many requests a $batch may hold.
// Source: https://learn.microsoft.com/graph/json-batching
const maxBatch = 20

// reply is the outcome of one call of a batch.
type reply struct {
	body []byte
	err  error
}

// batch sends any number of GETs of one version and workload, several $batch requests at once,
// and returns a reply for each in their order. The error speaks for the whole: a token,
// throttling, the network, ctx; the replies that were not answered then have it too. An answer
// may have a nextLink, which is left to the caller (continued).
func (c *Client) batch(ctx context.Context, tenant graph.TenantID, rs []call) ([]reply, error) {
	out := make([]reply, len(rs))
	errs := make([]error, (len(rs)+maxBatch-1)/maxBatch)
	var wg sync.WaitGroup
	workers := make(chan struct{}, c.cfg.Workers)
	for i := range errs {
		from, to := i*maxBatch, min((i+1)*maxBatch, len(rs))
		workers <- struct{}{}
		wg.Go(func() {
			defer func() { <-workers }()
			errs[i] = c.bundle(ctx, tenant, rs[from:to], out[from:to])
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

type batchItem struct {
	ID      string            `json:"id"`
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
}

type batchAnswer struct {
	ID      string          `json:"id"`
	Status  int             `json:"status"`
	Headers map[string]any  `json:"headers"`
	Body    json.RawMessage `json:"body"`
}

var errNoAnswer = errors.New("the batch has no answer for it, or more than one")

// bundle sends what fits into one $batch until each is answered.
func (c *Client) bundle(ctx context.Context, tenant graph.TenantID, rs []call, out []reply) error {
	left := make([]int, len(rs))
	for i := range left {
		left[i] = i
	}
	var e effort
	for {
		err := c.round(ctx, tenant, rs, left, out)
		var again []int
		var worst *failure
		for _, i := range left {
			var f *retried
			if err != nil {
				out[i] = reply{err: err}
			} else if errors.As(out[i].err, &f) {
				again = append(again, i)
				out[i].err = f.err
				if worst == nil || f.fence && !worst.fence || f.fence == worst.fence && f.wait > worst.wait {
					worst = f.failure
				}
			}
		}
		if err != nil || len(again) == 0 {
			return err
		}
		wait, ok := c.next(&e, worst)
		if !ok {
			if worst.fence {
				return worst.err
			}
			return nil
		}
		if err := c.sleep(ctx, wait); err != nil {
			return err
		}
		left = again
	}
}

// retried is an item's failure that another round may mend.
type retried struct{ *failure }

func (r *retried) Error() string { return r.err.Error() }

// round sends the calls that are left in one $batch.
func (c *Client) round(ctx context.Context, tenant graph.TenantID, rs []call, left []int, out []reply) error {
	items := make([]batchItem, len(left))
	for n, i := range left {
		items[n] = batchItem{ID: strconv.Itoa(i + 1), Method: rs[i].method, URL: rs[i].relative(),
			Headers: map[string]string{"Accept": accept(rs[i]), "Prefer": preferred}}
		out[i] = reply{err: rs[i].fail(graph.KindIncomplete, errNoAnswer)}
	}
	body, err := json.Marshal(map[string]any{"requests": items})
	if err != nil {
		return err
	}
	r := rs[left[0]]
	r.method, r.path, r.query, r.body, r.minimal = http.MethodPost, "/$batch", "", body, true
	answer, err := c.persist(ctx, tenant, r, len(left))
	if err != nil {
		return err
	}
	var got struct{ Responses []batchAnswer }
	if json.Unmarshal(answer, &got) != nil {
		return r.fail(graph.KindIncomplete, errNoJSON)
	}
	byID := map[string][]batchAnswer{}
	for _, a := range got.Responses {
		byID[strings.ToLower(a.ID)] = append(byID[strings.ToLower(a.ID)], a)
	}
	now := c.cfg.Clock.Now()
	for n, i := range left {
		if as := byID[items[n].ID]; len(as) == 1 {
			out[i] = as[0].reply(rs[i], now)
		}
	}
	return nil
}

// reply judges one answer of a batch.
func (b batchAnswer) reply(r call, now time.Time) reply {
	header := http.Header{}
	for k, v := range b.Headers {
		if s, ok := v.(string); ok {
			header.Set(k, s)
		}
	}
	a := answer{status: b.Status, header: header, body: b.Body, sent: true}
	if b.Status/100 == 2 && a.object() == nil {
		a.err = errNoJSON
	}
	switch f := judge(r, a, now); {
	case f == nil:
		return reply{body: b.Body}
	case f.again:
		return reply{err: &retried{f}}
	default:
		return reply{err: f.err}
	}
}
