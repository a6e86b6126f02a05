package msgraph

import (
	"context"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
)

// call is one request, relative to the root of a version.
type call struct {
	op       graph.Op
	t        graph.PolicyType
	workload graph.Workload
	method   string // GET, POST, PATCH, PUT, DELETE
	version  string // "beta", "v1.0"
	path     string // "/deviceManagement/configurationPolicies", escaped
	query    string // "$top=1000", escaped
	body     []byte
	minimal  bool // without the annotations that only full metadata has

	// create tells that a second request would make a second object. So it is sent again
	// only when Graph certainly did nothing with it; after a lost answer the error is
	// graph.KindAmbiguous.
	create bool

	link string // a checked nextLink in place of version, path and query
}

// name is the call in errors: "list settingsCatalogPolicy".
func (r call) name() string { return strings.TrimSpace(string(r.op) + " " + string(r.t)) }

// write tells whether the limits of writes count.
func (r call) write() bool { return r.method != "GET" && !strings.HasSuffix(r.path, "/$batch") }

// relative is the call's address below its version.
func (r call) relative() string {
	if r.query == "" {
		return r.path
	}
	return r.path + "?" + r.query
}

// fail makes an error of the call.
func (r call) fail(kind graph.Kind, err error) *graph.Error {
	return &graph.Error{Op: r.name(), Kind: kind, Err: err}
}

// do sends a call until it is answered, and returns the body of the answer: complete JSON, or
// nothing where a write is answered with nothing. Any other outcome is a *graph.Error, or
// ctx's error.
func (c *Client) do(ctx context.Context, tenant graph.TenantID, r call) ([]byte, error) {
	return c.persist(ctx, tenant, r, 1)
}
