package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/tenantatlas/tenantbackup/cmd/refserver/product"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/azauth"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
	"github.com/tenantatlas/tenantbackup/graph/msgraph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// graphClient is what the product needs of Graph.
type graphClient interface {
	graph.Client
	graph.PermissionReader
}

// The values of -graph.
const (
	graphFake    = "fake"
	graphRequest = "msgraph"
)

// clouds are the values of -graph-cloud.
var clouds = map[string]msgraph.Cloud{
	"global": msgraph.Global(), "gcc-high": msgraph.GCCHigh(), "dod": msgraph.DoD(), "china": msgraph.China(),
}

// graphFlags say which Graph a command talks to.
type graphFlags struct {
	kind    string
	url     string
	cloud   string
	tenants directories
	noBatch bool
	faults  []graphserver.Fault
	latency time.Duration // of the fake one
}

func (g *graphFlags) flags(fs *flag.FlagSet) {
	fs.StringVar(&g.kind, "graph", graphFake, "fake: a Graph in memory with made-up policies; msgraph: Microsoft's own, or the one at\n"+
		"-graph-url. The app that signs in comes from AZURE_CLIENT_ID and one of AZURE_CLIENT_SECRET,\n"+
		"AZURE_CLIENT_CERTIFICATE_PATH and AZURE_FEDERATED_TOKEN_FILE; without these it is the machine's\n"+
		"managed identity")
	fs.StringVar(&g.url, "graph-url", "", "with msgraph: the root of another Graph, such as http://127.0.0.1:9000 of refserver fakegraph;\n"+
		"one on this machine gives the tokens itself")
	fs.StringVar(&g.cloud, "graph-cloud", "global", "with msgraph: global (GCC too), gcc-high, dod or china")
	fs.BoolVar(&g.noBatch, "graph-no-batch", false, "with msgraph: send every read as a request of its own instead of up to 20 in a $batch, for a Graph\n"+
		"or a proxy on the way that does not take these")
	fs.Func("graph-tenants", "with msgraph: the tenants' directories, such as contoso=GUID,fabrikam=GUID; a tenant that is not named\n"+
		"has none. Defaults to contoso, in the directory AZURE_TENANT_ID", g.tenants.parse)
}

// faultFlag adds -fault, which can be given several times.
func faultFlag(fs *flag.FlagSet, list *[]graphserver.Fault, what string) {
	fs.Func("fault", what+" refserver fakegraph -h lists them", func(text string) error {
		name, _, _ := strings.Cut(text, ":")
		if !slices.ContainsFunc(graphserver.Faults(), func(f graphserver.FaultInfo) bool { return f.Name == name }) {
			return fmt.Errorf("there is no fault %q; refserver fakegraph -h lists them", name)
		}
		f, err := graphserver.ParseFault(text)
		if err == nil && f.Tenant != "" && !product.HasTenant(f.Tenant) {
			return fmt.Errorf("option tenant: there is no tenant %q; there are contoso and fabrikam", f.Tenant)
		}
		*list = append(*list, f)
		return err
	})
}

// check says what is wrong with a combination of flags.
func (g graphFlags) check() error {
	_, known := clouds[g.cloud]
	switch {
	case g.kind != graphFake && g.kind != graphRequest:
		return errors.New("-graph must be fake or msgraph")
	case g.kind == graphFake && (g.url != "" || len(g.tenants) > 0 || g.cloud != "global" || g.noBatch):
		return errors.New("-graph-url, -graph-cloud, -graph-no-batch and -graph-tenants need -graph msgraph")
	case g.kind == graphRequest && len(g.faults) > 0:
		return errors.New("-fault is for the fake Graph; with another one give it to refserver fakegraph")
	case g.latency < 0:
		return errLatency
	case !known:
		return errors.New("-graph-cloud must be global, gcc-high, dod or china")
	}
	return nil
}

// errLatency refuses a time that nothing takes.
var errLatency = errors.New("-latency must not be negative; 0 is for no time")

// connection is a Graph that is ready to use.
type connection struct {
	client graphClient
	what   string     // for people
	fake   *fakeGraph // that was started for it, or nil
}

// end ends what connecting has started.
func (c connection) end() error {
	if c.fake == nil {
		return nil
	}
	return c.fake.close()
}

// surroundings are what a client takes from the product.
type surroundings struct {
	clock    runs.Clock
	share    int // how many processes use the same app for a tenant at once; 0 for one
	log      *slog.Logger
	observer graph.Observer
}

// connect makes the client.
func (g graphFlags) connect(ctx context.Context, around surroundings) (connection, error) {
	switch {
	case g.kind != graphRequest && len(g.faults) > 0:
		return g.connectFaulty(ctx, around)
	case g.kind != graphRequest:
		fake, err := demoGraph(around.clock, demoSeed, demoPolicies)
		if err == nil {
			err = leaveAsHistory(fake)
		}
		if err == nil && g.latency > 0 {
			fake.OnCall(slow(around.clock, g.latency))
		}
		return connection{client: fake, what: "a fake one in memory"}, err
	}
	tokens, signIn, err := g.signIn(os.Getenv)
	if err != nil {
		return connection{}, err
	}
	client, err := g.request(g.url, tokens, around)
	if err != nil {
		return connection{}, err
	}
	return connection{client: client, what: cmp.Or(g.url, clouds[g.cloud].Graph) + ", signing in with " + signIn}, nil
}

// connectFaulty puts the fake behind HTTP, where its faults happen, on a port of this machine.
func (g graphFlags) connectFaulty(ctx context.Context, around surroundings) (connection, error) {
	fake, err := startFake(ctx, fakeOptions{addr: "127.0.0.1:0", seed: demoSeed, size: demoPolicies, latency: g.latency, faults: g.faults, past: true}, around.log)
	if err != nil {
		return connection{}, err
	}
	c := connection{what: "a fake one with faults, at " + fake.base, fake: fake}
	c.client, err = g.request(fake.base, newLoopbackTokens(fake.base, nil, os.Getenv), around)
	return c, err
}

func (g graphFlags) request(base string, tokens msgraph.TokenSource, around surroundings) (graphClient, error) {
	return msgraph.New(msgraph.Config{
		Tokens: tokens, Cloud: clouds[g.cloud], BaseURL: base, Share: around.share, NoBatch: g.noBatch,
		Clock: around.clock, Logger: around.log, Observer: around.observer,
	})
}

// signIn finds out who signs in, from the environment. what tells people.
func (g graphFlags) signIn(getenv func(string) string) (tokens msgraph.TokenSource, what string, err error) {
	if loopbackURL(g.url) {
		return newLoopbackTokens(g.url, g.tenants, getenv), "its own tokens", nil
	}
	home, app, err := azauth.FromEnvironment(getenv)
	if err != nil {
		return nil, "", err
	}
	tenants := g.tenants
	if len(tenants) == 0 && home != "" {
		tenants = directories{demoTenant: home}
	}
	if len(tenants) == 0 {
		return nil, "", errors.New("no tenant has a directory: give -graph-tenants or AZURE_TENANT_ID")
	}
	source, err := azauth.New(azauth.Config{App: app, Cloud: clouds[g.cloud], Tenants: tenants.signIn})
	return source, app.String(), err
}

// loopbackURL tells whether a URL leads to this machine.
func loopbackURL(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return strings.EqualFold(u.Hostname(), "localhost") || err == nil && ip.Unmap().IsLoopback()
}

// directories are the Entra directories of tenants.
type directories map[graph.TenantID]string

// parse reads "contoso=GUID,fabrikam=GUID".
func (d *directories) parse(text string) error {
	*d = directories{}
	for pair := range strings.SplitSeq(text, ",") {
		tenant, directory, ok := strings.Cut(strings.TrimSpace(pair), "=")
		switch id := graph.TenantID(tenant); {
		case !ok || directory == "":
			return errors.New("write it as contoso=GUID,fabrikam=GUID")
		case !product.HasTenant(id):
			return fmt.Errorf("there is no tenant %q; there are contoso and fabrikam", tenant)
		default:
			(*d)[id] = directory
		}
	}
	return nil
}

// signIn tells where a tenant's app signs in.
func (d directories) signIn(_ context.Context, tenant graph.TenantID) (azauth.Tenant, error) {
	if d[tenant] == "" {
		return azauth.Tenant{}, noDirectoryOf(tenant)
	}
	return azauth.Tenant{Directory: d[tenant]}, nil
}

func noDirectoryOf(tenant graph.TenantID) error {
	return &graph.Error{Op: "sign in", Kind: graph.KindUnauthorized, Err: fmt.Errorf("tenant %s has no directory: give it one with -graph-tenants", tenant)}
}
