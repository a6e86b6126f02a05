package api

import (
	"net/url"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// A zero value of the module's records means "none"; in JSON that is null.

// optional returns nil for the zero value.
func optional[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// text is optional for the string types of the module.
func text[T ~string](v T) *string { return optional(string(v)) }

// instant is optional for times.
func instant(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	at = at.UTC()
	return &at
}

func given[T any](v *T, fallback T) T {
	if v == nil {
		return fallback
	}
	return *v
}

func policyTypes(names []string) []graph.PolicyType {
	return each(names, func(n string) graph.PolicyType { return graph.PolicyType(n) })
}

// pathSegment writes a tenant into a path.
func pathSegment(t graph.TenantID) string { return url.PathEscape(string(t)) }

func utc(at time.Time) time.Time { return at.UTC() }
