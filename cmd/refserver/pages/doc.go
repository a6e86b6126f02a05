// Package pages is the backup part of an admin product's web pages: schedules, runs, backup sets,
// policies, restores, notifications and the audit log of each tenant. A host mounts it into its
// own mux and brings what it has already: who is signed in, which tenants that person has, and
// the services of this module.
//
// The parts:
//   - Config, Pages: what the host brings, and the http.Handler that it mounts.
//   - a route per page or form (visit.go): it says which action it needs, which is asked before
//     anything of the request is read; the services ask again.
//   - templates/ and static/: everything that a browser gets. Nothing is inline, so a strict
//     Content-Security-Policy holds, and nothing comes from elsewhere.
//
// The pages are whole documents, with their own header, navigation and stylesheet; they take no
// layout of the host. Import the package as it is, or copy it to change how it looks.
//
// One rule: everything works without JavaScript, by links and forms. What changes something is a
// POST answered by 303; filters, sorting and pages are in the URL.
package pages
