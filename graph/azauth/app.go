package azauth

import (
	"errors"
	"fmt"

	"github.com/tenantatlas/tenantbackup/internal/redact"
)

// Secret is a value that is used but never shown: however it is printed or logged, it reads
// [redacted]. The zero value is none.
type Secret = redact.Secret

// NewSecret returns a Secret that holds value.
func NewSecret(value string) Secret { return redact.NewSecret(value) }

// App is an app registration or a managed identity, and what proves that it is the one. Exactly
// one of ClientSecret, CertificateFile, FederatedTokenFile and ManagedIdentity is set.
//
// Files are read when a credential is made, and anew after a sign-in was rejected.
type App struct {
	// ClientID is the application (client) id of the app registration. With ManagedIdentity
	// it is that of a user-assigned identity, and empty for the system-assigned one.
	ClientID string

	// ClientSecret is the value of a client secret, not its id.
	ClientSecret Secret

	// CertificateFile is a PEM or PFX (PKCS #12) file with the certificate and its RSA private
	// key. The Azure SDK reads PFX files with SHA-1 only: write one with
	// "openssl pkcs12 -export -legacy", or use PEM.
	CertificateFile string

	// CertificatePassword is that of a PFX file.
	CertificatePassword Secret

	// SendChain sends the certificate's chain along, which apps need that trust an issuer and
	// a subject name instead of one certificate.
	SendChain bool

	// FederatedTokenFile holds a token that the app trusts, which whoever wrote the file also
	// keeps fresh: workload identity, as on Kubernetes.
	FederatedTokenFile string

	// ManagedIdentity takes the identity that the machine has in Azure. It signs in to its own
	// directory only.
	ManagedIdentity bool
}

func (a App) validate() error {
	proofs := 0
	for _, given := range []bool{!a.ClientSecret.IsZero(), a.CertificateFile != "", a.FederatedTokenFile != "", a.ManagedIdentity} {
		if given {
			proofs++
		}
	}
	switch {
	case proofs != 1:
		return errors.New("set exactly one of ClientSecret, CertificateFile, FederatedTokenFile and ManagedIdentity")
	case a.ClientID == "" && !a.ManagedIdentity:
		return errors.New("field ClientID is required: the application (client) id of the app registration")
	case !a.CertificatePassword.IsZero() && a.CertificateFile == "":
		return errors.New("field CertificatePassword needs CertificateFile")
	}
	return nil
}

// The variables that [FromEnvironment] reads, named as in the Azure SDK.
const (
	tenantVariable              = "AZURE_TENANT_ID"
	clientVariable              = "AZURE_CLIENT_ID"
	secretVariable              = "AZURE_CLIENT_SECRET"
	certificateVariable         = "AZURE_CLIENT_CERTIFICATE_PATH"
	certificatePasswordVariable = "AZURE_CLIENT_CERTIFICATE_PASSWORD"
	sendChainVariable           = "AZURE_CLIENT_SEND_CERTIFICATE_CHAIN"
	federatedVariable           = "AZURE_FEDERATED_TOKEN_FILE"
)

// FromEnvironment reads an app and its directory from the variables AZURE_TENANT_ID,
// AZURE_CLIENT_ID and one of AZURE_CLIENT_SECRET, AZURE_CLIENT_CERTIFICATE_PATH (with
// AZURE_CLIENT_CERTIFICATE_PASSWORD and AZURE_CLIENT_SEND_CERTIFICATE_CHAIN) and
// AZURE_FEDERATED_TOKEN_FILE, of which the first that is set counts. Without any of these it is
// the managed identity. getenv is usually os.Getenv.
func FromEnvironment(getenv func(string) string) (directory string, app App, err error) {
	app = App{ClientID: getenv(clientVariable)}
	switch {
	case getenv(secretVariable) != "":
		app.ClientSecret = NewSecret(getenv(secretVariable))
	case getenv(certificateVariable) != "":
		app.CertificateFile = getenv(certificateVariable)
		app.CertificatePassword = NewSecret(getenv(certificatePasswordVariable))
		app.SendChain = getenv(sendChainVariable) == "1" || getenv(sendChainVariable) == "true"
	case getenv(federatedVariable) != "":
		app.FederatedTokenFile = getenv(federatedVariable)
	default:
		app.ManagedIdentity = true
	}
	if app.ClientID == "" && !app.ManagedIdentity {
		return "", App{}, fmt.Errorf("azauth: %s is required beside %s, %s or %s", clientVariable, secretVariable, certificateVariable, federatedVariable)
	}
	return getenv(tenantVariable), app, nil
}

// String names what an app signs in with, for people.
func (a App) String() string {
	switch {
	case !a.ClientSecret.IsZero():
		return "the client secret"
	case a.CertificateFile != "":
		return "the certificate in " + a.CertificateFile
	case a.FederatedTokenFile != "":
		return "the token in " + a.FederatedTokenFile
	}
	if a.ClientID == "" {
		return "the system-assigned managed identity"
	}
	return "the managed identity " + a.ClientID
}
