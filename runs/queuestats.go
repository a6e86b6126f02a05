package runs

import (
	"context"
	"time"
)

// QueueStats is what waits in a queue at one moment. Jobs that were taken by a worker are
// not counted.
type QueueStats struct {
	Due      int           // jobs that a free worker would take now
	Delayed  int           // jobs whose NotBefore lies ahead
	SetAside int           // jobs that could not be read and wait for a person; most queues have none
	Oldest   time.Duration // how long the job that has been due the longest has been due; 0 when none is
}

// QueueStatter is a [Queue] that knows how much waits in it. It is optional: metrics ask
// for it, nothing else does. It is safe for concurrent use and cheap enough for a call
// every few seconds. A queue that several processes share tells each of them the same.
type QueueStatter interface {
	// Stats counts what waits.
	Stats(ctx context.Context) (QueueStats, error)
}
