package msgraph

import (
	"context"
	"sync"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// Token is an access token for Graph.
type Token struct {
	Value   string
	Expires time.Time
}

// TokenSource signs in, as an app, in any tenant. Implementations are safe for concurrent use
// and return when ctx ends. graph/azauth adapts those of the Azure SDK.
//
// A client asks for a token when it has none or when its own is about to expire, one at a time
// per tenant, so a source needs no cache.
type TokenSource interface {
	// Token returns a token for the tenant. claims is empty, or what Graph demanded of the
	// next token when it refused one (JSON, from the WWW-Authenticate header; "{}" when it
	// refused the token without saying why). With claims the token must be a fresh one and
	// never come from a cache.
	//
	// An error that is no *[graph.Error] is taken for a refusal of the sign-in
	// (graph.KindUnauthorized), which ends the run; a source that could not reach the
	// sign-in service returns graph.KindUnavailable.
	Token(ctx context.Context, tenant graph.TenantID, claims string) (Token, error)
}

// early is how long before its end a token is replaced.
const early = 5 * time.Minute

// tokens keeps the token of each tenant.
type tokens struct {
	source TokenSource
	clock  Clock

	mu   sync.Mutex
	held map[graph.TenantID]Token
}

func newTokens(source TokenSource, clock Clock) *tokens {
	return &tokens{source: source, clock: clock, held: map[graph.TenantID]Token{}}
}

// get returns a token of the tenant that is good for a while.
func (t *tokens) get(ctx context.Context, tenant graph.TenantID) (Token, error) {
	t.mu.Lock()
	tok, ok := t.held[tenant]
	t.mu.Unlock()
	if ok && t.clock.Now().Before(tok.Expires.Add(-early)) {
		return tok, nil
	}
	return t.fetch(ctx, tenant, "")
}

// renew returns another token than the refused one.
func (t *tokens) renew(ctx context.Context, tenant graph.TenantID, refused Token, claims string) (Token, error) {
	t.mu.Lock()
	tok, ok := t.held[tenant]
	t.mu.Unlock()
	if ok && tok.Value != refused.Value {
		return tok, nil
	}
	if claims == "" {
		claims = "{}"
	}
	return t.fetch(ctx, tenant, claims)
}

func (t *tokens) fetch(ctx context.Context, tenant graph.TenantID, claims string) (Token, error) {
	tok, err := t.source.Token(ctx, tenant, claims)
	if err != nil {
		return Token{}, err
	}
	t.mu.Lock()
	t.held[tenant] = tok
	t.mu.Unlock()
	return tok, nil
}
