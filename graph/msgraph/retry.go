package msgraph

import (
	"context"
	"errors"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// backoff is the wait after the first failure when Graph does not say how long.
const backoff = time.Second

// effort counts what one request has cost so far.
type effort struct {
	tries  int
	waited time.Duration
	signed bool // with a token that was renewed for it
}

// next counts a failure and returns how long to wait for the next attempt. It reports false when
// there is none.
func (c *Client) next(e *effort, f *failure) (time.Duration, bool) {
	e.tries++
	wait := f.wait
	if wait <= 0 {
		wait = min(c.cfg.MaxWait, backoff<<min(e.tries-1, 10))
		wait = time.Duration(float64(wait) * (0.75 + c.cfg.Random()/2))
	}
	if !f.again || e.tries >= c.cfg.Attempts || wait > c.cfg.MaxWait || e.waited+wait > c.cfg.MaxTotal {
		return 0, false
	}
	e.waited += wait
	return wait, true
}

// persist sends a call until it is answered or given up. cost is what it counts against the
// limits.
func (c *Client) persist(ctx context.Context, tenant graph.TenantID, r call, cost int) ([]byte, error) {
	gate := c.gates.of(tenant, r.workload)
	defer c.gates.leave(gate)
	var e effort
	token, err := c.tokens.get(ctx, tenant)
	for {
		if err != nil {
			return nil, r.signIn(ctx, err)
		}
		if err := gate.enter(ctx, cost, r.write()); err != nil {
			return nil, err
		}
		a := c.attempt(ctx, r, token)
		gate.exit()
		f := judge(r, a, c.cfg.Clock.Now())
		switch {
		case f == nil:
			return a.body, nil
		case ctx.Err() != nil && f.err.Kind != graph.KindAmbiguous:
			return nil, ctx.Err()
		case f.claims != "" && !e.signed:
			e.signed = true
			token, err = c.tokens.renew(ctx, tenant, token, f.claims)
			continue
		}
		f.err.RetryAfter = f.wait
		wait, again := c.next(&e, f)
		if !again {
			return nil, f.err
		}
		if f.fresh {
			c.http.CloseIdleConnections()
		}
		if err := c.sleep(ctx, wait); err != nil {
			return nil, err
		}
		token, err = c.tokens.get(ctx, tenant)
	}
}

// signIn is the error of a call for which there is no token.
func (r call) signIn(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var known *graph.Error
	if errors.As(err, &known) {
		return known
	}
	return r.fail(graph.KindUnauthorized, errors.New("the sign-in was refused"))
}

// sleep waits by the client's clock.
func (c *Client) sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-c.cfg.Clock.After(d):
		return nil
	}
}
