package msgraph

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tenantatlas/tenantbackup/graph"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const tenant graph.TenantID = "contoso"

// tokenFunc is a source of tokens.
type tokenFunc func(ctx context.Context, tenant graph.TenantID, claims string) (Token, error)

func (f tokenFunc) Token(ctx context.Context, tenant graph.TenantID, claims string) (Token, error) {
	return f(ctx, tenant, claims)
}

// always signs in with one token that does not expire.
var always = tokenFunc(func(context.Context, graph.TenantID, string) (Token, error) {
	return Token{Value: "the-token", Expires: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}, nil
})

// serve makes a client of a server that answers with h.
func serve(t *testing.T, h http.HandlerFunc, change ...func(*Config)) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	cfg := Config{Tokens: always, BaseURL: s.URL, HTTP: s.Client()}
	for _, f := range change {
		f(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// list is a call as a listing makes it.
func list() call {
	return call{op: graph.OpList, t: "deviceConfiguration", workload: graph.WorkloadIntune, method: "GET", version: "beta", path: "/deviceManagement/deviceConfigurations"}
}
