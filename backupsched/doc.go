// Package backupsched is when: recurring backup plans of tenants and the clockwork that
// turns their slots into runs.
//
// The parts:
//
//   - [Recurrence]: daily or weekly at a local time in an IANA zone, with the rules for
//     daylight-saving days. Pure and fast.
//   - [Schedule] and [Scheduler]: create, change, look up, run now, retry, in bulk.
//   - [Dispatcher]: every minute, the due slots become runs, each exactly once.
//   - [Store]: the role a backend plays.
//
// One rule holds everywhere: a slot is a UTC minute, dispatched at most once and never
// later than the grace; what was missed is recorded as a skipped run, not caught up.
package backupsched
