package azauth_test

import (
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph/azauth"
)

func TestAnAppFromTheEnvironment(t *testing.T) {
	for _, tc := range []struct {
		name string
		env  map[string]string
		want azauth.App // without its secrets
		kept string     // the secret
		fail string
	}{
		{"a secret", map[string]string{"AZURE_CLIENT_ID": client, "AZURE_CLIENT_SECRET": secret}, azauth.App{ClientID: client}, secret, ""},
		{"a certificate", map[string]string{"AZURE_CLIENT_ID": client, "AZURE_CLIENT_CERTIFICATE_PATH": "app.pfx", "AZURE_CLIENT_CERTIFICATE_PASSWORD": secret, "AZURE_CLIENT_SEND_CERTIFICATE_CHAIN": "true"},
			azauth.App{ClientID: client, CertificateFile: "app.pfx", SendChain: true}, secret, ""},
		{"a certificate without a password", map[string]string{"AZURE_CLIENT_ID": client, "AZURE_CLIENT_CERTIFICATE_PATH": "app.pem"}, azauth.App{ClientID: client, CertificateFile: "app.pem"}, "", ""},
		{"a workload identity", map[string]string{"AZURE_CLIENT_ID": client, "AZURE_FEDERATED_TOKEN_FILE": "/var/run/token"}, azauth.App{ClientID: client, FederatedTokenFile: "/var/run/token"}, "", ""},
		{"a secret before a token", map[string]string{"AZURE_CLIENT_ID": client, "AZURE_CLIENT_SECRET": secret, "AZURE_FEDERATED_TOKEN_FILE": "x"}, azauth.App{ClientID: client}, secret, ""},
		{"an identity of the machine", nil, azauth.App{ManagedIdentity: true}, "", ""},
		{"one of its identities", map[string]string{"AZURE_CLIENT_ID": client}, azauth.App{ClientID: client, ManagedIdentity: true}, "", ""},
		{"no client", map[string]string{"AZURE_CLIENT_SECRET": secret}, azauth.App{}, "", "AZURE_CLIENT_ID is required"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			directory, app, err := azauth.FromEnvironment(func(name string) string {
				if name == "AZURE_TENANT_ID" {
					return contoso
				}
				return tc.env[name]
			})
			if tc.fail != "" {
				wantText(t, err, tc.fail)
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%v shows the secret", err)
				}
				return
			}
			kept := app.ClientSecret.Reveal() + app.CertificatePassword.Reveal()
			app.ClientSecret, app.CertificatePassword = azauth.Secret{}, azauth.Secret{}
			if err != nil || directory != contoso || app != tc.want || kept != tc.kept {
				t.Errorf("%s %+v %q: %v", directory, app, kept, err)
			}
		})
	}
}
