package msgraph

import (
	"cmp"
	"fmt"
	"maps"
	"math"

	"github.com/tenantatlas/tenantbackup/graph"
)

// Limit bounds the requests to one workload of one tenant. A field that is 0 has the default of
// the workload; a negative one means no bound.
type Limit struct {
	Rate       float64 // requests a second; each item of a $batch counts
	Burst      int     // requests that may go at once after a rest
	WriteRate  float64 // writes a second, which count as requests too
	WriteBurst int
	AtOnce     int // HTTP requests under way; a $batch is one
}

// DefaultLimits returns the limits where a [Config] gives none: about half of what Microsoft
// documents per app and tenant, since other tools and people share a part of the limits.
// Sources: https://learn.microsoft.com/graph/throttling-limits; Intune 1000 requests and 100
// writes in 20 s, Conditional Access 1 request a second, Entra 3500 units in 10 s and 3000
// writes in 150 s for the smallest tenants.
func DefaultLimits() map[graph.Workload]Limit {
	return map[graph.Workload]Limit{
		graph.WorkloadIntune:    {Rate: 25, Burst: 25, WriteRate: 2.5, WriteBurst: 5, AtOnce: 16},
		graph.WorkloadAccess:    {Rate: 0.5, Burst: 1, WriteRate: 0.5, WriteBurst: 1, AtOnce: 1},
		graph.WorkloadDirectory: {Rate: 100, Burst: 50, WriteRate: 10, WriteBurst: 10, AtOnce: 16},
	}
}

// limitsOf fills in the defaults and takes the client's share.
func limitsOf(given map[graph.Workload]Limit, share int) (map[graph.Workload]Limit, error) {
	out := DefaultLimits()
	maps.Copy(out, given)
	for w, l := range out {
		d, ok := DefaultLimits()[w]
		if !ok {
			d = DefaultLimits()[graph.WorkloadIntune]
		}
		l = Limit{
			Rate: cmp.Or(l.Rate, d.Rate), Burst: cmp.Or(l.Burst, d.Burst), AtOnce: cmp.Or(l.AtOnce, d.AtOnce),
			WriteRate: cmp.Or(l.WriteRate, d.WriteRate), WriteBurst: cmp.Or(l.WriteBurst, d.WriteBurst),
		}
		if sum := l.Rate + l.WriteRate; math.IsNaN(sum) || math.IsInf(sum, 0) {
			return nil, fmt.Errorf("msgraph: field Limits[%s] has a rate that is no number; a negative one means no bound", w)
		}
		l.Rate, l.WriteRate = l.Rate/float64(share), l.WriteRate/float64(share)
		l.Burst, l.WriteBurst = part(l.Burst, share), part(l.WriteBurst, share)
		out[w] = l
	}
	return out, nil
}

// part is a burst's part for one of several clients.
func part(burst, share int) int {
	if burst < 0 {
		return burst
	}
	return max(1, burst/share)
}
