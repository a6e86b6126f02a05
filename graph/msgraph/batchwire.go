package msgraph

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/tenantatlas/tenantbackup/graph"
)

// batchRequest is one request as a $batch has it.
type batchRequest struct {
	ID      string            `json:"id"`
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
}

// batchResponse is one answer as a $batch has it.
type batchResponse struct {
	ID      string                     `json:"id"`
	Status  int                        `json:"status"`
	Headers map[string]json.RawMessage `json:"headers"`
	Body    json.RawMessage            `json:"body"`
}

var (
	errNoAnswer   = errors.New("the batch has no answer for it")
	errTwoAnswers = errors.New("the batch has more than one answer for it")
	errStranger   = errors.New("the batch has an answer to a question that was not asked")
)

// round sends items once, in one $batch, and settles those that it answers.
func (c *Client) round(ctx context.Context, tenant graph.TenantID, items []*query, e *effort) error {
	if len(items) == 1 {
		return c.alone(ctx, tenant, items[0], e)
	}
	r := call{op: items[0].op, t: items[0].t, workload: items[0].workload, version: items[0].version,
		method: http.MethodPost, path: "/$batch", minimal: true, size: len(items)}
	var err error
	if r.body, err = batchBody(items, graph.LowPriority(ctx)); err != nil {
		return r.fail(graph.KindInternal, errUnsendable)
	}
	body, err := c.persist(ctx, tenant, r, e)
	if err != nil {
		return err
	}
	answers, err := readBatch(body, len(items))
	if err != nil {
		return r.fail(graph.KindIncomplete, err)
	}
	now := c.cfg.Clock.Now()
	for i, it := range items {
		switch as := answers[i]; len(as) {
		case 0:
			it.settle(nil, &failure{err: it.fail(graph.KindIncomplete, errNoAnswer)})
		case 1:
			it.settle(as[0].Body, judge(it.call, as[0].answer(), now))
		default:
			it.settle(nil, &failure{err: it.fail(graph.KindIncomplete, errTwoAnswers)})
		}
	}
	return nil
}

// alone sends an item without a $batch around it.
func (c *Client) alone(ctx context.Context, tenant graph.TenantID, it *query, e *effort) error {
	body, err := c.persist(ctx, tenant, it.call, e)
	var known *graph.Error
	switch {
	case err == nil:
		it.settle(body, nil)
	case ctx.Err() != nil, !errors.As(err, &known), known.Kind == graph.KindThrottled, known.Kind == graph.KindUnauthorized,
		known.Kind.Retryable() && known.StatusCode == 0:
		return err
	default:
		it.settle(nil, &failure{err: known})
	}
	return nil
}

// batchBody is the body of a $batch. The id of an item is its number, from 1, so the case in which
// Graph repeats it cannot matter. Headers of the $batch are not those of its items.
func batchBody(items []*query, low bool) ([]byte, error) {
	requests := make([]batchRequest, len(items))
	for i, it := range items {
		headers := map[string]string{"Accept": accept(it.call), "Prefer": preferred}
		if low {
			headers[priorityHeader] = "low"
		}
		requests[i] = batchRequest{ID: strconv.Itoa(i + 1), Method: it.method, URL: it.relative(), Headers: headers}
	}
	return json.Marshal(map[string]any{"requests": requests})
}

// readBatch returns the answers to each of n items, by their ids: they come in any order.
func readBatch(body []byte, n int) ([][]batchResponse, error) {
	var got struct {
		Responses []batchResponse `json:"responses"`
	}
	if json.Unmarshal(body, &got) != nil {
		return nil, errNoJSON
	}
	index := make(map[string]int, n)
	for i := range n {
		index[strconv.Itoa(i+1)] = i
	}
	out := make([][]batchResponse, n)
	for _, a := range got.Responses {
		i, ok := index[a.ID]
		if !ok {
			return nil, errStranger
		}
		out[i] = append(out[i], a)
	}
	return out, nil
}

// answer is the response as one outside of a batch.
func (b batchResponse) answer() answer {
	a := answer{status: b.Status, header: http.Header{}, body: b.Body, sent: true}
	for name, value := range b.Headers {
		if s := text(value); s != "" {
			a.header.Set(name, s)
		} else {
			a.header.Set(name, string(value)) // a number
		}
	}
	if a.status/100 == 2 && a.object() == nil {
		a.err = errNoJSON
	}
	return a
}
