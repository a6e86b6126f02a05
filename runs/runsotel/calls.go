package runsotel

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/store"
)

// stopped is the error.type of a call that its caller ended.
const stopped = "canceled"

// Graph is the observer for [graph.ObserveReader] and [graph.ObserveWriter]. Each call is a
// span "graph OPERATION TYPE"; one that is of no type is "graph OPERATION". A client that waits
// by itself, such as msgraph.Client, takes it too.
func (t *Telemetry) Graph() graph.Observer {
	return graph.Observer{Call: t.graphCall, Waited: t.graphWaited}
}

func (t *Telemetry) graphWaited(ctx context.Context, w graph.Wait) {
	t.graphWait.Record(ctx, w.For.Seconds(), with(workload.String(string(w.Workload)), waitReason.String(string(w.Reason))))
}

func (t *Telemetry) graphCall(ctx context.Context, c graph.Call) (context.Context, func(graph.CallEnd)) {
	began := t.cfg.Clock.Now()
	name, attrs := "graph "+string(c.Op), []attribute.KeyValue{graphOp.String(string(c.Op))}
	if c.Type != "" {
		name, attrs = name+" "+string(c.Type), append(attrs, policyType.String(string(c.Type)))
	}
	ctx, span := t.tracer.Start(ctx, name, trace.WithTimestamp(began),
		trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attrs...), trace.WithAttributes(tenantID.String(string(c.Tenant))))
	return ctx, func(e graph.CallEnd) {
		failure := string(e.Failure)
		if e.Stopped {
			failure = stopped
		}
		t.graphDuration.Record(ctx, t.cfg.Clock.Now().Sub(began).Seconds(), with(append(attrs, ofFailure(failure)...)...))
		if e.StatusCode != 0 {
			span.SetAttributes(statusCode.Int(e.StatusCode))
		}
		t.endSpan(span, failure, policies.Int(e.Policies), failed.Int(e.Failed))
	}
}

// Store is the observer for [store.Observe]. A call is a span "store METHOD" when it is
// made within another span; what polls the store makes no traces of its own.
func (t *Telemetry) Store() store.Observer { return store.Observer{Call: t.storeCall} }

func (t *Telemetry) storeCall(ctx context.Context, c store.Call) (context.Context, func(store.CallEnd)) {
	began := t.cfg.Clock.Now()
	span := trace.Span(nil)
	if trace.SpanContextFromContext(ctx).IsValid() {
		ctx, span = t.tracer.Start(ctx, "store "+c.Method, trace.WithTimestamp(began), trace.WithAttributes(storeOp.String(c.Method)))
	}
	return ctx, func(e store.CallEnd) {
		attrs := append(ofFailure(string(e.Failure)), storeOp.String(c.Method))
		t.storeDuration.Record(ctx, t.cfg.Clock.Now().Sub(began).Seconds(), with(attrs...))
		if span != nil {
			t.endSpan(span, string(e.Failure))
		}
	}
}
