// Package azauth signs in at Microsoft Entra for graph/msgraph, with the credentials of the
// Azure SDK.
//
// The parts:
//
//   - [Source] is the msgraph.TokenSource: one credential per tenant, made when the tenant is
//     first asked for.
//   - [App] says who signs in and what proves it: a client secret, a certificate, a federated
//     token (workload identity), or the managed identity of the machine.
//   - [FromEnvironment] reads an App from the AZURE_ variables that other tools read.
//
// One rule holds everywhere: an error says what to do, and never contains a secret, a token or
// an answer of the sign-in service.
package azauth
