package capture_test

import (
	"fmt"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs/capture"
)

// The same types in another order are the same request, so starting it twice gives one run.
func ExampleSyncRequest() {
	a := capture.SyncRequest([]graph.PolicyType{"deviceConfiguration", "conditionalAccessPolicy"})
	b := capture.SyncRequest([]graph.PolicyType{"conditionalAccessPolicy", "deviceConfiguration"})
	fmt.Println(a.Kind, a.Key == b.Key)
	// Output: policy.sync true
}
