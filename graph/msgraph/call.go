package msgraph

import (
	"context"
	"net/http"
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
	// only when Graph certainly did nothing with it (429, no connection); after any other
	// failure the error is graph.KindAmbiguous. All other calls may be repeated: they
	// only read, or put something into a state that it stays in.
	create bool
	bare   bool // a create that is answered with nothing

	justification string // the header for those who have to approve the write
	partOf        string // the escaped id of the object that it writes a part of, where the path does not say
	code          string // of its approval, in place of the justification

	link string // a checked nextLink, in place of version, path and query
	size int    // of a $batch: how many requests it holds
}

// name is the call in errors: "list settingsCatalogPolicy".
func (r call) name() string { return strings.TrimSpace(string(r.op) + " " + string(r.t)) }

// write tells whether the limits of writes count. A $batch only reads.
func (r call) write() bool { return r.method != http.MethodGet && r.size == 0 }

// answered tells whether the call is done only when an object comes back.
func (r call) answered() bool { return !r.write() || r.create && !r.bare }

// cost is how many requests it counts as.
func (r call) cost() int { return max(1, r.size) }

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

// do sends a call until it is answered, and returns the body of the answer: a complete JSON
// object, or nothing where a write is answered with nothing. Any other outcome is a
// *graph.Error, or ctx's error when ctx ended. A create that was under way then is
// graph.KindAmbiguous, and wraps ctx's error.
func (c *Client) do(ctx context.Context, tenant graph.TenantID, r call) ([]byte, error) {
	if reason := graph.Justification(ctx); reason != "" && r.write() && r.workload == graph.WorkloadIntune {
		return c.justified(ctx, tenant, r, reason)
	}
	return c.persist(ctx, tenant, r, &effort{})
}
