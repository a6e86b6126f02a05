// Package capture reads Graph into backup sets and into the inventory.
//
// The parts:
//
//   - [Executor]: does the runs of kind backup and policy.sync.
//   - [SyncRequest]: asks for an inventory run.
//   - [Summary]: the account that such a run leaves behind.
//
// One rule holds everywhere: what could not be read is written down as such. A type that
// was not listed to its end, a policy that failed, a permission that is missing: each makes
// the set partial and the run say why, and never looks like a policy that is gone. A policy that
// was there and is not in a complete listing is gone when Graph says so, asked for it by its id.
package capture
