package msgraph_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
	"github.com/tenantatlas/tenantbackup/graph/msgraph"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
)

// hasty is a time in which no wait takes any, but for the end of an attempt, which never comes.
type hasty struct{ attempt time.Duration }

func (hasty) Now() time.Time { return graphtest.Epoch }

func (h hasty) After(d time.Duration) <-chan time.Time {
	if d == h.attempt {
		return nil
	}
	over := make(chan time.Time, 1)
	over <- graphtest.Epoch.Add(d)
	return over
}

// consent signs in with the permissions that the app was granted in a tenant of a Graph.
type consent struct{ graph *graphtest.Graph }

func (c consent) Token(ctx context.Context, tenant graph.TenantID, _ string) (msgraph.Token, error) {
	roles, err := c.graph.Permissions(ctx, tenant)
	if err != nil {
		return msgraph.Token{}, err
	}
	return msgraph.Token{Value: graphserver.Token(tenant, graphserver.TokenOptions{Roles: roles}), Expires: graphtest.Epoch.AddDate(1, 0, 0)}, nil
}

func TestTheClientKeepsThePromisesOfEveryClient(t *testing.T) {
	graphtest.Run(t, func(t testing.TB, g *graphtest.Graph) graphtest.Subject { return subject(t, g, false) })
}

func TestTheClientKeepsThemWhereThereIsNoBatch(t *testing.T) {
	testenv.SlowUnderRace(t)
	graphtest.Run(t, func(t testing.TB, g *graphtest.Graph) graphtest.Subject { return subject(t, g, true) })
}

// subject is a client of a server for a Graph, which may have no $batch.
func subject(t testing.TB, g *graphtest.Graph, noBatch bool) graphtest.Subject {
	s, err := graphserver.New(g, graphserver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var handler http.Handler = s
	if noBatch {
		handler = unbatched{t, s}
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	const attempt = 100 * time.Second
	c, err := msgraph.New(msgraph.Config{
		BaseURL: server.URL, Limits: unlimited, Tokens: consent{g}, Clock: hasty{attempt}, Timeout: attempt, NoBatch: noBatch,
	})
	if err != nil {
		t.Fatal(err)
	}
	return graphtest.Subject{Client: c, Inject: s.Inject}
}

// unbatched is a server without $batch, which nobody may ask for.
type unbatched struct {
	t  testing.TB
	of http.Handler
}

func (u unbatched) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/$batch") {
		u.t.Error("a $batch was sent")
		http.NotFound(w, r)
		return
	}
	u.of.ServeHTTP(w, r)
}
