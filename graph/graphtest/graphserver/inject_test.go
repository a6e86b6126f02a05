package graphserver_test

import (
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
)

func TestFaultsWithoutACounterpartInARequestAreRefused(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	invalid := &graph.Error{Kind: graph.KindInvalid}
	for name, f := range map[string]graphtest.Fault{
		"of no type":             {Op: graphtest.OpList, Err: invalid},
		"of a whole Get":         {Op: graphtest.OpItem, Type: "deviceCategory", Err: invalid, FailCall: true},
		"of an update":           {Op: graphtest.OpUpdate, Type: "deviceCategory", Err: invalid},
		"a lost update":          {Op: graphtest.OpUpdate, Type: "deviceCategory", Applied: true},
		"of a kind of a client":  {Op: graphtest.OpList, Type: "deviceCategory", Err: &graph.Error{Kind: graph.KindWriteBlocked}},
		"slow without a clock":   {Op: graphtest.OpList, Type: "deviceCategory", Delay: time.Hour},
		"nothing would go wrong": {Op: graphtest.OpList, Type: "deviceCategory"},
	} {
		if err := w.server.Inject(f); err == nil {
			t.Errorf("a fault %s is taken", name)
		}
	}
	if err := w.server.Inject(graphtest.Fault{Op: graphtest.OpList, Type: "deviceCategory", Err: invalid}); err != nil || len(w.server.Unfired()) != 1 {
		t.Errorf("a fault that has one: %v, %d that wait", err, len(w.server.Unfired()))
	}
}
