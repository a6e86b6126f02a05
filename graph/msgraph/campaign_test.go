package msgraph_test

import (
	"flag"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
	"github.com/tenantatlas/tenantbackup/graph/msgraph"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

var campaign = flag.Bool("campaign", false, "capture the tenant of 2,000 objects with 100 seeds, not with two")

// Nothing may be lost, and nothing asked for more often than the limits allow, and waiting
// must cost hardly more than Graph demands, whatever becomes of single requests.
func TestATenantIsCapturedWholeAndInTimeWhateverRequestsMeet(t *testing.T) {
	seeds := 2
	if *campaign {
		seeds = 100
	}
	policies := 1913 // 2,000 objects with all others
	if testing.Short() || testenv.RaceDetector && !*campaign {
		seeds = 1
	}
	if testenv.RaceDetector && !*campaign {
		policies = 250
	}
	big := newBigTenant(t, policies)
	calm := big.capture(t, 0)
	big.check(t, calm)
	if want := requestTime(calm.usage); calm.took > want*11/10+5*time.Second {
		t.Errorf("without failures it took %s; the rates allow %s", calm.took, want)
	}
	t.Logf("%d objects of %d types; without failures %d requests in %s", big.objects, len(big.types), requestsOf(calm.usage), calm.took)
	var worst, worstStrict float64
	var retried int
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			got := big.capture(t, uint64(seed), "mixed")
			big.check(t, got)
			// The reference is the schedule of a client that sends what the tenant takes at the rates
			// it is configured with, and waits whenever it is told to: every wait one after the other,
			// and, more strictly, those that overlap once.
			sum, once := requestTime(calm.usage)+got.demanded(), requestTime(calm.usage)+got.fenced
			ratio, strict := got.took.Seconds()/sum.Seconds(), got.took.Seconds()/once.Seconds()
			worst, worstStrict, retried = max(worst, ratio), max(worstStrict, strict), retried+got.retried
			if strict > 1.5 {
				t.Errorf("it took %s; the rates and all waits that Graph demanded take %s, or %s where they overlap", got.took, sum, once)
			}
			t.Logf("%d requests, %d throttled, in %s: %.2f of the reference, %.2f of the strict one", requestsOf(got.usage), got.throttled(), got.took, ratio, strict)
		})
	}
	t.Logf("%d seeds: at most %.2f of the reference, %.2f of the strict one; %d calls were made again", seeds, worst, worstStrict, retried)
}

// bigTenant is a tenant with objects of every type that is captured, and the truth about it.
type bigTenant struct {
	graph   *graphtest.Graph
	types   []graph.PolicyType
	truth   map[graphtest.Key]backupset.Hash
	objects int
	canon   *backupset.Canonicalizer
}

func newBigTenant(t *testing.T, policies int) *bigTenant {
	g, err := graphtest.New(graphtest.Config{Clock: virtual{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.AddTenant(contoso, graphtest.TenantConfig{Seed: 5, Policies: policies, Foundations: 10}); err != nil {
		t.Fatal(err)
	}
	big := &bigTenant{graph: g, truth: map[graphtest.Key]backupset.Hash{}, canon: backupset.NewCanonicalizer(graph.Catalog)}
	generated, foundations := graphtest.GeneratedTypes()
	for _, info := range graph.Catalog.All() {
		if !info.Capturable() {
			continue
		}
		big.types = append(big.types, info.Key)
		if slices.Contains(generated, info.Key) || slices.Contains(foundations, info.Key) {
			continue
		}
		body, ok := bodies[info.Key]
		if !ok {
			body = fmt.Sprintf(`{%q:"One of it"}`, info.NameProperty)
		}
		if body == "" {
			continue
		}
		if _, err := g.Create(t.Context(), contoso, info.Key, []byte(body)); err != nil {
			t.Fatalf("%s: %v", info.Key, err)
		}
	}
	for _, p := range []graph.Policy{
		{Type: "deviceManagementSettings", ID: "deviceManagementSettings", Raw: []byte(`{"secureByDefault":true,"deviceComplianceCheckinThresholdDays":30}`)},
		{
			Type: "windowsHelloForBusiness", ID: "1_WindowsHelloForBusiness", Name: "All users", ODataType: hello,
			Raw: []byte(`{"@odata.type":"` + hello + `","id":"1_WindowsHelloForBusiness","displayName":"All users","priority":0,"pinMinimumLength":6}`),
		},
	} {
		if err := g.Put(contoso, p); err != nil {
			t.Fatal(err)
		}
	}
	for key, p := range g.Snapshot(contoso) {
		big.truth[key] = big.hash(t, p)
	}
	big.objects = len(big.truth)
	return big
}

const hello = "#microsoft.graph.deviceEnrollmentWindowsHelloForBusinessConfiguration"

// bodies are what types take that are not generated, where it is more than a name.
var bodies = map[graph.PolicyType]string{
	"policySet":                `{"displayName":"One of it","items":[]}`,
	"macCustomAttributeScript": `{"displayName":"One of it","scriptContent":"ZWNobyAx"}`,
	"coManagementAuthority":    `{"@odata.type":"#microsoft.graph.deviceComanagementAuthorityConfiguration","displayName":"One of it"}`,
	"deviceManagementSettings": "", // there is one, which no client makes
	"windowsHelloForBusiness":  "",
}

func (big *bigTenant) hash(t testing.TB, p graph.Policy) backupset.Hash {
	t.Helper()
	h, err := big.canon.Hash(&p)
	if err != nil {
		t.Fatalf("%s %s: %v", p.Type, p.ID, err)
	}
	return h
}

// capturedTenant is a capture of a tenant: what it brought, and what it took.
type capturedTenant struct {
	hashes  map[graphtest.Key]backupset.Hash
	took    time.Duration
	fenced  time.Duration // while some answer had demanded to wait
	retried int           // calls that failed and were made again
	usage   []graphserver.Usage
}

func (c capturedTenant) demanded() (d time.Duration) {
	for _, u := range c.usage {
		d += u.Demanded
	}
	return d
}

func (c capturedTenant) throttled() (n int) {
	for _, u := range c.usage {
		n += u.Throttled
	}
	return n
}

func requestsOf(usage []graphserver.Usage) (n int) {
	for _, u := range usage {
		n += u.Requests
	}
	return n
}

// requestTime is how long requests take at the configured rates.
func requestTime(usage []graphserver.Usage) time.Duration {
	seconds := 0.0
	for _, u := range usage {
		seconds += float64(u.Requests) / msgraph.DefaultLimits()[u.Workload].Rate
	}
	return time.Duration(seconds * float64(time.Second))
}

// check holds a capture against the truth, and what it asked against the limits.
func (big *bigTenant) check(t *testing.T, got capturedTenant) {
	t.Helper()
	if len(got.hashes) != len(big.truth) {
		t.Errorf("captured %d objects of %d", len(got.hashes), len(big.truth))
	}
	for key, want := range big.truth {
		switch h, ok := got.hashes[key]; {
		case !ok:
			t.Errorf("%s %s was not captured", key.Type, key.ID)
		case h != want:
			t.Errorf("%s %s has another hash than the truth", key.Type, key.ID)
		}
	}
	for _, u := range got.usage {
		if n := u.Above(); n > 0 {
			t.Errorf("%d of %d requests to %s were above a limit", n, u.Requests, u.Workload)
		}
	}
}

// capture captures the types one after the other, 20 policies a call, as a run does. The server
// takes 60 ms for a request and has Graph's limits.
func (big *bigTenant) capture(t *testing.T, seed uint64, faults ...string) (got capturedTenant) {
	synctest.Test(t, func(t *testing.T) {
		cfg := graphserver.Config{Scheme: "https", Latency: 60 * time.Millisecond, Limits: true, Seed: seed}
		for _, name := range faults {
			cfg.Faults = append(cfg.Faults, graphserver.Fault{Name: name})
		}
		server, err := graphserver.New(big.graph, cfg)
		if err != nil {
			t.Fatal(err)
		}
		waits := &demands{of: server}
		c, err := msgraph.New(msgraph.Config{
			HTTP: connect(t, waits), Clock: virtual{}, Tokens: token(graphserver.Token(contoso, graphserver.TokenOptions{Roles: readOnly})),
		})
		if err != nil {
			t.Fatal(err)
		}
		got.hashes = map[graphtest.Key]backupset.Hash{}
		keep := func(p graph.Policy) { got.hashes[graphtest.Key{Type: p.Type, ID: p.ID}] = big.hash(t, p) }
		began := time.Now()
		for _, key := range big.types {
			var ids []string
			got.retried += insist(t, func() error {
				ids = nil
				return c.List(t.Context(), contoso, key, func(p graph.Page) error {
					for _, h := range p.Headers {
						switch {
						case h.Policy != nil:
							keep(*h.Policy)
						case !slices.Contains(ids, h.ID):
							ids = append(ids, h.ID)
						}
					}
					return nil
				})
			})
			for chunk := range slices.Chunk(ids, 20) {
				got.retried += insist(t, func() error {
					results, err := c.Get(t.Context(), contoso, key, chunk)
					for _, r := range results {
						if r.Err != nil {
							return fmt.Errorf("%s: %w", r.ID, r.Err)
						}
						keep(r.Policy)
					}
					return err
				})
			}
		}
		got.took, got.fenced, got.usage = time.Since(began), waits.fenced(), server.Usage()
	})
	return got
}

// insist makes a call until it succeeds, as a run does where time may mend it, and returns how
// often it failed.
func insist(t *testing.T, call func() error) (failed int) {
	for ; ; failed++ {
		err := call()
		if err == nil {
			return failed
		}
		if !graph.KindOf(err).Retryable() || failed > 5 {
			t.Fatal(err)
		}
		<-time.After(max(graph.RetryAfterOf(err), time.Second))
	}
}
