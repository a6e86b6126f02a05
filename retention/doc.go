// Package retention is what stays: which backup sets of a schedule are kept, which are
// retired, and when retired ones are removed for good.
//
// The parts:
//
//   - [Plan]: pure; a list of sets and a [Policy] give one [Decision] with a reason for
//     each set.
//   - [Retention]: applies plans as runs, shows them to people and asks for confirmation,
//     holds and releases, deletes and undeletes sets, and purges what was retired long
//     enough ago.
//
// One rule holds everywhere: no call leaves a live schedule that had a complete backup set
// without one.
//
// Retiring is a soft delete, which can be taken back for [Config.UndoWindow]; purging is an
// action of its own. Whatever is dropped is planned once more inside the transaction that
// drops it, and never more than was planned before.
//
// Two things stop retention of a group until it is looked at: a newest set with less than
// half the items of the one before ([PausedShrunk]), and a plan that would drop more than
// half of what is there ([PausedHalf]). A stop is a run that ends skipped with
// [runs.CodeRetentionPaused].
package retention
