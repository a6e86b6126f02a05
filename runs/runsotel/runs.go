package runsotel

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/runs"
)

// Runs is the observer for [runs.Config] and [runs.StarterConfig]. Each attempt is a span
// "run KIND"; the calls to Graph and to the store within it are its children.
func (t *Telemetry) Runs() runs.Observer {
	return runs.Observer{Attempt: t.attempt, Finished: t.finished, Swept: t.swept, Dropped: t.dropped}
}

// ofRun adds a run's tenant where the host asked for it.
func (t *Telemetry) ofRun(r runs.RunInfo, attrs ...attribute.KeyValue) metric.MeasurementOption {
	if t.cfg.TenantInMetrics && r.TenantID != "" {
		attrs = append(attrs, tenantID.String(string(r.TenantID)))
	}
	return with(attrs...)
}

func (t *Telemetry) attempt(ctx context.Context, a runs.AttemptStart) (context.Context, func(runs.AttemptEnd)) {
	kind := runKind.String(string(a.Kind))
	byKind := t.ofRun(a.RunInfo, kind)
	t.runsActive.Add(ctx, 1, byKind)
	t.runWait.Record(ctx, a.Waited.Seconds(), t.ofRun(a.RunInfo, kind, runTrigger.String(string(a.Trigger))))
	ctx, span := t.tracer.Start(ctx, "run "+string(a.Kind), trace.WithTimestamp(t.cfg.Clock.Now()), trace.WithAttributes(
		runID.String(string(a.ID)), tenantID.String(string(a.TenantID)), kind,
		runTrigger.String(string(a.Trigger)), runAttempt.Int(a.Attempt),
	))
	return ctx, func(e runs.AttemptEnd) {
		t.runsActive.Add(ctx, -1, byKind)
		t.attempts.Add(ctx, 1, t.ofRun(a.RunInfo, kind, outcome.String(outcomeOf(e))))
		if e.LeaseLost {
			t.leaseLosses.Add(ctx, 1, with(leaseBy.String(byWorker)))
		}
		if e.Status == runs.StatusQueued && e.Failure.Retryable() {
			t.throttleWait.Record(ctx, e.Wait.Seconds(), t.ofRun(a.RunInfo, kind, errorType.String(string(e.Failure))))
		}
		attrs := []attribute.KeyValue{outcome.String(outcomeOf(e)), policies.Int(e.Processed)}
		if e.Code != "" {
			attrs = append(attrs, runCode.String(string(e.Code)))
		}
		t.endSpan(span, string(e.Failure), attrs...)
	}
}

// outcomeOf is what became of an attempt: the run's last state, or why there is none.
func outcomeOf(e runs.AttemptEnd) string {
	switch {
	case e.LeaseLost:
		return "lease_lost"
	case e.GivenBack:
		return "given_back"
	case e.Status == runs.StatusQueued:
		return "waiting"
	case e.Status == "":
		return "unknown"
	}
	return string(e.Status)
}

func (t *Telemetry) finished(ctx context.Context, f runs.FinishedRun) {
	t.ended(ctx, 1, f)
	if f.Attempt > 0 {
		t.runDuration.Record(ctx, f.Took.Seconds(), t.ofRun(f.RunInfo, runKind.String(string(f.Kind)), runStatus.String(string(f.Status))))
	}
}

func (t *Telemetry) ended(ctx context.Context, n int, f runs.FinishedRun) {
	attrs := []attribute.KeyValue{
		runKind.String(string(f.Kind)), runTrigger.String(string(f.Trigger)), runStatus.String(string(f.Status)),
	}
	if f.Code != "" {
		attrs = append(attrs, runCode.String(string(f.Code)))
	}
	t.runsEnded.Add(ctx, int64(n), t.ofRun(f.RunInfo, attrs...))
}

func (t *Telemetry) swept(ctx context.Context, s runs.SweepEnd) {
	result := "done"
	if s.Failed {
		result = "failed"
	}
	t.sweeps.Add(ctx, 1, with(outcome.String(result)))
	t.leaseLosses.Add(ctx, int64(s.Rescued), with(leaseBy.String(bySweep)))
	t.requeued.Add(ctx, int64(s.Requeued))
	t.sweptDamaged.Add(ctx, int64(s.Damaged))
}

func (t *Telemetry) dropped(ctx context.Context, d runs.DroppedNotification) {
	t.notifications.Add(ctx, 1, t.ofRun(runs.RunInfo{TenantID: d.TenantID}, errorType.String(string(d.Reason))))
}

// Dispatch is the observer for [backupsched.DispatcherConfig]. Each tick is a span
// "dispatch". The runs that a tick stores as ended (missed slots, schedules without a next
// slot) are counted as runs too, without a tenant.
func (t *Telemetry) Dispatch() backupsched.Observer {
	return backupsched.Observer{Tick: t.tick}
}

func (t *Telemetry) tick(ctx context.Context, _ backupsched.TickStart) (context.Context, func(backupsched.TickEnd)) {
	began := t.cfg.Clock.Now()
	ctx, span := t.tracer.Start(ctx, "dispatch", trace.WithTimestamp(began))
	return ctx, func(e backupsched.TickEnd) {
		failure := ""
		if e.Failed {
			failure = "internal"
		}
		t.tickDuration.Record(ctx, t.cfg.Clock.Now().Sub(began).Seconds(), with(ofFailure(failure)...))
		for _, l := range e.Lags {
			for range l.Slots {
				t.dispatchLag.Record(ctx, l.Lag.Seconds())
			}
		}
		for name, n := range map[string]int{
			"queued": e.Report.Queued, "missed": e.Report.Missed, "conflict": e.Report.Conflicts, "invalid": e.Report.Invalid,
			"damaged": e.Report.Damaged,
		} {
			t.dispatched.Add(ctx, int64(n), with(outcome.String(name)))
		}
		for _, f := range []struct {
			n   int
			run runs.FinishedRun
		}{
			{e.Report.Missed, runs.FinishedRun{Status: runs.StatusSkipped, Code: runs.CodeMissedSlot}},
			{e.Report.Invalid, runs.FinishedRun{Status: runs.StatusFailed, Code: runs.CodeScheduleInvalid}},
		} {
			if f.n > 0 {
				f.run.Kind, f.run.Trigger = runs.KindBackup, runs.TriggerSchedule
				t.ended(ctx, f.n, f.run)
			}
		}
		t.endSpan(span, failure, slots.Int(e.Report.Due))
	}
}

// ofFailure is the attribute of a failure, none for "".
func ofFailure(failure string) []attribute.KeyValue {
	if failure == "" {
		return nil
	}
	return []attribute.KeyValue{errorType.String(failure)}
}

// endSpan ends a span now; a failure, which is a word of a list, makes it an error.
func (t *Telemetry) endSpan(span trace.Span, failure string, attrs ...attribute.KeyValue) {
	if failure != "" {
		span.SetStatus(codes.Error, failure)
	}
	span.SetAttributes(append(attrs, ofFailure(failure)...)...)
	span.End(trace.WithTimestamp(t.cfg.Clock.Now()))
}
