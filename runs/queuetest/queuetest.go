// Package queuetest is the suite that every [runs.Queue] runs: one subtest for each promise,
// with a sentence for a name. A queue's test file is then one call of [Run].
//
// It runs on the machine's clock, since a queue may read a database's. Nothing is proved by
// sleeping: what must happen is waited for, and what must not happen is watched for a moment,
// so that a slow machine never fails a sound queue.
//
// It asks for more than [runs.Queue] promises in two places: a queue where nothing fails
// delivers a job once, and jobs that are due come in order.
package queuetest

import (
	"testing"

	"github.com/tenantatlas/tenantbackup/runs"
)

// Open returns a new, empty queue that handles so many jobs at once, and delivers a job that
// failed again within a few seconds. It arranges with t that what the queue needs is closed.
//
// another returns one more queue over the same jobs, as another process has it, with the
// same number of workers. It is nil for a queue that keeps its jobs to itself.
type Open = func(t testing.TB, workers int) (queue runs.Queue, another func() runs.Queue)

// Run checks every promise, each on a queue of its own.
func Run(t *testing.T, open Open) {
	for _, p := range []struct {
		name string // a sentence
		keep func(f *fixture)
	}{
		// delivery.go
		{"every job is delivered", everyJobIsDelivered},
		{"a job arrives with its tenant, run and class", jobArrivesWhole},
		{"runs of two tenants with one id have a job each", tenantsShareAnID},
		{"no jobs are no error", noJobs},
		{"jobs are taken by one of many workers each", oneOfManyWorkers},
		{"a call whose context has ended queues nothing", endedContext},

		// order.go
		{"no job comes before its time", neverBeforeItsTime},
		{"a job that is due does not wait for one that is not", dueIsNotHeldUp},
		{"an earlier time wins over a later one that waits", earlierTimeWins},
		{"a later time does not put off a job that waits", laterTimeLoses},
		{"jobs come in the order in which they became due", inOrder},
		{"interactive jobs come first", interactiveFirst},
		{"an interactive job that is not due holds up nobody", interactiveWaitsForItsTime},
		{"a job that goes to the back comes behind what is due", backIsBehind},
		{"a job that goes to the back may lose its class", backTakesTheNewClass},
		{"a job that waits for its time is due at once when it goes to the back without one", backIsDue},
		{"a job that goes to the back and was not there is delivered", backIsDelivered},

		// work.go
		{"a job whose handler fails is delivered again", failedHandler},
		{"a job whose work fails is delivered again", failedWork},
		{"a job that failed keeps its class", failedJobKeepsItsClass},
		{"a job is acknowledged before its work", acknowledgedBeforeWork},
		{"a handler may queue its own run for later", handlerQueuesItsRun},
		{"a work may queue its own run", workQueuesItsRun},
		{"as many jobs as configured are in hand at once, and never more", neverMoreThanWorkers},
		{"a slow work holds up nobody", slowWork},

		// stop.go
		{"a stop waits for works and does not end their context", stopWaitsForWorks},
		{"a stop waits for handlers, and what they took is worked on", stopWaitsForHandlers},
		{"a queue that is idle stops and keeps what is not due", stopsWhenIdle},
		{"jobs that are left come when somebody works again", leftJobsStay},
	} {
		t.Run(p.name, func(t *testing.T) { p.keep(&fixture{T: t, open: open}) })
	}
}
