package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tenantatlas/tenantbackup/cmd/refserver/product"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// needs are the values of -need, with what a type lacks for it.
var needs = map[string]func(graph.Permissions) []graph.Permission{
	"backup":  func(m graph.Permissions) []graph.Permission { return m.Read },
	"secrets": func(m graph.Permissions) []graph.Permission { return slices.Concat(m.Read, m.Secrets) },
	"restore": func(m graph.Permissions) []graph.Permission { return slices.Concat(m.Read, m.Write) },
}

func preflightCommand(ctx context.Context, args []string, out, errOut io.Writer) int {
	var g graphFlags
	fs := flag.NewFlagSet("preflight", flag.ContinueOnError)
	g.flags(fs)
	tenant := fs.String("tenant", string(demoTenant), "the tenant to sign in to")
	types := fs.String("types", "", "policy types, separated by commas; all when left out")
	need := fs.String("need", "backup", "what has to be possible with each type: backup, secrets (nothing masked) or restore")
	timeout := fs.Duration("timeout", time.Minute, "how long the sign-in may take")
	explain(fs, "It signs in and tells which permissions the app lacks, without a request to Graph.\n"+
		"The exit code is 0 when -need can be done with every type, 1 when not, 2 when it cannot be told.", graphVariables())
	if code, done := parse(fs, args, errOut); done {
		return code
	}
	err := g.check()
	lacks, known := needs[*need]
	if err == nil && !known {
		err = fmt.Errorf("-need must be backup, secrets or restore")
	}
	if err == nil && !product.HasTenant(graph.TenantID(*tenant)) {
		err = fmt.Errorf("-tenant: there is no tenant %q; there are contoso and fabrikam", *tenant)
	}
	if err != nil {
		fail(errOut, "preflight", err)
		return exitUsage
	}
	ctx, stop := context.WithTimeout(ctx, *timeout)
	defer stop()
	granted, list, err := g.preflight(ctx, graph.TenantID(*tenant), *types)
	if err != nil {
		fail(errOut, "preflight", err)
		return exitNoCheck
	}
	fmt.Fprintf(out, "Tenant %s: %d permissions granted\n\n", *tenant, len(granted))
	if missing := showAccess(out, list, lacks); missing > 0 {
		fmt.Fprintf(out, "\n%d of %d types: no %s\n", missing, len(list), *need)
		return exitDamaged
	}
	return exitOK
}

// preflight signs in and compares.
func (g graphFlags) preflight(ctx context.Context, tenant graph.TenantID, types string) (granted []string, list []graph.Access, err error) {
	c, err := g.connect(ctx, surroundings{clock: runs.SystemClock{}, log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, nil, err
	}
	if granted, err = c.client.Permissions(ctx, tenant); err != nil {
		return nil, nil, err
	}
	var keys []graph.PolicyType
	for _, key := range names(types) {
		keys = append(keys, graph.PolicyType(key))
	}
	list, err = graph.Preflight(graph.Catalog, granted, keys)
	return granted, list, err
}

// showAccess prints a line per type and returns how many types lack something. A type that is
// only looked at for names is shown and not counted: without it a backup lacks names.
func showAccess(out io.Writer, list []graph.Access, lacks func(graph.Permissions) []graph.Permission) (missing int) {
	table := tabwriter.NewWriter(out, 2, 4, 2, ' ', 0)
	fmt.Fprintln(table, "TYPE\tBACKUP\tSECRETS\tRESTORE\tMISSING")
	for _, a := range list {
		var groups []string
		for _, anyOf := range lacks(a.Missing) {
			groups = append(groups, strings.Join(anyOf, " or "))
		}
		if a.Info.Capturable() && len(groups) > 0 {
			missing++
		}
		restore := yes(a.Writes())
		if a.Info.Support != graph.Restorable {
			restore = strings.ReplaceAll(string(a.Info.Support), "_", " ")
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", a.Info.Key, yes(a.Reads()), yes(a.ReadsSecrets()), restore, strings.Join(groups, "; "))
	}
	table.Flush()
	return missing
}

func yes(can bool) string {
	if can {
		return "yes"
	}
	return "-"
}
