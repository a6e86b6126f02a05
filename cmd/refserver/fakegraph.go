package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tenantatlas/tenantbackup/cmd/refserver/product"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
	"github.com/tenantatlas/tenantbackup/runs"
)

// demoSeed makes the policies of the fake Graph.
const demoSeed = 1

// fakeOptions say what a fake Graph behind HTTP is like.
type fakeOptions struct {
	addr    string
	seed    uint64
	size    int
	granted string // permissions, separated by commas; "" for all
	latency time.Duration
	limits  bool
	faults  []graphserver.Fault
	past    bool // as the history leaves it; needs the seed and size of the demo
}

func fakegraphCommand(ctx context.Context, args []string, out, errOut io.Writer) int {
	var o fakeOptions
	fs := flag.NewFlagSet("fakegraph", flag.ContinueOnError)
	fs.StringVar(&o.addr, "addr", "127.0.0.1:9000", "address to listen on")
	fs.Uint64Var(&o.seed, "seed", demoSeed, "which policies the tenants hold; the same seed gives the same ones")
	fs.IntVar(&o.size, "size", demoPolicies, "how many policies each tenant holds, foundations not counted")
	fs.StringVar(&o.granted, "granted", "", "the permissions of every app, such as Policy.Read.All,DeviceManagementApps.Read.All; all when left out")
	fs.DurationVar(&o.latency, "latency", 0, "how long every request takes, such as 60ms")
	fs.BoolVar(&o.limits, "limits", false, "refuse with 429 what is above Microsoft's documented limits")
	faultFlag(fs, &o.faults, "something that goes wrong, as NAME or NAME:key=value,...; several times for more. Keys: tenant, type, path,\n"+
		"method, only, nth, times, probability, retry-after, wait, status, host, message.")
	fs.Usage = func() {
		fmt.Fprintln(errOut, "fakegraph serves a fake Microsoft Graph with the demo tenants, for any client.")
		fs.PrintDefaults()
		fmt.Fprintln(errOut, "\nFaults:")
		table := tabwriter.NewWriter(errOut, 2, 4, 2, ' ', 0)
		for _, f := range graphserver.Faults() {
			fmt.Fprintf(table, "  %s\t%s\n", f.Name, f.Doc)
		}
		table.Flush()
	}
	if code, done := parse(fs, args, errOut); done {
		return code
	}
	if o.latency < 0 {
		fail(errOut, "fakegraph", errLatency)
		return exitUsage
	}
	log := slog.New(runs.RedactingHandler(slog.NewTextHandler(errOut, nil)))
	fake, err := startFake(ctx, o, log)
	if err != nil {
		return fail(errOut, "fakegraph", err)
	}
	fmt.Fprintf(out, "A fake Microsoft Graph on %[1]s, with the tenants contoso and fabrikam\n\nTry it:\n"+
		"  TOKEN=$(curl -s %[1]s/contoso/oauth2/v2.0/token -d 'grant_type=client_credentials&client_id=me&client_secret=any&scope=%[1]s/.default' | sed 's/.*\"access_token\":\"\\([^\"]*\\).*/\\1/')\n"+
		"  curl -s -H \"Authorization: Bearer $TOKEN\" %[1]s/beta/deviceManagement/configurationPolicies\n"+
		"  curl -s -X PATCH -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' %[1]s/beta/deviceManagement/configurationPolicies/ID -d '{\"description\": \"changed\"}'\n"+
		"  refserver -graph msgraph -graph-url %[1]s\n", fake.base)
	select {
	case <-ctx.Done():
	case <-fake.ended:
	}
	if err := fake.close(); err != nil {
		return fail(errOut, "fakegraph", err)
	}
	return exitOK
}

// fakeGraph is a fake Graph behind HTTP. Whoever starts one closes it.
type fakeGraph struct {
	base   string
	server *http.Server
	ended  chan struct{} // once it serves no more
	err    error         // why, then
}

// startFake serves the demo tenants until close.
func startFake(ctx context.Context, o fakeOptions, log *slog.Logger) (*fakeGraph, error) {
	tenants, err := demoGraph(runs.SystemClock{}, o.seed, o.size)
	if err != nil {
		return nil, err
	}
	if o.past {
		if err := leaveAsHistory(tenants); err != nil {
			return nil, err
		}
	}
	if o.granted != "" {
		for _, tenant := range product.TenantIDs() {
			if err := tenants.Grant(tenant, names(o.granted)...); err != nil {
				return nil, err
			}
		}
	}
	handler, err := graphserver.New(tenants, graphserver.Config{Seed: o.seed, Latency: o.latency, Limits: o.limits, Faults: o.faults})
	if err != nil {
		return nil, err
	}
	listener, err := listen(ctx, o.addr)
	if err != nil {
		return nil, err
	}
	f := &fakeGraph{base: "http://" + reachable(listener.Addr()), server: newServer(handler, log), ended: make(chan struct{})}
	go func() {
		defer close(f.ended)
		if err := f.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			f.err = err
		}
	}()
	return f, nil
}

// reachable is where this machine reaches a listener, also one that listens everywhere: plain
// http is for loopback only.
func reachable(addr net.Addr) string {
	if tcp, ok := addr.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return net.JoinHostPort("localhost", strconv.Itoa(tcp.Port))
	}
	return addr.String()
}

// names reads a list of names between commas, with spaces as people type them.
func names(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

// close stops it, in the middle of whatever it answers, and waits until it is gone.
func (f *fakeGraph) close() error {
	err := f.server.Close()
	<-f.ended
	return errors.Join(err, f.err)
}

// slow lets every page, object and write of a fake Graph take a while, so that people see
// a run at work.
func slow(clock runs.Clock, latency time.Duration) func(context.Context, graphtest.Call) {
	steps := []graphtest.Op{graphtest.OpPage, graphtest.OpItem, graphtest.OpResolve, graphtest.OpCreate, graphtest.OpUpdate, graphtest.OpAssign}
	return func(ctx context.Context, c graphtest.Call) {
		if !slices.Contains(steps, c.Op) {
			return
		}
		select {
		case <-ctx.Done():
		case <-clock.After(latency):
		}
	}
}

// demoGraph is the fake Microsoft Graph with the demo tenants. The same seed gives the same
// policies after every start.
func demoGraph(clock runs.Clock, seed uint64, policies int) (*graphtest.Graph, error) {
	g, err := graphtest.New(graphtest.Config{Clock: clock})
	if err != nil {
		return nil, err
	}
	for i, tenant := range product.TenantIDs() {
		if err := g.AddTenant(tenant, graphtest.TenantConfig{Seed: seed + uint64(i), Policies: policies}); err != nil {
			return nil, err
		}
	}
	return g, nil
}
