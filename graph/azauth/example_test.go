package azauth_test

import (
	"context"
	"fmt"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/azauth"
	"github.com/tenantatlas/tenantbackup/graph/msgraph"
)

// One app registration serves every customer who has consented to it; one customer has an app
// of its own.
func ExampleNew() {
	environment := map[string]string{ // a program gives os.Getenv
		"AZURE_CLIENT_ID":     "11111111-2222-4333-8444-555555555555",
		"AZURE_CLIENT_SECRET": "the value of a client secret",
	}
	_, app, err := azauth.FromEnvironment(func(name string) string { return environment[name] })
	if err != nil {
		fmt.Println(err)
		return
	}
	source, err := azauth.New(azauth.Config{
		App: app,
		Tenants: func(_ context.Context, tenant graph.TenantID) (azauth.Tenant, error) {
			if tenant == "fabrikam" {
				return azauth.Tenant{Directory: "fabrikam.onmicrosoft.com", App: azauth.App{
					ClientID: "66666666-2222-4333-8444-555555555555", CertificateFile: "/etc/backup/fabrikam.pem",
				}}, nil
			}
			return azauth.Tenant{Directory: string(tenant) + ".onmicrosoft.com"}, nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = msgraph.New(msgraph.Config{Tokens: source}) // nothing is sent yet
	fmt.Println(app.ClientSecret, err)
	// Output: [redacted] <nil>
}
