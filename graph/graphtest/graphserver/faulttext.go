package graphserver

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// ParseFault reads a fault as command lines give it: its name, and after a colon its options
// as key=value, separated by commas: "throttled-seconds:nth=3,times=2,retry-after=2.128".
// The keys are tenant, type, path, method, only, nth, times, probability, retry-after, wait,
// status, host and message; see [FaultOptions].
func ParseFault(text string) (Fault, error) {
	name, options, _ := strings.Cut(text, ":")
	f := Fault{Name: name}
	for _, option := range strings.Split(options, ",") {
		if option == "" {
			continue
		}
		key, v, ok := strings.Cut(option, "=")
		if !ok {
			return Fault{}, fmt.Errorf("graphserver: fault %q: option %q has no value; give key=value", name, option)
		}
		if err := f.set(key, v); err != nil {
			return Fault{}, fmt.Errorf("graphserver: fault %q: option %s: %w", name, key, err)
		}
	}
	checked := f
	if _, err := checked.complete(false); err != nil {
		return Fault{}, fmt.Errorf("graphserver: fault %w", err)
	}
	return f, nil
}

func (f *Fault) set(key, v string) (err error) {
	switch key {
	case "tenant":
		f.Tenant = graph.TenantID(v)
	case "type":
		f.Type = graph.PolicyType(v)
	case "path":
		f.Path = v
	case "method":
		f.Method = v
	case "only":
		f.Only = v
	case "retry-after":
		f.RetryAfter = v
	case "host":
		f.Host = v
	case "message":
		f.Message = v
	case "nth":
		f.Nth, err = strconv.Atoi(v)
	case "times":
		f.Times, err = strconv.Atoi(v)
	case "status":
		f.Status, err = strconv.Atoi(v)
	case "probability":
		f.Probability, err = strconv.ParseFloat(v, 64)
	case "wait":
		f.Wait, err = time.ParseDuration(v)
	default:
		return errors.New("there are tenant, type, path, method, only, nth, times, probability, retry-after, wait, status, host and message")
	}
	return err
}
