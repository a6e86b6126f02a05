package azauth

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// credential makes what signs in. Its errors are for people.
func (s *Source) credential(t Tenant) (azcore.TokenCredential, error) {
	options := azcore.ClientOptions{
		Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: s.authority},
		Transport: s.exchange,
		// Waiting is the caller's: the SDK would sleep in place, for as long as it is told.
		Retry: policy.RetryOptions{MaxRetries: -1},
	}
	switch app := t.App; {
	case !app.ClientSecret.IsZero():
		return azidentity.NewClientSecretCredential(t.Directory, app.ClientID, app.ClientSecret.Reveal(), &azidentity.ClientSecretCredentialOptions{
			ClientOptions: options, DisableInstanceDiscovery: !s.known,
		})
	case app.CertificateFile != "":
		return s.certificate(t, options)
	case app.FederatedTokenFile != "":
		if _, err := os.Stat(app.FederatedTokenFile); err != nil {
			return nil, fmt.Errorf("the federated token cannot be read: %w", err)
		}
		return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
			ClientOptions: options, DisableInstanceDiscovery: !s.known,
			TenantID: t.Directory, ClientID: app.ClientID, TokenFilePath: app.FederatedTokenFile,
		})
	}
	if !guid.MatchString(t.Directory) {
		return nil, errors.New("a managed identity needs the id (a GUID) of its directory, so that its token can be told from another's")
	}
	identity := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: options}
	if t.App.ClientID != "" {
		identity.ID = azidentity.ClientID(t.App.ClientID)
	}
	return azidentity.NewManagedIdentityCredential(identity)
}

func (s *Source) certificate(t Tenant, options azcore.ClientOptions) (azcore.TokenCredential, error) {
	file := t.App.CertificateFile
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("the certificate cannot be read: %w", err)
	}
	// The texts of what parses keys are left out: nobody promises what they quote.
	certs, key, err := azidentity.ParseCertificates(raw, []byte(t.App.CertificatePassword.Reveal()))
	if err != nil {
		return nil, fmt.Errorf("%s has no certificate with a private key that can be read: it must be PEM without a password, "+
			"or PFX with the right one and SHA-1 (openssl pkcs12 -export -legacy)", file)
	}
	credential, err := azidentity.NewClientCertificateCredential(t.Directory, t.App.ClientID, certs, key, &azidentity.ClientCertificateCredentialOptions{
		ClientOptions: options, DisableInstanceDiscovery: !s.known, SendCertificateChain: t.App.SendChain,
	})
	if err != nil {
		return nil, fmt.Errorf("%s: the private key must be an RSA key and belong to the certificate", file)
	}
	return credential, nil
}

var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// check refuses a token of another directory: it would back up one customer as another. A
// managed identity signs in where it is at home, whatever is asked for.
func (s *signer) check(token azcore.AccessToken) error {
	issued := directoryOf(token.Token)
	switch {
	case issued == "" && s.app.ManagedIdentity:
		return refusal(errors.New("the token does not say which directory it is for, so it is not used"))
	case issued != "" && guid.MatchString(s.directory) && !strings.EqualFold(issued, s.directory):
		return refusal(fmt.Errorf("the token is for the directory %s, not for %s: a managed identity signs in to its own only", issued, s.directory))
	}
	return nil
}

// directoryOf reads which directory a token is for, "" when it does not tell.
func directoryOf(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var claims struct {
		TID string `json:"tid"`
	}
	if json.Unmarshal(raw, &claims) != nil || !guid.MatchString(claims.TID) {
		return ""
	}
	return claims.TID
}
