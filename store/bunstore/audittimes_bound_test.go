package bunstore

import (
	"fmt"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
)

// TestTheTimesOfManyLogsAreForgotten, and not kept for every tenant that ever was; a log that is known
// costs no other.
func TestTheTimesOfManyLogsAreForgotten(t *testing.T) {
	var times auditTimes
	for i := range maxTimesRead {
		times.set(graph.TenantID(fmt.Sprint(i)), timesRead{seq: 1})
	}
	times.set("0", timesRead{seq: 2})
	if got := times.get("0").seq; len(times.logs) != maxTimesRead || got != 2 {
		t.Errorf("%d logs are known, the first up to %d; want %d and 2", len(times.logs), got, maxTimesRead)
	}
	times.set("another", timesRead{seq: 3})
	if got := times.get("another").seq; len(times.logs) > maxTimesRead || got != 3 {
		t.Errorf("%d logs are known, the last up to %d; want at most %d and 3", len(times.logs), got, maxTimesRead)
	}
}
