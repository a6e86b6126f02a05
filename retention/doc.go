// Package retention is what stays: which backup sets of a schedule are kept, which are
// retired, and when retired ones are removed for good.
//
// The parts:
//
//   - [Plan]: pure; a list of sets and a [Policy] give one [Decision] with a reason for
//     each set.
//   - [Retention]: applies plans as runs, holds and releases sets, purges what was
//     retired long enough ago.
//
// One rule holds everywhere: no call leaves a schedule that had a complete backup set
// without one.
package retention
