// Package tenantbackup is an embeddable SDK for scheduled and verified backups of Microsoft
// Graph (Intune, Entra) configuration, per tenant, captured so that they can be restored.
// This package holds no code, only the map.
//
// The parts, from the bottom up:
//
//   - [github.com/tenantatlas/tenantbackup/graph]: the seam to Graph. Reader and Writer,
//     the typed Error, and the catalogue of policy types as data.
//   - [github.com/tenantatlas/tenantbackup/runs]: what happens. One state machine for
//     everything that is executed; Starter, Runner, and the roles they need.
//   - [github.com/tenantatlas/tenantbackup/runs/backupset]: what was captured. Backup
//     sets, policy versions, canonical form and hash, verify and compare.
//   - [github.com/tenantatlas/tenantbackup/runs/capture]: reads Graph into backup sets.
//   - [github.com/tenantatlas/tenantbackup/runs/memqueue]: a queue within the process;
//     [github.com/tenantatlas/tenantbackup/runs/guequeue] is one for several machines.
//   - [github.com/tenantatlas/tenantbackup/backupsched]: when. Recurrence with its
//     daylight-saving rules, schedules, and the dispatcher that ticks once a minute.
//   - [github.com/tenantatlas/tenantbackup/retention]: what stays. A pure plan with a
//     reason for each decision, and the run that carries it out.
//   - [github.com/tenantatlas/tenantbackup/runs/runsotel]: OpenTelemetry metrics and
//     traces of what the observers of all these are told.
//   - [github.com/tenantatlas/tenantbackup/store]: the roles that a backend plays;
//     [github.com/tenantatlas/tenantbackup/store/bunstore] plays them over bun,
//     [github.com/tenantatlas/tenantbackup/store/sqlitestore] opens it on SQLite,
//     [github.com/tenantatlas/tenantbackup/store/pgstore] on Postgres.
//
// Beside the seam stands its fake, graph/graphtest, and beside the store its suite,
// store/storetest.
//
// # How it works together
//
//	tick   -> Dispatcher -> store: due slots become queued runs -> Queue
//	person -> Starter    -> store: a queued run, or the active one -> Queue
//	Queue  -> Runner     -> claim with a lease -> Executor of the run's kind -> finish
//
// A run's row is the truth and a queue only wakes somebody up, so any queue that delivers
// at least once will do, and a crash at any point loses nothing.
//
// # Embedding
//
// A host brings a database, a Graph client for each tenant and an answer to who may do
// what, and calls Run(ctx) of a Dispatcher, a Runner and a Retention. The smallest such program is
// examples/quickstart, which README.md shows in full; cmd/refserver is a whole product.
//
// # What holds everywhere
//
//   - ctx comes first, the tenant second. Nothing reaches across tenants.
//   - Constructors take one Config, fill defaults, and return an error that names the
//     field. They start nothing; Run(ctx) works until ctx ends and then finishes or gives
//     back what it holds.
//   - Time comes from an injected clock, so tests need not wait.
//   - A failure never looks like a deletion, and a truncated answer never like success.
//   - No secret and no raw Graph payload in a message, a log line or an audit entry.
//
// Further reading: docs/design.md for the reasons, docs/errors.md for every stable code.
package tenantbackup
