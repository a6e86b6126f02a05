package main

import (
	"flag"
	"fmt"
	"text/tabwriter"
)

// variable is one of the environment. What a flag says goes before it.
type variable struct{ name, meaning string }

func databaseVariables() []variable {
	return []variable{
		{databaseVariable, "Postgres, like -db"},
		{migrateVariable, "the same database as the user that migrates, like -migrate-db"},
	}
}

func graphVariables() []variable {
	return []variable{
		{"AZURE_TENANT_ID", "with -graph msgraph: directory of the tenant contoso, unless -graph-tenants names directories"},
		{"AZURE_CLIENT_ID", "with -graph msgraph: the app that signs in"},
		{"AZURE_CLIENT_SECRET", "its secret"},
		{"AZURE_CLIENT_CERTIFICATE_PATH", "or its certificate with the private key, as PEM or PFX"},
		{"AZURE_CLIENT_CERTIFICATE_PASSWORD", "password of that file"},
		{"AZURE_CLIENT_SEND_CERTIFICATE_CHAIN", "1 or true to send the certificate's chain along"},
		{"AZURE_FEDERATED_TOKEN_FILE", "or a file with a token that the app trusts (workload identity)"},
	}
}

func serveVariables() []variable {
	return []variable{{metricsTokenVariable, "bearer token for " + metricsPath + ", which without it answers on loopback only"}}
}

// explain makes -h tell what a command does, its flags and the environment.
func explain(fs *flag.FlagSet, what string, environment []variable) {
	fs.Usage = func() {
		out := fs.Output()
		fmt.Fprintf(out, "refserver %s\n%s\n", fs.Name(), what)
		some := false
		fs.VisitAll(func(*flag.Flag) { some = true })
		if some {
			fmt.Fprintln(out, "\nFlags:")
			fs.PrintDefaults()
		}
		if len(environment) == 0 {
			return
		}
		fmt.Fprintln(out, "\nEnvironment:")
		table := tabwriter.NewWriter(out, 2, 4, 2, ' ', 0)
		for _, v := range environment {
			fmt.Fprintf(table, "  %s\t%s\n", v.name, v.meaning)
		}
		_ = table.Flush() // as PrintDefaults, which cannot say either that it was not read
	}
}
