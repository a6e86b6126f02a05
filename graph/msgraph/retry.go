package msgraph

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/hook"
)

// backoff is the wait after the first failure when Graph does not say how long. It doubles with
// each further one, up to Config.MaxWait.
const backoff = time.Second

// effort is what a request has cost so far.
type effort struct {
	tries   int
	waited  time.Duration
	token   Token
	refused string // the token that Graph did not take, replaced once
	claims  string
	unsure  bool // an earlier attempt may have been done, and its answer was lost
}

// next counts a failure and returns how long to wait for the next attempt. It reports false when
// there is none.
func (c *Client) next(e *effort, f *failure) (time.Duration, bool) {
	e.tries++
	wait := f.wait
	if wait <= 0 {
		wait = min(c.cfg.MaxWait, backoff<<min(e.tries-1, 16))
		wait -= time.Duration(float64(wait) / 2 * c.cfg.Random()) // so that many do not come back at once
	}
	if !f.again || e.tries >= c.cfg.Attempts || wait > c.cfg.MaxWait || wait > c.cfg.MaxTotal-e.waited {
		return 0, false
	}
	e.waited += wait
	return wait, true
}

// renew tells whether a failure is worth another attempt with a new token.
func (e *effort) renew(f *failure) bool {
	if f.claims == "" || e.refused != "" {
		return false
	}
	e.refused, e.claims = e.token.Value, f.claims
	return true
}

// persist sends a call until it is answered or given up.
func (c *Client) persist(ctx context.Context, tenant graph.TenantID, r call, e *effort) ([]byte, error) {
	g := c.gates.of(tenant, r.workload)
	defer c.gates.leave(g)
	for {
		if err := c.signIn(ctx, tenant, r, e, g); err != nil {
			return nil, err
		}
		if err := c.enter(ctx, tenant, r, g); err != nil {
			return nil, err
		}
		a := c.attempt(ctx, r, e.token)
		g.exit()
		f := judge(r, a, c.cfg.Clock.Now())
		switch {
		case f == nil:
			return a.body, nil
		case ctx.Err() != nil:
			if f.err.Kind == graph.KindAmbiguous {
				f.err.Err = ctx.Err()
				return nil, f.err
			}
			return nil, ctx.Err()
		case e.renew(f):
			continue
		}
		if err := c.pause(ctx, tenant, r, e, f, g); err != nil {
			return nil, err
		}
		e.unsure = e.unsure || a.sent && !f.fence
	}
}

// signIn gets the token of a call. A sign-in that time may mend is tried again.
func (c *Client) signIn(ctx context.Context, tenant graph.TenantID, r call, e *effort, g *gate) error {
	for {
		token, err := c.tokens.get(ctx, tenant, e.refused, e.claims)
		if err == nil {
			e.token = token
			return nil
		}
		err = r.signIn(ctx, err)
		var known *graph.Error
		if !errors.As(err, &known) || !known.Kind.Retryable() {
			return err
		}
		if err := c.pause(ctx, tenant, r, e, &failure{err: known, again: true, wait: known.RetryAfter}, g); err != nil {
			return err
		}
	}
}

// pause waits after a failure until the next attempt, or returns the error when there is none.
func (c *Client) pause(ctx context.Context, tenant graph.TenantID, r call, e *effort, f *failure, g *gate) error {
	wait, again := c.next(e, f)
	if f.fence {
		g.close(max(wait, f.wait))
	}
	c.logFailure(ctx, tenant, r, e, f, wait, again)
	if !again {
		return f.err
	}
	reason := graph.WaitFailed
	if f.fence {
		reason = graph.WaitThrottled
	}
	from := c.cfg.Clock.Now()
	select {
	case <-ctx.Done():
	case <-c.cfg.Clock.After(wait):
	}
	c.waited(ctx, tenant, r, reason, c.cfg.Clock.Now().Sub(from))
	if f.fresh {
		c.http.CloseIdleConnections()
	}
	return ctx.Err()
}

// enter goes through the gate.
func (c *Client) enter(ctx context.Context, tenant graph.TenantID, r call, g *gate) error {
	from := c.cfg.Clock.Now()
	err := g.enter(ctx, r.cost(), r.write())
	now := c.cfg.Clock.Now()
	fenced := max(0, min(now.Sub(from), g.until().Sub(from)))
	c.waited(ctx, tenant, r, graph.WaitThrottled, fenced)
	c.waited(ctx, tenant, r, graph.WaitPaced, now.Sub(from)-fenced)
	var known *graph.Error
	if errors.As(err, &known) {
		known.Op = r.name()
	}
	return err
}

// waited tells the observer of a wait, if it took any time.
func (c *Client) waited(ctx context.Context, tenant graph.TenantID, r call, reason graph.WaitReason, d time.Duration) {
	if d > 0 {
		hook.Tell(ctx, c.log, c.cfg.Observer.Waited, graph.Wait{Tenant: tenant, Type: r.t, Workload: r.workload, Reason: reason, For: d})
	}
}

// logFailure logs a failure that time may mend. It knows nothing of bodies and addresses.
func (c *Client) logFailure(ctx context.Context, tenant graph.TenantID, r call, e *effort, f *failure, wait time.Duration, again bool) {
	if !f.again {
		return
	}
	level, what := slog.LevelInfo, "graph: the request is sent again"
	if !again {
		level, what = slog.LevelWarn, "graph: the request is given up for now"
	}
	c.log.LogAttrs(ctx, level, what, slog.String("tenant", string(tenant)), slog.String("call", r.name()),
		slog.String("kind", string(f.err.Kind)), slog.Int("status", f.err.StatusCode), slog.String("code", f.err.Code),
		slog.String("request", f.err.RequestID), slog.Int("try", e.tries), slog.Duration("wait", max(wait, f.wait)))
}
