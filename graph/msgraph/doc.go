// Package msgraph is the [graph.Client] that talks to Microsoft Graph over HTTP.
//
// The parts:
//
//   - [New] makes a [Client] of a [Config]: which [Cloud], who signs in ([TokenSource]), and
//     how fast it may go ([Limit]).
//   - A client waits by itself when Graph says so, repeats what may be repeated, and follows
//     every chain of pages to its end. What it cannot settle within a short wait it returns
//     as a [graph.Error] with the time to come back.
//   - One client is made per app and process, since the limits of an app are kept in it.
//
// One rule holds everywhere: the token goes to the configured root and nowhere else, whatever
// an answer says.
package msgraph
