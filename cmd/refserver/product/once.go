package product

import (
	"context"
	"net/http"
	"sync"

	"github.com/tenantatlas/tenantbackup/runs"
)

type askedKey struct{}

// asked is what [Product.Principal] found out about a request.
type asked struct {
	mu    sync.Mutex
	done  bool
	actor runs.Actor
	ok    bool
}

// Once lets [Product.Principal] find out once who sent a request, however many handlers ask, so
// that a wrong token counts once; and [Product.Asked] repeat it.
func (p *Product) Once(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), askedKey{}, new(asked))))
	})
}

// Asked returns who sent a request that came through [Product.Once]; false when that is nobody or
// when no handler has wanted to know.
func (p *Product) Asked(r *http.Request) (runs.Actor, bool) {
	a, ok := r.Context().Value(askedKey{}).(*asked)
	if !ok {
		return runs.Actor{}, false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.actor, a.ok
}

// Principal finds out who sent a request: by the token that it bears or, when it has no
// Authorization header, by the cookie of a session. False when that is nobody. The token of a
// demo user is demo-ROLE-TENANT, that of any other ID~TOKEN, such as alice~0123456789abcdef: what
// is kept of a token does not tell whose it is.
func (p *Product) Principal(r *http.Request) (runs.Actor, bool) {
	a, ok := r.Context().Value(askedKey{}).(*asked)
	if !ok {
		return p.principal(r)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.done {
		a.actor, a.ok = p.principal(r)
		a.done = true
	}
	return a.actor, a.ok
}
