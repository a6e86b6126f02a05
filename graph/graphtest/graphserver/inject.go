package graphserver

import (
	"fmt"
	"net/http"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
)

// Inject lets happen to requests what faults of the Graph's own let happen to calls, so that
// a client of the server can be tried by [graphtest.Run]. It takes the kinds of faults that
// Run uses: a listing that breaks off, an object or a type that is refused, throttled or
// unavailable, a create whose reply is lost, and a read that is held up. It refuses others.
func (s *Server) Inject(faults ...graphtest.Fault) error {
	for i, f := range faults {
		name, o, err := s.translated(f)
		if err == nil {
			err = s.Fault(name, o)
		}
		if err != nil {
			return fmt.Errorf("graphserver: Inject: fault %d: %w", i, err)
		}
	}
	return nil
}

func (s *Server) translated(f graphtest.Fault) (name string, o FaultOptions, err error) {
	o = FaultOptions{Tenant: f.Tenant, Type: f.Type, Method: http.MethodGet, Nth: f.Nth, Times: f.Times, RetryAfter: f.RetryAfter}
	if f.Op == graphtest.OpCreate {
		o.Method = http.MethodPost
	}
	info, known := s.graph.Config().Catalogue.Lookup(f.Type)
	if f.ID != "" {
		o.Path = info.Path + "/" + f.ID
	}
	switch {
	case !known, f.FailCall:
	case f.Op == graphtest.OpList && f.TruncateAfterPages > 0:
		o.Nth = max(o.Nth, 1) + f.TruncateAfterPages - 1
		if f.Unnoticed {
			return linkMissing, o, nil
		}
		return linkRepeated, o, nil
	case f.Op == graphtest.OpCreate && f.Applied:
		return lostReply, o, nil
	case f.Applied, f.Op == graphtest.OpUpdate, f.Op == graphtest.OpAssign, f.Op == graphtest.OpDelete:
	case f.Err == nil && f.Delay > 0:
		o.Wait = f.Delay
		return slow, o, nil
	case f.Err == nil:
	case f.Err.Kind == graph.KindThrottled && f.RetryAfter != "":
		return throttledSeconds, o, nil
	case f.Err.Kind == graph.KindThrottled:
		return throttledSilent, o, nil
	case f.Err.Kind == graph.KindUnavailable:
		return serverError, o, nil
	case f.Err.Kind == graph.KindInvalid:
		o.Status = http.StatusBadRequest
		return serverError, o, nil
	}
	return "", o, fmt.Errorf("a request has no counterpart of %+v", f)
}
