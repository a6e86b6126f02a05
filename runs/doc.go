// Package runs is what happens: every capture, check, restore and retention pass is one
// run, with one state machine, one table and one way to be retried.
//
// The parts:
//
//   - [Run], [Item], [Status], [Code]: the record of an execution and of each policy in it.
//   - [Starter]: authorises, deduplicates, stores and queues a run, in one short
//     transaction; cancels and looks up runs.
//   - [Runner]: takes jobs from a [Queue], claims the run with a lease, lets the
//     [Executor] of its kind work, retries, finishes, audits and notifies. [Runner.Sweep]
//     brings back what a dead worker left behind.
//   - The roles it needs from outside: [Store], [Queue], [Authorizer], [Clock].
//
// One rule holds everywhere: the run's row is the truth. A queue only wakes somebody up;
// losing a job or delivering it twice changes nothing, because a run is executed only
// under a lease that the store gave, and every write names that lease.
package runs
