package graph

import "context"

type lowPriorityKey struct{}

// WithLowPriority marks calls made with the context as work that nobody waits for. Graph
// throttles them before those of people, where a workload knows priorities.
// Source: https://learn.microsoft.com/graph/throttling-limits, x-ms-throttle-priority.
func WithLowPriority(ctx context.Context) context.Context {
	return context.WithValue(ctx, lowPriorityKey{}, true)
}

// LowPriority tells whether ctx was marked by [WithLowPriority].
func LowPriority(ctx context.Context) bool {
	low, _ := ctx.Value(lowPriorityKey{}).(bool)
	return low
}
