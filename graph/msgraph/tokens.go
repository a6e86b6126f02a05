package msgraph

import (
	"context"
	"sync"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// tokens keeps the token of each tenant and replaces it in time.
type tokens struct {
	source TokenSource
	clock  Clock

	mu      sync.Mutex
	held    map[graph.TenantID]*held
	sweepAt int // size of held from which on what is of no use is dropped
}

// held is what there is for one tenant.
type held struct {
	token   Token
	renewAt time.Time
	under   *signIn // under way
}

// signIn is one call to the source, for everybody who waits for it.
type signIn struct {
	claims string
	done   chan struct{} // closed when the fields below are set

	token     Token
	err       error
	abandoned bool // its caller went away; that says nothing to the others
}

func newTokens(source TokenSource, clock Clock) *tokens {
	return &tokens{source: source, clock: clock, held: map[graph.TenantID]*held{}, sweepAt: minSweep}
}

// minSweep is how many tenants are kept before any is looked at.
const minSweep = 64

// get returns a token of the tenant. refused, unless empty, is one that Graph did not take, and
// claims is what it demanded instead.
//
// One caller signs in and the others wait for it, or go on with the old token while that is
// good. A caller whose context ends leaves the sign-in to the next one.
func (t *tokens) get(ctx context.Context, tenant graph.TenantID, refused, claims string) (Token, error) {
	for {
		h, now := t.hold(tenant)
		good := h.token.Value != refused && now.Before(h.token.Expires)
		if good && (h.under != nil || now.Before(h.renewAt)) {
			token := h.token
			t.mu.Unlock()
			return token, nil
		}
		u := h.under
		if u == nil {
			return t.signIn(ctx, tenant, h, claims)
		}
		t.mu.Unlock()
		select {
		case <-ctx.Done():
			return Token{}, ctx.Err()
		case <-u.done:
		}
		// The refused token may come from a sign-in that began before the refusal.
		if u.abandoned || u.err == nil && u.token.Value == refused && u.claims == "" {
			continue
		}
		return u.token, u.err
	}
}

// hold locks and returns what there is for a tenant.
func (t *tokens) hold(tenant graph.TenantID) (*held, time.Time) {
	now := t.clock.Now()
	t.mu.Lock()
	h := t.held[tenant]
	if h == nil {
		if len(t.held) >= t.sweepAt {
			t.sweep(now)
		}
		h = &held{}
		t.held[tenant] = h
	}
	return h, now
}

// sweep drops what is of no use any more, so that tenants that went away take no memory.
func (t *tokens) sweep(now time.Time) {
	for tenant, h := range t.held {
		if h.under == nil && !now.Before(h.token.Expires) {
			delete(t.held, tenant)
		}
	}
	t.sweepAt = max(minSweep, 2*len(t.held))
}

// signIn asks the source. The lock is held when it is called and free when it returns.
func (t *tokens) signIn(ctx context.Context, tenant graph.TenantID, h *held, claims string) (Token, error) {
	u := &signIn{claims: claims, done: make(chan struct{}), abandoned: true}
	h.under = u
	t.mu.Unlock()
	defer func() { // also when the source panics
		t.mu.Lock()
		h.under = nil
		t.mu.Unlock()
		close(u.done)
	}()
	token, err := t.source.Token(ctx, tenant, claims)
	if err == nil && !token.usable() {
		err = errNoToken
	}

	now := t.clock.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	u.token, u.err, u.abandoned = token, err, err != nil && ctx.Err() != nil
	switch left := h.token.Expires.Sub(now); {
	case err == nil:
		life := token.Expires.Sub(now)
		h.token, h.renewAt = token, token.Expires.Add(-min(early, max(0, life/2)))
	case claims == "" && left > 0 && !u.abandoned:
		// The old token is good for minutes: nobody has to notice.
		h.renewAt = now.Add(min(renewPause, left/2))
		u.token, u.err = h.token, nil
	}
	return u.token, u.err
}
