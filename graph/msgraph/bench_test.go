package msgraph_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
	"github.com/tenantatlas/tenantbackup/graph/msgraph"
)

// BenchmarkCapture captures 1,000 settings catalog policies, each with its settings and
// assignments, from a server that takes 20 ms a request and has no limits: with $batch, and
// without it where that is told to do without. The baseline reads one thing after the other,
// without $batch.
func BenchmarkCapture(b *testing.B) {
	policies := 1000
	if testing.Short() {
		policies = 40
	}
	g, err := graphtest.New(graphtest.Config{Clock: virtual{}})
	if err != nil {
		b.Fatal(err)
	}
	if err := g.AddTenant(contoso, graphtest.TenantConfig{Seed: 1, Policies: policies, Types: []graph.PolicyType{benched}}); err != nil {
		b.Fatal(err)
	}
	s, err := graphserver.New(g, graphserver.Config{Latency: 20 * time.Millisecond})
	if err != nil {
		b.Fatal(err)
	}
	server := httptest.NewServer(s)
	b.Cleanup(server.Close)
	bearer := graphserver.Token(contoso, graphserver.TokenOptions{})

	run := func(name string, capture func() int) (each time.Duration) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if n := capture(); n != policies {
					b.Fatalf("captured %d of %d", n, policies)
				}
			}
			each = b.Elapsed() / time.Duration(b.N)
		})
		return each
	}
	slow := run("one by one", func() int { return oneByOne(b, server.URL, bearer) })
	for _, way := range []struct {
		name             string
		noBatch, chunked bool
	}{
		{"without batches, 20 a call", true, true}, {"without batches, all in one call", true, false},
		{"batches, 20 a call", false, true}, {"batches, all in one call", false, false},
	} {
		took := run(way.name, func() int {
			c, err := msgraph.New(msgraph.Config{BaseURL: server.URL, Limits: unlimited, Tokens: token(bearer), NoBatch: way.noBatch})
			if err != nil {
				b.Fatal(err)
			}
			return captured(b, c, way.chunked)
		})
		if took > 0 {
			b.Logf("%s: %s, %.1f times as fast as one by one (%s)", way.name, took, slow.Seconds()/took.Seconds(), slow)
		}
	}
}

const benched graph.PolicyType = "settingsCatalogPolicy"

// captured is how many policies a client captures.
func captured(b *testing.B, c *msgraph.Client, chunked bool) (n int) {
	var ids []string
	if err := c.List(b.Context(), contoso, benched, func(p graph.Page) error {
		for _, h := range p.Headers {
			ids = append(ids, h.ID)
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
	size := len(ids)
	if chunked {
		size = 20
	}
	for chunk := range slices.Chunk(ids, size) {
		results, err := c.Get(b.Context(), contoso, benched, chunk)
		if err != nil {
			b.Fatal(err)
		}
		for _, r := range results {
			if r.Err != nil || len(r.Policy.Parts) != 2 {
				b.Fatalf("%s: %v, %d parts", r.ID, r.Err, len(r.Policy.Parts))
			}
			n++
		}
	}
	return n
}

// oneByOne captures with single requests: the pages of the listing, and for every policy the
// object, its assignments and its settings.
func oneByOne(b *testing.B, root, bearer string) (n int) {
	type page struct {
		Value []struct {
			ID string `json:"id"`
		} `json:"value"`
		Next string `json:"@odata.nextLink"`
	}
	get := func(address string) (p page) {
		req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, address, nil)
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+bearer)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK || json.Unmarshal(body, &p) != nil {
			b.Fatalf("%d, %v", res.StatusCode, err)
		}
		return p
	}
	const collection = "/beta/deviceManagement/configurationPolicies"
	for next := root + collection; next != ""; {
		p := get(next)
		for _, row := range p.Value {
			object := root + collection + "/" + row.ID
			get(object)
			for at := object + "/assignments"; at != ""; {
				at = get(at).Next
			}
			for at := object + "/settings?$top=1000"; at != ""; {
				at = get(at).Next
			}
			n++
		}
		next = p.Next
	}
	return n
}
