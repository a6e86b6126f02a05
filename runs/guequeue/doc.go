// Package guequeue is the [runs.Queue] of several machines: jobs are rows of the table of
// github.com/vgarvardt/gue, v5, in a Postgres database, usually the one of the store.
//
//   - [Migrate] creates the table, [Schema] prints it; [Grants] is for users who do not own it.
//   - [New] makes a [Queue] over a pool of pgdriver or pgx/v5/stdlib.
//   - Queue.Enqueue and Queue.EnqueueTx put jobs in, at most one per run.
//   - Queue.Work takes them out.
//   - [Listener] is how a waiting worker hears of a new job.
//   - Queue.Ready and Queue.Stats are for readiness checks and metrics.
//
// One rule holds everywhere: a transaction lasts as long as it takes to claim a run. Within
// it the job's row is locked by gue, the handler claims the run, and the row is deleted;
// the work begins after the commit. A worker that dies before leaves the job to the
// others, one that dies later leaves a run whose lease ends.
//
// # Time
//
// The queue runs on wall clocks, and a fake one cannot drive it: gue asks time.Now which
// jobs are due. When a job becomes due that is due at once is said by the database's clock,
// so a worker whose clock is behind that one takes jobs so much later; one whose clock is
// ahead takes delayed jobs too early, which [runs.Runner] notices. Virtual time needs
// runs/memqueue.
//
// # Order
//
// Jobs that are due come in the order in which they became due. gue has one order that
// stays fast with a long backlog, by run_at and then priority, so an interactive job that is
// due gets a run_at 10 years ago: it sorts before all others and behind the interactive jobs
// before it. An interactive job that was put off sorts by the time at which it is due.
//
// # Connections
//
// Work holds up to [Options].Takers connections of the pool, each for the moment in which a
// run is claimed, and the store needs one of its own for each of these claims: a pool that
// both share needs twice the number of takers, plus what works, requests and dispatchers
// use, and never less than takers plus one. The default listener has one connection besides,
// outside the pool. [New] refuses a pool that is too small when it knows its size; that of a
// pgxpool behind stdlib.OpenDBFromPool it does not, and by default that has only 4 connections
// or one for each CPU, so set pool_max_conns: takers that wait for each other's connections
// break off after 30 s. Works hold none. Parameters of the server: idle_in_transaction_session_timeout
// must be longer than a claim; a claim that lasts longer than 30 s is broken off.
package guequeue
