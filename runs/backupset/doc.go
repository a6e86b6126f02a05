// Package backupset is what was captured: backup sets, the policy versions they point at,
// and the proof that the bytes are still the ones Graph sent.
//
// The parts:
//
//   - [BackupSet], [Item], [PolicyVersion], [Policy]: the records.
//   - [Canonicalizer]: the canonical form of a policy, its hash and its diff, which see
//     through key order, OData noise and volatile fields.
//   - [Encode] and [Decode]: the bytes that a store keeps, each raw part as captured.
//   - [Archive]: look at sets, items, policies and versions; verify, compare, hold, delete.
//   - [Store]: the role a backend plays.
//
// One rule holds everywhere: raw bytes are stored and never re-encoded; the canonical form
// serves comparison only.
package backupset
