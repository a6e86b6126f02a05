package graphserver

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// FaultOptions say on which requests a fault happens, how often, and how. Empty fields of
// the first group match everything.
type FaultOptions struct {
	Tenant graph.TenantID
	Type   graph.PolicyType // what the path is of
	Path   string           // what the path begins with, below the version; requests of tokens match one that ends theirs
	Method string
	Only   string // "direct" for requests of their own, "batch" for those in a batch

	// Nth is the matching request, counted from 1, on which the fault begins. Defaults to 1.
	Nth int

	// Times is how many matching requests have the fault; negative means all. Defaults to
	// 1, or to all for a fault whose description is of a state, and with Probability.
	Times int

	// Probability is the share of the matching requests that have the fault, 0 for all. Which
	// ones depends on the server's seed, on what is asked, and on how often it was asked
	// before, and so not on the order in which requests happen to come.
	Probability float64

	RetryAfter string        // the value of the header
	Wait       time.Duration // of a slow answer, until a date, or until something is seen
	Status     int           // of an error
	Host       string        // where a link or a redirect leads
	Message    string        // what an error says besides
}

// Fault is a named one with its options. [Faults] lists the names.
type Fault struct {
	Name string
	FaultOptions
}

func (f *Fault) complete(frozen bool) (faultKind, error) {
	kind, ok := kindOf(f.Name)
	switch {
	case !ok:
		return kind, fmt.Errorf("%q is none that a server knows; Faults lists them", f.Name)
	case f.Only != "" && f.Only != "direct" && f.Only != "batch":
		return kind, fmt.Errorf(`%s: field Only is %q; give "direct", "batch" or nothing`, f.Name, f.Only)
	case !(f.Probability >= 0 && f.Probability <= 1):
		return kind, fmt.Errorf("%s: field Probability is %v; give 0 to 1", f.Name, f.Probability)
	case f.Nth < 0:
		return kind, fmt.Errorf("%s: field Nth is %d; it counts from 1", f.Name, f.Nth)
	case f.Wait < 0, f.Wait > 0 && f.Name != slow && f.Name != throttledDate && f.Name != visibleLater:
		return kind, fmt.Errorf("%s: field Wait is %s; only a slow answer, a date and what is seen later have one", f.Name, f.Wait)
	case f.Status != 0 && (f.Status < 400 || f.Status > 599):
		return kind, fmt.Errorf("%s: field Status is %d; give one of 400 to 599", f.Name, f.Status)
	case (f.Name == slow || f.Name == visibleLater) && frozen:
		return kind, fmt.Errorf("%s: the Graph has no clock to wait on", f.Name)
	}
	f.Nth = max(f.Nth, 1)
	if f.Times == 0 {
		f.Times = 1
		if kind.forever || f.Probability > 0 {
			f.Times = -1
		}
	}
	return kind, nil
}

// faultScript are the faults of a server.
type faultScript struct {
	mu    sync.Mutex
	armed []*armed
}

type armed struct {
	Fault
	stage       stage
	seed        uint64
	seen, fired int
	asked       map[string]uint64 // how often, for faults with a probability
}

// Fault lets something go wrong from now on. When several faults are due on one request, the
// one that was given first happens. It refuses a name, a type or a tenant that there is not and
// options that make no sense.
func (s *Server) Fault(name string, o FaultOptions) error {
	f := Fault{name, o}
	kind, err := f.complete(s.clock == nil)
	if err != nil {
		return fmt.Errorf("graphserver: fault %w", err)
	}
	if _, known := s.catalogue.Lookup(o.Type); o.Type != "" && !known {
		return fmt.Errorf("graphserver: fault %s: field Type is %q, which the Graph's catalogue does not have", name, o.Type)
	}
	if _, unknown := s.graph.Rows(o.Tenant, ""); o.Tenant != "" && unknown != nil {
		return fmt.Errorf("graphserver: fault %s: field Tenant is %q, which the Graph does not have; add the tenant before the fault", name, o.Tenant)
	}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.armed = append(s.faults.armed, &armed{Fault: f, stage: kind.stage, seed: s.cfg.Seed + uint64(len(s.faults.armed))<<32, asked: map[string]uint64{}})
	return nil
}

// ClearFaults ends all faults. Tokens that have expired stay so.
func (s *Server) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.armed = nil
}

// Unfired returns the faults that have not happened as often as they should, and those for
// ever that never happened. A test that ends with some tested less than it says.
func (s *Server) Unfired() []Fault {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	var out []Fault
	for _, f := range s.faults.armed {
		if f.fired == 0 || f.fired < f.Times {
			out = append(out, f.Fault)
		}
	}
	return out
}

// due returns the fault of a stage that happens on a request now. applies tells for which of
// them there is an occasion; nil means for all.
func (s *Server) due(r *request, at stage, applies func(name string) bool) (Fault, *rand.Rand, bool) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	var first *armed
	var luck *rand.Rand
	for _, f := range s.faults.armed {
		if f.stage != at || !s.matches(f.FaultOptions, r) || applies != nil && !applies(f.Name) {
			continue
		}
		f.seen++
		rng := f.draw(r)
		hit := f.Probability == 0 || rng.Float64() < f.Probability
		if f.Name == mixed {
			hit = rng.Float64() < mixedThrottled+mixedFailing
		}
		if first == nil && hit && f.seen >= f.Nth && (f.Times < 0 || f.fired < f.Times) {
			first, luck = f, rng
		}
	}
	if first == nil {
		return Fault{}, nil, false
	}
	first.fired++
	return first.Fault, luck, true
}

// draw gives the random numbers for a request: the same whenever the same is asked for the
// same time.
func (f *armed) draw(r *request) *rand.Rand {
	h := fnv.New64a()
	for _, piece := range []string{string(r.who.tenant), r.method, r.version, r.path, r.query.Encode(), string(r.body)} {
		_, _ = h.Write([]byte(piece))
		_, _ = h.Write([]byte{0})
	}
	key := string(h.Sum(nil))
	f.asked[key]++
	return rand.New(rand.NewPCG(f.seed^h.Sum64(), f.asked[key]))
}

func (s *Server) matches(o FaultOptions, r *request) bool {
	switch {
	case o.Tenant != "" && o.Tenant != r.who.tenant, o.Method != "" && !strings.EqualFold(o.Method, r.method):
		return false
	case o.Only == "direct" && r.item, o.Only == "batch" && !r.item:
		return false
	case r.version == "": // asks for a token
		return o.Path != "" && strings.HasSuffix(r.path, o.Path)
	case o.Path != "" && !strings.HasPrefix(r.path, o.Path):
		return false
	case o.Type == "":
		return true
	}
	at, ok := s.route(r.segments)
	return ok && slices.Contains(at.resource.types, o.Type)
}

// The shares of the fault mixed.
const (
	mixedThrottled = 0.05
	mixedFailing   = 0.02
)

// faultAnswer is what a fault answers instead of the tenant.
func (s *Server) faultAnswer(r *request) (answer, bool) {
	at, _ := s.route(r.segments)
	f, luck, ok := s.due(r, onAnswer, func(name string) bool {
		switch name {
		case secretForbidden:
			if len(at.rest) < 2 {
				return false
			}
			_, secret := secretReference(at.rest[1])
			return secret
		case gone:
			return len(at.rest) == 1 && r.method == http.MethodGet
		case approval:
			return r.method != http.MethodGet && workload(r.segments) == graph.WorkloadIntune
		}
		return true
	})
	if !ok {
		return answer{}, false
	}
	name := f.Name
	if name == approval {
		if a := s.hold(r, at, f.Status); a != nil {
			return *a, true
		}
		return answer{}, false
	}
	if name == mixed {
		name = failing
		if luck.Float64() < mixedThrottled/(mixedThrottled+mixedFailing) {
			name = []string{throttledSeconds, throttledSeconds, throttledDate, throttledSilent}[luck.IntN(4)]
			f.RetryAfter = []string{"1", "0.5", "2.128"}[luck.IntN(3)]
			f.Wait = 2 * time.Second
		}
	}
	if name == failing {
		name = serverError
		f.Status = []int{500, 503, 0}[luck.IntN(3)]
		if f.Status == 0 && !r.item {
			r.cut = true
			s.meter.refused(r, answer{})
			return answer{}, false
		}
		f.Status = max(f.Status, 500)
	}
	return s.answerOf(name, f.FaultOptions, r, at), true
}

func (s *Server) answerOf(name string, o FaultOptions, r *request, at place) answer {
	switch name {
	case throttledSeconds:
		if o.RetryAfter == "" {
			o.RetryAfter = "2"
		}
		return r.tooMany().with("Retry-After", o.RetryAfter)
	case throttledDate:
		if o.Wait == 0 {
			o.Wait = 5 * time.Second
		}
		return r.tooMany().with("Retry-After", r.now.Add(o.Wait).UTC().Format(http.TimeFormat))
	case throttledSilent:
		return r.tooMany()
	case nestedError:
		if o.Status == 0 {
			o.Status = http.StatusBadRequest
		}
		return r.nested(o.Status, "BadRequest", strings.TrimSpace("An error has occurred. "+o.Message))
	case forbiddenType, secretForbidden:
		need := writeConfiguration
		if needs := s.needsOf(at, r.method); name == forbiddenType && len(needs) > 0 {
			need = needs[0]
		}
		return r.forbidden(need)
	case gone:
		return r.notFound(at.rest[0])
	}
	if o.Status == 0 {
		o.Status = http.StatusServiceUnavailable
	}
	a := r.fail(o.Status, errorCode(o.Status), strings.TrimSpace("The service could not answer. "+o.Message))
	if o.RetryAfter != "" {
		a = a.with("Retry-After", o.RetryAfter)
	}
	return a
}

// errorCode is the code that Graph sends with a status.
func errorCode(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "BadRequest"
	case http.StatusUnauthorized:
		return "InvalidAuthenticationToken"
	case http.StatusForbidden:
		return "Forbidden"
	case http.StatusNotFound:
		return "ResourceNotFound"
	case http.StatusConflict:
		return "Conflict"
	case http.StatusTooManyRequests, 509:
		return "TooManyRequests"
	case http.StatusServiceUnavailable:
		return "serviceNotAvailable"
	case http.StatusGatewayTimeout:
		return "UnknownError"
	}
	return "InternalServerError"
}

func (s *Server) needsOf(at place, method string) [][]graph.Permission {
	if at.resource == nil {
		return nil
	}
	return s.needs(at.resource, method)
}
