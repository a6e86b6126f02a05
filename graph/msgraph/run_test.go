package msgraph_test

import (
	"context"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
	"github.com/tenantatlas/tenantbackup/graph/msgraph"
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
	graphtest.Run(t, func(t testing.TB, g *graphtest.Graph) graphtest.Subject {
		s, err := graphserver.New(g, graphserver.Config{})
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(s)
		t.Cleanup(server.Close)
		const attempt = 100 * time.Second
		c, err := msgraph.New(msgraph.Config{
			BaseURL: server.URL, Limits: unlimited, Tokens: consent{g}, Clock: hasty{attempt}, Timeout: attempt,
		})
		if err != nil {
			t.Fatal(err)
		}
		return graphtest.Subject{Client: c, Inject: s.Inject}
	})
}
