// Package product is the pretend host of the reference server: the admin product that was
// there before backups came. It has tenants, users and their roles, a page to sign in, sessions,
// and a home page. A real host has all of this already.
//
// The parts:
//
//   - [Users]: who may sign in, and as what in which tenant. [DemoUsers] are made up.
//   - [Product]: an http.Handler for the pages of the host, and the functions by which
//     everything else asks who sent a request and what he or she may do: [Product.Principal],
//     [Product.RoleOf], [Product.Access] and [Product.Tenants].
//
// Nothing here knows of backups but a link to them, and a function that fills the cards of the
// home page ([Config.Facts]); the program puts both together.
package product
