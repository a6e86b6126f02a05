// Package graphserver puts the tenants of a [graphtest.Graph] behind HTTP, so that a real
// client of Microsoft Graph can be tried against them.
//
// The parts:
//
//   - [New] makes a [Server], an http.Handler that answers at /v1.0 and /beta. It works
//     behind any listener and reads no time but that of the Graph's clock.
//   - [Token] makes a bearer token for a tenant; the server also answers the client
//     credentials flow at /{tenant}/oauth2/v2.0/token.
//   - Everything that can be restored can be written as Graph takes it, with its actions and
//     refusals; groups, users, applications and roles can be looked up.
//   - [Faults] lists by name what can go wrong, [Server.Fault] lets it happen on certain
//     requests or by chance, and [ParseFault] reads it from a command line.
//   - [Server.Usage] tells how much was asked of every tenant, and how often more than
//     Graph's limits allow; [Config] turns these on.
//
// One rule holds everywhere: the server has its own knowledge of Graph. Which paths there
// are, which of them v1.0 has, what a listing leaves out and what can be expanded is not
// taken from a client's tables, so that a mistake in those shows.
package graphserver
