package msgraph

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// Token is an access token for Graph.
type Token struct {
	Value string

	// Expires is when Graph stops taking it. A token without it serves one request.
	Expires time.Time
}

// TokenSource signs in, as an app, in any tenant. Implementations are safe for concurrent use
// and return soon after ctx ended. graph/azauth adapts those of the Azure SDK.
//
// A client keeps the token of each tenant and asks for another about 5 min before it expires,
// once at a time per tenant, so a source needs no cache.
type TokenSource interface {
	// Token returns a token for the tenant. claims is empty, or what Graph demanded of the
	// next token when it refused one: JSON from the WWW-Authenticate header (continuous
	// access evaluation), "{}" when it refused the token without a demand. With claims the
	// token must be a new one and never come from a cache.
	//
	// An error that wraps a [*graph.Error] keeps its kind: graph.KindUnavailable when the
	// sign-in service could not be reached, graph.KindThrottled with the time to come back.
	// Where waiting may help the client asks again, as it does with requests. An error of the
	// network counts as graph.KindUnavailable, and any other as a refusal,
	// graph.KindUnauthorized, which ends the run.
	Token(ctx context.Context, tenant graph.TenantID, claims string) (Token, error)
}

const (
	// early is how long before its end a token is replaced, so that none expires on the way.
	early = 5 * time.Minute

	// renewPause is the time between two tries to replace a token that is still good.
	renewPause = 30 * time.Second
)

var errNoToken = errors.New("the source of tokens gave none that fits into a header")

// usable tells whether a token can be sent.
func (t Token) usable() bool {
	return t.Value != "" && !strings.ContainsFunc(t.Value, func(c rune) bool { return c <= ' ' || c >= 0x7f })
}

// signIn makes the error of a call for which there is no token.
func (r call) signIn(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	out := graph.Error{Kind: graph.KindUnauthorized, Err: shown{err}}
	var known *graph.Error
	var network net.Error
	switch {
	case errors.As(err, &known):
		out = *known
		if out.Err != nil {
			out.Err = shown{out.Err}
		}
	case errors.As(err, &network):
		out.Kind = graph.KindUnavailable
	}
	out.Op, out.NotSent = r.name()+": sign in", true
	return &out
}
