// Package restore compares backup sets with what is live, and brings policies back.
//
// The parts:
//
//   - [Previewer] executes previews and drift reports. It is given a [graph.Reader]; what
//     stands behind that is wrapped in [graph.WriteBlocked].
//   - [Restorer] executes what a preview says, and nothing else.
//   - [Requests] prepares the starts of these kinds: it checks what they name.
//   - [Preview], [PreviewItem]: the persisted outcome, which [Service] shows.
//   - [Store]: the role a backend plays.
//
// One rule holds everywhere: a restore writes the selected items of a preview whose live
// objects are still those that were previewed. Whatever cannot be decided safely is left
// alone, with a reason.
package restore
